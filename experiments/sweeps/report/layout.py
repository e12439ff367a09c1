"""Layout of a report: its outputs, and the factors that are compared, along an axis, as lines or in panels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import pandas as pd

from experiments.sweeps.outputs import OUTPUTS, TIMINGS
from experiments.sweeps.report.levels import Levels
from experiments.sweeps.report.statistics import given_by
from experiments.sweeps.results import SweepResults
from sim.errors import StudyError

MOST_COMPARED = 6
"""Largest number of values of a factor of texts that is compared without being asked for."""
MOST_TABLED = 24
"""Largest number of values of a factor that is asked for."""
FEWEST_SAMPLED = 10
"""Least number of values of a column of a CSV file that is taken for a sample."""
MOST_LINES = 6
"""Largest number of lines in a panel."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Layout of a report.

    Attributes
    ----------
    outputs : tuple of str
        Outputs that are shown; each has a value in some run.
    empty : tuple of str
        Outputs that were asked for, but have none.
    sampled : tuple of str
        Factors that fill a box instead of a grid.
    compare : str or None
        Factor whose values are compared in pairs.
    along : str or None
        Factor along the horizontal axis.
    heat_map : (str, str) or None
        Factors that span maps.
    pareto : (str, str) or None
        Outputs that are traded off.
    """

    outputs: tuple[str, ...]
    empty: tuple[str, ...]
    sampled: tuple[str, ...]
    compare: str | None
    along: str | None
    heat_map: tuple[str, str] | None
    pareto: tuple[str, str] | None

    @property
    def needed(self) -> tuple[str, ...]:
        """Outputs that are read."""
        return tuple(dict.fromkeys((*self.outputs, *(self.pareto or ()))))


def require_runs(results: SweepResults) -> None:
    """Refuse results in which no run is done."""
    if results.runs.empty:
        failed = f", {len(results.failed)} failed" if len(results.failed) else ""
        raise StudyError(f"runs: none of {results.planned} is done yet{failed}; run the sweep before its report")


def layout_of(results: SweepResults, levels: Mapping[str, Levels]) -> Layout:
    """Return the layout, as the sweep file asks for it or as it suggests itself.

    Raises
    ------
    StudyError
        If the report can't be made as asked for; the message names field and remedy.
    """
    _require_factors(results, levels)
    _require_outputs(results)
    spec = results.sweep.report
    known = [name for name in dict.fromkeys(spec.outputs) if _has_values(results, name)]
    if not known:
        raise StudyError(
            f"report.outputs: {', '.join(spec.outputs)} has no value in any run; name outputs that this study has"
        )
    sampled = _sampled(results, levels)
    compare = spec.compare or _comparable(levels)
    along = spec.along or (None if sampled else _along(levels, compare))
    return Layout(
        outputs=tuple(known),
        empty=tuple(name for name in spec.outputs if name not in known),
        sampled=sampled,
        compare=compare if compare and len(levels[compare]) >= 2 else None,
        along=None if along in sampled else along,
        heat_map=spec.heat_map or _spanning(results, levels, compare, sampled),
        pareto=spec.pareto,
    )


def _has_values(results: SweepResults, output: str) -> bool:
    return bool(np.isfinite(results.runs[output].to_numpy(dtype=float)).any())


def _require_factors(results: SweepResults, levels: Mapping[str, Levels]) -> None:
    """Refuse factors that are not there or can't be drawn."""
    spec = results.sweep.report
    asked = {"along": (spec.along,), "compare": (spec.compare,), "heat_map": spec.heat_map or ()}
    for field, name in ((field, name) for field, names in asked.items() for name in names if name is not None):
        if name not in levels:
            known = ", ".join(levels) or "none, for the sweep has no axes"
            raise StudyError(f"report.{field}: '{name}' is no factor of this sweep; its factors are: {known}")
        if field != "along" and (count := len(levels[name])) > MOST_TABLED:
            raise StudyError(f"report.{field}: '{name}' has {count} values; give one with at most {MOST_TABLED}")
    if spec.compare is not None and spec.compare == spec.along:
        raise StudyError(f"report.along: '{spec.along}' is compared already; give another factor, or leave it out")
    _require_two("heat_map", spec.heat_map)


def _require_outputs(results: SweepResults) -> None:
    """Refuse outputs that are not there, and a choice between outputs of which neither more nor less is better."""
    spec, known = results.sweep.report, [each for each in (*OUTPUTS, *TIMINGS) if each.name in results.runs]
    for field, names in {"outputs": spec.outputs, "pareto": spec.pareto or ()}.items():
        for name in names:
            if name not in {each.name for each in known}:
                listed = ", ".join(each.name for each in known)
                raise StudyError(f"report.{field}: '{name}' is no output of a run; the outputs are: {listed}")
    _require_two("pareto", spec.pareto)
    for name in spec.pareto or ():
        directed = [each.name for each in known if each.better]
        if name not in directed:
            listed = ", ".join(directed)
            raise StudyError(f"report.pareto: neither more nor less '{name}' is better; choose from: {listed}")
        if not _has_values(results, name):
            raise StudyError(f"report.pareto: '{name}' has no value in any run; name outputs that this study has")


def _require_two(field: str, names: tuple[str, str] | None) -> None:
    if names is not None and names[0] == names[1]:
        raise StudyError(f"report.{field}: '{names[0]}' is there twice; give two different names")


def _sampled(results: SweepResults, levels: Mapping[str, Levels]) -> tuple[str, ...]:
    """Return the factors of Latin hypercubes and Sobol sequences, and columns of a CSV file that look like one."""
    boxes = [box for axis in results.sweep.axes for box in (axis.latin_hypercube, axis.sobol) if box is not None]
    names = {name for box in boxes for name in box.within}
    forms = [form for axis in results.sweep.axes for form in (axis.values, axis.range, axis.zipped)]
    listed = {name for form in forms for name in form or ()}
    loose = [name for name, level in levels.items() if level.numeric and name not in names | listed]
    points = len(results.runs[loose].drop_duplicates()) if loose else 0
    scattered = [name for name in loose if len(levels[name]) >= max(FEWEST_SAMPLED, points / 2)]
    names |= set(scattered) if len(scattered) >= 2 else set()
    return tuple(name for name in levels if name in names)


def _comparable(levels: Mapping[str, Levels]) -> str | None:
    """Return the first factor of few texts."""
    texts = (name for name, level in levels.items() if not level.numeric and 2 <= len(level) <= MOST_COMPARED)
    return next(texts, None)


def _along(levels: Mapping[str, Levels], compare: str | None) -> str | None:
    """Return the first factor of three numbers or more, or else the first that varies and is not compared."""
    free = [name for name, level in levels.items() if len(level) >= 2]
    lines = [name for name in free if levels[name].continuous and name != compare]
    return next(iter([*lines, *(name for name in free if name != compare), *free]), None)


def _spanning(
    results: SweepResults, levels: Mapping[str, Levels], compare: str | None, sampled: Sequence[str]
) -> tuple[str, str] | None:
    """Return the first two factors of numbers if their values, three or more of each, make a complete grid."""
    numeric = [name for name, level in levels.items() if level.numeric and len(level) >= 2 and name != compare]
    if len(numeric) < 2 or set(numeric[:2]) & set(sampled):
        return None
    across, up = numeric[:2]
    sizes = len(levels[across]), len(levels[up])
    complete = len(results.runs[[across, up]].drop_duplicates()) == sizes[0] * sizes[1]
    return (across, up) if complete and min(sizes) >= 3 and max(sizes) <= MOST_TABLED else None


@dataclass(frozen=True, kw_only=True)
class View:
    """View of a figure: the parts of factors that are not on its axes.

    Attributes
    ----------
    lines : str or None
        Factor with a line or a map for each value.
    looks : mapping of int to int
        The values that have one, each with the number of its look; the baseline first.
    multiples : tuple of str
        Factors with a panel for each combination of their values.
    averaged : tuple of str
        Factors that are averaged over.
    """

    lines: str | None
    looks: Mapping[int, int]
    multiples: tuple[str, ...]
    averaged: tuple[str, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """Factors that are neither on the axes nor averaged over."""
        return (self.lines, *self.multiples) if self.lines else self.multiples


def view_of(
    long: pd.DataFrame, levels: Mapping[str, Levels], layout: Layout, axes: Sequence[str], *, most: int = 6
) -> View:
    """Return the view of a figure with some axes; at most so many small multiples."""
    varied = [name for name, level in levels.items() if len(level) > 1]
    free = [name for name in varied if name not in (*axes, *layout.sampled)]
    few = [name for name in free if len(levels[name]) <= MOST_LINES]
    texts = [name for name in few if not levels[name].numeric]
    lines = next(iter([*(name for name in free if name == layout.compare), *texts, *few]), None)
    chosen = [*axes, *([lines] if lines else [])]

    def is_given(name: str) -> bool:
        return bool(chosen) and given_by(long, name, chosen)

    multiples: list[str] = []
    for name in free:
        count = prod(len(levels[each]) for each in (*multiples, name))
        if name not in chosen and count <= most and not is_given(name):
            multiples.append(name)
            chosen.append(name)
    return View(
        lines=lines,
        looks={code: look for look, code in enumerate(levels[lines].baseline_first[:MOST_LINES])} if lines else {},
        multiples=tuple(multiples),
        averaged=tuple(name for name in varied if name not in chosen and not is_given(name)),
    )


def split_outputs(name: str, outputs: Sequence[str], most: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the names of figures, and at most so many outputs for each."""
    parts = [list(outputs[first : first + most]) for first in range(0, len(outputs), most)]
    for number, chosen in enumerate(parts, start=1):
        yield name if len(parts) == 1 else f"{name}-{number}", chosen
