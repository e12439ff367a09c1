"""Differences between two values of a factor, taken in pairs of runs that met the same weather."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.sweeps.report.estimates import estimates
from experiments.sweeps.report.levels import OUTPUT, VALUE
from experiments.sweeps.results import REPLICATION

INCOMPLETE, RATIO = "=incomplete", "=variance_ratio"
FIRST, SECOND = "=first", "=second"


@dataclass(frozen=True, eq=False, kw_only=True)
class Pairs:
    """Paired differences between each value of a factor and its baseline.

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
    together = tuple(name for name in factors if name != compare and _follows(long, name, compare))
    others = tuple(name for name in factors if name not in (compare, *together))
    same = [*others, REPLICATION, OUTPUT]
    first = long.loc[long[compare] == baseline, [*same, VALUE]].rename(columns={VALUE: FIRST})
    sides = []
    for code in sorted(set(long[compare]) - {baseline}):
        second = long.loc[long[compare] == code, [*same, VALUE]].rename(columns={VALUE: SECOND})
        points = second[[*others]].drop_duplicates()
        met = first.merge(points, how="inner", on=list(others)) if others else first
        sides.append(met.merge(second, how="outer", on=same).assign(**{compare: code}))
    both = pd.concat(sides, ignore_index=True).assign(**{VALUE: _difference})
    differences = both.dropna(subset=[VALUE])
    found = estimates(differences, [*others, compare]) if len(differences) else estimates(long, [*others, compare])[:0]
    keys = [*others, compare, OUTPUT]
    return Pairs(
        compare=compare,
        baseline=baseline,
        others=others,
        together=together,
        differences=differences[[*others, compare, REPLICATION, OUTPUT, VALUE]].reset_index(drop=True),
        table=found.merge(_against_unpaired(both, keys), how="right", on=keys),
    )


def _difference(both: pd.DataFrame) -> pd.Series:
    """Return second minus first; nothing where they differ by rounding only."""
    same = np.isclose(both[FIRST], both[SECOND], rtol=1e-9, atol=0)
    return (both[SECOND] - both[FIRST]).mask(same, 0.0)


def given_by(long: pd.DataFrame, name: str, leaders: Sequence[str]) -> bool:
    """Return whether a factor has one value wherever others have the same."""
    leading = long[[*leaders]].drop_duplicates()
    return len(long[[*leaders, name]].drop_duplicates()) == len(leading)


def _follows(long: pd.DataFrame, name: str, leader: str) -> bool:
    """Return whether a factor that varies has one value for each value of another."""
    return len(long[name].unique()) > 1 and given_by(long, name, [leader])


def _against_unpaired(both: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return how many pairs of each point are incomplete, and what pairing does to the variance of the difference."""
    complete = both[VALUE].notna()
    sides = both[[FIRST, SECOND, VALUE]].where(complete).join(both[keys])
    variance = sides.groupby(keys).var(ddof=1)
    apart, paired = variance[FIRST] + variance[SECOND], variance[VALUE]
    ratio = (apart / paired.where(paired > 0)).where(paired > 0, np.where(apart > 0, np.inf, np.nan))
    missing = (~complete).groupby([both[key] for key in keys]).sum()
    return pd.DataFrame({INCOMPLETE: missing, RATIO: ratio}).reset_index()
