"""Estimate of the time a sweep will take, from runs timed before, or from a few simulated for it."""

import math
from collections.abc import Sequence
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


def seconds_per_run(left: Sequence[PlannedRun], timings: Timings) -> tuple[float, str]:
    """Return the mean time of a run of those that are left, and its source; nothing that is tried is stored. [s]

    Raises
    ------
    StudyError
        If all runs that are tried fail.
    """
    known = timings.frame()["total_s"]
    if not left:
        return 0.0, "nothing is left"
    if len(known):
        return float(known.mean()), f"{len(known):,} timed before"
    begin, products = perf_counter(), []
    _try(left[0])  # the first one builds what later ones share
    for place in sorted({0, len(left) // 2, len(left) - 1}):
        products.append(_try(left[place]))
        if perf_counter() - begin > ENOUGH_S:
            break
    seconds = [product.seconds["total"] for product in products if not product.error]
    if not seconds:
        raise StudyError(f"{left[0]}: {products[0].error}")
    return mean(seconds), f"{len(seconds)} tried now"


def total_seconds(runs: int, per_run: float, workers: int) -> float:
    """Return the time that so many runs take on a number of processes. [s]"""
    return START_S + math.ceil(runs / workers) * per_run if runs else 0.0


def _try(run: PlannedRun) -> RunProduct:
    return perform(task_of(run, outputs="summary", versions=provenance()))
