"""Figures of a sampled design: each output, and each paired difference, against each sampled factor."""

from collections.abc import Iterator, Mapping
from math import ceil

import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.style import GREY, LABEL_POINTS
from experiments.sweeps.report import figure_page as pages
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.factor_axis import FactorAxis
from experiments.sweeps.report.numbers import number_text
from experiments.sweeps.report.output_grid import OutputGrid
from experiments.sweeps.report.statistics import (
    FACTOR,
    OUTPUT,
    RHO,
    VALUE,
    beyond_chance,
    point_means,
    rank_correlations,
)
from grids.network import FloatArray

MOST_ROWS, MOST_COLUMNS = 5, 3
"""Largest numbers of rows and columns of panels in one figure."""
HEIGHT = 1.55
"""Height of a panel. [inch]"""
NOTE = "Each dot is one point of the sample. ρ: Spearman's rank correlation, * beyond chance."


def scatter_drawings(data: ReportData) -> Iterator[pages.Drawing]:
    """Yield the points of a sample: outputs, and paired differences, against the sampled factors."""
    if not data.layout.sampled:
        return
    compare, pairs = data.layout.compare, data.pairs
    codes = data.levels[compare].baseline_first[: len(pages.LOOKS)] if compare else ()
    looks = {code: look for look, code in enumerate(codes)}
    points = point_means(data.long, data.results.factors)
    yield from _drawings(data, points, looks, name="scatter", title="Outputs over the sampled factors")
    if pairs is None or pairs.differences.empty or not set(data.layout.sampled) <= set(pairs.others):
        return
    points = point_means(pairs.differences, [*pairs.others, pairs.compare])
    looks = {code: look for code, look in looks.items() if code != pairs.baseline}
    title = f"Differences to {data.levels[pairs.compare].named(pairs.baseline)} over the sampled factors"
    yield from _drawings(data, points, looks, name="scatter_differences", title=title)


def _drawings(
    data: ReportData, points: pd.DataFrame, looks: Mapping[int, int], *, name: str, title: str
) -> Iterator[pages.Drawing]:
    """Yield the points as figures with rows for each output and a column for each factor."""
    compare, sampled = data.layout.compare, data.layout.sampled
    ranks = rank_correlations(points, sampled, [compare] if compare else [])
    if compare:
        points = points[points[compare].isin(list(looks))]
    columns = min(MOST_COLUMNS, len(sampled))
    width = pages.panel_width(columns, 0.16)

    def draw(ax: Axes, output: str, facet: int, lowest: bool) -> None:
        level, texts = data.levels[sampled[facet]], []
        here, found = (
            points[points[OUTPUT] == output],
            ranks[(ranks[OUTPUT] == output) & (ranks[FACTOR] == level.name)],
        )
        for code, look in looks.items() or [(None, 0)]:
            cloud = here if code is None else here[here[compare] == code]
            _draw_points(ax, level.shown[cloud[level.name]], cloud[VALUE], look)
            texts.append(_rho(found if code is None else found[found[compare] == code]))
        FactorAxis(axis_label=level.axis_label, numbers=level.shown, texts=()).dress(ax, width, named=True)
        finding = f"ρ {', '.join(texts)}" if len(texts) <= 3 else ""
        ax.set_title(finding, loc="right", fontsize=LABEL_POINTS - 0.5, color=GREY, pad=4)

    grid = OutputGrid(len(sampled), columns, max(1, MOST_ROWS // ceil(len(sampled) / columns)), HEIGHT)
    key = pages.Key.of(data.levels.get(compare or ""), looks, lines=False)
    yield from grid.drawings(name, points, data.layout.outputs, draw, title=title, note=NOTE, key=key)


def _draw_points(ax: Axes, places: FloatArray, heights: pd.Series, look: int) -> None:
    (color, marker, _), many = pages.LOOKS[look], len(places)
    size, alpha = (3.6, 0.75) if many <= 100 else (2.4 if many <= 1000 else 1.4, 0.5)
    ax.plot(places, heights, marker, ms=size, color=color, alpha=alpha, mec="none", rasterized=many > 1000)


def _rho(found: pd.DataFrame) -> str:
    """Return a rank correlation, if there is one, with a star if it is beyond chance."""
    known = found.dropna(subset=RHO)
    star = "*" if beyond_chance(known).any() else ""
    return number_text(known[RHO].iloc[0], 2, signed=True) + star if len(known) else "none"
