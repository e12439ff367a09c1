"""Design of a sweep: its axes become points, each a value for every factor."""

import csv
import io
import math
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import qmc

from experiments.sweeps.sweep_file import MOST, Axis, OneAtATime, Range, Sampling, SweepFile, plain
from grids.documents import DocumentError, in_short, parse_yaml, read_text, shown
from grids.network import FloatArray
from sim.errors import StudyError
from sim.profiles import require_commas

Point = dict[str, Any]
"""Point of a design: a value for each factor, by its name."""

DIGITS, SAMPLED_DIGITS = 12, 6
"""Digits to which evenly spaced values are rounded, so that 0.3 is 0.3, and sampled ones, to be short."""


def points(sweep: SweepFile, folder: Path) -> list[Point]:
    """Return all points of a sweep: every point of one axis with every point of the others, the last axis fastest.

    Parameters
    ----------
    sweep : SweepFile
        The sweep.
    folder : Path
        Folder of the files that it names.

    Raises
    ------
    StudyError
        If a file can't be read, a factor stands on two axes, or there are too many points.
    """
    parts = [_points_of(axis, folder, f"axes.{place}") for place, axis in enumerate(sweep.axes)]
    taken: set[str] = set()
    for place, part in enumerate(parts):
        twice = taken & set(part[0])
        if twice:
            raise StudyError(f"axes.{place}: {', '.join(sorted(twice))} is varied by an axis above already; drop one")
        taken |= set(part[0])
    _require_few(math.prod(len(part) for part in parts), "axes")
    return [{name: value for point in chosen for name, value in point.items()} for chosen in product(*parts)]


def _points_of(axis: Axis, folder: Path, where: str) -> list[Point]:
    if axis.values is not None:
        return _crossed(axis.values, where)
    if axis.range is not None:
        return _crossed({name: spaced(one) for name, one in axis.range.items()}, where)
    if axis.zipped is not None:
        return [dict(zip(axis.zipped, row, strict=True)) for row in zip(*axis.zipped.values(), strict=True)]
    if axis.csv is not None:
        return _rows(folder / axis.csv, f"{where}.csv")
    if axis.one_at_a_time is not None:
        return _one_at_a_time(axis.one_at_a_time)
    if axis.sobol is not None:
        return _sampled(axis.sobol, qmc.Sobol)
    assert axis.latin_hypercube is not None
    return _sampled(axis.latin_hypercube, qmc.LatinHypercube)


def _require_few(count: int, where: str) -> None:
    if count > MOST:
        raise StudyError(f"{where}: {count:,} points are more than {MOST:,}; vary less, or in larger steps")


def _crossed(columns: Mapping[str, list[Any]], where: str) -> list[Point]:
    _require_few(math.prod(map(len, columns.values())), where)
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


def _one_at_a_time(axis: OneAtATime) -> list[Point]:
    """Return the points that differ from the base in one factor at most, each once."""
    points = [{**axis.base, name: value} for name, values in axis.values.items() for value in values]
    return [point for place, point in enumerate(points) if point not in points[:place]]


def _rows(path: Path, where: str) -> list[Point]:
    """Return one point for each row of a CSV file with a heading; cells are read as YAML reads them."""
    try:
        lines = io.StringIO(read_text(path, "CSV"), newline="")
        heading, *rows = list(csv.reader(lines, strict=True)) or [[]]
    except OSError as error:
        raise StudyError(f"{where}: {path} can't be read ({error.strerror})") from error
    except DocumentError as error:
        raise StudyError(f"{where}: {path} {error}") from None
    except csv.Error as error:
        raise StudyError(f"{where}: {path} is not CSV: {error}") from error
    require_commas(heading, f"{where}: {path}")
    _require_few(len(rows), where)
    names = [name.strip() for name in heading]
    if not any(rows):
        raise StudyError(f"{where}: {path} has no rows; write a heading with one factor per column, and rows below")
    if not all(names) or len(set(names)) < len(names):
        raise StudyError(f"{where}: {path}: every column needs a heading of its own, not {shown(', '.join(heading))}")
    return [_row(names, row, f"{where}: {path}, row {number}") for number, row in enumerate(rows, start=1) if row]


def _row(names: list[str], cells: list[str], where: str) -> Point:
    if len(cells) != len(names):
        raise StudyError(
            f"{where} below the heading has {len(cells)} cells, the heading {len(names)}; mend one of them"
        )
    return {name: _cell(cell, f"{where}, {shown(name, 40)}") for name, cell in zip(names, cells, strict=True)}


def _cell(text: str, where: str) -> Any:
    try:
        return plain(parse_yaml(text))
    except ValueError as error:
        raise StudyError(f"{where}: {in_short(text)} can't be read as a value: {error}") from None


def _sampled(box: Sampling, kind: type[qmc.QMCEngine]) -> list[Point]:
    engine = kind(len(box.within), rng=np.random.default_rng(box.seed))
    columns: list[list[float]] = []
    for fraction, (low, high) in zip(engine.random(box.count).T, box.within.values(), strict=True):
        if isinstance(low, int) and isinstance(high, int):
            columns.append([int(low + math.floor(part * (high - low + 1))) for part in fraction])
        else:
            columns.append([float(f"{low + part * (high - low):.{SAMPLED_DIGITS}g}") for part in fraction])
    return [dict(zip(box.within, row, strict=True)) for row in zip(*columns, strict=True)]
