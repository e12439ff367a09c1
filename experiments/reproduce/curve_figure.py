"""Figure of curves: a column of panels for each factor, a row for each quantity, a line for each strategy."""

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


def curve_figure(points: pd.DataFrame) -> Figure:
    """Return the figure of points, see :func:`experiments.reproduce.curves.points_of`."""
    panels = dict(iter(points.groupby("axis", sort=False)))
    figure, grid = panel_grid(len(ROWS), len(panels), height=1.12, right=0.75)
    for row, (quantity, label) in zip(grid, ROWS.items(), strict=True):
        row[0].set_ylabel(label)
        row[0].set_ylim(*_limits(points[quantity].to_numpy(dtype=float), from_zero=quantity != "profit"))
        for place, (ax, panel) in enumerate(zip(row, panels.values(), strict=True)):
            heights = panel.pivot(index="value", columns="bidding", values=quantity)[[*STRATEGIES]].astype(float)
            _draw(ax, heights, f"{quantity}-{place}")
            paper = panel["base"].iloc[0]
            ax.axvline(paper, color=GREY, lw=0.7, ls=(0, (2, 2)), zorder=1)
            if row is grid[0]:
                _note(ax, "paper", paper, (2, -1), color=GREY)
        ends = heights.iloc[-1].clip(*row[-1].get_ylim())
        margin_labels(row[-1], [Label(end, STRATEGIES[name], ink(LINES[name])) for name, end in ends.items()])
    for ax, title, letter in zip(grid[0], panels, "abcd", strict=False):
        headline(ax, f"({letter}) {title}" if len(panels) > 1 else title)
    for ax, panel in zip(grid[-1], panels.values(), strict=True):
        ax.set_xlabel(panel["varied"].iloc[0], fontsize=8.5 if len(panels) < 3 else 7.5)
    return figure


def _draw(ax: Axes, heights: pd.DataFrame, gid: str) -> None:
    """Draw a line for each strategy, and write values outside the panel at its edge, each in its strategy's colour."""
    places = heights.index.to_numpy()
    for strategy, values in heights.items():
        ax.plot(places, values, color=LINES[strategy], lw=1.2, zorder=3, gid=f"{gid}-{strategy}-line")
        ax.plot(places, values, ls="", **MARKERS[strategy], mew=0.8, zorder=4, gid=f"{gid}-{strategy}")
    low, high = ax.get_ylim()
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.3}
    sides = ["left", *["center"] * (len(places) - 2), "right"]
    for (x, values), side in zip(heights.iterrows(), sides, strict=True):
        outside = values[~values.between(low, high)]
        below = outside.min() < low
        texts = {}
        for strategy, value in outside.items():
            text = number(value, ",.0f" if abs(value) >= 10 else ".2f")
            texts[f"{'▼' if below else '▲'} {text}"] = ink(LINES[strategy])
        for line, (text, color) in enumerate(texts.items()):
            away = (0, (1 if below else -1) * (2 + 9 * line))
            _note(ax, text, x, away, color=color, ha=side, bbox=box, zorder=6)
    room = 0.04 * np.ptp(places)
    ax.set_xlim(places[0] - room, places[-1] + room)


def _note(ax: Axes, text: str, x: float, away: tuple[float, float], **look: Any) -> None:
    """Write a small note so many points away from an edge of a panel: the lower one if it stands above that."""
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


def _limits(heights: FloatArray, *, from_zero: bool) -> tuple[float, float]:
    """Return limits that show all values, but for a few at one end that would press the others together."""
    ranked = np.sort(np.append(heights, 0.0) if from_zero else heights)
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
