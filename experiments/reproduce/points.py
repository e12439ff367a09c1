"""Points: one study's bids and what they come to in the scenarios they are made from, each a stored result."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from experiments.reproduce.context import Context, Tick
from experiments.reproduce.hindsight import Amounts, Hindsight
from experiments.reproduce.result_cache import Record
from grids.network import FloatArray
from sim.instance import Instance
from sim.study import Study


@dataclass(frozen=True, eq=False, kw_only=True)
class Point:
    """What came of a study.

    Attributes
    ----------
    bid_mw : array, shape (24,)
        The bids of its strategy. [MW]
    expected : dict of str to float
        Expected terms [$] and energies [MWh] of a day, see :mod:`experiments.reproduce.hindsight`.
    gap : float
        What any other bid can promise more at most, in the strategy's own model. [$]
    beyond_limits, inexact : int
        Scenarios in which no dispatch met all limits, and in which physics can't do what was planned.
    note : str
        What the bids' optimiser had to say.
    """

    bid_mw: FloatArray
    expected: Amounts
    gap: float
    beyond_limits: int
    inexact: int
    note: str

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return the point that a stored result holds."""
        return cls(**{**record, "bid_mw": np.array(record["bid_mw"])})


def evaluated_point(context: Context, study: Study, *, title: str) -> Point:
    """Return a study's bids and what they come to with hindsight.

    Parameters
    ----------
    context : Context
        Cache of results.
    study : Study
        With strategy and rule chosen.
    title : str
        What to show while it is computed.
    """

    def compute(tick: Tick) -> Record:
        hindsight = Hindsight(Instance.of(study))
        submission = hindsight.submission()
        tick("bid")
        outcome = hindsight.outcome(submission.bid_mw)
        tick("days")
        search = submission.search
        return {
            "bid_mw": submission.bid_mw.tolist(),
            "expected": outcome.expected,
            "gap": max(0.0, search["bound"] - search["incumbent"]) if search else 0.0,
            "beyond_limits": outcome.beyond_limits,
            "inexact": outcome.inexact,
            "note": submission.remarks,
        }

    return Point.of(context.result(title, study, {"kind": "point"}, compute, steps=2))
