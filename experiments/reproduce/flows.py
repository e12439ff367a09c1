"""Metered tie-line flows: what becomes of a strategy's bids in the scenarios they are made from."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from experiments.reproduce.evaluated_bids import EvaluatedBids
from grids.network import FloatArray

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
    def of(cls, bids: EvaluatedBids) -> Self:
        """Return the flows that evaluated bids meet."""
        return cls(bid_mw=bids.bid_mw, metered_mw=bids.metered_mw, probability=bids.probability)

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
