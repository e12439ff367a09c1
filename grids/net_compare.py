"""Comparison of a grid with pandapower's power flow of the net it was made from, which stays as it came."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grids.network import FloatArray, Grid
from grids.power_flow import PowerFlowError, SetPoints, shared_power_flow

if TYPE_CHECKING:
    from pandapower import pandapowerNet

SENDING = {"line": ("from", "to"), "trafo": ("hv", "lv")}
"""Names of the ends of lines and transformers in pandapower's results."""


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Largest differences between a grid's power flow and that of its net.

    Attributes
    ----------
    vm_pu, va_degree : float
        Of bus voltages. [p.u.], [degree]
    p_mw, q_mvar : float
        Of flows into branches, and of the tie line. [MW], [Mvar]
    loss_mw : float
        Of losses of branches. [MW]
    """

    vm_pu: float
    va_degree: float
    p_mw: float
    q_mvar: float
    loss_mw: float


def deviation(grid: Grid) -> Deviation:
    """Return how far a grid's power flow is from `pandapower.runpp` of its net, with the net's own set points.

    Parameters
    ----------
    grid : Grid
        Made from a pandapower net, with its slack voltage; units that the net does not have stand still.

    Raises
    ------
    PowerFlowError
        If one of them has no solution.
    """
    import pandapower as pp

    net: pandapowerNet = deepcopy(grid.tables)
    try:
        pp.runpp(net, tolerance_mva=1e-9, numba=False)
    except pp.LoadflowNotConverged as error:
        raise PowerFlowError(f"pandapower finds no power flow of network '{grid.name}' as it is") from error
    flow = shared_power_flow(grid).run(_own_set_points(grid))
    p_mw, q_mvar, loss_mw = _branch_results(grid, net)
    tie = net.res_ext_grid[["p_mw", "q_mvar"]].sum()
    return Deviation(
        vm_pu=_most(flow.vm_pu - net.res_bus.vm_pu[grid.bus_ids].to_numpy()),
        va_degree=_most(flow.va_degree - net.res_bus.va_degree[grid.bus_ids].to_numpy()),
        p_mw=_most(np.append(flow.line_p_mw - p_mw, flow.tie_p_mw - tie.p_mw)),
        q_mvar=_most(np.append(flow.line_q_mvar - q_mvar, flow.tie_q_mvar - tie.q_mvar)),
        loss_mw=_most(flow.line_loss_mw - loss_mw),
    )


def _own_set_points(grid: Grid) -> SetPoints:
    net, nothing = grid.tables, np.zeros(len(grid.connections))

    def power(table: str, kind: str, column: str, sign: int) -> FloatArray:
        scaled = net[table][column] * net[table].scaling
        values = [scaled.at[row] if row >= 0 else 0.0 for row in grid.net_rows[kind]]
        return sign * np.array(values, dtype=np.float64)

    return SetPoints(
        load_p_mw=grid.load_p_mw,
        load_q_mvar=grid.load_q_mvar,
        renewable_p_mw=power("sgen", "renewable", "p_mw", 1),
        renewable_q_mvar=power("sgen", "renewable", "q_mvar", 1),
        battery_p_mw=power("storage", "battery", "p_mw", -1),
        battery_q_mvar=power("storage", "battery", "q_mvar", -1),
        exchange_p_mw=nothing,
        exchange_q_mvar=nothing,
    )


def _branch_results(grid: Grid, net: pandapowerNet) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return pandapower's P and Q into the sending end, and losses, of every branch: the sum of what it stands for."""
    totals = np.zeros((3, len(grid.line_from)))
    for line, elements in enumerate(grid.line_elements):
        for table, row in elements:
            if table == "switch":  # pandapower has no results for them
                totals[:, line] = np.nan
                continue
            first, second = SENDING[table]
            at_first = grid.position(int(net[table][f"{first}_bus"].at[row])) == grid.line_from[line]
            end, result = first if at_first else second, net[f"res_{table}"].loc[row]
            totals[:, line] += result[f"p_{end}_mw"], result[f"q_{end}_mvar"], result["pl_mw"]
    return totals[0], totals[1], totals[2]


def _most(differences: FloatArray) -> float:
    return float(np.nanmax(np.abs(differences)))
