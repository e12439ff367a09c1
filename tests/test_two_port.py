"""Transformers, charging, shunts and given injections: two buses by hand, and every model of them in agreement."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandapower as pp
import pytest
from bare_grid import grid_of
from feeder5 import draw_problem, feeder5, settled_cost

from agents.dispatch.certificate import certify
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.exact.ac_network import bus_admittance, series_impedance, shifted_angles, transformed
from agents.dispatch.exact.ac_reference import solve_ac
from agents.dispatch.flow_bounds import current_bounds, flow_bounds
from agents.dispatch.network import branch_flow_range
from agents.dispatch.plan import TIE_EXCESS_MVAR
from agents.dispatch.problem import Directions
from grids.batch_power_flow import BatchPowerFlow
from grids.components import TieLine, VoltageLimits
from grids.fleet import Fleet
from grids.net_grid import build_net_grid
from grids.net_source import NetSource
from grids.network import Grid
from grids.power_flow import PowerFlow, SetPoints, injection
from sim.market.imbalance import RULES
from sim.market.tariff import Tariff

TARIFF, RULE = Tariff(), RULES["case1"]
SHARP = {"bound_relax_factor": 1e-12}

PORT = {
    "line_ratio": 0.97,
    "line_shift_degree": 150.0,
    "line_g_from_pu": 0.004,
    "line_b_from_pu": 0.05,
    "line_g_to_pu": 0.002,
    "line_b_to_pu": 0.08,
}
SHUNT = {"bus_g_pu": 0.01, "bus_b_pu": -0.06, "given_p_mw": 0.1, "given_q_mvar": 0.03}


@cache
def two_buses() -> Grid:
    """Return two buses and a bare line, a load of 1 MW and 0.4 Mvar at its end, a tie line of any power factor."""
    net = pp.create_empty_network(sn_mva=1.0)
    for bus in (1, 2):
        pp.create_bus(net, vn_kv=10.0, index=bus)
    pp.create_ext_grid(net, 1)
    line = {"r_ohm_per_km": 0.7, "x_ohm_per_km": 1.3, "c_nf_per_km": 0.0, "max_i_ka": 1.0}
    pp.create_line_from_parameters(net, 1, 2, length_km=1.0, **line)
    pp.create_load(net, 2, p_mw=1.0, q_mvar=0.4)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "two.json"
        pp.to_json(net, str(file))
        grid = grid_of(file)
    return replace(grid, tie_line=grid.tie_line.model_copy(update={"min_power_factor": 0.1}))


def with_parts(grid, **parts):
    """Return the grid with a number for every branch or bus, or an array, of each of these."""
    counts = {"l": len(grid.line_from), "b": len(grid.bus_ids), "g": len(grid.bus_ids)}
    return replace(
        grid, **{name: np.broadcast_to(value, counts[name[0]]).astype(float) for name, value in parts.items()}
    )


def by_hand(grid, load, vm_pu):
    """Return the state that a load at the second bus and its voltage imply at the first, from end to source."""
    tap = grid.line_ratio[0] * np.exp(1j * np.radians(grid.line_shift_degree[0]))
    z = grid.line_r_pu[0] + 1j * grid.line_x_pu[0]
    y_from = grid.line_g_from_pu[0] + 1j * grid.line_b_from_pu[0]
    y_to = grid.line_g_to_pu[0] + 1j * grid.line_b_to_pu[0]
    drawn = load - (grid.given_p_mw[1] + 1j * grid.given_q_mvar[1])
    received = np.conj(drawn / vm_pu) + (grid.bus_g_pu[1] + 1j * grid.bus_b_pu[1]) * vm_pu
    series = received + y_to * vm_pu
    behind = vm_pu + z * series
    sent = (series + y_from * behind) / np.conj(tap)
    at_source = tap * behind
    shunt = np.conj(grid.bus_g_pu[0] + 1j * grid.bus_b_pu[0]) * abs(at_source) ** 2
    injected = grid.given_p_mw[0] + 1j * grid.given_q_mvar[0]
    return {
        "source_vm_pu": abs(at_source),
        "tie": at_source * np.conj(sent) + shunt - injected,
        "sent": abs(sent),
        "received": abs(received),
        "loss": (at_source * np.conj(sent) - vm_pu * np.conj(received)).real,
        "series": behind * np.conj(series),
    }


def served(grid, **limits):
    """Return the plan of an hour in which the full load is worth serving, and its problem."""
    problem = draw_problem(grid, RULE, np.random.default_rng(0), bid_mw=np.array([1.0]))
    problem = replace(problem, demand_mw=grid.load_p_mw[None, None], retail_price_per_mwh=np.array([500.0]))
    return Dispatcher(grid, TARIFF, RULE).plan(problem), problem


@pytest.mark.parametrize("parts", [{}, PORT, SHUNT, {**PORT, **SHUNT}], ids=["bare", "port", "shunt", "both"])
def test_two_buses_by_hand(parts):
    bare = with_parts(two_buses(), **parts)
    true = by_hand(bare, 1.0 + 0.4j, 0.96)
    grid = replace(bare, voltage=bare.voltage.model_copy(update={"slack_vm_pu": true["source_vm_pu"]}))
    plan, problem = served(grid)
    exact = solve_ac(grid, TARIFF, RULE, problem, options=SHARP)
    for one in (plan, exact):
        assert one.set_points.load_p_mw[0, 0] == pytest.approx([1.0], abs=1e-6)
        assert one.tie_p_mw[0, 0] == pytest.approx(true["tie"].real, abs=1e-6)
        assert one.tie_q_mvar[0, 0] == pytest.approx(true["tie"].imag, abs=1e-6)
        assert one.vm_pu[0, 0] == pytest.approx([true["source_vm_pu"], 0.96], abs=1e-6)
        assert one.losses_mw[0, 0] == pytest.approx(true["loss"], abs=1e-6)
        assert one.line_p_mw[0, 0, 0] + 1j * one.line_q_mvar[0, 0, 0] == pytest.approx(true["series"], abs=1e-6)
    assert plan.objective == pytest.approx(exact.objective, rel=1e-6)
    assert plan.objective == pytest.approx(settled_cost(grid, plan, problem, TARIFF, RULE), abs=1e-4)
    assert plan.bound == pytest.approx(plan.objective, rel=1e-6)


@pytest.mark.parametrize("end", ["sent", "received"])
def test_a_rating_holds_at_the_end_where_charging_makes_the_current_larger(end):
    """The series current is within the rating, that of the metered end is not: the load is cut until it is."""
    b = {"sent": {"line_b_from_pu": -0.5}, "received": {"line_b_to_pu": -0.5}}[end]
    grid = with_parts(two_buses(), **b)
    true = by_hand(grid, 1.0 + 0.4j, 0.97)
    grid = replace(grid, voltage=grid.voltage.model_copy(update={"slack_vm_pu": true["source_vm_pu"]}))
    limit = {"sent": "line_max_i_pu", "received": "line_max_i_to_pu"}[end]
    tight = replace(grid, **{limit: np.array([0.9 * true[end]])})
    plan, problem = served(tight)
    exact = solve_ac(tight, TARIFF, RULE, problem, options=SHARP)
    assert plan.objective == pytest.approx(exact.objective, rel=1e-5)
    load, vm_pu = plan.set_points.load_p_mw[0, 0, 0], plan.vm_pu[0, 0, 1]
    assert load < 0.99
    angle_free = by_hand(tight, load * (1 + 0.4j), vm_pu)
    assert angle_free["source_vm_pu"] == pytest.approx(true["source_vm_pu"], abs=1e-6)
    assert angle_free[end] == pytest.approx(0.9 * true[end], rel=1e-5)


@pytest.mark.parametrize(("limit", "bus", "shift"), [("own_min_vm_pu", 3, 0.004), ("own_max_vm_pu", 4, -0.0005)])
def test_every_bus_keeps_limits_of_its_own(limit, bus, shift):
    grid = feeder5()
    problem = draw_problem(grid, RULE, np.random.default_rng(3), bid_mw=np.array([1.0]))
    problem = replace(problem, demand_mw=grid.load_p_mw[None, None], available_mw=0.5 * problem.available_mw)
    wide = Dispatcher(grid, TARIFF, RULE).plan(problem)
    bound = wide.vm_pu[0, 0, bus] + shift
    limits = {name: getattr(grid, name).copy() for name in (limit,)}
    limits[limit][bus] = bound
    own = replace(grid, **limits)
    plan = Dispatcher(own, TARIFF, RULE).plan(problem)
    assert plan.objective == pytest.approx(solve_ac(own, TARIFF, RULE, problem, options=SHARP).objective, rel=1e-5)
    assert plan.vm_pu[0, 0, bus] == pytest.approx(bound, abs=1e-5)
    assert plan.objective > wide.objective + 1e-4
    assert certify(plan, problem, own).limit_excess_pu < 1e-6
    assert certify(wide, problem, own).limit_excess_pu == pytest.approx(abs(shift), abs=1e-5)


def random_parts(rng, lines=4, buses=5):
    """Return two-ports, shunts and given injections at random, not too large to be served."""
    return {
        "line_ratio": rng.uniform(0.97, 1.03, lines),
        "line_shift_degree": rng.choice([0.0, 30.0, 150.0], lines),
        "line_g_from_pu": rng.uniform(0, 0.01, lines),
        "line_b_from_pu": rng.uniform(-0.05, 0.1, lines),
        "line_g_to_pu": rng.uniform(0, 0.01, lines),
        "line_b_to_pu": rng.uniform(-0.05, 0.1, lines),
        "bus_g_pu": rng.uniform(0, 0.02, buses),
        "bus_b_pu": rng.uniform(-0.1, 0.1, buses),
        "given_p_mw": rng.uniform(-0.1, 0.1, buses),
        "given_q_mvar": rng.uniform(-0.05, 0.05, buses),
        "line_max_i_to_pu": rng.uniform(2.0, 6.0, lines),
    }


@pytest.mark.parametrize("seed", range(6))
def test_cones_and_ipopt_agree_on_any_two_ports(seed):
    rng = np.random.default_rng(seed)
    grid = replace(feeder5(reading="both_directions"), **random_parts(rng))
    problem = draw_problem(grid, RULE, rng, scenarios=2, hours=2, bid_mw=rng.uniform(0.2, 1.0, 2))
    plan = Dispatcher(grid, TARIFF, RULE).plan(problem)
    directions = Directions(bid=np.ones(2, dtype=int), flow=np.where(plan.tie_p_mw < 0, -1, 1))
    exact = solve_ac(grid, TARIFF, RULE, problem, directions=directions)
    assert plan.objective == pytest.approx(exact.objective, rel=1e-4, abs=1e-3)
    assert plan.cone_gap.max() < 1e-2
    assert plan.objective == pytest.approx(settled_cost(grid, plan, problem, TARIFF, RULE), abs=1e-3)


@pytest.mark.parametrize("reading", ["import_only", "both_directions"])
def test_charging_beyond_the_power_factor_is_violated_as_little_as_can_be(reading):
    """Cables give 0.6 Mvar whatever is curtailed: the tie line can't keep its power factor, and takes what is left."""
    feeder = feeder5(fleet=Fleet(), reading=reading)
    grid = with_parts(feeder, line_b_to_pu=0.15)
    problem = draw_problem(grid, RULE, np.random.default_rng(0), bid_mw=np.array([0.1]))
    problem = replace(problem, demand_mw=0.1 * grid.load_p_mw[None, None])
    plan = Dispatcher(grid, TARIFF, RULE).plan(problem)
    tan_phi = np.tan(np.arccos(grid.tie_line.min_power_factor))
    lacking = np.abs(plan.tie_q_mvar) - tan_phi * plan.tie_p_mw
    assert lacking[0, 0] > 0.1
    assert plan.tie_excess_mvar == pytest.approx(lacking, abs=1e-4)
    assert plan.violation == pytest.approx(lacking / TIE_EXCESS_MVAR, abs=1e-6)
    assert plan.set_points.load_p_mw[0, 0] == pytest.approx(problem.demand_mw[0, 0], abs=1e-5)
    flow = BatchPowerFlow(grid).run(plan.set_points)
    assert flow.tie_q_mvar == pytest.approx(plan.tie_q_mvar, abs=1e-5)
    assert certify(plan, problem, grid).status == "infeasible"


def fixed_hour(grid, share=0.7):
    """Return the problem of an hour in which a share of the load is demanded, and a third of the output available."""
    problem = draw_problem(feeder5(), RULE, np.random.default_rng(0), bid_mw=np.array([share * grid.load_p_mw.sum()]))
    size = np.array([unit.max_e_mwh for unit in grid.batteries])
    return replace(
        problem,
        demand_mw=share * grid.load_p_mw[None, None],
        available_mw=np.array([unit.max_s_mva for unit in grid.renewables]).reshape(1, 1, -1) / 3,
        start_energy_mwh=0.5 * size,
        previous_battery_p_mw=0 * size,
        required_energy_mwh=0 * size[None],
    )


@pytest.mark.parametrize("name", ["cigre_mv_all", "cigre_lv", "simple_four_bus"])
def test_networks_of_pandapower(name):
    """Cables, transformers with taps and two voltage levels: cones, Ipopt and an untouched power flow agree."""
    tie = TieLine(max_s_mva=100.0, min_power_factor=0.5, power_factor_reading="both_directions")
    limits = VoltageLimits(min_vm_pu=0.9, max_vm_pu=1.1)
    grid = build_net_grid(NetSource("network", name), fleet=Fleet(from_net=True), tie_line=tie, voltage=limits)
    problem = fixed_hour(grid)
    plan = Dispatcher(grid, TARIFF, RULE).plan(problem)
    exact = solve_ac(grid, TARIFF, RULE, problem, options=SHARP)
    assert plan.objective == pytest.approx(exact.objective, rel=1e-6)
    assert plan.cone_gap.max() < 1e-3
    points = SetPoints(**{power: values[0, 0] for power, values in vars(plan.set_points).items()})
    flow = PowerFlow(grid).run(points)
    assert flow.tie_p_mw == pytest.approx(plan.tie_p_mw[0, 0], abs=1e-6)
    assert flow.tie_q_mvar == pytest.approx(plan.tie_q_mvar[0, 0], abs=1e-6)
    assert flow.vm_pu == pytest.approx(plan.vm_pu[0, 0], abs=1e-7)
    assert flow.line_loss_mw.sum() == pytest.approx(plan.losses_mw[0, 0], abs=1e-6)
    proof = certify(plan, problem, grid)
    assert proof.status == "exact"
    assert proof.limit_excess_pu < 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_no_state_of_any_two_ports_breaks_the_bounds_on_flows(seed):
    rng = np.random.default_rng(seed)
    grid, seen = replace(feeder5(reading="both_directions"), **random_parts(rng)), 0
    low, high = flow_bounds(grid, 1.25)
    constant, slope = current_bounds(grid, 1.25)
    tie_low, tie_high = branch_flow_range(grid, np.full((1, 1), 1.25 * grid.load_p_mw.sum()), np.full((1, 1), 1.6))
    for _ in range(60):
        problem = draw_problem(grid, RULE, rng)
        angle = rng.uniform(0, 2 * np.pi)
        zero = np.zeros((1, 1, 2))
        load = 1.25 * rng.uniform(0, 1, grid.load_p_mw.shape) * grid.load_p_mw
        points = SetPoints(
            load_p_mw=load[None, None],
            load_q_mvar=(load * grid.load_tan_phi)[None, None],
            renewable_p_mw=problem.available_mw,
            renewable_q_mvar=zero,
            battery_p_mw=np.full((1, 1, 1), 0.2 * np.cos(angle)),
            battery_q_mvar=np.full((1, 1, 1), 0.2 * np.sin(angle)),
        )
        flow = BatchPowerFlow(grid).run(points)
        vm_pu = flow.vm_pu[0, 0]
        others = np.arange(5) != grid.slack
        if not ((grid.bus_min_vm_pu <= vm_pu) & (vm_pu <= grid.bus_max_vm_pu))[others].all():
            continue
        seen += 1
        behind = vm_pu[grid.line_from] / grid.line_ratio
        series = _series(grid, points)
        assert (series >= low - 1e-9).all()
        assert (series <= high + 1e-9).all()
        squared = (series**2).sum(axis=1) / behind**2
        assert (squared <= constant + (slope * series).sum(axis=1) + 1e-9).all()
        assert tie_low[0] - 1e-9 <= flow.tie_p_mw[0, 0] <= tie_high[0] + 1e-9
    assert seen > 5


def _series(grid, points):
    """Return the flow into the series elements, shape (L, 2), by fixed points on the bus admittance matrix."""
    voltage = np.full(5, grid.voltage.slack_vm_pu) * np.exp(1j * shifted_angles(grid))
    power, admittance = injection(grid, points)[0, 0], bus_admittance(grid)
    others = np.arange(5) != grid.slack
    for _ in range(200):  # Gauss: small and steady
        current = np.conj(power / voltage)[others] - admittance[np.ix_(others, ~others)] @ voltage[~others]
        voltage[others] = np.linalg.solve(admittance[np.ix_(others, others)], current)
    behind, ahead = voltage[grid.line_from] * transformed(grid), voltage[grid.line_to]
    sent = behind * np.conj((behind - ahead) / series_impedance(grid))
    return np.stack([sent.real, sent.imag], axis=1)
