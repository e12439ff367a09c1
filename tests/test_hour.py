"""The hour model: another solver through Pyomo finds the same optimum, and its money is what the market settles."""

from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
import pytest
from feeder5 import FLEET, LOSSY_FLEET, draw_situation, feeder5, settled_cost

from agents.dispatch.compiled import compile_model
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import BidRange, bid_range
from agents.dispatch.hour import fix_data, hour_model
from agents.dispatch.program import Program
from agents.dispatch.search.branching import Effort
from agents.dispatch.settled import settle_plan
from sim.imbalance import RULES
from sim.settlement import Tariff, settle_hour

TARIFF = Tariff(wear_fast=5.0, wear_cycling=3.0)  # enough wear to notice
NETWORKS = ["branch_flow", "copper_plate"]


def data_of(situation, s=0, t=0):
    """Return the data of one hour of a situation by name."""
    bid = 0.0 if situation.bid_mw is None else situation.bid_mw[t]
    return {
        "demand_mw": situation.demand_mw[s, t],
        "available_mw": situation.available_mw[s, t],
        "price_per_mwh": situation.price_per_mwh[t],
        "retail_price_per_mwh": situation.retail_price_per_mwh[t],
        "over_price_per_mwh": situation.over_price_per_mwh[t],
        "under_price_per_mwh": situation.under_price_per_mwh[t],
        "bid_mw": bid,
        "bid_magnitude_mw": abs(bid),
        "start_energy_mwh": situation.start_energy_mwh,
        "previous_battery_p_mw": situation.previous_battery_p_mw,
        "required_energy_mwh": situation.required_energy_mwh[t],
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
    situation = draw_situation(grid, rule, rng, bid_mw=rng.uniform(-1, 1, 1))
    model = hour_model(grid, TARIFF, rule, network="copper_plate")
    fix_data(model, data_of(situation))
    pyo.SolverFactory("highs").solve(model)
    plan = Dispatcher(grid, TARIFF, rule).plan(situation, network="copper_plate")
    assert plan.objective == pytest.approx(pyo.value(model.cost), rel=1e-6, abs=1e-6)
    assert plan.tie_p_mw[0, 0] == pytest.approx(pyo.value(model.tie_p_mw), abs=1e-4)
    assert plan.set_points.battery_p_mw[0, 0] == pytest.approx(values_of(model.battery_p_mw), abs=1e-4)


def extensive_form(grid, rule, situation, max_bid_mw):
    """Return the whole bidding problem for bids >= 0 as one Pyomo model, scenario by scenario and hour by hour."""
    scenarios, hours = situation.shape
    whole = pyo.ConcreteModel()
    whole.bid_mw = pyo.Var(range(hours), bounds=(0, max_bid_mw))
    whole.links = pyo.ConstraintList()
    cost = 0
    for s in range(scenarios):
        before = None
        for t in range(hours):
            hour = hour_model(grid, TARIFF, rule, network="copper_plate")
            fix_data(hour, data_of(situation, s, t))
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
            cost += situation.probability[s] * hour.cost.expr
            before = hour
    whole.cost = pyo.Objective(expr=cost)
    return whole


@pytest.mark.parametrize("rule", ["caiso", "shi"])
@pytest.mark.parametrize("seed", range(2))
def test_bids_of_the_copper_plate_by_highs(rule, seed):
    grid, rule = feeder5(fleet=LOSSY_FLEET), RULES[rule]
    situation = draw_situation(grid, rule, np.random.default_rng(seed), scenarios=3, hours=4)
    whole = extensive_form(grid, rule, situation, max_bid_mw=2.0)
    pyo.SolverFactory("highs").solve(whole)
    within = BidRange(np.zeros(4), np.full(4, 2.0))
    plan = Dispatcher(grid, TARIFF, rule).plan(situation, network="copper_plate", within=within)
    assert plan.objective == pytest.approx(pyo.value(whole.cost), rel=1e-6, abs=1e-6)
    assert plan.bound <= plan.objective


# ---- the money -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_money_expression_is_what_is_settled(network, rule):
    grid, rng = feeder5(fleet=LOSSY_FLEET), np.random.default_rng(5)
    situation = draw_situation(grid, rule, rng, bid_mw=rng.uniform(0, 1, 1))
    model = hour_model(grid, TARIFF, rule, network=network)
    fix_data(model, data_of(situation))
    program = Program()
    group = program.add(compile_model(hour_model(grid, TARIFF, rule, network=network)), 1)
    solution = program.solve([{name: np.ravel(value) for name, value in data_of(situation).items()}])
    for name in group.model.variables:
        for member, value in zip(getattr(model, name).values(), solution.x[group.columns(name)[0]], strict=True):
            member.set_value(float(value), skip_validation=True)

    load, output, battery = (values_of(getattr(model, f"{k}_p_mw")) for k in ("load", "renewable", "battery"))
    tie = pyo.value(model.tie_p_mw)
    money = settle_hour(
        tariff=TARIFF,
        price_per_mwh=situation.price_per_mwh[0],
        retail_price_per_mwh=situation.retail_price_per_mwh[0],
        penalty=rule.penalty(situation.bid_mw, [tie], price_per_mwh=situation.price_per_mwh)[0],
        metered_mw=tie,
        losses_mw=tie + output.sum() + battery.sum() - load.sum(),
        demand_mw=situation.demand_mw[0, 0],
        load_p_mw=load,
        available_mw=situation.available_mw[0, 0],
        renewable_p_mw=output,
        battery_p_mw=battery,
        previous_battery_p_mw=situation.previous_battery_p_mw,
        wear_per_mwh=np.array([unit.wear_per_mwh for unit in grid.batteries]),
    )
    totals = money.totals()
    for term in totals.keys() - {"profit"}:
        assert pyo.value(getattr(model, term)) == pytest.approx(totals[term], abs=1e-5), term
    assert pyo.value(model.cost) == pytest.approx(-totals["profit"], abs=1e-5)
    assert solution.objective == pytest.approx(-totals["profit"], abs=1e-5)


@pytest.mark.parametrize("reading", ["import_only", "both_directions"])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_objective_of_a_plan_is_its_profit_settled_again(rule, network, reading):
    grid = feeder5(fleet=LOSSY_FLEET, reading=reading)
    situation = draw_situation(grid, rule, np.random.default_rng(6), scenarios=3, hours=4)
    within = bid_range(grid, rule, situation.demand_mw, situation.available_mw, network=network)
    plan = Dispatcher(grid, TARIFF, rule).plan(situation, network=network, within=within, effort=Effort(nodes=20))
    assert plan.objective == pytest.approx(settled_cost(grid, plan, situation, TARIFF, rule), abs=1e-4)
    profit = settle_plan(grid, TARIFF, rule, situation, plan)["profit"]
    assert situation.probability @ profit == pytest.approx(-plan.objective, abs=1e-4)
    given = replace(situation, bid_mw=plan.bid_mw)
    again = Dispatcher(grid, TARIFF, rule).plan(given, network=network)
    assert again.objective == pytest.approx(settled_cost(grid, again, given, TARIFF, rule), abs=1e-4)


def test_a_plan_pays_for_what_its_batteries_move():
    """0.2 MW out and 0.1 MW in: 5·(0.2² + 0.1²) - 3·0.2·(-0.1) = 0.31 $ by Eq. (17), and 5 $/MWh for 0.3 MWh."""
    battery = FLEET.battery[0].model_copy(update={"wear_per_mwh": 5.0})
    grid, rule = feeder5(fleet=FLEET.model_copy(update={"battery": (battery,)})), RULES["case1"]
    situation = draw_situation(grid, rule, np.random.default_rng(8), hours=2, bid_mw=np.zeros(2))
    situation = replace(situation, previous_battery_p_mw=np.zeros(1))
    plan = Dispatcher(grid, TARIFF, rule).plan(situation)
    assert situation.probability @ settle_plan(grid, TARIFF, rule, situation, plan)["profit"] == pytest.approx(
        -plan.objective, abs=1e-4
    )
    points = replace(plan.set_points, battery_p_mw=np.array([[[0.2], [-0.1]]]))
    assert settle_plan(grid, TARIFF, rule, situation, replace(plan, set_points=points))["wear"] == pytest.approx(1.81)


def test_a_kept_program_takes_new_probabilities():
    grid, rule = feeder5(), RULES["case1"]
    situation = draw_situation(
        grid, rule, np.random.default_rng(7), scenarios=2, hours=3, bid_mw=np.array([0.5, -0.5, 0.2])
    )
    even = replace(situation, probability=np.array([0.5, 0.5]))
    uneven = replace(situation, probability=np.array([0.05, 0.95]))
    kept = Dispatcher(grid, TARIFF, rule)
    kept.plan(even)
    fresh = Dispatcher(grid, TARIFF, rule).plan(uneven)
    again = kept.plan(uneven)
    assert again.objective == pytest.approx(fresh.objective, abs=1e-6)
    assert again.objective == pytest.approx(settled_cost(grid, again, uneven, TARIFF, rule), abs=1e-4)
