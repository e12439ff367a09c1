"""Forecasts and actuals of every market day from a file of series, and rules for forecasts that it lacks.

At gate closure, the midnight at which a market day begins, all before it is known and nothing after it. Rules make the
forecast of a day from what has happened by then:

- ``persistence``: as in the same period of the day before;
- ``weekly_mean``: the mean of the same period over the days of the same kind (working days, Saturdays, Sundays) in the
  four weeks before, of as many of them as the file has;
- ``perfect``: as it will be, a bound that no forecast reaches.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from itertools import compress

import numpy as np
import pandas as pd

from grids.network import BoolArray, FloatArray, Grid, IntArray
from sim.calendar import Calendar
from sim.columns import ActualColumns, ProfileSpec
from sim.error_model import ErrorHistory
from sim.errors import StudyError
from sim.profiles import FRACTIONS, Profiles, read_table
from sim.scenarios import DayErrors
from sim.series import Series, read_series, unit_of

WEEKLY_DAYS = 28
"""Days before a market day over which ``weekly_mean`` looks."""

MOST_DEMAND = 20.0
"""Largest peak of a demand, as a multiple of the nominal one; the smallest is its inverse."""

NOONS = (9.0, 16.0)
"""Earliest and latest time of the clock at which the middle of all sunshine may lie. [h]"""

_BUSES = {"demand_pu": "load", "wind_pu": "wind", "pv_pu": "pv"}
"""Profiles of which each zone may have its own, and the kind of what they belong to."""


class SeriesProfiles:
    """Profiles of each market day, from a file of series.

    Parameters
    ----------
    spec : ProfileSpec
        File and columns.
    calendar : Calendar
        Days and steps.
    grid : Grid
        Network whose nominal demand and capacities power is a fraction of.

    Raises
    ------
    StudyError
        If the file can't be used; the message names field, row or time, and remedy.
    """

    def __init__(self, spec: ProfileSpec, calendar: Calendar, grid: Grid) -> None:
        if calendar.first_day is None:
            raise StudyError(
                "calendar.first_day: is missing, but profiles.time names a column of times; give the date of day 1"
            )
        self.spec, self.calendar, self._grid = spec, calendar, grid
        self._day_values = lru_cache(maxsize=2048)(self._values_of_day)
        self._past_day = lru_cache(maxsize=2048)(self._both_of_day)
        self._forecast = lru_cache(maxsize=2048)(self._forecast_of_day)
        _require_known_buses(spec, grid)
        self._columns = self._all_columns()
        self._series = self._read()

    def __reduce__(self) -> tuple[type["SeriesProfiles"], tuple[ProfileSpec, Calendar, Grid]]:
        """Return how another process makes it again: it reads the file."""
        return type(self), (self.spec, self.calendar, self._grid)

    def require_days(self, days: int) -> None:
        """Refuse a file that lacks something of the market days 1 to `days`, before a run of a year begins.

        Raises
        ------
        StudyError
            If the file does not reach there, or has a gap.
        """
        table, first, last = self._series.table, self._times(1)[0], self._times(days)[-1]
        for (name, actual), columns in self._columns.items():
            for column in dict.fromkeys(columns):
                asked = table.loc[first:last, _key(name, column)]
                missing = asked.index[asked.isna()]
                wrong = 1 if first < table.index[0] else days if last > table.index[-1] else 0
                if len(missing) and not wrong:
                    wrong = (missing[0].date() - first.date()).days + 1
                if wrong:
                    self._day_values(name, wrong, actual)

    def profiles(self, day: int) -> Profiles:
        """Return the forecast of a market day, counted from 1.

        Raises
        ------
        StudyError
            If the file does not reach there, or has a gap.
        """
        return Profiles(**{name: self._forecast(name, day) for name in [*_unnamed(self.spec), *self.spec.columns]})

    def actual(self, day: int) -> dict[str, FloatArray]:
        """Return what happened on a market day, by the fields of `Profiles`; only what has columns.

        Raises
        ------
        StudyError
            If the file does not reach there, or has a gap.
        """
        names = [name for name in ActualColumns.model_fields if self._columns[name, True]]
        return {name: self._day_values(name, day, True) for name in names}

    def clock_steps(self, day: int) -> IntArray:
        """Return the step of the clock at which each step of a day begins, shape (T,); twice if shown twice."""
        times = self.calendar.times(day)
        return np.asarray((times.hour * 60 + times.minute) * self.calendar.steps_per_hour // 60, dtype=np.intp)

    def errors(self, day: int, most_days: int) -> DayErrors | None:
        """Return the errors of the days before a market day, to draw its scenarios from; None if they are too few.

        Days with a gap, or before the file begins, are left out.

        Parameters
        ----------
        day : int
            Market day, counted from 1.
        most_days : int
            Days to look back.
        """
        days = [self._past_day(before) for before in range(day - 1, day - 1 - most_days, -1)]
        past = np.array([both for both in days if both is not None])
        history = ErrorHistory.of(past[:, 0], past[:, 1]) if len(past) else None
        expected, steps = self._kinds(day, actual=False), self.clock_steps(day)
        return None if history is None else partial(history.draw, forecast=expected, steps=steps)

    def _both_of_day(self, day: int) -> FloatArray | None:
        """Return forecast and actual of a day by the steps of the clock, shape (2, P, 3); None if they have a gap."""
        try:
            both = [self._kinds(day, actual=actual) for actual in (False, True)]
        except StudyError:
            return None
        by_clock = np.full((2, 24 * self.calendar.steps_per_hour, len(_BUSES)), np.nan)
        by_clock[:, self.clock_steps(day)] = both
        return by_clock

    def _kinds(self, day: int, *, actual: bool) -> FloatArray:
        """Return demand, wind and PV of a day, each of all its units, shape (T, 3); NaN of what is not given."""
        columns = []
        for name in _BUSES:
            if actual and not self._columns[name, True]:
                columns.append(np.full(self.calendar.steps(day), np.nan))
                continue
            values = self._day_values(name, day, True) if actual else self._forecast(name, day)
            if values.ndim == 2:
                mine = slice(None) if name == "demand_pu" else self._mine(name)
                values = np.average(values[:, mine], axis=1, weights=self._nominal_mw(name))
            columns.append(values)
        return np.column_stack(columns)

    def _times(self, day: int) -> pd.DatetimeIndex:
        times = self.calendar.times(day)
        return times.tz_localize("UTC") if times.tz is None else times

    def _mine(self, name: str) -> BoolArray:
        """Return which renewable units are of the kind of a profile, shape (G,)."""
        return np.array([kind == _BUSES[name] for kind in self._grid.renewable_kinds])

    # ---- forecasts ----

    def _by_rule(self, name: str) -> bool:
        actual = getattr(self.spec.actual, name, None)
        zones = [getattr(zone.actual, name, None) for zone in self.spec.zones]
        return self.spec.forecast_rule is not None and any((actual, *zones))

    def _forecast_of_day(self, name: str, day: int) -> FloatArray:
        if not self._by_rule(name):
            if (name, False) in self._columns:
                return self._day_values(name, day, False)
            return np.zeros(self.calendar.steps(day))
        if self.spec.forecast_rule == "perfect":
            return self._day_values(name, day, True)
        if self.spec.forecast_rule == "persistence":
            return self._at_clock(name, day - 1, day)
        return self._weekly_mean(name, day)

    def _at_clock(self, name: str, source: int, day: int) -> FloatArray:
        """Return what happened on a day at the steps of the clock of another one."""
        values: FloatArray = self._day_values(name, source, True)
        steps = self.clock_steps(source)
        places = np.searchsorted(np.maximum.accumulate(steps), self.clock_steps(day), side="right") - 1
        return values[np.maximum(places, 0)]

    def _weekly_mean(self, name: str, day: int) -> FloatArray:
        kind = _kind(self.calendar.times(day)[0])
        found = []
        for before in range(day - 1, day - 1 - WEEKLY_DAYS, -1):
            if _kind(self.calendar.times(before)[0]) == kind:
                try:
                    found.append(self._at_clock(name, before, day))
                except StudyError:  # before the file begins, or a gap
                    continue
        if not found:
            raise StudyError(
                f"profiles.forecast_rule: weekly_mean finds no day like {self.calendar.times(day)[0].date()} in the"
                f" {WEEKLY_DAYS} days before it in {self._series.file}; move calendar.first_day, or use persistence"
            )
        return np.asarray(np.mean(found, axis=0), dtype=np.float64)

    # ---- columns ----

    def _all_columns(self) -> dict[tuple[str, bool], list[str]]:
        """Return the columns of each profile, of its forecast (False) and of what happened (True)."""
        return {
            (name, actual): self._columns_of(name, actual=actual)
            for actual in (False, True)
            for name in (ActualColumns.model_fields if actual else self.spec.columns)
            if actual or not self._by_rule(name)
        }

    def _columns_of(self, name: str, *, actual: bool) -> list[str]:
        """Return the column of each load or unit, one column of what all share, or none if none is given."""
        spec = self.spec
        common = getattr(spec.actual if actual else spec, name)
        if name not in _BUSES:
            return [common] if common else []
        columns = []
        for bus in self._buses(name):
            own = [getattr(zone.actual if actual else zone, name) for zone in spec.zones if bus in zone.buses]
            columns.append(next(filter(None, own), common))
        if any(columns) and not all(columns):
            bus = self._buses(name)[columns.index(None)]
            raise StudyError(
                f"profiles.actual.{name}: is given for some zones, but not for bus {bus}; name its column"
            )
        return columns if any(columns) else []

    def _buses(self, name: str) -> list[int]:
        """Return the bus of each load, wind turbine or PV plant."""
        grid, kind = self._grid, _BUSES[name]
        if kind == "load":
            return [int(bus) for bus in grid.bus_ids[grid.load_bus]]
        return [unit.bus for unit in compress(grid.renewables, (each == kind for each in grid.renewable_kinds))]

    def _nominal_mw(self, name: str) -> FloatArray:
        """Return the nominal demand of each load, or the capacity of each wind turbine or PV plant. [MW]"""
        grid, kind = self._grid, _BUSES[name]
        if kind == "load":
            return grid.load_p_mw
        units = compress(grid.renewables, (each == kind for each in grid.renewable_kinds))
        return np.array([unit.max_s_mva for unit in units])

    def _read(self) -> Series:
        """Return the series of all columns as the fractions and prices that profiles hold, at the study's step."""
        spec, table = self.spec, read_table(self.spec.file)
        for (name, actual), columns in self._columns.items():
            for column in columns:
                if column not in table:
                    raise StudyError(
                        f"profiles.{'actual.' * actual}{name}: column '{column}' of {spec.file} does not exist; the"
                        f" file has {', '.join(map(str, table.columns))[:200]}"
                    )
        used = sorted({column for columns in self._columns.values() for column in columns})
        zone, file = self.calendar.time_zone or "UTC", spec.file.rpartition("/")[2]
        series = read_series(table, spec.time or "", zone=zone, file=file, columns=used, marks=spec.time_marks)
        return self._usable(series).filled(spec.fill_gaps_h).at_step(self.calendar.step_h)

    def _usable(self, series: Series) -> Series:
        """Return series with a column for each use of one, as the fractions and prices that profiles hold."""
        used = list(series.table)
        for (name, actual), columns in self._columns.items():
            for column in dict.fromkeys(columns):
                series.table[_key(name, column)] = self._scaled(series, name, column, actual=actual)
        return replace(series, table=series.table.drop(columns=used))

    def _scaled(self, series: Series, name: str, column: str, *, actual: bool) -> pd.Series:
        """Return a column in the unit of its profile; refuse values that no such profile has."""
        unit, factor = unit_of(column)
        where = f"profiles.{'actual.' * actual}{name}: column '{column}' of {series.file}"
        wanted = "pu" if name in FRACTIONS else "per_mwh"
        values = factor * series.table[column]
        if unit == "mw" and name in _BUSES:
            mine = np.array(self._columns[name, actual]) == column
            values = values / self._nominal_mw(name)[mine].sum()
        elif unit not in ("", wanted):
            raise StudyError(f"{where} is in {unit.replace('per_', '$/')}; this needs one whose name has _{wanted}")
        if name == "demand_pu":
            _require_plausible(values, where, f"{self._nominal_mw(name).sum():.3g} MW")
        if wanted == "pu":
            upper, remedy = FRACTIONS[name]
            bad = np.flatnonzero((values < 0) | (values > upper))
            if bad.size:
                raise StudyError(
                    f"{where} is {series.table[column].iloc[bad[0]]:g} at {values.index[bad[0]]:%Y-%m-%d %H:%M}, a"
                    f" fraction of {values.iloc[bad[0]]:.4g}; give a fraction of {remedy}, or name the column's unit"
                )
        if name == "pv_pu":
            _require_day(values, where)
        return values

    def _values_of_day(self, name: str, day: int, actual: bool) -> FloatArray:
        times = self._times(day)
        columns = self._columns[name, actual]
        if not columns:
            return np.zeros(len(times))
        found = {
            column: self._series.values(
                _key(name, column), times, f"profiles.{'actual.' * actual}{name}: column '{column}'"
            )
            for column in dict.fromkeys(columns)
        }
        if len(found) == 1:
            return found[columns[0]]
        if name == "demand_pu":
            return np.column_stack([found[column] for column in columns])
        values = np.zeros((len(times), len(self._grid.renewables)))
        values[:, self._mine(name)] = np.column_stack([found[column] for column in columns])
        return values


def _key(name: str, column: str) -> str:
    """Return the name of a column that is scaled as one of the profiles."""
    return f"{column} as {name}"


def _unnamed(spec: ProfileSpec) -> Iterator[str]:
    """Yield the profiles that have a column of what happened only, from which a rule makes their forecast."""
    for name in ActualColumns.model_fields:
        if spec.forecast_rule and name not in spec.columns and getattr(spec.actual, name):
            yield name


def _kind(time: pd.Timestamp) -> int:
    """Return the kind of a day: 0 for working days, 5 and 6 for Saturdays and Sundays."""
    return time.dayofweek if time.dayofweek >= 5 else 0


def _require_known_buses(spec: ProfileSpec, grid: Grid) -> None:
    known = {*grid.bus_ids[grid.load_bus].tolist(), *(unit.bus for unit in grid.renewables)}
    for place, zone in enumerate(spec.zones):
        if unknown := sorted({*zone.buses} - known):
            raise StudyError(
                f"profiles.zones.{place}.buses: bus {unknown[0]} has no load, wind turbine or PV plant; leave it out"
            )


def _require_plausible(values: pd.Series, where: str, nominal: str) -> None:
    """Refuse a demand a thousand times too large or small, which is in another unit than its name says."""
    peak = float(values.max())
    if not 1 / MOST_DEMAND <= peak <= MOST_DEMAND:
        raise StudyError(
            f"{where} has a peak of {peak:.3g} times the nominal demand of the network ({nominal}): is it in kW,"
            " MW or GW? Write its unit in the column's name, such as demand_kw; of a region's demand take a fraction"
        )


def _require_day(values: pd.Series, where: str) -> None:
    """Refuse sunshine around a time of the clock at which it is nowhere noon."""
    index = pd.DatetimeIndex(values.index)
    turn = (values * np.exp(2j * np.pi / 24 * (index.hour + index.minute / 60 - 11.5))).sum()
    middle = 12 + float(np.angle(turn)) * 12 / np.pi
    if abs(turn) > 0.2 * values.sum() and not NOONS[0] <= middle <= NOONS[1]:  # else there is no noon in it
        raise StudyError(
            f"{where} has its middle at {middle % 24 // 1:02g}:{middle % 1 * 60 // 1:02g} of {index.tz}: its times are"
            " of another zone; set calendar.time_zone to that of the file, or write the offsets from UTC"
        )
