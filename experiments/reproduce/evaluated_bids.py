"""Bids of one strategy under one rule, and what they come to in a set of scenarios: a stored result."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

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

Column = tuple[str, str]
"""Rule and strategy."""

ARRAYS = ("probability", "bid_mw", "metered_mw", "loss_mw", "demand_mw", "vm_pu")


@dataclass(frozen=True, eq=False, kw_only=True)
class EvaluatedBids:
    """Bids, and what they come to in every scenario of a set.

    Attributes
    ----------
    bid_mw : array, shape (24,)
        The bids, positive for import. [MW]
    probability : array, shape (S,)
        Probabilities of the scenarios.
    money : DataFrame
        Every term, a row for each scenario. [$]
    expected : dict of str to float
        Expected terms [$] and energies [MWh] of the day.
    metered_mw, loss_mw, demand_mw : array, shape (S, 24)
        Tie-line flow, losses, and demand before curtailment. [MW]
    vm_pu : array, shape (24, B)
        Voltages in the most probable scenario. [p.u.]
    limits : dict of str to int
        How often limits of each kind were not kept, in all scenarios, as the audit counts them.
    note : str
        What went wrong with the bids, if anything did.
    optimality_gap : float or None
        Proven gap of the bids to the optimum of their own model, as a share of it.
    gap : float
        What any other bid can promise more at most, in the strategy's own model. [$]
    beyond_limits, inexact : int
        Scenarios in which not all limits were met, and in which physics can't do what was planned.
    """

    bid_mw: FloatArray
    probability: FloatArray
    money: pd.DataFrame
    expected: Amounts
    metered_mw: FloatArray
    loss_mw: FloatArray
    demand_mw: FloatArray
    vm_pu: FloatArray
    limits: dict[str, int]
    note: str
    optimality_gap: float | None
    gap: float
    beyond_limits: int
    inexact: int

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return the bids that a stored result holds."""
        arrays = {name: np.array(record[name]) for name in ARRAYS}
        return cls(**{**record, **arrays, "money": pd.DataFrame(record["money"])})


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
        chosen = scenario_set(instance, on, count)
        workers = context.workers
        return _record(evaluate(instance, chosen, by=by, workers=workers, progress=lambda k: tick(f"scenario {k}")))

    parameters = {"kind": "evaluation", "on": on, "count": count, "by": by}
    return EvaluatedBids.of(context.result(title, study, parameters, compute, steps=count))


def _record(found: Evaluation) -> Record:
    submission, outcomes = found.submission, found.outcomes
    return {
        "bid_mw": submission.bid_mw.tolist(),
        "probability": found.probability.tolist(),
        "money": {term: [outcome.terms[term] for outcome in outcomes] for term in TERMS},
        "expected": found.expected,
        "metered_mw": [outcome.metered_mw.tolist() for outcome in outcomes],
        "loss_mw": [outcome.loss_mw.tolist() for outcome in outcomes],
        "demand_mw": found.scenarios.demand_mw.sum(axis=2).tolist(),
        "vm_pu": outcomes[int(found.probability.argmax())].vm_pu.tolist(),
        "limits": {name: one.count for name, one in found.limits.items()},
        "note": submission.remarks,
        "optimality_gap": found.certificate["optimality_gap"],
        "gap": found.gap,
        "beyond_limits": found.beyond_limits,
        "inexact": found.inexact,
    }
