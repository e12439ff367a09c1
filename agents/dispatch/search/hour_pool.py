"""Pool of threads that solve hour subproblems: the many small problems of a Lagrangian bound."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import takewhile
from threading import Event

import numpy as np

from agents.dispatch.compiled import CompiledModel
from agents.dispatch.conic_program import InfeasibleError
from agents.dispatch.problem import Directions, DispatchProblem, hour_data
from agents.dispatch.search.hour_subproblem import HourAnswer, HourPrices, HourSubproblem
from grids.network import FloatArray, Grid, IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class HourTask:
    """Task: one hour of some scenarios that share a bid within a range; flows of one direction (0: of either)."""

    scenarios: IntArray
    hour: int
    flow: int
    low_mw: float
    high_mw: float
    probability: FloatArray
    prices: HourPrices


class HourPool:
    """Pool of threads that solve hour subproblems, each with programs of its own.

    The solver works outside Python's lock, so threads use all cores; every answer is the same as one by one.
    """

    def __init__(self, grid: Grid, hour: CompiledModel, problem: DispatchProblem, threads: int) -> None:
        self._grid, self._hour, self._problem = grid, hour, problem
        undecided = Directions.undecided(*problem.shape)
        self._data = {
            flow: hour_data(grid, problem, replace(undecided, flow=np.full(problem.shape, flow)))
            for flow in (1, 0, -1)
        }
        self._programs: list[dict[tuple[int, bool], HourSubproblem]] = [{} for _ in range(threads)]
        self.solved = 0

    def solve(self, tasks: Sequence[HourTask]) -> list[HourAnswer]:
        """Return the answer to every task, in their order."""
        self.solved += len(tasks)
        count = len(self._programs)
        interrupted = Event()
        with ThreadPoolExecutor(count) as pool:
            running = [pool.submit(self._work, self._programs[k], tasks[k::count], interrupted) for k in range(count)]
            try:
                parts = [work.result() for work in running]
            except BaseException:  # such as Ctrl-C: nobody waits for the rest
                interrupted.set()
                raise
        return [parts[k % count][k // count] for k in range(len(tasks))]

    def _work(
        self, programs: dict[tuple[int, bool], HourSubproblem], tasks: Sequence[HourTask], interrupted: Event
    ) -> list[HourAnswer]:
        return [self._solve(programs, task) for task in takewhile(lambda _: not interrupted.is_set(), tasks)]

    def _solve(self, programs: dict[tuple[int, bool], HourSubproblem], task: HourTask) -> HourAnswer:
        alone = len(task.scenarios) == 1
        key = (len(task.scenarios), task.hour == 0)
        if key not in programs:
            programs[key] = HourSubproblem(self._grid, self._hour, scenarios=key[0], opens=key[1])
        rows = task.scenarios * self._problem.shape[1] + task.hour
        values = {name: array if array.ndim == 1 else array[rows] for name, array in self._data[task.flow].items()}
        # One scenario by itself is solved as if it were certain: so all of them share a program.
        prices, share = task.prices, float(task.probability[0]) if alone else 1.0
        scaled = HourPrices(**{name: getattr(prices, name) / share for name in vars(prices)})
        try:
            answer = programs[key].solve(values, task.probability / share, task.low_mw, task.high_mw, scaled)
        except InfeasibleError:
            nothing = np.zeros(len(task.scenarios))
            return HourAnswer(cost=math.inf, bid_per_mw=nothing, magnitude_per_mw=nothing)
        return HourAnswer(
            cost=share * answer.cost,
            bid_per_mw=share * answer.bid_per_mw,
            magnitude_per_mw=share * answer.magnitude_per_mw,
        )
