"""Horizontal axis of a factor: a scale of numbers, or one place for each value."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from experiments.sweeps.report.figure_page import LETTER, label_lines, number_axis, shortened
from experiments.sweeps.report.levels import Levels
from grids.network import FloatArray

ROTATION = 35.0
LONGEST = 24
"""Largest number of letters of a text that stands askew below its place."""
WIDE = 30.0
"""Ratio between its ends from which on a scale may be logarithmic."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FactorAxis:
    """A factor along an axis.

    Attributes
    ----------
    axis_label : str
        Its label, with the unit.
    numbers : array or None
        Its values in rising order, if they are on a scale.
    texts : tuple of str
        Its values as text; none if its ticks need not be at them.
    decimated : bool
        Whether texts may be left out where there is no room for all.
    """

    axis_label: str
    numbers: FloatArray | None
    texts: tuple[str, ...]
    decimated: bool = False

    @classmethod
    def of(cls, level: Levels, codes: Sequence[int] | None = None, *, scale: bool = True) -> "FactorAxis":
        """Return a factor, or some of its values, as an axis; two numbers are places of their own, as texts are."""
        chosen = list(range(len(level)) if codes is None else codes)
        return cls(
            axis_label=level.axis_label,
            numbers=level.shown[chosen] if scale and level.continuous else None,
            texts=tuple(level.texts[code] for code in chosen),
            decimated=level.numeric,
        )

    @property
    def is_scale(self) -> bool:
        """True for a scale of numbers, along which lines may run."""
        return self.numbers is not None

    @property
    def places(self) -> FloatArray:
        """Places of the values on the axis."""
        return np.arange(len(self.texts), dtype=float) if self.numbers is None else self.numbers

    @property
    def logarithmic(self) -> bool:
        """True if the values are spread more evenly by their ratios than by their distances."""
        x = self.numbers
        if x is None or len(x) < 4 or x[0] <= 0 or x[-1] / x[0] < WIDE:
            return False
        steps, ratios = np.diff(x), np.diff(np.log(x))
        return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean())

    def dress(self, ax: Axes, width: float, *, named: bool) -> None:
        """Give a panel of a width this axis; `named`: with numbers or texts, and the label. [inch]"""
        if self.numbers is None:
            self._texts(ax, width)
        else:
            self._scale(ax, width)
        ax.tick_params(axis="x", labelbottom=named)
        if named:
            ax.set_xlabel(label_lines(self.axis_label, width + 0.1))

    def _texts(self, ax: Axes, width: float) -> None:
        ax.set_xlim(-0.6, len(self.texts) - 0.4)
        letters = width / len(self.texts) / LETTER - 1
        if self.decimated:
            every = math.ceil(max(map(len, self.texts)) / max(letters, 0.1))
            ax.set_xticks(self.places[::every], labels=self.texts[::every])
            return
        lines = [textwrap.wrap(text, max(1, int(letters)), break_long_words=False) for text in self.texts]
        if all(len(some) <= 3 and max(map(len, some), default=0) <= letters for some in lines):
            # Level by their letters, which are not of the same height in all texts.
            ax.set_xticks(self.places, labels=["\n".join(some) for some in lines], va="baseline")
            ax.tick_params(axis="x", pad=11)
        else:
            texts = [shortened(text, LONGEST) for text in self.texts]
            ax.set_xticks(self.places, labels=texts, rotation=ROTATION, ha="right", rotation_mode="anchor")

    def _scale(self, ax: Axes, width: float) -> None:
        x = self.places
        if self.logarithmic:
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(NullLocator())
            room = (x[-1] / x[0]) ** 0.04
            ax.set_xlim(x[0] / room, x[-1] * room)
        else:
            room = 0.04 * (np.ptp(x) or 1.0)
            ax.set_xlim(x[0] - room, x[-1] + room)
        number_axis(ax.xaxis, max(2, int(width / 0.5)))
        if ticks := self._ticks(width):
            ax.xaxis.set_major_locator(FixedLocator(ticks))

    def _ticks(self, width: float) -> list[float]:
        """Return the values, if there is room for all of them; on a logarithmic scale for some of them."""
        if not self.texts:
            return []
        at = np.log(self.places) if self.logarithmic else self.places
        where = (at - at[0]) / (np.ptp(at) or 1.0) * 0.92 * width
        kept = [0]
        for place in range(1, len(where)):
            letters = (len(self.texts[place]) + len(self.texts[kept[-1]])) / 2
            if where[place] - where[kept[-1]] > letters * LETTER + 0.05:
                kept.append(place)
        return [float(self.places[place]) for place in kept] if self.logarithmic or len(kept) == len(where) else []
