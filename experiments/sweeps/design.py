"""The design of a sweep: its axes become points, each a value for every factor."""

import csv
import math
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.stats import qmc

from experiments.sweeps.sweep_file import Axis, Range, Sampling, SweepFile
from grids.network import FloatArray
from sim.errors import StudyError

Point = dict[str, Any]
"""A value for each factor, by its name."""

DIGITS, SAMPLED_DIGITS = 12, 6
"""To how many digits evenly spaced values are rounded, so that 0.3 is 0.3, and sampled ones, to be short."""


def points(sweep: SweepFile, folder: Path) -> list[Point]:
    """Return all points of a sweep: every point of one axis with every point of the others, the last axis fastest.

    Parameters
    ----------
    sweep : SweepFile
        The sweep.
    folder : Path
        Where the files are that it names.

    Raises
    ------
    StudyError
        If a file can't be read, or a factor stands on two axes.
    """
    parts = [_points_of(axis, folder, f"axes.{place}") for place, axis in enumerate(sweep.axes)]
    taken: set[str] = set()
    for place, part in enumerate(parts):
        twice = taken & set(part[0])
        if twice:
            raise StudyError(f"axes.{place}: {', '.join(sorted(twice))} is varied by an axis above already; drop one")
        taken |= set(part[0])
    return [{name: value for point in chosen for name, value in point.items()} for chosen in product(*parts)]


def _points_of(axis: Axis, folder: Path, where: str) -> list[Point]:
    if axis.values is not None:
        return _crossed(axis.values)
    if axis.range is not None:
        return _crossed({name: spaced(one) for name, one in axis.range.items()})
    if axis.zipped is not None:
        return [dict(zip(axis.zipped, row, strict=True)) for row in zip(*axis.zipped.values(), strict=True)]
    if axis.csv is not None:
        return _rows(folder / axis.csv, f"{where}.csv")
    if axis.latin_hypercube is not None:
        box = axis.latin_hypercube
        return _sampled(box, qmc.LatinHypercube(len(box.within), rng=np.random.default_rng(box.seed)))
    box = axis.sobol or Sampling(count=1, within={})
    return _sampled(box, qmc.Sobol(len(box.within), rng=np.random.default_rng(box.seed)))


def _crossed(columns: Mapping[str, list[Any]]) -> list[Point]:
    return [dict(zip(columns, row, strict=True)) for row in product(*columns.values())]


def spaced(one: Range) -> list[float]:
    """Return evenly spaced numbers; those of a step end at the last that does not pass the end."""
    if one.count is not None:
        numbers: FloatArray = np.linspace(one.start, one.stop, one.count, dtype=np.float64)
    else:
        step = one.step or math.inf
        numbers = one.start + step * np.arange(math.floor((one.stop - one.start) / step + 1e-9) + 1, dtype=np.float64)
    return _neat(numbers)


def _neat(numbers: FloatArray) -> list[float]:
    """Return numbers without the last digits of round-off, as whole numbers if all of them are."""
    rounded = [float(f"{number:.{DIGITS}g}") for number in numbers]
    whole = all(number.is_integer() for number in rounded)
    return [int(number) for number in rounded] if whole else rounded


def _rows(path: Path, where: str) -> list[Point]:
    """Return one point for each row of a CSV file with a heading; cells are read as YAML reads them."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, strict=True))
    except OSError as error:
        raise StudyError(f"{where}: {path} can't be read ({error.strerror})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise StudyError(f"{where}: {path} is not CSV: {error}") from error
    if not rows:
        raise StudyError(f"{where}: {path} has no rows; write a heading with one factor per column, and rows below")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise StudyError(f"{where}: {path}, line {number} has not as many cells as the heading")
    return [{name.strip(): yaml.safe_load(cell) for name, cell in row.items()} for row in rows]


def _sampled(box: Sampling, engine: qmc.QMCEngine) -> list[Point]:
    columns: list[list[float]] = []
    for fraction, (low, high) in zip(engine.random(box.count).T, box.within.values(), strict=True):
        if isinstance(low, int) and isinstance(high, int):
            columns.append([int(low + math.floor(part * (high - low + 1))) for part in fraction])
        else:
            columns.append([float(f"{low + part * (high - low):.{SAMPLED_DIGITS}g}") for part in fraction])
    return [dict(zip(box.within, row, strict=True)) for row in zip(*columns, strict=True)]
