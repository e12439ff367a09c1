"""Aversion to bad days: conditional value at risk (CVaR), the mean of the worst outcomes.

Rockafellar and Uryasev (2000), https://doi.org/10.21314/JOR.2000.038; for discrete distributions (2002),
https://doi.org/10.1016/S0378-4266(02)00271-6.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from grids.components import Data
from grids.network import FloatArray


class Risk(Data):
    """Objective of the bid under risk: (1 - weight)·expected cost + weight·CVaR of the cost.

    Attributes
    ----------
    cvar_weight : float
        Share of the CVaR, from 0 (expected cost alone) to 1.
    cvar_level : float
        Level α: the CVaR is the mean of the worst 1 - α of all outcomes.
    """

    cvar_weight: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    cvar_level: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.95

    @property
    def averse(self) -> bool:
        """True if the CVaR has any weight."""
        return self.cvar_weight > 0

    def measure(self, cost: FloatArray, probability: FloatArray) -> float:
        """Return the risk-adjusted cost. [$]

        Parameters
        ----------
        cost, probability : array, shape (S,)
            Cost of every scenario in $ and its probability, sum 1.
        """
        expected = float(probability @ cost)
        if not self.averse:
            return expected
        return (1 - self.cvar_weight) * expected + self.cvar_weight * cvar(cost, probability, self.cvar_level)


def cvar(cost: FloatArray, probability: FloatArray, level: float) -> float:
    """Return the mean of the worst 1 - `level` of all outcomes; a scenario may lie in it in part. [$]

    Parameters
    ----------
    cost, probability : array, shape (S,)
        Cost of every scenario in $ and its probability, sum 1.
    level : float
        Between 0 and 1.
    """
    worst_first = np.argsort(-cost, kind="stable")
    within = np.minimum(np.cumsum(probability[worst_first]), 1 - level)
    share = np.diff(within, prepend=0.0)
    return float(share @ cost[worst_first]) / (1 - level)
