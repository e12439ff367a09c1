"""Decomposition by scenarios, of many or with aversion to risk, into bundles that share only the bids.

Where the power factor has two directions, those of all flows and bids are fixed first; then, as for one program
(:mod:`agents.dispatch.search.branch_and_bound`), the hours are asked at the prices of the best bids for a bound, and
for the directions they prefer.
"""

from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from time import perf_counter

import numpy as np

from agents.dispatch.conic_program import InfeasibleError, SolverError
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.network import FORMULATIONS
from agents.dispatch.plan import Plan, Prices
from agents.dispatch.problem import BidBounds, Directions, DispatchProblem
from agents.dispatch.search.lagrangian_bound import BoundAnswer, LagrangianBound, Turning
from agents.dispatch.search.level_method import LevelAnswer, LevelMethod, bundle_tasks, risk_adjusted
from agents.dispatch.search.scenario_bundle import BundleSolver, BundleTask, worst_certificate
from agents.dispatch.submission import search, stop_remark
from grids.network import FloatArray
from sim.messages import Submission
from sim.reduction import reduce_scenarios
from sim.risk import cvar
from sim.scenarios import ScenarioSet

START_SCENARIOS = 20
"""Scenarios of the reduced problem whose bids and directions are the first to be tried."""

OPEN_SHARE = 0.3
"""Share of the gap left to the bids for fixed directions; the rest is for the directions."""


class ScenarioDecomposition:
    """Decomposition that finds bids for all scenarios of a dispatch problem.

    Parameters
    ----------
    dispatcher : Dispatcher
        Grid, tariff, rule, effort, aversion to risk, and where bundles are solved; it also solves the reduced problem.
    problem, bounds : DispatchProblem, BidBounds
        All scenarios, and the range of the bids.
    network : {"branch_flow", "copper_plate"}
        AC network or one bus.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        problem: DispatchProblem,
        bounds: BidBounds,
        *,
        network: str = "branch_flow",
    ) -> None:
        self._dispatcher, self._problem, self._bounds = dispatcher, problem, bounds
        self._network = network
        reading = dispatcher.grid.tie_line.power_factor_reading
        self._fixed = not FORMULATIONS[network].is_ac or reading == "import_only"
        self._best: LevelAnswer | None = None
        self._bound, self._stopped, self._nodes = -np.inf, "", 0
        self._deadline = np.inf

    def run(self) -> Submission:
        """Return the best bids found, with proof.

        Raises
        ------
        SolverError
            If no bids could be evaluated.
        """
        self._deadline = perf_counter() + self._dispatcher.effort.time_limit_s
        self._dispatcher.progress("bids of a reduced problem to begin with")
        start = self._dispatcher.plan(replace(self._reduced(), bounds=self._bounds), network=self._network)
        self._nodes += start.nodes
        with self._workers() as workers:
            try:
                return self._search(start, workers, elastic=False)
            except InfeasibleError:
                return self._search(start, workers, elastic=True)

    def _workers(self) -> AbstractContextManager[Executor]:
        """Return where bundles are solved; the solver works outside Python's lock, so threads use all cores."""
        given = self._dispatcher.executor
        return ThreadPoolExecutor(self._dispatcher.threads) if given is None else nullcontext(given)

    def _reduced(self) -> DispatchProblem:
        whole = self._problem
        if whole.shape[0] <= START_SCENARIOS:
            return whole
        everything = ScenarioSet(
            demand_mw=whole.demand_mw, available_mw=whole.available_mw, probability=whole.probability
        )
        kept = reduce_scenarios(everything, START_SCENARIOS)
        return whole.with_scenarios(kept.demand_mw, kept.available_mw, kept.probability)

    def _search(self, start: Plan, workers: Executor, *, elastic: bool) -> Submission:
        d = self._dispatcher
        solver = BundleSolver(
            d.grid,
            d.tariff,
            d.rule,
            network=self._network,
            elastic=elastic,
            demand_peak=d.demand_peak(self._problem, self._network),
            time_limit_s=d.effort.solver_time_limit_s,
            periods=self._problem.periods,
        )
        self._best, self._bound, self._stopped = None, -np.inf, ""
        try:
            whole = elastic or self._fixed or not self._problem.periods.are_apart
            asked = None if whole else d.lagrangian_bound(self._problem, self._bounds, self._network)
            self._rounds(solver, start, workers, asked)
        except KeyboardInterrupt:
            self._stopped = "interrupted"
        except SolverError as error:
            if self._best is None:
                raise
            self._stopped = str(error)
        if self._best is None:
            raise SolverError(f"no bids could be evaluated{self._stopped and ': ' + self._stopped}")
        if self._bound == -np.inf:
            self._bound = self._wait_and_see(solver, workers)
        return self._mended(solver, self._best, workers)

    def _rounds(self, solver: BundleSolver, start: Plan, workers: Executor, asked: LagrangianBound | None) -> None:
        """Find bids, question their directions and begin again, until the gap is closed; keep the best."""
        directions: Directions | None = self._first_directions(solver, start, workers)
        turning, bids = Turning(), start.bid_mw
        for _ in range(1 if self._fixed else self._dispatcher.effort.rounds):
            if directions is None or self._is_close():
                return
            answer = self._level(solver, directions, bids, workers)
            self._stopped = answer.stopped
            better = self._best is None or answer.objective < self._best.objective
            if better:
                self._best = answer
            if self._fixed:
                self._bound = answer.bound
            if asked is None or answer.stopped:
                return
            if self._left() <= 0:
                self._stopped = "time limit reached"
                return
            if better:
                self._dispatcher.progress("asking every hour for its best directions")
                reply = self._ask_hours(asked, answer, directions)
                self._bound = max(self._bound, reply.bound)
                turning.paid(directions, reply)
            else:
                turning.did_not_pay()
            directions, bids = turning.next(), answer.bid_mw if better else bids

    def _is_close(self) -> bool:
        if self._best is None:
            return False
        best = self._best.objective
        return best - self._bound <= self._dispatcher.effort.gap * abs(best)

    def _level(self, solver: BundleSolver, directions: Directions, bids: FloatArray, workers: Executor) -> LevelAnswer:
        """Return the best bids for fixed directions, or for all directions of the bids if flows have no choice."""
        d = self._dispatcher
        bounds = self._bounds if self._fixed else self._bounds.fixed(directions.bid)
        method = LevelMethod(
            solver, self._problem, bounds, directions, risk=d.risk, executor=workers, progress=d.progress
        )
        gap = d.effort.gap if self._fixed else OPEN_SHARE * d.effort.gap
        answer = method.run(bids, gap=gap, time_limit_s=self._left())
        self._nodes += answer.passes * len(answer.answers)
        return answer

    def _wait_and_see(self, solver: BundleSolver, workers: Executor) -> float:
        """Return a quick bound: every bundle has bids of its own, and no direction is fixed.

        The expected cost, which it bounds, is never above the risk-adjusted one.
        """
        undecided, nothing = Directions.undecided(*self._problem.shape), np.zeros(self._problem.shape[1])
        tasks = bundle_tasks(self._problem, self._bounds, undecided, self._dispatcher.risk)
        self._nodes += len(tasks)
        answers = workers.map(solver.answer, [replace(task, bid_prices_per_mw=(nothing, nothing)) for task in tasks])
        return float(sum(answer.intercept for answer in answers))

    def _left(self) -> float:
        return self._deadline - perf_counter()

    def _first_directions(self, solver: BundleSolver, start: Plan, workers: Executor) -> Directions:
        """Return the directions of the first bids and the best of the flows for them; none if flows have no choice."""
        directions = Directions.undecided(*self._problem.shape)
        if self._fixed:
            return directions
        directions = replace(directions, bid=self._bounds.direction(np.where(start.bid_mw >= 0, 1, -1)))
        self._dispatcher.progress("fixing the directions of all flows")
        tasks = self._tasks(start.bid_mw)
        self._nodes += len(tasks)
        answers = workers.map(solver.answer, tasks)
        return replace(directions, flow=np.concatenate([answer.directions.flow for answer in answers]))

    def _tasks(self, bid_mw: FloatArray) -> list[BundleTask]:
        """Return the search for the best plan at given bids, for every bundle."""
        undecided = Directions.undecided(*self._problem.shape)
        tasks = bundle_tasks(self._problem, self._bounds, undecided, self._dispatcher.risk)
        return [replace(task, problem=replace(task.problem, bid_mw=bid_mw), search=True) for task in tasks]

    def _ask_hours(self, asked: LagrangianBound, answer: LevelAnswer, directions: Directions) -> BoundAnswer:
        """Return the directions all hours prefer at the prices of the bids, and the bound that this proves.

        Whatever probabilities the CVaR may give the scenarios, with those fixed the problem is one of expected cost;
        its bound holds for the risk-adjusted cost as well, which is the largest over all of them.
        """
        tilted, prices = self._tilted(answer, directions)
        reply = asked(prices, answer.battery_p_mw, directions, probability=tilted)
        self._nodes += reply.nodes
        return reply

    def _tilted(self, answer: LevelAnswer, directions: Directions) -> tuple[FloatArray, Prices]:
        """Return the probabilities that the aversion to risk implies, and the prices that go with them."""
        sizes = [len(one.battery_p_mw) for one in answer.answers]
        emphasis = np.repeat(answer.emphasis, sizes)
        probability = self._problem.probability
        tilted = probability * emphasis
        tilted /= tilted.sum()
        weight = tilted / probability
        energy = weight[:, None, None] * answer.prices.energy_per_mwh
        bid, magnitude = weight[:, None] * answer.prices.bid_per_mw, weight[:, None] * answer.prices.magnitude_per_mw
        # At the best bids the prices of all scenarios cancel out; the remainder is shared out.
        rest = (bid + directions.bid * magnitude).sum(axis=0)
        ends = self._bounds.fixed(directions.bid)
        free = (answer.bid_mw > ends.low + 1e-6) & (answer.bid_mw < ends.high - 1e-6)
        bid -= tilted[:, None] * np.where(free, rest, 0.0)
        return tilted, Prices(energy_per_mwh=energy, bid_per_mw=bid, magnitude_per_mw=magnitude)

    def _mended(self, solver: BundleSolver, best: LevelAnswer, workers: Executor) -> Submission:
        """Return the best bids with every bundle that is not exact made so, as far as possible."""
        answers, risk = best.answers, self._dispatcher.risk
        inexact = [k for k, one in enumerate(answers) if one.certificate and one.certificate.status == "inexact"]
        tasks = self._tasks(best.bid_mw)
        if inexact:
            self._dispatcher.progress(f"repairing {len(inexact)} of {len(answers)} bundles of scenarios")
            answers = list(answers)
            for k, mended in zip(inexact, workers.map(solver.answer, [tasks[k] for k in inexact]), strict=True):
                answers[k] = mended
        share = np.array([task.problem.probability.sum() for task in tasks])
        costs = np.array([one.cost for one in answers])
        objective = risk_adjusted(risk, answers, share)
        bound = min(self._bound, objective)
        schedules = np.concatenate([one.battery_p_mw for one in answers])
        certificates = [one.certificate for one in answers if one.certificate is not None]
        certificate = worst_certificate(certificates, (objective - bound) / max(abs(objective), 1e-9))
        costs, found = costs / share, search(objective, bound, self._nodes)
        if risk.averse:
            found["expected_profit"] = -float(share @ costs)
            found["cvar_profit"] = -cvar(costs, share, risk.cvar_level)
        return Submission(
            bid_mw=best.bid_mw,
            battery_p_mw=np.tensordot(self._problem.probability, schedules, axes=1),
            certificate=vars(certificate),
            search=found,
            note="; ".join(stop_remark(self._stopped)),
            costs=costs,
            probability=share,
        )
