"""How the amounts of an output are written: as many digits as their intervals bear, and the unit."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.sweeps.outputs import output_of
from experiments.sweeps.report.estimates import HIGH, LOW, MEAN
from experiments.sweeps.report.levels import split_unit

MOST_DECIMALS = 6
SMALLEST = 1e-3
"""If all amounts are smaller, they are written with a power of ten."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """The layout of an output's amounts.

    Attributes
    ----------
    words : str
        What it is, without the unit.
    unit : str
        Its unit; nothing for a pure number.
    decimals : int
        Digits after the point.
    power : int
        Power of ten that is written apart; 0 for none.
    """

    words: str
    unit: str
    decimals: int
    power: int = 0

    @classmethod
    def of(cls, output: str, found: pd.DataFrame) -> "Amounts":
        """Return the layout for means and intervals: two digits of a typical interval, or else four of the largest."""
        words, unit = split_unit(output_label(output))
        reach = ((found[HIGH] - found[LOW]) / 2).to_numpy(dtype=float)
        size = float(found[MEAN].abs().max()) if len(found) else 0.0
        reach = reach[np.isfinite(reach) & (reach > 1e-9 * size)]
        if not size > 0 or (not len(reach) and (found[MEAN] % 1 == 0).all()):
            return cls(words=words, unit=unit, decimals=0)
        power = math.floor(math.log10(size)) if size < SMALLEST else 0
        finest = float(np.median(reach)) if len(reach) else size / 100
        decimals = 1 - math.floor(math.log10(finest)) + power
        return cls(words=words, unit=unit, power=power, decimals=min(max(decimals, 0), MOST_DECIMALS))

    def _digits(self, value: float, *, signed: bool = False) -> str:
        sign = "+" if signed else ""
        text = f"{value / 10.0**self.power:{sign},.{self.decimals}f}"
        return (text if float(text.replace(",", "")) else text.lstrip("+-")).replace("-", "−")

    @property
    def _times(self) -> str:
        return f"·10{str(self.power).translate(RAISED)}" if self.power else ""

    def text(self, value: float, *, signed: bool = False) -> str:
        """Return an amount without its unit; nothing if there is none."""
        return f"{self._digits(value, signed=signed)}{self._times}" if math.isfinite(value) else ""

    def interval(self, mean: float, low: float, high: float, *, signed: bool = False) -> str:
        """Return a mean with half the width of its interval, if there is one."""
        if not math.isfinite(high):
            return self.text(mean, signed=signed)
        text = f"{self._digits(mean, signed=signed)} ± {self._digits((high - low) / 2)}"
        return f"({text}){self._times}" if self.power else text

    def said(self, mean: float, low: float = math.nan, high: float = math.nan) -> str:
        """Return a mean with its interval and unit."""
        return f"{self.interval(mean, low, high)} {self.unit}".strip()


def output_label(name: str) -> str:
    """Return the label of an output, with its unit."""
    output = output_of(name)
    return output.label if output is not None else name


def words_of(output: str) -> str:
    """Return what an output is, without its unit."""
    return split_unit(output_label(output))[0]


def correlation(rho: float) -> str:
    """Return a correlation as text, with its sign."""
    text = f"{rho:+.2f}".replace("-", "−")
    return text[1:] if float(f"{rho:.2f}") == 0 else text


def listed(names: Iterable[str], last: str = "and") -> str:
    """Return names as a list in words."""
    *some, end = names
    return f"{', '.join(some)} {last} {end}" if some else end


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number of things, such as ``1 run`` or ``20 runs``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
