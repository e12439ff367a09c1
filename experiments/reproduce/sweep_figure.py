"""The figure of a sweep: a column of panels for each axis, a row for each quantity, a line for each strategy."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.style import COLORS, GREY, Label, headline, ink, margin_labels
from experiments.reproduce.evaluated_bids import EvaluatedBids
from experiments.reproduce.journal import panel_grid
from experiments.reproduce.labels import number
from experiments.reproduce.paper import STRATEGIES
from experiments.reproduce.sweep import Axis
from grids.network import FloatArray

Curves = Mapping[str, Sequence[EvaluatedBids]]
"""Points by strategy, in the order of the axis values."""

ROWS = {
    "profit": "profit [$]",
    "imbalance": "imbalance cost [$]",
    "load_curtailed_mwh": "load cut [MWh]",
    "generation_curtailed_mwh": "output cut [MWh]",
}
"""The quantities drawn, and how their axes are labelled."""

LOOKS = {"basic": ("s", 5.2, "white", COLORS["penalty"]), "anm_aware": ("o", 3.4, COLORS["tie_line"], "white")}
"""Marker, its size, face and edge of each strategy: one shows around the other where they are the same."""
LINES = {"basic": COLORS["penalty"], "anm_aware": COLORS["tie_line"]}

FEW, SMALL = 15, 0.25
"""One value in so many may be left off the scale, if the range of the others is so small a share of the whole."""
ROOM_FOR_TEXT = 0.45
"""Room beside the others for values that are off the scale, as a share of their range."""


def sweep_figure(axes: Sequence[Axis], chosen: Sequence[Sequence[float]], curves: Sequence[Curves]) -> Figure:
    """Return the figure of a sweep.

    Parameters
    ----------
    axes : sequence of Axis
        What is varied.
    chosen : sequence of sequence of float
        The values of each axis that are there.
    curves : sequence of mapping
        What came of them.
    """
    figure, grid = panel_grid(len(ROWS), len(axes), height=1.12, right=0.75)
    for row, (quantity, label) in zip(grid, ROWS.items(), strict=True):
        everything = [_amounts(points, quantity) for by_strategy in curves for points in by_strategy.values()]
        row[0].set_ylabel(label)
        row[0].set_ylim(*_limits(everything, from_zero=quantity != "profit"))
        for place, (ax, axis, values, by_strategy) in enumerate(zip(row, axes, chosen, curves, strict=True)):
            _panel(ax, axis.shown_times * np.array(values), by_strategy, quantity, f"{quantity}-{place}")
            _mark_paper(ax, axis, named=row is grid[0])
        last = {strategy: _amounts(points, quantity)[-1] for strategy, points in curves[-1].items()}
        margin_labels(row[-1], _names(row[-1], last))
    for ax, axis, letter in zip(grid[0], axes, "abcd", strict=False):
        headline(ax, f"({letter}) {axis.title}" if len(axes) > 1 else axis.title)
    for ax, axis in zip(grid[-1], axes, strict=True):
        ax.set_xlabel(axis.label, fontsize=8.5 if len(axes) < 3 else 7.5)
    return figure


def _amounts(points: Iterable[EvaluatedBids], quantity: str) -> FloatArray:
    return np.array([point.expected[quantity] for point in points])


def _panel(ax: Axes, places: FloatArray, by_strategy: Curves, quantity: str, gid: str) -> None:
    for strategy, points in by_strategy.items():
        marker, size, face, edge = LOOKS[strategy]
        heights = _amounts(points, quantity)
        ax.plot(places, heights, color=LINES[strategy], lw=1.2, zorder=3, gid=f"{gid}-{strategy}-line")
        ax.plot(places, heights, marker, ms=size, mfc=face, mec=edge, mew=0.8, zorder=4, gid=f"{gid}-{strategy}")
    _off_scale(ax, places, by_strategy, quantity)
    room = 0.04 * np.ptp(places)
    ax.set_xlim(places[0] - room, places[-1] + room)


def _limits(heights: Sequence[FloatArray], *, from_zero: bool) -> tuple[float, float]:
    """Return limits that show all values, but for a few at one end that would press the others together."""
    ranked = np.sort(np.concatenate([*heights, [0.0]] if from_zero else heights))
    shown = _without_few(ranked, low_end=not from_zero)
    room = max(_span(shown), 1e-2)
    below, above = (ROOM_FOR_TEXT if cut else 0.0 for cut in (shown[0] > ranked[0], shown[-1] < ranked[-1]))
    low = float(shown[0]) - (max(below, 0.04 if from_zero else 0.1)) * room
    return low, float(shown[-1]) + max(above, 0.18) * room


def _without_few(ranked: FloatArray, *, low_end: bool) -> FloatArray:
    """Return sorted values without the few at an end that span most of their range, if there are such."""
    count = len(ranked)
    for few in range(1, max(count // FEW, len(STRATEGIES)) + 1):
        ends = [ranked[: count - few], *([ranked[few:]] if low_end else [])]
        shown = min(ends, key=_span)
        if _span(shown) <= SMALL * _span(ranked):
            return shown
    return ranked


def _span(values: FloatArray) -> float:
    return float(np.ptp(values)) if len(values) else 0.0


def _off_scale(ax: Axes, places: FloatArray, by_strategy: Curves, quantity: str) -> None:
    """Write the values that lie outside the panel at its edge, each in its strategy's colour."""
    low, high = ax.get_ylim()
    for place, x in enumerate(places):
        values = {strategy: _amounts(points, quantity)[place] for strategy, points in by_strategy.items()}
        outside = {strategy: value for strategy, value in values.items() if not low <= value <= high}
        if not outside:
            continue
        below = min(outside.values()) < low
        texts: dict[str, Any] = {}
        for strategy, value in outside.items():
            text = number(value, ",.0f" if abs(value) >= 10 else ".2f")
            texts[f"{'▼' if below else '▲'} {text}"] = ink(LINES[strategy])
        for line, (text, color) in enumerate(texts.items()):
            ax.annotate(
                text,
                (float(x), 0.0 if below else 1.0),
                xycoords=ax.get_xaxis_transform(),
                xytext=(0, (1 if below else -1) * (2 + 9 * line)),
                textcoords="offset points",
                ha="left" if place == 0 else "right" if place == len(places) - 1 else "center",
                va="bottom" if below else "top",
                fontsize=7,
                color=color,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.3},
                zorder=6,
            )


def _mark_paper(ax: Axes, axis: Axis, *, named: bool) -> None:
    """Draw a line where the paper is."""
    if axis.paper is None:
        return
    place = axis.shown_times * axis.paper
    ax.axvline(place, color=GREY, lw=0.7, ls=(0, (2, 2)), zorder=1)
    if named:
        ax.annotate(
            "paper",
            (place, 1.0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(2, -1),
            textcoords="offset points",
            va="top",
            fontsize=7,
            color=GREY,
        )


def _names(ax: Axes, heights: Mapping[str, float]) -> list[Label]:
    """Return the names of the lines at their right ends."""
    low, high = ax.get_ylim()
    return [
        Label(float(np.clip(height, low, high)), STRATEGIES[strategy], ink(LINES[strategy]))
        for strategy, height in heights.items()
    ]
