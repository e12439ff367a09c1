"""Series with a time column: times of the clock, steps, gaps and units.

A row holds the means over its step: powers and prices alike. Its time is the beginning of that step, with its offset
(``2015-07-02T00:00-07:00``), in UTC (``...Z``), or without either on the clock of the study's time zone, which shows
one hour twice in autumn and leaves one out in spring. Rows are counted from 1, without the headings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from grids.documents import in_short, shown
from grids.network import FloatArray
from sim.columns import Marks
from sim.errors import StudyError

MOST_STEPS = 5_000_000
"""Largest number of steps between the first and the last time: half a century of 5 minutes."""

_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_POWERS = {"w": 1e-6, "kw": 1e-3, "mw": 1.0, "gw": 1e3}
_FRACTIONS = {"pu": 1.0, "percent": 0.01}
_PRICES = {"per_mwh": 1.0, "per_kwh": 1e3}


def unit_of(column: str) -> tuple[Literal["mw", "pu", "per_mwh", ""], float]:
    """Return the unit in the name of a column, as one of the three this package computes in, and the factor to it.

    Examples
    --------
    >>> unit_of("demand_kw"), unit_of("pv_pu_of_capacity"), unit_of("price_eur_per_kwh"), unit_of("wind")
    (('mw', 0.001), ('pu', 1.0), ('per_mwh', 1000.0), ('', 1.0))
    """
    name = column.lower()
    for text, factor in _PRICES.items():
        if re.search(rf"{text}(_|$)", name):
            return "per_mwh", factor
    for word in name.split("_"):
        if word in _POWERS:
            return "mw", _POWERS[word]
        if word in _FRACTIONS:
            return "pu", _FRACTIONS[word]
    return "", 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Series:
    """Numbers of a file at regular times.

    Attributes
    ----------
    table : DataFrame
        A column of numbers for each column of the file; the index holds the beginning of each step in the study's time
        zone, without gaps: what the file lacks is NaN.
    step_h : float
        Length of a step. [h]
    file : str
        Name of the file, for messages.
    """

    table: pd.DataFrame
    step_h: float
    file: str

    def filled(self, longest_h: float) -> Series:
        """Return the series with gaps up to a length filled by straight lines between the values on either side. [h]

        A gap whose sides lie in different days stays: the bid closes between them, when nobody knows the later one.
        """
        table = self.table.copy()
        for place, column in enumerate(table):
            for first, last in self._gaps(column):
                if (last - first + 1) * self.step_h <= longest_h + 1e-9 and self._within_a_day(first, last):
                    before, after = table.iloc[[first - 1, last + 1], place]
                    table.iloc[first : last + 1, place] = np.linspace(before, after, last - first + 3)[1:-1]
        return replace(self, table=table)

    def at_step(self, step_h: float) -> Series:
        """Return the series at another step, with the same energy in every hour. [h]

        A coarser step has the mean of those it covers, and no value if one of them has none; a finer one has the value
        of the step it lies in.
        """
        have, want = round(self.step_h * 60), round(step_h * 60)
        common, table = math.gcd(have, want), self.table
        if common < have:
            end = table.index[-1] + pd.Timedelta(minutes=have)
            finer = pd.date_range(table.index[0], end, freq=f"{common}min", inclusive="left")
            table = table.reindex(finer, method="ffill")
        if common < want:
            several = want // common
            table = table.resample(f"{want}min", origin="start_day").sum(min_count=several) / several
        return replace(self, table=table, step_h=step_h)

    def values(self, column: str, times: pd.DatetimeIndex, what: str) -> FloatArray:
        """Return a column at the steps of a market day, shape (T,).

        Parameters
        ----------
        column : str
            The column.
        times : DatetimeIndex
            Beginning of each step.
        what : str
            Field and column of the study, for messages.

        Raises
        ------
        StudyError
            If the file does not reach there, or has a gap that was not filled.
        """
        where, index = f"{what} of {self.file}", self.table.index
        if times[0] < index[0] or times[-1] > index[-1]:
            raise StudyError(
                f"{where} holds {_minute(index[0])} to {_minute(index[-1])}, but the study needs {times[0].date()};"
                " move calendar.first_day, lower days, or give a longer file"
            )
        found = self.table[column].reindex(times)
        missing = found.index[found.isna()]
        if len(missing):
            place = index.get_loc(missing[0])
            first, last = next(gap for gap in self._gaps(column) if gap[0] <= place <= gap[1])
            hours = (last - first + 1) * self.step_h
            remedy = f"give the values, or set profiles.fill_gaps_h to {hours:g} or more"
            if not self._within_a_day(first, last):
                remedy = "it reaches over midnight, when the bid closes, and so is never filled: give the values"
            raise StudyError(f"{where} has a gap of {hours:g} h from {_minute(index[first])} on; {remedy}")
        return np.asarray(found, dtype=np.float64)

    def _gaps(self, column: str) -> list[tuple[int, int]]:
        """Return the first and last place of each run of missing values."""
        missing = np.concatenate([[False], self.table[column].isna().to_numpy(), [False]])
        edges = np.flatnonzero(missing[1:] != missing[:-1])
        return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]

    def _within_a_day(self, first: int, last: int) -> bool:
        """Return whether the values on both sides of a gap are there, and of one day."""
        index = self.table.index
        return first > 0 and last < len(index) - 1 and bool(index[first - 1].date() == index[last + 1].date())


def read_series(
    table: pd.DataFrame, time: str, *, zone: str, file: str, columns: Collection[str], marks: Marks = "start"
) -> Series:
    """Return the series in a table.

    Parameters
    ----------
    table : DataFrame
        As read from the file.
    time : str
        Column of times.
    zone : str
        Time zone of the study, such as ``America/Los_Angeles``.
    file : str
        Name of the file, for messages.
    columns : collection of str
        Columns of numbers to take.
    marks : {"start", "end"}
        Whether a time is the beginning or the end of its step.

    Raises
    ------
    StudyError
        If a time is none, of another zone, in the wrong order or there twice; if steps differ, or a number is none.
    """
    where = f"profiles.time: column '{time}' of {file}"
    if time not in table:
        raise StudyError(f"{where} does not exist; the file has {shown(', '.join(map(str, table.columns)))}")
    if len(table) < 2:
        raise StudyError(f"{where} has {len(table)} rows; give the study's days, two rows at least")
    times = clock_times(table[time], zone, where)
    step = _step(times, where)
    if marks == "end":
        times = times - step
    values = {column: _numbers(table[column], times, f"profiles: column '{column}' of {file}") for column in columns}
    regular = pd.date_range(times[0], times[-1], freq=step)
    return Series(
        table=pd.DataFrame(values, index=times).reindex(regular), step_h=step / pd.Timedelta(hours=1), file=file
    )


def clock_times(column: pd.Series, zone: str, where: str) -> pd.DatetimeIndex:
    """Return the times of a column in a time zone.

    Raises
    ------
    StudyError
        If one is no time, or can't be one of this zone.
    """
    if pd.api.types.is_numeric_dtype(column):
        raise StudyError(f"{where} holds numbers ({column.iloc[0]}); write times, such as 2015-07-02T00:00-07:00")
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(column).tz_convert(zone)
    text = column.astype(str).str.strip()
    offsets = text.str.extract(_OFFSET, expand=False).where(text.str.contains(":"))
    parsed = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    if (bad := np.flatnonzero(parsed.isna())).size:
        raise StudyError(
            f"{where} is no time in row {bad[0] + 1} ({in_short(text.iloc[bad[0]])}); write 2015-07-02T00:00-07:00,"
            " or 2015-07-02 00:00 in the study's time zone"
        )
    naive = offsets.isna().to_numpy()
    if naive.all():
        return _localized(pd.DatetimeIndex(parsed).tz_localize(None), zone, where)
    if naive.any():
        raise StudyError(
            f"{where} has times with an offset from UTC and times without, as in row {np.flatnonzero(naive)[0] + 1};"
            " write all of them one way"
        )
    times = pd.DatetimeIndex(parsed).tz_convert(zone)
    known = {offset for year in {times[0].year, times[-1].year} for offset in _offsets(zone, year)}
    used = offsets.str.replace(":", "").replace("Z", "+0000")
    if (bad := np.flatnonzero(~used.isin({*known, "+0000"}))).size:
        raise StudyError(
            f"{where} has the offset {offsets.iloc[bad[0]]} in row {bad[0] + 1}, which {zone} never has that year"
            f" ({', '.join(sorted(known))}); set calendar.time_zone to that of the file, or write UTC"
        )
    return times


def _offsets(zone: str, year: int) -> set[str]:
    """Return the offsets from UTC of a zone in winter and in summer of a year."""
    return {pd.Timestamp(year, month, 1, tz=zone).strftime("%z") for month in (1, 7)}


def _localized(naive: pd.DatetimeIndex, zone: str, where: str) -> pd.DatetimeIndex:
    """Return times without offset in a zone: of an hour shown twice, what comes second is winter time."""
    skipped = naive.tz_localize(zone, ambiguous=np.ones(len(naive), dtype=bool), nonexistent="NaT").isna()
    if skipped.any():
        row = int(np.flatnonzero(skipped)[0])
        raise StudyError(
            f"{where} has {_minute(naive[row])} in row {row + 1}, which the clock of {zone} leaves out that day (of 23"
            " hours); set calendar.time_zone to that of the file, or write the offsets from UTC"
        )
    twice = naive.tz_localize(zone, ambiguous="NaT").isna()
    again = naive.duplicated(keep="first")
    once = twice & ~naive.duplicated(keep=False)
    if once.any():
        row = int(np.flatnonzero(once)[0])
        day = naive[row].date()
        raise StudyError(
            f"{where} has {_minute(naive[row])} once (row {row + 1}), but the clock of {zone} shows it twice: {day}"
            f" has 25 hours, and {(naive.date == day).sum()} rows; give that hour twice, or write offsets from UTC"
        )
    return naive.tz_localize(zone, ambiguous=~again)


def _step(times: pd.DatetimeIndex, where: str) -> pd.Timedelta:
    """Return the step of the times; those of a gap are multiples of it."""
    steps = np.diff(times.asi8)
    if (bad := np.flatnonzero(steps <= 0)).size:
        row = bad[0] + 1
        if steps[bad[0]] == 0 or times[row] in times[:row]:
            raise StudyError(f"{where} has {_minute(times[row])} twice, again in row {row + 1}; give it once")
        raise StudyError(
            f"{where} has {_minute(times[row])} in row {row + 1} after {_minute(times[row - 1])}; sort the rows"
        )
    step = pd.Timedelta(int(pd.Series(steps).mode().iloc[0]), unit=times.unit)
    if (pd.Timedelta(hours=1) % step and step % pd.Timedelta(hours=1)) or step > pd.Timedelta(hours=24):
        raise StudyError(f"{where} has steps of {step}; give a step that divides an hour, such as 15 minutes")
    if (times[-1] - times[0]) / step > MOST_STEPS:
        raise StudyError(f"{where} reaches from {times[0].date()} to {times[-1].date()} in steps of {step}; give less")
    if (bad := np.flatnonzero(steps % int(step.as_unit(times.unit).value))).size:
        row = bad[0] + 1
        raise StudyError(
            f"{where} has steps of {step}, but {_minute(times[row])} in row {row + 1} is between two; give every step"
        )
    return step


def _numbers(column: pd.Series, times: pd.DatetimeIndex, where: str) -> FloatArray:
    """Return the numbers of a column, NaN where a field is empty."""
    values: FloatArray = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    if (bad := np.flatnonzero(np.isinf(values) | (np.isnan(values) & column.notna().to_numpy()))).size:
        row = int(bad[0])
        raise StudyError(
            f"{where} is not a finite number in row {row + 1}, {_minute(times[row])}"
            f" ({in_short(str(column.iloc[row]))}); leave it empty if it is not known"
        )
    return values


def _minute(time: pd.Timestamp) -> str:
    return f"{time:%Y-%m-%d %H:%M}"
