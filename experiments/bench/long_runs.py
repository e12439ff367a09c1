"""Measurements of long runs: time of a day with days stored as they end, and growth of the memory."""

import sys
import tempfile
from functools import cache
from pathlib import Path
from time import perf_counter

from experiments.bench.measuring import Measured, Row
from experiments.catalog import find_study
from experiments.executors.workers import Workers
from experiments.long_run import StoredDays, bids_ahead
from experiments.simulate import simulate
from sim.instance import Instance

YEAR_DAYS, WARM_DAYS = 365, 10
"""Days of a year, and days after which neither memory nor time of a day should grow."""


@cache
def _run(days: int) -> tuple[list[float], list[float]]:
    """Simulate the year's study for some days; return time [s] and peak memory [MB] before each and at the end."""
    times, peaks = list[float](), list[float]()
    study = find_study("microgrid33-year", overrides=[f"days={days}"])
    instance = Instance.of(study)

    def note(now: str = "bidding") -> None:
        if now.endswith("bidding"):
            times.append(perf_counter())
            peaks.append(_peak_mb())

    with tempfile.TemporaryDirectory() as folder, bids_ahead(instance, Workers().threads) as known:
        simulate(instance, fixed=known, progress=note, stored=StoredDays(Path(folder), study))
        note()
    return times, peaks


def _peak_mb() -> float:
    """Return the largest memory of this process so far. [MB]"""
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def year_time(days: int) -> Measured:
    """A year of microgrid33-year, ANM-aware bids of 10 scenarios and receding operation, from some days of it."""
    times, _ = _run(max(days, WARM_DAYS + 2))
    day_s = (times[-1] - times[WARM_DAYS]) / (len(times) - 1 - WARM_DAYS)
    start_s = times[WARM_DAYS] - times[0] - WARM_DAYS * day_s
    detail = f"{day_s:.2f} s a day over {len(times) - 1 - WARM_DAYS} days, {max(start_s, 0.0):.1f} s to begin"
    return Measured((max(start_s, 0.0) + YEAR_DAYS * day_s) / 60, f"{detail}; without audit and figures")


def memory_growth(days: int) -> Measured:
    """Growth of the peak memory after the tenth day, joining of the tables included."""
    _, peaks = _run(max(days, WARM_DAYS + 2))
    early, late = peaks[WARM_DAYS], peaks[-1]
    detail = f"{early:.0f} MB after {WARM_DAYS} days, {late:.0f} MB after {len(peaks) - 1}"
    return Measured(100 * (late / early - 1), detail)


ROWS = (
    Row("year of microgrid33-year on all cores", "<= 8 min", year_time, takes="a minute"),
    Row("growth of memory after the tenth day", "<= 5 %", memory_growth, takes="a minute"),
)
