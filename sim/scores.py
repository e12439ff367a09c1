"""Scores of scenarios against what happened: reliability, sharpness, autocorrelation, and proper scores.

Scenarios are equally probable; an array of them has the axis of scenarios first. Proper scores are the smaller, the
better, and smallest on average for the distribution that what happens is drawn from (Gneiting and Raftery, J. Am.
Stat. Assoc. 102, 2007, 359, doi:10.1198/016214506000001437).
"""

import numpy as np

from grids.network import FloatArray


def reliability(scenarios: FloatArray, actual: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Return how often what happened lay below the quantiles of the scenarios: of reliable ones, their probabilities.

    Parameters
    ----------
    scenarios : array, shape (S, N)
        Scenarios at N times.
    actual : array, shape (N,)
        Values that happened.
    probabilities : array, shape (P,)
        Probabilities of the quantiles.

    Returns
    -------
    array, shape (P,)
        Shares of the N times.

    Examples
    --------
    >>> three_times = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    >>> reliability(three_times, np.array([0.5, 0.9, 1.5]), np.array([0.0, 0.5, 1.0])).round(3).tolist()
    [0.0, 0.667, 1.0]
    """
    return np.asarray((actual <= np.quantile(scenarios, probabilities, axis=0)).mean(axis=1), dtype=np.float64)


def unreliability(scenarios: FloatArray, actual: FloatArray) -> float:
    """Return the mean distance of :func:`reliability` from the probabilities 0.05, 0.10 ... 0.95."""
    probabilities = np.arange(1, 20) / 20
    return float(np.abs(reliability(scenarios, actual, probabilities) - probabilities).mean())


def sharpness(scenarios: FloatArray, share: float = 0.9) -> float:
    """Return the mean width of the central interval that has a share of the scenarios, in their unit.

    Examples
    --------
    >>> sharpness(np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]), share=0.5)
    1.5
    """
    lower, upper = np.quantile(scenarios, [(1 - share) / 2, (1 + share) / 2], axis=0)
    return float((upper - lower).mean())


def autocorrelation(errors: FloatArray, lags: int) -> FloatArray:
    """Return the correlation of errors of one day with those some periods later.

    Parameters
    ----------
    errors : array, shape (N, T)
        Errors of zero mean in each period of N days or scenarios.
    lags : int
        Longest lag, in periods.

    Returns
    -------
    array, shape (lags + 1,)
        Correlations at lags 0 (which is 1), 1 ... `lags`; NaN where there are no errors.

    Examples
    --------
    >>> autocorrelation(np.array([[1.0, 1.0, -1.0, -1.0]]), 2).round(3).tolist()
    [1.0, 0.333, -1.0]
    """
    found = []
    for lag in range(lags + 1):
        early, late = errors[:, : errors.shape[1] - lag], errors[:, lag:]
        size = np.sqrt((early**2).sum() * (late**2).sum())
        found.append((early * late).sum() / size if size > 0 else np.nan)
    return np.array(found)


def crps(scenarios: FloatArray, actual: FloatArray) -> float:
    """Return the mean continuous ranked probability score, in the unit of the scenarios, shapes (S, N) and (N,).

    Examples
    --------
    >>> crps(np.array([[0.0], [2.0]]), np.array([1.0]))  # 1 - (0 + 2 + 2 + 0) / 4 / 2
    0.5
    """
    ordered, count = np.sort(scenarios, axis=0), len(scenarios)
    spread = (2 * np.arange(1, count + 1) - count - 1) @ ordered / count**2  # half the mean distance of two
    return float((np.abs(scenarios - actual).mean(axis=0) - spread).mean())


def energy_score(scenarios: FloatArray, actual: FloatArray) -> float:
    """Return the energy score of one day, in the unit of the scenarios.

    Parameters
    ----------
    scenarios : array, shape (S, N)
        Scenarios of the whole day: all periods, and all quantities.
    actual : array, shape (N,)
        Day that happened.

    Examples
    --------
    >>> energy_score(np.array([[0.0, 0.0], [6.0, 8.0]]), np.array([3.0, 4.0]))  # 5 - (0 + 10 + 10 + 0) / 4 / 2
    2.5
    """
    distance = np.linalg.norm(scenarios - actual, axis=1).mean()
    squares = (scenarios**2).sum(axis=1)
    between = np.maximum(squares[:, None] + squares - 2 * scenarios @ scenarios.T, 0.0)
    return float(distance - np.sqrt(between).mean() / 2)


def variogram_score(scenarios: FloatArray, actual: FloatArray, order: float = 0.5) -> float:
    """Return the variogram score of one day, which sees a wrong correlation better than the energy score does.

    The mean square, over pairs of periods, of the difference between what the scenarios expect of the distance of
    their two values, to the power of `order`, and what happened (Scheuerer and Hamill, Mon. Weather Rev. 143, 2015,
    1321, doi:10.1175/MWR-D-14-00269.1).

    Examples
    --------
    >>> variogram_score(np.array([[0.0, 0.0], [0.0, 4.0]]), np.array([0.0, 1.0]))  # (0 + 2) / 2 expected, 1 happened
    0.0
    """
    expected = np.zeros((scenarios.shape[1],) * 2)
    for one in scenarios:
        expected += np.abs(one[:, None] - one) ** order
    happened = np.abs(actual[:, None] - actual) ** order
    pairs = np.triu_indices(len(actual), 1)
    return float(((expected / len(scenarios) - happened)[pairs] ** 2).mean())
