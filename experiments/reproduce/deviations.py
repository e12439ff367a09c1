"""Deviations of the money of a reading from Table 5, and what is left of the paper's finding in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pandas as pd

from experiments.reproduce.labels import percent
from experiments.reproduce.paper import CASES, STRATEGIES, table5

WORTH = 50.0
"""A relative deviation is told of figures of the paper above this. [$]"""
CLOSE = 0.10
"""A term is close to the paper's if it deviates by less."""
DISPUTED = ("imbalance", "loss")
"""Terms that are far from the paper's in the base reading; ``others`` leaves them out."""

ENOUGH_CUT = 0.75
"""The proposed bid cuts the imbalance cost by three quarters or more in the paper."""
GAIN = (0.01, 0.03)
"""Gains in profit of the proposed bid in the paper's two cases, rounded."""

Money: TypeAlias = pd.DataFrame
"""Expected money of one day: a row for each rule and strategy, a column for each term. [$]"""

SENSITIVITY_COLUMNS = {
    **{("dev. %", "mean"): ".1f", ("dev. %", "most"): ".0f", ("dev. %", "others"): ".1f"},
    **{("loss $", "basic"): ".1f", ("loss $", "prop."): ".1f"},
    **{("imb. $", "basic"): ".1f", ("imb. $", "prop."): ".1f"},
    **{("profit $", "basic"): ".0f", ("profit $", "prop."): ".0f"},
    **{("better %", "imb."): ".0f", ("better %", "profit"): ".2f"},
}
"""Formats of the columns of a sensitivity table, in the order of :func:`sensitivity_cells`."""


def papers_money() -> Money:
    """Return Table 5 of the paper in the same form."""
    paper = table5().T
    paper.index = pd.MultiIndex.from_tuples([tuple(one.split()) for one in paper.index], names=["rule", "bidding"])
    return paper


def deviations(money: Money) -> pd.DataFrame:
    """Return the relative deviation from Table 5 of every term above `WORTH` in the paper, NaN of the others."""
    paper = papers_money()
    return (money / paper - 1).where(paper > WORTH)


def improvements(money: Money) -> pd.DataFrame:
    """Return by rule how far the proposed bid cuts the basic one's imbalance cost and raises its profit, as shares.

    A cut of nothing is none.
    """
    basic, proposed = (money.xs(strategy, level="bidding") for strategy in STRATEGIES)
    paid = basic["imbalance"]
    cut = (1 - proposed["imbalance"] / paid).where(paid != 0, 0.0)
    return pd.DataFrame({"cut": cut, "gain": proposed["profit"] / basic["profit"] - 1})


def sensitivity_cells(money: Money, rule: str) -> list[float]:
    """Return the cells of a reading in the table of a rule: deviations in %, money in $, improvements in %."""
    apart, ours = 100 * deviations(money).loc[rule].abs(), money.loc[rule]
    others = apart.drop(columns=list(DISPUTED)).max(axis=None)
    terms = [ours.loc[strategy, term] for term in ("loss", "imbalance", "profit") for strategy in STRATEGIES]
    return [float(np.nanmean(apart)), apart.max(axis=None), others, *terms, *100 * improvements(money).loc[rule]]


@dataclass(frozen=True, eq=False)
class Verdict:
    """Verdict on the money of a reading: what of Table 5 it reproduces."""

    money: Money

    @cached_property
    def deviations(self) -> pd.Series:
        """Relative deviations by rule, strategy and term."""
        return deviations(self.money).stack(future_stack=True).dropna()

    @property
    def mean(self) -> float:
        """Mean magnitude of the relative deviations."""
        return float(self.deviations.abs().mean())

    @property
    def far(self) -> pd.Series:
        """Relative deviations of `CLOSE` and more."""
        return self.deviations[self.deviations.abs() >= CLOSE]

    @property
    def far_terms(self) -> list[str]:
        """Terms with a deviation of `CLOSE` or more in any column, in the order of Table 5."""
        far = set(self.far.index.get_level_values("term"))
        return [term for term in self.money if term in far]

    @cached_property
    def improvements(self) -> pd.DataFrame:
        """Improvements of the basic bid by the proposed one, by rule."""
        return improvements(self.money)

    @property
    def holds(self) -> Mapping[str, bool]:
        """Advantages of the proposed bid as the paper has them, in both cases, and whether they are found.

        By sign: it has the lower imbalance cost and the higher profit; by order: the profit gains more with the dearer
        penalty of Case II; by its cut of the imbalance cost, and by its gain in profit.
        """
        cut, gain = self.improvements["cut"], self.improvements["gain"]
        first, second = (gain[rule] for rule in CASES)
        return {
            "sign": bool((self.improvements > 0).all(axis=None)),
            "order of the cases": bool(second > first),
            f"cut by {percent(ENOUGH_CUT)} or more": bool((cut >= ENOUGH_CUT).all()),
            f"gain of {percent(GAIN[0])} to {percent(GAIN[1])}": bool(gain.between(*GAIN).all()),
        }
