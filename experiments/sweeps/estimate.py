"""Estimate of the time a sweep will take, from runs timed before, or from a few simulated for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from time import perf_counter

from experiments.provenance import provenance
from experiments.sweeps.plan import PlannedRun
from experiments.sweeps.result_store import task_of
from experiments.sweeps.timings import Timings
from experiments.sweeps.worker import RunProduct, perform
from sim.errors import StudyError

START_S = 8.0
"""Time a process takes to begin: imports, and the first power flow. [s]"""

ENOUGH_S = 20.0
"""Time after which no other run is tried. [s]"""


@dataclass(frozen=True, kw_only=True)
class DurationEstimate:
    """Estimate of the duration of runs.

    Attributes
    ----------
    runs : int
        Number of runs to be simulated.
    seconds_per_run : float
        Mean time of a run. [s]
    based_on : str
        Source of that time.
    """

    runs: int
    seconds_per_run: float
    based_on: str

    @classmethod
    def of(cls, left: Sequence[PlannedRun], timings: Timings) -> "DurationEstimate":
        """Return the estimate for runs that are left; nothing that is tried is stored.

        Raises
        ------
        StudyError
            If all runs that are tried fail.
        """
        known = timings.frame()["total_s"]
        if not left:
            return cls(runs=0, seconds_per_run=0.0, based_on="nothing is left")
        if len(known):
            return cls(runs=len(left), seconds_per_run=float(known.mean()), based_on=f"{len(known):,} timed before")
        begin, products = perf_counter(), []
        _try(left[0])  # the first one builds what later ones share
        for place in sorted({0, len(left) // 2, len(left) - 1}):
            products.append(_try(left[place]))
            if perf_counter() - begin > ENOUGH_S:
                break
        seconds = [product.seconds["total"] for product in products if not product.error]
        if not seconds:
            raise StudyError(f"{left[0]}: {products[0].error}")
        return cls(runs=len(left), seconds_per_run=mean(seconds), based_on=f"{len(seconds)} tried now")

    def total_s(self, workers: int) -> float:
        """Return the time all of them take on a number of processes. [s]"""
        if not self.runs:
            return 0.0
        return START_S + math.ceil(self.runs / workers) * self.seconds_per_run


def _try(run: PlannedRun) -> RunProduct:
    return perform(task_of(run, outputs="summary", versions=provenance()))
