"""Days and steps of a run, counted by the audit itself from the calendar in the study."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sim.audit.report import FloatArray, IntArray
from sim.errors import StudyError

HOUR_H = 1e-9
"""Difference of an hour ending from a whole number of steps that is round-off. [h]"""


@dataclass(frozen=True, eq=False)
class Clock:
    """Steps of a run, counted from 0, and the days they belong to.

    Attributes
    ----------
    per_hour : int
        Steps in an hour.
    bounds : array, shape (days + 1,)
        First step of every day, and the number of all steps.
    settlement_steps, market_steps : int
        Steps of a settlement period, and of a market period, for which one bid holds.
    """

    per_hour: int
    bounds: IntArray
    settlement_steps: int = 1
    market_steps: int = 1

    @classmethod
    def of(cls, study: Mapping[str, Any]) -> "Clock":
        """Return the clock of a resolved study; one without a calendar has days of 24 hours.

        Raises
        ------
        StudyError
            If the calendar makes no sense.
        """
        given = study.get("calendar") or {}
        try:
            days, per_hour = int(study["days"]), round(1 / float(given.get("step_h", 1)))
            settlement = round(float(given.get("settlement_period_h", 1)) * per_hour)
            market = round(float(given.get("market_period_h", 1)) * per_hour)
            hours = np.full(days, 24.0)
            if given.get("time_zone"):
                dates = pd.date_range(given["first_day"], periods=days + 1, freq="D")
                first = np.ones(days + 1, dtype=bool)  # of a midnight that comes twice, the first
                local = dates.tz_localize(given["time_zone"], ambiguous=first, nonexistent="shift_forward")
                hours = np.diff(local.tz_convert("UTC").as_unit("s").asi8) / 3600
            bounds = np.rint(np.append(0.0, np.cumsum(hours)) * per_hour).astype(np.int64)
        except (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
            raise StudyError(f"study.yaml: days or calendar can't be read ({type(error).__name__})") from error
        return cls(per_hour, bounds, settlement, market)

    @property
    def days(self) -> int:
        """Number of days."""
        return len(self.bounds) - 1

    @property
    def count(self) -> int:
        """Number of steps of the run."""
        return int(self.bounds[-1])

    @property
    def step_h(self) -> float:
        """Length of a step. [h]"""
        return 1 / self.per_hour

    @property
    def hours(self) -> float:
        """Length of the run. [h]"""
        return self.count / self.per_hour

    @property
    def first(self) -> IntArray:
        """First step of every day, shape (days,)."""
        return self.bounds[:-1]

    @property
    def last(self) -> IntArray:
        """Last step of every day, shape (days,)."""
        return self.bounds[1:] - 1

    @property
    def day_of(self) -> IntArray:
        """Day of every step, counted from 0, shape (H,)."""
        return np.repeat(np.arange(self.days), np.diff(self.bounds))

    def day_one(self) -> "Clock":
        """Return the clock of the first day alone."""
        return Clock(self.per_hour, self.bounds[:2], self.settlement_steps, self.market_steps)

    def time(self, step: int) -> tuple[int, int | float]:
        """Return day and hour ending of a step."""
        day = int(np.searchsorted(self.bounds, step, side="right"))
        number = step - int(self.bounds[day - 1]) + 1
        return day, number if self.per_hour == 1 else number / self.per_hour

    def step(self, day: int, hour: float) -> int:
        """Return the step of a day and an hour ending."""
        return int(self.bounds[day - 1]) + round(hour * self.per_hour) - 1

    def steps(self, day: FloatArray, hour: FloatArray) -> IntArray:
        """Return the step of every day and hour ending, -1 where there is none, shape (N,)."""
        number = np.rint(np.where(np.isfinite(hour), hour, 0.0) * self.per_hour)
        known = (day >= 1) & (day <= self.days) & (day == np.floor(day)) & (number >= 1)
        known &= np.abs(hour - number / self.per_hour) <= HOUR_H
        place = np.where(known, day, 1).astype(np.int64)
        known &= number <= np.diff(self.bounds)[place - 1]
        return np.where(known, self.bounds[place - 1] + number - 1, -1).astype(np.int64)
