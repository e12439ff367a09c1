"""Choice between two outputs: all points with their intervals, and those that no other point beats in both."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.figures.style import COLORS, GREY
from experiments.sweeps.outputs import output_of
from experiments.sweeps.report import figure_page as pages
from experiments.sweeps.report.data import SURE, ReportData
from experiments.sweeps.report.factor_axis import number_axis, shortened
from experiments.sweeps.report.numbers import axis_label_of, label_of
from experiments.sweeps.report.statistics import COUNT, HIGH, LOW, MEAN
from grids.network import BoolArray, FloatArray

HEIGHT = 3.6
MOST_LINES = 18
"""Largest number of lines of text beside the panel: the factors, and the points of the front by name."""
LONGEST = 34
"""Largest number of letters of such a line."""
UP, BEST = "=up", "=best"
FRONT, REST = COLORS["tie_line"], "#8C8C8C"
ANGLES = np.arange(12) * np.pi / 6
AROUND = np.concatenate([reach * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]) for reach in (0.16, 0.24)])
"""Possible places of the number of a point, from the point. [inch]"""


def not_dominated(gains: FloatArray) -> BoolArray:
    """Return the mask of points that no other one beats: as good in all columns and better in one; more is better.

    Parameters
    ----------
    gains : array, shape (points, outputs)
        Quantities of which more is better.
    """
    beaten = [((gains >= point).all(axis=1) & (gains > point).any(axis=1)).any() for point in gains]
    return ~np.array(beaten, dtype=bool)


def front_of(data: ReportData) -> pd.DataFrame | None:
    """Return the means of all arms in the two outputs of a choice, if there are arms to choose from.

    Returns
    -------
    DataFrame
        Factors; the columns of `estimates` for each output, those of the second with `UP` behind their names; and
        `BEST`: whether no other arm beats it in both. By the first output, in rising order.
    """
    keys = [*data.results.factors]
    if data.spec.pareto is None or not keys:
        return None
    first, second = (data.means(output) for output in data.spec.pareto)
    both = first.merge(second, on=keys, suffixes=("", UP)).sort_values(MEAN, kind="stable", ignore_index=True)
    if len(both) < 2:
        return None
    both[BEST] = not_dominated(both[[MEAN, MEAN + UP]].to_numpy() * [_sign(output) for output in data.spec.pareto])
    return both


def _sign(output: str) -> int:
    """Return the sign of an output's benefit: 1 if more is better, -1 if less is, 0 for neither."""
    return getattr(output_of(output), "better", 0)


def front_drawing(data: ReportData, points: pd.DataFrame) -> pages.ReportFigure:
    """Return the figure of the choice between two outputs."""
    assert data.spec.pareto is not None
    wishes = (f"{'more' if _sign(output) > 0 else 'less'} {label_of(output)}" for output in data.spec.pareto)
    title = f"The choice between {' and '.join(wishes)}"
    note = f"Crosses: {SURE} confidence. Which means are on the front is itself subject to chance."
    if points[COUNT].max() == 1:
        note = "One replication: what is chance can't be told."
    joined = Line2D([], [], color=FRONT, marker="o", ms=5, lw=1.2)
    alone = Line2D([], [], color=REST, marker="o", ms=3.5, ls="")
    key = pages.Key([joined, alone], ["no point is better in both (front)", "another point is better in both"])
    best = points[points[BEST]]
    most = min(len(best), max(4, MOST_LINES - len(data.varied)))
    shown = best.iloc[np.unique(np.linspace(0, len(best) - 1, most).round().astype(int))]
    with pages.page_style():
        page = pages.PanelPage([0], 1, HEIGHT, title=title, note=note, key=key)
        ax = page.panels[0]
        _crosses(ax, points[~points[BEST]], REST, size=3.5)
        _crosses(ax, best, FRONT, size=5.0)
        ax.plot(best[MEAN], best[MEAN + UP], color=FRONT, lw=1.2, zorder=3)
        ax.grid()
        ax.margins(0.06)
        for axis, output in zip((ax.xaxis, ax.yaxis), data.spec.pareto, strict=True):
            number_axis(axis, 6)
            axis.set_label_text(axis_label_of(output))
        _names(ax, data, shown)
        figure = page.fit()
        _numbers(ax, points, shown)
    return pages.ReportFigure("pareto", figure, f"{title}: means of {len(points)} points, front joined.")


def _crosses(ax: Axes, points: pd.DataFrame, color: str, *, size: float) -> None:
    x, y = points[MEAN], points[MEAN + UP]
    style: Any = {"color": color, "lw": 0.9, "alpha": 0.8 if len(points) <= 60 else 0.35, "zorder": 2}
    ax.hlines(y, points[LOW], points[HIGH], **style)
    ax.vlines(x, points[LOW + UP], points[HIGH + UP], **style)
    ax.plot(x, y, "o", ms=size, color=color, mec="white", mew=0.5, zorder=4)


def _names(ax: Axes, data: ReportData, points: pd.DataFrame) -> None:
    """Write the factors beside the panel, and the points that the numbers mean."""
    heads = [("", data.levels[name].axis_label) for name in data.varied]
    rows = [", ".join(data.levels[name].texts[row[name]] for name in data.varied) for _, row in points.iterrows()]
    style: Any = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "center", "fontsize": pages.SMALL}
    for place, (number, text) in enumerate([*heads, *((str(k), row) for k, row in enumerate(rows, start=1))]):
        y, color = -7 - 13.3 * place, "black" if number else GREY
        ax.annotate(number, (1, 1), (22, y), ha="right", color=FRONT, fontweight="bold", **style)
        ax.annotate(shortened(text, LONGEST), (1, 1), (27 if number else 11, y), color=color, **style)


def _numbers(ax: Axes, points: pd.DataFrame, shown: pd.DataFrame) -> None:
    """Write numbers beside points of the front, each where it is farthest from all points, lines and numbers."""
    at = ax.transData.transform(points[[MEAN, MEAN + UP]].to_numpy()) / pages.DPI
    steps = np.linspace(0, 1, 12)[:, None]
    taken = np.concatenate([at, *(start + steps * (end - start) for start, end in pairwise(at[points[BEST]]))])
    style: Any = {"ha": "center", "va": "center", "fontsize": pages.SMALL, "fontweight": "bold", "color": FRONT}
    for number, (place, row) in enumerate(shown.iterrows(), start=1):
        choices = at[place] + AROUND
        gaps = np.hypot(*(choices[:, None] - taken).transpose(2, 0, 1)).min(axis=1)
        best = choices[gaps.argmax()]
        taken, offset = np.vstack([taken, best]), 72 * (best - at[place])
        ax.annotate(str(number), row[[MEAN, MEAN + UP]], offset, textcoords="offset points", zorder=6, **style)
