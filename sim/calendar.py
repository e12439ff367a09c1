"""Calendar of a study: market days, steps of operation, market periods and settlement periods."""

from datetime import date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import BeforeValidator, Field, field_validator, model_validator

from grids.components import Data, Word
from grids.documents import in_short
from grids.network import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

PER_HOUR = (1, 2, 3, 4, 6, 12)
"""Numbers of steps into which an hour may be divided."""

MOST_HOURS = 24
"""Longest market or settlement period. [h]"""

DAY_ONE = date(1970, 1, 1)
"""Date of day 1 where the calendar has no first day."""

STEP_TOLERANCE_H = 1e-6
"""Difference between a written length, such as 0.083333, and the fraction of an hour it stands for. [h]"""


def _length(value: object) -> float:
    """Return a length in hours, given as a number or as a fraction such as ``1/12``, without its round-off. [h]"""
    try:
        hours = float(Fraction(value)) if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        raise ValueError("should be a length in hours, such as 1, 0.25 or 1/12") from None
    if not 0 < hours <= MOST_HOURS:
        raise ValueError(f"must be longer than 0 and at most {MOST_HOURS} hours")
    fives = round(12 * hours)
    return fives / 12 if abs(hours - fives / 12) <= STEP_TOLERANCE_H else hours


Length = Annotated[float, BeforeValidator(_length)]


class Calendar(Data):
    """Calendar of a study's market days, each a local calendar day of 24 hours, or of 23 or 25 at a clock change.

    Days count from 1, and so does the hour: a step is named by its day and the *hour ending*, the hours since the day
    began; 1 to 24 with hourly steps, 0.25 to 24 with quarter-hours.

    Attributes
    ----------
    time_zone : str or None
        Zone of the clock, such as ``America/Los_Angeles``; None for a clock that never changes.
    first_day : date or None
        Date of day 1.
    step_h : float
        Step of operation, within which every power is constant: 1, 1/2, 1/3, 1/4, 1/6 or 1/12 hours. [h]
    market_period_h : float
        Length for which one bid holds, a multiple of the step. [h]
    settlement_period_h : float
        Length over which metered energy is compared with the bid, a multiple of the step that divides the market
        period. [h]

    Examples
    --------
    >>> import tieline as tl
    >>> calendar = tl.Calendar(time_zone="America/Los_Angeles", first_day="2015-10-31", step_h="1/4")
    >>> calendar.steps(1), calendar.steps(2), calendar.hours_before(3)
    (96, 100, 49.0)
    >>> str(calendar.times(2)[7]), float(calendar.hour_ending(2)[7])
    ('2015-11-01 01:45:00-07:00', 2.0)
    """

    time_zone: Word | None = None
    first_day: Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))] | None = None
    step_h: Length = 1.0
    market_period_h: Length = 1.0
    settlement_period_h: Length = 1.0

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, zone: str | None) -> str | None:
        try:
            return zone and ZoneInfo(zone).key
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{in_short(zone)} is no time zone; use one such as America/Los_Angeles or UTC") from None

    @field_validator("step_h")
    @classmethod
    def _divides_an_hour(cls, step_h: float) -> float:
        if all(abs(step_h - 1 / count) > STEP_TOLERANCE_H for count in PER_HOUR):
            raise ValueError("must divide an hour: use 1, 1/2, 1/3, 1/4, 1/6 or 1/12")
        return step_h

    @model_validator(mode="before")
    @classmethod
    def _settlement_as_market(cls, data: Any) -> Any:
        """Return the values with a settlement period as long as the market period, if it is not given."""
        if isinstance(data, dict) and "market_period_h" in data and "settlement_period_h" not in data:
            return {**data, "settlement_period_h": data["market_period_h"]}
        return data

    @model_validator(mode="after")
    def _fits(self) -> Self:
        market, settlement, step = self.market_period_h, self.settlement_period_h, self.step_h
        if not _is_multiple(market, step):
            raise ValueError(f"market_period_h {market:g} is no multiple of step_h {step:g}: the step must divide it")
        if not _is_multiple(settlement, step):
            raise ValueError(f"settlement_period_h {settlement:g} is no multiple of step_h {step:g}")
        if not _is_multiple(market, settlement):
            raise ValueError(f"settlement_period_h {settlement:g} does not divide market_period_h {market:g}")
        if not _is_multiple(24, market):
            raise ValueError(f"market_period_h {market:g} does not divide a day of 24 hours")
        if self.time_zone is not None and self.first_day is None:
            raise ValueError("first_day is missing: with a time_zone give the date of day 1, such as 2015-07-02")
        return self

    @property
    def steps_per_hour(self) -> int:
        """Number of steps in an hour."""
        return round(1 / self.step_h)

    @property
    def is_hourly(self) -> bool:
        """Return whether step, market period and settlement period all are an hour."""
        return self.step_h == self.market_period_h == self.settlement_period_h == 1

    @property
    def step_name(self) -> str:
        """Name of a step in messages: hour, if it is one."""
        return "hour" if self.step_h == 1 else "step"

    @property
    def settlement_name(self) -> str:
        """Name of a settlement period in messages: hour, if all lengths are one."""
        return "hour" if self.is_hourly else "settlement period"

    @property
    def market_steps(self) -> int:
        """Number of steps for which one bid holds."""
        return round(self.market_period_h * self.steps_per_hour)

    @property
    def settlement_steps(self) -> int:
        """Number of steps over which metered energy is compared with the bid."""
        return round(self.settlement_period_h * self.steps_per_hour)

    def hours_before(self, day: int) -> float:
        """Return the hours of the run before a day. [h]"""
        if self.time_zone is None:
            return 24.0 * (day - 1)
        return (_midnight(self, day) - _midnight(self, 1)) / 3600

    def hours(self, day: int) -> float:
        """Return the length of a day: 24, or at a change of the clock mostly 23 or 25. [h]"""
        return self.hours_before(day + 1) - self.hours_before(day)

    def steps_before(self, day: int) -> int:
        """Return the number of steps of the run before a day."""
        return round(self.hours_before(day) * self.steps_per_hour)

    def steps(self, day: int) -> int:
        """Return the number of steps of a day."""
        return self.steps_before(day + 1) - self.steps_before(day)

    def day_of(self, step: int) -> tuple[int, int]:
        """Return the day of a step of the run, and the step's number in that day; steps count from 0, days from 1."""
        day = int(step / self.steps_per_hour // 24) + 1
        while self.steps_before(day) > step:
            day -= 1
        while self.steps_before(day + 1) <= step:
            day += 1
        return day, step - self.steps_before(day)

    def hour_ending(self, day: int) -> FloatArray | IntArray:
        """Return the hour ending of every step of a day, shape (T,): whole numbers where the steps are hours. [h]"""
        ends = np.arange(1, self.steps(day) + 1)
        return ends if self.steps_per_hour == 1 else ends / self.steps_per_hour

    def hour_of(self, period: int) -> int | float:
        """Return the hour ending of a step of a day by its number from 1, a whole number where steps are hours. [h]"""
        return period if self.steps_per_hour == 1 else period / self.steps_per_hour

    def elapsed(self, day: int, clock_h: FloatArray) -> FloatArray:
        """Return the hours since a day began at times of its clock; what the clock skips is the moment after. [h]"""
        moved = self.hours(day) - 24
        if not moved:
            return clock_h
        hourly = self.model_copy(update={"step_h": 1.0}).times(day).hour
        change = int(np.flatnonzero(hourly != np.arange(len(hourly)))[0])
        return np.where(clock_h < change, clock_h, np.maximum(change, clock_h + moved))

    def times(self, day: int) -> "pd.DatetimeIndex":
        """Return the time at which every step of a day begins, with the zone's offset if there is one, shape (T,).

        Without a first day, day 1 is 1 January 1970.
        """
        import pandas as pd  # not at the top: a look at a study needs none

        zone = None if self.time_zone is None else "UTC"
        first = pd.Timestamp(_midnight(self, day), unit="s", tz=zone)
        times = pd.date_range(first, periods=self.steps(day), freq=pd.Timedelta(seconds=3600 // self.steps_per_hour))
        return times if self.time_zone is None else times.tz_convert(self.time_zone)

    def market_periods(self, day: int) -> IntArray:
        """Return the market period of every step of a day, counted from 0, shape (T,)."""
        return np.arange(self.steps(day)) // self.market_steps

    def settlement_periods(self, day: int) -> IntArray:
        """Return the settlement period of every step of a day, counted from 0, shape (T,)."""
        return np.arange(self.steps(day)) // self.settlement_steps

    def check_days(self, days: int) -> None:
        """Refuse a calendar with days that its steps and periods don't divide.

        Raises
        ------
        ValueError
            If there is one.
        """
        lengths = {self.hours(day): day for day in range(days, 0, -1)} if self.time_zone else {}
        for hours, day in lengths.items():
            if not _is_multiple(hours, self.market_period_h):
                raise ValueError(
                    f"market_period_h {self.market_period_h:g} does not divide day {day}, {_date(self, day)}, which in"
                    f" {self.time_zone} has {hours:g} hours: use a shorter one"
                )


def _is_multiple(length: float, part: float) -> bool:
    return abs(length / part - round(length / part)) <= STEP_TOLERANCE_H


def _date(calendar: Calendar, day: int) -> date:
    return (calendar.first_day or DAY_ONE) + timedelta(days=day - 1)


@lru_cache(maxsize=8192)
def _midnight(calendar: Calendar, day: int) -> float:
    """Return the time at which a day begins, in seconds since 1970; a midnight that is skipped is the next moment."""
    zone = ZoneInfo(calendar.time_zone or "UTC")
    return datetime.combine(_date(calendar, day), time(), zone).timestamp()
