"""Pages of panels for the figures of a sweep: a title, notes and a key above rows and columns of panels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from math import ceil
from textwrap import fill
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from experiments.figures.style import COLORS, GREY, house_style
from experiments.sweeps.report.factor_axis import label_lines, number_axis, shortened
from experiments.sweeps.report.levels import Levels
from experiments.sweeps.report.numbers import axis_label_of, label_of, listed
from experiments.sweeps.report.statistics import HIGH, LOW, MEAN, OUTPUT, VALUE
from grids.network import FloatArray

WIDTH = 7.6
"""Width of every figure, so that all have the same size of letters on a page. [inch]"""
SMALL = 7.5
"""Size of notes, keys and the numbers on axes. [point]"""
TITLE_LETTER = 0.092
"""Width of a letter in the title of a panel. [inch]"""
DPI = 120
"""Resolution in which pages are laid out, that of PNG: letters are not equally wide in all. [dots per inch]"""
LONGEST = 48
"""Largest number of letters of a name in a key."""
TOLERANCE = 0.2
"""Largest error of the height of a panel, for to lay out a page takes a while. [inch]"""
LOOKS = (
    (COLORS["tie_line"], "o", "-"),
    (COLORS["penalty"], "s", (0, (5, 1.5))),
    (COLORS["battery"], "^", (0, (3, 1, 1, 1))),
    (COLORS["retail"], "D", (0, (1, 1))),
    (COLORS["pv"], "v", (0, (7, 2, 1, 2))),
    (COLORS["demand"], "P", (0, (2, 1.5))),
)
"""Colour, marker and dashes of each line: told apart without colour, too."""
DARK = "#444444"


class ReportFigure(NamedTuple):
    """A figure of a report: stem of its files, the figure, and a caption for those who can't see it."""

    name: str
    figure: Figure
    caption: str


@contextmanager
def page_style() -> Iterator[None]:
    """Draw in the house style, with small numbers on axes and no formulas: a dollar is a dollar."""
    sizes: Any = {f"{axis}tick.labelsize": SMALL for axis in "xy"} | {f"{axis}tick.major.size": 2.5 for axis in "xy"}
    with house_style(), mpl.rc_context({"text.parse_math": False, **sizes}):
        yield


class Key(NamedTuple):
    """Key of lines and colours: handles, their names, and the factor whose values these are."""

    handles: Sequence[Artist] = ()
    names: Sequence[str] = ()
    names_of: str = ""

    @classmethod
    def of(cls, level: Levels | None, looks: Mapping[int, int], *, lines: bool) -> "Key":
        """Return the key of values of a factor that have looks, as lines or points; a single one needs none."""
        if level is None or len(looks) < 2:
            return cls()
        styles = [LOOKS[look] for look in looks.values()]
        handles = [Line2D([], [], color=c, marker=m, ms=4, lw=1.4, ls=ls if lines else "") for c, m, ls in styles]
        return cls(handles, [level.valued(code) for code in looks], level.label)


class PanelPage:
    """A figure of panels below a title, a note and a key.

    Parameters
    ----------
    cells : sequence of int
        Places of the panels, counted row by row in rising order.
    columns : int
        Panels in a row.
    height : float
        Height of a panel. [inch]
    title : str
        Title of the figure.
    note : str
        Note in grey, in one line or more.
    key : Key
        Meaning of lines and colours.
    """

    def __init__(self, cells: Sequence[int], columns: int, height: float, *, title: str, note: str, key: Key) -> None:
        self.height, self.rows = height, cells[-1] // columns + 1
        self.figure = Figure(figsize=(WIDTH, 0.8 + self.rows * (height + 0.5)), dpi=DPI)
        self.figure.suptitle(fill(title, 78), x=0.1 / WIDTH, ha="left", fontsize=11.5, fontweight="bold")
        body: Any = self.figure.subfigures()
        self.body, names = body, [shortened(name, LONGEST) for name in key.names]
        first, *others = note.splitlines()
        colours = f" Colours: {key.names_of}." if key.names_of else ""
        legend = body.legend(
            key.handles,
            names,
            loc="outside upper left",
            title="\n".join(fill(line, 125) for line in (f"{first}{colours}", *others)),
            ncols=max(1, 120 // (max(map(len, names), default=0) + 8)),
            alignment="left",
            frameon=False,
            fontsize=SMALL,
            title_fontsize=SMALL,
            handlelength=2.8,
            borderpad=0,
            borderaxespad=0.9,
        )
        legend.get_title().set_color(GREY)
        places = np.arange(self.rows * columns).reshape(self.rows, columns)
        panels = body.subplot_mosaic([[cell if cell in cells else "." for cell in row] for row in places.tolist()])
        self.panels: list[Axes] = [panels[cell] for cell in cells]
        self.lowest = [cell + columns not in cells for cell in cells]
        self.leftmost = [cell % columns == 0 for cell in cells]

    def fit(self) -> Figure:
        """Return the figure, made as tall as it must be for its panels to be about as high as they should."""
        engine = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.09)
        self.body.align_ylabels()
        engine.execute(self.figure)
        lacking = self.height - self.panels[0].get_window_extent().height / DPI
        if abs(lacking) > TOLERANCE:
            self.figure.set_figheight(self.figure.get_figheight() + lacking * self.rows)
            engine.execute(self.figure)
        return self.figure


def panel_width(columns: int, between: float) -> float:
    """Return the approximate width of the panels of a page at a distance from each other. [inch]"""
    return (WIDTH - 1.15 - (columns - 1) * between) / columns


def output_drawings(
    name: str,
    found: pd.DataFrame,
    outputs: Sequence[str],
    draw: Callable[[Axes, str, int, bool], None],
    *,
    facets: int,
    columns: int,
    most: int,
    height: float,
    title: str,
    note: str,
    key: Key,
) -> Iterator[ReportFigure]:
    """Yield figures of outputs, each on a scale of its own, with as many outputs in each figure as fit.

    Parameters
    ----------
    name : str
        Stem of their files; if it has "differences" in it, zero is a mark of its own.
    found : DataFrame
        All values shown: `OUTPUT`, and `VALUE`, or `MEAN`, `LOW` and `HIGH`.
    outputs : sequence of str
        The outputs; those without a value are left out.
    draw : function
        Draws a panel, given the axes, the output, the number of the facet, and whether nothing is below.
    facets : int
        Panels of an output, which share its scale. If there is one, the next output stands beside it.
    columns, most : int
        Panels in a row, and outputs in a figure.
    height, title, note, key
        As a `PanelPage` has them.
    """
    alone, differences = facets == 1, "differences" in name
    sides = {output: side.filter([VALUE, MEAN, LOW, HIGH]).to_numpy() for output, side in found.groupby(OUTPUT)}
    cells_each = 1 if alone else columns * ceil(facets / columns)
    known = [output for output in outputs if output in sides]
    for number, first in enumerate(range(0, len(known), most), start=1):
        some = known[first : first + most]
        panels = list(product(some, range(facets)))
        cells = [some.index(output) * cells_each + facet for output, facet in panels]
        with page_style():
            page = PanelPage(cells, min(columns, len(panels)), height, title=title, note=note, key=key)
            for place, (ax, (output, facet)) in enumerate(zip(page.panels, panels, strict=True)):
                draw(ax, output, facet, alone or page.lowest[place])
                ax.grid(axis="y")
                if differences:
                    ax.axhline(0, color=DARK, lw=0.9, zorder=1)
                ax.set_ylim(_limits(np.append(sides[output], [0.0] * differences)))
                number_axis(ax.yaxis, 5)
                ax.tick_params(axis="y", labelleft=alone or page.leftmost[place])
                if alone or page.leftmost[place]:
                    label = f"{'difference of ' * differences}{axis_label_of(output)}"
                    ax.set_ylabel(label_lines(label, height + 0.2, most=2))
            figure = page.fit()
        stem = name if len(known) <= most else f"{name}-{number}"
        yield ReportFigure(stem, figure, f"{title}: {listed(map(label_of, some))}.")


def _limits(values: FloatArray) -> tuple[float, float]:
    """Return limits that show all values with room around them, also if they are the same but for rounding."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    least = 1e-3 * max(abs(low), abs(high)) or 1.0
    if high - low < least:
        low, high = low - least, high + least
    room = 0.08 * (high - low)
    return low - room, high + room
