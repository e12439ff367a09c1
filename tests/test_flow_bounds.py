"""Bounds on flows and currents: they hold for every AC power flow, and cut off what none can reach."""

from dataclasses import replace

import numpy as np
import pandapower as pp
import pytest
from conftest import STUDIES
from feeder5 import draw_problem, feeder5
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.dispatch.dispatcher import PEAK_STEP, Dispatcher
from agents.dispatch.first_stage import bid_bounds
from agents.dispatch.flow_bounds import current_bounds, flow_bounds
from agents.dispatch.hour import hour_model
from agents.dispatch.problem import Directions
from agents.dispatch.search.branch_and_bound import BranchAndBound, Effort
from grids.build import build_grid
from grids.components import Battery, DieselGenerator, EvFleet, Renewable, TieLine, Voltage
from grids.fleet import EvAggregator, Fleet, Microgrid
from grids.power_flow import PowerFlowError, SetPoints, shared_power_flow
from sim.instance import Instance
from sim.market.imbalance import RULES
from sim.market.tariff import Tariff
from sim.study_file import read_study

PEAK = 1.25


def draw_points(grid, rng):
    """Return set points anywhere within the devices' limits, many of them at the limits."""

    def share(count):
        return np.clip(rng.uniform(-0.5, 1.5, count), 0, 1)

    def bounds(units):
        return np.array([unit.max_s_mva for unit in units])

    loads, output = grid.load_p_mw * PEAK * share(len(grid.load_p_mw)), bounds(grid.renewables)
    factor = np.array([unit.min_power_factor for unit in grid.renewables])
    output = output * np.clip(share(len(output)), 0, 0.999) * np.maximum(factor, 0.9)
    batteries, angle = bounds(grid.batteries), rng.uniform(0, 2 * np.pi, len(grid.batteries))
    active, reactive = np.array([connection.exchange_limits() for connection in grid.connections]).reshape(-1, 2).T
    tan_phi = np.minimum(np.tan(np.arccos(factor)), np.tan(np.arccos(np.maximum(factor, 0.9))))
    return SetPoints(
        load_p_mw=loads,
        load_q_mvar=loads * grid.load_tan_phi,
        renewable_p_mw=output,
        renewable_q_mvar=output * tan_phi * rng.choice([-1.0, 0.0, 1.0], len(output)),
        battery_p_mw=batteries * np.cos(angle),
        battery_q_mvar=batteries * np.sin(angle),
        exchange_p_mw=active * (2 * share(len(active)) - 1),
        exchange_q_mvar=-reactive * share(len(reactive)),
    )


def random_grid(rng, folder):
    """Return a random tree with any devices at any buses: loads, renewables, batteries, microgrids, fleets of cars."""
    count = int(rng.integers(3, 12))
    net = pp.create_empty_network(sn_mva=1.0)
    for bus in range(1, count + 1):
        pp.create_bus(net, vn_kv=12.66, index=bus)
    pp.create_ext_grid(net, 1)
    for bus in range(2, count + 1):
        r, x = rng.uniform(0.05, 3.0, 2)
        line = {"r_ohm_per_km": r, "x_ohm_per_km": x, "c_nf_per_km": 0.0, "max_i_ka": rng.uniform(0.05, 0.3)}
        pp.create_line_from_parameters(net, int(rng.integers(1, bus)), bus, length_km=1.0, **line)
        if rng.random() < 0.7 or bus == 2:
            pp.create_load(net, bus, p_mw=rng.uniform(0.01, 0.8), q_mvar=rng.uniform(-0.4, 0.4))
    buses = rng.permutation(np.arange(2, count + 1)).tolist()
    diesel = DieselGenerator(max_p_mw=0.2, max_q_mvar=rng.uniform(0, 0.3), cost_per_mwh=50.0)
    fleet = Fleet(
        wind=tuple(Renewable(bus=b, max_s_mva=rng.uniform(0.1, 2)) for b in buses[::2] if rng.random() < 0.6),
        pv=tuple(
            Renewable(bus=b, max_s_mva=rng.uniform(0.1, 1), min_power_factor=rng.uniform(0.8, 1))
            for b in buses[1::2]
            if rng.random() < 0.6
        ),
        battery=tuple(Battery(bus=b, max_s_mva=rng.uniform(0.05, 0.5), max_e_mwh=1.0) for b in buses[::3]),
        microgrid=tuple(
            Microgrid(buses=(b,), max_exchange_mw=rng.uniform(0.1, 1), diesel=owned)
            for b, owned in zip(buses[:2], (diesel, None), strict=False)
        ),
        ev_aggregator=tuple(
            EvAggregator(bus=b, ev=EvFleet(cars=int(rng.integers(1, 80)))) for b in buses[2:4] if rng.random() < 0.7
        ),
    )
    file = folder / "random.json"
    pp.to_json(net, str(file))
    # A slack voltage outside the limits of the other buses is allowed, and must not break the bounds.
    voltage = Voltage(slack_vm_pu=rng.choice([0.94, 1.0, 1.06]), min_vm_pu=0.95, max_vm_pu=1.05)
    return build_grid(str(file), fleet=fleet, tie_line=TieLine(), voltage=voltage)


@pytest.mark.long
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_state_of_any_network_with_any_devices_breaks_the_bounds(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    grid = random_grid(rng, tmp_path_factory.mktemp("net"))
    assert_within_bounds(grid, rng, tries=12)


@pytest.mark.parametrize("name", ["microgrid33", "networked33"])
def test_no_state_of_our_networks_breaks_the_bounds(name):
    grid = Instance.of(read_study(STUDIES / f"{name}.yaml")).grid
    assert assert_within_bounds(grid, np.random.default_rng(0), tries=80) > 10


def assert_within_bounds(grid, rng, tries):
    """Check that states which keep voltage limits and ratings keep the bounds; return how many there were."""
    power_flow, seen = shared_power_flow(grid), 0
    low, high = flow_bounds(grid, PEAK)
    constant, slope = current_bounds(grid, PEAK)
    others = np.arange(len(grid.bus_ids)) != grid.slack
    for _ in range(tries):
        points = draw_points(grid, rng)
        try:
            flow = power_flow.run(points)
        except PowerFlowError:
            continue
        inside = (flow.vm_pu >= grid.voltage.min_vm_pu) & (flow.vm_pu <= grid.voltage.max_vm_pu)
        if not inside[others].all() or flow.line_loading_percent.max() > 100:
            continue  # the bounds count on voltages within limits
        seen += 1
        sent = np.stack([flow.line_p_mw, flow.line_q_mvar], axis=1)
        assert (sent >= low - 1e-9).all()
        assert (sent <= high + 1e-9).all()
        squared_current = (sent**2).sum(axis=1) / flow.vm_pu[grid.line_from] ** 2
        assert (squared_current <= constant + (slope * sent).sum(axis=1) + 1e-9).all()
        bids = bid_bounds(
            grid, RULES["shi"], points.load_p_mw[None, None], points.renewable_p_mw[None, None], network="branch_flow"
        )
        assert bids.low[0] - 1e-9 <= flow.tie_p_mw or grid.tie_line.power_factor_reading == "import_only"
        assert flow.tie_p_mw <= bids.high[0] + 1e-9
    return seen


def test_the_model_has_the_bounds_as_they_are():
    """The slack of every constraint is what the bound leaves, with the signs of P and of Q."""
    grid, rng = feeder5(), np.random.default_rng(3)
    constant, slope = current_bounds(grid, PEAK)
    model = hour_model(grid, Tariff(), RULES["case1"], demand_peak=PEAK)
    flows, squared_current = rng.uniform(-2, 2, (len(constant), 2)), rng.uniform(0, 4, len(constant))
    for e, (p_mw, q_mvar) in enumerate(flows.tolist()):
        model.line_p_mw[e].set_value(p_mw)
        model.line_q_mvar[e].set_value(q_mvar)
        model.squared_current[e].set_value(squared_current[e], skip_validation=True)
    slack = [model.current_bound[e].uslack() for e in model.LINES]
    assert slack == pytest.approx(constant + (slope * flows).sum(axis=1) - squared_current)


def test_they_sharpen_the_bound_at_negative_prices_and_change_nothing_else():
    grid, rule = feeder5(reading="both_directions"), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(5), scenarios=1, hours=2)
    problem = replace(problem, bid_mw=np.array([0.3, 0.2]))
    assert Dispatcher(grid, Tariff(), rule).demand_peak(problem, "branch_flow") is None
    dispatcher = Dispatcher(grid, Tariff(loss_factor=0.0), rule)
    assert dispatcher.demand_peak(problem, "branch_flow") is None
    plain = dispatcher.horizon(problem, network="branch_flow")
    price = np.array([-20.0, -30.0])
    over, under = rule.step_prices(price)
    negative = replace(problem, price_per_mwh=price, over_price_per_mwh=over, under_price_per_mwh=under)
    assert Dispatcher(grid, Tariff(), rule).demand_peak(negative, "branch_flow") is None  # losses are valued
    peak = dispatcher.demand_peak(negative, "branch_flow")
    largest = (problem.demand_mw / grid.load_p_mw).max()
    assert largest <= peak < largest + PEAK_STEP
    tight = dispatcher.horizon(replace(negative, bounds=None), network="branch_flow")
    assert tight is not plain
    undecided = Directions.undecided(1, 2)
    assert tight.solve(negative, undecided).bound > plain.solve(negative, undecided).bound + 1e-3
    exact = BranchAndBound(grid, rule, plain, problem).run(Effort())
    same = BranchAndBound(grid, rule, tight, problem).run(Effort())
    assert same.objective == pytest.approx(exact.objective, rel=1e-6)
