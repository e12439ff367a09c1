"""Loss analysis: the two rows of Table 5 that differ, losses and imbalance, looked at hour by hour."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiments.reproduce.context import Context
from experiments.reproduce.deviations import papers_money
from experiments.reproduce.evaluated_bids import evaluated_bids
from experiments.reproduce.paper import BASIC, PROPOSED
from grids.network import FloatArray
from sim.instance import Instance

RULE = "case1"
"""The case that is analysed."""
EVENING = slice(14, 22)
"""Hours ending 15 to 22: much load, little wind and sun, voltages at their lower limit."""
NOMINAL_KV = 12.66
"""Voltage base the paper prints. [kV]"""


@dataclass(frozen=True, kw_only=True)
class LossAnalysis:
    """The losses of the proposed bid in the base reading, valued in several ways, and what Table 5 says of them.

    Attributes
    ----------
    energy_mwh : float
        Expected losses of the day. [MWh]
    market, retail, peak : float
        Their value at the day-ahead price, at the retail price, and at the day's highest day-ahead price. [$]
    evening : float
        What of the value at the day-ahead price falls in `EVENING`. [$]
    paper : float
        What the paper prints. [$]
    bought, bought_in_paper : float
        Generation and exchange without the served load, all at the day-ahead price: what Table 5 pays for losses,
        less what the batteries earn. [$]
    """

    energy_mwh: float
    market: float
    retail: float
    peak: float
    evening: float
    paper: float
    bought: float
    bought_in_paper: float

    @property
    def factor(self) -> float:
        """Ratio of the paper's figure to ours."""
        return self.paper / self.market

    @property
    def voltage_kv(self) -> float:
        """Voltage base at which the same power would lose that much more. [kV]"""
        return float(NOMINAL_KV / np.sqrt(self.factor))


def analyse_losses(context: Context) -> LossAnalysis:
    """Return the losses of the proposed bid, hour by hour with hindsight in the kept scenarios."""
    study = context.study(rule=RULE, bidding=PROPOSED, policy="hindsight")
    bids = evaluated_bids(context, study, title="sensitivity, losses hour by hour")
    expected = bids.probability
    return _losses(Instance.of(study), bids.expected, expected @ bids.loss_mw, expected @ bids.demand_mw)


def _losses(
    instance: Instance, ours: Mapping[str, float], losses_mwh: FloatArray, demand_mwh: FloatArray
) -> LossAnalysis:
    """Return the analysis of expected money [$], losses and demand of every hour, shape (24,) [MWh]."""
    price, retail = instance.profiles.price_per_mwh, instance.profiles.retail_price_per_mwh
    paper = papers_money().loc[(RULE, PROPOSED)].to_dict()

    def bought(money: Mapping[str, float], demand_mwh: FloatArray) -> float:
        curtailed = money["load_curtailment"] / instance.tariff.load_curtailment_factor
        return float(money["generation"] + money["exchange"] - (price @ demand_mwh - curtailed))

    return LossAnalysis(
        energy_mwh=float(losses_mwh.sum()),
        market=float(price @ losses_mwh),
        retail=float(retail @ losses_mwh),
        peak=float(price.max() * losses_mwh.sum()),
        evening=float(price[EVENING] @ losses_mwh[EVENING]),
        paper=paper["loss"],
        bought=bought(ours, demand_mwh),
        bought_in_paper=bought(paper, instance.forecast.demand_mw[0].sum(axis=1)),
    )


@dataclass(frozen=True, kw_only=True)
class ImbalanceAnalysis:
    """The imbalance cost of the basic bid in the base reading, looked at closely. [$]

    Attributes
    ----------
    by_rule : float
        What it is.
    export : float
        What of it falls in hours with a bid to export.
    as_printed : float
        What the same flows would cost with the band (1 ± b)·B as Eq. (15) prints it. No rule of a study says so: for
        an export it puts the lower limit above the upper, so that even a kept bid is fined.
    """

    by_rule: float
    export: float
    as_printed: float


def analyse_imbalance(context: Context) -> ImbalanceAnalysis:
    """Return the imbalance cost of the basic bid with hindsight in the kept scenarios."""
    study = context.study(rule=RULE, bidding=BASIC, policy="hindsight")
    flows = evaluated_bids(context, study, title="sensitivity, flows of the basic bid")
    instance = Instance.of(study)
    price, bid = instance.profiles.price_per_mwh, flows.bid_mw
    hourly = flows.probability @ instance.rule.penalty(bid, flows.metered_mw, instance.step_prices)
    (tier,) = instance.rule.tiers
    under = np.maximum(0.0, flows.metered_mw - (1 + tier.band) * bid)
    over = np.maximum(0.0, (1 - tier.band) * bid - flows.metered_mw)
    as_printed = flows.probability @ (tier.under * under + tier.over * over) @ np.abs(price)
    return ImbalanceAnalysis(
        by_rule=float(hourly.sum()), export=float(hourly[bid < 0].sum()), as_printed=float(as_printed)
    )
