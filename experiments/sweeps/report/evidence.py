"""All that a report says, as numbers: arms, pairs and rank correlations of a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from experiments.sweeps.report.amounts import Amounts
from experiments.sweeps.report.estimates import COUNT, MEAN, estimates
from experiments.sweeps.report.levels import OUTPUT, VALUE, Levels, levels_of, long_runs
from experiments.sweeps.report.pairs import Pairs, pair_runs
from experiments.sweeps.report.ranks import point_means, rank_correlations
from experiments.sweeps.report.roles import Roles, require_runs, roles_of
from experiments.sweeps.results import REPLICATION, SweepResults


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """The numbers behind a report.

    Attributes
    ----------
    results : SweepResults
        The sweep.
    levels : mapping of str to Levels
        The values of each factor.
    roles : Roles
        Who plays what.
    long : DataFrame
        Runs in long form, with the outputs the report needs.
    arms : DataFrame
        Means of all arms, from `estimates`.
    pairs : Pairs or None
        Paired differences, if a factor is compared.
    """

    results: SweepResults
    levels: Mapping[str, Levels]
    roles: Roles
    long: pd.DataFrame
    arms: pd.DataFrame
    pairs: Pairs | None

    @classmethod
    def of(cls, results: SweepResults) -> "Evidence":
        """Return what the results of a sweep say.

        Raises
        ------
        StudyError
            If they can't be reported as asked for.
        """
        require_runs(results)
        levels = levels_of(results)
        roles = roles_of(results, levels)
        long = long_runs(results, levels, roles.needed)
        pairs = None
        if roles.compare is not None:
            pairs = pair_runs(long, results.factors, roles.compare, levels[roles.compare].first)
        arms = estimates(long, results.factors)
        return cls(results=results, levels=levels, roles=roles, long=long, arms=arms, pairs=pairs)

    @property
    def varied(self) -> tuple[str, ...]:
        """Factors with two values or more."""
        return tuple(name for name, level in self.levels.items() if len(level) > 1)

    @property
    def replications(self) -> int:
        """The largest number of replications of a point that are done."""
        return int(self.arms[COUNT].max())

    def of_output(self, output: str) -> pd.DataFrame:
        """Return the means of all arms in an output."""
        return self.arms[self.arms[OUTPUT] == output].reset_index(drop=True)

    def amounts(self, output: str) -> Amounts:
        """Return how amounts of an output are written."""
        return Amounts.of(output, self.of_output(output))

    def differences(self, output: str) -> pd.DataFrame:
        """Return the paired differences in an output; none if nothing is compared."""
        if self.pairs is None:
            return pd.DataFrame()
        table = self.pairs.table
        return table[(table[OUTPUT] == output) & table[MEAN].notna()].reset_index(drop=True)

    def point(self, row: pd.Series, left_out: tuple[str, ...] = ()) -> str:
        """Return the point of a row in words, such as ``penalty 50 %, bidding basic``."""
        names = [name for name in self.varied if name in row.index and name not in left_out]
        return ", ".join(self.levels[name].placed(int(row[name])) for name in names)

    def ranks(self) -> pd.DataFrame:
        """Return the rank correlations of sampled factors with outputs, apart for each value that is compared."""
        within = [self.roles.compare] if self.roles.compare else []
        points = point_means(self.long, self.results.factors)
        return rank_correlations(points, self.roles.sampled, within)

    def pooled(self) -> pd.DataFrame:
        """Return the paired differences over a sample: the interval is over its points, each averaged first."""
        if self.pairs is None:
            return pd.DataFrame()
        by = [*self.pairs.others, self.pairs.compare, OUTPUT]
        means = self.pairs.differences.groupby(by)[VALUE].mean().reset_index()
        means[REPLICATION] = means.groupby([self.pairs.compare, OUTPUT]).cumcount()
        return estimates(means, [self.pairs.compare])
