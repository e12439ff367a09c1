"""Data of a report: its numbers and labels, and the outputs and factors that it shows, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import pandas as pd

from experiments.confidence import CONFIDENCE
from experiments.sweeps.plan import require_reportable
from experiments.sweeps.report import statistics as st
from experiments.sweeps.report.levels import CHANGE, Levels, levels_of, long_runs, single_axes, with_changes
from experiments.sweeps.report.numbers import Amounts, counted, listed
from experiments.sweeps.results import REPLICATION, SweepResults
from experiments.sweeps.sweep_file import ReportSpec
from sim.errors import StudyError

SURE = f"{100 * CONFIDENCE:.0f} %"
"""Confidence of an interval as text."""
MOST_COMPARED = 6
"""Largest number of values of a factor of texts that is compared without being asked for."""
MOST_TABLED = 24
"""Largest number of values of a factor that is asked for."""
FEWEST_SAMPLED = 10
"""Least number of values of a column of a CSV file that is taken for a sample."""
MOST_LINES = 6
"""Largest number of lines in a panel."""


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


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportData:
    """Data of a report: runs, means, paired differences, and the parts of factors and outputs.

    Attributes
    ----------
    results : SweepResults
        The sweep; its factors include those that stand for factors varied one at a time.
    levels : mapping of str to Levels
        The values of each factor.
    spec : ReportSpec
        Contents of the report: as the sweep file asks for them, or as they suggest themselves.
    sampled : tuple of str
        Factors that fill a box instead of a grid.
    singles : mapping of str to int
        Factors that are varied one at a time, with the code of their base.
    long : DataFrame
        Runs in long form, with the outputs the report needs.
    """

    results: SweepResults
    levels: Mapping[str, Levels]
    spec: ReportSpec
    sampled: tuple[str, ...]
    singles: Mapping[str, int]
    long: pd.DataFrame

    @classmethod
    def of(cls, results: SweepResults) -> "ReportData":
        """Return the data of a report on the results of a sweep.

        Raises
        ------
        StudyError
            If no run is done, or they can't be reported as asked for; the message names field and remedy.
        """
        if results.runs.empty:
            failed = f", {len(results.failed)} failed" if len(results.failed) else ""
            raise StudyError(f"runs: none of {results.planned} is done yet{failed}; run the sweep before its report")
        asked, levels = results.sweep.report, levels_of(results)
        require_reportable(asked, results.factors)
        singles = {name: levels[name].first for axis in single_axes(results.sweep) for name in axis.base}
        if singles and asked.compare not in singles:
            results = with_changes(results, levels)
            levels = levels_of(results)
        _require_drawable(results, levels)
        sampled = _sampled(results, levels, singles)
        spec = _completed(results, levels, sampled, singles)
        long = long_runs(results, levels, tuple(dict.fromkeys((*spec.outputs, *(spec.pareto or ())))))
        return cls(results=results, levels=levels, spec=spec, sampled=sampled, singles=singles, long=long)

    @cached_property
    def arms(self) -> pd.DataFrame:
        """Means of all arms."""
        return st.estimates(self.long, self.results.factors)

    @cached_property
    def pairs(self) -> st.Pairs | None:
        """Paired differences, if a factor is compared."""
        if (compare := self.spec.compare) is None:
            return None
        return st.pair_runs(self.long, self.results.factors, compare, self.levels[compare].first)

    @property
    def changes(self) -> bool:
        """True if factors that are varied one at a time are shown as one: by the value that is not the base's."""
        return CHANGE in self.levels

    @property
    def varied(self) -> tuple[str, ...]:
        """Factors with two values or more, without those that another one stands for."""
        hidden = self.singles if self.changes else ()
        return tuple(name for name, level in self.levels.items() if len(level) > 1 and name not in hidden)

    @property
    def replications(self) -> int:
        """Largest number of replications of a point that are done."""
        return int(self.arms[st.COUNT].max())

    def means(self, output: str) -> pd.DataFrame:
        """Return the means of all arms in an output."""
        return self.arms[self.arms[st.OUTPUT] == output].reset_index(drop=True)

    def amounts(self, output: str) -> Amounts:
        """Return the number format of an output."""
        return Amounts.of(output, self.means(output))

    def differences(self, output: str) -> pd.DataFrame:
        """Return the paired differences in an output; none if nothing is compared."""
        if self.pairs is None:
            return pd.DataFrame()
        table = self.pairs.table
        return table[(table[st.OUTPUT] == output) & table[st.MEAN].notna()].reset_index(drop=True)

    def point(self, row: pd.Series, left_out: str | None = None) -> str:
        """Return the point of a row as text, such as ``penalty 50 %, bidding basic``."""
        names = [name for name in self.varied if name in row.index and name != left_out]
        return ", ".join(self.levels[name].labelled(int(row[name])) for name in names)

    def labels(self, factors: Sequence[str]) -> list[str]:
        """Return the labels of factors, without their units."""
        return [self.levels[name].label for name in factors]

    def view(self, axes: Sequence[str], *, most: int = 6) -> View:
        """Return the view of a figure: the parts of factors that are not on its axes; at most so many multiples."""
        fixed = {name for name in self.singles if name != self.spec.compare}
        if fixed & set(axes):
            fixed |= {name for name in self.levels if name.startswith(CHANGE)}
        free = [name for name in self.varied if name not in {*axes, *self.sampled, *fixed}]
        few = [name for name in free if len(self.levels[name]) <= MOST_LINES]
        texts = [name for name in few if not self.levels[name].numeric]
        lines = next(iter([*(name for name in free if name == self.spec.compare), *texts, *few]), None)
        chosen = [*axes, *([lines] if lines else [])]

        def is_given(name: str) -> bool:
            return bool(chosen) and st.given_by(self.long, name, chosen)

        multiples: list[str] = []
        for name in free:
            count = prod(len(self.levels[each]) for each in (*multiples, name))
            if name not in chosen and count <= most and not is_given(name):
                multiples.append(name)
                chosen.append(name)
        first = self.levels[lines].baseline_first[:MOST_LINES] if lines else ()
        others = [name for name in self.varied if name not in chosen and name not in fixed]
        return View(
            lines=lines,
            looks={code: look for look, code in enumerate(first)},
            multiples=tuple(multiples),
            averaged=tuple(name for name in others if not is_given(name)),
        )

    def estimates(self, runs: pd.DataFrame, axes: Sequence[str], view: View) -> pd.DataFrame:
        """Return the estimates of runs or differences in a figure; factors varied one at a time stay at their base."""
        shown = [*axes, *view.kept]
        by_change = self.changes and not set(axes) & set(self.singles)
        for name, code in self.singles.items():
            if not by_change and name in runs and name not in shown:
                runs = runs[runs[name] == code]
        return st.estimates(runs, shown)

    def averaged_in_title(self, view: View) -> str:
        """Return the part of a figure's title on the factors that are averaged over."""
        return f", averaged over {listed(self.labels(view.averaged))}" if view.averaged else ""

    def notes(self, view: View, found: pd.DataFrame, *, bands: str) -> str:
        """Return the note below the title of a figure: the meaning of its bands, and values left out."""
        notes = []
        most = int(found[st.COUNT].max())
        runs = f"{'' if found[st.COUNT].min() == most else 'up to '}{counted(most, 'replication')}"
        if self.replications > 1:
            notes.append(f"{bands}: {SURE} confidence, over {runs}." if bands else f"Means over {runs}.")
        else:
            notes.append("One replication: what is chance can't be told.")
        fewest, largest = found[st.POINTS].agg(["min", "max"])
        if fewest < largest:
            notes.append(f"Averages are over {fewest} to {largest} points: not all are done.")
        left_out = len(self.levels[view.lines]) - MOST_LINES if view.lines else 0
        if view.lines and left_out > 0:
            left_out_values = f"{counted(left_out, 'value')} of {self.levels[view.lines].label}"
            notes.append(f"Left out: {left_out_values}; they are in the table.")
        return " ".join(notes)

    def ranks(self) -> pd.DataFrame:
        """Return the rank correlations of sampled factors with outputs, apart for each value that is compared."""
        within = [self.spec.compare] if self.spec.compare else []
        return st.rank_correlations(st.point_means(self.long, self.results.factors), self.sampled, within)

    def pooled(self) -> pd.DataFrame:
        """Return the paired differences over a sample: the interval is over its points, each averaged first."""
        if self.pairs is None:
            return pd.DataFrame()
        means = st.point_means(self.pairs.differences, [*self.pairs.others, self.pairs.compare])
        means[REPLICATION] = means.groupby([self.pairs.compare, st.OUTPUT]).cumcount()
        return st.estimates(means, [self.pairs.compare])


def _completed(
    results: SweepResults, levels: Mapping[str, Levels], sampled: tuple[str, ...], singles: Mapping[str, int]
) -> ReportSpec:
    """Return the contents of a report, those not asked for chosen from the factors.

    Compared are values with their base, or else the first factor of few texts. Along the axis is the first factor of
    three numbers or more, or else the first that varies and is not compared.
    """
    asked = results.sweep.report
    outputs = tuple(name for name in dict.fromkeys(asked.outputs) if _has_values(results, name))
    if not outputs:
        raise StudyError(
            f"report.outputs: {', '.join(asked.outputs)} has no value in any run; name outputs that this study has"
        )
    free = [name for name, level in levels.items() if len(level) >= 2 and name not in singles]
    changes = [name for name in free if name.startswith(CHANGE)]
    few = [name for name in free if not levels[name].numeric and len(levels[name]) <= MOST_COMPARED]
    from_base = [name for name in changes if not levels[name].missing_first]
    compare = asked.compare or next(iter([*from_base, *(name for name in few if name not in changes)]), None)
    others = [name for name in free if name != compare]
    lines = [name for name in others if levels[name].continuous]
    along = asked.along or (None if sampled else next(iter([*changes, *lines, *others, *free]), compare))
    return asked.model_copy(
        update={
            "outputs": outputs,
            "compare": compare if compare and len(levels[compare]) >= 2 else None,
            "along": None if along in sampled else along,
            "heat_map": asked.heat_map or _spanning(results, levels, others, sampled),
        }
    )


def _spanning(
    results: SweepResults, levels: Mapping[str, Levels], others: Sequence[str], sampled: Sequence[str]
) -> tuple[str, str] | None:
    """Return the first two factors of numbers if their values, three or more of each, make a complete grid."""
    numeric = [name for name in others if levels[name].numeric][:2]
    if len(numeric) < 2 or set(numeric) & set(sampled):
        return None
    sizes = [len(levels[name]) for name in numeric]
    complete = len(results.runs[numeric].drop_duplicates()) == prod(sizes)
    return (numeric[0], numeric[1]) if complete and min(sizes) >= 3 and max(sizes) <= MOST_TABLED else None


def _has_values(results: SweepResults, output: str) -> bool:
    return bool(np.isfinite(results.runs[output].to_numpy(dtype=float)).any())


def _require_drawable(results: SweepResults, levels: Mapping[str, Levels]) -> None:
    """Refuse factors of too many values, and outputs to choose between that have none."""
    spec = results.sweep.report
    for field, names in {"compare": (spec.compare,), "heat_map": spec.heat_map or ()}.items():
        for name in names:
            if name is not None and (count := len(levels[name])) > MOST_TABLED:
                raise StudyError(f"report.{field}: '{name}' has {count} values; give one with at most {MOST_TABLED}")
    for name in spec.pareto or ():
        if not _has_values(results, name):
            raise StudyError(f"report.pareto: '{name}' has no value in any run; name outputs that this study has")


def _sampled(results: SweepResults, levels: Mapping[str, Levels], singles: Mapping[str, int]) -> tuple[str, ...]:
    """Return the factors of Latin hypercubes and Sobol sequences, and columns of a CSV file that look like one."""
    boxes = [box for axis in results.sweep.axes for box in (axis.latin_hypercube, axis.sobol) if box is not None]
    names = {name for box in boxes for name in box.within}
    forms = [form for axis in results.sweep.axes for form in (axis.values, axis.range, axis.zipped)]
    known = {*names, *singles, *(name for form in forms for name in form or ())}
    loose = [name for name, level in levels.items() if level.numeric and name not in known]
    points = len(results.runs[loose].drop_duplicates()) if loose else 0
    scattered = [name for name in loose if len(levels[name]) >= max(FEWEST_SAMPLED, points / 2)]
    names |= set(scattered) if len(scattered) >= 2 else set()
    return tuple(name for name in levels if name in names)
