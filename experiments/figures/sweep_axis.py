"""The horizontal axis of a factor: a scale of numbers, or one place for each word."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from experiments.figures.sweep_sheet import STEPS
from experiments.figures.sweep_text import TICK, Numbers, inches, label_lines, plain, shortened, wrapped
from grids.network import FloatArray

ROTATION = 35.0
LONGEST = 1.6
"""Room for the longest word below a place, written askew. [inch]"""
WIDE = 30.0
"""From this ratio between its ends on, a scale may be logarithmic."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FactorAxis:
    """A factor along an axis.

    Attributes
    ----------
    label : str
        What is written on it, with the unit.
    numbers : array or None
        Its values, in rising order; None if they are words.
    texts : tuple of str
        Its values as text; none if its ticks need not be at them.
    even : bool
        Whether numbers have places at the same distance, as in a map.
    """

    label: str
    numbers: FloatArray | None
    texts: tuple[str, ...]
    even: bool = False

    @property
    def scale(self) -> bool:
        """Whether it is a scale of numbers."""
        return self.numbers is not None and not self.even

    @property
    def places(self) -> FloatArray:
        """Where the values are."""
        return np.arange(len(self.texts), dtype=float) if self.numbers is None or self.even else self.numbers

    @property
    def logarithmic(self) -> bool:
        """Whether the values are spread more evenly by their ratios than by their distances."""
        x = self.numbers
        if x is None or self.even or len(x) < 4 or x[0] <= 0 or x[-1] / x[0] < WIDE:
            return False
        steps, ratios = np.diff(x), np.diff(np.log(x))
        return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean())

    def room(self, width: float) -> float:
        """Return how much room the texts and the label need below a panel of a width. [inch]"""
        lines = 1 + label_lines(self.label, width + 0.1, most=3).count("\n")
        return 0.22 + 0.16 * lines + self._depth(width)

    def _depth(self, width: float) -> float:
        if self.numbers is not None:
            return 0.13
        if self._askew(width):
            longest = max(inches(shortened(text, LONGEST)) for text in self.texts)
            return 0.1 + longest * math.sin(math.radians(ROTATION))
        return 0.13 * max(len(lines) for lines in self._wrapped(width))

    def _wrapped(self, width: float) -> list[list[str]]:
        slot = width / len(self.texts) - 0.08
        return [wrapped(text, slot, TICK) for text in self.texts]

    def _askew(self, width: float) -> bool:
        lines = self._wrapped(width)
        return any(len(some) > 3 or any("…" in line for line in some) for some in lines)

    def dress(self, ax: Axes, width: float, *, named: bool) -> None:
        """Give a panel this axis; `named`: with numbers or words, and the label."""
        if self.scale:
            self._scale(ax, width)
        elif self.even:
            self._even(ax, width)
        else:
            self._words(ax, width)
        ax.tick_params(axis="x", labelbottom=named)
        if named:
            ax.set_xlabel(label_lines(self.label, width + 0.1, most=3), fontsize=8.5)

    def _words(self, ax: Axes, width: float) -> None:
        askew = self._askew(width)
        if askew:
            texts = [shortened(text, LONGEST) for text in self.texts]
        else:
            texts = ["\n".join(lines) for lines in self._wrapped(width)]
        ax.set_xticks(self.places, labels=[plain(text) for text in texts])
        if askew:
            for text in ax.get_xticklabels():
                text.set(rotation=ROTATION, ha="right", rotation_mode="anchor")
        else:
            # Level by their letters, which are not of the same height in all words.
            ax.tick_params(axis="x", pad=11)
            for text in ax.get_xticklabels():
                text.set_verticalalignment("baseline")
        ax.set_xlim(-0.6, len(self.texts) - 0.4)

    def _even(self, ax: Axes, width: float) -> None:
        slot = width / len(self.texts)
        every = math.ceil((max(inches(text, TICK) for text in self.texts) + 0.06) / slot)
        ax.set_xticks(self.places[::every], labels=self.texts[::every])

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
        ax.xaxis.set_major_locator(
            FixedLocator(ticks) if (ticks := self._ticks(width)) else MaxNLocator(_most(width), steps=STEPS)
        )
        ax.xaxis.set_major_formatter(Numbers())

    def _ticks(self, width: float) -> list[float]:
        """Return the values, if there is room for all of them; on a logarithmic scale for some of them."""
        if not self.texts:
            return []
        at = np.log(self.places) if self.logarithmic else self.places
        where = (at - at[0]) / (np.ptp(at) or 1.0) * 0.92 * width
        halves = np.array([inches(text, TICK) / 2 for text in self.texts])
        kept = [0]
        for place in range(1, len(where)):
            if where[place] - where[kept[-1]] > halves[place] + halves[kept[-1]] + 0.06:
                kept.append(place)
        return [float(self.places[place]) for place in kept] if self.logarithmic or len(kept) == len(where) else []


def _most(width: float) -> int:
    return max(2, int(width / 0.5))
