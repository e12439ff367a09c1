"""Deviations of the money of a reading from Table 5, and what is left of the paper's finding in it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiments.reproduce.beside_paper import BASIC, PROPOSED
from experiments.reproduce.interpretations import COLUMNS
from experiments.reproduce.paper import CASES, table5
from sim.market.settlement import TERMS

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

Money = Mapping[tuple[str, str], Mapping[str, float]]
"""Expected money of one day by column (rule, strategy) and term. [$]"""

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
    paper = table5()
    return {(rule, strategy): paper[f"{rule} {strategy}"].to_dict() for rule, strategy in COLUMNS}


def deviations(money: Money, *, rule: str | None = None) -> dict[tuple[str, str, str], float]:
    """Return the relative deviation from Table 5 of every term above `WORTH` in the paper, by rule, strategy, term.

    Parameters
    ----------
    money : Money
        All columns of a reading.
    rule : str, optional
        Only this one.
    """
    return {
        (*key, term): money[key][term] / figure - 1
        for key, terms in papers_money().items()
        for term, figure in terms.items()
        if figure > WORTH and rule in (None, key[0])
    }


@dataclass(frozen=True, kw_only=True)
class Improvement:
    """Improvement of the basic bid's imbalance cost and profit by the proposed one, as shares of these."""

    cut: float
    gain: float

    @classmethod
    def of(cls, money: Money, rule: str) -> "Improvement":
        """Return the improvement under a rule; a cut of nothing is none."""
        basic, proposed = money[rule, BASIC], money[rule, PROPOSED]
        cut = 1 - proposed["imbalance"] / basic["imbalance"] if basic["imbalance"] else 0.0
        return cls(cut=cut, gain=proposed["profit"] / basic["profit"] - 1)


def sensitivity_cells(money: Money, rule: str) -> list[float]:
    """Return the cells of a reading in the table of a rule: deviations in %, money in $, improvements in %."""
    basic, proposed, better = money[rule, BASIC], money[rule, PROPOSED], Improvement.of(money, rule)
    apart = {key: 100 * abs(share) for key, share in deviations(money, rule=rule).items()}
    others = [share for (_, _, term), share in apart.items() if term not in DISPUTED]
    terms = [column[term] for term in ("loss", "imbalance", "profit") for column in (basic, proposed)]
    shares = [100 * better.cut, 100 * better.gain]
    return [float(np.mean(list(apart.values()))), max(apart.values()), max(others), *terms, *shares]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Verdict on a reading: what of Table 5 it reproduces.

    Attributes
    ----------
    mean : float
        Mean magnitude of the relative deviations.
    far : dict of tuple to float
        Relative deviations of `CLOSE` and more, by rule, strategy and term.
    count : int
        How many deviations there are.
    improvements : dict of str to Improvement
        By rule.
    """

    mean: float
    far: Mapping[tuple[str, str, str], float]
    count: int
    improvements: Mapping[str, Improvement]

    @classmethod
    def of(cls, money: Money) -> "Verdict":
        """Return the verdict on a reading's money."""
        apart = deviations(money)
        return cls(
            mean=float(np.mean(np.abs(list(apart.values())))),
            far={key: share for key, share in apart.items() if abs(share) >= CLOSE},
            count=len(apart),
            improvements={rule: Improvement.of(money, rule) for rule in CASES},
        )

    @property
    def far_terms(self) -> list[str]:
        """Terms with a deviation of `CLOSE` or more in any column, in the order of Table 5."""
        return [term for term in TERMS if any(term == key[-1] for key in self.far)]

    @property
    def sign_holds(self) -> bool:
        """True if the proposed bid has the lower imbalance cost and the higher profit in both cases."""
        return all(better.cut > 0 and better.gain > 0 for better in self.improvements.values())

    @property
    def order_holds(self) -> bool:
        """True if the profit gains more with the dearer penalty of Case II."""
        first, second = (self.improvements[rule].gain for rule in CASES)
        return second > first

    @property
    def cut_holds(self) -> bool:
        """True if the imbalance cost falls by `ENOUGH_CUT` or more in both cases."""
        return all(better.cut >= ENOUGH_CUT for better in self.improvements.values())

    @property
    def gain_holds(self) -> bool:
        """True if the profit gains as much as in the paper, `GAIN`, in both cases."""
        low, high = GAIN
        return all(low <= better.gain <= high for better in self.improvements.values())
