"""Profiles of each market day from the year 2016 that comes with a SimBench network."""

from dataclasses import replace

import pandas as pd

from grids.network import FloatArray, Grid, GridError
from grids.simbench import simbench_year
from sim.calendar import Calendar
from sim.columns import SIMBENCH, ActualColumns, ProfileSpec
from sim.errors import StudyError
from sim.forecasts import SeriesProfiles
from sim.profiles import Profiles, RepeatedDay, load_profiles
from sim.series import Series


class SimbenchProfiles(SeriesProfiles):
    """Profiles of each market day: SimBench's series of each load and unit, and the prices of a day of the clock.

    Its times are Central European time without summer time; the days are those of the calendar's zone, of 23 hours on
    27 March and of 25 on 30 October in ``Europe/Berlin``. Loads keep their ratio of reactive to active power.

    Parameters
    ----------
    spec : ProfileSpec
        Rule of the forecasts, and file of the prices.
    calendar : Calendar
        Days and steps.
    grid : Grid
        Made from a SimBench network, whose name is its code.

    Raises
    ------
    StudyError
        If the prices can't be used, or a unit has no series.
    """

    def __init__(self, spec: ProfileSpec, calendar: Calendar, grid: Grid) -> None:
        try:
            self._year = simbench_year(grid.name, grid)
        except GridError as error:
            raise StudyError(f"profiles.simbench: {error}") from error
        prices = load_profiles(spec.file, spec.columns, steps_per_hour=calendar.steps_per_hour)
        self._day = RepeatedDay(prices, calendar)
        super().__init__(spec, calendar, grid)

    def profiles(self, day: int) -> Profiles:
        """Return the forecast of a market day, counted from 1; prices are those of its time of day."""
        own: dict[str, FloatArray] = {name: self._forecast(name, day) for name in SIMBENCH}
        return replace(self._day.profiles(day), **own)

    def _by_rule(self, name: str) -> bool:
        return bool(self._columns[name, True])

    def _all_columns(self) -> dict[tuple[str, bool], list[str]]:
        columns = dict(zip(SIMBENCH, (self._year.columns[kind] for kind in ("load", "wind", "pv")), strict=True))
        return {(name, True): columns.get(name, []) for name in ActualColumns.model_fields}

    def _read(self) -> Series:
        table, zone = self._year.table, self.calendar.time_zone
        index = pd.DatetimeIndex(table.index)
        table = table.set_axis(index.tz_localize(None).tz_localize("UTC") if zone is None else index.tz_convert(zone))
        return self._usable(Series(table=table, step_h=0.25, file="SimBench")).at_step(self.calendar.step_h)
