"""How outputs follow factors in a sampled design: rank correlations over its points."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from experiments.sweeps.report.levels import OUTPUT, VALUE

FACTOR, RHO, CHANCE, SAMPLE = "=factor", "=rho", "=p_value", "=count"
FEWEST = 4
"""So many points at least for a rank correlation."""


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
        `within`, `OUTPUT`, `FACTOR`, `RHO` and its p-value as `CHANCE` (NaN where one of both does not vary, or
        with fewer than four points), and the number of points as `SAMPLE`.
    """
    rows = []
    for key, group in points.groupby([*within, OUTPUT]):
        for name in numeric:
            varies = len(group) >= FEWEST and np.ptp(group[name]) > 0 and np.ptp(group[VALUE]) > 0
            found = spearmanr(group[name], group[VALUE]) if varies else (np.nan, np.nan)
            rows.append((*key, name, float(found[0]), float(found[1]), len(group)))
    return pd.DataFrame(rows, columns=[*within, OUTPUT, FACTOR, RHO, CHANCE, SAMPLE])
