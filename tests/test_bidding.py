"""Bids: closed forms on the copper plate, brute force on small cases, and the contract of every strategy."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from feeder5 import FLEET, LOSSY_FLEET, draw_problem, feeder5, settled_cost

from agents.bid_optimizer import compute_submission, opening_problem
from agents.bidding import strategy, strategy_names
from agents.dispatch.compiled import compile_model
from agents.dispatch.conic_program import InfeasibleError, SolverError
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_bounds
from agents.dispatch.hour import hour_model
from agents.dispatch.problem import Directions
from agents.dispatch.search.branch_and_bound import BranchAndBound, Effort
from agents.dispatch.search.lagrangian_bound import LagrangianBound, hourly_wear
from sim.instance import Instance
from sim.market.imbalance import RULES, ImbalanceRule, Tier
from sim.market.tariff import Tariff
from sim.scenarios import Draw

SKEW = ImbalanceRule(name="skew", tiers=(Tier(band=0.1, over=0.9, under=0.2), Tier(band=0.4, over=2.0, under=2.5)))
WIDE = ImbalanceRule(name="wide", tiers=(Tier(over=0.1, under=0.1), Tier(band=1.5, over=5.0, under=5.0)))
ALL_RULES = {**RULES, "skew": SKEW}
TARIFF = Tariff(wear_fast=20, wear_cycling=15)  # enough wear to tie the hours together


def instance_with(study, *, rule, battery):
    fleet = study.fleet if battery else study.fleet.model_copy(update={"battery": ()})
    market = study.market.model_copy(update={"rule": ALL_RULES[rule]})
    return Instance.of(study.model_copy(update={"fleet": fleet, "market": market}))


def basic_plan(instance, scenarios):
    dispatcher = Dispatcher(instance.grid, instance.tariff, instance.rule)
    return dispatcher.bid(opening_problem(instance, scenarios), network="copper_plate")


# ---- closed forms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ALL_RULES)
def test_one_scenario_is_bid_as_it_will_flow(study33, rule):
    instance = instance_with(study33, rule=rule, battery=True)
    plan = basic_plan(instance, instance.draw(Draw.TRAINING, 1))
    penalty = instance.rule.penalty(plan.bid_mw, plan.tie_p_mw[0], instance.step_prices)
    # Bidding the flow costs nothing, so whatever penalty is left is what separates the plan from its bound.
    assert penalty.sum() <= plan.objective - plan.bound + 1e-4
    if instance.rule.tiers[0].band == 0:
        assert penalty == pytest.approx(np.zeros(24), abs=1e-4)
        assert plan.bid_mw == pytest.approx(plan.tie_p_mw[0], abs=1e-5)


@pytest.mark.parametrize(("rule", "fractile"), [("shi", 15 / 35), ("nguyen", 1 / 2)])
@pytest.mark.parametrize("count", [20, 21, 101])
def test_newsvendor(study33, rule, fractile, count):
    """Without battery and band the bid is a quantile of net load, hour by hour.

    A bid B costs μ_over·(B - P) where the flow P is below it and μ_under·(P - B) where it is above. Raising B by a
    little costs μ_over·Pr(P < B) and saves μ_under·Pr(P > B): the optimum is the quantile of net load at
    μ_under / (μ_under + μ_over). Of N equally probable scenarios that is the ⌈N·fractile⌉-th smallest.
    """
    instance = instance_with(study33, rule=rule, battery=False)
    scenarios = instance.draw(Draw.TEST, count)
    net = np.sort(scenarios.demand_mw.sum(axis=2) - scenarios.available_mw.sum(axis=2), axis=0)
    bid = basic_plan(instance, scenarios).bid_mw
    rank = round(count * fractile, 9)  # where it is whole, every bid up to the next scenario is as good
    lower, upper = net[math.ceil(rank) - 1], net[math.floor(rank)]
    assert (bid >= lower - 1e-4).all()
    assert (bid <= upper + 1e-4).all()
    assert (bid < 0).any()
    assert (bid > 0).any()


# ---- the range of bids -----------------------------------------------------------------------------------------


def range_of(grid, rule, problem, network):
    return bid_bounds(grid, rule, problem.demand_mw, problem.available_mw, network=network)


@pytest.mark.parametrize("rule", [*ALL_RULES.values(), WIDE], ids=[*ALL_RULES, "wide"])
@pytest.mark.parametrize(
    ("network", "reading"),
    [("copper_plate", "import_only"), ("branch_flow", "import_only"), ("branch_flow", "both_directions")],
)
def test_no_bid_on_a_grid_beats_the_optimum_and_the_range_holds_it(network, reading, rule):
    grid = feeder5(reading=reading)
    dispatcher = Dispatcher(grid, TARIFF, rule)
    for seed in (3, 4, 5):
        problem = draw_problem(grid, rule, np.random.default_rng(seed), scenarios=3)
        bounds = range_of(grid, rule, problem, network)
        best = dispatcher.bid(problem, network=network, effort=Effort(gap=1e-9, nodes=60))
        assert bounds.low[0] - 1e-6 <= best.bid_mw[0] <= bounds.high[0] + 1e-6
        capacity = grid.tie_line.max_s_mva
        costs = [
            dispatcher.plan(replace(problem, bid_mw=np.array([bid])), network=network).objective
            for bid in [*np.linspace(-capacity, capacity, 25), *np.linspace(bounds.low[0], bounds.high[0], 13)]
        ]
        assert min(costs) >= best.bound - 1e-4
        if not best.repaired:
            assert min(costs) >= best.objective - 1e-4


# ---- directions ------------------------------------------------------------------------------------------------


def brute_force(horizon, problem, *, flows):
    """Return the least cost over all directions of bids and (if they matter) of flows, and the directions it has."""
    scenarios, hours = problem.shape
    best, best_directions = np.inf, Directions.undecided(scenarios, hours)
    for combination in product((1, -1), repeat=hours + (scenarios * hours if flows else 0)):
        bid, flow = np.array(combination[:hours]), np.zeros((scenarios, hours), dtype=np.int64)
        if flows:
            flow = np.array(combination[hours:]).reshape(scenarios, hours)
        directions = Directions(bid=bid, flow=flow)
        try:
            cost = horizon.solve(problem, directions).objective
        except InfeasibleError:
            continue
        if cost < best:
            best, best_directions = cost, directions
    return best, best_directions


CASES = [
    ("copper_plate", "import_only", 3, 4),
    ("branch_flow", "import_only", 3, 3),
    ("branch_flow", "both_directions", 2, 2),
    pytest.param("branch_flow", "both_directions", 2, 3, marks=pytest.mark.slow),  # 512 combinations of directions
]


@pytest.mark.parametrize("rule", ["case1", "caiso", "skew"])
@pytest.mark.parametrize(("network", "reading", "scenarios", "hours"), CASES)
@pytest.mark.parametrize("seed", range(2))
def test_direction_search_finds_the_optimum_of_all_directions(network, reading, scenarios, hours, rule, seed):
    grid, rule = feeder5(fleet=[FLEET, LOSSY_FLEET][seed], reading=reading), ALL_RULES[rule]
    problem = draw_problem(grid, rule, np.random.default_rng(seed), scenarios=scenarios, hours=hours)
    bounds = range_of(grid, rule, problem, network)
    dispatcher = Dispatcher(grid, TARIFF, rule)
    horizon = dispatcher.horizon(replace(problem, bounds=bounds), network=network)
    flows = network == "branch_flow" and reading == "both_directions"
    optimum, best_directions = brute_force(horizon, problem, flows=flows)
    tolerance = 1e-5 * abs(optimum) + 1e-4
    best = dispatcher.bid(problem, network=network)
    by_nodes = [
        BranchAndBound(grid, rule, horizon, problem).run(Effort(gap=1e-6, nodes=nodes)) for nodes in (0, 6, 500)
    ]
    for plan in (best, *by_nodes):
        assert plan.objective >= optimum - tolerance
        assert plan.bound <= optimum + tolerance
        assert settled_cost(grid, plan, problem, TARIFF, rule) == pytest.approx(plan.objective, abs=1e-4)
    if not plan.repaired:
        assert plan.objective == pytest.approx(optimum, abs=tolerance)
        assert plan.bound == pytest.approx(optimum, abs=tolerance)
    # The bound that prices what links the hours holds at the prices of any plan, good or bad.
    hour = compile_model(hour_model(grid, hourly_wear(TARIFF), rule, network=network))
    bound = LagrangianBound(grid, hour, TARIFF, problem, bounds)
    rng, only = np.random.default_rng(seed), np.where(bounds.low < 0, -1, 1)
    for attempt in range(4):
        bid = rng.choice((1, -1), hours) if attempt else best_directions.bid
        flow = rng.choice((1, -1), (scenarios, hours)) if attempt else best_directions.flow
        directions = Directions(bid=np.where(bounds.open_hours, bid, only), flow=flow)
        plan = horizon.solve(problem, directions)
        answer = bound(plan.prices, plan.set_points.battery_p_mw, directions)
        assert answer.bound <= optimum + tolerance


@pytest.mark.long
@pytest.mark.parametrize("seed", range(50))
def test_branch_and_bound_equals_brute_force(seed):
    """Two scenarios, three hours, five buses, every combination of directions tried: the same optimum."""
    grid, rule = feeder5(reading="both_directions"), ALL_RULES[["case1", "caiso", "skew"][seed % 3]]
    problem = draw_problem(grid, rule, np.random.default_rng(1000 + seed), scenarios=2, hours=3)
    bounds = range_of(grid, rule, problem, "branch_flow")
    horizon = Dispatcher(grid, TARIFF, rule).horizon(replace(problem, bounds=bounds), network="branch_flow")
    optimum, _ = brute_force(horizon, problem, flows=True)
    plan = BranchAndBound(grid, rule, horizon, problem).run(Effort(gap=1e-6, nodes=2000))
    assert plan.objective == pytest.approx(optimum, rel=1e-5, abs=1e-4)
    assert plan.bound == pytest.approx(optimum, rel=1e-5, abs=1e-4)


# ---- contracts -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["import_only", "both_directions"])
def problem33(study33, request):
    """Return an instance, and the dispatch problem before its first day with two scenarios."""
    tie_line = study33.grid.tie_line.model_copy(update={"power_factor_reading": request.param})
    instance = Instance.of(study33.model_copy(update={"grid": study33.grid.model_copy(update={"tie_line": tie_line})}))
    return instance, opening_problem(instance, instance.draw(Draw.TRAINING, 2))


def assert_contract_kept(instance, problem, name):
    """Check the contract of every strategy; its costs of the scenarios are optional."""
    instance = replace(instance, study=instance.study.model_copy(update={"bidding": name}))
    dispatcher = Dispatcher(instance.grid, instance.tariff, instance.rule)
    submission = compute_submission(dispatcher, instance, problem)
    assert (submission.strategy, submission.asked, submission.reason) == (name, name, "")
    assert submission.bid_mw.shape == (24,)
    assert np.isfinite(submission.bid_mw).all()
    assert np.abs(submission.bid_mw).max() <= instance.grid.tie_line.max_s_mva
    assert submission.battery_p_mw.shape == (24, len(instance.grid.batteries))
    assert not submission.note
    # The same again, to the byte, and with a bound below its objective.
    proposal = strategy(name).bid(dispatcher, problem)
    assert (np.round(proposal.bid_mw, 6) + 0.0).tobytes() == submission.bid_mw.tobytes()
    assert proposal.certificate == submission.certificate
    gap = proposal.search["bound"] - proposal.search["incumbent"]
    assert gap >= 0
    assert proposal.certificate["optimality_gap"] == pytest.approx(gap / abs(proposal.search["incumbent"]))
    if proposal.costs is not None:
        assert proposal.search["incumbent"] == pytest.approx(-proposal.probability @ proposal.costs)
    assert strategy(name).SUMMARY


@pytest.mark.parametrize("name", strategy_names())
def test_what_every_strategy_must_do(problem33, name):
    assert_contract_kept(*problem33, name)


def test_a_strategy_that_tells_no_costs_keeps_the_contract(problem33, monkeypatch):
    whole = strategy("basic").bid
    monkeypatch.setattr(
        "agents.bidding.basic.bid", lambda *given: replace(whole(*given), costs=None, probability=None)
    )
    assert_contract_kept(*problem33, "basic")


def test_a_failing_strategy_hands_over_to_basic_and_then_to_the_forecast(problem33, monkeypatch):
    instance, problem = problem33
    monkeypatch.setattr("agents.bidding.anm_aware.bid", fail)
    dispatcher = Dispatcher(instance.grid, instance.tariff, instance.rule)
    fallen_back = compute_submission(dispatcher, instance, problem)
    assert (fallen_back.asked, fallen_back.strategy) == ("anm_aware", "basic")
    assert fallen_back.reason == fallen_back.remarks == "anm_aware failed: no luck"
    monkeypatch.setattr("agents.bidding.basic.bid", fail)
    last = compute_submission(dispatcher, instance, problem)
    assert (last.asked, last.strategy) == ("anm_aware", "forecast")
    assert last.reason == "anm_aware failed: no luck; basic failed: no luck"
    expected = instance.forecast
    assert last.bid_mw == pytest.approx(expected.demand_mw[0].sum(axis=1) - expected.available_mw[0].sum(axis=1))
    assert not last.battery_p_mw.any()


def fail(dispatcher, problem):
    raise SolverError("no luck")
