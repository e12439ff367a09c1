"""The tables of a report as CSV files: every row, in the values of the sweep file and with all digits."""

from collections.abc import Sequence

import pandas as pd

from experiments.sweeps.report.amounts import output_label
from experiments.sweeps.report.estimates import COUNT, ERROR, HIGH, LOW, MEAN
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT
from experiments.sweeps.report.pairs import INCOMPLETE, RATIO

MINUS, LABEL = "=minus", "=label"


def means_csv(evidence: Evidence) -> str:
    """Return the means of all arms, a row for each arm and output."""
    return _csv(evidence, evidence.arms, list(evidence.results.factors), [COUNT, MEAN, ERROR, LOW, HIGH])


def differences_csv(evidence: Evidence) -> str:
    """Return the paired differences, a row for each point, value and output; only a heading if nothing is compared."""
    pairs, figures = evidence.pairs, [COUNT, MEAN, ERROR, LOW, HIGH, INCOMPLETE, RATIO]
    if pairs is None:
        return _csv(evidence, pd.DataFrame(columns=[OUTPUT, *figures]), [], figures)
    baseline = evidence.levels[pairs.compare].values[pairs.baseline]
    frame = pairs.table.assign(**{COUNT: pairs.table[COUNT].fillna(0).astype(int), MINUS: baseline})
    return _csv(evidence, frame, [*pairs.others, pairs.compare], [MINUS, *figures])


def _csv(evidence: Evidence, frame: pd.DataFrame, names: Sequence[str], figures: Sequence[str]) -> str:
    """Return a table as CSV, its codes as the values they stand for."""
    frame = frame[frame[OUTPUT].isin(evidence.roles.outputs)].copy()
    for name in names:
        values = evidence.levels[name].values
        frame[name] = pd.Series([values[int(code)] for code in frame[name]], index=frame.index, dtype=object)
    frame[LABEL] = [output_label(output) for output in frame[OUTPUT]]
    shown = frame[[*names, OUTPUT, LABEL, *figures]]
    heads = [*names, *(column.removeprefix("=") for column in shown.columns[len(names) :])]
    text: str = shown.to_csv(index=False, header=heads, lineterminator="\n")
    return text
