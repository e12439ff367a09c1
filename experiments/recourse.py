"""Recourse: profit of fixed bids with the optimal dispatch of every scenario, many at a time on threads."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue
from types import TracebackType
from typing import NamedTuple, Self

from agents.bid_optimizer import opening_problem
from agents.dispatch.certificate import EXACT, VIOLATION_TOLERANCE
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.hour import TIGHTENING_PRICE, VIOLATION_PRICE
from agents.dispatch.plan import Plan
from grids.network import FloatArray
from sim.instance import Instance
from sim.scenarios import ScenarioSet

Progress = Callable[[str], None]
"""Callback after every solve, from the thread that solved, with the name of the problem."""


class Dispatched(NamedTuple):
    """Dispatch of one scenario: profit in $, whether all limits were met, and whether it is physically exact."""

    profit: float
    within_limits: bool
    exact: bool


class Recourse:
    """Threads that dispatch scenarios with the bids fixed, in the planning model and with hindsight.

    The solver works outside Python's lock. A dispatcher makes programs when first asked and keeps them unguarded, so
    no two threads share one: a solve takes an idle dispatcher and puts it back. As every solve starts afresh, it does
    not matter which dispatcher it gets.

    Parameters
    ----------
    instance : Instance
        The built study.
    workers : int, optional
        Threads; by default one per core.
    progress : callable, optional
        Called after every solve.
    """

    def __init__(self, instance: Instance, *, workers: int | None = None, progress: Progress | None = None) -> None:
        self._instance, self._progress = instance, progress
        count = workers or os.cpu_count() or 1
        self._idle: SimpleQueue[Dispatcher] = SimpleQueue()
        for _ in range(count):
            self._idle.put(Dispatcher.of(instance))
        self._pool = ThreadPoolExecutor(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def start(
        self, bid_mw: FloatArray, scenarios: ScenarioSet, *, network: str = "branch_flow"
    ) -> list[Future[Dispatched]]:
        """Return, at once, a future of the dispatch of every scenario.

        Parameters
        ----------
        bid_mw : array, shape (24,)
            Bids, positive for import. [MW]
        scenarios : ScenarioSet
            Scenarios of the first day.
        network : {"branch_flow", "copper_plate"}
            AC network or one bus.
        """
        days = [scenarios.subset(k) for k in range(len(scenarios))]
        return [self._pool.submit(self._dispatch, bid_mw, day, network) for day in days]

    def _dispatch(self, bid_mw: FloatArray, day: ScenarioSet, network: str) -> Dispatched:
        problem = replace(opening_problem(self._instance, day), bid_mw=bid_mw)
        dispatcher = self._idle.get()
        try:
            plan = dispatcher.plan(problem, network=network)
        finally:
            self._idle.put(dispatcher)
        if self._progress is not None:
            self._progress("dispatching")
        return Dispatched(
            profit=expected_profit(plan, day.probability),
            within_limits=bool(plan.violation.max() <= VIOLATION_TOLERANCE),
            exact=bool(plan.inexactness.max() <= EXACT),
        )


def expected_profit(plan: Plan, probability: FloatArray) -> float:
    """Return the expected profit of a plan; the program's cost of violated limits is not money. [$]

    Parameters
    ----------
    plan : Plan
        The plan.
    probability : array, shape (S,)
        Probabilities of its scenarios.
    """
    if not plan.violation.any():
        return -plan.objective
    points = plan.set_points
    supply = points.renewable_p_mw.sum(axis=2) + points.battery_p_mw.sum(axis=2)
    losses_mw = plan.tie_p_mw + supply - points.load_p_mw.sum(axis=2)
    counted = VIOLATION_PRICE * plan.violation + TIGHTENING_PRICE * losses_mw
    return float(probability @ counted.sum(axis=1)) - plan.objective
