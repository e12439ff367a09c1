"""The certificate of a plan: is the relaxation exact, does AC physics agree, how far from the optimum can it be."""

from dataclasses import dataclass

import numpy as np

from agents.dispatch.plan import Plan
from grids.batch_power_flow import BatchPlant


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What is proven about a plan.

    Attributes
    ----------
    cone_gap : float or None
        Largest relative cone gap over all scenarios, hours and lines; None for a plan without network.
    power_flow_mismatch_mw, power_flow_mismatch_pu : float or None
        Largest difference of tie-line flow and of bus voltage to an AC power flow of the same set points. [MW], [p.u.]
    optimality_gap : float
        Relative difference between the plan's profit and the proven bound on any plan's.
    status : {"exact", "repaired", "inexact", "infeasible", "no network"}
        The relaxation was exact; was not, and the plan was repaired into an AC-feasible one; could not be; no plan
        meets all limits; or the plan knows no network.
    """

    cone_gap: float | None
    power_flow_mismatch_mw: float | None
    power_flow_mismatch_pu: float | None
    optimality_gap: float
    status: str


EXACT = 1e-2
"""Relative inexactness up to which a relaxation counts as exact."""

EXACT_MISMATCH_MW = 1e-4
"""Difference to the AC power flow up to which a plan counts as AC-feasible. [MW]"""

VIOLATION_TOLERANCE = 1e-6
"""Sum of violated limits below which an hour of an elastic plan counts as meeting them."""


def certify(plan: Plan, plant: BatchPlant | None) -> Certificate:
    """Return the certificate of a plan, checked against the AC power flow of every scenario and hour.

    Parameters
    ----------
    plan : Plan
        The plan.
    plant : BatchPlant or None
        The network; None for a plan that knows none.
    """
    gap = max(0.0, plan.objective - plan.bound) / max(abs(plan.objective), 1e-9)
    if plant is None:
        return Certificate(
            cone_gap=None,
            power_flow_mismatch_mw=None,
            power_flow_mismatch_pu=None,
            optimality_gap=gap,
            status="no network",
        )
    flow = plant.run(plan.set_points)
    mismatch_mw = float(np.abs(flow.tie_p_mw - plan.tie_p_mw).max())
    return Certificate(
        cone_gap=float(plan.cone_gap.max()),
        power_flow_mismatch_mw=mismatch_mw,
        power_flow_mismatch_pu=float(np.abs(flow.vm_pu - plan.vm_pu).max()),
        optimality_gap=gap,
        status=_status(plan, mismatch_mw),
    )


def _status(plan: Plan, mismatch_mw: float) -> str:
    if plan.violation.max() > VIOLATION_TOLERANCE:
        return "infeasible"
    if plan.inexactness.max() > EXACT or mismatch_mw > EXACT_MISMATCH_MW:
        return "inexact"
    return "repaired" if plan.repaired else "exact"
