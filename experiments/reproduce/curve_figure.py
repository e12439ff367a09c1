"""Figure of curves: a column of panels for each factor, a row for each quantity, a line for each strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.style import COLORS, GREY, Label, headline, ink, margin_labels
from experiments.reproduce.journal import panel_grid
from experiments.reproduce.labels import number
from experiments.reproduce.paper import STRATEGIES
from grids.network import FloatArray

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


@dataclass(frozen=True, eq=False, kw_only=True)
class CurvePanel:
    """Curves along one factor.

    Attributes
    ----------
    title, label : str
        Title of the panel, and label of its horizontal axis, with the unit.
    shown_times : float
        Factor by which values are multiplied to be drawn, 100 for percent.
    values : sequence of float
        Values of the factor, rising.
    base : float
        The value that the paper has.
    runs : mapping of str to DataFrame
        Results by strategy, in the order of the values.
    """

    title: str
    label: str
    shown_times: float
    values: Sequence[float]
    base: float
    runs: Mapping[str, pd.DataFrame]

    @property
    def places(self) -> FloatArray:
        """Values as they are drawn, shape (N,)."""
        return self.shown_times * np.array(self.values, dtype=np.float64)

    def amounts(self, strategy: str, quantity: str) -> FloatArray:
        """Return a quantity of a strategy at every value, shape (N,)."""
        amounts: FloatArray = self.runs[strategy][quantity].to_numpy(dtype=np.float64)
        return amounts


def curve_figure(panels: Sequence[CurvePanel]) -> Figure:
    """Return the figure of some panels."""
    figure, grid = panel_grid(len(ROWS), len(panels), height=1.12, right=0.75)
    for row, (quantity, label) in zip(grid, ROWS.items(), strict=True):
        everything = [panel.amounts(strategy, quantity) for panel in panels for strategy in panel.runs]
        row[0].set_ylabel(label)
        row[0].set_ylim(*_limits(everything, from_zero=quantity != "profit"))
        for place, (ax, panel) in enumerate(zip(row, panels, strict=True)):
            _draw(ax, panel, quantity, f"{quantity}-{place}")
            _mark_paper(ax, panel, named=row is grid[0])
        last = {strategy: panels[-1].amounts(strategy, quantity)[-1] for strategy in panels[-1].runs}
        margin_labels(row[-1], _names(row[-1], last))
    for ax, panel, letter in zip(grid[0], panels, "abcd", strict=False):
        headline(ax, f"({letter}) {panel.title}" if len(panels) > 1 else panel.title)
    for ax, panel in zip(grid[-1], panels, strict=True):
        ax.set_xlabel(panel.label, fontsize=8.5 if len(panels) < 3 else 7.5)
    return figure


def _draw(ax: Axes, panel: CurvePanel, quantity: str, gid: str) -> None:
    places = panel.places
    for strategy in panel.runs:
        marker, size, face, edge = LOOKS[strategy]
        heights = panel.amounts(strategy, quantity)
        ax.plot(places, heights, color=LINES[strategy], lw=1.2, zorder=3, gid=f"{gid}-{strategy}-line")
        ax.plot(places, heights, marker, ms=size, mfc=face, mec=edge, mew=0.8, zorder=4, gid=f"{gid}-{strategy}")
    _off_scale(ax, panel, quantity)
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


def _off_scale(ax: Axes, panel: CurvePanel, quantity: str) -> None:
    """Write the values that lie outside the panel at its edge, each in its strategy's colour."""
    low, high = ax.get_ylim()
    places = panel.places
    for place, x in enumerate(places):
        values = {strategy: panel.amounts(strategy, quantity)[place] for strategy in panel.runs}
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


def _mark_paper(ax: Axes, panel: CurvePanel, *, named: bool) -> None:
    """Draw a line at the paper's value."""
    place = panel.shown_times * panel.base
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
