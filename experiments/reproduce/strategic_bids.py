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

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from agents.bid_optimizer import BID_DECIMALS
from experiments.evaluation import Evaluator, fixed_bids
from experiments.reproduce.context import Context, Tick
from experiments.reproduce.evaluated_bids import EvaluatedBids
from experiments.reproduce.result_cache import Record
from grids.network import FloatArray
from sim.instance import Instance
from sim.market.imbalance import ImbalanceRule, Tier
from sim.study import Study

OPTIMISED = "optimised"
FREE = ImbalanceRule(name="free", tiers=(Tier(over=0.0, under=0.0),), source="no penalty at all")
"""The rule under which the honest bid is found."""


class Family(NamedTuple):
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
        "(1 + k)·B_h",
        "%",
        _both_ways(0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30),
        lambda honest, percent: honest * (1 + percent / 100),
    ),
    "shift": Family(
        "B_h + c",
        "kW",
        _both_ways(5, 10, 20, 30, 50, 75, 100, 150),
        lambda honest, kilowatts: honest + kilowatts / 1000,
    ),
}
"""Deviations by family."""


@dataclass(frozen=True, eq=False)
class Incentives:
    """Incentives that a rule gives.

    Attributes
    ----------
    tried : DataFrame
        Bids tried, a row for each: its ``family`` (``optimised`` for the proposed one) and ``size``, 0 for the honest
        bid, its ``name``, the bid (``bid_mw``), and the expected terms [$] and energies [MWh].
    gap : float
        What any other bid can promise more at most than the optimised one. [$]
    undistorted : float
        What is earned where nothing is charged for imbalances. [$]
    """

    tried: pd.DataFrame
    gap: float
    undistorted: float

    @cached_property
    def gains(self) -> pd.DataFrame:
        """The bids tried, with their ``gain`` over the honest one, ``saved`` in penalties and ``elsewhere``. [$]"""
        tried, honest = self.tried, self.tried[self.tried["size"] == 0].iloc[0]
        gain, saved = tried["profit"] - honest["profit"], honest["imbalance"] - tried["imbalance"]
        return tried.assign(gain=gain, saved=saved, elsewhere=gain - saved)

    @property
    def honest(self) -> pd.Series:
        """The honest bid."""
        return self.gains[self.gains["size"] == 0].iloc[0]

    @property
    def best(self) -> pd.Series:
        """The best of all bids tried."""
        return self.gains.loc[self.gains["profit"].idxmax()]

    def family(self, name: str) -> pd.DataFrame:
        """Return the bids of a family."""
        return self.gains[self.gains["family"] == name]

    @property
    def most(self) -> float:
        """Upper bound of the gain of any deviation, as far as the optimiser proves it. [$]"""
        (optimised,) = self.family(OPTIMISED)["profit"]
        return float(optimised + self.gap - self.honest["profit"])

    @property
    def headroom(self) -> float:
        """Loss of the honest bid against a dispatch that no penalty distorts. [$]"""
        return float(self.undistorted - self.honest["profit"])


def honest_bid(context: Context, study: Study, *, title: str) -> tuple[FloatArray, float]:
    """Return the honest bid of a study [MW], whatever its rule, and the profit of the dispatch it is from [$]."""
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
    return np.array(record["bid_mw"]), record["undistorted"]


def try_family(
    context: Context, study: Study, honest_mw: FloatArray, name: str, *, title: str
) -> list[dict[str, Any]]:
    """Return what the deviations of a family come to under the study's rule, as rows of :class:`Incentives`."""
    family = FAMILIES[name]
    sizes = family.chosen(quick=context.quick)
    bids = [family.bid(honest_mw, size) for size in sizes]

    def compute(tick: Tick) -> Record:
        instance, found = Instance.of(study), []
        kept = instance.kept_scenarios()
        with Evaluator(instance, by="plan", workers=context.workers or 1) as evaluator:
            for size, bid in zip(sizes, bids, strict=True):
                found.append(evaluator.evaluate(fixed_bids(instance, bid), kept).expected)
                tick(f"{size:+g} {family.unit}")
        return {"expected": found}

    parameters = {"kind": "misbids", "bids_mw": [bid.tolist() for bid in bids]}
    record = context.result(title, study, parameters, compute, steps=len(sizes))
    return [
        {"family": name, "size": size, "name": f"{family.formula}, {size:+g} {family.unit}", "bid_mw": bid, **expected}
        for size, bid, expected in zip(sizes, bids, record["expected"], strict=True)
    ]


def incentives(rows: Iterable[dict[str, Any]], proposed: EvaluatedBids, undistorted: float) -> Incentives:
    """Return the incentives of a rule from rows of what was tried under it, and the bid that the optimiser makes."""
    optimised = {"family": OPTIMISED, "name": OPTIMISED, "bid_mw": proposed.bid_mw, **proposed.expected}
    return Incentives(pd.DataFrame([optimised, *rows]), proposed.gap, undistorted)
