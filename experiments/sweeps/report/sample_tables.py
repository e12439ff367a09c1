"""The tables of a sampled design: ranges, rank correlations, and differences over the whole sample."""

import numpy as np

from experiments.confidence import CONFIDENCE
from experiments.sweeps.report.amounts import Amounts, correlation, output_label
from experiments.sweeps.report.estimates import COUNT
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT, VALUE
from experiments.sweeps.report.ranks import CHANCE, FACTOR, RHO, SAMPLE
from experiments.sweeps.report.tables import cell, difference_text, table


def ranges_table(evidence: Evidence) -> list[str]:
    """Return the ranges of factors and outputs."""
    rows = []
    for name in evidence.varied:
        level = evidence.levels[name]
        if level.numeric:
            rows.append([cell(level.label), level.texts[0], "", level.texts[-1]])
        else:
            rows.append([cell(level.label), cell(", ".join(level.texts)), "", ""])
    for output in evidence.roles.outputs:
        layout = evidence.amounts(output)
        values = evidence.long.loc[evidence.long[OUTPUT] == output, VALUE]
        rows.append(
            [cell(output_label(output)), *(layout.text(x) for x in (values.min(), values.mean(), values.max()))]
        )
    return [table(["", "lowest", "mean", "highest"], rows, words=1)]


def ranks_table(evidence: Evidence) -> list[str]:
    """Return the rank correlation of each output with each sampled factor."""
    ranks, compare, sampled = evidence.ranks(), evidence.roles.compare, evidence.roles.sampled
    keys = [OUTPUT, *([compare] if compare else [])]
    rows = []
    for output in evidence.roles.outputs:
        for key, group in ranks[ranks[OUTPUT] == output].groupby(keys):
            found = group.set_index(FACTOR)
            who = [cell(evidence.levels[compare].texts[int(key[1])])] if compare else []
            amounts = [_rho(found.loc[name, RHO], found.loc[name, CHANCE]) for name in sampled]
            rows.append([cell(output_label(output)), *who, str(int(found[SAMPLE].iloc[0])), *amounts])
    heads = ["", *([cell(evidence.levels[compare].label)] if compare else []), "points"]
    heads += [cell(evidence.levels[name].words) for name in sampled]
    text = (
        "Spearman's rank correlation: +1 if an output always rises with a factor, −1 if it always falls. Bold: beyond"
        f" chance ({100 * CONFIDENCE:.0f} %, each on its own; of 20 that mean nothing, one is bold)."
    )
    return [table(heads, rows, words=1 + bool(compare)), text]


def _rho(rho: float, chance: float) -> str:
    if not np.isfinite(rho):
        return ""
    text = correlation(rho)
    return f"**{text}**" if chance < 1 - CONFIDENCE else text


def pooled_table(evidence: Evidence) -> list[str]:
    """Return the paired differences over the whole sample."""
    pairs, found = evidence.pairs, evidence.pooled()
    if pairs is None or found.empty:
        return []
    level, rows = evidence.levels[pairs.compare], []
    in_order = found.set_index(OUTPUT, drop=False).loc[list(evidence.roles.outputs)]
    for _, row in in_order.iterrows():
        layout = Amounts.of(row[OUTPUT], found[found[OUTPUT] == row[OUTPUT]])
        who = [cell(output_label(row[OUTPUT])), cell(level.texts[int(row[pairs.compare])])]
        rows.append([*who, str(row[COUNT]), difference_text(layout, row)])
    heads = ["", f"{cell(level.label)}, minus {cell(level.named(pairs.baseline))}", "points", "difference"]
    text = (
        f"Mean ± half the width of the {100 * CONFIDENCE:.0f} % confidence interval (Student) over the points of the"
        " sample, each a mean of its pairs; bold: zero lies outside. It holds for the middle of the box, not for each"
        " point in it."
    )
    return [table(heads, rows, words=2), text]
