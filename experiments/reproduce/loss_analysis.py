"""Loss analysis: the two rows of Table 5 that differ, losses and imbalance, looked at hour by hour."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents.bid_optimizer import compute_submission, opening_problem
from agents.dispatch.dispatcher import Dispatcher
from experiments.reproduce.beside_paper import BASIC, PROPOSED
from experiments.reproduce.context import Context, Tick
from experiments.reproduce.deviations import papers_money
from experiments.reproduce.flows import metered_flows
from experiments.reproduce.interpretations import BASE
from experiments.reproduce.result_cache import Record
from experiments.simulate import simulate
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
        """How many times ours the paper's figure is."""
        return self.paper / self.market

    @property
    def voltage_kv(self) -> float:
        """Voltage base at which the same power would lose that much more. [kV]"""
        return float(NOMINAL_KV / np.sqrt(self.factor))


def analyse_losses(context: Context) -> LossAnalysis:
    """Return the losses of the proposed bid, hour by hour with hindsight in the kept scenarios."""
    study = BASE.study(context, RULE, PROPOSED)

    def compute(tick: Tick) -> Record:
        instance = Instance.of(study)
        kept, dispatcher = instance.kept_scenarios(), Dispatcher.of(instance)
        submission = compute_submission(dispatcher, instance, opening_problem(instance, kept))
        losses, terms = [], []
        for k in range(len(kept)):
            tables = simulate(instance, actual=[kept.subset(k)], fixed=submission, dispatcher=dispatcher).tables
            losses.append(tables["lines"].groupby("hour")["loss_mw"].sum().to_numpy())
            paid = tables["payments"].groupby("term")["amount"].sum()
            terms.append([float(paid[term]) for term in ("generation", "exchange", "load_curtailment")])
            tick(f"scenario {k + 1}")
        demand = (kept.probability @ kept.demand_mw.sum(axis=2)).tolist()
        generation, exchange, curtailment = (kept.probability @ np.array(terms)).tolist()
        return {
            "losses_mwh": (kept.probability @ np.array(losses)).tolist(),
            "demand_mwh": demand,
            "generation": generation,
            "exchange": exchange,
            "load_curtailment": curtailment,
        }

    record = context.result(
        "sensitivity, losses hour by hour", study, {"kind": "losses"}, compute, steps=context.size.keep
    )
    return _losses(Instance.of(study), record)


def _losses(instance: Instance, record: Record) -> LossAnalysis:
    price, retail = instance.profiles.price_per_mwh, instance.profiles.retail_price_per_mwh
    losses, demand = np.array(record["losses_mwh"]), np.array(record["demand_mwh"])
    paper = papers_money()[RULE, PROPOSED]

    def bought(money: Mapping[str, float], demand_mwh: FloatArray) -> float:
        curtailed = money["load_curtailment"] / instance.tariff.load_curtailment_factor
        return float(money["generation"] + money["exchange"] - (price @ demand_mwh - curtailed))

    return LossAnalysis(
        energy_mwh=float(losses.sum()),
        market=float(price @ losses),
        retail=float(retail @ losses),
        peak=float(price.max() * losses.sum()),
        evening=float(price[EVENING] @ losses[EVENING]),
        paper=paper["loss"],
        bought=bought(record, demand),
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
    study = BASE.study(context, RULE, BASIC)
    flows = metered_flows(context, study, title="sensitivity, flows of the basic bid")
    instance = Instance.of(study)
    price, bid = instance.profiles.price_per_mwh, flows.bid_mw
    charged = [instance.rule.penalty(bid, metered, price_per_mwh=price) for metered in flows.metered_mw]
    hourly = flows.probability @ np.array(charged)
    (tier,) = instance.rule.tiers
    under = np.maximum(0.0, flows.metered_mw - (1 + tier.band) * bid)
    over = np.maximum(0.0, (1 - tier.band) * bid - flows.metered_mw)
    as_printed = flows.probability @ (tier.under * under + tier.over * over) @ np.abs(price)
    return ImbalanceAnalysis(
        by_rule=float(hourly.sum()), export=float(hourly[bid < 0].sum()), as_printed=float(as_printed)
    )
