"""Subproblems of one hour, which buys and sells energy at prices instead of getting it from the hour before.

A Lagrangian bound asks many such small problems; a pool of threads solves them.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import takewhile
from threading import Event

import numpy as np

from agents.dispatch.compiled import CompiledModel, compiled
from agents.dispatch.conic_program import ConicProgram, InfeasibleError
from agents.dispatch.first_stage import own_bid_model, store_model
from agents.dispatch.problem import Directions, DispatchProblem, hour_data
from grids.network import FloatArray, Grid, IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class HourPrices:
    """Prices of the scenarios of an hour subproblem, each times its probability.

    Attributes
    ----------
    start_per_mwh, end_per_mwh : array, shape (S, U)
        Cost of energy at the start and at the end of the hour (negative for energy of value at the end). [$/MWh]
    battery_per_mw : array, shape (S, U)
        Price of battery power. [$/MW]
    bid_per_mw, magnitude_per_mw : float
        Cost of the bid and of its magnitude. [$/MW]
    """

    start_per_mwh: FloatArray
    end_per_mwh: FloatArray
    battery_per_mw: FloatArray
    bid_per_mw: float = 0.0
    magnitude_per_mw: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class HourAnswer:
    """Answer of an hour subproblem: its least cost, and the price of a bid in each of its scenarios.

    Attributes
    ----------
    cost : float
        Lower bound on the cost, sharp to the solver's tolerance. [$]
    bid_per_mw, magnitude_per_mw : array, shape (S,)
        Derivative of each scenario's cost by the bid and by its magnitude. [$/MW]
    """

    cost: float
    bid_per_mw: FloatArray
    magnitude_per_mw: FloatArray


class HourSubproblem:
    """A reusable program for one hour of scenarios that share one bid, the direction of which is fixed.

    Parameters
    ----------
    grid : Grid
        The network.
    hour : CompiledModel
        Hour model with the part of the wear an hour keeps to itself.
    scenarios : int
        S.
    opens : bool
        The hour is the first, whose stored energy is given.
    """

    def __init__(self, grid: Grid, hour: CompiledModel, *, scenarios: int, opens: bool) -> None:
        self._program = ConicProgram()
        self._hours = self._program.add(hour, scenarios)
        self._bid = self._program.add(compiled(own_bid_model), 1)
        self._stores = None if opens else self._program.add(compiled(store_model, grid), scenarios)
        for name in ("bid_mw", "bid_magnitude_mw"):
            self._hours.link(name, np.tile(self._bid.columns(name), (scenarios, 1)))
        if self._stores is not None:
            self._hours.link("start_energy_mwh", self._stores.columns("energy_mwh"))

    def solve(
        self,
        values: Mapping[str, FloatArray],
        probability: FloatArray,
        low_mw: float,
        high_mw: float,
        prices: HourPrices,
    ) -> HourAnswer:
        """Return the least cost of the hour with a bid between `low_mw` and `high_mw`, one of which is zero.

        Parameters
        ----------
        values : mapping of str to array, shape (S, units)
            Data of the hour model.
        probability : array, shape (S,)
            Weights of the scenarios.
        """
        self._program.reweigh(self._hours, probability)
        extra = np.zeros(self._program.column_count)
        extra[self._hours.columns("end_energy_mwh")] = prices.end_per_mwh
        extra[self._hours.columns("battery_p_mw")] = prices.battery_per_mw
        extra[self._bid.columns("bid_mw")] = prices.bid_per_mw
        extra[self._bid.columns("bid_magnitude_mw")] = prices.magnitude_per_mw
        bid = {"max_import_mw": np.array([high_mw]), "max_export_mw": np.array([-low_mw])}
        given = [values, bid]
        if self._stores is not None:
            extra[self._stores.columns("energy_mwh")] = prices.start_per_mwh
            given.append({})
        solution = self._program.solve(given, extra)
        duals = solution.z[: self._hours.copies * len(self._hours.model.rhs)]
        bid_price, magnitude_price = (
            self._hours.data_prices(duals, name)[:, 0] for name in ("bid_mw", "bid_magnitude_mw")
        )
        return HourAnswer(cost=solution.bound, bid_per_mw=bid_price, magnitude_per_mw=magnitude_price)


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
