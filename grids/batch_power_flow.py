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

from grids.network import BASE_MVA, FloatArray, Grid
from grids.power_flow import PowerFlowError, SetPoints, injection

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
    line_i_pu : array, shape (..., L)
        Currents at the sending end. [p.u.]
    """

    tie_p_mw: FloatArray
    tie_q_mvar: FloatArray
    vm_pu: FloatArray
    line_i_pu: FloatArray


class BatchPowerFlow:
    """The network of a grid as a power-grid-model: one line per line, one injection per bus."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._model = PowerGridModel(_input_data(grid))
        count = len(grid.bus_ids)
        self._load_ids = np.arange(count) + 2 * count + 1
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
        update = initialize_array(DatasetType.update, ComponentType.sym_load, power.shape)
        update["id"] = self._load_ids
        update["p_specified"] = -power.real * 1e6
        update["q_specified"] = -power.imag * 1e6
        try:
            result = self._model.calculate_power_flow(
                update_data={ComponentType.sym_load: update},
                output_component_types={
                    ComponentType.node: ["u_pu"],
                    ComponentType.line: ["i_from"],
                    ComponentType.source: ["p", "q"],
                },
                error_tolerance=1e-10,
                threading=0,
            )
        except PowerGridError as error:
            raise PowerFlowError(f"the AC power flow has no solution: {error}") from error
        source = result[ComponentType.source]
        return BatchFlow(
            tie_p_mw=source["p"][:, 0].reshape(shape) / 1e6,
            tie_q_mvar=source["q"][:, 0].reshape(shape) / 1e6,
            vm_pu=result[ComponentType.node]["u_pu"].reshape(*shape, buses),
            line_i_pu=result[ComponentType.line]["i_from"].reshape(*shape, -1) / self._base_a,
        )


def _volt(grid: Grid) -> float:
    """Return the nominal voltage, the same at all buses. [V]"""
    return float(grid.tables.bus.vn_kv.iloc[0]) * 1e3


def _input_data(grid: Grid) -> dict[ComponentType, np.ndarray]:
    volt = _volt(grid)
    base_ohm = volt**2 / (BASE_MVA * 1e6)
    count, lines = len(grid.bus_ids), len(grid.line_from)
    node = initialize_array(DatasetType.input, ComponentType.node, count)
    node["id"], node["u_rated"] = np.arange(count), volt
    line = initialize_array(DatasetType.input, ComponentType.line, lines)
    line["id"] = count + np.arange(lines)
    line["from_node"], line["to_node"] = grid.line_from, grid.line_to
    line["from_status"] = line["to_status"] = 1
    line["r1"], line["x1"] = grid.line_r_pu * base_ohm, grid.line_x_pu * base_ohm
    line["c1"] = line["tan1"] = 0.0
    line["i_n"] = 1e6  # ratings are checked elsewhere
    source = initialize_array(DatasetType.input, ComponentType.source, 1)
    source["id"], source["node"], source["status"] = 2 * count, grid.slack, 1
    source["u_ref"], source["sk"] = grid.voltage.slack_vm_pu, _STIFF_VA
    load = initialize_array(DatasetType.input, ComponentType.sym_load, count)
    load["id"], load["node"], load["status"] = np.arange(count) + 2 * count + 1, np.arange(count), 1
    load["type"] = LoadGenType.const_power
    load["p_specified"] = load["q_specified"] = 0.0
    return {
        ComponentType.node: node,
        ComponentType.line: line,
        ComponentType.source: source,
        ComponentType.sym_load: load,
    }
