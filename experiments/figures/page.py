"""Pages of figures: a heading, and panels row by row, placed in inches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.style import GREY, LABEL_POINTS

WIDTH = 11.0
SMALL: dict[str, Any] = {"fontsize": LABEL_POINTS}
QUIET: dict[str, Any] = {"fontsize": LABEL_POINTS, "color": GREY}
"""Looks of the lines below a heading."""


class Margins(NamedTuple):
    """Room around the panels of a page. [inch]"""

    left: float = 0.72
    right: float = 1.5
    top: float = 1.13
    bottom: float = 0.55


USUAL = Margins()


@dataclass
class Page:
    """Figure whose panels stand in rows.

    Parameters
    ----------
    heights : sequence of float
        Height of every row, from top to bottom. [inch]
    margins : Margins
        Room around them.
    gap, gutter : float
        Room between rows, and between panels in a row. [inch]
    apart : mapping of int to float
        More room above some rows. [inch]
    width : float
        Width of the page. [inch]
    """

    heights: Sequence[float]
    margins: Margins = USUAL
    gap: float = 0.5
    gutter: float = 0.75
    apart: Mapping[int, float] = field(default_factory=dict)
    width: float = WIDTH
    figure: Figure = field(init=False)

    def __post_init__(self) -> None:
        self.height = self.margins.top + self._end(len(self.heights) - 1) + self.margins.bottom
        self.figure = Figure(figsize=(self.width, self.height))

    def panel(self, row: int, name: str, *, column: int = 0, columns: int = 1) -> Axes:
        """Return an empty panel: one column of the row's, which are equally wide."""
        inner = self.width - self.margins.left - self.margins.right
        width = (inner - self.gutter * (columns - 1)) / columns
        left = self.margins.left + column * (width + self.gutter)
        bottom = self.height - self.margins.top - self._end(row)
        box = (left / self.width, bottom / self.height, width / self.width, self.heights[row] / self.height)
        return self.figure.add_axes(box, label=name)

    def _end(self, row: int) -> float:
        """Return the distance from the first row's top to a row's end. [inch]"""
        return sum(self.heights[: row + 1]) + self.gap * row + sum(self.apart[k] for k in self.apart if k <= row)

    def heading(self, title: str, who: str, *lines: tuple[str, Mapping[str, Any]], left: float = 0.72) -> None:
        """Write the title of the page, who decides in it, and lines of some look below, TeX as it stands."""
        looks: list[tuple[str, Mapping[str, Any]]] = [
            (title, {"fontsize": 15, "fontweight": "bold"}),
            (who, {"fontsize": 9.5}),
            *lines,
        ]
        for place, (text, look) in zip((0.30, 0.53, 0.71, 0.89), looks, strict=False):
            self.figure.text(left / self.width, 1 - place / self.height, text, va="center", parse_math=False, **look)
