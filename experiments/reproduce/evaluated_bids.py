"""Bids of one strategy under one rule, and what they come to in a set of scenarios: a stored result."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from experiments.confidence import Estimate
from experiments.evaluation import Evaluation, Method, evaluate, scenario_set
from experiments.reproduce.context import Context, Tick
from experiments.reproduce.result_cache import Record
from grids.network import FloatArray
from sim.instance import Instance
from sim.market.settlement import TERMS
from sim.study import Study

Amounts = dict[str, float]
"""Amounts of one day: every term of Table 5 [$], and every energy of `ENERGIES` [MWh]."""

ENERGIES = ("bid_mwh", "metered_mwh", "imbalance_mwh", "load_curtailed_mwh", "generation_curtailed_mwh")
"""Energies of one day: bid, metered, magnitude of their hourly difference, curtailed load and renewable output."""

HOURLY = ("metered_mw", "loss_mw", "demand_mw")
"""Quantities of every hour of every scenario: tie-line flow, losses, demand before curtailment."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ScenarioMoney:
    """Money in every scenario of a set.

    Attributes
    ----------
    money : dict of str to array, shape (S,)
        Every term in every scenario. [$]
    probability : array, shape (S,)
        Probabilities of the scenarios.
    """

    money: dict[str, FloatArray]
    probability: FloatArray

    def __sub__(self, other: "ScenarioMoney") -> "ScenarioMoney":
        """Return the difference to other money in the same scenarios, scenario by scenario."""
        return ScenarioMoney(
            money={term: self.money[term] - other.money[term] for term in TERMS}, probability=self.probability
        )

    def mean(self, term: str) -> float:
        """Return the expectation of a term. [$]"""
        return float(self.probability @ self.money[term])

    def estimate(self, term: str) -> Estimate:
        """Return the mean of a term over independent, equally probable scenarios, with its interval."""
        return Estimate.of(self.money[term])


@dataclass(frozen=True, eq=False, kw_only=True)
class EvaluatedBids(ScenarioMoney):
    """Bids, and what they come to in every scenario of a set.

    Attributes
    ----------
    bid_mw : array, shape (24,)
        The bids, positive for import. [MW]
    energies : dict of str to array, shape (S,)
        Every energy of `ENERGIES` in every scenario. [MWh]
    metered_mw, loss_mw, demand_mw : array, shape (S, 24)
        Tie-line flow, losses, and demand before curtailment. [MW]
    limits : dict of str to int
        How often limits of each kind were not kept, in all scenarios, as the audit counts them.
    note : str
        What went wrong with the bids, if anything did.
    proof : dict
        What is proven of bids and dispatch, see :func:`experiments.summary.worst`.
    gap : float
        What any other bid can promise more at most, in the strategy's own model. [$]
    beyond_limits, inexact : int
        Scenarios in which not all limits were met, and in which physics can't do what was planned.
    """

    bid_mw: FloatArray
    energies: dict[str, FloatArray]
    metered_mw: FloatArray
    loss_mw: FloatArray
    demand_mw: FloatArray
    limits: dict[str, int]
    note: str
    proof: dict[str, float | None]
    gap: float
    beyond_limits: int
    inexact: int

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return the bids that a stored result holds."""
        lists = {name: np.array(record[name]) for name in ("probability", "bid_mw", *HOURLY)}
        by_name = {kind: _arrays(record[kind]) for kind in ("money", "energies")}
        return cls(**{**record, **lists, **by_name})

    @property
    def expected(self) -> Amounts:
        """Expected terms [$] and energies [MWh] of the day."""
        return {name: float(self.probability @ values) for name, values in (self.money | self.energies).items()}


def evaluated_bids(
    context: Context, study: Study, *, on: str = "kept", by: Method = "simulation", title: str
) -> EvaluatedBids:
    """Return a study's bids and what they come to with its policy, or as planned.

    Parameters
    ----------
    context : Context
        Size, cache and workers.
    study : Study
        The paper's study with strategy, rule and policy chosen.
    on : {"kept", "test"}
        The bid's own scenarios, or fresh ones: the same for every bid of the same seed.
    by : {"simulation", "plan"}
        How scenarios are gone through.
    title : str
        What to show while it is computed.
    """
    kept = study.uncertainty.keep if isinstance(study.uncertainty.keep, int) else study.uncertainty.scenarios
    count = context.size.test if on == "test" else kept

    def compute(tick: Tick) -> Record:
        instance = Instance.of(study)
        return _record(
            evaluate(
                instance,
                scenario_set(instance, on, count),
                by=by,
                workers=context.workers,
                progress=lambda done: tick(f"scenario {done}"),
            )
        )

    parameters = {"kind": "evaluation", "on": on, "count": count, "by": by}
    return EvaluatedBids.of(context.result(title, study, parameters, compute, steps=count))


def _record(found: Evaluation) -> Record:
    submission, outcomes = found.submission, found.outcomes
    return {
        "bid_mw": submission.bid_mw.tolist(),
        "probability": found.probability.tolist(),
        "money": {term: [outcome.terms[term] for outcome in outcomes] for term in TERMS},
        "energies": {f"{name}_mwh": [one.energy_mwh[name] for one in outcomes] for name in outcomes[0].energy_mwh},
        "metered_mw": [outcome.metered_mw.tolist() for outcome in outcomes],
        "loss_mw": [outcome.loss_mw.tolist() for outcome in outcomes],
        "demand_mw": found.scenarios.demand_mw.sum(axis=2).tolist(),
        "limits": {name: one.count for name, one in found.limits.items()},
        "note": submission.remarks,
        "proof": found.certificate,
        "gap": found.gap,
        "beyond_limits": found.beyond_limits,
        "inexact": found.inexact,
    }


def _arrays(lists: dict[str, list[float]]) -> dict[str, FloatArray]:
    return {name: np.array(values) for name, values in lists.items()}
