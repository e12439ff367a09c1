"""What was found in a sampled design, in sentences."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from experiments.confidence import CONFIDENCE
from experiments.sweeps.report.amounts import Amounts, correlation, counted, listed, words_of
from experiments.sweeps.report.estimates import COUNT, HIGH, LOW, MEAN
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT
from experiments.sweeps.report.ranks import CHANCE, FACTOR, RHO, SAMPLE

MOST_OUTPUTS, MOST_VALUES = 2, 2


def sample_findings(evidence: Evidence) -> list[str]:
    """Return which factors the first outputs follow, and how the values that are compared differ on the whole."""
    return [*_pooled(evidence), *_followed(evidence)]


def _followed(evidence: Evidence) -> Iterator[str]:
    ranks, compare = evidence.ranks(), evidence.roles.compare
    for output in evidence.roles.outputs[:MOST_OUTPUTS]:
        mine = ranks[ranks[OUTPUT] == output]
        if compare is None:
            yield _one(evidence, output, mine, "")
            continue
        for code, rows in list(mine.groupby(compare))[:MOST_VALUES]:
            yield _one(evidence, output, rows, f"With {evidence.levels[compare].named(int(code))}, ")


def _one(evidence: Evidence, output: str, rows: pd.DataFrame, who: str) -> str:
    """Return which factors an output follows also as one of many (Bonferroni), the strongest first."""
    sure = rows[rows[CHANCE] * len(rows) < 1 - CONFIDENCE]
    points = counted(int(rows[SAMPLE].iloc[0]), "point")
    words = words_of(output)
    if sure.empty:
        text = f"{who}no factor's rank correlation with {words} is beyond chance ({points})."
        return text[0].upper() + text[1:]
    sure = sure.sort_values(RHO, key=np.abs, ascending=False)
    said = listed(f"{evidence.levels[row[FACTOR]].words} ({correlation(row[RHO])})" for _, row in sure.iterrows())
    rest = [evidence.levels[name].words for name in rows[FACTOR] if name not in set(sure[FACTOR])]
    chance = f"; {listed(rest)} {'is' if len(rest) == 1 else 'are'} within chance" if rest else ""
    text = f"{who}{words} follows {said}{chance} (rank correlations, {points})."
    return text[0].upper() + text[1:]


def _pooled(evidence: Evidence) -> Iterator[str]:
    pairs, found = evidence.pairs, evidence.pooled()
    if pairs is None or found.empty:
        return
    level = evidence.levels[pairs.compare]
    mine = found[found[OUTPUT] == evidence.roles.outputs[0]]
    for _, row in mine[:MOST_VALUES].iterrows():
        layout = Amounts.of(str(row[OUTPUT]), mine)
        size = layout.said(abs(row[MEAN]), row[LOW], row[HIGH])
        way = "higher" if row[MEAN] > 0 else "lower"
        chance = "" if row[LOW] > 0 or row[HIGH] < 0 else ", which is within chance"
        mine_is, base_is = level.named(int(row[pairs.compare])), level.named(pairs.baseline)
        yield (
            f"On average over the sample, {layout.words} is {size} {way} with {mine_is} than with"
            f" {base_is}{chance} ({100 * CONFIDENCE:.0f} %, {counted(int(row[COUNT]), 'point')})."
        )
