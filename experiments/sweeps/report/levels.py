"""Levels of the factors as a report shows them: their order, their texts, and the first of them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.sweeps.report.numbers import number_text, split_unit
from experiments.sweeps.report.statistics import OUTPUT, VALUE
from experiments.sweeps.results import REPLICATION, SweepResults
from experiments.sweeps.sweep_file import OneAtATime, SweepFile
from grids.network import FloatArray

LONGEST = 40
"""Largest number of letters of a label that can be part of a sentence."""
CHANGE, BASE = "changed value", "the base"
"""Factor that stands for those varied one at a time, and its first value."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Levels:
    """The distinct values of a factor; their places in these lists are their codes.

    Attributes
    ----------
    name : str
        The factor.
    axis_label : str
        Its label on an axis, with its unit.
    numeric : bool
        Whether the values are numbers; they are in rising order then, texts in the order of the sweep file.
    values : tuple
        The values as they are in the results.
    shown : array
        The values of a numeric factor as they are shown, in the unit of the label; NaN for texts.
    texts : tuple of str
        The values as text.
    first : int
        Code of the value that comes first in the sweep file, of those that are in some run.
    missing_first : str
        The value that comes first in the sweep file if it is in no run; else nothing.
    """

    name: str
    axis_label: str
    numeric: bool
    values: tuple[Any, ...]
    shown: FloatArray
    texts: tuple[str, ...]
    first: int
    missing_first: str

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def label(self) -> str:
        """Label without the unit; the name, or the end of that, if it is too long for a sentence."""
        choices = (split_unit(self.axis_label)[0], self.name)
        tail = ".".join(self.name.split(".")[-2:])
        return next((label for label in choices if len(label) <= LONGEST), tail)

    @property
    def continuous(self) -> bool:
        """True if a line may join its values: three numbers or more."""
        return self.numeric and len(self) >= 3

    @property
    def baseline_first(self) -> tuple[int, ...]:
        """Codes in their order, but the first value of the sweep file before all others."""
        return (self.first, *(code for code in range(len(self)) if code != self.first))

    def valued(self, code: int) -> str:
        """Return a value with its unit, such as ``50 %``."""
        unit = split_unit(self.axis_label)[1] if self.numeric and len(self.axis_label) <= LONGEST else ""
        return f"{self.texts[code]} {unit}".strip()

    def named(self, code: int) -> str:
        """Return a value that is understood without its axis, such as ``penalty 50 %`` or ``basic``."""
        alone = not self.numeric and not all(isinstance(value, bool) for value in self.values)
        return self.texts[code] if alone else self.labelled(code)

    def labelled(self, code: int) -> str:
        """Return a value with its label, such as ``penalty 50 %`` or ``bidding basic``."""
        return self.texts[code] if self.name.startswith(CHANGE) else f"{self.label} {self.valued(code)}"


def levels_of(results: SweepResults) -> dict[str, Levels]:
    """Return the levels of all factors."""
    return {name: _levels(results, name) for name in results.factors}


def single_axes(sweep: SweepFile) -> list[OneAtATime]:
    """Return the axes that vary several factors one at a time."""
    singles = [axis.one_at_a_time for axis in sweep.axes if axis.one_at_a_time is not None]
    return [axis for axis in singles if len(axis.base) > 1]


def with_changes(results: SweepResults, levels: Mapping[str, Levels]) -> SweepResults:
    """Return results with one more factor for each axis ``one_at_a_time``: the value that is not the base's, in words.

    Its first value is the base, so that each other one is compared with that alone.
    """
    for number, axis in enumerate(single_axes(results.sweep)):
        changed = pd.Series(BASE, results.runs.index)
        for name, value in axis.base.items():
            level, column = levels[name], results.runs[name].map(_plain)
            texts = {one: level.labelled(code) for code, one in enumerate(level.values) if one not in _forms(value)}
            changed = column.map(texts).fillna(changed)
        name = f"{CHANGE} {number + 1}" if number else CHANGE
        results = replace(results, runs=results.runs.assign(**{name: changed}), factors=(*results.factors, name))
    return results


def _levels(results: SweepResults, name: str) -> Levels:
    found = list(dict.fromkeys(map(_plain, results.runs[name])))
    numeric = results.is_number(name) and not any(isinstance(value, str) for value in found)
    declared = _declared(results.sweep, name)
    in_order = sorted(found, key=lambda value: declared.index(value) if value in declared else len(declared))
    values = sorted(found) if numeric else in_order
    times = results.sweep.factor(name).shown_times if numeric else np.nan
    shown = np.array([times * value if numeric else times for value in values], dtype=float)
    return Levels(
        name=name,
        axis_label=results.label(name),
        numeric=numeric,
        values=tuple(values),
        shown=shown,
        texts=_number_texts(shown) if numeric else tuple(_text(value) for value in values),
        first=values.index(in_order[0]),
        missing_first="" if not declared or in_order[0] in declared[:2] else value_text(results, name, declared[0]),
    )


def _declared(sweep: SweepFile, name: str) -> list[Any]:
    """Return the values of a factor as the sweep file lists them, in both forms, a base first; none if it does not."""
    lists = [values.get(name, []) for axis in sweep.axes for values in (axis.values, axis.zipped) if values]
    lists += [[axis.base[name], *axis.values[name]] for axis in single_axes(sweep) if name in axis.base]
    lists += [[BASE]] * name.startswith(CHANGE)
    return [form for values in lists for value in values for form in _forms(value)]


def _forms(value: Any) -> tuple[Any, str]:
    """Return a value of the sweep file as it may stand in the results: as it is, or as text."""
    return _plain(value), value if isinstance(value, str) else json.dumps(value)


def _plain(value: Any) -> Any:
    """Return a value of a column as Python has it; what is neither number nor text becomes text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, bool | int | float | str) and value == value else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and value == value:
        return f"{value:g}"
    return "none" if value is None or value is pd.NA or value != value else str(value)


def value_text(results: SweepResults, name: str, value: Any) -> str:
    """Return any value of a factor as text, also one that no run is done with."""
    number = _plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return _text(number)
    return _number_text(number * results.sweep.factor(name).shown_times, 6)


def _number_texts(shown: FloatArray) -> tuple[str, ...]:
    """Return numbers in as few digits, from four on, as keep them apart."""
    texts = [[_number_text(value, digits) for value in shown] for digits in (4, 6, 9, 15)]
    return tuple(next((some for some in texts if len(set(some)) == len(some)), texts[-1]))


def _number_text(value: float, digits: int) -> str:
    """Return a number in so many digits, without zeros at its end; of large numbers all digits before the point."""
    if value == 0 or not 1e-4 <= abs(value) < 1e15:
        return f"{value + 0.0:.{digits}g}".replace("-", "−")
    text = number_text(value, max(0, digits - 1 - math.floor(math.log10(abs(value)))))
    return text.rstrip("0").rstrip(".") if "." in text else text


def long_runs(results: SweepResults, levels: Mapping[str, Levels], outputs: Sequence[str]) -> pd.DataFrame:
    """Return runs in long form: codes of all factors, replication, output and value, without missing values.

    A point that was sampled twice is there once: with the same seed it is the same run.
    """
    names = [*results.factors, REPLICATION]
    runs = results.runs.drop_duplicates(names)
    coded = runs.assign(**{name: _codes(level, runs[name]) for name, level in levels.items()})
    long = coded.melt(names, list(outputs), OUTPUT, VALUE).astype({VALUE: float})
    return long[np.isfinite(long[VALUE])].reset_index(drop=True)


def _codes(level: Levels, column: pd.Series) -> list[int]:
    order = {value: code for code, value in enumerate(level.values)}
    return [order[_plain(value)] for value in column]
