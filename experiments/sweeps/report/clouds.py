"""Figures of a sampled design: each output, and each paired difference, against each sampled factor."""

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from experiments.confidence import CONFIDENCE
from experiments.figures.sweep_axis import FactorAxis
from experiments.figures.sweep_scatter import MOST_COLUMNS, Cloud, ScatterPanel, scatter_figure
from experiments.figures.sweep_sheet import LOOKS, Drawing
from experiments.sweeps.report.amounts import correlation, listed, output_label, words_of
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT, VALUE
from experiments.sweeps.report.ranks import CHANCE, FACTOR, RHO, point_means, rank_correlations
from experiments.sweeps.report.views import baseline_first, sheets

MOST_ROWS = 5
"""Of panels, in one figure."""


def scatter_drawings(evidence: Evidence) -> Iterator[Drawing]:
    """Yield the points of a sample: outputs, and paired differences, against the sampled factors."""
    if not evidence.roles.sampled:
        return
    compare, pairs = evidence.roles.compare, evidence.pairs
    codes = baseline_first(evidence.levels[compare])[: len(LOOKS)] if compare else (None,)
    looks = dict(enumerate(codes))
    points = point_means(evidence.long, evidence.results.factors)
    yield from _drawings(evidence, points, looks, name="scatter", title="Outputs over the sampled factors")
    if pairs is None or pairs.differences.empty or not set(evidence.roles.sampled) <= set(pairs.others):
        return
    points = point_means(pairs.differences, [*pairs.others, pairs.compare])
    looks = {look: code for look, code in looks.items() if code != pairs.baseline}
    against = evidence.levels[pairs.compare].named(pairs.baseline)
    title = f"Differences to {against} over the sampled factors"
    yield from _drawings(evidence, points, looks, name="scatter_differences", title=title)


def _drawings(
    evidence: Evidence, points: pd.DataFrame, looks: Mapping[int, int | None], *, name: str, title: str
) -> Iterator[Drawing]:
    """Yield the points as figures with rows for each output and a column for each factor."""
    compare = evidence.roles.compare
    ranks = rank_correlations(points, evidence.roles.sampled, [compare] if compare else [])
    outputs = [output for output in evidence.roles.outputs if (points[OUTPUT] == output).any()]
    rows_each = math.ceil(len(evidence.roles.sampled) / MOST_COLUMNS)
    for stem, chosen in sheets(name, outputs, max(1, MOST_ROWS // rows_each)):
        figure = scatter_figure(
            [_row(evidence, points, ranks, output, looks, difference=name != "scatter") for output in chosen],
            title=title,
            notes=["Each dot is one point of the sample. ρ: Spearman's rank correlation, * beyond chance."],
            names={look: evidence.levels[compare].valued(code) for look, code in _named(looks)} if compare else {},
            names_of=evidence.levels[compare].words if compare else "",
            from_zero=name != "scatter",
        )
        yield Drawing(name=stem, figure=figure, caption=f"{title}: {listed(map(words_of, chosen))}.")


def _named(looks: Mapping[int, int | None]) -> list[tuple[int, int]]:
    return [(look, code) for look, code in looks.items() if code is not None]


def _row(
    evidence: Evidence,
    points: pd.DataFrame,
    ranks: pd.DataFrame,
    output: str,
    looks: Mapping[int, int | None],
    *,
    difference: bool,
) -> list[ScatterPanel]:
    """Return the panels of an output, one for each factor."""
    mine, found = points[points[OUTPUT] == output], ranks[ranks[OUTPUT] == output]
    return [
        ScatterPanel(
            axis=FactorAxis(label=evidence.levels[factor].label, numbers=evidence.levels[factor].shown, texts=()),
            label=f"{'difference of ' if difference else ''}{output_label(output)}",
            clouds=[_cloud(evidence, mine, factor, look, code) for look, code in looks.items()],
            finding=_rho(evidence, found[found[FACTOR] == factor], looks),
        )
        for factor in evidence.roles.sampled
    ]


def _cloud(evidence: Evidence, points: pd.DataFrame, factor: str, look: int, code: int | None) -> Cloud:
    compare = evidence.roles.compare
    here = points if code is None or compare is None else points[points[compare] == code]
    places = evidence.levels[factor].shown[here[factor].to_numpy()]
    return Cloud(look=look, places=places, heights=here[VALUE].to_numpy())


def _rho(evidence: Evidence, ranks: pd.DataFrame, looks: Mapping[int, int | None]) -> str:
    """Return the rank correlations of a panel's points, colour by colour."""
    compare = evidence.roles.compare
    texts = []
    for code in looks.values():
        found = ranks if code is None or compare is None else ranks[ranks[compare] == code]
        known = found[found[RHO].notna()]
        texts += [f"{correlation(row[RHO])}{'*' * (row[CHANCE] < 1 - CONFIDENCE)}" for _, row in known.iterrows()]
        texts += ["none"] * known.empty
    return f"ρ {', '.join(texts)}" if len(texts) <= 3 else ""
