"""Tables of a report: in Markdown, as long as they can be read, and as CSV with every row and all digits."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.sweeps.report.data import SURE, ReportData
from experiments.sweeps.report.front import BEST, UP
from experiments.sweeps.report.levels import value_text
from experiments.sweeps.report.numbers import Amounts, axis_label_of, counted, number_text
from experiments.sweeps.report.statistics import (
    COUNT,
    ERROR,
    FACTOR,
    HIGH,
    INCOMPLETE,
    LOW,
    MEAN,
    OUTPUT,
    POINTS,
    RATIO,
    REACH,
    RHO,
    VALUE,
    beyond_chance,
)
from experiments.sweeps.results import REPLICATION
from experiments.tables import markdown_table

MOST_ROWS = 40
"""Largest number of rows of a table; the rest is in a CSV file."""
INTERVALS = f"Mean ± half the width of the {SURE} confidence interval (Student)"
MINUS, LABEL = "=minus", "=label"


def cell(text: str) -> str:
    """Return a text that Markdown and tables leave as it is, on one line.

    An underscore within a word and brackets that are no link mean nothing there, and stay readable.
    """
    brackets = r"|\[" if re.search(r"\][(:\[]", text) else ""
    text = re.sub(rf"[\\`*<|]|(?<![^\W_])_|_(?![^\W_])|&(?=[\w#]){brackets}", r"\\\g<0>", text)
    return " ".join(text.split())


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, labels: int) -> str:
    """Return a table whose first columns, so many, are labels; the others are numbers."""
    return markdown_table(heads, rows, "l" * labels + "r" * (len(heads) - labels))


def means_table(data: ReportData) -> list[str]:
    """Return the means of all arms, a row for each, and what there is to say about them."""
    sides = {output: data.means(output) for output in data.layout.outputs}
    heads = [*(cell(data.levels[name].axis_label) for name in data.varied), "runs"]
    text, *rest = _points_table(data, sides, data.varied, heads, {"": _interval}, "means.csv")
    once = "One replication: there is no interval, and what is chance can't be told."
    return [text, once if data.replications == 1 else f"{INTERVALS} over runs.", *rest]


def difference_table(data: ReportData) -> list[str]:
    """Return the paired differences, a row for each point and value, and what there is to say about them."""
    pairs = data.pairs
    if pairs is None:
        return []
    names = [name for name in (*pairs.others, pairs.compare) if name in data.varied]
    sides = {output: found for output in data.layout.outputs if len(found := data.differences(output))}
    *others, compared = (cell(data.levels[name].axis_label) for name in names)
    heads = [*others, f"{compared}, minus {cell(data.levels[pairs.compare].named(pairs.baseline))}", "pairs"]
    columns = {"": _difference, "narrowed": lambda _, row: narrowing(row[RATIO])}
    text, *rest = _points_table(data, sides, names, heads, columns, "differences.csv")
    note = (
        f"{INTERVALS} of the differences between runs with the same seed; bold: zero lies outside (as for one in 20"
        " that are nothing but chance). *Narrowed*: how many times wider the interval would be had the two runs met"
        " weather of their own."
    )
    once = "One pair each: there is no interval, and what is chance can't be told."
    return [text, once if data.replications == 1 else note, *rest]


def _points_table(
    data: ReportData,
    sides: Mapping[str, pd.DataFrame],
    names: Sequence[str],
    heads: Sequence[str],
    columns: Mapping[str, Callable[[Amounts, pd.Series], str]],
    file: str,
) -> list[str]:
    """Return a row for each point: values of factors, number of runs or pairs, and columns for each output."""
    by = [*names] or [POINTS]
    found = pd.concat(sides.values())
    every = found[by].drop_duplicates().sort_values(by)
    found, texts = every[:MOST_ROWS].merge(found), {}
    for output, side in found.groupby(OUTPUT):
        amounts, index = Amounts.of(str(output), sides[str(output)]), pd.MultiIndex.from_frame(side[by])
        for head, text in columns.items():
            texts[output, head] = pd.Series([text(amounts, row) for _, row in side.iterrows()], index)
    wide = pd.DataFrame(texts, columns=pd.MultiIndex.from_product([sides, columns])).fillna("")
    rows = []
    for (point, counts), row in zip(found.groupby(by)[COUNT], wide.to_numpy(), strict=True):
        low, high = int(counts.min()), int(counts.max())
        values = (cell(data.levels[name].texts[code]) for name, code in zip(names, point, strict=False))
        rows.append([*values, str(low) if low == high else f"{low} to {high}", *row])
    heads = [*heads, *(head or _head(output) for output, head in wide)]
    rest = f"The first {MOST_ROWS} of {len(every):,} rows; all of them are in [{file}]({file})."
    return [table(heads, rows, labels=len(names)), *[rest] * (len(every) > MOST_ROWS)]


def _head(output: str) -> str:
    return cell(axis_label_of(output))


def _interval(amounts: Amounts, row: pd.Series) -> str:
    return amounts.interval(row[MEAN], row[REACH])


def _difference(amounts: Amounts, row: pd.Series) -> str:
    """Return a difference with its interval, bold if zero lies outside."""
    text = amounts.interval(row[MEAN], row[REACH], signed=True)
    return f"**{text}**" if beyond_chance(row) else text


def narrowing(ratio: float) -> str:
    """Return by what factor pairing narrowed an interval, from the ratio of the variances."""
    if not np.isfinite(ratio):
        return "" if np.isnan(ratio) else "∞"
    factor = float(np.sqrt(ratio))
    return f"{factor:,.0f}" if factor >= 9.95 else f"{factor:.1f}"


def ranges_table(data: ReportData) -> str:
    """Return the ranges of the factors and outputs of a sample."""
    rows = []
    for name in data.varied:
        level = data.levels[name]
        ends = [level.texts[0], "", level.texts[-1]] if level.numeric else [cell(", ".join(level.texts)), "", ""]
        rows.append([cell(level.axis_label), *ends])
    for output in data.layout.outputs:
        values = data.long.loc[data.long[OUTPUT] == output, VALUE].agg(["min", "mean", "max"])
        rows.append([_head(output), *map(data.amounts(output).text, values)])
    return table(["", "lowest", "mean", "highest"], rows, labels=1)


def ranks_table(data: ReportData) -> list[str]:
    """Return the rank correlation of each output with each sampled factor."""
    ranks, sampled = data.ranks(), data.layout.sampled
    apart = [data.levels[name] for name in (data.layout.compare,) if name]
    rows = []
    for output in data.layout.outputs:
        for key, group in ranks[ranks[OUTPUT] == output].groupby([OUTPUT, *(level.name for level in apart)]):
            found = group.set_index(FACTOR).loc[[*sampled]]
            values = [cell(level.texts[int(code)]) for level, code in zip(apart, key[1:], strict=True)]
            texts = [_rho(row) for _, row in found.iterrows()]
            rows.append([_head(output), *values, str(found[COUNT].iloc[0]), *texts])
    heads = ["", *(cell(level.axis_label) for level in apart), "points", *map(cell, data.labels(sampled))]
    note = (
        "Spearman's rank correlation: +1 if an output always rises with a factor, −1 if it always falls. Bold: beyond"
        f" chance ({SURE}, each on its own; of 20 that mean nothing, one is bold)."
    )
    return [table(heads, rows, labels=1 + len(apart)), note]


def _rho(row: pd.Series) -> str:
    text = number_text(row[RHO], 2, signed=True) if np.isfinite(row[RHO]) else ""
    return f"**{text}**" if beyond_chance(row) else text


def pooled_table(data: ReportData) -> list[str]:
    """Return the paired differences over the whole sample."""
    pairs, pooled = data.pairs, data.pooled()
    if pairs is None or pooled.empty:
        return []
    level, rows = data.levels[pairs.compare], []
    for output in data.layout.outputs:
        found = pooled[pooled[OUTPUT] == output]
        for _, row in found.iterrows():
            value, text = cell(level.texts[int(row[pairs.compare])]), _difference(Amounts.of(output, found), row)
            rows.append([_head(output), value, str(row[COUNT]), text])
    heads = ["", f"{cell(level.axis_label)}, minus {cell(level.named(pairs.baseline))}", "points", "difference"]
    note = (
        f"{INTERVALS} over the points of the sample, each a mean of its pairs; bold: zero lies outside. It holds for"
        " the middle of the box, not for each point in it."
    )
    return [table(heads, rows, labels=2), note]


def front_table(data: ReportData, points: pd.DataFrame) -> list[str]:
    """Return the points that no other one beats in both outputs of a choice."""
    assert data.layout.pareto is not None
    best = points[points[BEST]]
    (x, y), texts = (data.amounts(output) for output in data.layout.pareto), []
    for _, row in best[:MOST_ROWS].iterrows():
        amounts = x.interval(row[MEAN], row[REACH]), y.interval(row[MEAN + UP], row[REACH + UP])
        texts.append([cell(data.point(row)), *amounts])
    found = f"On the front, {counted(len(best), 'point')} of {len(points):,}:"
    return [found, table(["", *map(_head, data.layout.pareto)], texts, labels=1)]


def failures_table(data: ReportData) -> list[str]:
    """Return the runs that failed."""
    results, names = data.results, data.results.factors
    rows = []
    for _, row in results.failed[:MOST_ROWS].iterrows():
        values = (cell(value_text(results, name, row[name])) for name in names)
        rows.append([*values, str(row[REPLICATION]), str(row["seed"]), cell(str(row["error"]))])
    heads = [*(cell(results.label(name)) for name in names), "replication", "seed", "error"]
    more = [f"The first {MOST_ROWS} of {len(results.failed):,} failed runs."]
    return [table(heads, rows, labels=len(heads)), *more * (len(results.failed) > MOST_ROWS)]


def means_csv(data: ReportData) -> str:
    """Return the means of all arms, a row for each arm and output."""
    return _csv(data, data.arms, list(data.results.factors), [COUNT, MEAN, ERROR, LOW, HIGH])


def differences_csv(data: ReportData) -> str:
    """Return the paired differences, a row for each point, value and output; only a heading if nothing is compared."""
    pairs, columns = data.pairs, [COUNT, MEAN, ERROR, LOW, HIGH, INCOMPLETE, RATIO]
    if pairs is None:
        return _csv(data, pd.DataFrame(columns=[OUTPUT, *columns]), [], columns)
    baseline = data.levels[pairs.compare].values[pairs.baseline]
    frame = pairs.table.assign(**{COUNT: pairs.table[COUNT].fillna(0).astype(int), MINUS: baseline})
    return _csv(data, frame, [*pairs.others, pairs.compare], [MINUS, *columns])


def _csv(data: ReportData, frame: pd.DataFrame, names: Sequence[str], columns: Sequence[str]) -> str:
    """Return a table as CSV, its codes as the values they stand for."""
    frame = frame[frame[OUTPUT].isin(data.layout.outputs)].copy()
    for name in names:
        values = data.levels[name].values
        frame[name] = pd.Series([values[int(code)] for code in frame[name]], index=frame.index, dtype=object)
    frame[LABEL] = frame[OUTPUT].map(axis_label_of)
    shown = frame[[*names, OUTPUT, LABEL, *columns]]
    heads = [*names, *(column.removeprefix("=") for column in shown.columns[len(names) :])]
    text: str = shown.to_csv(index=False, header=heads, lineterminator="\n")
    return text
