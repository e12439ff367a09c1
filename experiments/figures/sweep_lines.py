"""Outputs of a sweep along a factor, with confidence bands; differences, with the line of no difference."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from experiments.figures.style import headline, house_style
from experiments.figures.sweep_axis import FactorAxis
from experiments.figures.sweep_sheet import DARK, LOOKS, STEPS, Frame, sheet
from experiments.figures.sweep_text import Numbers, inches, label_lines, plain, shortened
from grids.network import FloatArray

MOST_LINES = len(LOOKS)
HEIGHT, LOW_HEIGHT = 1.75, 1.3
"""Of a panel, and of small multiples of which many are below each other. [inch]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Line:
    """One line of a panel: a mean and an interval for every value of the axis; NaN where there is none.

    Attributes
    ----------
    look : int
        Which of `LOOKS` it has.
    mean, low, high : array, one for each value of the axis
        Mean and ends of its interval, in the unit of the panel.
    """

    look: int
    mean: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class LinePanel:
    """One panel.

    Attributes
    ----------
    label : str
        Of its vertical axis, with the unit.
    title, short : str
        What it is about; and in fewer words, if there is no room for the title of every panel.
    lines : sequence of Line
        What is drawn.
    """

    label: str
    title: str
    short: str
    lines: Sequence[Line]


def lines_figure(
    rows: Sequence[Sequence[LinePanel]],
    axis: FactorAxis,
    *,
    title: str,
    notes: Sequence[str],
    names: Mapping[int, str],
    names_of: str,
    panels_of: str = "",
    from_zero: bool = False,
) -> Figure:
    """Return lines along a factor.

    Parameters
    ----------
    rows : sequence of sequence of LinePanel
        Panels; those of a row show the same output and have the same scale.
    axis : FactorAxis
        The factor.
    title : str
        What is shown.
    notes : sequence of str
        What is averaged over or left out, how wide bands are.
    names : mapping of int to str
        What each line is, by its look.
    names_of : str
        What these are values of.
    panels_of : str
        What the short titles of panels are values of.
    from_zero : bool
        Whether zero is a mark of its own, as it is for differences.
    """
    with house_style():
        frame = _frame(rows, axis)
        titles = [panel.title for row in rows for panel in row]
        brief = any(inches(title, 9.5, bold=True) > frame.panel_width + 0.1 for title in titles)
        notes = [*notes, f"Panels: {panels_of}."] if brief and panels_of else notes
        page = sheet(_cells(rows, frame.columns), frame, title, notes, _key(names, axis), names_of)
        panels = iter(zip(page.panels, page.lowest, page.leftmost, strict=True))
        for row in rows:
            limits = _limits(row, from_zero=from_zero)
            for panel in row:
                ax, lowest, leftmost = next(panels)
                _draw(ax, panel, axis)
                ax.set_ylim(limits)
                _dress(ax, panel, frame, from_zero=from_zero, named=leftmost or len(row) == 1)
                title = shortened(panel.short if brief else panel.title, frame.panel_width + 0.1, 9.5, bold=True)
                headline(ax, plain(title))
                axis.dress(ax, frame.panel_width, named=lowest or len(row) == 1)
    return page.figure


def columns_of(multiples: int) -> int:
    """Return how many small multiples stand side by side."""
    return 2 if multiples == 4 else min(3, multiples)


def _frame(rows: Sequence[Sequence[LinePanel]], axis: FactorAxis) -> Frame:
    """Return a sheet of small multiples side by side, or of outputs with scales of their own."""
    most = max(map(len, rows))
    columns = min(2, len(rows)) if most == 1 else columns_of(most)
    frame = Frame(
        columns=columns,
        height=LOW_HEIGHT if most > 3 else HEIGHT,
        across=0.16 if most > 1 else 0.95,
        between=0.08,
        below=0.0,
    )
    room = axis.room(frame.panel_width)
    return replace(frame, between=0.08 if most > 1 else room + 0.08, below=room + 0.06)


def _cells(rows: Sequence[Sequence[LinePanel]], columns: int) -> list[int]:
    """Return where the panels are: outputs one after another, or rows of small multiples for each output."""
    if max(map(len, rows)) == 1:
        return list(range(len(rows)))
    tall = math.ceil(max(map(len, rows)) / columns)
    return [place * tall * columns + number for place, row in enumerate(rows) for number in range(len(row))]


def _key(names: Mapping[int, str], axis: FactorAxis) -> list[tuple[Line2D, str]]:
    """Return what lines are; a single one needs no key."""
    key = []
    for look, name in names.items() if len(names) > 1 else ():
        color, marker, dashes = LOOKS[look]
        key.append((Line2D([], [], color=color, marker=marker, ms=4, lw=1.4, ls=dashes if axis.scale else ""), name))
    return key


def _limits(row: Sequence[LinePanel], *, from_zero: bool) -> tuple[float, float]:
    """Return limits that show all means and intervals of a row of panels."""
    heights = [part for panel in row for line in panel.lines for part in (line.mean, line.low, line.high)]
    everything = np.concatenate([*heights, [0.0]] if from_zero else heights)
    everything = everything[np.isfinite(everything)]
    low, high = float(everything.min()), float(everything.max())
    least = 1e-3 * max(abs(low), abs(high)) or 1.0
    room = max(high - low, least)
    return low - 0.08 * room - (high - low < least) * least, high + 0.08 * room + (high - low < least) * least


def _draw(ax: Axes, panel: LinePanel, axis: FactorAxis) -> None:
    for number, line in enumerate(panel.lines):
        color, marker, dashes = LOOKS[line.look]
        gid = f"{panel.title}-{line.look}"
        if not axis.scale:
            shift = 0.14 * (number - (len(panel.lines) - 1) / 2)
            places = axis.places + shift
            ax.vlines(places, line.low, line.high, color=color, lw=1.5, zorder=3)
            ax.plot(places, line.mean, marker, ms=5, color=color, mec="white", mew=0.6, zorder=4, gid=gid)
        else:
            size, edge = (4.0, 0.5) if len(axis.places) <= 15 else (2.0, 0.0)
            ax.fill_between(
                axis.places, line.low, line.high, color=color, alpha=_faint(len(panel.lines)), lw=0, zorder=2
            )
            ax.plot(axis.places, line.mean, color=color, lw=1.4, ls=dashes, zorder=3)
            ax.plot(axis.places, line.mean, marker, ms=size, color=color, mec="white", mew=edge, zorder=4, gid=gid)


def _faint(lines: int) -> float:
    """Return how strong a band is, so that many on each other do not hide the lines."""
    return 0.2 if lines <= 2 else 0.13 if lines <= 4 else 0.08


def _dress(ax: Axes, panel: LinePanel, frame: Frame, *, from_zero: bool, named: bool) -> None:
    ax.grid(axis="y")
    if from_zero:
        ax.axhline(0, color=DARK, lw=0.9, zorder=1)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
    ax.yaxis.set_major_formatter(Numbers())
    ax.tick_params(axis="y", labelleft=named)
    if named:
        ax.set_ylabel(label_lines(panel.label, frame.height + 0.2))
