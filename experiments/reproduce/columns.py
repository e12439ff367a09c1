"""The columns of Table 5: the expected money of one strategy's bids under one rule, scenario by scenario."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from experiments.confidence import Estimate
from experiments.evaluation import evaluate, scenario_set
from experiments.reproduce.context import Context, Tick
from experiments.reproduce.result_cache import Record
from experiments.summary import worst
from grids.network import FloatArray
from sim.instance import Instance
from sim.settlement import TERMS
from sim.study import Study


@dataclass(frozen=True, eq=False, kw_only=True)
class Column:
    """The money of fixed bids in every scenario of a set.

    Attributes
    ----------
    money : dict of str to array, shape (S,)
        Every term in every scenario. [$]
    probability : array, shape (S,)
        Probabilities of the scenarios.
    limits : dict of str to int
        How often limits of each kind were not kept, in all scenarios, as the audit counts them.
    note : str
        What went wrong with the bids, if anything did.
    proof : dict
        What is proven of bids and dispatch, see :func:`experiments.summary.worst`.
    """

    money: dict[str, FloatArray]
    probability: FloatArray
    limits: dict[str, int]
    note: str
    proof: dict[str, float | None]

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return the column that a stored result holds."""
        return cls(
            money={term: np.array(record["money"][term]) for term in TERMS},
            probability=np.array(record["probability"]),
            limits=record["limits"],
            note=record["note"],
            proof=record["proof"],
        )

    def __sub__(self, other: "Column") -> "Column":
        """Return the difference of two columns over the same scenarios, scenario by scenario."""
        return Column(
            money={term: self.money[term] - other.money[term] for term in TERMS},
            probability=self.probability,
            limits={name: max(count, other.limits[name]) for name, count in self.limits.items()},
            note="",
            proof=worst([self.proof, other.proof]),
        )

    def mean(self, term: str) -> float:
        """Return the expectation of a term. [$]"""
        return float(self.probability @ self.money[term])

    def estimate(self, term: str) -> Estimate:
        """Return the mean of a term over independent, equally probable scenarios, with its interval."""
        return Estimate.of(self.money[term])


def evaluated_column(context: Context, study: Study, *, on: str, title: str) -> Column:
    """Return a study's bids evaluated with its policy.

    Parameters
    ----------
    context : Context
        Size, cache and workers.
    study : Study
        The paper's study with strategy, rule and policy chosen.
    on : {"kept", "test"}
        The bid's own scenarios, or fresh ones: the same for every bid of the same seed.
    title : str
        What to show while it is computed.
    """
    kept = context.size.keep if isinstance(study.uncertainty.keep, int) else study.uncertainty.scenarios
    count = context.size.test if on == "test" else kept

    def compute(tick: Tick) -> Record:
        instance = Instance.of(study)
        scenarios = scenario_set(instance, on, count)
        found = evaluate(instance, scenarios, workers=context.workers, progress=lambda done: tick(f"scenario {done}"))
        outcomes, submission = found.outcomes, found.submission
        return {
            "bids_mw": submission.bid_mw.tolist(),
            "probability": found.probability.tolist(),
            "money": {term: [outcome.terms[term] for outcome in outcomes] for term in TERMS},
            "limits": {name: one.count for name, one in found.limits.items()},
            "note": submission.remarks,
            "proof": worst([submission.certificate, *(outcome.certificate for outcome in outcomes)]),
        }

    record = context.result(title, study, {"kind": "money", "on": on, "count": count}, compute, steps=count)
    return Column.of(record)
