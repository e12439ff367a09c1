"""AC power flow of many hours at once, with power-grid-model: microseconds each, as exact as pandapower's."""

import math
from dataclasses import dataclass

import numpy as np
from power_grid_model import (
    ComponentType,
    DatasetType,
    LoadGenType,
    PowerGridModel,
    initialize_array,
)
from power_grid_model.errors import PowerGridError

from grids.network import BASE_MVA, ComplexArray, FloatArray, Grid
from grids.power_flow import PowerFlowError, SetPoints, branch_flow, injection, shared_power_flow, tie_power

_STIFF_VA = 1e20  # short-circuit power of the main grid: it holds its voltage, as pandapower's ext_grid does


@dataclass(frozen=True, kw_only=True)
class BatchFlow:
    """Tie-line flow (positive import) and voltages of many hours; leading axes as in the set points.

    Attributes
    ----------
    tie_p_mw, tie_q_mvar : array, shape (...)
        Flow from the main grid. [MW], [Mvar]
    vm_pu : array, shape (..., B)
        Voltages. [p.u.]
    line_i_pu, line_i_to_pu : array, shape (..., L)
        Currents at the sending end and at the receiving end. [p.u.]
    """

    tie_p_mw: FloatArray
    tie_q_mvar: FloatArray
    vm_pu: FloatArray
    line_i_pu: FloatArray
    line_i_to_pu: FloatArray


class BatchPowerFlow:
    """The network of a grid as a power-grid-model: one branch per line, one injection per bus.

    Where generators hold voltages, which power-grid-model does not know, pandapower answers hour by hour.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        if len(grid.held_bus):
            return
        self._model = PowerGridModel(_input_data(grid))
        count = len(grid.bus_ids)
        self._load_ids = _first_load(grid) + np.arange(count)
        self._base_a = BASE_MVA * 1e6 / (math.sqrt(3) * _volt(grid))

    def run(self, set_points: SetPoints) -> BatchFlow:
        """Return the power flows of all set points (arrays of shape (..., U)).

        Raises
        ------
        PowerFlowError
            If any of them has no solution.
        """
        power = injection(self._grid, set_points)
        if not np.isfinite(power).all():  # power-grid-model reads NaN as "unchanged"
            raise PowerFlowError("the AC power flow has no solution: set points are not finite")
        shape, buses = power.shape[:-1], power.shape[-1]
        power = power.reshape(-1, buses)
        if len(self._grid.held_bus):
            solve = shared_power_flow(self._grid).voltage
            voltage = np.array([solve(one) for one in power]).reshape(*shape, buses)
            return self._flow(voltage, power.reshape(*shape, buses))
        update = initialize_array(DatasetType.update, ComponentType.sym_load, power.shape)
        update["id"] = self._load_ids
        update["p_specified"] = -power.real * 1e6
        update["q_specified"] = -power.imag * 1e6
        try:
            result = self._model.calculate_power_flow(
                update_data={ComponentType.sym_load: update},
                output_component_types={
                    ComponentType.node: ["u_pu", "u_angle"],
                    **({ComponentType.line: ["i_from"]} if self._grid.is_bare else {}),
                    ComponentType.source: ["p", "q"],
                },
                error_tolerance=1e-10,
                threading=0,
            )
        except PowerGridError as error:
            raise PowerFlowError(f"the AC power flow has no solution: {error}") from error
        node = result[ComponentType.node]
        if not self._grid.is_bare:
            voltage = (node["u_pu"] * np.exp(1j * node["u_angle"])).reshape(*shape, buses)
            return self._flow(voltage, power.reshape(*shape, buses))
        source, line_i_pu = result[ComponentType.source], result[ComponentType.line]["i_from"] / self._base_a
        return BatchFlow(
            tie_p_mw=source["p"][:, 0].reshape(shape) / 1e6,
            tie_q_mvar=source["q"][:, 0].reshape(shape) / 1e6,
            vm_pu=node["u_pu"].reshape(*shape, buses),
            line_i_pu=line_i_pu.reshape(*shape, -1),
            line_i_to_pu=line_i_pu.reshape(*shape, -1),
        )

    def _flow(self, voltage: ComplexArray, injected: ComplexArray) -> BatchFlow:
        """Return currents and the tie line from complex voltages and injections, shape (..., B)."""
        flow = branch_flow(self._grid, voltage)
        tie = tie_power(self._grid, voltage, flow, injected)
        return BatchFlow(
            tie_p_mw=tie.real,
            tie_q_mvar=tie.imag,
            vm_pu=np.abs(voltage),
            line_i_pu=np.abs(flow.i_sending),
            line_i_to_pu=np.abs(flow.i_receiving),
        )


def _volt(grid: Grid) -> float:
    """Return the nominal voltage: that of all buses, or any one where there are several levels. [V]"""
    return float(grid.tables.bus.vn_kv.iloc[0]) * 1e3


def _first_load(grid: Grid) -> int:
    """Return the number of the first load, after those of buses, lines, the source and shunts."""
    return 2 * len(grid.bus_ids) + 1 if grid.is_bare else 2 * len(grid.bus_ids) + len(grid.line_from) + 1


def _input_data(grid: Grid) -> dict[ComponentType, np.ndarray]:
    volt = _volt(grid)
    base_ohm = volt**2 / (BASE_MVA * 1e6)
    count = len(grid.bus_ids)
    node = initialize_array(DatasetType.input, ComponentType.node, count)
    node["id"], node["u_rated"] = np.arange(count), volt
    source = initialize_array(DatasetType.input, ComponentType.source, 1)
    source["id"], source["node"], source["status"] = _first_load(grid) - 1, grid.slack, 1
    source["u_ref"], source["sk"] = grid.voltage.slack_vm_pu, _STIFF_VA
    load = initialize_array(DatasetType.input, ComponentType.sym_load, count)
    load["id"], load["node"], load["status"] = _first_load(grid) + np.arange(count), np.arange(count), 1
    load["type"] = LoadGenType.const_power
    load["p_specified"] = load["q_specified"] = 0.0
    branches = _lines(grid, base_ohm) if grid.is_bare else _two_ports(grid, base_ohm)
    return {
        ComponentType.node: node,
        **branches,
        ComponentType.source: source,
        ComponentType.sym_load: load,
    }


def _lines(grid: Grid, base_ohm: float) -> dict[ComponentType, np.ndarray]:
    line = _ends(grid, ComponentType.line)
    line["r1"], line["x1"] = grid.line_r_pu * base_ohm, grid.line_x_pu * base_ohm
    line["c1"] = line["tan1"] = 0.0
    line["i_n"] = 1e6  # ratings are checked elsewhere
    return {ComponentType.line: line}


def _two_ports(grid: Grid, base_ohm: float) -> dict[ComponentType, np.ndarray]:
    """Return series impedances behind ideal transformers; all that goes to earth stands at the buses."""
    branch = _ends(grid, ComponentType.generic_branch)
    branch["r1"], branch["x1"] = grid.line_r_pu * base_ohm, grid.line_x_pu * base_ohm
    branch["g1"] = branch["b1"] = 0.0
    branch["k"], branch["theta"] = grid.line_ratio, np.radians(grid.line_shift_degree)
    admittance = grid.bus_g_pu + 1j * grid.bus_b_pu
    np.add.at(admittance, grid.line_from, (grid.line_g_from_pu + 1j * grid.line_b_from_pu) / grid.line_ratio**2)
    np.add.at(admittance, grid.line_to, grid.line_g_to_pu + 1j * grid.line_b_to_pu)
    count = len(grid.bus_ids)
    shunt = initialize_array(DatasetType.input, ComponentType.shunt, count)
    shunt["id"], shunt["node"] = count + len(grid.line_from) + np.arange(count), np.arange(count)
    shunt["status"], shunt["g1"], shunt["b1"] = 1, admittance.real / base_ohm, admittance.imag / base_ohm
    return {ComponentType.generic_branch: branch, ComponentType.shunt: shunt}


def _ends(grid: Grid, kind: ComponentType) -> np.ndarray:
    """Return branches of a kind, numbered after the buses, with their ends."""
    branch: np.ndarray = initialize_array(DatasetType.input, kind, len(grid.line_from))
    branch["id"] = len(grid.bus_ids) + np.arange(len(grid.line_from))
    branch["from_node"], branch["to_node"] = grid.line_from, grid.line_to
    branch["from_status"] = branch["to_status"] = 1
    return branch
