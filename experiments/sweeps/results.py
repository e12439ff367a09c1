"""The results of a sweep as they lie in its folder: the runs that are done, those that failed, and what they mean."""

from dataclasses import dataclass

import pandas as pd

from experiments.sweeps.outputs import output_of
from experiments.sweeps.sweep_file import SweepFile

REPLICATION = "replication"


@dataclass(frozen=True, eq=False, kw_only=True)
class SweepResults:
    """Everything a report needs.

    Attributes
    ----------
    sweep : SweepFile
        What was asked for.
    factors : tuple of str
        Names of what is varied, in the order of the axes; columns of `runs`.
    runs : DataFrame
        One row for each run that is done: `factors`, ``replication`` (1, 2, ...), ``seed``, ``key``, all of
        `OUTPUTS`, and the times of `TIMINGS` (NaN where they are not known), sorted by point and replication.
    planned : int
        How many runs there are to be.
    failed : DataFrame
        One row for each run that failed: `factors`, ``replication``, ``seed``, ``key``, ``error`` (one line).
    provenance : dict
        Versions of Python and the libraries.
    """

    sweep: SweepFile
    factors: tuple[str, ...]
    runs: pd.DataFrame
    planned: int
    failed: pd.DataFrame
    provenance: dict[str, str]

    def label(self, name: str) -> str:
        """Return how a factor or output is written on an axis, with its unit."""
        output = output_of(name)
        return output.label if output is not None and name not in self.factors else self.sweep.label(name)

    def is_number(self, factor: str) -> bool:
        """Whether the values of a factor are numbers."""
        return pd.api.types.is_numeric_dtype(self.runs[factor]) and not pd.api.types.is_bool_dtype(self.runs[factor])
