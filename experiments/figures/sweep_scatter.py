"""Points of a sampled design: each output against each factor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from experiments.figures.style import GREY, LABEL_POINTS, house_style
from experiments.figures.sweep_axis import FactorAxis
from experiments.figures.sweep_sheet import DARK, LOOKS, STEPS, Frame, sheet
from experiments.figures.sweep_text import Numbers, label_lines
from grids.network import FloatArray

HEIGHT = 1.55
"""Of a panel. [inch]"""
MOST_COLUMNS = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Cloud:
    """The points of one colour: where they are along a factor, how much of an output they have."""

    look: int
    places: FloatArray
    heights: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class ScatterPanel:
    """One panel: its axes with their units, its points, and what is found in them."""

    axis: FactorAxis
    label: str
    clouds: Sequence[Cloud]
    finding: str


def scatter_figure(
    rows: Sequence[Sequence[ScatterPanel]],
    *,
    title: str,
    notes: Sequence[str],
    names: Mapping[int, str],
    names_of: str,
    from_zero: bool = False,
) -> Figure:
    """Return the points of a sample, a row of panels for each output and a column for each factor.

    Parameters
    ----------
    rows : sequence of sequence of ScatterPanel
        Panels; those of a row show the same output.
    title : str
        What is shown.
    notes : sequence of str
        What else is to be known.
    names : mapping of int to str
        What the points of each look are.
    names_of : str
        What these are values of.
    from_zero : bool
        Whether zero is a mark of its own, as it is for differences.
    """
    with house_style():
        columns = min(MOST_COLUMNS, len(rows[0]))
        frame = Frame(columns=columns, height=HEIGHT, across=0.16, between=0.0, below=0.0)
        room = max(panel.axis.room(frame.panel_width) for row in rows for panel in row) + 0.06
        tall = -(-len(rows[0]) // columns)
        cells = [place * tall * columns + number for place, row in enumerate(rows) for number in range(len(row))]
        key = _key(names)
        page = sheet(cells, replace(frame, between=room, below=room), title, notes, key, names_of)
        panels = iter(zip(page.panels, page.leftmost, strict=True))
        for row in rows:
            for panel in row:
                ax, leftmost = next(panels)
                _draw(ax, panel, frame, named=leftmost, from_zero=from_zero)
                ax.set_ylim(_limits(row, from_zero=from_zero))
    return page.figure


def _key(names: Mapping[int, str]) -> list[tuple[Line2D, str]]:
    """Return what colours are; a single one needs no key."""
    key = []
    for look, name in names.items() if len(names) > 1 else ():
        color, marker, _ = LOOKS[look]
        key.append((Line2D([], [], color=color, marker=marker, ms=4, ls=""), name))
    return key


def _limits(row: Sequence[ScatterPanel], *, from_zero: bool) -> tuple[float, float]:
    heights = np.concatenate([cloud.heights for panel in row for cloud in panel.clouds] + [[0.0]] * from_zero)
    low, high = float(heights.min()), float(heights.max())
    room = (high - low) or abs(high) or 1.0
    return low - 0.08 * room, high + 0.08 * room


def _draw(ax: Axes, panel: ScatterPanel, frame: Frame, *, named: bool, from_zero: bool) -> None:
    many = max((len(cloud.places) for cloud in panel.clouds), default=0)
    size = 3.6 if many <= 100 else 2.4 if many <= 1000 else 1.4
    if from_zero:
        ax.axhline(0, color=DARK, lw=0.9, zorder=1)
    for cloud in panel.clouds:
        color, marker, _ = LOOKS[cloud.look]
        ax.plot(
            cloud.places,
            cloud.heights,
            marker,
            ms=size,
            color=color,
            alpha=0.75 if many <= 100 else 0.5,
            mec="none",
            rasterized=many > 1000,
            gid=f"{panel.label}-{panel.axis.label}-{cloud.look}",
        )
    panel.axis.dress(ax, frame.panel_width, named=True)
    ax.grid(axis="y")
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
    ax.yaxis.set_major_formatter(Numbers())
    ax.tick_params(axis="y", labelleft=named)
    if named:
        ax.set_ylabel(label_lines(panel.label, HEIGHT + 0.2, 8.5))
    ax.set_title(panel.finding, loc="right", fontsize=LABEL_POINTS - 0.5, color=GREY, pad=4)
