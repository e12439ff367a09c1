"""Statistics of a sweep: means over replications, paired differences, rank correlations; each with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr
from scipy.stats import spearmanr

from experiments.confidence import CONFIDENCE, Estimate
from experiments.sweeps.results import REPLICATION

OUTPUT, VALUE = "=output", "=value"
"""Columns of runs in long form: output and value. No factor has a name that begins with such a sign."""
COUNT, MEAN, ERROR, LOW, HIGH, REACH = "=count", "=mean", "=standard_error", "=low", "=high", "=reach"
POINTS, SIZE = "=points", "=size"
INCOMPLETE, RATIO = "=incomplete", "=variance_ratio"
FIRST, SECOND = "=first", "=second"
FACTOR, RHO, P_VALUE = "=factor", "=rho", "=p_value"
FEWEST = 4
"""Least number of points for a rank correlation."""


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
        `REACH` (half the width) and `P_VALUE` (of a mean of zero), which are NaN with fewer than two replications.
    """
    keys = [*by, OUTPUT]
    seen = long.groupby([*keys, REPLICATION])[VALUE].agg(**{VALUE: "mean", SIZE: "size"}).reset_index()
    seen[POINTS] = seen.groupby(keys)[SIZE].transform("max")
    rows = []
    for key, group in seen[seen[SIZE] == seen[POINTS]].groupby([*keys, POINTS]):
        found = Estimate.of(group[VALUE].to_numpy())
        rows.append((*key, len(group), found.mean, found.standard_error, found.low, found.high, found.reach))
    numbers = [MEAN, ERROR, LOW, HIGH, REACH]
    frame = pd.DataFrame(rows, columns=[*keys, POINTS, COUNT, *numbers])
    frame = frame.astype({**long[keys].dtypes, COUNT: int, **dict.fromkeys(numbers, float)})  # also without rows
    return frame.assign(**{P_VALUE: 2 * stdtr(frame[COUNT] - 1, -abs(frame[MEAN] / frame[ERROR]))})


def beyond_chance(found: Any, comparisons: int = 1) -> Any:
    """Return whether estimates, or one, are beyond chance also as some of so many (Bonferroni); not without a p-value.

    Alone, a mean is so where zero lies outside its interval.
    """
    return found[P_VALUE] * comparisons < 1 - CONFIDENCE


@dataclass(frozen=True, eq=False, kw_only=True)
class Pairs:
    """Differences between each value of a factor and its baseline, in pairs of runs that met the same weather.

    Attributes
    ----------
    compare : str
        The factor whose values are compared.
    baseline : int
        Code of the value that is subtracted.
    others : tuple of str
        The factors that are the same in both runs of a pair.
    together : tuple of str
        Factors whose value is given by that of `compare`, so that they can't be the same.
    differences : DataFrame
        In long form: `others`, `compare` (the value that is not the baseline), ``replication``, `OUTPUT`, and the
        difference as `VALUE`; complete pairs only.
    table : DataFrame
        One row for every point and output: what `estimates` returns, `INCOMPLETE` (pairs of which only one run is
        there), and `RATIO`: by what factor the variance of the difference would be larger, had the two runs
        met weather of their own.
    """

    compare: str
    baseline: int
    others: tuple[str, ...]
    together: tuple[str, ...]
    differences: pd.DataFrame
    table: pd.DataFrame

    @property
    def incomplete(self) -> int:
        """Number of pairs that lack one of their runs, in whichever output."""
        per_output = self.table.groupby(OUTPUT)[INCOMPLETE].sum()
        return int(per_output.max()) if len(per_output) else 0


def pair_runs(long: pd.DataFrame, factors: Sequence[str], compare: str, baseline: int) -> Pairs:
    """Return the paired differences of runs in long form.

    Parameters
    ----------
    long : DataFrame
        Runs in long form: codes of `factors`, ``replication``, `OUTPUT`, `VALUE`.
    factors : sequence of str
        All factors.
    compare : str
        The factor whose values are compared.
    baseline : int
        Code of the value that is subtracted.
    """
    rest = [name for name in factors if name != compare]
    together = tuple(name for name in rest if len(long[name].unique()) > 1 and given_by(long, name, [compare]))
    others = tuple(name for name in rest if name not in together)
    runs = long.pivot(index=[*others, REPLICATION, OUTPUT], columns=compare, values=VALUE)
    sides = {code: runs.reindex(columns=[baseline, code]) for code in runs if code != baseline}
    both = pd.concat({code: side.set_axis([FIRST, SECOND], axis="columns") for code, side in sides.items()})
    both = both.rename_axis([compare, *runs.index.names]).dropna(how="all").reset_index()
    both = both[both.groupby([*others, compare])[SECOND].transform("count") > 0]  # else no pair was meant to be
    same = np.isclose(both[FIRST], both[SECOND], rtol=1e-9, atol=0)  # but for rounding
    both[VALUE] = (both[SECOND] - both[FIRST]).mask(same, 0.0)
    differences = both.dropna(subset=VALUE)[[*others, compare, REPLICATION, OUTPUT, VALUE]].reset_index(drop=True)
    keys = [*others, compare, OUTPUT]
    return Pairs(
        compare=compare,
        baseline=baseline,
        others=others,
        together=together,
        differences=differences,
        table=estimates(differences, [*others, compare]).merge(_against_unpaired(both, keys), how="right", on=keys),
    )


def given_by(long: pd.DataFrame, name: str, leaders: Sequence[str]) -> bool:
    """Return whether a factor has one value wherever others have the same."""
    return len(long[[*leaders, name]].drop_duplicates()) == len(long[[*leaders]].drop_duplicates())


def _against_unpaired(both: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the number of incomplete pairs of each point, and the ratio of the variances without and with pairing."""
    complete = both[VALUE].notna()
    variance = both[[FIRST, SECOND, VALUE]].where(complete).join(both[keys]).groupby(keys).var(ddof=1)
    apart, paired = variance[FIRST] + variance[SECOND], variance[VALUE]
    ratio = (apart / paired).where(paired > 0, np.where(apart > 0, np.inf, np.nan))
    missing = (~complete).groupby([both[key] for key in keys]).sum()
    return pd.DataFrame({INCOMPLETE: missing, RATIO: ratio}).reset_index()


def point_means(long: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """Return runs in long form averaged over replications, which are not independent points."""
    return long.groupby([*factors, OUTPUT])[VALUE].mean().reset_index()


def rank_correlations(points: pd.DataFrame, numeric: Sequence[str], within: Sequence[str]) -> pd.DataFrame:
    """Return Spearman's rank correlation of every numeric factor with every output.

    Parameters
    ----------
    points : DataFrame
        From `point_means`.
    numeric : sequence of str
        The factors; their codes are in the order of their values, so they have the same ranks.
    within : sequence of str
        Factors whose values are kept apart.

    Returns
    -------
    DataFrame
        `within`, `OUTPUT`, `FACTOR`, `RHO` and its p-value as `P_VALUE` (NaN where one of both does not vary, or
        with fewer than four points), and `COUNT`, the number of points.
    """
    rows = []
    for key, group in points.groupby([*within, OUTPUT]):
        for name in numeric:
            varies = len(group) >= FEWEST and np.ptp(group[name]) > 0 and np.ptp(group[VALUE]) > 0
            found = spearmanr(group[name], group[VALUE]) if varies else (np.nan, np.nan)
            rows.append((*key, name, float(found[0]), float(found[1]), len(group)))
    return pd.DataFrame(rows, columns=[*within, OUTPUT, FACTOR, RHO, P_VALUE, COUNT])
