"""Certificate of a plan: exactness of the relaxation, mismatch to AC power flow, and distance from the optimum."""

import math
from dataclasses import dataclass

import numpy as np

from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from grids.batch_power_flow import BatchFlow, BatchPowerFlow
from grids.network import FloatArray, Grid


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Certificate of a plan: checks against physics, and the proven optimality gap.

    Attributes
    ----------
    cone_gap : float or None
        Largest relative cone gap over all scenarios, hours and lines; None for a plan without network.
    power_flow_mismatch_mw, power_flow_mismatch_pu : float or None
        Largest difference of tie-line flow and of bus voltage to an AC power flow of the same set points. [MW], [p.u.]
    limit_excess_pu : float or None
        Largest excess of any limit in the AC power flow of the plan: voltages, line currents, capacity and power
        factor of the tie line, limits of loads, renewables, batteries and microgrids. Zero or less where all are
        kept. [p.u. on 1 MVA]
    optimality_gap : float or None
        Relative difference between the plan's profit and the proven bound on any plan's; None where nothing is proven.
    status : {"exact", "repaired", "inexact", "infeasible", "no network"}
        The relaxation was exact, or nothing was relaxed; it was not, and the plan was repaired into an AC-feasible
        one; could not be, or its AC power flow does not keep a limit; no plan meets all limits; or the plan knows no
        network.
    """

    cone_gap: float | None = None
    power_flow_mismatch_mw: float | None = None
    power_flow_mismatch_pu: float | None = None
    limit_excess_pu: float | None = None
    optimality_gap: float | None
    status: str


EXACT = 1e-2
"""Relative inexactness up to which a relaxation counts as exact."""

EXACT_MISMATCH_MW = 1e-4
"""Difference to the AC power flow up to which a plan counts as AC-feasible. [MW]"""

EXACT_LIMIT_PU = 1e-5
"""Excess of a limit up to which a plan counts as keeping it: a solver's accuracy. [p.u. on 1 MVA]"""

VIOLATION_TOLERANCE = 1e-6
"""Sum of violated limits below which an hour of an elastic plan counts as meeting them."""


def certify(plan: Plan, problem: DispatchProblem, grid: Grid | None) -> Certificate:
    """Return the certificate of a plan, checked against the AC power flow of every scenario and hour.

    Parameters
    ----------
    plan, problem : Plan, DispatchProblem
        The plan, and its problem.
    grid : Grid or None
        The network; None for a plan without one.
    """
    gap = None
    if plan.bound > -np.inf:
        gap = max(0.0, plan.objective - plan.bound) / max(abs(plan.objective), 1e-9)
    if grid is None:
        return Certificate(optimality_gap=gap, status="no network")
    flow = BatchPowerFlow(grid).run(plan.set_points)
    mismatch_mw = float(np.abs(flow.tie_p_mw - plan.tie_p_mw).max())
    excesses = [*_network_excess(grid, flow), *_device_excess(grid, problem, plan)]
    excess = max(float(excess.max(initial=-np.inf)) for excess in excesses)
    return Certificate(
        cone_gap=float(plan.cone_gap.max()),
        power_flow_mismatch_mw=mismatch_mw,
        power_flow_mismatch_pu=float(np.abs(flow.vm_pu - plan.vm_pu).max()),
        limit_excess_pu=excess,
        optimality_gap=gap,
        status=_status(plan, mismatch_mw, excess),
    )


def _network_excess(grid: Grid, flow: BatchFlow) -> list[FloatArray]:
    """Return the excess of voltages (31), line currents and tie-line capacity (29), and its power factor (30)."""
    tie, decided = grid.tie_line, np.delete(np.arange(len(grid.bus_ids)), [grid.slack, *grid.held_bus])
    both = tie.power_factor_reading == "both_directions"
    tan_phi = math.tan(math.acos(tie.min_power_factor))
    return [
        (grid.bus_min_vm_pu - flow.vm_pu)[..., decided],
        (flow.vm_pu - grid.bus_max_vm_pu)[..., decided],
        flow.line_i_pu - grid.line_max_i_pu,
        flow.line_i_to_pu - grid.line_max_i_to_pu,
        np.hypot(flow.tie_p_mw, flow.tie_q_mvar) - tie.max_s_mva,
        np.abs(flow.tie_q_mvar) - tan_phi * (np.abs(flow.tie_p_mw) if both else flow.tie_p_mw),
    ]


def _device_excess(grid: Grid, problem: DispatchProblem, plan: Plan) -> list[FloatArray]:
    """Return the excess over the limits of loads (18), renewables (20)-(22), batteries (23)-(25) and microgrids."""
    points, energy = plan.set_points, plan.end_energy_mwh
    converter = np.array([unit.max_s_mva for unit in grid.renewables])
    tan_phi = np.tan(np.arccos([unit.min_power_factor for unit in grid.renewables]))
    size = np.array([unit.max_e_mwh for unit in grid.batteries])
    least = size * np.array([unit.min_soc for unit in grid.batteries])
    exchange = np.array([connection.exchange_limits()[0] for connection in grid.connections])
    return [
        -points.load_p_mw,
        points.load_p_mw - problem.demand_mw,
        -points.renewable_p_mw,
        points.renewable_p_mw - problem.available_mw,
        np.hypot(points.renewable_p_mw, points.renewable_q_mvar) - converter,
        np.abs(points.renewable_q_mvar) - tan_phi * points.renewable_p_mw,
        np.hypot(points.battery_p_mw, points.battery_q_mvar) - np.array([unit.max_s_mva for unit in grid.batteries]),
        np.maximum(least, problem.required_energy_mwh) - energy,
        plan.spilled[..., None] * size,
        np.abs(points.exchange_p_mw) - exchange,
    ]


def _status(plan: Plan, mismatch_mw: float, excess: float) -> str:
    if plan.violation.max() > VIOLATION_TOLERANCE:
        return "infeasible"
    if plan.inexactness.max() > EXACT or mismatch_mw > EXACT_MISMATCH_MW or excess > EXACT_LIMIT_PU:
        return "inexact"
    return "repaired" if plan.repaired else "exact"
