"""Tables of a report: in Markdown, as long as they can be read, and as CSV with every row and all digits."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.sweeps.report import statistics as st
from experiments.sweeps.report.data import SURE, ReportData
from experiments.sweeps.report.front import BEST, UP
from experiments.sweeps.report.levels import value_text
from experiments.sweeps.report.numbers import Amounts, axis_label_of, counted, number_text
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
    sides = {output: data.means(output) for output in data.spec.outputs}
    heads = [*(cell(data.levels[name].axis_label) for name in data.varied), "runs"]
    columns = {"": lambda amounts, row: amounts.interval(row[st.MEAN], row[st.REACH])}
    once = "One replication: there is no interval, and what is chance can't be told."
    note = once if data.replications == 1 else f"{INTERVALS} over runs."
    return _points_table(data, sides, data.varied, heads, columns, note, "means.csv")


def difference_table(data: ReportData) -> list[str]:
    """Return the paired differences, a row for each point and value, and what there is to say about them."""
    pairs = data.pairs
    if pairs is None:
        return []
    names = [name for name in (*pairs.others, pairs.compare) if name in data.varied]
    sides = {output: found for output in data.spec.outputs if len(found := data.differences(output))}
    *others, compared = (cell(data.levels[name].axis_label) for name in names)
    heads = [*others, f"{compared}, minus {cell(data.levels[pairs.compare].named(pairs.baseline))}", "pairs"]
    columns = {"": _difference, "narrowed": lambda _, row: narrowing(row[st.RATIO])}
    note = (
        f"{INTERVALS} of the differences between runs with the same seed; bold: zero lies outside (as for one in 20"
        " that are nothing but chance). *Narrowed*: how many times wider the interval would be had the two runs met"
        " weather of their own."
    )
    once = "One pair each: there is no interval, and what is chance can't be told."
    return _points_table(
        data, sides, names, heads, columns, once if data.replications == 1 else note, "differences.csv"
    )


def _points_table(
    data: ReportData,
    sides: Mapping[str, pd.DataFrame],
    names: Sequence[str],
    heads: Sequence[str],
    columns: Mapping[str, Callable[[Amounts, pd.Series], str]],
    note: str,
    file: str,
) -> list[str]:
    """Return a row for each point: values of factors, number of runs or pairs, and columns for each output."""
    by = [*names] or [st.POINTS]
    found = pd.concat(sides.values())
    every = found[by].drop_duplicates().sort_values(by)
    found, texts = every[:MOST_ROWS].merge(found), {}
    for output, side in found.groupby(st.OUTPUT):
        amounts, index = Amounts.of(str(output), sides[str(output)]), pd.MultiIndex.from_frame(side[by])
        for head, text in columns.items():
            texts[output, head] = pd.Series([text(amounts, row) for _, row in side.iterrows()], index)
    wide = pd.DataFrame(texts, columns=pd.MultiIndex.from_product([sides, columns])).fillna("")
    rows = []
    for (point, counts), row in zip(found.groupby(by)[st.COUNT], wide.to_numpy(), strict=True):
        low, high = int(counts.min()), int(counts.max())
        values = (cell(data.levels[name].texts[code]) for name, code in zip(names, point, strict=False))
        rows.append([*values, str(low) if low == high else f"{low} to {high}", *row])
    heads = [*heads, *(head or _head(output) for output, head in wide)]
    rest = f"The first {MOST_ROWS} of {len(every):,} rows; all of them are in [{file}]({file})."
    return [table(heads, rows, labels=len(names)), note, *[rest] * (len(every) > MOST_ROWS)]


def _head(output: str) -> str:
    return cell(axis_label_of(output))


def _bold(text: str, row: pd.Series) -> str:
    return f"**{text}**" if st.beyond_chance(row) else text


def _difference(amounts: Amounts, row: pd.Series) -> str:
    """Return a difference with its interval, bold if zero lies outside."""
    return _bold(amounts.interval(row[st.MEAN], row[st.REACH], signed=True), row)


def narrowing(ratio: float) -> str:
    """Return by what factor pairing narrowed an interval, from the ratio of the variances."""
    if not np.isfinite(ratio):
        return "" if np.isnan(ratio) else "∞"
    factor = float(np.sqrt(ratio))
    return f"{factor:,.0f}" if factor >= 9.95 else f"{factor:.1f}"


def ranges_table(data: ReportData) -> str:
    """Return the ranges of the factors and outputs of a sample."""
    rows = []
    for level in map(data.levels.__getitem__, data.varied):
        ends = [level.texts[0], "", level.texts[-1]] if level.numeric else [cell(", ".join(level.texts)), "", ""]
        rows.append([cell(level.axis_label), *ends])
    for output in data.spec.outputs:
        values = data.long.loc[data.long[st.OUTPUT] == output, st.VALUE].agg(["min", "mean", "max"])
        rows.append([_head(output), *map(data.amounts(output).text, values)])
    return table(["", "lowest", "mean", "highest"], rows, labels=1)


def ranks_table(data: ReportData) -> list[str]:
    """Return the rank correlation of each output with each sampled factor."""
    ranks, apart = data.ranks(), [data.levels[name] for name in (data.spec.compare,) if name]
    rows = []
    for output in data.spec.outputs:
        for key, group in ranks[ranks[st.OUTPUT] == output].groupby([st.OUTPUT, *(level.name for level in apart)]):
            found = group.set_index(st.FACTOR).loc[[*data.sampled]]
            values = [cell(level.texts[int(code)]) for level, code in zip(apart, key[1:], strict=True)]
            texts = [number_text(rho, 2, signed=True) if np.isfinite(rho) else "" for rho in found[st.RHO]]
            bold = [_bold(text, row) for text, (_, row) in zip(texts, found.iterrows(), strict=True)]
            rows.append([_head(output), *values, str(found[st.COUNT].iloc[0]), *bold])
    heads = ["", *(cell(level.axis_label) for level in apart), "points", *map(cell, data.labels(data.sampled))]
    note = (
        "Spearman's rank correlation: +1 if an output always rises with a factor, −1 if it always falls. Bold: beyond"
        f" chance ({SURE}, each on its own; of 20 that mean nothing, one is bold)."
    )
    return [table(heads, rows, labels=1 + len(apart)), note]


def pooled_table(data: ReportData) -> list[str]:
    """Return the paired differences over the whole sample."""
    pairs, pooled = data.pairs, data.pooled()
    if pairs is None or pooled.empty:
        return []
    level, rows = data.levels[pairs.compare], []
    for output in data.spec.outputs:
        found = pooled[pooled[st.OUTPUT] == output]
        for _, row in found.iterrows():
            value, text = cell(level.texts[int(row[pairs.compare])]), _difference(Amounts.of(output, found), row)
            rows.append([_head(output), value, str(row[st.COUNT]), text])
    heads = ["", f"{cell(level.axis_label)}, minus {cell(level.named(pairs.baseline))}", "points", "difference"]
    note = (
        f"{INTERVALS} over the points of the sample, each a mean of its pairs; bold: zero lies outside. It holds for"
        " the middle of the box, not for each point in it."
    )
    return [table(heads, rows, labels=2), note]


def front_table(data: ReportData, points: pd.DataFrame) -> list[str]:
    """Return the points that no other one beats in both outputs of a choice."""
    best, outputs = points[points[BEST]], data.spec.pareto or ()
    columns = [(data.amounts(output), end) for output, end in zip(outputs, ("", UP), strict=True)]
    texts = [
        [cell(data.point(row)), *(one.interval(row[st.MEAN + end], row[st.REACH + end]) for one, end in columns)]
        for _, row in best[:MOST_ROWS].iterrows()
    ]
    found = f"On the front, {counted(len(best), 'point')} of {len(points):,}:"
    return [found, table(["", *map(_head, outputs)], texts, labels=1)]


def failures_table(data: ReportData) -> list[str]:
    """Return the runs that failed."""
    results = data.results
    names, rows = [name for name in results.factors if name in results.failed], []
    for _, row in results.failed[:MOST_ROWS].iterrows():
        values = (cell(value_text(results, name, row[name])) for name in names)
        rows.append([*values, str(row[REPLICATION]), str(row["seed"]), cell(str(row["error"]))])
    heads = [*(cell(results.label(name)) for name in names), "replication", "seed", "error"]
    more = [f"The first {MOST_ROWS} of {len(results.failed):,} failed runs."]
    return [table(heads, rows, labels=len(heads)), *more * (len(results.failed) > MOST_ROWS)]


def means_csv(data: ReportData) -> str:
    """Return the means of all arms, a row for each arm and output."""
    return _csv(data, data.arms, data.results.factors, [st.COUNT, st.MEAN, st.ERROR, st.LOW, st.HIGH])


def differences_csv(data: ReportData) -> str:
    """Return the paired differences, a row for each point, value and output; only a heading if nothing is compared."""
    pairs, columns = data.pairs, [st.COUNT, st.MEAN, st.ERROR, st.LOW, st.HIGH, st.INCOMPLETE, st.RATIO]
    if pairs is None:
        return _csv(data, pd.DataFrame(columns=[st.OUTPUT, *columns]), [], columns)
    baseline = data.levels[pairs.compare].values[pairs.baseline]
    frame = pairs.table.assign(**{st.COUNT: pairs.table[st.COUNT].fillna(0).astype(int), MINUS: baseline})
    return _csv(data, frame, [*pairs.others, pairs.compare], [MINUS, *columns])


def _csv(data: ReportData, frame: pd.DataFrame, names: Sequence[str], columns: Sequence[str]) -> str:
    """Return a table as CSV, its codes as the values they stand for."""
    frame = frame[frame[st.OUTPUT].isin(data.spec.outputs)].copy()
    for name in names:
        values = data.levels[name].values
        frame[name] = pd.Series([values[int(code)] for code in frame[name]], index=frame.index, dtype=object)
    frame[LABEL] = frame[st.OUTPUT].map(axis_label_of)
    heads = [*names, *(column.removeprefix("=") for column in (st.OUTPUT, LABEL, *columns))]
    shown = frame[[*names, st.OUTPUT, LABEL, *columns]]
    text: str = shown.to_csv(index=False, header=heads, lineterminator="\n")
    return text
