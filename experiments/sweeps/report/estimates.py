"""Means over replications with their confidence intervals, for arms and for averages over arms."""

from collections.abc import Sequence

import pandas as pd

from experiments.confidence import Estimate
from experiments.sweeps.report.levels import OUTPUT, VALUE
from experiments.sweeps.results import REPLICATION
from grids.network import FloatArray

COUNT, MEAN, ERROR, LOW, HIGH = "=count", "=mean", "=standard_error", "=low", "=high"
POINTS, SIZE = "=points", "=size"


def estimates(long: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the mean of every output with its 95 % interval, over replications.

    Where several points fall together because one of their factors is not in `by`, they are averaged within each
    replication first: they met the same weather, so only replications are independent of each other. Replications in
    which one of the points is missing are left out of such an average.

    Parameters
    ----------
    long : DataFrame
        Runs or paired differences in long form: factors, ``replication``, `OUTPUT`, `VALUE`.
    by : sequence of str
        The factors that are kept apart.

    Returns
    -------
    DataFrame
        `by`, `OUTPUT`, `POINTS` (how many were averaged), `COUNT` (replications), `MEAN`, and `ERROR`, `LOW`, `HIGH`,
        which are NaN with fewer than two replications.
    """
    keys = [*by, OUTPUT]
    seen = long.groupby([*keys, REPLICATION], observed=True)[VALUE].agg(["mean", "size"])
    seen = seen.set_axis([MEAN, SIZE], axis="columns").reset_index()
    seen[POINTS] = seen.groupby(keys)[SIZE].transform("max")
    rows = [
        (*key, int(group[POINTS].iloc[0]), *_estimate(group[MEAN].to_numpy()))
        for key, group in seen[seen[SIZE] == seen[POINTS]].groupby(keys)
    ]
    return pd.DataFrame(rows, columns=[*keys, POINTS, COUNT, MEAN, ERROR, LOW, HIGH])


def _estimate(values: FloatArray) -> tuple[int, float, float, float, float]:
    """Return number, mean, standard error and interval of independent values."""
    found = Estimate.of(values)
    return len(values), found.mean, found.standard_error, found.low, found.high


def beyond_chance(found: pd.DataFrame) -> pd.Series:
    """Return whether zero lies outside each interval; not where there is none."""
    return (found[LOW] > 0) | (found[HIGH] < 0)
