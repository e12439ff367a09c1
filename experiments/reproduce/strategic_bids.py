"""Strategic bids: does it pay to bid something else than what one expects to meter?

The honest bid is the expected metered flow under active network management that no penalty distorts,

    B_h[t] = Σ_s π_s · P_CON[s,t],

where P_CON is the flow of the hindsight dispatch with an imbalance price of zero. With that price the bid is of no
account, so that the flows, and with them B_h, are the same under every rule: they are those of the rule `FREE`, which
charges nothing. A deviation is any other bid; its gain is what it earns more than B_h, in the same scenarios, with
hindsight dispatch under the rule's penalties.

The gain has two parts: what is saved in penalties, and the change of everything else (exchange, revenue, curtailment,
losses, wear). Since the exchange is charged by what is metered and nothing is paid for the bid itself, a bid moves
everything else only through the dispatch that follows it. That part has a ceiling: no bid earns more than the dispatch
does that no penalty distorts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agents.bid_optimizer import BID_DECIMALS
from experiments.evaluation import Evaluator, fixed_bids
from experiments.reproduce.context import Context, Tick
from experiments.reproduce.evaluated_bids import Amounts, EvaluatedBids
from experiments.reproduce.result_cache import Record
from grids.network import FloatArray
from sim.instance import Instance
from sim.market.imbalance import ImbalanceRule, Tier
from sim.study import Study

FREE = ImbalanceRule(name="free", tiers=(Tier(over=0.0, under=0.0),), source="no penalty at all")
"""The rule under which the honest bid is found."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Bids that deviate from the honest one by a single number.

    Attributes
    ----------
    formula : str
        The bid, in words.
    unit : str
        Unit of the number.
    sizes : tuple of float
        Numbers tried; 0 is the honest bid.
    bid : callable
        Returns the bid [MW] from the honest one and the number.
    """

    formula: str
    unit: str
    sizes: tuple[float, ...]
    bid: Callable[[FloatArray, float], FloatArray]

    def chosen(self, *, quick: bool) -> tuple[float, ...]:
        """Return the numbers to try."""
        return (self.sizes[0], 0.0, self.sizes[-1]) if quick else self.sizes


def _both_ways(*sizes: float) -> tuple[float, ...]:
    return (*(-size for size in reversed(sizes)), 0.0, *sizes)


FAMILIES = {
    "factor": Family(
        formula="(1 + k)·B_h",
        unit="%",
        sizes=_both_ways(0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30),
        bid=lambda honest, percent: honest * (1 + percent / 100),
    ),
    "shift": Family(
        formula="B_h + c",
        unit="kW",
        sizes=_both_ways(5, 10, 20, 30, 50, 75, 100, 150),
        bid=lambda honest, kilowatts: honest + kilowatts / 1000,
    ),
}
"""Deviations by family."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TriedBid:
    """A bid that was tried.

    Attributes
    ----------
    name : str
        What it is.
    bid_mw : array, shape (24,)
        The bid. [MW]
    expected : dict of str to float
        Expected terms [$] and energies [MWh].
    """

    name: str
    bid_mw: FloatArray
    expected: Amounts


@dataclass(frozen=True, eq=False, kw_only=True)
class Incentives:
    """Incentives that a rule gives.

    Attributes
    ----------
    honest : TriedBid
        The honest bid.
    families : mapping of str to mapping of float to TriedBid
        The deviations tried, by family and number.
    proposed : EvaluatedBids
        The bid that the optimiser makes under the rule.
    undistorted : float
        What is earned where nothing is charged for imbalances. [$]
    """

    honest: TriedBid
    families: Mapping[str, Mapping[float, TriedBid]]
    proposed: EvaluatedBids
    undistorted: float

    @property
    def best(self) -> TriedBid:
        """The best of all bids tried."""
        optimum = TriedBid(name="optimised", bid_mw=self.proposed.bid_mw, expected=self.proposed.expected)
        return max(
            [optimum, *(self.best_of(family) for family in self.families)], key=lambda one: one.expected["profit"]
        )

    def best_of(self, family: str) -> TriedBid:
        """Return the best bid of a family."""
        return max(self.families[family].values(), key=lambda one: one.expected["profit"])

    def more(self, tried: TriedBid, name: str) -> float:
        """Return by how much a term [$] or energy [MWh] is more than with the honest bid."""
        return tried.expected[name] - self.honest.expected[name]

    def saved(self, tried: TriedBid) -> float:
        """Return what a bid saves in penalties. [$]"""
        return self.honest.expected["imbalance"] - tried.expected["imbalance"]

    def elsewhere(self, tried: TriedBid) -> float:
        """Return what a bid earns more in everything but penalties. [$]"""
        return self.more(tried, "profit") - self.saved(tried)

    @property
    def most(self) -> float:
        """Upper bound of the gain of any deviation, as far as the optimiser proves it. [$]"""
        return self.proposed.expected["profit"] + self.proposed.gap - self.honest.expected["profit"]

    @property
    def headroom(self) -> float:
        """Loss of the honest bid against a dispatch that no penalty distorts. [$]"""
        return self.undistorted - self.honest.expected["profit"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Honest:
    """The honest bid [MW], and the profit of the dispatch it is taken from [$]."""

    bid_mw: FloatArray
    undistorted: float


def honest_bid(context: Context, study: Study, *, title: str) -> Honest:
    """Return the honest bid of a study, whatever its rule."""
    free = study.model_copy(update={"market": study.market.model_copy(update={"rule": FREE})})

    def compute(tick: Tick) -> Record:
        instance = Instance.of(free)
        with Evaluator(instance, by="plan", workers=1) as evaluator:
            found = evaluator.evaluate(fixed_bids(instance, np.zeros(24)), instance.kept_scenarios())
        tick("days")
        metered_mw = np.array([outcome.metered_mw for outcome in found.outcomes])
        bid = np.round(found.probability @ metered_mw, BID_DECIMALS) + 0.0
        return {"bid_mw": bid.tolist(), "undistorted": found.terms["profit"]}

    record = context.result(title, free, {"kind": "honest"}, compute, steps=1)
    return Honest(bid_mw=np.array(record["bid_mw"]), undistorted=record["undistorted"])


def try_family(context: Context, study: Study, honest: Honest, name: str, *, title: str) -> dict[float, TriedBid]:
    """Return what the deviations of a family come to under the study's rule, by their numbers."""
    family = FAMILIES[name]
    sizes = family.chosen(quick=context.quick)
    bids = {size: family.bid(honest.bid_mw, size) for size in sizes}

    def compute(tick: Tick) -> Record:
        instance, found = Instance.of(study), []
        kept = instance.kept_scenarios()
        with Evaluator(instance, by="plan", workers=context.workers or 1) as evaluator:
            for size, bid in bids.items():
                found.append(evaluator.evaluate(fixed_bids(instance, bid), kept).expected)
                tick(f"{size:+g} {family.unit}")
        return {"expected": found}

    parameters = {"kind": "misbids", "bids_mw": [bid.tolist() for bid in bids.values()]}
    record = context.result(title, study, parameters, compute, steps=len(sizes))
    return {
        size: TriedBid(name=f"{family.formula}, {size:+g} {family.unit}", bid_mw=bids[size], expected=expected)
        for size, expected in zip(sizes, record["expected"], strict=True)
    }


def incentives_of(
    honest: Honest, families: Mapping[str, Mapping[float, TriedBid]], proposed: EvaluatedBids
) -> Incentives:
    """Return the incentives of a rule from what was tried under it."""
    at_zero: Sequence[TriedBid] = [tried[0.0] for tried in families.values()]
    return Incentives(honest=at_zero[0], families=families, proposed=proposed, undistorted=honest.undistorted)
