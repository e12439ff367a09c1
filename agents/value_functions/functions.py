"""Value functions of stores: for every hour, concave and piecewise linear in the state of charge."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.dispatch.connection_problem import StoreValues
from grids.documents import in_short, read_json
from grids.fleet import Microgrid
from grids.network import FloatArray, Grid
from sim.errors import StudyError, reading
from sim.study import Study

KIND = "tieline value functions"

DOES_NOT_MATTER = ("name", "description", "policy", "coordination", "trained", "days", "seed", "search")
"""Keys of a study that value functions don't depend on."""

RISE_PER_MWH = 1e-5
"""Largest rise of slopes from rounding when they are written. [$/MWh]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class ValueFunctions:
    """Value functions of stored energy at the end of every step of a day.

    Attributes
    ----------
    slopes : dict of str to array, shape (T, K)
        Value of a MWh of every store in each of K equal parts of its range, falling. [$/MWh]
    provenance : dict
        Study it was trained on.
    """

    slopes: Mapping[str, FloatArray]
    provenance: Mapping[str, Any]

    def of(self, names: list[str], period: int, least_mwh: FloatArray, most_mwh: FloatArray) -> StoreValues:
        """Return the values of some stores at the end of a step; later than trained, those of the last one.

        Parameters
        ----------
        names : list of str
            The stores. (N,)
        period : int
            Step of the day, counted from 1.
        least_mwh, most_mwh : array, shape (N,)
            Range of each store's energy at the end of the step. [MWh]
        """
        last = len(next(iter(self.slopes.values())))
        slopes = np.array([self.slopes[name][min(period, last) - 1] for name in names]).reshape(len(names), -1)
        parts = self.parts
        return StoreValues(
            slopes=slopes if len(names) else np.zeros((0, parts)),
            least_mwh=np.asarray(least_mwh, dtype=np.float64),
            width_mwh=np.maximum(np.asarray(most_mwh, dtype=np.float64) - least_mwh, 0.0) / parts,
        )

    @property
    def parts(self) -> int:
        """Number K of parts."""
        return int(next(iter(self.slopes.values())).shape[1])

    def write(self, path: Path) -> None:
        """Write them to a JSON file, with their provenance."""
        document = {
            "kind": KIND,
            "provenance": self.provenance,
            "slopes_per_mwh": {name: np.round(slopes, 6).tolist() for name, slopes in self.slopes.items()},
        }
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_functions(path: Path, study: Study, grid: Grid) -> ValueFunctions:
    """Return the value functions in a file, trained for a study like this one.

    Raises
    ------
    StudyError
        If the file can't be read, or was trained for another study; the message names the difference.
    """
    again = "train them again: tieline train STUDY --out FILE"
    with reading(f"trained: {path}", again):
        document = read_json(path)
    if document.get("kind") != KIND:
        raise StudyError(f"trained: {path} holds no value functions; {again}")
    try:
        slopes = {name: np.array(rows, dtype=np.float64) for name, rows in document["slopes_per_mwh"].items()}
        trained_for = dict(document["provenance"]["study"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StudyError(f"trained: {path} is damaged ({in_short(error, 80)}); {again}") from error
    if set(slopes) != set(store_names(grid)):
        raise StudyError(f"trained: {path} is for other stores than this study has; {again}")
    wrong = next(
        (
            f"{name}: {what}"
            for name, rows in slopes.items()
            if (what := _wrong(rows, slopes, study.calendar.steps(1)))
        ),
        "",
    )
    if wrong:
        raise StudyError(f"trained: {path} is damaged ({wrong}); {again}")
    different = difference(trained_for, study.model_dump(mode="json"))
    if different:
        raise StudyError(f"trained: {path} was trained for another study ({different} differs); {again}")
    return ValueFunctions(slopes=slopes, provenance=document["provenance"])


def _wrong(rows: FloatArray, others: Mapping[str, FloatArray], steps: int) -> str:
    """Return the fault of the slopes of a store, beside those of the others; empty if there is none."""
    if rows.ndim != 2 or rows.shape[0] != steps or rows.shape[1] < 1:
        return f"slopes of shape {rows.shape} instead of ({steps}, parts)"
    if any(other.ndim != 2 or other.shape[1] != rows.shape[1] for other in others.values()):
        return "another number of parts than other stores"
    if not np.isfinite(rows).all():
        return "slopes must be finite numbers"
    if (np.diff(rows, axis=1) > RISE_PER_MWH).any():
        return "slopes must fall, the fuller the store"
    return ""


def difference(trained_for: Mapping[str, Any], study: Mapping[str, Any]) -> str:
    """Return the first key in which two studies differ that matters, or nothing."""
    for key, value in study.items():
        if key not in DOES_NOT_MATTER and trained_for.get(key) != value:
            return key
    return ""


def store_names(grid: Grid) -> list[str]:
    """Return the names of all stores: batteries of the operator, then those of every connection."""
    return [
        *grid.battery_names,
        *(
            name
            for connection in grid.connections
            for name in connection_stores(connection.name, connection.microgrid)
        ),
    ]


def connection_stores(connection: str, microgrid: Microgrid) -> list[str]:
    """Return the names of the stores at a connection, in the order of their values."""
    stores = [*microgrid.stores, *(["ev"] if microgrid.ev is not None else [])]
    return [f"{connection}.{store}" for store in stores]
