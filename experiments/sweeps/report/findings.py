"""What was found, in sentences that follow from the figures and say what may be chance."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import t as student

from experiments.confidence import CONFIDENCE, Estimate
from experiments.sweeps.outputs import output_of
from experiments.sweeps.report.amounts import Amounts, counted, listed, words_of
from experiments.sweeps.report.estimates import COUNT, ERROR, HIGH, LOW, MEAN, beyond_chance, estimates
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT, VALUE
from experiments.sweeps.report.pairs import RATIO, pair_runs
from experiments.sweeps.report.sample_findings import sample_findings
from experiments.sweeps.results import REPLICATION

FEWEST, MOST = 2, 6
"""Sentences."""
MOST_NAMED = 3
"""So many points within chance are named; more are counted."""
LONGEST = 100
"""Letters of their names."""
ONCE = "Every point was run once, so what is chance can't be told; add replications."
ONCE_SAMPLED = (
    "Every point was run once, in the same weather: how it is in other weather can't be told; add replications."
)
SURE = f"{100 * CONFIDENCE:.0f} %"


def findings_of(evidence: Evidence) -> list[str]:
    """Return the sentences, at most six, those on what is compared first."""
    if evidence.roles.sampled:
        found = sample_findings(evidence)
    else:
        found = [*_comparisons(evidence), *_best(evidence), *_trend(evidence), *_narrowed(evidence)]
    if len(found) < FEWEST:
        found += [text for output in evidence.roles.outputs for text in _extent(evidence, output)]
    if evidence.replications == 1:
        return [*found[: MOST - 1], ONCE_SAMPLED if evidence.roles.sampled else ONCE]
    return found[:MOST]


def _extent(evidence: Evidence, output: str) -> Iterator[str]:
    """Yield what an output is in the only arm, or from which arm to which it goes."""
    arms, layout = evidence.of_output(output), evidence.amounts(output)
    low, high = arms.loc[arms[MEAN].idxmin()], arms.loc[arms[MEAN].idxmax()]
    if len(arms) > 1:
        ends = (f"{layout.said(row[MEAN], row[LOW], row[HIGH])} at {evidence.point(row)}" for row in (low, high))
        yield f"{layout.words.capitalize()} goes from {' to '.join(ends)}."
        return
    runs = f"{SURE}, {counted(int(low[COUNT]), 'run')}" if low[COUNT] > 1 else "one run"
    yield f"The {layout.words} is {layout.said(low[MEAN], low[LOW], low[HIGH])} ({runs})."
    if low[COUNT] > 1:
        values = evidence.long.loc[evidence.long[OUTPUT] == output, VALUE]
        ends = (layout.said(end) for end in (float(values.min()), float(values.max())))
        yield f"In single runs, {layout.words} lies between {' and '.join(ends)}."


def _comparisons(evidence: Evidence) -> Iterator[str]:
    """Yield how the values that are compared differ from the baseline in the first outputs, the plainest first."""
    if evidence.pairs is None:
        return
    outputs = evidence.roles.outputs[: 2 if len(evidence.levels[evidence.pairs.compare]) <= 3 else 1]
    for output in outputs:
        found = evidence.differences(output)
        sides = [rows.reset_index(drop=True) for _, rows in found.groupby(evidence.pairs.compare)]
        for rows in sorted(sides, key=_size, reverse=True)[:MOST_NAMED]:
            yield _comparison(evidence, output, rows)


def _size(rows: pd.DataFrame) -> float:
    """Return the largest difference, if there is one that is beyond chance."""
    sure = beyond_chance(rows) | (rows[COUNT] == 1)
    return float(rows.loc[sure, MEAN].abs().max()) if sure.any() else 0.0


def _comparison(evidence: Evidence, output: str, rows: pd.DataFrame) -> str:
    """Return how one value differs from the baseline."""
    pairs = evidence.pairs
    assert pairs is not None
    level, layout, sure = evidence.levels[pairs.compare], Amounts.of(output, rows), beyond_chance(rows)
    mine, base = level.named(int(rows[pairs.compare].iloc[0])), level.named(pairs.baseline)
    if not rows[MEAN].any() and not rows[HIGH].any():
        return f"There is no difference in {layout.words} between {mine} and {base} in any pair."
    single = rows[COUNT].max() == 1
    judged = rows if single or not sure.any() else rows[sure]
    top = judged.loc[judged[MEAN].abs().idxmax()]
    where = evidence.point(top, (pairs.compare,))
    at = f" at {where}" if where else ""
    amount = layout.said(abs(top[MEAN]), top[LOW], top[HIGH])
    most = ", the largest difference" if len(rows) > 1 else ""
    if not single and not sure.any():
        every = f" at all {len(rows)} points" if len(rows) > 1 else ""
        return (
            f"Between {mine} and {base}, the difference in {layout.words} is within chance{every}"
            f" ({'the largest, ' if every else ''}{amount}{at}; {SURE}, {counted(int(top[COUNT]), 'pair')})."
        )
    way = "higher" if top[MEAN] > 0 else "lower"
    pair = "one pair" if single else f"{SURE}, {counted(int(top[COUNT]), 'pair')}"
    text = f"With {mine}, {layout.words} is {amount} {way} than with {base}{at}{most} ({pair})"
    return f"{text}{'' if single else _elsewhere(evidence, rows, top)}."


def _elsewhere(evidence: Evidence, rows: pd.DataFrame, top: pd.Series) -> str:
    """Return what the differences at the other points are; the other way counts if it is none of many by chance."""
    sure, same = beyond_chance(rows), np.sign(rows[MEAN]) == np.sign(top[MEAN])
    stands = np.array([_stands(row, len(rows)) for _, row in rows.iterrows()], dtype=bool)
    other_way = sure & ~same & stands
    against, within = rows[other_way], rows[~other_way & ~(sure & same)]
    parts = []
    if len(against):
        layout, size = Amounts.of(str(top[OUTPUT]), rows), float(against[MEAN].abs().max())
        way = f"{'lower' if top[MEAN] > 0 else 'higher'}, by {'up to ' * (len(against) > 1)}{layout.said(size)}"
        parts.append(f"at {_points(evidence, against, len(rows))} it is {way}")
    if len(within):
        parts.append(f"at {_points(evidence, within, len(rows))} the difference is within chance")
    elif len(rows) > 1 and not len(against):
        parts.append(f"it is beyond chance at all {len(rows)} points")
    if not _stands(top, len(rows)):
        parts.append(f"the largest of {len(rows)} may be as large by chance")
    return f"; {listed(parts)}" if parts else ""


def _stands(row: pd.Series, comparisons: int) -> bool:
    """Return whether a difference is beyond chance also as the largest of so many (Bonferroni)."""
    if row[ERROR] == 0:
        return True
    tail = 2 * float(student.sf(abs(row[MEAN] / row[ERROR]), row[COUNT] - 1))
    return tail * comparisons < 1 - CONFIDENCE


def _points(evidence: Evidence, some: pd.DataFrame, every: int) -> str:
    """Return points by name if they are few, or else their number."""
    compare = (evidence.roles.compare,) if evidence.roles.compare else ()
    text = listed(evidence.point(row, compare) for _, row in some[:MOST_NAMED].iterrows())
    return text if len(some) <= MOST_NAMED and len(text) <= LONGEST else f"{len(some)} of {every} points"


def _best(evidence: Evidence) -> Iterator[str]:
    """Yield the best arm in the first output, and how many others can't be told from it."""
    output = evidence.roles.outputs[0]
    arms, told = evidence.of_output(output), output_of(output)
    if told is None or not told.better or len(arms) < 2:
        return
    place = int((told.better * arms[MEAN]).idxmax())
    best, layout = arms.loc[place], evidence.amounts(output)
    which = "highest" if told.better > 0 else "lowest"
    text = f"The {which} mean {layout.words}, {layout.said(best[MEAN], best[LOW], best[HIGH])}, is that of"
    if best[COUNT] < 2:
        yield f"{text.replace(' mean', '')} {evidence.point(best)}."
        return
    near = _near(evidence, output, best)
    others = counted(len(arms) - 1, "other arm")
    chance = "none is" if near == 0 else f"{near} {'is' if near == 1 else 'are'}"
    yield f"{text} {evidence.point(best)}; of {others}, {chance} within chance of it (in pairs, {SURE} each)."


def _near(evidence: Evidence, output: str, best: pd.Series) -> int:
    """Return how many arms are within chance of the best one, or have too few runs in common with it."""
    names = list(evidence.results.factors)
    mine = evidence.long[evidence.long[OUTPUT] == output]
    runs = mine.pivot(index=REPLICATION, columns=names, values=VALUE)
    own = tuple(int(best[name]) for name in names)
    near = 0
    for arm in runs.columns:
        key = arm if isinstance(arm, tuple) else (arm,)
        gaps = (runs[arm] - runs[own if len(own) > 1 else own[0]]).dropna().to_numpy()
        if key != own:
            near += len(gaps) < 2 or not Estimate.of(gaps).beyond_chance
    return near


def _trend(evidence: Evidence) -> Iterator[str]:
    """Yield what the first output does from one end of the horizontal axis to the other."""
    along, compare = evidence.roles.along, evidence.roles.compare
    if along is None or not evidence.levels[along].continuous:
        return
    level, output = evidence.levels[along], evidence.roles.outputs[0]
    ends = (0, len(level) - 1)
    here = evidence.long[evidence.long[along].isin(ends) & (evidence.long[OUTPUT] == output)]
    pairs = pair_runs(here, evidence.results.factors, along, ends[0]) if here[along].nunique() == 2 else None
    if pairs is None or pairs.differences.empty:
        return
    apart = [compare] if compare in pairs.others else []
    found = estimates(pairs.differences, apart)[:MOST_NAMED]
    layout = Amounts.of(output, found)
    parts = []
    for _, row in found.iterrows():
        who = f" with {evidence.levels[compare].named(int(row[compare]))}" if apart and compare else ""
        parts.append(f"{_change(layout, row)}{who}")
    averaged = [name for name in pairs.others if name in evidence.varied and name not in apart]
    mean = f", on average over {listed(evidence.levels[name].words for name in averaged)}" if averaged else ""
    yield f"From {level.words} {level.texts[0]} to {level.valued(ends[1])}, {layout.words} {listed(parts)}{mean}."


def _change(layout: Amounts, row: pd.Series) -> str:
    """Return how an output changes."""
    if math.isfinite(row[LOW]) and not (row[LOW] > 0 or row[HIGH] < 0):
        return f"changes within chance ({layout.said(row[MEAN], row[LOW], row[HIGH])})"
    return f"{'rises' if row[MEAN] > 0 else 'falls'} by {layout.said(abs(row[MEAN]), row[LOW], row[HIGH])}"


def _narrowed(evidence: Evidence) -> Iterator[str]:
    """Yield what common random numbers brought."""
    output = evidence.roles.outputs[0]
    found = evidence.differences(output)
    ratios = found[RATIO].to_numpy(dtype=float) if len(found) else np.array([])
    ratios = ratios[np.isfinite(ratios)]
    if not len(ratios):
        return
    factor = float(np.sqrt(np.median(ratios)))
    what = f"the intervals of the differences in {words_of(output)}"
    if factor >= 1.2:
        yield f"Running all points in the same weather made {what} {factor:.1f} times narrower."
    else:
        yield f"Running all points in the same weather hardly narrowed {what} ({factor:.1f} times)."
