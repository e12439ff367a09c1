"""Scenario reduction on the Kantorovich distance (Heitsch and Römisch 2003, https://doi.org/10.1023/A:1021805924152).

Reducing a set keeps some scenarios, gives each the probability of those nearest to it, and moves the distribution
by the Kantorovich distance: the sum over dropped scenarios of probability times the distance to the nearest kept one.
"""

from typing import Literal

import numpy as np

from grids.network import FloatArray, IntArray
from sim.scenarios import ScenarioSet

Method = Literal["forward", "backward"]


def reduce_scenarios(scenarios: ScenarioSet, keep: int, method: Method = "forward") -> ScenarioSet:
    """Return the set reduced to `keep` scenarios.

    Parameters
    ----------
    scenarios : ScenarioSet
        The set to reduce.
    keep : int
        Number of scenarios to keep, 1..S. If it is S, the set comes back as it is.
    method : {"forward", "backward"}
        Fast forward selection or backward reduction.
    """
    if keep >= len(scenarios):
        return scenarios
    distance = distances(scenarios)
    probability = scenarios.probability
    select = forward_selection if method == "forward" else backward_reduction
    kept = select(distance, probability, keep)
    nearest = kept[distance[:, kept].argmin(axis=1)]
    nearest[kept] = kept  # a kept scenario stays itself, also if it has a double
    merged = np.bincount(nearest, weights=probability, minlength=len(scenarios))[kept].astype(np.float64)
    return scenarios.weighted(kept, merged, kantorovich=float(probability @ distance[:, kept].min(axis=1)))


def distances(scenarios: ScenarioSet) -> FloatArray:
    """Return the Euclidean distance between every two scenarios, shape (S, S). [MW]

    The space is the hourly totals of demand and of each unit's output, and of load less output of the microgrids if
    there are any; all of these move the tie line.
    """
    count = len(scenarios)
    parts = [scenarios.demand_mw.sum(axis=2), scenarios.available_mw.reshape(count, -1)]
    if scenarios.connection_load_mw.size:
        parts.append((scenarios.connection_load_mw - scenarios.connection_output_mw).sum(axis=2))
    points = np.concatenate(parts, axis=1)
    points = points - points.mean(axis=0)
    square = (points**2).sum(axis=1)
    # In place and symmetric, for fresh memory and a general product take twice as long.
    result: FloatArray = points @ points.T
    result *= -2
    result += square[:, None] + square
    np.sqrt(np.maximum(result, 0.0, out=result), out=result)
    np.fill_diagonal(result, 0.0)
    return result


def forward_selection(distance: FloatArray, probability: FloatArray, keep: int) -> IntArray:
    """Return the indices chosen one by one, each the one that lowers the Kantorovich distance most."""
    remaining, kept = distance.copy(), list[int]()  # to the nearest of those kept and one more, in place
    for _ in range(keep):
        cost = probability @ remaining
        cost[kept] = np.inf
        kept.append(int(cost.argmin()))
        np.minimum(remaining, distance[:, kept[-1], None], out=remaining)
    return np.sort(kept)


def backward_reduction(distance: FloatArray, probability: FloatArray, keep: int) -> IntArray:
    """Return the indices left when scenarios are dropped one by one, each the one that costs least.

    Dropping scenario i moves its own mass, and that of the dropped ones nearest to it, to their second nearest.
    """
    count = len(distance)
    alive = np.ones(count, dtype=bool)
    masked = distance.copy()
    order = np.argpartition(masked, 1, axis=1)
    first = np.arange(count)
    second = np.where(order[:, 0] == first, order[:, 1], order[:, 0])
    for _ in range(count - keep):
        rows = np.arange(count)
        increase = probability * (masked[rows, second] - masked[rows, first])
        cost = np.bincount(first, weights=increase, minlength=count)
        cost[~alive] = np.inf
        drop = int(cost.argmin())
        alive[drop] = False
        masked[:, drop] = np.inf
        stale = (first == drop) | (second == drop)
        if alive.sum() > 1:
            two = np.argpartition(masked[stale], 1, axis=1)[:, :2]
            ahead = np.take_along_axis(masked[stale], two, axis=1).argsort(axis=1)
            two = np.take_along_axis(two, ahead, axis=1)
            first[stale], second[stale] = two[:, 0], two[:, 1]
    return np.flatnonzero(alive)
