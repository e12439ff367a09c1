"""Forecast of a day: demand, prices, wind and sun."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from grids.documents import DocumentError, in_short, read_bytes, read_parquet, shown
from grids.network import FloatArray
from sim.errors import StudyError

HOURS_PER_DAY = 24

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
    microgrid_load_pu: FloatArray = field(default_factory=lambda: np.zeros(HOURS_PER_DAY))
    microgrid_heat_pu: FloatArray = field(default_factory=lambda: np.zeros(HOURS_PER_DAY))
    microgrid_output_pu: FloatArray = field(default_factory=lambda: np.zeros(HOURS_PER_DAY))


def packaged_profiles() -> list[str]:
    """Return the names of the profile files that come with the package."""
    return sorted(item.name for item in files("sim").joinpath("data").iterdir() if item.name.endswith(".csv"))


def load_profiles(file: str, columns: dict[str, str], *, folder: Path | None = None) -> Profiles:
    """Return the profiles read from a CSV or Parquet file.

    Parameters
    ----------
    file : str
        Name of a packaged file, or path of a ``.csv`` or ``.parquet`` file (relative to `folder`, the study's own).
    columns : dict
        For each field of `Profiles` the column that holds it; those of microgrids may be missing.

    Raises
    ------
    StudyError
        If the file or a column is missing, a profile is not 24 finite numbers, or a fraction is out of range.
    """
    table = read_table(file, folder)
    arrays = {name: _profile(table, column, name, file) for name, column in columns.items()}
    for name, (upper, remedy) in FRACTIONS.items():
        values = arrays.get(name, np.zeros(0))
        bad = np.flatnonzero((values < 0) | (values > upper))
        if bad.size:
            raise StudyError(
                f"profiles.{name}: column '{columns[name]}' of {file} is {values[bad[0]]} in hour"
                f" {bad[0] + 1}; give a fraction of {remedy}"
            )
    return Profiles(**arrays)


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


def _profile(table: pd.DataFrame, column: str, field: str, file: str) -> FloatArray:
    where = f"profiles.{field}: column '{column}' of {file}"
    if column not in table:
        require_commas(table.columns, where)
        raise StudyError(f"{where} does not exist; the file has {shown(', '.join(map(str, table.columns)))}")
    if len(table) != HOURS_PER_DAY:
        raise StudyError(f"{where} has {len(table)} rows; a day has {HOURS_PER_DAY}, hour ending 1..24")
    values: FloatArray = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise StudyError(
            f"{where} is not a finite number in hour {bad[0] + 1} ({in_short(str(table[column].iloc[bad[0]]))})"
        )
    return values
