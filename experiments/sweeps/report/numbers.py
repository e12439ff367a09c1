"""Numbers as text: as many digits as their intervals bear, with thousands apart, a true minus and the unit."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.sweeps.outputs import output_of
from experiments.sweeps.report.statistics import MEAN, REACH

MOST_DECIMALS = 6
SMALLEST = 1e-3
"""Number below which all numbers are written with a power of ten."""
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number_text(value: float, decimals: int, *, signed: bool = False) -> str:
    """Return a number as text, such as ``−1,234.5``; zero has no sign."""
    text = f"{value:{'+' if signed else ''},.{decimals}f}"
    return (text if float(text.replace(",", "")) else text.lstrip("+-")).replace("-", "−")


def times_ten_to(power: int) -> str:
    """Return a power of ten as a factor, such as ``·10⁻⁵``; nothing for 1."""
    return f"·10{str(power).translate(SUPERSCRIPT)}" if power else ""


def split_unit(axis_label: str) -> tuple[str, str]:
    """Return a label without its unit, and the unit; nothing for a pure number."""
    found = re.fullmatch(r"(.*?)\s*\[([^\]]*)\]", axis_label, flags=re.DOTALL)
    if found is None:
        return axis_label, ""
    return found[1] or axis_label, "" if found[2] == "1" else found[2]


def axis_label_of(output: str) -> str:
    """Return the label of an output with its unit, as it stands on an axis."""
    known = output_of(output)
    return known.label if known is not None else output


def label_of(output: str) -> str:
    """Return the label of an output without its unit, as it stands in a sentence."""
    return split_unit(axis_label_of(output))[0]


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """Number format of an output.

    Attributes
    ----------
    label : str
        Label of the output, without the unit.
    unit : str
        Its unit; nothing for a pure number.
    decimals : int
        Digits after the point.
    power : int
        Power of ten that is written apart; 0 for none.
    """

    label: str
    unit: str
    decimals: int
    power: int = 0

    @classmethod
    def of(cls, output: str, found: pd.DataFrame) -> "Amounts":
        """Return the format for means and intervals: two digits of a typical interval, or else four of the largest."""
        label, unit = split_unit(axis_label_of(output))
        reach = found[REACH].to_numpy(dtype=float)
        size = float(found[MEAN].abs().max()) if len(found) else 0.0
        reach = reach[np.isfinite(reach) & (reach > 1e-9 * size)]
        if not size > 0 or (not len(reach) and (found[MEAN] % 1 == 0).all()):
            return cls(label=label, unit=unit, decimals=0)
        power = math.floor(math.log10(size)) if size < SMALLEST else 0
        finest = float(np.median(reach)) if len(reach) else size / 100
        decimals = 1 - math.floor(math.log10(finest)) + power
        return cls(label=label, unit=unit, power=power, decimals=min(max(decimals, 0), MOST_DECIMALS))

    def _digits(self, value: float, *, signed: bool = False) -> str:
        return number_text(value / 10.0**self.power, self.decimals, signed=signed)

    def text(self, value: float, *, signed: bool = False) -> str:
        """Return an amount without its unit; nothing if there is none."""
        return f"{self._digits(value, signed=signed)}{times_ten_to(self.power)}" if math.isfinite(value) else ""

    def interval(self, mean: float, reach: float, *, signed: bool = False) -> str:
        """Return a mean with half the width of its interval, if there is one."""
        if not math.isfinite(reach):
            return self.text(mean, signed=signed)
        text = f"{self._digits(mean, signed=signed)} ± {self._digits(reach)}"
        return f"({text}){times_ten_to(self.power)}" if self.power else text

    def with_unit(self, mean: float, reach: float = math.nan) -> str:
        """Return a mean with its interval and unit."""
        return f"{self.interval(mean, reach)} {self.unit}".strip()


def listed(names: Iterable[str]) -> str:
    """Return names as an enumeration, such as ``a, b and c``."""
    *some, end = names
    return f"{', '.join(some)} and {end}" if some else end


def counted(number: int, one: str) -> str:
    """Return a number of things, such as ``1 run`` or ``20 runs``."""
    return f"{number:,} {one if number == 1 else one + 's'}"
