"""The values of a factor as a report shows them: in which order, in which words, and which one is the first."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.sweeps.results import REPLICATION, SweepResults
from experiments.sweeps.sweep_file import SweepFile
from grids.network import FloatArray, IntArray

OUTPUT, VALUE = "=output", "=value"
"""Columns of runs in long form: which output, and how much. No factor has a name that begins as those of ours do."""
LONGEST = 40
"""Letters of a label that can be part of a sentence."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Levels:
    """The distinct values of a factor; their places in these lists are their codes.

    Attributes
    ----------
    name : str
        The factor.
    label : str
        How it is written on an axis, with its unit.
    numeric : bool
        Whether the values are numbers; they are in rising order then, words in the order of the sweep file.
    boolean : bool
        Whether the values are yes and no.
    values : tuple
        The values as they are in the results.
    shown : array
        The values of a numeric factor as they are shown, in the unit of the label; NaN for words.
    texts : tuple of str
        The values as text.
    first : int
        Code of the value that comes first in the sweep file, of those that are in some run.
    missing_first : str
        The value that comes first in the sweep file if it is in no run; else nothing.
    """

    name: str
    label: str
    numeric: bool
    boolean: bool
    values: tuple[Any, ...]
    shown: FloatArray
    texts: tuple[str, ...]
    first: int
    missing_first: str

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def words(self) -> str:
        """What it is, without the unit; its name if that is too long for a sentence."""
        words = split_unit(self.label)[0]
        return words if len(words) <= LONGEST else self.name if len(self.name) <= LONGEST else _tail(self.name)

    @property
    def continuous(self) -> bool:
        """Whether a line may join its values: three numbers or more."""
        return self.numeric and len(self) >= 3

    def codes(self, column: pd.Series) -> IntArray:
        """Return the codes of a column of the results."""
        order = {value: code for code, value in enumerate(self.values)}
        return np.array([order[_plain(value)] for value in column], dtype=np.int64)

    def valued(self, code: int) -> str:
        """Return a value with its unit, such as ``50 %``."""
        unit = split_unit(self.label)[1] if self.numeric and len(self.label) <= LONGEST else ""
        return f"{self.texts[code]} {unit}".strip()

    def named(self, code: int) -> str:
        """Return a value that is understood without its axis, such as ``penalty 50 %`` or ``basic``."""
        return self.placed(code) if self.numeric or self.boolean else self.texts[code]

    def placed(self, code: int) -> str:
        """Return a value with what it is a value of, such as ``penalty 50 %`` or ``bidding basic``."""
        return f"{self.words} {self.valued(code)}"


def split_unit(label: str) -> tuple[str, str]:
    """Return a label without its unit, and the unit; nothing for a pure number."""
    found = re.fullmatch(r"(.*?)\s*\[([^\]]*)\]", label, flags=re.DOTALL)
    if found is None:
        return label, ""
    return found[1] or label, "" if found[2] == "1" else found[2]


def _tail(path: str) -> str:
    return ".".join(path.split(".")[-2:])


def levels_of(results: SweepResults) -> dict[str, Levels]:
    """Return the levels of all factors."""
    return {name: _levels(results, name) for name in results.factors}


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
        label=results.label(name),
        numeric=numeric,
        boolean=all(isinstance(value, bool) for value in found),
        values=tuple(values),
        shown=shown,
        texts=_number_texts(shown) if numeric else tuple(_word(value) for value in values),
        first=values.index(in_order[0]),
        missing_first="" if not declared or in_order[0] in declared[:2] else value_text(results, name, declared[0]),
    )


def _declared(sweep: SweepFile, name: str) -> list[Any]:
    """Return the values of a factor as the sweep file lists them, as they are and as text; none if it does not."""
    lists = [values.get(name) for axis in sweep.axes for values in (axis.values, axis.zipped) if values]
    return [_plain(form) for values in lists if values for value in values for form in (value, str(value))]


def _plain(value: Any) -> Any:
    """Return a value of a column as Python has it; what is neither number nor text becomes text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, bool | int | float | str) and value == value else _word(value)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and value == value:
        return f"{value:g}"
    return "none" if value is None or value is pd.NA or value != value else str(value)


def value_text(results: SweepResults, name: str, value: Any) -> str:
    """Return any value of a factor as text, also one that no run is done with."""
    number = _plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return _word(number)
    return _number_text(number * results.sweep.factor(name).shown_times, 6)


def _number_texts(shown: FloatArray) -> tuple[str, ...]:
    """Return numbers in as few digits, from four on, as keep them apart."""
    texts = [[_number_text(value, digits) for value in shown] for digits in (4, 6, 9, 15)]
    return tuple(next((some for some in texts if len(set(some)) == len(some)), texts[-1]))


def _number_text(value: float, digits: int) -> str:
    """Return a number in so many digits, without zeros at its end; of large numbers all digits before the point."""
    if value == 0 or not 1e-4 <= abs(value) < 1e15:
        return f"{value + 0.0:.{digits}g}".replace("-", "−")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def long_runs(results: SweepResults, levels: Mapping[str, Levels], outputs: Sequence[str]) -> pd.DataFrame:
    """Return runs in long form: codes of all factors, replication, output and value, without what is missing.

    A point that was sampled twice is there once: with the same seed it is the same run.
    """
    runs = results.runs.drop_duplicates([*results.factors, REPLICATION])
    points = {name: level.codes(runs[name]) for name, level in levels.items()}
    frame = pd.DataFrame(points | {REPLICATION: runs[REPLICATION].to_numpy()})
    sides = [frame.assign(**{OUTPUT: name, VALUE: runs[name].to_numpy(dtype=float)}) for name in outputs]
    long = pd.concat(sides, ignore_index=True)
    return long[np.isfinite(long[VALUE])].reset_index(drop=True)
