"""The choice between two outputs: all points with their intervals, and those that no other point beats in both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from experiments.figures.style import COLORS, GREY, house_style
from experiments.figures.sweep_sheet import STEPS, Frame, sheet
from experiments.figures.sweep_text import SMALL, Numbers, inches, plain, shortened
from grids.network import BoolArray, FloatArray, IntArray

HEIGHT, BELOW = 3.6, 0.52
MOST_LINES = 18
"""Of text beside the panel: what is varied, and the points of the front by name."""
FRONT, REST = COLORS["tie_line"], "#8C8C8C"
AROUND = tuple(
    (reach * math.cos(angle), reach * math.sin(angle))
    for reach in (0.16, 0.24)
    for angle in (math.pi * step / 6 for step in range(12))
)
"""Where the number of a point may be, from the point. [inch]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """One of the two outputs: its label with the unit, and for all points the mean and the ends of its interval."""

    label: str
    mean: FloatArray
    low: FloatArray
    high: FloatArray


def front_figure(
    x: Outcome,
    y: Outcome,
    front: BoolArray,
    names: Sequence[str],
    *,
    names_of: Sequence[str],
    title: str,
    notes: Sequence[str],
) -> Figure:
    """Return all points between two outputs.

    Parameters
    ----------
    x, y : Outcome
        The outputs, one value for each point.
    front : array of bool
        Which points no other one beats.
    names : sequence of str
        Names of the points of the front, by rising `x`.
    names_of : sequence of str
        What the parts of a name are values of.
    title : str
        What is shown.
    notes : sequence of str
        What else is to be known.
    """
    with house_style():
        widest = max(max(inches(text) for text in names) + 0.3, *(inches(text) for text in names_of))
        room = min(2.6, max(1.0, 0.3 + widest))
        frame = Frame(columns=1, height=HEIGHT, across=0, between=0, below=BELOW, right=room)
        key = [
            (Line2D([], [], color=FRONT, marker="o", ms=5, lw=1.2), "no point is better in both (front)"),
            (Line2D([], [], color=REST, marker="o", ms=3.5, ls=""), "another point is better in both"),
        ]
        page = sheet([0], frame, title, notes, key)
        ax = page.panels[0]
        order = np.flatnonzero(front)[np.argsort(x.mean[front], kind="stable")]
        _cross(ax, x, y, np.flatnonzero(~front), REST, size=3.5)
        _cross(ax, x, y, order, FRONT, size=5.0)
        ax.plot(x.mean[order], y.mean[order], color=FRONT, lw=1.2, zorder=3, gid="front")
        _dress(ax, x, y)
        most = min(len(order), max(4, MOST_LINES - len(names_of)))
        shown = np.unique(np.linspace(0, len(order) - 1, most).round().astype(int))
        _number(ax, x, y, order, shown, frame.panel_width)
        _name(ax, [names[place] for place in shown], names_of, room, frame.panel_width)
    return page.figure


def _cross(ax: Axes, x: Outcome, y: Outcome, which: IntArray, color: str, *, size: float) -> None:
    chosen = [each[which] for each in (x.mean, y.mean, x.low, x.high, y.low, y.high)]
    across, up, left, right, low, high = chosen
    faint = 0.8 if len(which) <= 60 else 0.35
    ax.hlines(up, left, right, color=color, lw=0.9, alpha=faint, zorder=2)
    ax.vlines(across, low, high, color=color, lw=0.9, alpha=faint, zorder=2)
    ax.plot(across, up, "o", ms=size, color=color, mec="white", mew=0.5, zorder=4, gid=f"points {color}")


def _dress(ax: Axes, x: Outcome, y: Outcome) -> None:
    ax.grid()
    ax.margins(0.06)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=STEPS))
        axis.set_major_formatter(Numbers())
    ax.set_xlabel(plain(x.label))
    ax.set_ylabel(plain(y.label))


def _number(ax: Axes, x: Outcome, y: Outcome, order: IntArray, shown: IntArray, width: float) -> None:
    """Write numbers beside points of the front, each where it is farthest from all points, lines and numbers."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    at = np.column_stack([(x.mean - left) / (right - left) * width, (y.mean - low) / (high - low) * HEIGHT])
    steps = np.linspace(0, 1, 12)[:, None]
    joined = [start + steps * (end - start) for start, end in pairwise(at[order])]
    taken = np.concatenate([at, *joined])
    for number, place in enumerate(order[shown], start=1):
        choices = at[place] + np.array(AROUND)
        gaps = np.hypot(*(choices[:, None] - taken).transpose(2, 0, 1)).min(axis=1)
        best = choices[int(gaps.argmax())]
        taken = np.vstack([taken, best])
        ax.annotate(
            str(number),
            (x.mean[place], y.mean[place]),
            xytext=tuple(72 * (best - at[place])),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SMALL,
            fontweight="bold",
            color=FRONT,
            zorder=6,
        )


def _name(ax: Axes, names: Sequence[str], names_of: Sequence[str], room: float, width: float) -> None:
    """Write what the numbers mean beside the panel."""
    heads = [shortened(text, room - 0.2) for text in names_of]
    lines = [*((0, text) for text in heads), *((number, text) for number, text in enumerate(names, start=1))]
    for place, (number, text) in enumerate(lines):
        y = 1 - (0.1 + 0.185 * place) / HEIGHT
        if number:
            ax.text(
                1 + 0.3 / width,
                y,
                str(number),
                transform=ax.transAxes,
                fontsize=SMALL,
                fontweight="bold",
                color=FRONT,
                ha="right",
                va="center",
            )
        left = 1 + (0.38 if number else 0.15) / width
        fits = plain(shortened(text, room - 0.45) if number else text)
        ax.text(left, y, fits, transform=ax.transAxes, fontsize=SMALL, va="center", color="black" if number else GREY)
