"""Pages of panels for the figures of a sweep: a title, notes and a key above rows and columns of panels."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import floor, log10
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import Formatter, MaxNLocator

from experiments.figures.style import COLORS, GREY, house_style, save_figure
from experiments.sweeps.report.levels import Levels
from experiments.sweeps.report.numbers import SMALLEST, number_text, times_ten_to

WIDTH = 7.6
"""Width of every figure, so that all have the same size of letters on a page. [inch]"""
SMALL = 7.5
"""Size of notes, keys and the numbers on axes. [point]"""
LETTER = 0.067
"""Width of a digit of that size. [inch]"""
LABEL_LETTER, TITLE_LETTER = 0.068, 0.092
"""Width of a letter in the label of an axis and in the title of a panel. [inch]"""
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
NO_BREAK = "\N{NO-BREAK SPACE}"
STEPS = (1, 2, 2.5, 5, 10)
"""Steps between the numbers on an axis."""


class Drawing(NamedTuple):
    """A figure of a report: stem of its files, the figure, and a caption for those who can't see it."""

    name: str
    figure: Figure
    caption: str

    def save(self, folder: Path) -> list[Path]:
        """Write PNG and SVG, and return their paths."""
        save_figure(self.figure, folder, self.name)
        return [folder / f"{self.name}.png", folder / f"{self.name}.svg"]


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


class Page:
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
        self.body = body
        handles, names = key.handles, [shortened(name, LONGEST) for name in key.names]
        first, *others = note.splitlines()
        colours = f" Colours: {key.names_of}." if key.names_of else ""
        legend = body.legend(
            handles,
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
        mosaic = [
            [cell if cell in cells else "." for cell in range(k * columns, (k + 1) * columns)]
            for k in range(self.rows)
        ]
        panels = body.subplot_mosaic(mosaic)
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
    return fill(text, letters, max_lines=most, placeholder=" …").replace(NO_BREAK, " ")


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
    power = floor(log10(abs(x)) + 1e-9)
    return f"{x / 10.0**power:.3g}".replace("-", "−") + times_ten_to(power)


def number_axis(axis: Axis, most: int) -> None:
    """Give an axis round numbers, at most so many steps between them."""
    axis.set_major_locator(MaxNLocator(most, steps=STEPS))
    axis.set_major_formatter(Numbers())


def panel_width(columns: int, between: float) -> float:
    """Return the approximate width of the panels of a page at a distance from each other. [inch]"""
    return (WIDTH - 1.15 - (columns - 1) * between) / columns
