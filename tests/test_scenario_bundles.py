"""Scenario decomposition: the same optimum as in one piece, bounds that hold, and any executor."""

import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from distributed import Client, LocalCluster
from feeder5 import FLEET, bound_of, draw_problem, feeder5, objective_of

from agents.bidding import anm_aware
from agents.dispatch.conic_program import SolverError
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_bounds
from agents.dispatch.problem import Directions
from agents.dispatch.search import level_method, scenario_decomposition
from agents.dispatch.search.branch_and_bound import Effort
from agents.dispatch.search.level_method import LevelMethod, bundle_tasks
from agents.dispatch.search.scenario_bundle import BundleSolver, BundleTask, split
from agents.dispatch.search.scenario_decomposition import ScenarioDecomposition
from sim.market.imbalance import RULES
from sim.market.tariff import Tariff
from sim.risk import Risk

RULE, TARIFF = RULES["case1"], Tariff()


@pytest.fixture(scope="module")
def case():
    """Return a small problem: grid, 12 scenarios of 4 hours, range of the bids, and its optimum in one piece."""
    grid = feeder5(fleet=FLEET, reading="import_only")
    problem = draw_problem(grid, RULE, np.random.default_rng(7), scenarios=12, hours=4)
    bounds = bid_bounds(grid, RULE, problem.demand_mw, problem.available_mw, network="branch_flow")
    return grid, problem, bounds, Dispatcher(grid, TARIFF, RULE).bid(problem)


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def method(case, executor, risk=None):
    grid, problem, bounds, _ = case
    directions = Directions.undecided(*problem.shape)
    return LevelMethod(
        BundleSolver(grid, TARIFF, RULE), problem, bounds, directions, risk=risk or Risk(), executor=executor
    )


def test_bundles_hold_every_scenario_once(case):
    _, problem, _, _ = case
    assert split(problem, 5) == [slice(0, 5), slice(5, 10), slice(10, 12)]
    undecided = Directions.undecided(*problem.shape)
    for risk, size in ((Risk(), level_method.BUNDLE_SIZE), (Risk(cvar_weight=0.5), 1)):
        bundles = [task.problem for task in bundle_tasks(problem, case[2], undecided, risk)]
        assert max(bundle.shape[0] for bundle in bundles) == size
        assert np.concatenate([b.demand_mw for b in bundles]) == pytest.approx(problem.demand_mw)
        assert sum(b.probability.sum() for b in bundles) == pytest.approx(1)


@pytest.mark.parametrize("start", [0.0, 0.3, 5.0], ids=lambda mw: f"from {mw} MW")
def test_bundles_find_the_optimum_of_the_whole(case, start, threads):
    whole = case[3]
    answer = method(case, threads).run(np.full(4, start), gap=1e-4, time_limit_s=60, max_passes=40)
    tolerance = 2e-4 * abs(whole.objective)
    assert answer.objective == pytest.approx(whole.objective, abs=tolerance)
    assert answer.bound <= whole.objective + 1e-5
    assert answer.objective >= whole.bound - 1e-5
    assert answer.objective - answer.bound <= 1e-4 * abs(answer.objective)
    assert answer.stopped == ""


@pytest.mark.parametrize("rule", ["case1", "caiso"])
@pytest.mark.parametrize("seed", range(3))
def test_bundles_settle_directions_as_the_whole_does(seed, rule):
    """Exports and imports both possible: the bound stays below the optimum over all directions, the cost above."""
    grid, rule = feeder5(fleet=FLEET, reading="both_directions"), RULES[rule]
    problem = draw_problem(grid, rule, np.random.default_rng(seed), scenarios=4, hours=3)
    bounds = bid_bounds(grid, rule, problem.demand_mw, problem.available_mw, network="branch_flow")
    whole = Dispatcher(grid, TARIFF, rule).bid(problem, effort=Effort(gap=1e-6, nodes=400))
    answer = ScenarioDecomposition(Dispatcher(grid, TARIFF, rule, effort=Effort(gap=1e-5)), problem, bounds).run()
    # Directions of flows count as kept to a watt or so, which is worth some 1e-6 of the cost.
    tolerance = 1e-5 * abs(whole.objective)
    assert bound_of(answer) <= whole.objective + tolerance
    assert objective_of(answer) >= whole.bound - tolerance
    assert objective_of(answer) <= whole.objective + 0.01 * abs(whole.objective)
    assert answer.certificate["status"] in ("exact", "repaired")


@pytest.mark.parametrize("seed", range(3))
def test_every_cut_lies_below_the_cost(case, seed):
    """A cut from any question holds at any bids."""
    grid, problem, bounds, _ = case
    solver, rng = BundleSolver(grid, TARIFF, RULE), np.random.default_rng(seed)
    bids = [rng.uniform(bounds.low, bounds.high) * rng.uniform(0, 0.2) for _ in range(4)]
    task = BundleTask(problem=problem, bounds=bounds, directions=Directions.undecided(*problem.shape))
    given = [solver.answer(replace(task, problem=replace(problem, bid_mw=bid))) for bid in bids]
    free = solver.answer(replace(task, bid_prices_per_mw=(rng.normal(0, 5, 4), rng.normal(0, 1, 4))))
    for cut in [*given, free]:
        for bid, point in zip(bids, given, strict=True):
            here = np.concatenate([bid, np.abs(bid)])
            assert cut.intercept + cut.slope @ here <= point.cost + 1e-5


@pytest.mark.long
def test_another_process_gives_the_same_answer(case, threads):
    grid, problem, bounds, _ = case
    solver = pickle.loads(pickle.dumps(BundleSolver(grid, TARIFF, RULE)))
    given = replace(problem, bid_mw=np.zeros(4))
    task = BundleTask(problem=given, bounds=bounds, directions=Directions.undecided(*problem.shape))
    assert solver.answer(task).cost == BundleSolver(grid, TARIFF, RULE).answer(task).cost
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        there = method(case, pool).run(np.zeros(4), gap=1e-3, time_limit_s=60)
    here = method(case, threads).run(np.zeros(4), gap=1e-3, time_limit_s=60)
    assert there.bid_mw.tobytes() == here.bid_mw.tobytes()
    assert there.objective == here.objective


@pytest.mark.long
def test_a_dask_cluster_gives_the_same_answer(case, threads):
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        there = method(case, client.get_executor()).run(np.zeros(4), gap=1e-3, time_limit_s=60)
    here = method(case, threads).run(np.zeros(4), gap=1e-3, time_limit_s=60)
    assert there.bid_mw.tobytes() == here.bid_mw.tobytes()
    assert there.objective == here.objective


def test_out_of_time_the_best_bids_come_back_with_their_bound(case, threads):
    answer = method(case, threads).run(np.zeros(4), gap=1e-9, time_limit_s=0.0)
    assert answer.passes == 1
    assert "stopped" in answer.stopped
    assert answer.bound <= case[3].objective + 1e-5 <= answer.objective + 2e-5


@pytest.mark.parametrize("reading", ["import_only", "both_directions"])
def test_without_time_there_is_still_a_bound(reading):
    grid = feeder5(fleet=FLEET, reading=reading)
    problem = draw_problem(grid, RULE, np.random.default_rng(2), scenarios=4, hours=3)
    bounds = bid_bounds(grid, RULE, problem.demand_mw, problem.available_mw, network="branch_flow")
    hurried = Dispatcher(grid, TARIFF, RULE, effort=Effort(gap=1e-6, time_limit_s=1e-9))
    answer = ScenarioDecomposition(hurried, problem, bounds).run()
    assert np.isfinite(bound_of(answer))
    whole = Dispatcher(grid, TARIFF, RULE).bid(problem, effort=Effort(gap=1e-6, nodes=400))
    assert bound_of(answer) <= whole.objective + 1e-4
    assert objective_of(answer) >= whole.bound - 1e-4


def test_an_interruption_keeps_the_incumbent(case, threads, monkeypatch):
    running = method(case, threads)
    monkeypatch.setattr(running, "_ask_prices", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    answer = running.run(np.zeros(4), gap=1e-9, time_limit_s=60)
    assert "interrupted" in answer.stopped
    assert np.isfinite(answer.objective)


def test_a_bundle_that_fails_at_once_is_an_error(case, threads, monkeypatch):
    monkeypatch.setattr(BundleSolver, "answer", lambda *_: (_ for _ in ()).throw(SolverError("out of luck")))
    with pytest.raises(SolverError, match="out of luck"):
        method(case, threads).run(np.zeros(4), gap=1e-3, time_limit_s=60)


def test_the_strategy_takes_bundles_for_many_scenarios(case, monkeypatch):
    grid, problem, _, whole = case
    monkeypatch.setattr(anm_aware, "WHOLE_MOST", 5)
    monkeypatch.setattr(scenario_decomposition, "START_SCENARIOS", 3)
    monkeypatch.setattr(level_method, "BUNDLE_SIZE", 4)
    proposal = anm_aware.bid(Dispatcher(grid, TARIFF, RULE), problem)
    assert len(proposal.costs) > 1  # solved in bundles
    assert objective_of(proposal) == pytest.approx(whole.objective, rel=1e-3)
    assert proposal.battery_p_mw.shape == (4, len(grid.batteries))


@pytest.mark.parametrize("where", ["_level", "_ask_hours"])
def test_an_interruption_of_any_step_keeps_the_best_bids_and_a_bound(monkeypatch, where):
    grid = feeder5(fleet=FLEET, reading="both_directions")
    problem = draw_problem(grid, RULE, np.random.default_rng(2), scenarios=4, hours=3)
    bounds = bid_bounds(grid, RULE, problem.demand_mw, problem.available_mw, network="branch_flow")
    search = ScenarioDecomposition(Dispatcher(grid, TARIFF, RULE, effort=Effort(gap=1e-9)), problem, bounds)
    original, calls = getattr(search, where), []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == (2 if where == "_level" else 1):
            raise KeyboardInterrupt
        return original(*given)

    monkeypatch.setattr(search, where, interrupted)
    answer = search.run()
    assert "interrupted" in answer.note or where == "_level"  # which may have been asked but once
    assert np.isfinite(bound_of(answer))
    assert bound_of(answer) <= objective_of(answer)
