"""Metered tie-line flows: what becomes of a strategy's bids in the scenarios they are made from."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from agents.bid_optimizer import compute_submission, opening_problem
from agents.dispatch.dispatcher import Dispatcher
from experiments.reproduce.context import Context, Tick
from experiments.reproduce.result_cache import Record
from experiments.simulate import simulate
from grids.network import FloatArray
from sim.instance import Instance
from sim.study import Study

NOTHING_MW = 1e-3
"""Bids and imbalances below a kilowatt are none: their quotient says nothing. [MW]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Flows:
    """A bid and the flows it meets.

    Attributes
    ----------
    bid_mw : array, shape (24,)
        Bids, positive for import. [MW]
    metered_mw : array, shape (S, 24)
        Metered flow in every scenario. [MW]
    probability : array, shape (S,)
        Probabilities of the scenarios.
    """

    bid_mw: FloatArray
    metered_mw: FloatArray
    probability: FloatArray

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return the flows that a stored result holds."""
        return cls(**{name: np.array(record[name]) for name in ("bid_mw", "metered_mw", "probability")})

    @property
    def imbalance_mw(self) -> FloatArray:
        """Expected magnitude of the imbalance, shape (24,). [MW]"""
        magnitude: FloatArray = self.probability @ np.abs(self.metered_mw - self.bid_mw)
        return magnitude

    @property
    def mean_imbalance_mw(self) -> FloatArray:
        """Expected imbalance, shape (24,), in which those of opposite sign cancel. [MW]"""
        mean: FloatArray = self.probability @ self.metered_mw - self.bid_mw
        return mean

    def normalised(self) -> FloatArray:
        """Return the expected magnitude over that of the bid, shape (24,): infinite without a bid, 0 without both."""
        bid, imbalance = np.abs(self.bid_mw), self.imbalance_mw
        without = np.where(imbalance < NOTHING_MW, 0.0, np.inf)
        return np.where(bid < NOTHING_MW, without, imbalance / np.maximum(bid, NOTHING_MW))


def metered_flows(context: Context, study: Study, *, title: str) -> Flows:
    """Return the flows of a study's bids, with its policy, in the scenarios they are made from.

    Parameters
    ----------
    context : Context
        Cache of results.
    study : Study
        The paper's study with strategy, rule and policy chosen.
    title : str
        What to show while they are computed.
    """

    def compute(tick: Tick) -> Record:
        instance = Instance.of(study)
        kept, dispatcher = instance.kept_scenarios(), Dispatcher.of(instance)
        submission = compute_submission(dispatcher, instance, opening_problem(instance, kept))
        metered = []
        for k in range(len(kept)):
            run = simulate(instance, actual=[kept.subset(k)], fixed=submission, dispatcher=dispatcher)
            metered.append(run.tables["settlements"]["metered_mw"].tolist())
            tick(f"scenario {k + 1}")
        return {
            "bid_mw": submission.bid_mw.tolist(),
            "metered_mw": metered,
            "probability": kept.probability.tolist(),
        }

    return Flows.of(context.result(title, study, {"kind": "flows"}, compute, steps=context.size.keep))
