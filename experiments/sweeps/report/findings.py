"""Findings of a sweep, in sentences that follow from the figures and mark what may be chance."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from experiments.confidence import Estimate
from experiments.sweeps.outputs import output_of
from experiments.sweeps.report import statistics as st
from experiments.sweeps.report.data import SURE, ReportData
from experiments.sweeps.report.numbers import Amounts, counted, label_of, listed, number_text
from experiments.sweeps.results import REPLICATION

FEWEST, MOST = 2, 6
"""Least and largest number of sentences."""
MOST_NAMED = 3
"""Largest number of points within chance that are named; more are counted."""
MOST_OUTPUTS, MOST_VALUES = 2, 2
"""Largest numbers of outputs of a sample, and of values compared, that are mentioned."""
LONGEST = 100
"""Largest number of letters of the points' names."""
ONCE = "Every point was run once, so what is chance can't be told; add replications."
ONCE_SAMPLED = (
    "Every point was run once, in the same weather: how it is in other weather can't be told; add replications."
)


def findings_of(data: ReportData) -> list[str]:
    """Return the sentences, at most six, those on what is compared first."""
    if data.sampled:
        found = [*_pooled(data), *_followed(data)]
    else:
        found = [*_comparisons(data), *_best(data), *_trend(data), *_narrowed(data)]
    if len(found) < FEWEST:
        found += [text for output in data.spec.outputs for text in _extent(data, output)]
    if data.replications == 1:
        return [*found[: MOST - 1], ONCE_SAMPLED if data.sampled else ONCE]
    return found[:MOST]


def _extent(data: ReportData, output: str) -> Iterator[str]:
    """Yield the value of an output in the only arm, or its range over the arms."""
    arms, amounts = data.means(output), data.amounts(output)
    low, high = arms.loc[arms[st.MEAN].idxmin()], arms.loc[arms[st.MEAN].idxmax()]
    if len(arms) > 1:
        ends = (f"{amounts.with_unit(row[st.MEAN], row[st.REACH])} at {data.point(row)}" for row in (low, high))
        yield f"{amounts.label.capitalize()} goes from {' to '.join(ends)}."
        return
    runs = f"{SURE}, {counted(int(low[st.COUNT]), 'run')}" if low[st.COUNT] > 1 else "one run"
    yield f"The {amounts.label} is {amounts.with_unit(low[st.MEAN], low[st.REACH])} ({runs})."
    if low[st.COUNT] > 1:
        values = data.long.loc[data.long[st.OUTPUT] == output, st.VALUE]
        between = " and ".join(map(amounts.with_unit, (values.min(), values.max())))
        yield f"In single runs, {amounts.label} lies between {between}."


def _comparisons(data: ReportData) -> Iterator[str]:
    """Yield the differences of the compared values to the baseline in the first outputs, the plainest first."""
    if data.pairs is None:
        return
    compare = data.pairs.compare
    for output in data.spec.outputs[: 2 if len(data.levels[compare]) <= 3 else 1]:
        sides = [rows.reset_index(drop=True) for _, rows in data.differences(output).groupby(compare)]
        for rows in sorted(sides, key=_size, reverse=True)[:MOST_NAMED]:
            yield _comparison(data, compare, rows)


def _size(rows: pd.DataFrame) -> float:
    """Return the largest difference, if there is one that is beyond chance."""
    sure = st.beyond_chance(rows) | (rows[st.COUNT] == 1)
    return float(rows.loc[sure, st.MEAN].abs().max()) if sure.any() else 0.0


def _comparison(data: ReportData, compare: str, rows: pd.DataFrame) -> str:
    """Return the difference of one value to the baseline in words; `rows`: its differences at all points."""
    level, amounts, sure = data.levels[compare], Amounts.of(rows[st.OUTPUT].iloc[0], rows), st.beyond_chance(rows)
    mine, base = level.named(int(rows[compare].iloc[0])), level.named(level.first)
    if not rows[st.MEAN].any() and not rows[st.HIGH].any():
        return f"There is no difference in {amounts.label} between {mine} and {base} in any pair."
    single = rows[st.COUNT].max() == 1
    judged = rows if single or not sure.any() else rows[sure]
    top = judged.loc[judged[st.MEAN].abs().idxmax()]
    where = data.point(top, compare)
    at = f" at {where}" if where else ""
    amount = amounts.with_unit(abs(top[st.MEAN]), top[st.REACH])
    pairs = "one pair" if single else f"{SURE}, {counted(int(top[st.COUNT]), 'pair')}"
    if not single and not sure.any():
        every, largest = (f" at all {len(rows)} points", "the largest, ") if len(rows) > 1 else ("", "")
        return (
            f"Between {mine} and {base}, the difference in {amounts.label} is within chance{every}"
            f" ({largest}{amount}{at}; {pairs})."
        )
    way = "higher" if top[st.MEAN] > 0 else "lower"
    most = ", the largest difference" if len(rows) > 1 else ""
    elsewhere = "" if single else _elsewhere(data, compare, rows, top, amounts)
    return f"With {mine}, {amounts.label} is {amount} {way} than with {base}{at}{most} ({pairs}){elsewhere}."


def _elsewhere(data: ReportData, compare: str, rows: pd.DataFrame, top: pd.Series, amounts: Amounts) -> str:
    """Return the differences at the other points; one of the other sign counts if it is none of many by chance."""
    sure, same = st.beyond_chance(rows), np.sign(rows[st.MEAN]) == np.sign(top[st.MEAN])
    other_way = ~same & st.beyond_chance(rows, len(rows))
    against, within = rows[other_way], rows[~other_way & ~(sure & same)]
    parts = []
    if len(against):
        size = amounts.with_unit(against[st.MEAN].abs().max())
        way = f"{'lower' if top[st.MEAN] > 0 else 'higher'}, by {'up to ' * (len(against) > 1)}{size}"
        parts.append(f"at {_points(data, compare, against, len(rows))} it is {way}")
    if len(within):
        parts.append(f"at {_points(data, compare, within, len(rows))} the difference is within chance")
    elif len(rows) > 1 and not len(against):
        parts.append(f"it is beyond chance at all {len(rows)} points")
    if not st.beyond_chance(top, len(rows)):
        parts.append(f"the largest of {len(rows)} may be as large by chance")
    return f"; {listed(parts)}" if parts else ""


def _points(data: ReportData, compare: str, some: pd.DataFrame, every: int) -> str:
    """Return points by name if they are few, or else their number."""
    text = listed(data.point(row, compare) for _, row in some[:MOST_NAMED].iterrows())
    return text if len(some) <= MOST_NAMED and len(text) <= LONGEST else f"{len(some)} of {every} points"


def _best(data: ReportData) -> Iterator[str]:
    """Yield the best arm in the first output, and the number of others within chance of it."""
    output = data.spec.outputs[0]
    arms, known = data.means(output), output_of(output)
    if known is None or not known.better or len(arms) < 2:
        return
    best, amounts = arms.loc[(known.better * arms[st.MEAN]).idxmax()], data.amounts(output)
    which, size = "highest" if known.better > 0 else "lowest", amounts.with_unit(best[st.MEAN], best[st.REACH])
    if best[st.COUNT] < 2:
        yield f"The {which} {amounts.label}, {size}, is that of {data.point(best)}."
        return
    near = _near(data, output, best)
    chance = "none is" if near == 0 else f"{near} {'is' if near == 1 else 'are'}"
    yield (
        f"The {which} mean {amounts.label}, {size}, is that of {data.point(best)}; of"
        f" {counted(len(arms) - 1, 'other arm')}, {chance} within chance of it (in pairs, {SURE} each)."
    )


def _near(data: ReportData, output: str, best: pd.Series) -> int:
    """Return the number of arms within chance of the best one, or with too few runs in common with it."""
    names = list(data.results.factors)
    runs = data.long[data.long[st.OUTPUT] == output].pivot(index=names, columns=REPLICATION, values=st.VALUE)
    gaps = runs.sub(runs.loc[tuple(best[names])], axis="columns")
    sides = [row.dropna().to_numpy() for _, row in gaps.iterrows()]
    return sum(len(side) < 2 or not Estimate.of(side).beyond_chance for side in sides) - 1  # itself


def _trend(data: ReportData) -> Iterator[str]:
    """Yield the change of the first output from one end of the horizontal axis to the other."""
    along, compare = data.spec.along, data.spec.compare
    if along is None or not data.levels[along].continuous:
        return
    level, output, last = data.levels[along], data.spec.outputs[0], len(data.levels[along]) - 1
    here = data.long[data.long[along].isin([0, last]) & (data.long[st.OUTPUT] == output)]
    pairs = st.pair_runs(here, data.results.factors, along, 0) if here[along].nunique() == 2 else None
    if pairs is None or pairs.differences.empty:
        return
    apart = [name for name in pairs.others if name == compare]
    found = st.estimates(pairs.differences, apart)[:MOST_NAMED]
    amounts = Amounts.of(output, found)
    with_whom = [f" with {data.levels[name].named(code)}" for name in apart for code in found[name]] or [""]
    changes = [f"{_change(amounts, row)}{who}" for (_, row), who in zip(found.iterrows(), with_whom, strict=True)]
    points = pairs.differences[[*pairs.others]]
    several = points.ne(points.iloc[0]).any()
    averaged = data.labels([name for name in pairs.others if several[name] and name not in apart])
    mean = f", on average over {listed(averaged)}" if averaged else ""
    yield f"From {level.label} {level.texts[0]} to {level.valued(last)}, {amounts.label} {listed(changes)}{mean}."


def _change(amounts: Amounts, row: pd.Series) -> str:
    """Return the change of an output in words."""
    if row[st.REACH] >= 0 and not st.beyond_chance(row):
        return f"changes within chance ({amounts.with_unit(row[st.MEAN], row[st.REACH])})"
    return f"{'rises' if row[st.MEAN] > 0 else 'falls'} by {amounts.with_unit(abs(row[st.MEAN]), row[st.REACH])}"


def _narrowed(data: ReportData) -> Iterator[str]:
    """Yield the narrowing of intervals by common random numbers."""
    output = data.spec.outputs[0]
    found = data.differences(output)
    ratios = found[st.RATIO][np.isfinite(found[st.RATIO])] if len(found) else found
    if not len(ratios):
        return
    factor, what = np.sqrt(ratios.median()), f"the intervals of the differences in {label_of(output)}"
    if factor >= 1.2:
        yield f"Running all points in the same weather made {what} {factor:.1f} times narrower."
    else:
        yield f"Running all points in the same weather hardly narrowed {what} ({factor:.1f} times)."


def _pooled(data: ReportData) -> Iterator[str]:
    """Yield the differences of the compared values to the baseline on the whole of a sample."""
    pairs, found = data.pairs, data.pooled()
    if pairs is None or found.empty:
        return
    level, output = data.levels[pairs.compare], data.spec.outputs[0]
    rows = found[found[st.OUTPUT] == output]
    amounts = Amounts.of(output, rows)
    for _, row in rows[:MOST_VALUES].iterrows():
        way, size = "higher" if row[st.MEAN] > 0 else "lower", amounts.with_unit(abs(row[st.MEAN]), row[st.REACH])
        chance = "" if st.beyond_chance(row) else ", which is within chance"
        yield (
            f"On average over the sample, {amounts.label} is {size} {way}"
            f" with {level.named(int(row[pairs.compare]))} than with {level.named(pairs.baseline)}{chance}"
            f" ({SURE}, {counted(int(row[st.COUNT]), 'point')})."
        )


def _followed(data: ReportData) -> Iterator[str]:
    """Yield the factors that the first outputs follow in a sample, apart for each value that is compared."""
    ranks, compare = data.ranks(), data.spec.compare
    for output in data.spec.outputs[:MOST_OUTPUTS]:
        rows = ranks[ranks[st.OUTPUT] == output]
        sides: list[Any] = list(rows.groupby(compare))[:MOST_VALUES] if compare else [(None, rows)]
        for code, side in sides:
            who = f"with {data.levels[compare].named(code)}, " if compare else ""
            text = who + _follows(data, label_of(output), side)
            yield text[0].upper() + text[1:]


def _follows(data: ReportData, label: str, rows: pd.DataFrame) -> str:
    """Return the factors that an output follows also as one of many (Bonferroni), the strongest first."""
    sure = rows[st.beyond_chance(rows, len(rows))].sort_values(st.RHO, key=np.abs, ascending=False)
    points = counted(int(rows[st.COUNT].iloc[0]), "point")
    if sure.empty:
        return f"no factor's rank correlation with {label} is beyond chance ({points})."
    factors = zip(data.labels(sure[st.FACTOR]), sure[st.RHO], strict=True)
    said = listed(f"{factor} ({number_text(rho, 2, signed=True)})" for factor, rho in factors)
    rest = data.labels([name for name in rows[st.FACTOR] if name not in set(sure[st.FACTOR])])
    chance = f"; {listed(rest)} {'is' if len(rest) == 1 else 'are'} within chance" if rest else ""
    return f"{label} follows {said}{chance} (rank correlations, {points})."
