"""The tables of a report, in Markdown."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from experiments.confidence import CONFIDENCE
from experiments.sweeps.report.amounts import Amounts, output_label
from experiments.sweeps.report.estimates import COUNT, HIGH, LOW, MEAN
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT
from experiments.sweeps.report.pairs import RATIO

MOST_ROWS = 40
"""In a table; the rest is in a CSV file."""


def cell(text: str) -> str:
    """Return a text that Markdown and tables leave as it is, on one line.

    An underscore within a word and brackets that are no link mean nothing there, and stay readable.
    """
    brackets = r"|\[" if re.search(r"\][(:\[]", text) else ""
    text = re.sub(rf"[\\`*<|]|(?<![^\W_])_|_(?![^\W_])|&(?=[\w#]){brackets}", r"\\\g<0>", text)
    return " ".join(text.split())


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, words: int) -> str:
    """Return a table whose first columns, so many, are words; the others are numbers."""
    lines = [heads, [*["---"] * words, *["---:"] * (len(heads) - words)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rest(count: int, file: str) -> list[str]:
    """Return where the rows are that a table does not show."""
    if count <= MOST_ROWS:
        return []
    return [f"The first {MOST_ROWS} of {count:,} rows; all of them are in [{file}]({file})."]


def _factor_cells(evidence: Evidence, key: Sequence[int], names: Sequence[str]) -> list[str]:
    return [cell(evidence.levels[name].texts[code]) for name, code in zip(names, key, strict=True)]


def means_table(evidence: Evidence) -> list[str]:
    """Return the means of all arms, a row for each, and what there is to say about them."""
    names = list(evidence.varied)
    outputs = {output: evidence.of_output(output).set_index(names or [OUTPUT]) for output in evidence.roles.outputs}
    layouts = {output: evidence.amounts(output) for output in outputs}
    arms = evidence.arms[[*names]].drop_duplicates() if names else evidence.arms[[OUTPUT]].head(1)
    rows = []
    for key in arms[:MOST_ROWS].itertuples(index=False, name=None):
        found = {output: _row_at(frame, key if names else (output,)) for output, frame in outputs.items()}
        counts = sorted({int(row[COUNT]) for row in found.values() if row is not None})
        amounts = ["" if row is None else _interval(layouts[output], row) for output, row in found.items()]
        rows.append([*_factor_cells(evidence, key if names else (), names), _span(counts), *amounts])
    heads = [*(cell(evidence.levels[name].label) for name in names), "runs", *(cell(output_label(o)) for o in outputs)]
    text = [table(heads, rows, words=len(names))]
    if evidence.replications == 1:
        text.append("One replication: there is no interval, and what is chance can't be told.")
    else:
        text.append(f"Mean ± half the width of the {100 * CONFIDENCE:.0f} % confidence interval (Student) over runs.")
    return [*text, *rest(len(arms), "means.csv")]


def _row_at(frame: pd.DataFrame, key: tuple[object, ...]) -> pd.Series | None:
    place = key if len(key) > 1 else key[0]
    return frame.loc[place] if place in frame.index else None


def _interval(layout: Amounts, row: pd.Series, *, signed: bool = False) -> str:
    return layout.interval(row[MEAN], row[LOW], row[HIGH], signed=signed)


def _span(counts: Sequence[int]) -> str:
    return "" if not counts else str(counts[0]) if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"


def difference_table(evidence: Evidence) -> list[str]:
    """Return the paired differences, a row for each point and value, and what there is to say about them."""
    pairs = evidence.pairs
    if pairs is None:
        return []
    names = [name for name in (*pairs.others, pairs.compare) if name in evidence.varied]
    frames = {output: evidence.differences(output).set_index(names) for output in evidence.roles.outputs}
    frames = {output: frame for output, frame in frames.items() if len(frame)}
    layouts = {output: Amounts.of(output, frame) for output, frame in frames.items()}
    keys = pairs.table.loc[pairs.table[MEAN].notna() & pairs.table[OUTPUT].isin(list(frames)), names].drop_duplicates()
    rows = []
    for key in keys[:MOST_ROWS].itertuples(index=False, name=None):
        found = {output: _row_at(frame, key) for output, frame in frames.items()}
        counts = sorted({int(row[COUNT]) for row in found.values() if row is not None})
        rows.append([*_factor_cells(evidence, key, names), _span(counts)])
        for output, row in found.items():
            rows[-1] += ["", ""] if row is None else [difference_text(layouts[output], row), narrowing(row[RATIO])]
    minus = cell(evidence.levels[pairs.compare].named(pairs.baseline))
    heads = [cell(evidence.levels[name].label) for name in names[:-1]]
    heads += [f"{cell(evidence.levels[pairs.compare].label)}, minus {minus}", "pairs"]
    heads += [head for output in frames for head in (cell(output_label(output)), "narrowed")]
    return [table(heads, rows, words=len(names)), _reading(evidence), *rest(len(keys), "differences.csv")]


def difference_text(layout: Amounts, row: pd.Series) -> str:
    """Return a difference with its interval, bold if zero lies outside."""
    text = _interval(layout, row, signed=True)
    return f"**{text}**" if row[LOW] > 0 or row[HIGH] < 0 else text


def narrowing(ratio: float) -> str:
    """Return by what factor pairing narrowed an interval, from the ratio of the variances."""
    if not np.isfinite(ratio):
        return "" if np.isnan(ratio) else "∞"
    factor = float(np.sqrt(ratio))
    return f"{factor:,.0f}" if factor >= 9.95 else f"{factor:.1f}"


def _reading(evidence: Evidence) -> str:
    """Return how the table of differences is to be read."""
    if evidence.replications == 1:
        return "One pair each: there is no interval, and what is chance can't be told."
    return (
        f"Mean ± half the width of the {100 * CONFIDENCE:.0f} % confidence interval (Student) of the differences"
        " between runs with the same seed; bold: zero lies outside (as for one in 20 that are nothing but chance)."
        " *Narrowed*: how many times wider the interval would be had the two runs met weather of their own."
    )
