"""Forecast errors with memory: first-order autoregression, and a Gaussian copula of the errors of the past.

The copula (Pinson and others, Wind Energy 12, 2009, 51, doi:10.1002/we.284) has two parts, both from the days before
the one whose scenarios are drawn:

- the distribution of the error at every level of the forecast: the errors of the past are divided by the level of
  their forecast into classes of equal number, and the quantiles of neighbouring classes are interpolated;
- the correlation of their normal scores over the periods of a day and between demand, wind and sun, shrunk towards
  none as far as the days are too few to tell (Schäfer and Strimmer, Stat. Appl. Genet. Mol. Biol. 4, 2005, 32).
"""

from dataclasses import dataclass

import numpy as np

from grids.network import FloatArray, IntArray

LEAST_DAYS = 14
"""Days of history below which errors are drawn as without one."""

MOST_LEVELS, LEAST_ERRORS = 10, 50
"""Most classes of the level of the forecast, and fewest errors in one."""

PROBABILITIES = (np.arange(200) + 0.5) / 200
"""Probabilities whose quantiles are kept."""

SMALLEST_PU = 1e-4
"""Forecast below which there is nothing to err about, such as PV at night."""


def autoregression(deviates: FloatArray, *, step_h: float, correlation_time_h: float, axis: int = -1) -> FloatArray:
    """Return first-order autoregressive deviates of unit variance made from independent ones.

    Parameters
    ----------
    deviates : array
        Independent standard normal deviates.
    step_h, correlation_time_h : float
        Step along the axis, and time in which the correlation falls to 1/e; 0 leaves the deviates as they are. [h]

    Examples
    --------
    >>> [round(float(z), 3) for z in autoregression(np.array([1.0, 0, 0]), step_h=1, correlation_time_h=1 / np.log(2))]
    [1.0, 0.5, 0.25]
    """
    if correlation_time_h == 0:
        return deviates
    from scipy.signal import lfilter  # not at the top: a look at a study needs none of this

    kept = np.exp(-step_h / correlation_time_h)
    fresh = np.moveaxis(deviates * np.sqrt(1 - kept**2), axis, 0)
    fresh[0] = np.take(deviates, 0, axis=axis)
    return np.moveaxis(np.asarray(lfilter([1.0], [1.0, -kept], fresh, axis=0)), 0, axis)


def shrunk_correlation(scores: FloatArray) -> tuple[FloatArray, float]:
    """Return the correlation matrix of samples of zero mean, shrunk towards the identity, and by how much.

    Parameters
    ----------
    scores : array, shape (H, N)
        Samples, a row each; a value that is missing is NaN, and counts as 0.

    Returns
    -------
    tuple
        Matrix, shape (N, N), positive definite; and the weight of the identity in it, which minimises the expected
        squared error: the variance of the correlations in all, divided by their squares.
    """
    scores = np.nan_to_num(scores)
    size = np.sqrt((scores**2).mean(axis=0))
    scores = scores / np.where(size > 0, size, 1.0)
    days = len(scores)
    correlation = scores.T @ scores / days
    variance = ((scores**2).T @ scores**2 - days * correlation**2) * days / (days - 1) ** 3
    off = ~np.eye(len(correlation), dtype=bool)
    squares = (correlation[off] ** 2).sum()
    shrinkage = float(np.clip(variance[off].sum() / squares, 1e-3, 1.0)) if squares > 0 else 1.0
    correlation = (1 - shrinkage) * correlation
    np.fill_diagonal(correlation, 1.0)
    return correlation, shrinkage


@dataclass(frozen=True, eq=False, kw_only=True)
class Marginal:
    """Distribution of the error of one quantity at every level of its forecast.

    Attributes
    ----------
    levels : array, shape (L,)
        Mean forecast of each class, increasing. [p.u.]
    quantiles : array, shape (L, 200)
        Errors of each class at `PROBABILITIES`. [p.u.]
    """

    levels: FloatArray
    quantiles: FloatArray

    def errors(self, probability: FloatArray, forecast: FloatArray) -> FloatArray:
        """Return the errors that have a probability at a level of the forecast, shapes (S, T) and (T,). [p.u.]"""
        place = np.interp(forecast, self.levels, np.arange(len(self.levels)))
        below = np.minimum(place.astype(int), len(self.levels) - 1)
        above = np.minimum(below + 1, len(self.levels) - 1)
        weight = (place - below)[:, None]
        quantiles = (1 - weight) * self.quantiles[below] + weight * self.quantiles[above]
        columns = [np.interp(probability[:, t], PROBABILITIES, row) for t, row in enumerate(quantiles)]
        return np.stack(columns, axis=1)


def _marginal(forecast: FloatArray, error: FloatArray) -> tuple[Marginal, FloatArray]:
    """Return the distribution of errors, and their normal scores within their classes, shape (N,)."""
    from scipy.special import ndtri

    classes = int(np.clip(len(error) // LEAST_ERRORS, 1, MOST_LEVELS))
    parts = np.array_split(np.argsort(forecast, kind="stable"), classes)
    scores = np.empty(len(error))
    for part in parts:
        ranks = np.argsort(np.argsort(error[part], kind="stable"), kind="stable")
        scores[part] = ndtri((ranks + 0.5) / len(part))
    levels = np.array([forecast[part].mean() for part in parts])
    quantiles = np.array([np.quantile(error[part], PROBABILITIES) for part in parts])
    return Marginal(levels=levels, quantiles=quantiles), scores


@dataclass(frozen=True, eq=False, kw_only=True)
class ErrorHistory:
    """Distribution of the forecast errors of a day, from those of the past.

    Attributes
    ----------
    marginals : tuple of Marginal or None
        Distribution for each of K quantities, None for one without history.
    root : array, shape (P * K, P * K)
        Cholesky factor of the correlation of the normal scores, P the steps that a clock shows in a day.
    shrinkage : float
        Weight of the identity in that correlation.
    days : int
        Days of history.
    """

    marginals: tuple[Marginal | None, ...]
    root: FloatArray
    shrinkage: float
    days: int

    @classmethod
    def of(cls, forecast: FloatArray, actual: FloatArray) -> "ErrorHistory | None":
        """Return the distribution of the errors of some days, None if they are fewer than `LEAST_DAYS`.

        Parameters
        ----------
        forecast, actual : array, shape (H, P, K)
            Quantities at each step of the clock, NaN where there is none. [p.u.]
        """
        days, _, quantities = forecast.shape
        if days < LEAST_DAYS:
            return None
        scores = np.full(forecast.shape, np.nan)
        marginals: list[Marginal | None] = []
        for k in range(quantities):
            there = (forecast[..., k] >= SMALLEST_PU) & np.isfinite(actual[..., k])
            if not there.any():
                marginals.append(None)
                continue
            expected, error = forecast[there, k], (actual - forecast)[there, k]
            marginal, scores[there, k] = _marginal(expected, error)
            marginals.append(marginal)
        correlation, shrinkage = shrunk_correlation(scores.reshape(days, -1))
        return cls(
            marginals=tuple(marginals),
            root=np.asarray(np.linalg.cholesky(correlation), dtype=np.float64),
            shrinkage=shrinkage,
            days=days,
        )

    def draw(self, rng: np.random.Generator, count: int, *, forecast: FloatArray, steps: IntArray) -> FloatArray:
        """Return scenarios of the errors relative to the forecast, shape (S, T, K); NaN of what has no history.

        Parameters
        ----------
        rng : Generator
            Source of random numbers.
        count : int
            Number of scenarios S.
        forecast : array, shape (T, K)
            Forecast of the day. [p.u.]
        steps : array, shape (T,)
            Step of the clock at which each step of the day begins; an hour shown twice has the same error twice.
        """
        from scipy.special import ndtr

        quantities = forecast.shape[1]
        deviates = rng.standard_normal((count, len(self.root))) @ self.root.T
        probability = ndtr(deviates.reshape(count, -1, quantities)[:, steps])
        drawn = np.full((count, *forecast.shape), np.nan)
        for k, marginal in enumerate(self.marginals):
            if marginal is not None:
                level = np.maximum(forecast[:, k], SMALLEST_PU)
                relative = marginal.errors(probability[..., k], level) / level
                drawn[..., k] = np.where(forecast[:, k] >= SMALLEST_PU, relative, 0.0)
        return drawn
