"""The hour model: another solver through Pyomo finds the same optimum, and its money is the market's settlement."""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pyomo.environ as pyo
import pytest
from bare_grid import set_points
from feeder5 import FLEET, LOSSY_FLEET, draw_problem, feeder5, settled_cost
from hypothesis import given
from hypothesis import strategies as st

from agents.dispatch.compiled import compile_model
from agents.dispatch.conic_program import ConicProgram
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.hour import fix_data, hour_model
from agents.dispatch.network import copper_plate_range
from agents.dispatch.plan_money import plan_money
from agents.dispatch.problem import BidBounds, Directions
from agents.dispatch.search.branch_and_bound import Effort
from grids.components import Battery
from grids.power_flow import PowerFlow
from sim.market.imbalance import RULES, imbalance_cost
from sim.market.settlement import price_parts, terms
from sim.market.tariff import Tariff

TARIFF = Tariff(wear_fast=5.0, wear_cycling=3.0)  # enough wear to notice
NETWORKS = ["branch_flow", "copper_plate"]


def data_of(problem, s=0, t=0):
    """Return the data of one hour of a dispatch problem by name."""
    bid = 0.0 if problem.bid_mw is None else problem.bid_mw[t]
    return {
        "demand_mw": problem.demand_mw[s, t],
        "available_mw": problem.available_mw[s, t],
        **price_parts(problem.price_per_mwh[t]),
        "retail_price_per_mwh": problem.retail_price_per_mwh[t],
        "over_price_per_mwh": problem.over_price_per_mwh[t],
        "under_price_per_mwh": problem.under_price_per_mwh[t],
        "bid_mw": bid,
        "bid_magnitude_mw": abs(bid),
        "start_energy_mwh": problem.start_energy_mwh,
        "previous_battery_p_mw": problem.previous_battery_p_mw,
        "required_energy_mwh": problem.required_energy_mwh[t],
        "import_slack_mvar": 0.0,
        "export_slack_mvar": 0.0,
    }


def values_of(component):
    return np.array([pyo.value(member) for member in component.values()])


# ---- another solver --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("seed", range(3))
def test_an_hour_of_the_copper_plate_by_highs(rule, seed):
    grid, rng = feeder5(fleet=LOSSY_FLEET), np.random.default_rng(seed)
    problem = draw_problem(grid, rule, rng, bid_mw=rng.uniform(-1, 1, 1))
    model = hour_model(grid, TARIFF, rule, network="copper_plate")
    fix_data(model, data_of(problem))
    pyo.SolverFactory("highs").solve(model)
    plan = Dispatcher(grid, TARIFF, rule).plan(problem, network="copper_plate")
    assert plan.objective == pytest.approx(pyo.value(model.cost), rel=1e-6, abs=1e-6)
    assert plan.tie_p_mw[0, 0] == pytest.approx(pyo.value(model.tie_p_mw), abs=1e-4)
    assert plan.set_points.battery_p_mw[0, 0] == pytest.approx(values_of(model.battery_p_mw), abs=1e-4)


def extensive_form(grid, rule, problem, max_bid_mw):
    """Return the whole bidding problem for bids >= 0 as one Pyomo model, scenario by scenario and hour by hour."""
    scenarios, hours = problem.shape
    whole = pyo.ConcreteModel()
    whole.bid_mw = pyo.Var(range(hours), bounds=(0, max_bid_mw))
    whole.links = pyo.ConstraintList()
    cost = 0
    for s in range(scenarios):
        before = None
        for t in range(hours):
            hour = hour_model(grid, TARIFF, rule, network="copper_plate")
            fix_data(hour, data_of(problem, s, t))
            hour.cost.deactivate()
            whole.add_component(f"hour_{s}_{t}", hour)
            free = [hour.bid_mw, hour.bid_magnitude_mw]
            whole.links.add(hour.bid_mw == whole.bid_mw[t])
            whole.links.add(hour.bid_magnitude_mw == whole.bid_mw[t])
            if before is not None:
                free.append(hour.start_energy_mwh)
                for i in hour.BATTERIES:
                    whole.links.add(hour.start_energy_mwh[i] == before.end_energy_mwh[i])
                free.append(hour.previous_battery_p_mw)
                for i in hour.BATTERIES:
                    whole.links.add(hour.previous_battery_p_mw[i] == before.battery_p_mw[i])
            for component in free:
                component.unfix()
            cost += problem.probability[s] * hour.cost.expr
            before = hour
    whole.cost = pyo.Objective(expr=cost)
    return whole


@pytest.mark.parametrize("rule", ["caiso", "shi"])
@pytest.mark.parametrize("seed", range(2))
def test_bids_of_the_copper_plate_by_highs(rule, seed):
    grid, rule = feeder5(fleet=LOSSY_FLEET), RULES[rule]
    problem = draw_problem(grid, rule, np.random.default_rng(seed), scenarios=3, hours=4)
    whole = extensive_form(grid, rule, problem, max_bid_mw=2.0)
    pyo.SolverFactory("highs").solve(whole)
    bounds = BidBounds(np.zeros(4), np.full(4, 2.0))
    plan = Dispatcher(grid, TARIFF, rule).plan(replace(problem, bounds=bounds), network="copper_plate")
    assert plan.objective == pytest.approx(pyo.value(whole.cost), rel=1e-6, abs=1e-6)
    assert plan.bound <= plan.objective


# ---- the money -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_money_expression_is_what_is_settled(network, rule):
    grid, rng = feeder5(fleet=LOSSY_FLEET), np.random.default_rng(5)
    problem = draw_problem(grid, rule, rng, bid_mw=rng.uniform(0, 1, 1))
    model = hour_model(grid, TARIFF, rule, network=network)
    fix_data(model, data_of(problem))
    program = ConicProgram()
    group = program.add(compile_model(hour_model(grid, TARIFF, rule, network=network)), 1)
    solution = program.solve([{name: np.ravel(value) for name, value in data_of(problem).items()}])
    for name in group.model.variables:
        for member, value in zip(getattr(model, name).values(), solution.x[group.columns(name)[0]], strict=True):
            member.set_value(float(value), skip_validation=True)

    load, output, battery = (values_of(getattr(model, f"{k}_p_mw")) for k in ("load", "renewable", "battery"))
    tie = pyo.value(model.tie_p_mw)
    money = terms(
        TARIFF,
        **price_parts(problem.price_per_mwh[0]),
        retail_price_per_mwh=problem.retail_price_per_mwh[0],
        penalty=rule.penalty(problem.bid_mw, [tie], problem.step_prices)[0],
        metered_mw=tie,
        losses_mw=tie + output.sum() + battery.sum() - load.sum(),
        demand_mw=problem.demand_mw[0, 0],
        load_p_mw=load,
        available_mw=problem.available_mw[0, 0],
        renewable_p_mw=output,
        battery_p_mw=battery,
        previous_battery_p_mw=problem.previous_battery_p_mw,
        battery_throughput_mw=np.abs(battery),
        wear_per_mwh=np.array([unit.wear_per_mwh for unit in grid.batteries]),
    )
    totals = money.totals()
    for term in totals.keys() - {"profit"}:
        assert pyo.value(getattr(model, term)) == pytest.approx(totals[term], abs=1e-5), term
    assert pyo.value(model.cost) == pytest.approx(-totals["profit"], abs=1e-5)
    assert solution.objective == pytest.approx(-totals["profit"], abs=1e-5)


@cache
def money_model(network):
    """Return grid and hour model, with two tiers, and two batteries of which one wears with what it moves as well."""
    grid = feeder5(fleet=LOSSY_FLEET)
    return grid, hour_model(grid, TARIFF, RULES["caiso"], network=network)


@pytest.mark.parametrize("network", NETWORKS)
@given(price=st.floats(-100, 300), seed=st.integers(0, 2**32 - 1))
def test_numbers_and_expressions_of_the_money_agree_at_any_point(network, price, seed):
    (grid, model), rng = money_model(network), np.random.default_rng(seed)
    for variable in model.component_data_objects(pyo.Var):
        variable.set_value(rng.uniform(-2, 2), skip_validation=True)
    for name, part in price_parts(price).items():
        getattr(model, name).set_value(float(part), skip_validation=True)
    throughput = np.abs(values_of(model.battery_p_mw))
    for i in model.WEARING:
        model.battery_throughput_mw[i].set_value(throughput[i], skip_validation=True)
    same = ("retail_price_per_mwh", "demand_mw", "load_p_mw", "available_mw", "renewable_p_mw", "losses_mw")
    energies, step_prices = (
        tuple(values_of(getattr(model, f"{side}_{what}")) for side in ("over", "under"))
        for what in ("scheduling_mwh", "price_per_mwh")
    )
    totals = terms(
        TARIFF,
        **price_parts(price),
        **{name: values_of(getattr(model, name)) for name in (*same, "battery_p_mw", "previous_battery_p_mw")},
        battery_throughput_mw=throughput,
        wear_per_mwh=np.array([unit.wear_per_mwh for unit in grid.batteries]),
        metered_mw=values_of(model.tie_p_mw),
        penalty=imbalance_cost(energies, step_prices),
    ).totals()
    assert {term: pyo.value(getattr(model, term)) for term in totals} == pytest.approx(totals, rel=1e-9, abs=1e-9)
    assert pyo.value(model.cost) == pytest.approx(-totals["profit"], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("reading", ["import_only", "both_directions"])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_objective_of_a_plan_is_its_profit_settled_again(rule, network, reading):
    grid = feeder5(fleet=LOSSY_FLEET, reading=reading)
    problem = draw_problem(grid, rule, np.random.default_rng(6), scenarios=3, hours=4)
    plan = Dispatcher(grid, TARIFF, rule).bid(problem, network=network, effort=Effort(nodes=20))
    assert plan.objective == pytest.approx(settled_cost(grid, plan, problem, TARIFF, rule), abs=1e-4)
    profit = plan_money(grid, TARIFF, rule, problem, plan)["profit"]
    assert problem.probability @ profit == pytest.approx(-plan.objective, abs=1e-4)
    given = replace(problem, bid_mw=plan.bid_mw)
    again = Dispatcher(grid, TARIFF, rule).plan(given, network=network)
    assert again.objective == pytest.approx(settled_cost(grid, again, given, TARIFF, rule), abs=1e-4)


def test_a_plan_pays_for_what_its_batteries_move():
    """0.2 MW out and 0.1 MW in: 5·(0.2² + 0.1²) - 3·0.2·(-0.1) = 0.31 $ by Eq. (17), and 5 $/MWh for 0.3 MWh."""
    battery = FLEET.battery[0].model_copy(update={"wear_per_mwh": 5.0})
    grid, rule = feeder5(fleet=FLEET.model_copy(update={"battery": (battery,)})), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(8), hours=2, bid_mw=np.zeros(2))
    problem = replace(problem, previous_battery_p_mw=np.zeros(1))
    plan = Dispatcher(grid, TARIFF, rule).plan(problem)
    assert problem.probability @ plan_money(grid, TARIFF, rule, problem, plan)["profit"] == pytest.approx(
        -plan.objective, abs=1e-4
    )
    points = replace(plan.set_points, battery_p_mw=np.array([[[0.2], [-0.1]]]))
    assert plan_money(grid, TARIFF, rule, problem, replace(plan, set_points=points))["wear"] == pytest.approx(1.81)


def test_a_kept_program_takes_new_probabilities():
    grid, rule = feeder5(), RULES["case1"]
    problem = draw_problem(
        grid, rule, np.random.default_rng(7), scenarios=2, hours=3, bid_mw=np.array([0.5, -0.5, 0.2])
    )
    even = replace(problem, probability=np.array([0.5, 0.5]))
    uneven = replace(problem, probability=np.array([0.05, 0.95]))
    kept = Dispatcher(grid, TARIFF, rule)
    kept.plan(even)
    fresh = Dispatcher(grid, TARIFF, rule).plan(uneven)
    again = kept.plan(uneven)
    assert again.objective == pytest.approx(fresh.objective, abs=1e-6)
    assert again.objective == pytest.approx(settled_cost(grid, again, uneven, TARIFF, rule), abs=1e-4)


# ---- the limits of the network -----------------------------------------------------------------------------------

PEAK = 1.25


def metered_state(grid, *, load, output, charge, lagging=0.0):
    """Return data and variables of an hour that an AC power flow has at given fractions of what units can do."""
    demand, available = load * PEAK * grid.load_p_mw, output * np.array([u.max_s_mva for u in grid.renewables])
    capacity = np.array([unit.max_s_mva for unit in grid.batteries])
    battery, battery_q = -charge * capacity, 0.4 * capacity * np.sqrt(1 - charge**2)
    points = set_points(
        grid,
        load_p_mw=demand,
        load_q_mvar=demand * grid.load_tan_phi,
        renewable_p_mw=available,
        renewable_q_mvar=lagging * available * np.tan(np.arccos([unit.min_power_factor for unit in grid.renewables])),
        battery_p_mw=battery,
        battery_q_mvar=battery_q,
    )
    flow, start = PowerFlow(grid).run(points), 0.5 * np.array([unit.max_e_mwh for unit in grid.batteries])
    squared_voltage = flow.vm_pu**2
    squared_flow = flow.line_p_mw**2 + flow.line_q_mvar**2
    data = dict.fromkeys(hour_model(grid, TARIFF, RULES["case1"]).data_names, 0.0)
    data |= {"demand_mw": demand, "available_mw": available, "start_energy_mwh": start}
    data |= {"import_slack_mvar": 10.0, "export_slack_mvar": 10.0, "bid_mw": flow.tie_p_mw}
    return data, {
        **{name: getattr(points, name) for name in ("load_p_mw", "renewable_p_mw", "renewable_q_mvar")},
        **{"battery_p_mw": battery, "battery_q_mvar": battery_q, "end_energy_mwh": start - battery},
        **{name: getattr(flow, name) for name in ("tie_p_mw", "tie_q_mvar", "line_p_mw", "line_q_mvar")},
        "squared_voltage": squared_voltage,
        "squared_current": squared_flow / squared_voltage[grid.line_from],
    }


# At full load no renewable may absorb reactive power as well: the voltage would fall below its limit.
@pytest.mark.parametrize(("load", "lagging"), [*product((0.0, 0.5, 1.0), (0.0, 1.0)), (0.0, -0.6), (0.5, -0.6)])
@pytest.mark.parametrize("output", [0.0, 0.85])
@pytest.mark.parametrize("charge", [-1.0, 0.0, 1.0])
def test_what_ac_physics_does_is_allowed_where_currents_are_bounded(load, output, charge, lagging):
    """At the ends of what flows, too, where the bounds are as tight as they get: none may cut off what is possible."""
    grid = feeder5(reading="both_directions")
    data, values = metered_state(grid, load=load, output=output, charge=charge, lagging=lagging)
    model = hour_model(grid, TARIFF, RULES["case1"], demand_peak=PEAK)
    fix_data(model, data)
    for variable in model.component_data_objects(pyo.Var):
        if not variable.fixed:
            variable.set_value(0.0)
    for name, value in values.items():
        for member, number in zip(getattr(model, name).values(), np.ravel(value).tolist(), strict=True):
            member.set_value(number)
    for constraint in model.component_data_objects(pyo.Constraint, active=True):
        assert constraint.lslack() > -1e-6, constraint.name
        assert constraint.uslack() > -1e-6, constraint.name


# ---- constraints by hand ---------------------------------------------------------------------------------------


def broken(model, **values):
    """Return the constraints that values break, all other variables being zero."""
    for variable in model.component_data_objects(pyo.Var):
        if not variable.fixed:
            variable.set_value(0.0, skip_validation=True)
    for name, numbers in values.items():
        for index, number in numbers.items():
            getattr(model, name)[index].set_value(number, skip_validation=True)
    return {
        constraint.name
        for constraint in model.component_data_objects(pyo.Constraint, active=True)
        if constraint.lslack() < -1e-9 or constraint.uslack() < -1e-9
    }


@pytest.mark.parametrize(
    ("efficiency", "p_mw", "end_mwh", "fits"),
    [
        *((0.9, 0.09, end, fits) for end, fits in ((0.1, True), (0.1001, False), (0.0999, True))),
        *((0.9, -0.1, end, fits) for end, fits in ((0.29, True), (0.2901, False))),
        *((1.0, 0.1, end, fits) for end, fits in ((0.1, True), (0.1001, False), (0.0999, False))),
        *((1.0, -0.1, end, fits) for end, fits in ((0.3, True), (0.3001, False), (0.2999, False))),
    ],
)
def test_energy_in_a_battery_by_hand(efficiency, p_mw, end_mwh, fits):
    """0.2 MWh less P/η, or plus η·P: never more; and where nothing is lost, never less."""
    battery = Battery(bus=3, max_s_mva=0.1, max_e_mwh=0.4, efficiency=efficiency)
    grid = feeder5(fleet=FLEET.model_copy(update={"battery": (battery,)}))
    model = hour_model(grid, TARIFF, RULES["case1"])
    fix_data(
        model, data_of(draw_problem(grid, RULES["case1"], np.random.default_rng(1))) | {"start_energy_mwh": [0.2]}
    )
    found = broken(model, battery_p_mw={0: p_mw}, end_energy_mwh={0: end_mwh})
    assert any(name.startswith("store_while") for name in found) != fits


def test_voltage_limits_by_hand():
    """The main grid holds its bus at 1.02 p.u., above what is allowed everywhere else."""
    grid = feeder5()
    grid = replace(grid, voltage=grid.voltage.model_copy(update={"slack_vm_pu": 1.02, "max_vm_pu": 1.01}))
    model = hour_model(grid, TARIFF, RULES["case1"])
    held = dict.fromkeys(model.BUSES, 1.0) | {grid.slack: 1.02**2}
    voltages = ("slack_voltage", "min_voltage", "max_voltage")
    for bus, vm_pu, expected in [
        (1, 1.0, set()),
        (1, 1.0101, {"max_voltage[1]"}),
        (4, 1.0101, {"max_voltage[4]"}),
        (4, 0.9499, {"min_voltage[4]"}),
        (grid.slack, 1.01, {"slack_voltage"}),
    ]:
        found = broken(model, squared_voltage=held | {bus: vm_pu**2})
        assert {name for name in found if name.startswith(voltages)} == expected


def test_bids_of_the_copper_plate_range_as_far_as_batteries_move_them():
    """1 MW of demand less 0.4 MW of sun, or less 0.95 MW of it, moved by 0.1 MW to either side."""
    low, high = copper_plate_range(feeder5(fleet=SMALL_BATTERY), np.array([[1.0], [1.0]]), np.array([[0.4], [0.95]]))
    assert (low[0], high[0]) == pytest.approx((-0.05, 0.7))


@pytest.mark.parametrize("sign", [1, -1])
def test_power_factor_of_the_tie_line_by_hand(sign):
    """At 0.95 reactive power is at most 0.3287 of what is imported, or exported, lagging and leading."""
    grid = feeder5(reading="both_directions")
    model = hour_model(grid, TARIFF, RULES["case1"])
    for direction, slacks in ((1, (0.0, 10.0)), (-1, (10.0, 0.0))):
        fix_data(model, data_of(peak_demand(grid)) | dict(zip(SLACKS, slacks, strict=True)))
        for q_mvar, fits in ((0.328, True), (0.329, False)):
            found = broken(model, tie_p_mw={None: direction * 1.0}, tie_q_mvar={None: sign * q_mvar})
            assert any(name.startswith(("import_power_factor", "export_power_factor")) for name in found) != fits


SLACKS = ("import_slack_mvar", "export_slack_mvar")

SMALL_BATTERY = FLEET.model_copy(update={"battery": (Battery(bus=3, max_s_mva=0.1, max_e_mwh=0.4),)})
"""Battery that leaves most of the reactive power of the loads to the tie line."""


def peak_demand(grid, **changes):
    """Return an hour of peak demand at the highest retail price, without wind or sun, and with a bid of nothing."""
    problem = draw_problem(grid, RULES["case1"], np.random.default_rng(9), bid_mw=np.zeros(1))
    full = {"demand_mw": grid.load_p_mw[None, None], "available_mw": 0 * problem.available_mw}
    return replace(problem, retail_price_per_mwh=np.array([500.0]), **(full | changes))


def test_active_and_reactive_power_share_the_capacity_of_the_tie_line():
    grid = feeder5(fleet=SMALL_BATTERY, reading="both_directions", max_s_mva=0.4)
    plan = Dispatcher(grid, TARIFF, RULES["case1"]).plan(peak_demand(grid))
    assert plan.tie_q_mvar[0, 0] > 0.1
    assert np.hypot(plan.tie_p_mw, plan.tie_q_mvar)[0, 0] == pytest.approx(0.4, rel=1e-4)


def test_an_open_direction_allows_what_either_direction_does():
    """A tie line at its capacity, and at its power factor: the hull of both directions may not cut that off."""
    grid = feeder5(fleet=SMALL_BATTERY, reading="both_directions", max_s_mva=0.8)
    problem = peak_demand(grid)
    horizon = Dispatcher(grid, TARIFF, RULES["case1"]).horizon(problem, network="branch_flow")
    imports = Directions(bid=np.ones(1, dtype=np.int64), flow=np.ones((1, 1), dtype=np.int64))
    settled = horizon.solve(problem, imports)
    assert settled.tie_q_mvar[0, 0] > 0.9 * 0.8 * np.sin(np.arccos(0.95))
    assert horizon.solve(problem, Directions.undecided(1, 1)).objective <= settled.objective + 1e-5


def test_a_power_factor_of_one_forbids_export_where_only_import_is_allowed():
    grid = feeder5()
    grid = replace(grid, tie_line=grid.tie_line.model_copy(update={"min_power_factor": 1.0}))
    surplus = {"demand_mw": 0.1 * grid.load_p_mw[None, None], "available_mw": np.array([[[1.0, 0.6]]])}
    plan = Dispatcher(grid, TARIFF, RULES["case1"]).plan(peak_demand(grid, **surplus))
    assert plan.violation.max() < 1e-6
    assert plan.tie_p_mw[0, 0] > -1e-6
    assert plan.tie_q_mvar[0, 0] == pytest.approx(0, abs=1e-6)
