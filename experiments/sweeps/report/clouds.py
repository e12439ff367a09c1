"""Figures of a sampled design: each output, and each paired difference, against each sampled factor."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from experiments.figures.sweep_scatter import Cloud, ScatterPanel, scatter_figure
from experiments.figures.sweep_sheet import LOOKS, Drawing
from experiments.sweeps.report.amounts import correlation, output_label
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT, VALUE
from experiments.sweeps.report.ranks import CHANCE, FACTOR, RHO, point_means, rank_correlations
from experiments.sweeps.report.views import axis_of, view_of
from experiments.value_report import CONFIDENCE


def scatter_drawings(evidence: Evidence) -> Iterator[Drawing]:
    """Yield the points of a sample: outputs, and paired differences, against the sampled factors."""
    if not evidence.roles.sampled:
        return
    compare, pairs = evidence.roles.compare, evidence.pairs
    codes = view_of(evidence, evidence.roles.sampled).codes[: len(LOOKS)] if compare else (None,)
    looks = dict(enumerate(codes))
    points = point_means(evidence.long, evidence.results.factors)
    yield _drawing(evidence, points, looks, name="scatter", title="Outputs over the sampled factors")
    if pairs is None or pairs.differences.empty or not set(evidence.roles.sampled) <= set(pairs.others):
        return
    points = point_means(pairs.differences, [*pairs.others, pairs.compare])
    looks = {look: code for look, code in looks.items() if code != pairs.baseline}
    against = evidence.levels[pairs.compare].named(pairs.baseline)
    title = f"Differences to {against} over the sampled factors"
    yield _drawing(evidence, points, looks, name="scatter_differences", title=title)


def _drawing(
    evidence: Evidence, points: pd.DataFrame, looks: Mapping[int, int | None], *, name: str, title: str
) -> Drawing:
    """Return the points as a figure with a row for each output and a column for each factor."""
    compare, sampled = evidence.roles.compare, evidence.roles.sampled
    ranks = rank_correlations(points, sampled, [compare] if compare else [])
    rows = []
    for output in evidence.roles.outputs:
        mine, row = points[points[OUTPUT] == output], []
        label = f"{'difference of ' if 'difference' in name else ''}{output_label(output)}"
        for factor in sampled:
            found = ranks[(ranks[OUTPUT] == output) & (ranks[FACTOR] == factor)]
            clouds = [_cloud(evidence, mine, factor, look, code) for look, code in looks.items()]
            axis = axis_of(evidence.levels[factor])
            row.append(ScatterPanel(axis=axis, label=label, clouds=clouds, finding=_rho(evidence, found, looks)))
        rows.append(row)
    figure = scatter_figure(
        rows,
        title=title,
        notes=["Each dot is one point of the sample. ρ: Spearman's rank correlation, * beyond chance."],
        names={
            look: evidence.levels[compare].valued(code) for look, code in looks.items() if compare and code is not None
        },
        names_of=evidence.levels[compare].words if compare else "",
        from_zero="difference" in name,
    )
    return Drawing(name=name, figure=figure, caption=f"{title}; each dot is one point.")


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
        rho, chance = float(found[RHO].iloc[0]), float(found[CHANCE].iloc[0])
        texts.append(f"{correlation(rho)}{'*' * (chance < 1 - CONFIDENCE)}" if np.isfinite(rho) else "none")
    return f"ρ {', '.join(texts)}" if len(texts) <= 3 else ""
