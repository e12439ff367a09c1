"""Columns of a study's profiles: the file of a day or of series, and what stands where in it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from grids.components import Data, FileName, NonNegative, Word

ForecastRule = Literal["persistence", "weekly_mean", "perfect"]
"""Rules by which :mod:`sim.forecasts` makes forecasts where there are none."""

Marks = Literal["start", "end"]
"""Meaning of a time: the beginning of its step, or the end."""


class ActualColumns(Data):
    """Columns of what happened; of what has none, the actual days are drawn around the forecast."""

    demand_pu: Word | None = None
    wind_pu: Word | None = None
    pv_pu: Word | None = None
    retail_price_per_mwh: Word | None = None
    microgrid_load_pu: Word | None = None
    microgrid_heat_pu: Word | None = None
    microgrid_output_pu: Word | None = None


class ZoneColumns(Data):
    """Columns for some of the buses, in place of those for all.

    Attributes
    ----------
    buses : tuple of int
        Buses whose loads, wind turbines and PV plants have series of their own; one bus makes it a series per unit.
    demand_pu, wind_pu, pv_pu : str or None
        Column of the forecast; None takes the one for all.
    actual : ActualColumns
        Columns of what happened.
    """

    buses: Annotated[tuple[int, ...], Field(min_length=1)]
    demand_pu: Word | None = None
    wind_pu: Word | None = None
    pv_pu: Word | None = None
    actual: ActualColumns = ActualColumns()


FORECASTS = (
    "demand_pu",
    "price_per_mwh",
    "retail_price_per_mwh",
    "wind_pu",
    "pv_pu",
    "microgrid_load_pu",
    "microgrid_heat_pu",
    "microgrid_output_pu",
)
"""Profiles that have a column."""

SIMBENCH = ("demand_pu", "wind_pu", "pv_pu")
"""Profiles that a SimBench network has series of."""


class ProfileSpec(Data):
    """Source of the days' forecasts: a CSV or Parquet file and, per profile, its column.

    Without a time column it has the 24 rows of one day, which repeats. With one it has every day of the study; the
    unit that stands in the name of a column (``_mw``, ``_kw``, ``_pu``, ``_percent``, ``_per_mwh``, ``_per_kwh``) is
    converted, power to a fraction of the nominal demand or of the capacity that it belongs to.

    Attributes
    ----------
    file : str
        Packaged file, or path of a ``.csv`` or ``.parquet`` file.
    demand_pu ... microgrid_output_pu : str or None
        Column of each quantity as it is forecast, see :class:`sim.profiles.Profiles`.
    time : str or None
        Column of times.
    time_marks : {"start", "end"}
        Whether a time is the beginning or the end of its step.
    actual : ActualColumns
        Columns of what happened.
    forecast_rule : {"persistence", "weekly_mean", "perfect"} or None
        Rule by which the forecast of what has an actual column is made from that; None takes the forecast's column.
    fill_gaps_h : float
        Longest gap within a day that is filled by a straight line; 0 refuses every gap. [h]
    zones : tuple of ZoneColumns
        Columns for some of the buses.
    simbench : bool
        Whether demand, wind and sun are the year 2016 that comes with the SimBench network of the study; the file then
        holds the prices of one day, which repeats.
    """

    file: FileName
    demand_pu: Word = "demand_pu"
    price_per_mwh: Word = "price_per_mwh"
    retail_price_per_mwh: Word = "retail_price_per_mwh"
    wind_pu: Word = "wind_pu"
    pv_pu: Word = "pv_pu"
    microgrid_load_pu: Word | None = None
    microgrid_heat_pu: Word | None = None
    microgrid_output_pu: Word | None = None
    time: Word | None = None
    time_marks: Marks = "start"
    actual: ActualColumns = ActualColumns()
    forecast_rule: ForecastRule | None = None
    fill_gaps_h: NonNegative = 0.0
    zones: tuple[ZoneColumns, ...] = ()
    simbench: bool = False

    @model_validator(mode="after")
    def _series_have_times(self) -> Self:
        plain = ProfileSpec.model_construct(file=self.file)
        if self.simbench and self.forecast_rule is None:
            raise ValueError("simbench has what happened only: give a forecast_rule, persistence or weekly_mean")
        for name in ("time", "actual", "fill_gaps_h", "zones"):
            if self.simbench and getattr(self, name) != getattr(plain, name):
                raise ValueError(f"{name} is for series in a file: leave it out, or simbench")
        for name in ("actual", "forecast_rule", "fill_gaps_h", "zones"):
            if not self.is_series and getattr(self, name) != getattr(plain, name):
                raise ValueError(f"{name} is for series with times: name the column of times as time")
        if self.simbench:
            return self
        if self.forecast_rule is not None and not self.actual.model_dump(exclude_none=True):
            raise ValueError(f"forecast_rule {self.forecast_rule} needs what happened: name its columns in actual")
        return self

    @property
    def is_series(self) -> bool:
        """Return whether the days differ, and are not one that repeats."""
        return self.time is not None or self.simbench

    @property
    def columns(self) -> dict[str, str]:
        """Column of the file for each profile that it holds."""
        return self.model_dump(include={*FORECASTS} - {*(SIMBENCH if self.simbench else ())}, exclude_none=True)

    @property
    def has_actuals(self) -> bool:
        """Return whether it is known what happened to demand, wind or sun."""
        given = [self.actual, *(zone.actual for zone in self.zones)]
        return self.simbench or any(one.model_dump(include={*SIMBENCH}, exclude_none=True) for one in given)
