"""Means over draws with their confidence intervals, which every ± of the program denotes."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from grids.network import FloatArray

CONFIDENCE = 0.95
"""Probability with which an interval holds the mean."""

ROUND_OFF = 1e-12
"""Relative round-off of the effective number of draws."""

PLUS_MINUS = f"± {100 * CONFIDENCE:.0f} %"
"""Heading of half of an interval."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over independent draws, its standard error, and the ends of its confidence interval. [$]"""

    mean: float
    standard_error: float
    low: float
    high: float

    @classmethod
    def of(cls, values: FloatArray, probability: FloatArray | None = None) -> "Estimate":
        """Return the estimate from draws; the interval is Student's.

        Weighted draws count as so many equally probable ones as their weights are worth, (Σp)² / Σp². One has no
        error, and less than two have no interval (NaN). Of scenarios chosen by reduction both are a guide, not a
        confidence bound.

        Parameters
        ----------
        values : array, shape (N,)
            The draws.
        probability : array, shape (N,), optional
            Their weights, sum 1; by default all are equal.
        """
        weights = np.full(len(values), 1 / len(values)) if probability is None else probability
        mean, draws = float(weights @ values), 1 / float(weights @ weights)
        one, two = draws > 1 + ROUND_OFF, draws > 2 - ROUND_OFF
        error = math.sqrt(float(weights @ (values - mean) ** 2) / (draws - 1)) if one else math.nan
        reach = error * float(stdtrit(draws - 1, (1 + CONFIDENCE) / 2)) if two else math.nan
        return cls(mean=mean, standard_error=error, low=mean - reach, high=mean + reach)

    @property
    def reach(self) -> float:
        """Half of the interval, the number after a ±. [$]"""
        return self.high - self.mean

    @property
    def difference(self) -> str:
        """The mean as a difference in words, with half of its interval if it has one, and * beyond chance."""
        mean = f"{round(self.mean, 2) + 0.0:+,.2f}"
        return mean if math.isnan(self.reach) else f"{mean} ± {self.reach:,.2f} {' *'[self.beyond_chance]}"

    @property
    def beyond_chance(self) -> bool:
        """True if zero is outside the interval."""
        return self.low > 0 or self.high < 0
