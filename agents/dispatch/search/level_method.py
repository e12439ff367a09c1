"""Level method over the bundles, directions of flows fixed: collects cuts, bounds, and chooses the next bids.

A small program over all cuts, the master, gives the bound on the whole and, projected towards the best bids so far,
the next bids to try: a multi-cut level bundle method (Lemaréchal, Nemirovskii and Nesterov 1995,
https://doi.org/10.1007/BF01585555).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from agents.dispatch.conic_program import SolverError
from agents.dispatch.plan import Prices
from agents.dispatch.problem import BidBounds, Directions, DispatchProblem
from agents.dispatch.search.master import Master
from agents.dispatch.search.scenario_bundle import BundleAnswer, BundleSolver, BundleTask, split
from grids.network import FloatArray
from sim.risk import Risk

BUNDLE_SIZE = 3
"""Number of scenarios in a bundle: small ones are quicker for each scenario, large ones bound better."""

LEVEL = 0.3
"""Largest modelled cost of the next bids, as a fraction between bound and best cost; lower is bolder."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LevelAnswer:
    """Best bids for fixed directions of flows, with proof.

    Attributes
    ----------
    bid_mw : array, shape (T,)
        The best bids found. [MW]
    objective, bound : float
        Their risk-adjusted cost, and a lower bound on that of any bids, the flows as fixed. [$]
    answers : list of BundleAnswer
        Of all bundles, at these bids.
    prices : Prices
        Prices of the links between hours of all scenarios, at which the bids are optimal.
    battery_p_mw : array, shape (S, T, U)
        Battery power that goes with these prices. [MW]
    emphasis : array, shape (J,)
        Weight of a dollar in each bundle: 1, but for aversion to risk.
    passes : int
        Number of passes over all bundles.
    stopped : str
        Reason why it stopped short of the gap, or nothing.
    """

    bid_mw: FloatArray
    objective: float
    bound: float
    answers: list[BundleAnswer]
    prices: Prices
    battery_p_mw: FloatArray
    emphasis: FloatArray
    passes: int
    stopped: str = ""


class LevelMethod:
    """Level method that minimises the risk-adjusted cost of all scenarios over the bids.

    Parameters
    ----------
    solver : BundleSolver
        Answers for a bundle.
    problem, bounds, directions : DispatchProblem, BidBounds, Directions
        All scenarios, the range of the bids, and the directions of the flows.
    risk : Risk
        Aversion to risk.
    executor : Executor
        Executor on which the bundles are solved.
    progress : callable, optional
        Called with a line of text after every pass.
    """

    def __init__(
        self,
        solver: BundleSolver,
        problem: DispatchProblem,
        bounds: BidBounds,
        directions: Directions,
        *,
        risk: Risk,
        executor: Executor,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._solver, self._executor, self._risk = solver, executor, risk
        self._steps, self._bounds = problem.market_steps, bounds
        self._tasks = bundle_tasks(problem, bounds, directions, risk)
        self._share = np.array([task.problem.probability.sum() for task in self._tasks])
        held = BidBounds(low=bounds.low[:: self._steps], high=bounds.high[:: self._steps])
        self._master = Master(held, risk, self._share)
        self._emphasis = np.ones(len(self._tasks))
        self._weights = np.ones((1, len(self._tasks)))
        self._progress = progress or (lambda _: None)
        self._cuts: list[list[BundleAnswer]] = []
        self._best: list[BundleAnswer] = []
        self._best_mw = np.clip(0.0, bounds.low, bounds.high)
        self._cost = np.inf
        self._bound = -np.inf

    def run(self, start_mw: FloatArray, *, gap: float, time_limit_s: float, max_passes: int = 40) -> LevelAnswer:
        """Return the best bids found from a first guess.

        Parameters
        ----------
        start_mw : array, shape (T,)
            First bids to try. [MW]
        gap : float
            Relative gap to reach.
        time_limit_s : float
            Seconds after which no further pass begins; the best bids so far come back with their bound.
        max_passes : int
            Most passes over all bundles.

        Raises
        ------
        SolverError
            If a bundle can't be solved in the first pass.
        """
        begin, passes, stopped = perf_counter(), 0, ""
        bids = np.clip(start_mw, self._bounds.low, self._bounds.high)
        try:
            while True:
                if passes % 2 == 0 or passes > 3:
                    self._try_bids(bids)
                else:
                    self._ask_prices()
                passes += 1
                bids = self._next_bids()
                self._progress(f"pass {passes} over all scenarios: gap {100 * self._gap():.3f} %")
                if self._gap() <= gap:
                    break
                if passes >= max_passes or perf_counter() - begin > time_limit_s:
                    stopped = f"stopped after {passes} passes over all scenarios"
                    break
        except KeyboardInterrupt:
            stopped = f"interrupted after {passes} passes over all scenarios"
        except SolverError as error:
            if not self._best:
                raise
            stopped = str(error)
        if not self._best:
            raise SolverError(stopped)
        prices, battery = self._mixture()
        return LevelAnswer(
            prices=prices,
            battery_p_mw=battery,
            bid_mw=self._best_mw,
            objective=self._cost,
            bound=min(self._bound, self._cost),
            answers=self._best,
            emphasis=self._emphasis,
            passes=passes,
            stopped=stopped,
        )

    def _gap(self) -> float:
        return (self._cost - self._bound) / max(abs(self._cost), 1e-9)

    def _answers(self, tasks: Sequence[BundleTask]) -> list[BundleAnswer]:
        return list(self._executor.map(self._solver.answer, tasks))

    def _try_bids(self, bids: FloatArray) -> None:
        """Evaluate bids on all bundles: a feasible answer, and cuts."""
        answers = self._answers([replace(task, problem=replace(task.problem, bid_mw=bids)) for task in self._tasks])
        self._collect(answers)
        cost = risk_adjusted(self._risk, answers, self._share)
        if cost < self._cost:
            self._cost, self._best, self._best_mw = cost, answers, bids

    def _ask_prices(self) -> None:
        """Solve every bundle with own bids at the prices of the best bids so far: a Lagrangian bound, and cuts."""
        slopes = np.array([answer.slope for answer in self._best])
        prices = -(slopes - self._share[:, None] * (self._emphasis @ slopes))
        halves = [(price[: len(price) // 2], price[len(price) // 2 :]) for price in prices]
        self._collect(
            self._answers(
                [replace(task, bid_prices_per_mw=both) for task, both in zip(self._tasks, halves, strict=True)]
            )
        )

    def _collect(self, answers: list[BundleAnswer]) -> None:
        self._cuts.append(answers)
        slopes = [answer.slope.reshape(-1, self._steps).sum(axis=1) for answer in answers]
        self._master.add(slopes, [answer.intercept for answer in answers])

    def _next_bids(self) -> FloatArray:
        """Sharpen the bound from all cuts, and return the bids nearest to the best whose modelled cost is low."""
        answer = self._master.solve()
        self._bound = max(self._bound, answer.bound)
        self._weights, self._emphasis = answer.weights, answer.emphasis
        level = self._bound + LEVEL * (self._cost - self._bound)
        return self._master.project(self._best_mw[:: self._steps], level, answer.direction).repeat(self._steps)

    def _mixture(self) -> tuple[Prices, FloatArray]:
        """Return prices and battery power of all scenarios, mixed as the linear program mixes the cuts.

        At the best bids many costs have a kink, and no single answer has the slopes that cancel out; the mixture has.
        """
        weights = self._weights / np.maximum(self._weights.sum(axis=0), 1e-12)
        idle = self._weights.sum(axis=0) <= 1e-9  # scenarios that do not count
        weights[:, idle] = 1 / len(weights)
        known = self._cuts[: len(weights)]

        def mixed(read: Callable[[BundleAnswer], FloatArray]) -> FloatArray:
            parts = [
                sum((weight * read(answers[j]) for weight, answers in zip(column, known, strict=True)), start=0.0)
                for j, column in enumerate(weights.T)
            ]
            return np.concatenate(parts)

        names = ("energy_per_mwh", "bid_per_mw", "magnitude_per_mw")
        prices = Prices(**{name: mixed(lambda answer, name=name: getattr(answer.prices, name)) for name in names})  # type: ignore[misc]
        return prices, mixed(lambda answer: answer.battery_p_mw)


def bundle_tasks(problem: DispatchProblem, bounds: BidBounds, directions: Directions, risk: Risk) -> list[BundleTask]:
    """Return a task for every bundle, yet without bids or prices; the CVaR needs the cost of each scenario."""
    return [
        BundleTask(
            problem=problem.with_scenarios(
                problem.demand_mw[part], problem.available_mw[part], problem.probability[part]
            ),
            bounds=bounds,
            directions=replace(directions, flow=directions.flow[part]),
        )
        for part in split(problem, 1 if risk.averse else BUNDLE_SIZE)
    ]


def risk_adjusted(risk: Risk, answers: list[BundleAnswer], share: FloatArray) -> float:
    """Return the risk-adjusted cost of all bundles, of given probabilities. [$]"""
    costs = np.array([answer.cost for answer in answers])
    return risk.measure(costs / share, share)
