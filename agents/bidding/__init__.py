"""Bidding strategies: one module each, with a function ``bid`` and a one-line ``SUMMARY``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from agents.registry import Registry
from sim.risk import Risk, cvar

if TYPE_CHECKING:  # the names of the strategies must not cost the import of solvers
    from agents.dispatch.certificate import Certificate
    from agents.dispatch.dispatcher import Dispatcher
    from agents.dispatch.plan import Plan
    from agents.dispatch.problem import DispatchProblem
    from agents.dispatch.search.scenario_decomposition import DecomposedBid
    from grids.network import FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class BidPlan:
    """Bids that a strategy proposes, with proof.

    Attributes
    ----------
    bid_mw : array, shape (24,)
        Bids, positive for import. [MW]
    objective, bound : float
        Expected cost minus revenue under the strategy's own model, and a lower bound on that of any bids. [$]
    battery_p_mw : array, shape (24, U)
        Expected battery schedule, positive for discharge. [MW]
    certificate : Certificate
        Checks of the plan and its optimality gap.
    plan : Plan or None
        Dispatch of every scenario with the bids; None where it was too large to keep.
    stopped : str
        Reason why the search stopped short of the gap asked for, or nothing.
    nodes : int
        Problems solved to find the bids and to prove them.
    costs, probability : array, shape (J,), or None
        Cost minus revenue of every scenario (or bundle of them) and its probability, where no plan is kept. [$]
    """

    bid_mw: FloatArray
    objective: float
    bound: float
    battery_p_mw: FloatArray
    certificate: Certificate
    plan: Plan | None = None
    stopped: str = ""
    nodes: int = 0
    costs: FloatArray | None = None
    probability: FloatArray | None = None

    @classmethod
    def of(cls, plan: Plan, problem: DispatchProblem, certificate: Certificate) -> BidPlan:
        """Return the proposal from one plan of all scenarios."""
        return cls(
            bid_mw=plan.bid_mw,
            objective=plan.objective,
            bound=plan.bound,
            battery_p_mw=np.tensordot(problem.probability, plan.set_points.battery_p_mw, axes=1),
            certificate=certificate,
            plan=plan,
            stopped=plan.stopped,
            nodes=plan.nodes,
        )

    def search(self, risk: Risk) -> dict[str, float]:
        """Return incumbent and bound as (risk-adjusted) expected profit in $, and nodes.

        With aversion to risk, also its two parts; with microgrids, also rounds and residuals of the agreement.
        """
        found: dict[str, float] = {"incumbent": -self.objective, "bound": -self.bound, "nodes": self.nodes}
        agreed = None if self.plan is None else self.plan.coordination
        if agreed is not None:
            found["rounds"] = agreed.iterations
            found["primal_residual_mw"] = agreed.primal_residual_mw
            found["dual_residual_per_mwh"] = agreed.dual_residual_per_mwh
        if risk.averse and self.costs is not None and self.probability is not None:
            found["expected_profit"] = -float(self.probability @ self.costs)
            found["cvar_profit"] = -cvar(self.costs, self.probability, risk.cvar_level)
        return found

    @classmethod
    def of_bundles(cls, bid: DecomposedBid) -> BidPlan:
        """Return the proposal from a decomposition into bundles of scenarios."""
        names = ("bid_mw", "objective", "bound", "battery_p_mw", "certificate", "stopped", "nodes")
        return cls(**{name: getattr(bid, name) for name in names}, costs=bid.costs, probability=bid.probability)


class Strategy(Protocol):
    """Protocol of a module of this package."""

    SUMMARY: str

    def bid(self, dispatcher: Dispatcher, problem: DispatchProblem) -> BidPlan:
        """Return bids for a dispatch problem of 24 hours."""
        ...


STRATEGIES = Registry("bidding strategy", __name__, __path__, needs=("bid",))
"""Registry of strategies."""


def strategy_names() -> list[str]:
    """Return the names of all strategies."""
    return STRATEGIES.names()


def strategy(name: str) -> Strategy:
    """Return a strategy by name."""
    return cast(Strategy, STRATEGIES.find(name))


def add_strategy(given: Any) -> str:
    """Return the name of a strategy, which may be one of the user's own: a class, or an instance for all runs.

    Raises
    ------
    StudyError
        If it has no ``bid``, or the name of a packaged one.
    """
    return STRATEGIES.add(given() if isinstance(given, type) else given)
