"""Submissions as solved bidding problems propose them: bids and battery schedule, with proof and remarks."""

import numpy as np

from agents.dispatch.certificate import EXACT, certify
from agents.dispatch.plan import TIGHTENING_PRICE, VIOLATION_PRICE, Plan
from agents.dispatch.problem import DispatchProblem
from grids.network import FloatArray, Grid
from sim.messages import Submission


def submission_of(plan: Plan, problem: DispatchProblem, grid: Grid | None) -> Submission:
    """Return the submission that one plan of all scenarios makes.

    Parameters
    ----------
    plan, problem : Plan, DispatchProblem
        The plan, and what it was made for.
    grid : Grid or None
        The network on which it is certified; None for a plan that knows none.
    """
    found, agreed = search(plan.objective, plan.bound, plan.nodes), plan.coordination
    if agreed is not None:
        found["rounds"] = agreed.iterations
        found["primal_residual_mw"] = agreed.primal_residual_mw
        found["dual_residual_per_mwh"] = agreed.dual_residual_per_mwh
    return Submission(
        bid_mw=plan.bid_mw,
        battery_p_mw=np.tensordot(problem.probability, plan.set_points.battery_p_mw, axes=1),
        certificate=vars(certify(plan, problem, grid)),
        search=found,
        note="; ".join([*stop_remark(plan.stopped), *_remarks(plan)]),
        costs=np.array([-expected_profit(plan, problem.probability, problem.step_h)]),
        probability=np.ones(1),
    )


def search(objective: float, bound: float, nodes: int) -> dict[str, float]:
    """Return incumbent and bound, if one is proven, of a search as (risk-adjusted) expected profit in $, and nodes."""
    return {"incumbent": -objective, **({"bound": -bound} if bound > -np.inf else {}), "nodes": nodes}


def stop_remark(stopped: str) -> list[str]:
    """Return a remark on a search that stopped short of the gap; none if it did not."""
    return [f"{stopped}: the best bids so far are taken"] if stopped else []


def expected_profit(plan: Plan, probability: FloatArray, step_h: float = 1.0) -> float:
    """Return the expected profit of a plan; the program's cost of violated limits is not money. [$]

    Parameters
    ----------
    plan : Plan
        The plan.
    probability : array, shape (S,)
        Probabilities of its scenarios.
    step_h : float
        Length of a step. [h]
    """
    if not plan.violation.any():
        return -plan.objective
    counted = step_h * (VIOLATION_PRICE * plan.violation + TIGHTENING_PRICE * plan.losses_mw)
    return float(probability @ counted.sum(axis=1)) - plan.objective


def _remarks(plan: Plan) -> list[str]:
    """Return remarks on the plan from which the bids come."""
    remarks = []
    if plan.violation.max() > 0:
        hours = np.flatnonzero(plan.violation.max(axis=0) > 0) + 1
        remarks.append(f"no dispatch meets all limits in hour(s) {', '.join(map(str, hours))}: least violation bid")
    if plan.repaired:
        remarks.append("the relaxation was not exact: the plan behind the bids was repaired")
    if plan.bound == -np.inf:
        remarks.append("a local optimum of the exact AC equations: nothing is proven about other bids")
    if plan.inexactness.max() > EXACT:
        remarks.append("the plan behind the bids is not exact: see the certificate")
    return remarks
