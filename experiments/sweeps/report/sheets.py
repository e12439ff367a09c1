"""The tables of a report as CSV files: every row, in the values of the sweep file and with all digits."""

from collections.abc import Sequence

import pandas as pd

from experiments.sweeps.report.amounts import output_label
from experiments.sweeps.report.estimates import COUNT, ERROR, HIGH, LOW, MEAN
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT
from experiments.sweeps.report.pairs import INCOMPLETE, RATIO


def means_csv(evidence: Evidence) -> str:
    """Return the means of all arms, a row for each arm and output."""
    return _csv(evidence, evidence.arms, list(evidence.results.factors), [COUNT, MEAN, ERROR, LOW, HIGH])


def differences_csv(evidence: Evidence) -> str:
    """Return the paired differences, a row for each point, value and output; only a heading if nothing is compared."""
    pairs, figures = evidence.pairs, [COUNT, MEAN, ERROR, LOW, HIGH, INCOMPLETE, RATIO]
    if pairs is None:
        return _csv(evidence, pd.DataFrame(columns=[OUTPUT, *figures]), [], figures)
    frame = pairs.table.assign(minus=pairs.baseline, count=pairs.table[COUNT].fillna(0).astype(int))
    level = evidence.levels[pairs.compare]
    frame["minus"] = [level.values[code] for code in frame["minus"]]
    return _csv(evidence, frame, [*pairs.others, pairs.compare], figures, ["minus"])


def _csv(
    evidence: Evidence, frame: pd.DataFrame, names: Sequence[str], figures: Sequence[str], also: Sequence[str] = ()
) -> str:
    shown = evidence.roles.outputs
    frame = frame[frame[OUTPUT].isin(shown)].copy()
    for name in names:
        values = evidence.levels[name].values
        frame[name] = pd.Series([values[int(code)] for code in frame[name]], index=frame.index, dtype=object)
    frame["label"] = [output_label(output) for output in frame[OUTPUT]]
    text: str = frame[[*names, *also, OUTPUT, "label", *figures]].to_csv(index=False, lineterminator="\n")
    return text
