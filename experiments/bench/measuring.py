"""Measuring for the benchmark: rows with a target, medians, and commands as processes of their own."""

import operator
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

Result = TypeVar("Result")

COMPARISONS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Measured:
    """Measured value.

    Attributes
    ----------
    value : float
        The value, in the unit of the row's target.
    detail : str
        Remarks on it.
    counts : bool
        Whether it counts as a result: proven, and decided by the policy that was asked.
    """

    value: float
    detail: str
    counts: bool = True


@dataclass(frozen=True)
class Row:
    """Row of the benchmark: a quantity, its target, and the function that measures it.

    Attributes
    ----------
    name : str
        Name of the quantity.
    target : str
        Target, with the unit, such as ``<= 1.5 x``.
    measure : callable
        Returns the value for a number of repetitions, or days.
    baseline : str
        Quantity it is divided by.
    takes : {"seconds", "a minute", "minutes"}
        Duration: ``--quick`` measures rows that take seconds, and only ``--all`` those that take minutes.
    """

    name: str
    target: str
    measure: Callable[[int], Measured]
    baseline: str = ""
    takes: str = "seconds"

    def result(self, effort: int) -> dict[str, Any]:
        """Measure; return the row as ``--json`` prints it."""
        measured = self.measure(effort)
        comparison, limit, *unit = self.target.split()
        return {
            "name": f"{self.name} / {self.baseline}" if self.baseline else self.name,
            "measured": measured.value,
            "unit": " ".join(unit),
            "target": self.target,
            "met": bool(COMPARISONS[comparison](measured.value, float(limit)) and measured.counts),
            "detail": measured.detail,
        }


def median_s(work: Callable[[], Any], repeats: int) -> float:
    """Return the median time of a piece of work after one warm-up. [s]"""
    work()
    return statistics.median(timed(work)[0] for _ in range(repeats))


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the time of a piece of work [s], and its result."""
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


def peak_of_process(*arguments: str) -> tuple[float, str]:
    """Return the peak memory of a command as a process of its own [GB], and its output.

    A child begins with the peak of the process that starts it: measure small ones first.
    """
    with tempfile.TemporaryFile("w+") as printed:
        child = subprocess.Popen([sys.executable, "-m", "experiments", *arguments], stdout=printed, stderr=printed)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read()
    if child.returncode:
        raise RuntimeError(f"tieline {' '.join(arguments)} failed: {text}")
    return usage.ru_maxrss / 2**20, text
