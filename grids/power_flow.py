"""The plant: set points in, metered AC power flow out, one hour at a time. pandapower's signs are turned here."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandapower as pp

from grids.network import ComplexArray, FloatArray, Grid


class PowerFlowError(RuntimeError):
    """The AC power flow has no solution: the set points would collapse the voltage."""


@dataclass(frozen=True, kw_only=True)
class SetPoints:
    """What every unit does in one or many hours; the last axis is the unit.

    Demand and what a microgrid takes from the network are positive consumption, generation and battery discharge are
    positive injections. [MW], [Mvar]
    """

    load_p_mw: FloatArray
    load_q_mvar: FloatArray
    renewable_p_mw: FloatArray
    renewable_q_mvar: FloatArray
    battery_p_mw: FloatArray
    battery_q_mvar: FloatArray
    exchange_p_mw: FloatArray = field(default_factory=lambda: np.zeros(0))
    exchange_q_mvar: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One solved AC power flow; the tie line is positive for import.

    Attributes
    ----------
    tie_p_mw, tie_q_mvar : float
        Metered flow from the main grid. [MW], [Mvar]
    vm_pu, va_degree : array, shape (B,)
        Bus voltages. [p.u.], [degree]
    line_p_mw, line_q_mvar : array, shape (L,)
        Flow into each line at its ``from_bus``. [MW], [Mvar]
    line_loss_mw : array, shape (L,)
        Losses. [MW]
    line_loading_percent : array, shape (L,)
        Current over rating. [%]
    """

    tie_p_mw: float
    tie_q_mvar: float
    vm_pu: FloatArray
    va_degree: FloatArray
    line_p_mw: FloatArray
    line_q_mvar: FloatArray
    line_loss_mw: FloatArray
    line_loading_percent: FloatArray


class Plant:
    """The network as physics sees it: a pandapower net that answers set points with a power flow."""

    # Only P and Q at the buses change from hour to hour, so pandapower may keep its admittance matrix; it
    # returns the bus voltages, and Ohm's law below gives the rest at a third of the cost of its result tables.
    _OPTIONS: ClassVar[dict[str, Any]] = {
        "recycle": {"bus_pq": True, "trafo": False, "gen": False},
        "only_v_results": True,
        "tolerance_mva": 1e-9,
    }

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._net = deepcopy(grid.net)
        self._net.load[["p_mw", "q_mvar"]] *= 0.1  # a network at low load has a solution to start from
        pp.runpp(self._net, **self._OPTIONS)
        self._bus = self._net._pd2ppc_lookups["bus"][grid.bus_ids]

    def run(self, set_points: SetPoints) -> Flow:
        """Return the AC power flow of one hour (arrays of shape (U,)).

        Raises
        ------
        PowerFlowError
            If Newton's method finds no solution.
        """
        net = self._net
        # A port stands in the net as one more load.
        net.load["p_mw"] = np.concatenate([set_points.load_p_mw, set_points.exchange_p_mw])
        net.load["q_mvar"] = np.concatenate([set_points.load_q_mvar, set_points.exchange_q_mvar])
        net.sgen["p_mw"] = set_points.renewable_p_mw
        net.sgen["q_mvar"] = set_points.renewable_q_mvar
        # pandapower's storage is a consumer: charging positive.
        net.storage["p_mw"] = -set_points.battery_p_mw
        net.storage["q_mvar"] = -set_points.battery_q_mvar
        try:
            pp.runpp(net, **self._OPTIONS)
            solved = bool(net._ppc["success"])  # a recycled run does not raise
        except pp.LoadflowNotConverged:
            solved = False
        if not solved:
            net["_ppc"] = None  # the next hour must not start from a diverged voltage
            raise PowerFlowError("the AC power flow has no solution for these set points")
        voltage = net._ppc["internal"]["V"][self._bus]
        return _flow_from_voltage(self._grid, voltage, set_points)


def _flow_from_voltage(grid: Grid, voltage: ComplexArray, set_points: SetPoints) -> Flow:
    """Return currents, flows, losses and the tie line from the complex bus voltages (p.u. on 1 MVA)."""
    sending, receiving = voltage[grid.line_from], voltage[grid.line_to]
    current = (sending - receiving) / (grid.line_r_pu + 1j * grid.line_x_pu)
    into_line = sending * current.conj()
    loss = np.abs(current) ** 2 * grid.line_r_pu
    tie = into_line[grid.line_from == grid.slack].sum() - injection(grid, set_points)[grid.slack]
    return Flow(
        tie_p_mw=float(tie.real),
        tie_q_mvar=float(tie.imag),
        vm_pu=np.abs(voltage),
        va_degree=np.degrees(np.angle(voltage)),
        line_p_mw=into_line.real,
        line_q_mvar=into_line.imag,
        line_loss_mw=loss,
        line_loading_percent=100 * np.abs(current) / grid.line_max_i_pu,
    )


def injection(grid: Grid, set_points: SetPoints) -> ComplexArray:
    """Return the complex net injection at every bus, shape (..., B). [MVA]"""
    shape = set_points.load_p_mw.shape[:-1]
    total = np.zeros((*shape, len(grid.bus_ids)), dtype=np.complex128)
    for bus, p_mw, q_mvar, sign in (
        (grid.load_bus, set_points.load_p_mw, set_points.load_q_mvar, -1),
        (grid.renewable_bus, set_points.renewable_p_mw, set_points.renewable_q_mvar, 1),
        (grid.battery_bus, set_points.battery_p_mw, set_points.battery_q_mvar, 1),
        (grid.port_bus, set_points.exchange_p_mw, set_points.exchange_q_mvar, -1),
    ):
        if len(bus):
            np.add.at(total.T, bus, sign * (p_mw + 1j * q_mvar).T)
    return total
