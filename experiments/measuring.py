"""How the benchmark measures: rows, medians, and commands as processes of their own."""

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


@dataclass(frozen=True, kw_only=True)
class Row:
    """One promise: what was measured, against what, and what it must reach."""

    name: str
    measured: float
    unit: str
    target: str
    met: bool
    detail: str


Parts = list[tuple[str, Callable[[], Row | list[Row]]]]
"""What is measured, by name, in the order of the table."""


def median_s(work: Callable[[], Any], repeats: int) -> float:
    """Return the median time of a piece of work after one warm-up. [s]"""
    work()
    return statistics.median(timed(work)[0] for _ in range(repeats))


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the time of a piece of work [s], and what it returns."""
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


def run_process(*arguments: str) -> None:
    """Run a command of ours as a process of its own."""
    subprocess.run([sys.executable, "-m", "experiments", *arguments], check=True, capture_output=True)


def peak_of_process(*arguments: str) -> tuple[float, str]:
    """Return the peak memory of a command as a process of its own [GB], and what it printed.

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
