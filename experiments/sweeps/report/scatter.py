"""Figures of a sampled design: each output, and each paired difference, against each sampled factor."""

from collections.abc import Iterator, Mapping
from math import ceil

import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.style import GREY, LABEL_POINTS
from experiments.sweeps.report import figure_page as pages
from experiments.sweeps.report import statistics as st
from experiments.sweeps.report.data import MOST_LINES, ReportData
from experiments.sweeps.report.factor_axis import FactorAxis
from experiments.sweeps.report.numbers import number_text

MOST_ROWS, MOST_COLUMNS = 5, 3
"""Largest numbers of rows and columns of panels in one figure."""
HEIGHT = 1.55
"""Height of a panel. [inch]"""
NOTE = "Each dot is one point of the sample. ρ: Spearman's rank correlation, * beyond chance."


def scatter_drawings(data: ReportData) -> Iterator[pages.Drawing]:
    """Yield the points of a sample: outputs, and paired differences, against the sampled factors."""
    compare, pairs = data.spec.compare, data.pairs
    codes = data.levels[compare].baseline_first[:MOST_LINES] if compare else ()
    looks = {code: look for look, code in enumerate(codes)}
    points = st.point_means(data.long, data.results.factors)
    yield from _drawings(data, points, looks, name="scatter", title="Outputs over the sampled factors")
    if pairs is None or pairs.differences.empty or not set(data.sampled) <= set(pairs.others):
        return
    points = st.point_means(pairs.differences, [*pairs.others, pairs.compare])
    looks = {code: look for code, look in looks.items() if code != pairs.baseline}
    title = f"Differences to {data.levels[pairs.compare].named(pairs.baseline)} over the sampled factors"
    yield from _drawings(data, points, looks, name="scatter_differences", title=title)


def _drawings(
    data: ReportData, points: pd.DataFrame, looks: Mapping[int, int], *, name: str, title: str
) -> Iterator[pages.Drawing]:
    """Yield the points as figures with rows for each output and a column for each factor."""
    compare, sampled = data.spec.compare, data.sampled
    ranks = st.rank_correlations(points, sampled, [compare] if compare else [])
    if compare:
        points = points[points[compare].isin(list(looks))]
    columns = min(MOST_COLUMNS, len(sampled))
    width = pages.panel_width(columns, 0.16)

    def draw(ax: Axes, output: str, facet: int, lowest: bool) -> None:
        level, texts = data.levels[sampled[facet]], []
        here = points[points[st.OUTPUT] == output]
        found = ranks[(ranks[st.OUTPUT] == output) & (ranks[st.FACTOR] == level.name)]
        for code, look in looks.items() or [(None, 0)]:
            cloud = here if code is None else here[here[compare] == code]
            (color, marker, _), many = pages.LOOKS[look], len(cloud)
            size, alpha = (3.6, 0.75) if many <= 100 else (2.4 if many <= 1000 else 1.4, 0.5)
            x, y = level.shown[cloud[level.name]], cloud[st.VALUE]
            ax.plot(x, y, marker, ms=size, color=color, alpha=alpha, mec="none", rasterized=many > 1000)
            texts.append(_rho(found if code is None else found[found[compare] == code]))
        FactorAxis(level, range(len(level)), is_scale=True, ticks=False).dress(ax, width, named=True)
        finding = f"ρ {', '.join(texts)}" if len(texts) <= 3 else ""
        ax.set_title(finding, loc="right", fontsize=LABEL_POINTS - 0.5, color=GREY, pad=4)

    yield from pages.output_drawings(
        name,
        points,
        data.spec.outputs,
        draw,
        facets=len(sampled),
        columns=columns,
        most=max(1, MOST_ROWS // ceil(len(sampled) / columns)),
        height=HEIGHT,
        title=title,
        note=NOTE,
        key=pages.Key.of(data.levels.get(compare or ""), looks, lines=False),
    )


def _rho(found: pd.DataFrame) -> str:
    """Return a rank correlation, if there is one, with a star if it is beyond chance."""
    known = found.dropna(subset=st.RHO)
    star = "*" if st.beyond_chance(known).any() else ""
    return number_text(known[st.RHO].iloc[0], 2, signed=True) + star if len(known) else "none"
