"""Aversion to risk: the CVaR by hand and by its linear program, and bids that weigh bad days more."""

from dataclasses import replace

import numpy as np
import pytest
from feeder5 import FLEET, bound_of, draw_problem, feeder5, objective_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from agents.bidding import strategy
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_bounds
from agents.dispatch.problem import Directions
from agents.dispatch.search.branch_and_bound import Effort
from agents.dispatch.search.scenario_bundle import BundleSolver, BundleTask
from agents.dispatch.search.scenario_decomposition import ScenarioDecomposition
from sim.market.imbalance import RULES
from sim.market.tariff import Tariff
from sim.risk import Risk, cvar

RULE, TARIFF = RULES["case1"], Tariff()


def test_cvar_by_hand():
    cost, probability = np.array([10.0, 50.0, 20.0, 40.0]), np.array([0.4, 0.1, 0.3, 0.2])
    assert cvar(cost, probability, 0.9) == pytest.approx(50)
    assert cvar(cost, probability, 0.8) == pytest.approx((0.1 * 50 + 0.1 * 40) / 0.2)
    assert cvar(cost, probability, 0.5) == pytest.approx((0.1 * 50 + 0.2 * 40 + 0.2 * 20) / 0.5)
    assert Risk(cvar_weight=0.25, cvar_level=0.8).measure(cost, probability) == pytest.approx(0.75 * 23 + 0.25 * 45)
    assert Risk().measure(cost, probability) == pytest.approx(23)
    assert not Risk().averse


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.01, 1)), min_size=1, max_size=8), st.floats(0.01, 0.99))
def test_cvar_is_the_optimum_of_its_linear_program(outcomes, level):
    """min η + Σ p·u / (1 - α), u >= cost - η, u >= 0 (Rockafellar and Uryasev)."""
    cost, weight = (np.array(column) for column in zip(*outcomes, strict=True))
    probability = weight / weight.sum()
    count = len(cost)
    optimum = linprog(
        np.concatenate([[1.0], probability / (1 - level)]),
        A_ub=np.hstack([-np.ones((count, 1)), -np.eye(count)]),
        b_ub=-cost,
        bounds=[(None, None)] + [(0, None)] * count,
    ).fun
    value = cvar(cost, probability, level)
    assert value == pytest.approx(optimum, abs=1e-6 * (1 + np.abs(cost).max()))
    assert probability @ cost - 1e-9 <= value <= cost.max() + 1e-9


@pytest.fixture(scope="module", params=["import_only", "both_directions"])
def case(request):
    """Return a grid and six scenarios of three hours."""
    grid = feeder5(fleet=FLEET, reading=request.param)
    problem = draw_problem(grid, RULE, np.random.default_rng(4), scenarios=6, hours=3)
    return grid, problem, bid_bounds(grid, RULE, problem.demand_mw, problem.available_mw, network="branch_flow")


def averse_bid(case, risk, gap=1e-5):
    grid, problem, bounds = case
    return ScenarioDecomposition(
        Dispatcher(grid, TARIFF, RULE, effort=Effort(gap=gap), risk=risk), problem, bounds
    ).run()


def costs_at(case, bid_mw):
    """Return the cost of every scenario at given bids."""
    grid, problem, bounds = case
    solver = BundleSolver(grid, TARIFF, RULE)
    costs = []
    for s in range(problem.shape[0]):
        one = problem.with_scenarios(problem.demand_mw[[s]], problem.available_mw[[s]], np.ones(1))
        directions = Directions.undecided(*one.shape)
        task = BundleTask(problem=replace(one, bid_mw=bid_mw), bounds=bounds, directions=directions, search=True)
        costs.append(solver.answer(task).cost)
    return np.array(costs)


@pytest.mark.parametrize("risk", [Risk(cvar_weight=0.5, cvar_level=0.7), Risk(cvar_weight=1, cvar_level=0.9)], ids=str)
def test_no_other_bids_have_a_lower_risk_adjusted_cost(case, risk):
    grid, problem, bounds = case
    answer = averse_bid(case, risk)
    tolerance = 1e-5 * abs(objective_of(answer))
    own = costs_at(case, answer.bid_mw)
    assert answer.costs == pytest.approx(own, rel=1e-5)
    assert objective_of(answer) == pytest.approx(risk.measure(own, problem.probability), rel=1e-5)
    assert bound_of(answer) <= objective_of(answer)
    # Three hours leave the directions of flows a duality gap, which the hours of a day would average out.
    gap = 2e-5 if grid.tie_line.power_factor_reading == "import_only" else 1e-2
    assert objective_of(answer) - bound_of(answer) <= gap * abs(objective_of(answer))
    rng = np.random.default_rng(0)
    neutral = Dispatcher(grid, TARIFF, RULE).bid(problem)
    trials = [
        neutral.bid_mw,
        *(np.clip(answer.bid_mw + rng.normal(0, 0.1, 3), bounds.low, bounds.high) for _ in "123"),
    ]
    for bid in trials:
        assert risk.measure(costs_at(case, bid), problem.probability) >= bound_of(answer) - tolerance


def test_a_worst_case_bid_gains_in_the_tail_and_pays_for_it_on_average(case):
    _, problem, _ = case
    probability = problem.probability
    neutral = averse_bid(case, Risk(cvar_weight=1e-9, cvar_level=0.8))
    averse = averse_bid(case, Risk(cvar_weight=1, cvar_level=0.8))
    tolerance = 2e-3 * abs(objective_of(neutral))
    assert cvar(averse.costs, probability, 0.8) <= cvar(neutral.costs, probability, 0.8) + tolerance
    assert probability @ averse.costs >= probability @ neutral.costs - tolerance


@pytest.mark.parametrize("name", ["basic", "anm_aware"])
def test_every_strategy_heeds_the_aversion_to_risk(name):
    grid = feeder5(fleet=FLEET, reading="import_only")
    problem = draw_problem(grid, RULE, np.random.default_rng(4), scenarios=4, hours=3)
    neutral = strategy(name).bid(Dispatcher(grid, TARIFF, RULE), problem)
    faint = strategy(name).bid(Dispatcher(grid, TARIFF, RULE, risk=Risk(cvar_weight=1e-9)), problem)
    averse = strategy(name).bid(Dispatcher(grid, TARIFF, RULE, risk=Risk(cvar_weight=1)), problem)
    assert objective_of(faint) == pytest.approx(objective_of(neutral), rel=2e-3)
    assert objective_of(averse) > objective_of(neutral)
    assert averse.certificate["optimality_gap"] <= 1e-3
