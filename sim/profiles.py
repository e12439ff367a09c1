"""Forecast of a day: demand, prices, wind and sun, step by step."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from grids.documents import DocumentError, in_short, read_bytes, read_parquet, shown
from grids.network import FloatArray, IntArray
from sim.calendar import Calendar
from sim.errors import StudyError

MOST_ROWS = 1_000_000
"""Largest number of rows read of a profile file: more than a century of hours."""

FRACTIONS = {
    "demand_pu": (np.inf, "the peak"),
    "wind_pu": (1.0, "capacity between 0 and 1"),
    "pv_pu": (1.0, "capacity between 0 and 1"),
    "microgrid_load_pu": (1.0, "a microgrid's max_load_mw between 0 and 1"),
    "microgrid_heat_pu": (1.0, "a microgrid's max_heat_mw between 0 and 1"),
    "microgrid_output_pu": (1.0, "a microgrid's max_output_mw between 0 and 1"),
}
"""Profiles that are fractions: their largest value, and the quantity they are a fraction of."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Profiles:
    """The expected day; every array has a value per step, shape (T,).

    Demand, wind and sun may also have a column for each load or renewable unit of the network, shape (T, D) or (T, G).

    Attributes
    ----------
    demand_pu : array
        Demand as a fraction of the peak.
    price_per_mwh : array
        Day-ahead price λ. [$/MWh]
    retail_price_per_mwh : array
        Retail price ρ. [$/MWh]
    wind_pu, pv_pu : array
        Available output as a fraction of capacity.
    microgrid_load_pu, microgrid_heat_pu, microgrid_output_pu : array
        Electric load, heat load and renewable output of a microgrid, as fractions of its largest ones.
    """

    demand_pu: FloatArray
    price_per_mwh: FloatArray
    retail_price_per_mwh: FloatArray
    wind_pu: FloatArray
    pv_pu: FloatArray
    microgrid_load_pu: FloatArray = field(default_factory=lambda: np.zeros(0))
    microgrid_heat_pu: FloatArray = field(default_factory=lambda: np.zeros(0))
    microgrid_output_pu: FloatArray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        for part in fields_of(self):
            if not len(getattr(self, part.name)):
                object.__setattr__(self, part.name, np.zeros(len(self.demand_pu)))

    def at(self, rows: IntArray) -> "Profiles":
        """Return the profiles in chosen steps."""
        return Profiles(**{part.name: getattr(self, part.name)[rows] for part in fields_of(self)})


class RepeatedDay:
    """One day of the clock that every market day repeats, each step the value of its time of day.

    At a change of the clock the hour that is skipped is left out, and the one that comes twice is repeated.

    Parameters
    ----------
    clock_day : Profiles
        From midnight to midnight, in hours or in steps of the calendar.
    calendar : Calendar
        The market days.
    """

    def __init__(self, clock_day: Profiles, calendar: Calendar) -> None:
        self._clock_day, self._calendar = clock_day, calendar

    @property
    def is_same_every_day(self) -> bool:
        """Return whether no day differs from another."""
        return self._calendar.time_zone is None

    def profiles(self, day: int) -> Profiles:
        """Return the forecast of a market day, counted from 1."""
        times = self._calendar.times(day)
        seconds, rows = 3600 * times.hour + 60 * times.minute, len(self._clock_day.demand_pu)
        return self._clock_day.at(np.asarray(seconds * rows // 86400, dtype=np.int64))

    def actual(self, day: int) -> dict[str, FloatArray]:
        """Return what is known to have happened on a day: nothing, so that it is drawn."""
        return {}


def packaged_profiles() -> list[str]:
    """Return the names of the profile files that come with the package."""
    return sorted(item.name for item in files("sim").joinpath("data").iterdir() if item.name.endswith(".csv"))


def load_profiles(
    file: str, columns: dict[str, str], *, folder: Path | None = None, steps_per_hour: int = 1
) -> Profiles:
    """Return the profiles read from a CSV or Parquet file.

    Parameters
    ----------
    file : str
        Name of a packaged file, or path of a ``.csv`` or ``.parquet`` file (relative to `folder`, the study's own).
    columns : dict
        For each field of `Profiles` the column that holds it; what is missing is zero.
    steps_per_hour : int
        Steps of the calendar in an hour: the file has a row for every hour of a day of the clock, or for every step.

    Raises
    ------
    StudyError
        If the file or a column is missing, a profile is not a day of finite numbers, or a fraction is out of range.
    """
    table = read_table(file, folder)
    arrays = {name: _profile(table, column, name, file, steps_per_hour) for name, column in columns.items()}
    for name, (upper, remedy) in FRACTIONS.items():
        values = arrays.get(name, np.zeros(0))
        bad = np.flatnonzero((values < 0) | (values > upper))
        if bad.size:
            raise StudyError(
                f"profiles.{name}: column '{columns[name]}' of {file} is {values[bad[0]]} in hour"
                f" {bad[0] + 1}; give a fraction of {remedy}"
            )
    blank = dict.fromkeys(("demand_pu", "wind_pu", "pv_pu"), np.zeros(len(table)))
    return Profiles(**blank | arrays)


def require_commas(headings: Iterable[object], where: str) -> None:
    """Refuse a CSV file whose columns are separated by semicolons or tabs.

    Parameters
    ----------
    headings : iterable
        Its headings as they were read; one only, if something else than commas separates them.
    where : str
        Beginning of the message.

    Raises
    ------
    StudyError
        If they are.
    """
    heading, *others = [*map(str, headings), ""]
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if mark in heading and not any(others):
            raise StudyError(f"{where}: {name} separate the columns; write commas, and decimals with a point")


def read_table(file: str, folder: Path | None = None) -> pd.DataFrame:
    """Return the table in a packaged file, or in a CSV or Parquet file of the user's own.

    Raises
    ------
    StudyError
        If there is no such file, or it can't be read.
    """
    if file in packaged_profiles():
        return pd.read_csv(files("sim").joinpath("data", file).open("rb"))
    path = (folder or Path()) / file
    if not path.is_file():
        raise StudyError(
            f"profiles.file: '{path}' does not exist; give a CSV file or one of {', '.join(packaged_profiles())}"
        )
    try:
        if path.suffix == ".parquet":
            return read_parquet(path, most_rows=MOST_ROWS)
        if path.suffix == ".csv":  # of a suffix of its own choice pandas would unpack what may be endless
            return pd.read_csv(BytesIO(read_bytes(path, "CSV")), nrows=MOST_ROWS)
    except DocumentError as error:
        raise StudyError(f"profiles.file: '{path}' {error}") from None
    except (ValueError, OverflowError, OSError) as error:
        raise StudyError(f"profiles.file: '{path}' can't be read as CSV: {shown(str(error), 80)}") from error
    raise StudyError(f"profiles.file: '{path}' can't be read; give a file that ends in .csv or .parquet, unpacked")


def _profile(table: pd.DataFrame, column: str, field: str, file: str, steps_per_hour: int) -> FloatArray:
    where = f"profiles.{field}: column '{column}' of {file}"
    if column not in table:
        require_commas(table.columns, where)
        raise StudyError(f"{where} does not exist; the file has {shown(', '.join(map(str, table.columns)))}")
    if len(table) not in (24, 24 * steps_per_hour):
        steps = "" if steps_per_hour == 1 else f", or {24 * steps_per_hour} steps"
        raise StudyError(f"{where} has {len(table)} rows; a day has 24, hour ending 1..24{steps}")
    values: FloatArray = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise StudyError(
            f"{where} is not a finite number in hour {bad[0] + 1} ({in_short(str(table[column].iloc[bad[0]]))})"
        )
    return values
