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

LINES = {"basic": COLORS["penalty"], "anm_aware": COLORS["tie_line"]}
"""Colour of each strategy."""
MARKERS: dict[str, dict[str, Any]] = {
    "basic": {"marker": "s", "ms": 5.2, "mfc": "white", "mec": LINES["basic"]},
    "anm_aware": {"marker": "o", "ms": 3.4, "mfc": LINES["anm_aware"], "mec": "white"},
}
"""Marker of each strategy: one shows around the other where they are the same."""

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
    top = grid[0]
    for row, (quantity, label) in zip(grid, ROWS.items(), strict=True):
        everything = [panel.amounts(strategy, quantity) for panel in panels for strategy in panel.runs]
        row[0].set_ylabel(label)
        row[0].set_ylim(*_limits(everything, from_zero=quantity != "profit"))
        for place, (ax, panel) in enumerate(zip(row, panels, strict=True)):
            _draw(ax, panel, quantity, f"{quantity}-{place}")
            paper = panel.shown_times * panel.base
            ax.axvline(paper, color=GREY, lw=0.7, ls=(0, (2, 2)), zorder=1)
            if row is top:
                _note(ax, "paper", paper, (2, -1), color=GREY)
        last = {strategy: panels[-1].amounts(strategy, quantity)[-1] for strategy in panels[-1].runs}
        ends = {strategy: float(np.clip(height, *row[-1].get_ylim())) for strategy, height in last.items()}
        margin_labels(row[-1], [Label(end, STRATEGIES[name], ink(LINES[name])) for name, end in ends.items()])
    for ax, panel, letter in zip(top, panels, "abcd", strict=False):
        headline(ax, f"({letter}) {panel.title}" if len(panels) > 1 else panel.title)
    for ax, panel in zip(grid[-1], panels, strict=True):
        ax.set_xlabel(panel.label, fontsize=8.5 if len(panels) < 3 else 7.5)
    return figure


def _draw(ax: Axes, panel: CurvePanel, quantity: str, gid: str) -> None:
    places = panel.places
    for strategy in panel.runs:
        heights = panel.amounts(strategy, quantity)
        ax.plot(places, heights, color=LINES[strategy], lw=1.2, zorder=3, gid=f"{gid}-{strategy}-line")
        ax.plot(places, heights, ls="", **MARKERS[strategy], mew=0.8, zorder=4, gid=f"{gid}-{strategy}")
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
    sides = ["left", *["center"] * (len(panel.values) - 2), "right"]
    for place, (x, side) in enumerate(zip(panel.places, sides, strict=True)):
        values = {strategy: panel.amounts(strategy, quantity)[place] for strategy in panel.runs}
        outside = {strategy: value for strategy, value in values.items() if not low <= value <= high}
        below = min(outside.values(), default=low) < low
        texts = {}
        for strategy, value in outside.items():
            text = number(value, ",.0f" if abs(value) >= 10 else ".2f")
            texts[f"{'▼' if below else '▲'} {text}"] = ink(LINES[strategy])
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.3}
        for line, (text, color) in enumerate(texts.items()):
            up = (1 if below else -1) * (2 + 9 * line)
            _note(ax, text, x, (0, up), color=color, ha=side, bbox=box, zorder=6)


def _note(ax: Axes, text: str, x: float, away: tuple[float, float], **look: Any) -> None:
    """Write a small note at an edge of a panel: the lower one if it stands above that. [point]"""
    below = away[1] > 0
    ax.annotate(
        *(text, (x, 0.0 if below else 1.0)),
        xycoords=ax.get_xaxis_transform(),
        xytext=away,
        textcoords="offset points",
        va="bottom" if below else "top",
        fontsize=7,
        **look,
    )
