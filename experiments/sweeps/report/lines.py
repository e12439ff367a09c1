"""Figures of panels: outputs and paired differences along one factor, or along each of a sample."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import ceil
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.style import GREY, LABEL_POINTS, headline
from experiments.sweeps.report import figure_page as pages
from experiments.sweeps.report import statistics as st
from experiments.sweeps.report.data import MOST_LINES, ReportData, View
from experiments.sweeps.report.factor_axis import FactorAxis, shortened
from experiments.sweeps.report.levels import Levels
from experiments.sweeps.report.numbers import label_of, number_text

MOST_ROWS, MOST_ALONE = 4, 6
"""Largest numbers of rows of small multiples, and of panels with an output each, in one figure."""
HEIGHT, LOW_HEIGHT = 1.75, 1.3
"""Heights of a panel, and of small multiples of which many are below each other. [inch]"""


MOST_SCATTERED, MOST_COLUMNS = 5, 3
"""Largest numbers of rows and columns of panels of a sample in one figure."""
SCATTER_HEIGHT = 1.55
"""Height of a panel of a sample. [inch]"""
NOTE = "Each dot is one point of the sample. ρ: Spearman's rank correlation, * beyond chance."


def line_drawings(data: ReportData) -> Iterator[pages.ReportFigure]:
    """Yield figures of the outputs, and of their paired differences, along the factor of the horizontal axis."""
    along, pairs = data.spec.along, data.pairs
    if along is None:
        return
    level, view = data.levels[along], data.view([along])
    bands = "Bands" if level.continuous else "Bars"
    axis = FactorAxis(level, range(len(level)), level.continuous)
    what = "Means" if data.replications > 1 else "Outputs"
    weather = f"\nAll points met the same weather: {bands.lower()} may overlap where differences are beyond chance."
    note = weather if pairs is not None and data.replications > 1 else ""
    yield from _drawings(data, "means", data.long, view, axis, what, bands, note)
    if pairs is None or pairs.differences.empty or along in pairs.together:
        return
    compared = data.levels[pairs.compare]
    what, base = f"Difference to {compared.named(pairs.baseline)}", compared.named(pairs.baseline)
    if view.lines == pairs.compare:
        view = replace(view, looks={code: look for code, look in view.looks.items() if code != pairs.baseline})
        what = f"{compared.named(*view.looks)} minus {base}" if len(view.looks) == 1 else what
    codes = [code for code in axis.codes if along != pairs.compare or code != pairs.baseline]
    axis, bands = replace(axis, codes=codes), f"Paired by replication. {bands}"
    yield from _drawings(data, "differences", pairs.differences, view, axis, what, bands, "")


def _drawings(
    data: ReportData,
    name: str,
    runs: pd.DataFrame,
    view: View,
    axis: FactorAxis,
    what: str,
    bands: str,
    note: str,
) -> Iterator[pages.ReportFigure]:
    """Yield figures of runs or differences: a panel for each output, or small multiples that share its scale."""
    along, multiples = axis.level, _multiples(data, view)
    found, alone = data.estimates(runs, [along.name], view), len(multiples) == 1
    notes = data.notes(view, found, bands=bands)
    if view.lines:
        found = found[found[view.lines].isin(list(view.looks))]
    columns = min(2, len(data.spec.outputs)) if alone else 2 if len(multiples) == 4 else min(3, len(multiples))
    width = pages.panel_width(columns, 0.95 if alone else 0.16)
    letters = int((width + 0.1) / pages.TITLE_LETTER)
    titles, panels = _titles(data, multiples, letters)

    def draw(ax: Axes, output: str, facet: int, lowest: bool) -> None:
        one = found[found[st.OUTPUT] == output]
        here = one[(one[[*multiples[facet]]] == pd.Series(multiples[facet])).all(axis="columns")]
        sides = [(look, here[here[view.lines] == code]) for code, look in view.looks.items()] or [(0, here)]
        lines = {look: side.set_index(along.name).reindex(axis.codes) for look, side in sides}
        _draw_lines(ax, lines, axis, gid=output)
        axis.dress(ax, width, named=lowest)
        headline(ax, titles[facet] or shortened(label_of(output), letters))

    yield from pages.output_drawings(
        name,
        found,
        data.spec.outputs,
        draw,
        facets=len(multiples),
        columns=columns,
        most=MOST_ALONE if alone else max(1, MOST_ROWS // ceil(len(multiples) / columns)),
        height=LOW_HEIGHT if len(multiples) > 3 else HEIGHT,
        title=f"{what} along {along.label}{data.averaged_in_title(view)}",
        note=notes + panels + note,
        key=pages.Key.of(data.levels.get(view.lines or ""), view.looks, lines=axis.is_scale),
    )


def _multiples(data: ReportData, view: View) -> list[dict[str, int]]:
    """Return the values of each small multiple, as far as there are runs; of a single one without any factor none."""
    if not view.multiples:
        return [{}]
    known = set(data.long[[*view.multiples]].itertuples(index=False, name=None))
    every = product(*(range(len(data.levels[name])) for name in view.multiples))
    return [dict(zip(view.multiples, codes, strict=True)) for codes in every if codes in known]


def _titles(data: ReportData, multiples: Sequence[Mapping[str, int]], most: int) -> tuple[list[str], str]:
    """Return titles of small multiples, and a note on their factors if there is no room for these."""
    whole, brief = (
        [", ".join(form(data.levels[name], code) for name, code in one.items()) for one in multiples]
        for form in (Levels.labelled, Levels.valued)
    )
    if max(map(len, whole)) <= most:
        return whole, ""
    return [shortened(title, most) for title in brief], f" Panels: {', '.join(data.labels(list(multiples[0])))}."


def _draw_lines(ax: Axes, lines: Mapping[int, pd.DataFrame], axis: FactorAxis, gid: str) -> None:
    """Draw means with their intervals, by their look: lines with bands along a scale, or else points with bars."""
    for number, (look, line) in enumerate(lines.items()):
        color, marker, dashes = pages.LOOKS[look]
        style: Any = {"color": color, "mec": "white", "zorder": 4, "gid": f"{gid}-{look}"}
        if axis.is_scale:
            faint = 0.2 if len(lines) <= 2 else 0.13 if len(lines) <= 4 else 0.08
            size, edge = (4.0, 0.5) if len(line) <= 15 else (2.0, 0.0)
            ax.fill_between(axis.places, line[st.LOW], line[st.HIGH], color=color, alpha=faint, lw=0, zorder=2)
            ax.plot(axis.places, line[st.MEAN], color=color, lw=1.4, ls=dashes, zorder=3)
            ax.plot(axis.places, line[st.MEAN], marker, ms=size, mew=edge, **style)
        else:
            places = axis.places + 0.14 * (number - (len(lines) - 1) / 2)
            ax.vlines(places, line[st.LOW], line[st.HIGH], color=color, lw=1.5, zorder=3)
            ax.plot(places, line[st.MEAN], marker, ms=5, mew=0.6, **style)


def scatter_drawings(data: ReportData) -> Iterator[pages.ReportFigure]:
    """Yield the points of a sample: outputs, and paired differences, against the sampled factors."""
    compare, pairs = data.spec.compare, data.pairs
    codes = data.levels[compare].baseline_first[:MOST_LINES] if compare else ()
    looks = {code: look for look, code in enumerate(codes)}
    points = st.point_means(data.long, data.results.factors)
    yield from _scatter(data, points, looks, name="scatter", title="Outputs over the sampled factors")
    if pairs is None or pairs.differences.empty or not set(data.sampled) <= set(pairs.others):
        return
    points = st.point_means(pairs.differences, [*pairs.others, pairs.compare])
    looks = {code: look for code, look in looks.items() if code != pairs.baseline}
    title = f"Differences to {data.levels[pairs.compare].named(pairs.baseline)} over the sampled factors"
    yield from _scatter(data, points, looks, name="scatter_differences", title=title)


def _scatter(
    data: ReportData, points: pd.DataFrame, looks: Mapping[int, int], *, name: str, title: str
) -> Iterator[pages.ReportFigure]:
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
        most=max(1, MOST_SCATTERED // ceil(len(sampled) / columns)),
        height=SCATTER_HEIGHT,
        title=title,
        note=NOTE,
        key=pages.Key.of(data.levels.get(compare or ""), looks, lines=False),
    )


def _rho(found: pd.DataFrame) -> str:
    """Return a rank correlation, if there is one, with a star if it is beyond chance."""
    known = found.dropna(subset=st.RHO)
    star = "*" if st.beyond_chance(known).any() else ""
    return number_text(known[st.RHO].iloc[0], 2, signed=True) + star if len(known) else "none"
