"""Network and units of a run as columns of its tables, for the recorder and for the inputs of the audit."""

from typing import Any

import numpy as np

from grids.components import Battery, Renewable
from grids.network import FloatArray, Grid


def branch_columns(grid: Grid) -> dict[str, Any]:
    """Return the columns of the table of branches, (L,) each: ends, impedance, rating, and more where there is more.

    A network of bare lines has no more. Others have kind, ideal transformer and shunts of every branch, the rating of
    its receiving end, and the bus at the main grid.
    """
    bare = {
        "line": np.arange(len(grid.line_from)),
        "from_bus": grid.bus_ids[grid.line_from],
        "to_bus": grid.bus_ids[grid.line_to],
        "r_pu": grid.line_r_pu,
        "x_pu": grid.line_x_pu,
        "max_i_pu": grid.line_max_i_pu,
    }
    if _is_plain(grid):
        return bare
    unlimited = np.isinf(grid.line_max_i_to_pu)  # then the rating of the sending end binds first
    return {
        **bare,
        "kind": list(grid.line_kinds),
        "ratio": grid.line_ratio,
        "shift_degree": grid.line_shift_degree,
        "g_from_pu": grid.line_g_from_pu,
        "b_from_pu": grid.line_b_from_pu,
        "g_to_pu": grid.line_g_to_pu,
        "b_to_pu": grid.line_b_to_pu,
        "max_i_to_pu": np.where(unlimited, grid.line_max_i_pu * grid.line_ratio, grid.line_max_i_to_pu),
        "slack_bus": np.full(len(grid.line_from), grid.bus_ids[grid.slack]),
    }


def bus_columns(grid: Grid) -> dict[str, FloatArray]:
    """Return what the table of buses has of every bus besides its state, (B,) each; nothing for bare lines.

    Limits of the voltage, both the same where it is held; the shunt; the injection that nobody decides.
    """
    if _is_plain(grid):
        return {}
    lowest, highest = grid.bus_min_vm_pu.copy(), grid.bus_max_vm_pu.copy()
    for limit in (lowest, highest):
        limit[grid.slack] = grid.voltage.slack_vm_pu
        limit[grid.held_bus] = grid.held_vm_pu
    return {
        "min_vm_pu": lowest,
        "max_vm_pu": highest,
        "g_pu": grid.bus_g_pu,
        "b_pu": grid.bus_b_pu,
        "given_p_mw": grid.given_p_mw,
        "given_q_mvar": grid.given_q_mvar,
    }


def unit_columns(grid: Grid) -> dict[str, Any]:
    """Return the columns of the table of units, NaN where a kind does not have the quantity, (D + G + U,) each."""
    loads, renewables, batteries = len(grid.load_names), grid.renewables, grid.batteries
    inverters: list[Renewable | Battery] = [*renewables, *batteries]
    nan = np.nan

    def of_batteries(field: str) -> list[float]:
        return [nan] * (loads + len(renewables)) + [getattr(unit, field) for unit in batteries]

    return {
        "unit": [*grid.load_names, *grid.renewable_names, *grid.battery_names],
        "kind": ["load"] * loads + [*grid.renewable_kinds] + ["battery"] * len(batteries),
        "bus": [*grid.bus_ids[grid.load_bus], *(unit.bus for unit in inverters)],
        "max_s_mva": [nan] * loads + [unit.max_s_mva for unit in inverters],
        "min_power_factor": [nan] * loads + [u.min_power_factor for u in renewables] + [nan] * len(batteries),
        "tan_phi": [*grid.load_tan_phi] + [nan] * len(inverters),
        "max_e_mwh": of_batteries("max_e_mwh"),
        "min_soc": of_batteries("min_soc"),
        "max_soc": of_batteries("max_soc"),
        "start_soc": of_batteries("start_soc"),
        "efficiency": of_batteries("efficiency"),
    }


def _is_plain(grid: Grid) -> bool:
    """Return whether lines are bare, and all limits are the study's."""
    own_limits = bool(grid.own_min_vm_pu.any() or np.isfinite(grid.own_max_vm_pu).any())
    return grid.is_bare and not own_limits and not grid.net_rows
