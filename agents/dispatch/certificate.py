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
    """

    cone_gap: float | None
    power_flow_mismatch_mw: float | None
    power_flow_mismatch_pu: float | None
    optimality_gap: float


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
        return Certificate(cone_gap=None, power_flow_mismatch_mw=None, power_flow_mismatch_pu=None, optimality_gap=gap)
    flow = plant.run(plan.set_points)
    return Certificate(
        cone_gap=float(plan.cone_gap.max()),
        power_flow_mismatch_mw=float(np.abs(flow.tie_p_mw - plan.tie_p_mw).max()),
        power_flow_mismatch_pu=float(np.abs(flow.vm_pu - plan.vm_pu).max()),
        optimality_gap=gap,
    )
