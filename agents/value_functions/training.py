"""Training of value functions by approximate dynamic programming, backwards from the last hour of the day.

For every hour, from the last to the first, the hour's own problem is solved at sampled states of all stores and
sampled weather, with the value of energy at its end already known. Its duals are the value of a MWh more at its start:
one sample of the slope of the hour before, for every store at once. Isotonic regression makes the slopes fall,
so that the function is concave and the hour stays a cone program. The states are drawn around a trajectory: that of
the forecast at first, then those that the trained policy itself takes (Powell 2011, Approximate Dynamic Programming,
https://doi.org/10.1002/9781118029176).
"""

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

import numpy as np
from scipy.optimize import isotonic_regression

from agents.dispatch.kept import Shared, kept_dispatchers
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.value_functions.functions import ValueFunctions
from agents.value_functions.store_day import StoreDay
from grids.network import FloatArray
from sim.errors import StudyError
from sim.instance import Instance
from sim.scenarios import Draw, ScenarioSet

PARTS = 32
"""Parts of each function."""

NEAR, FAR, FAR_SHARE = 0.03, 0.3, 0.2
"""Standard deviation of sampled states around the trajectory, as a fraction of a store's range: of most, and of some.

Most are near, because the value of energy depends on the distance of all stores together from the bid."""

TRAINING_STREAM = 4
"""First word of the random streams' keys of a training, beside those of scenarios and cars."""

TEST_DAYS = 4
"""Number of training days on which a round is tested."""

Progress = Callable[[str], None]


class Trainer:
    """Trainer of the value functions of a study's stores.

    Parameters
    ----------
    instance : Instance
        The built study.
    bid_mw : array, shape (T,)
        The day-ahead bids the hours are settled against. [MW]
    samples : int
        Problems to solve for each hour and round.
    rounds : int
        Passes over the day.
    executor : Executor, optional
        Executor on which the problems of an hour are solved; by default they are, one after another, here.

    Raises
    ------
    StudyError
        If the study has no stores, or its network no conic form, which prices them.
    """

    def __init__(
        self,
        instance: Instance,
        bid_mw: FloatArray,
        *,
        samples: int,
        rounds: int,
        executor: Executor | None = None,
    ) -> None:
        self._day = StoreDay(instance, bid_mw)
        if not self._day.names:
            raise StudyError(f"{instance.study.name} has no stores: there is nothing to learn")
        if not instance.grid.is_radial:
            raise StudyError(f"{instance.study.name}: stores are valued on a radial network with one infeed")
        self._samples, self._rounds = samples, rounds
        self._provenance = {
            "study": instance.study.model_dump(mode="json"),
            "samples": samples,
            "rounds": rounds,
            "bid_mw": bid_mw.tolist(),
        }
        self._instance, self._map = Shared(instance), map if executor is None else executor.map
        self._forecast = instance.forecast
        self._weather = instance.draw(Draw.TRAINING, max(samples, TEST_DAYS))
        self._rng = np.random.default_rng(np.random.SeedSequence(instance.study.seed, spawn_key=(TRAINING_STREAM,)))
        self._slopes = {name: np.zeros((self._day.steps, PARTS)) for name in self._day.names}

    def train(self, progress: Progress) -> ValueFunctions:
        """Return the functions of the best round: rounds differ, because a policy learns around its own path.

        Parameters
        ----------
        progress : callable
            Called with a line of text before every hour.
        """
        forecast = path = self._forecast_path()
        best, least = self._slopes, np.inf
        for number in range(self._rounds):
            for hour in range(self._day.steps, 1, -1):
                progress(f"round {number + 1}, hour {hour}")
                self._learn(hour, (forecast, path))
            path, cost = self._simulate()
            if cost < least:
                best, least = self._slopes, cost
        return ValueFunctions(slopes=best, provenance=self._provenance)

    def _learn(self, hour: int, paths: tuple[FloatArray, FloatArray]) -> None:
        """Learn the value of energy at the start of an hour, from samples of that hour around two paths."""
        before, ranges = hour - 1, self._day.ranges
        spread = np.where(self._rng.random((self._samples, 1)) < FAR_SHARE, FAR, NEAR)
        centre = np.array([paths[sample % 2][before] for sample in range(self._samples)])
        drawn = centre + spread * self._rng.standard_normal(centre.shape)
        fills = np.clip(drawn, ranges.fill(before, self._day.needed(before)), 1.0)
        problems = [
            self._problem(hour, ranges.energy(before, fill), self._weather.subset(sample))
            for sample, fill in enumerate(fills)
        ]
        worth = np.array(list(self._map(partial(_worth_of_energy, self._instance), problems)))
        learned = {}
        for n, (name, slopes) in enumerate(self._slopes.items()):
            learned[name] = slopes.copy()
            learned[name][before - 1] = falling_slopes(fills[:, n], worth[:, n])
        self._slopes = learned

    def _problem(self, hour: int, energy_mwh: FloatArray, weather: ScenarioSet) -> DispatchProblem:
        """Return the problem of one hour, from given energies of all stores at its start."""
        functions = ValueFunctions(slopes=self._slopes, provenance={})
        return self._day.hour(hour, energy_mwh, weather, functions)

    def _simulate(self) -> tuple[FloatArray, float]:
        """Return the fill of stores under the policy, shape (T + 1, N), and the mean cost of its days. [$]"""
        paths, costs = [], []
        for day in range(TEST_DAYS):
            energy = self._day.start_mwh
            path, cost = [self._day.ranges.fill(0, energy)], 0.0
            for hour in range(1, self._day.steps + 1):
                plan = _plan(self._instance, self._problem(hour, energy, self._weather.subset(day)))
                energy = self._day.left(plan, energy)[0]
                cost += plan.objective + self._worth(hour, energy)
                path.append(self._day.ranges.fill(hour, energy))
            paths.append(np.array(path))
            costs.append(cost)
        mean: FloatArray = np.mean(paths, axis=0)
        return mean, float(np.mean(costs))

    def _worth(self, hour: int, energy_mwh: FloatArray) -> float:
        """Return the value of the energy left after an hour, which its plan counts as income. [$]"""
        ranges = self._day.ranges
        width = (ranges.most[hour] - ranges.least[hour]) / PARTS
        parts = np.clip(ranges.fill(hour, energy_mwh)[:, None] * PARTS - np.arange(PARTS), 0.0, 1.0)
        slopes = np.array([slopes[hour - 1] for slopes in self._slopes.values()])
        return float((slopes * parts * width[:, None]).sum())

    def _forecast_path(self) -> FloatArray:
        """Return the fill of stores when the day is as forecast and known in advance, shape (T + 1, N)."""
        plan = _plan(self._instance, self._day.all_hours(self._forecast))
        path = np.vstack([self._day.start_mwh, self._day.left(plan, self._day.start_mwh)])
        return np.array([self._day.ranges.fill(hour, energy) for hour, energy in enumerate(path)])


def _plan(shared: Shared, problem: DispatchProblem) -> Plan:
    return kept_dispatchers.of(shared.instance).plan(problem)


def _worth_of_energy(shared: Shared, problem: DispatchProblem) -> FloatArray:
    """Return the value of a MWh more in every store at the start of an hour, shape (N,). [$/MWh]"""
    prices = _plan(shared, problem).prices
    if prices is None:
        raise RuntimeError("the plan of one hour comes with its prices")
    worth: FloatArray = -np.concatenate([prices.energy_per_mwh[0, 0], prices.store_per_mwh[0]])
    return worth


def falling_slopes(fill: FloatArray, worth: FloatArray) -> FloatArray:
    """Return the slopes of a concave function from samples of its derivative, shape (PARTS,).

    Parameters
    ----------
    fill, worth : array, shape (samples,)
        Points between 0 and 1 at which the derivative was sampled, and its values. [$/MWh]
    """
    order = np.argsort(fill, kind="stable")
    fitted = isotonic_regression(worth[order], increasing=False).x
    slopes: FloatArray = np.interp((np.arange(PARTS) + 0.5) / PARTS, fill[order], fitted)
    return slopes
