"""Stored tables of a run as the audit reads them: arrays of shape (steps, things), in a known order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from grids.documents import in_short
from sim.audit.clock import Clock
from sim.audit.report import FloatArray, IntArray
from sim.audit.schema import RENEWABLE_KINDS
from sim.errors import StudyError


def study_value(study: Mapping[str, Any], path: str) -> Any:
    """Return a value of a resolved study, such as ``grid.voltage.min_vm_pu``.

    Raises
    ------
    StudyError
        If the study does not have it.
    """
    value: Any = study
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            raise StudyError(f"study.yaml: {path} is missing; audit a run with the resolved study stored beside it")
        value = value[key]
    return value


def number(study: Mapping[str, Any], path: str) -> float:
    """Return a number of a resolved study.

    Raises
    ------
    StudyError
        If the study does not have it, or it is no number.
    """
    value = study_value(study, path)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise StudyError(f"study.yaml: {path} is {in_short(value)}, must be a number") from None


def numbers(frame: pd.DataFrame, column: str) -> FloatArray:
    """Return a column as floats, NaN for entries that are no numbers."""
    stored = frame[column]
    if stored.dtype.kind not in "fi":  # as numbers are stored; pandas takes long to say so
        stored = pd.to_numeric(stored, errors="coerce")
    return np.asarray(stored, dtype=np.float64)


def steps_passed(frame: pd.DataFrame, clock: Clock) -> IntArray:
    """Return the step of every row, counted from 0 over the whole run, -1 for one outside of it."""
    day = numbers(frame, "day") if "day" in frame else np.ones(len(frame))
    return clock.steps(day, numbers(frame, "hour"))


@dataclass(frozen=True, eq=False, kw_only=True)
class HourTable:
    """A complete table of one row per step and thing (unit, bus, line, payment).

    Attributes
    ----------
    frame : DataFrame
        The table as stored.
    order : array, shape (H, K)
        Row of the table for each step and thing.
    names : sequence of str
        Name of each thing. (K,)
    """

    frame: pd.DataFrame
    order: IntArray
    names: Sequence[str]

    def numbers(self, column: str) -> FloatArray:
        """Return a column of numbers, shape (H, K)."""
        return numbers(self.frame, column)[self.order]

    def values(self, column: str) -> npt.NDArray[Any]:
        """Return a column of truth values or texts, shape (H, K)."""
        return np.asarray(self.frame[column])[self.order]


@dataclass(frozen=True, eq=False, kw_only=True)
class UnitGroup:
    """Units of one sort: their data and their power.

    Attributes
    ----------
    data : DataFrame
        Their rows of the units table. (U rows)
    available_mw, p_mw, q_mvar, soc : array, shape (H, U)
        Their columns of the dispatch table; consumption of loads and injection of others is positive.
    """

    data: pd.DataFrame
    available_mw: FloatArray
    p_mw: FloatArray
    q_mvar: FloatArray
    soc: FloatArray

    @property
    def names(self) -> list[str]:
        """Names of the units."""
        return [str(name) for name in self.data["unit"]]

    def __getitem__(self, column: str) -> FloatArray:
        """Return a number of each unit, shape (U,)."""
        return numbers(self.data, column)


@dataclass(frozen=True, eq=False, kw_only=True)
class Records:
    """Stored tables of a run, as far as they are complete.

    Attributes
    ----------
    study : mapping
        The resolved study.
    units, branches : DataFrame
        The tables of that name.
    tables : mapping of HourTable
        The complete tables by hour.
    lists : mapping of DataFrame
        The other tables that are complete: connections, cars, charging.
    clock : Clock
        Days and steps of the run.
    """

    study: Mapping[str, Any]
    units: pd.DataFrame
    branches: pd.DataFrame
    tables: Mapping[str, HourTable]
    lists: Mapping[str, pd.DataFrame]
    clock: Clock

    def __getitem__(self, table: str) -> HourTable:
        return self.tables[table]

    def has(self, tables: Iterable[str]) -> bool:
        """Return whether all of these tables are complete."""
        return set(tables) <= self.tables.keys() | self.lists.keys()

    def number(self, path: str) -> float:
        """Return a number of the study."""
        return number(self.study, path)

    @property
    def days(self) -> int:
        """Market days of the run."""
        return self.clock.days

    @property
    def step_h(self) -> float:
        """Length of a step. [h]"""
        return self.clock.step_h

    def hourly_price(self, column: str) -> FloatArray:
        """Return a price of the market table in every step of the run, shape (H, 1). [$/MWh]"""
        price = self["market"].numbers(column)
        return price if "day" in self["market"].frame else np.tile(price, (self.days, 1))

    @cached_property
    def loads(self) -> UnitGroup:
        """The loads."""
        return self._group("load")

    @cached_property
    def renewables(self) -> UnitGroup:
        """Wind turbines and PV plants."""
        return self._group(*RENEWABLE_KINDS)

    @cached_property
    def batteries(self) -> UnitGroup:
        """The batteries."""
        return self._group("battery")

    def _group(self, *kinds: str) -> UnitGroup:
        chosen = np.asarray(self.units["kind"].isin(kinds))
        columns = ("available_mw", "p_mw", "q_mvar", "soc")
        done = {column: self["dispatch"].numbers(column)[:, chosen] for column in columns}
        return UnitGroup(data=self.units[chosen], **done)
