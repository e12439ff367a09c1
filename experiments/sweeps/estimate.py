"""How long a sweep will take: from runs that were timed before, or from a few that are played to see."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from time import perf_counter

from experiments.identity import provenance
from experiments.sweeps.plan import Run
from experiments.sweeps.store import labels_of
from experiments.sweeps.timings import Timings
from experiments.sweeps.worker import Product, Task, perform
from sim.errors import StudyError

START_S = 8.0
"""What a process takes to begin: imports, and the first power flow. [s]"""

TRIALS, ENOUGH_S = 3, 20.0
"""How many runs are tried at most, and after how long no other one is begun. [s]"""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An estimate.

    Attributes
    ----------
    runs : int
        How many are to be played.
    seconds_per_run : float
        Mean time of a run. [s]
    based_on : str
        Where that is from.
    """

    runs: int
    seconds_per_run: float
    based_on: str

    @classmethod
    def of(cls, left: Sequence[Run], timings: Timings) -> "Estimate":
        """Return the estimate for runs that are left; nothing that is tried is stored.

        Raises
        ------
        StudyError
            If a run that is tried fails.
        """
        known = timings.frame()["total_s"]
        if not left:
            return cls(runs=0, seconds_per_run=0.0, based_on="nothing is left")
        if len(known):
            return cls(
                runs=len(left), seconds_per_run=float(known.mean()), based_on=f"{len(known):,} runs timed before"
            )
        begin, seconds = perf_counter(), []
        _play(left[0])  # the first one pays for what later ones share
        for place in sorted({0, len(left) // 2, len(left) - 1})[:TRIALS]:
            seconds.append(_play(left[place]).seconds["total"])
            if perf_counter() - begin > ENOUGH_S:
                break
        return cls(runs=len(left), seconds_per_run=mean(seconds), based_on=f"{len(seconds)} runs tried now")

    def total_s(self, workers: int) -> float:
        """Return how long all of them take on a number of processes. [s]"""
        if not self.runs:
            return 0.0
        return START_S + math.ceil(self.runs / workers) * self.seconds_per_run


def _play(run: Run) -> Product:
    labels = labels_of(run)
    product = perform(
        Task(key=run.key, document=run.document, labels=labels, outputs="summary", provenance=provenance())
    )
    if product.error:
        raise StudyError(f"{run}: {product.error}")
    return product
