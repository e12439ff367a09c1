"""The choice between two outputs: all points with their intervals, and those that no other point beats in both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from experiments.figures.style import COLORS, house_style
from experiments.figures.sweep_sheet import SMALL, STEPS, WIDTH, Frame, Numbers, inches, plain, sheet, shortened
from grids.network import BoolArray, FloatArray, IntArray

HEIGHT, BELOW = 3.6, 0.52
MOST_NAMED = 16
"""So many points of the front are named beside the panel."""
FRONT, REST = COLORS["tie_line"], "#8C8C8C"
AROUND = ((0.11, 0.09), (-0.11, 0.09), (0.11, -0.09), (-0.11, -0.09), (0, 0.15), (0, -0.15), (0.18, 0), (-0.18, 0))
"""Where the number of a point may be, from the point. [inch]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """One of the two outputs: its label with the unit, and the means of all points with the ends of their intervals."""

    label: str
    mean: FloatArray
    low: FloatArray
    high: FloatArray


def front_figure(
    x: Outcome, y: Outcome, front: BoolArray, names: Sequence[str], *, title: str, notes: Sequence[str]
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
    title : str
        What is shown.
    notes : sequence of str
        What else is to be known.
    """
    with house_style():
        room = min(2.6, 0.35 + max(inches(f"16  {name}") for name in names))
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
        _number(ax, x.mean[order], y.mean[order], names, room, frame.panel_width)
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


def _number(ax: Axes, x: FloatArray, y: FloatArray, names: Sequence[str], room: float, width: float) -> None:
    """Write numbers beside the points of the front, where there is room, and what they mean beside the panel."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    at = np.column_stack([(x - left) / (right - left) * width, (y - low) / (high - low) * HEIGHT])
    shown = np.unique(np.linspace(0, len(at) - 1, min(MOST_NAMED, len(at))).round().astype(int))
    taken = list(at)
    for number, place in enumerate(shown, start=1):
        choices = [at[place] + shift for shift in AROUND]
        best = max(
            choices, key=lambda spot: min(float(np.hypot(*(spot - other))) for other in _others(taken, at[place]))
        )
        taken.append(best)
        ax.annotate(
            str(number),
            (x[place], y[place]),
            xytext=72 * (best - at[place]),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SMALL,
            fontweight="bold",
            color=FRONT,
            zorder=6,
        )
        ax.text(
            1 + 0.15 / width,
            1 - (number - 0.5) * 0.19 / HEIGHT,
            plain(shortened(f"{number}  {names[place]}", room - 0.2)),
            transform=ax.transAxes,
            fontsize=SMALL,
            va="center",
        )


def _others(taken: Sequence[FloatArray], own: FloatArray) -> list[FloatArray]:
    return [spot for spot in taken if spot is not own and float(np.hypot(*(spot - own))) > 1e-9] or [own + WIDTH]
