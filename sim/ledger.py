"""Ledger of a run: append-only records of everything that happened, as tidy tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

TABLES = {
    "units": "the units: kind, bus, capacities",
    "branches": "the lines: ends, impedance, rating",
    "market": "per hour: prices",
    "bids": "per hour: bid, accepted or refused",
    "dispatch": "per hour and unit: forecast, available, ordered, done",
    "buses": "per hour and bus: voltage",
    "lines": "per hour and line: flow, loss, loading",
    "settlements": "per hour: bid, band, metered flow, imbalance, penalty, retail price as realised",
    "payments": "per hour, term and pair: who pays whom",
    "books": "per hour: what the operator values without paying for it (losses, wear)",
    "decisions": "per hour: policy, status, plan against metered; how microgrids were coordinated",
    "connections": "the connections: kind, bus",
    "trades": "per hour and connection: price, exchange agreed and done",
    "devices": "per hour and device at a connection: power, heat, stored energy, cost",
    "cars": "per stay of a car: arrival, departure, energy to be charged",
    "charging": "per hour and car that charges: power",
}


class Ledger:
    """Collector of rows, table by table. Rows are added, never changed."""

    def __init__(self) -> None:
        self._parts: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}

    def append(self, table: str, **columns: Any) -> None:
        """Add rows to a table; scalars are repeated to the length of the arrays, and empty arrays name columns.

        Raises
        ------
        KeyError
            If there is no such table.
        """
        lengths = [len(value) for value in columns.values() if not isinstance(value, _SCALAR) and value is not None]
        rows = max(lengths, default=1)
        self._parts[table].append({name: _cells(value, rows) for name, value in columns.items()})

    def frame(self, table: str) -> pd.DataFrame:
        """Return a table as a DataFrame."""
        parts = self._parts[table]
        filled = [part for part in parts if any(len(column) for column in part.values())]
        if not filled:
            return pd.DataFrame(parts[0] if parts else {})
        return pd.DataFrame({name: _joined([part[name] for part in filled]) for name in filled[0]})

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return all tables."""
        return {name: self.frame(name) for name in TABLES}

    def take(self) -> dict[str, pd.DataFrame]:
        """Return all tables, and begin them anew, which frees the memory of what is stored."""
        frames = self.frames()
        for parts in self._parts.values():
            parts.clear()
        return frames


def _cells(column: Any, rows: int) -> Any:
    """Return a column of some rows: numbers as an array of their own, all else as a list."""
    if isinstance(column, _SCALAR):
        return [column] * rows if isinstance(column, str) else np.full(rows, column)
    if isinstance(column, np.ndarray) and (column.dtype.kind in "fib" or not len(column)):
        return column.copy()
    return list(column)


_SCALAR = (str, bool, int, float, np.number, np.bool_)


def _joined(parts: list[Any]) -> Any:
    """Return the parts of a column under each other; pandas finds the type of what is not numbers of one kind."""
    kinds = {part.dtype if isinstance(part, np.ndarray) else None for part in parts}
    if len(kinds) == 1 and None not in kinds:
        return np.concatenate(parts)
    return [row for part in parts for row in part]


def write_tables(frames: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write every table as a Parquet file; the same tables give the same bytes."""
    for name, frame in frames.items():
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        with (folder / f"{name}.parquet").open("wb") as file:  # Arrow would read a colon in a path as that of a URI
            pq.write_table(table, file, compression="zstd")


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the tables stored in a folder.

    Raises
    ------
    FileNotFoundError
        If one is missing.
    """
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
