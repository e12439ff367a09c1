"""Data of a report: all its numbers and labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from experiments.confidence import CONFIDENCE
from experiments.sweeps.report.layout import MOST_LINES, Layout, View, layout_of, require_runs, view_of
from experiments.sweeps.report.levels import Levels, levels_of, long_runs
from experiments.sweeps.report.numbers import Amounts, counted, listed
from experiments.sweeps.report.statistics import (
    COUNT,
    MEAN,
    OUTPUT,
    POINTS,
    Pairs,
    estimates,
    pair_runs,
    point_means,
    rank_correlations,
)
from experiments.sweeps.results import REPLICATION, SweepResults

SURE = f"{100 * CONFIDENCE:.0f} %"
"""Confidence of an interval as text."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportData:
    """Data of a report: runs, means, paired differences, and the layout.

    Attributes
    ----------
    results : SweepResults
        The sweep.
    levels : mapping of str to Levels
        The values of each factor.
    layout : Layout
        Outputs that are shown, and the part of each factor.
    long : DataFrame
        Runs in long form, with the outputs the report needs.
    arms : DataFrame
        Means of all arms, from `estimates`.
    pairs : Pairs or None
        Paired differences, if a factor is compared.
    """

    results: SweepResults
    levels: Mapping[str, Levels]
    layout: Layout
    long: pd.DataFrame
    arms: pd.DataFrame
    pairs: Pairs | None

    @classmethod
    def of(cls, results: SweepResults) -> "ReportData":
        """Return the data of a report on the results of a sweep.

        Raises
        ------
        StudyError
            If they can't be reported as asked for.
        """
        require_runs(results)
        levels = levels_of(results)
        layout = layout_of(results, levels)
        long = long_runs(results, levels, layout.needed)
        compare = layout.compare
        pairs = pair_runs(long, results.factors, compare, levels[compare].first) if compare else None
        arms = estimates(long, results.factors)
        return cls(results=results, levels=levels, layout=layout, long=long, arms=arms, pairs=pairs)

    @property
    def varied(self) -> tuple[str, ...]:
        """Factors with two values or more."""
        return tuple(name for name, level in self.levels.items() if len(level) > 1)

    @property
    def replications(self) -> int:
        """Largest number of replications of a point that are done."""
        return int(self.arms[COUNT].max())

    def means(self, output: str) -> pd.DataFrame:
        """Return the means of all arms in an output."""
        return self.arms[self.arms[OUTPUT] == output].reset_index(drop=True)

    def amounts(self, output: str) -> Amounts:
        """Return the number format of an output."""
        return Amounts.of(output, self.means(output))

    def differences(self, output: str) -> pd.DataFrame:
        """Return the paired differences in an output; none if nothing is compared."""
        if self.pairs is None:
            return pd.DataFrame()
        table = self.pairs.table
        return table[(table[OUTPUT] == output) & table[MEAN].notna()].reset_index(drop=True)

    def point(self, row: pd.Series, left_out: str | None = None) -> str:
        """Return the point of a row as text, such as ``penalty 50 %, bidding basic``."""
        names = [name for name in self.varied if name in row.index and name != left_out]
        return ", ".join(self.levels[name].labelled(int(row[name])) for name in names)

    def labels(self, factors: Sequence[str]) -> list[str]:
        """Return the labels of factors, without their units."""
        return [self.levels[name].label for name in factors]

    def view(self, axes: Sequence[str], *, most: int = 6) -> View:
        """Return the view of a figure: the parts of factors that are not on its axes; at most so many multiples."""
        return view_of(self.long, self.levels, self.layout, axes, most=most)

    def averaged_in_title(self, view: View) -> str:
        """Return the part of a figure's title on the factors that are averaged over."""
        return f", averaged over {listed(self.labels(view.averaged))}" if view.averaged else ""

    def notes(self, view: View, found: pd.DataFrame, *, bands: str) -> str:
        """Return the note below the title of a figure: the meaning of its bands, and values left out."""
        notes = []
        most = int(found[COUNT].max())
        runs = f"{'' if found[COUNT].min() == most else 'up to '}{counted(most, 'replication')}"
        if self.replications > 1:
            notes.append(f"{bands}: {SURE} confidence, over {runs}." if bands else f"Means over {runs}.")
        else:
            notes.append("One replication: what is chance can't be told.")
        if found[POINTS].min() < found[POINTS].max():
            notes.append(f"Averages are over {found[POINTS].min()} to {found[POINTS].max()} points: not all are done.")
        left_out = len(self.levels[view.lines]) - MOST_LINES if view.lines else 0
        if view.lines and left_out > 0:
            left_out_values = f"{counted(left_out, 'value')} of {self.levels[view.lines].label}"
            notes.append(f"Left out: {left_out_values}; they are in the table.")
        return " ".join(notes)

    def ranks(self) -> pd.DataFrame:
        """Return the rank correlations of sampled factors with outputs, apart for each value that is compared."""
        within = [self.layout.compare] if self.layout.compare else []
        points = point_means(self.long, self.results.factors)
        return rank_correlations(points, self.layout.sampled, within)

    def pooled(self) -> pd.DataFrame:
        """Return the paired differences over a sample: the interval is over its points, each averaged first."""
        if self.pairs is None:
            return pd.DataFrame()
        means = point_means(self.pairs.differences, [*self.pairs.others, self.pairs.compare])
        means[REPLICATION] = means.groupby([self.pairs.compare, OUTPUT]).cumcount()
        return estimates(means, [self.pairs.compare])
