"""Axes of the figures of a sweep: round numbers, labels that fit, and factors along them."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, Formatter, MaxNLocator, NullLocator

from experiments.sweeps.report.levels import Levels
from experiments.sweeps.report.numbers import SMALLEST, number_text, times_ten_to
from grids.network import FloatArray

LETTER, LABEL_LETTER = 0.067, 0.068
"""Widths of a digit on an axis, and of a letter in its label. [inch]"""
ROTATION = 35.0
LONGEST = 24
"""Largest number of letters of a text that stands askew below its place."""
WIDE = 30.0
"""Ratio between its ends from which on a scale may be logarithmic."""
NO_BREAK = "\N{NO-BREAK SPACE}"
STEPS = (1, 2, 2.5, 5, 10)
"""Steps between the numbers on an axis."""


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many letters, without its middle if need be."""
    kept = most - 1
    return text if len(text) <= most else f"{text[: (kept + 1) // 2].rstrip()}…{text[-(kept // 2) :].lstrip()}"


def label_lines(axis_label: str, room: float, *, most: int = 3) -> str:
    """Return the label of an axis in at most so many lines that fit into a room, its unit undivided. [inch]"""
    letters = max(3, int(room / LABEL_LETTER))
    label, bracket, unit = axis_label.partition("[")
    words = [*label.split(), (bracket + unit).replace(" ", NO_BREAK)]
    text = " ".join(shortened(word, letters) for word in words)
    return textwrap.fill(text, letters, max_lines=most, placeholder=" …").replace(NO_BREAK, " ")


class Numbers(Formatter):
    """Numbers on an axis in as many decimals as they need, never with an offset beside the axis."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return a number as text, by itself."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the numbers of an axis as text, all in the same number of decimals."""
        places = np.asarray(values, dtype=float)
        size = float(np.abs(places).max(initial=0))
        step = float(np.diff(np.unique(places)).min(initial=size or 1.0))
        if 0 < size < SMALLEST:
            return [_with_power(x) if abs(x) > 1e-3 * step else "0" for x in places]
        decimals = next((d for d in range(9) if abs(step * 10**d - round(step * 10**d)) < 1e-6 * step * 10**d), 9)
        return [number_text(x, decimals) for x in places]


def _with_power(x: float) -> str:
    power = math.floor(math.log10(abs(x)) + 1e-9)
    return f"{x / 10.0**power:.3g}".replace("-", "−") + times_ten_to(power)


def number_axis(axis: Axis, most: int) -> None:
    """Give an axis round numbers, at most so many steps between them."""
    axis.set_major_locator(MaxNLocator(most, steps=STEPS))
    axis.set_major_formatter(Numbers())


def is_logarithmic(x: FloatArray) -> bool:
    """Return whether numbers in rising order are spread more evenly by their ratios than by their distances."""
    if len(x) < 4 or x[0] <= 0 or x[-1] / x[0] < WIDE:
        return False
    steps, ratios = np.diff(x), np.diff(np.log(x))
    return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean())


@dataclass(frozen=True, eq=False)
class FactorAxis:
    """A factor, or some of its values, along a horizontal axis.

    Attributes
    ----------
    level : Levels
        The factor.
    codes : sequence of int
        The values that are shown.
    is_scale : bool
        Whether it is a scale of numbers, along which lines may run, and not one place for each value.
    ticks : bool
        Whether the ticks of a scale stand at the values, where there is room.
    """

    level: Levels
    codes: Sequence[int]
    is_scale: bool
    ticks: bool = True

    @property
    def places(self) -> FloatArray:
        """Places of the values on the axis."""
        return self.level.shown[list(self.codes)] if self.is_scale else np.arange(len(self.codes), dtype=float)

    def dress(self, ax: Axes, width: float, *, named: bool) -> None:
        """Give a panel of a width this axis; `named`: with numbers or texts, and the label. [inch]"""
        texts = [self.level.texts[code] for code in self.codes]
        if self.is_scale:
            self._scale(ax, width, texts if self.ticks else [])
        else:
            self._texts(ax, width, texts)
        ax.tick_params(axis="x", labelbottom=named)
        if named:
            ax.set_xlabel(label_lines(self.level.axis_label, width + 0.1))

    def _texts(self, ax: Axes, width: float, texts: list[str]) -> None:
        ax.set_xlim(-0.6, len(texts) - 0.4)
        letters = width / len(texts) / LETTER - 1
        if self.level.numeric:  # some are left out where there is no room for all
            every = math.ceil(max(map(len, texts)) / max(letters, 0.1))
            ax.set_xticks(self.places[::every], labels=texts[::every])
            return
        lines = [textwrap.wrap(text, max(1, int(letters)), break_long_words=False) for text in texts]
        if all(len(some) <= 3 and max(map(len, some), default=0) <= letters for some in lines):
            # Level by their letters, which are not of the same height in all texts.
            ax.set_xticks(self.places, labels=["\n".join(some) for some in lines], va="baseline")
            ax.tick_params(axis="x", pad=11)
        else:
            short = [shortened(text, LONGEST) for text in texts]
            ax.set_xticks(self.places, labels=short, rotation=ROTATION, ha="right", rotation_mode="anchor")

    def _scale(self, ax: Axes, width: float, texts: list[str]) -> None:
        x = self.places
        logarithmic = is_logarithmic(x)
        if logarithmic:
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(NullLocator())
            room = (x[-1] / x[0]) ** 0.04
            ax.set_xlim(x[0] / room, x[-1] * room)
        else:
            room = 0.04 * (np.ptp(x) or 1.0)
            ax.set_xlim(x[0] - room, x[-1] + room)
        number_axis(ax.xaxis, max(2, int(width / 0.5)))
        at = np.log(x) if logarithmic else x
        kept = _apart((at - at[0]) / (np.ptp(at) or 1.0) * 0.92 * width, texts)
        if kept and (logarithmic or len(kept) == len(x)):
            ax.xaxis.set_major_locator(FixedLocator([float(x[place]) for place in kept]))


def _apart(where: FloatArray, texts: Sequence[str]) -> list[int]:
    """Return the texts that have room beside each other at some places, the first ones before others. [inch]"""
    kept = [0] if texts else []
    for place in range(1, len(texts)):
        letters = (len(texts[place]) + len(texts[kept[-1]])) / 2
        if where[place] - where[kept[-1]] > letters * LETTER + 0.05:
            kept.append(place)
    return kept
