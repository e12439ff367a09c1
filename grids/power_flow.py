"""AC power flow of the metered network: set points in, metered flows and voltages out, one hour at a time."""

from __future__ import annotations

from concurrent.futures import Future
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np

from grids.errors import TielineError
from grids.network import ComplexArray, FloatArray, Grid
from grids.newton import TOLERANCE, Solve, newton

if TYPE_CHECKING:
    from pandapower import pandapowerNet


class PowerFlowError(TielineError, RuntimeError):
    """The AC power flow has no solution: the set points would collapse the voltage."""


@dataclass(frozen=True, kw_only=True)
class SetPoints:
    """Active and reactive power of every unit in one or many hours; the last axis is the unit.

    Demand and what a microgrid takes from the network are positive consumption, generation and battery discharge are
    positive injections. [MW], [Mvar]

    Examples
    --------
    >>> import numpy as np
    >>> import tieline as tl
    >>> off, one = np.zeros(1), np.array([0.1])
    >>> set_points = tl.SetPoints(
    ...     load_p_mw=one, load_q_mvar=off,
    ...     renewable_p_mw=off, renewable_q_mvar=off,
    ...     battery_p_mw=one, battery_q_mvar=off
    ... )
    >>> set_points.load_p_mw - set_points.battery_p_mw
    array([0.])
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
    """A solved AC power flow; the tie line is positive for import.

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


class PowerFlow:
    """AC power flow of a grid by pandapower, prepared once and run for any set points.

    Every hour starts from the same voltages, those of the network at a tenth of its load, so it does not depend on
    the hours before it, and one object can serve many runs.
    """

    def __init__(self, grid: Grid) -> None:
        import pandapower as pp

        self._grid = grid
        net = deepcopy(grid.net)
        net.load[["p_mw", "q_mvar"]] *= 0.1  # a network at low load has a solution to start from
        try:
            pp.runpp(net, only_v_results=True, tolerance_mva=TOLERANCE, numba=False)
        except pp.LoadflowNotConverged as error:
            raise PowerFlowError(f"network '{grid.name}' has no AC power flow even at a tenth of its load") from error
        self._bus = net._pd2ppc_lookups["bus"][grid.bus_ids]
        self._count = len(net._ppc["internal"]["V"])
        low = None if grid.net_rows else self._ordered(injection(grid, _load_alone(grid, 0.1)))
        self._solve = newton(net, low) or _plain_runpp(net)

    def run(self, set_points: SetPoints) -> Flow:
        """Return the AC power flow of one hour (arrays of shape (U,)).

        Raises
        ------
        PowerFlowError
            If Newton's method finds no solution.
        """
        return _flow_from_voltage(self._grid, self.voltage(injection(self._grid, set_points)), set_points)

    def voltage(self, injection_mva: ComplexArray) -> ComplexArray:
        """Return the complex voltages at all buses for the injections of one hour, shape (B,). [p.u.]

        Raises
        ------
        PowerFlowError
            If Newton's method finds no solution.
        """
        voltage = self._solve(self._ordered(injection_mva))
        if voltage is None:
            raise PowerFlowError("the AC power flow has no solution for these set points")
        at_buses: ComplexArray = voltage[self._bus]
        return at_buses

    def _ordered(self, injection_mva: ComplexArray) -> ComplexArray:
        """Return the injections of all buses in pandapower's order. [MVA]"""
        ordered = np.zeros(self._count, dtype=np.complex128)
        ordered[self._bus] = injection_mva
        return ordered


def _load_alone(grid: Grid, share: float) -> SetPoints:
    """Return set points of a share of the peak demand and nothing else."""
    groups = (("renewable", grid.renewables), ("battery", grid.batteries), ("exchange", grid.connections))
    idle = {f"{kind}_{power}": np.zeros(len(units)) for kind, units in groups for power in ("p_mw", "q_mvar")}
    return SetPoints(load_p_mw=share * grid.load_p_mw, load_q_mvar=share * grid.load_q_mvar, **idle)


@lru_cache(maxsize=8)
def shared_power_flow(grid: Grid) -> PowerFlow:
    """Return the power flow of a grid, prepared once; those of the last few grids are kept."""
    return PowerFlow(grid)


def upcoming_power_flow(grid: Grid) -> Future[PowerFlow]:
    """Return the shared power flow as a future: importing pandapower takes seconds, in which others compute bids."""
    power_flow: Future[PowerFlow] = Future()

    def make() -> None:
        try:
            power_flow.set_result(shared_power_flow(grid))
        except BaseException as error:  # whoever asks for the power flow is told
            power_flow.set_exception(error)

    Thread(target=make, daemon=True).start()  # a run that is given up does not wait for it
    return power_flow


def _plain_runpp(net: pandapowerNet) -> Solve:
    """Return a solver that is a plain `runpp`, where pandapower is made otherwise than :mod:`grids.newton` expects.

    A load at every bus takes the whole injection.
    """
    import pandapower as pp

    for table in (net.load, net.sgen, net.storage):
        table[["p_mw", "q_mvar"]] = 0.0
    net.gen["p_mw"] = 0.0
    buses = net.bus.index[net.bus.in_service]
    load = [pp.create_load(net, bus, p_mw=0.0, q_mvar=0.0) for bus in buses]
    at = net._pd2ppc_lookups["bus"][buses]

    def solve(injection_mva: ComplexArray) -> ComplexArray | None:
        # pandapower's load is a consumer.
        net.load.loc[load, "p_mw"], net.load.loc[load, "q_mvar"] = -injection_mva[at].real, -injection_mva[at].imag
        try:
            pp.runpp(net, init="flat", tolerance_mva=TOLERANCE, numba=False)
        except pp.LoadflowNotConverged:
            return None
        voltage = np.ones(len(injection_mva), dtype=np.complex128)
        voltage[at] = net.res_bus.vm_pu * np.exp(1j * np.radians(net.res_bus.va_degree))
        return voltage

    return solve


@dataclass(frozen=True, kw_only=True)
class BranchFlow:
    """Complex powers and currents of all branches, shape (..., L). [MVA], [p.u.]

    Attributes
    ----------
    into_sending, into_receiving : array
        Power from the bus into the branch at each end.
    i_sending, i_receiving : array
        Current there.
    loss_mw : array
        Losses, those of transformers' iron included. [MW]
    """

    into_sending: ComplexArray
    into_receiving: ComplexArray
    i_sending: ComplexArray
    i_receiving: ComplexArray
    loss_mw: FloatArray


def branch_flow(grid: Grid, voltage: ComplexArray) -> BranchFlow:
    """Return the flows in all branches from the complex bus voltages, shape (..., B), by their two-ports.

    Parameters
    ----------
    grid : Grid
        The network.
    voltage : array, shape (..., B)
        Complex voltages. [p.u.]
    """
    ideal = grid.line_ratio * np.exp(1j * np.radians(grid.line_shift_degree))
    sending, receiving = voltage[..., grid.line_from] / ideal, voltage[..., grid.line_to]
    through = (sending - receiving) / (grid.line_r_pu + 1j * grid.line_x_pu)
    i_from = through + (grid.line_g_from_pu + 1j * grid.line_b_from_pu) * sending
    i_to = (grid.line_g_to_pu + 1j * grid.line_b_to_pu) * receiving - through
    loss_mw = np.abs(through) ** 2 * grid.line_r_pu
    loss_mw = loss_mw + grid.line_g_from_pu * np.abs(sending) ** 2 + grid.line_g_to_pu * np.abs(receiving) ** 2
    return BranchFlow(
        into_sending=sending * i_from.conj(),
        into_receiving=receiving * i_to.conj(),
        i_sending=i_from / ideal.conj(),
        i_receiving=i_to,
        loss_mw=loss_mw,
    )


def _flow_from_voltage(grid: Grid, voltage: ComplexArray, set_points: SetPoints) -> Flow:
    """Return currents, flows, losses and the tie line from the complex bus voltages (p.u. on 1 MVA)."""
    flow = branch_flow(grid, voltage)
    loading = np.abs(flow.i_sending) / grid.line_max_i_pu, np.abs(flow.i_receiving) / grid.line_max_i_to_pu
    tie = tie_power(grid, voltage, flow, injection(grid, set_points))
    return Flow(
        tie_p_mw=float(tie.real),
        tie_q_mvar=float(tie.imag),
        vm_pu=np.abs(voltage),
        va_degree=np.degrees(np.angle(voltage)),
        line_p_mw=flow.into_sending.real,
        line_q_mvar=flow.into_sending.imag,
        line_loss_mw=flow.loss_mw,
        line_loading_percent=100 * np.maximum(*loading),
    )


def tie_power(grid: Grid, voltage: ComplexArray, flow: BranchFlow, injected: ComplexArray) -> ComplexArray:
    """Return what the main grid feeds into its bus, shape (...): branches and shunt less what is injected. [MVA]"""
    tie: ComplexArray = flow.into_sending[..., grid.line_from == grid.slack].sum(axis=-1) - injected[..., grid.slack]
    if grid.is_bare:
        return tie
    shunt = np.abs(voltage[..., grid.slack]) ** 2 * (grid.bus_g_pu - 1j * grid.bus_b_pu)[grid.slack]
    tie += flow.into_receiving[..., grid.line_to == grid.slack].sum(axis=-1) + shunt
    return tie


def injection(grid: Grid, set_points: SetPoints) -> ComplexArray:
    """Return the complex net injection at every bus, shape (..., B). [MVA]"""
    shape = set_points.load_p_mw.shape[:-1]
    total = np.zeros((*shape, len(grid.bus_ids)), dtype=np.complex128)
    total += grid.given_p_mw + 1j * grid.given_q_mvar
    for bus, p_mw, q_mvar, sign in (
        (grid.load_bus, set_points.load_p_mw, set_points.load_q_mvar, -1),
        (grid.renewable_bus, set_points.renewable_p_mw, set_points.renewable_q_mvar, 1),
        (grid.battery_bus, set_points.battery_p_mw, set_points.battery_q_mvar, 1),
        (grid.connection_bus, set_points.exchange_p_mw, set_points.exchange_q_mvar, -1),
    ):
        if len(bus):
            np.add.at(total.T, bus, sign * (p_mw + 1j * q_mvar).T)
    return total
