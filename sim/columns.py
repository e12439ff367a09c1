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

    @model_validator(mode="after")
    def _series_have_times(self) -> Self:
        plain = ProfileSpec.model_construct(file=self.file)
        for name in ("actual", "forecast_rule", "fill_gaps_h", "zones"):
            if self.time is None and getattr(self, name) != getattr(plain, name):
                raise ValueError(f"{name} is for series with times: name the column of times as time")
        if self.forecast_rule is not None and not self.actual.model_dump(exclude_none=True):
            raise ValueError(f"forecast_rule {self.forecast_rule} needs what happened: name its columns in actual")
        return self

    @property
    def columns(self) -> dict[str, str]:
        """Column of each profile that is given."""
        return self.model_dump(include=set(FORECASTS), exclude_none=True)
