"""Formulations of the network in the hour model: the AC feeder as branch flow, and the copper plate of the basic bid.

"Line" means every branch, line or transformer (:mod:`agents.dispatch.two_port`).

Branch flow: Baran and Wu 1989, https://doi.org/10.1109/61.25627; its second-order cone relaxation is Farivar and
Low 2013, https://doi.org/10.1109/TPWRS.2013.2255317. Losses cost money, so the cones are tight in normal cases;
the certificate states whether they are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from agents.dispatch.flow_bounds import current_bounds, largest_series_current, shunt_losses
from agents.dispatch.plan import PLANNED, TIE_EXCESS_MVAR, planned_voltages, undecided_mw
from agents.dispatch.two_port import TwoPorts
from grids.network import BoolArray, FloatArray, Grid, IntArray

Hour = Any
"""A ``pyomo.environ.ConcreteModel`` of one hour; Pyomo adds its components as attributes."""

Relation = Any
"""A Pyomo relational expression."""


@dataclass(frozen=True, kw_only=True)
class Formulation:
    """Formulation of the network, of which the hour model is made.

    Attributes
    ----------
    name : str
        Name, by which it is chosen.
    is_ac : bool
        Whether it knows voltages, currents, losses and reactive powers.
    add_power : callable
        Adds to an hour model the power of loads and renewables.
    add_network : callable
        Adds the network with its losses to a model of a grid, elastic or not, with a bound on currents or without.
    flow_range : callable
        Returns the lowest and the highest flow of the tie line, shape (T,) each, that demand and available output,
        shape (S, T) each, leave possible. [MW]
    """

    name: str
    is_ac: bool
    add_power: Callable[[Hour], None]
    add_network: Callable[[Hour, Grid, bool, float | None], None]
    flow_range: Callable[[Grid, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


def add_power_taken(m: Hour) -> None:
    """Add Eq. (6): every load is served in full and all available output taken, so that neither is a decision."""
    m.load_p_mw = pyo.Expression(m.LOADS, rule=lambda m, i: m.demand_mw[i])
    m.renewable_p_mw = pyo.Expression(m.RENEWABLES, rule=lambda m, i: m.available_mw[i])


def add_copper_plate(m: Hour, grid: Grid, elastic: bool, demand_peak: float | None) -> None:
    """Add Eq. (6): one bus without losses."""
    m.losses_mw = pyo.Expression(expr=0.0)
    undecided = float(undecided_mw(grid, np.full(len(grid.bus_ids), grid.voltage.slack_vm_pu)))

    @m.Constraint(doc="(6) The tie line closes the balance.")
    def balance(m: Hour) -> Relation:
        demand = sum(m.load_p_mw[i] for i in m.LOADS) + sum(m.exchange_p_mw[i] for i in m.CONNECTIONS)
        demand += undecided if undecided else 0
        supply = sum(m.renewable_p_mw[i] for i in m.RENEWABLES) + sum(m.battery_p_mw[i] for i in m.BATTERIES)
        return m.tie_p_mw == demand - supply


def copper_plate_range(grid: Grid, demand_mw: FloatArray, available_mw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the range of flows where all demand is served and all output taken: batteries and microgrids move it."""
    undecided = float(undecided_mw(grid, np.full(len(grid.bus_ids), grid.voltage.slack_vm_pu)))
    flow_mw, moved = demand_mw + undecided - available_mw, _movable_mw(grid)
    return (flow_mw - moved).min(axis=0), (flow_mw + moved).max(axis=0)


def add_power_decided(m: Hour) -> None:
    """Add loads (18) and renewables (20), each of which may be curtailed."""
    m.load_p_mw = pyo.Var(m.LOADS, bounds=(0, None))

    @m.Constraint(m.LOADS, doc="(18) A load is served in part or in full.")
    def load_is_demanded(m: Hour, i: int) -> Relation:
        return m.load_p_mw[i] <= m.demand_mw[i]

    m.renewable_p_mw = pyo.Var(m.RENEWABLES, bounds=(0, None))

    @m.Constraint(m.RENEWABLES, doc="(20) A renewable gives what is available, or less.")
    def output_is_available(m: Hour, i: int) -> Relation:
        return m.renewable_p_mw[i] <= m.available_mw[i]


def add_branch_flow(m: Hour, grid: Grid, elastic: bool, demand_peak: float | None) -> None:
    """Add the AC network: flows, squared currents and voltages, their limits, and reactive powers."""
    m.BUSES = pyo.RangeSet(0, len(grid.bus_ids) - 1)
    m.LINES = pyo.RangeSet(0, len(grid.line_from) - 1)
    _add_reactive_power(m, grid)
    _add_state(m, grid, elastic=elastic)
    branches = TwoPorts(m, grid)
    _add_power_balance(m, grid, branches)
    _add_ohms_law(m, grid, branches)
    _add_ratings_of_shunted_ends(m, grid, branches, elastic=elastic)
    if demand_peak is not None:
        _add_current_bounds(m, grid, demand_peak)
    _add_tie_limits(m, grid, elastic=elastic)
    m.losses_mw = pyo.Expression(expr=sum(branches.loss(e) for e in m.LINES))  # (13)


def _add_reactive_power(m: Hour, grid: Grid) -> None:
    m.renewable_q_mvar = pyo.Var(m.RENEWABLES)
    m.battery_q_mvar = pyo.Var(m.BATTERIES)
    m.tie_q_mvar = pyo.Var()

    @m.Constraint(m.RENEWABLES, doc="(21) The inverter's apparent power stays within its capacity.")
    def renewable_circle(m: Hour, i: int) -> Relation:
        return m.renewable_p_mw[i] ** 2 + m.renewable_q_mvar[i] ** 2 <= (PLANNED * grid.renewables[i].max_s_mva) ** 2

    @m.Constraint(m.RENEWABLES, (-1, 1), doc="(22) Its power factor stays within range, lagging and leading.")
    def renewable_power_factor(m: Hour, i: int, sign: int) -> Relation:
        tan_phi = PLANNED * math.tan(math.acos(grid.renewables[i].min_power_factor))
        return sign * m.renewable_q_mvar[i] <= tan_phi * m.renewable_p_mw[i]

    @m.Constraint(m.BATTERIES, doc="(23) The battery's converter works in all four quadrants of a circle.")
    def battery_circle(m: Hour, i: int) -> Relation:
        return m.battery_p_mw[i] ** 2 + m.battery_q_mvar[i] ** 2 <= (PLANNED * grid.batteries[i].max_s_mva) ** 2


def _add_state(m: Hour, grid: Grid, *, elastic: bool) -> None:
    lowest, highest = (limit.tolist() for limit in planned_voltages(grid))
    m.line_p_mw = pyo.Var(m.LINES)
    m.line_q_mvar = pyo.Var(m.LINES)
    rating = (PLANNED * _series_ratings(grid)) ** 2
    m.squared_current = pyo.Var(m.LINES, bounds=lambda m, e: (None, None if elastic else float(rating[e])))
    m.squared_voltage = pyo.Var(m.BUSES)
    if elastic:
        m.squared_undervoltage = pyo.Var(m.BUSES, bounds=(0, None))
        m.squared_overvoltage = pyo.Var(m.BUSES, bounds=(0, None))
        m.squared_overcurrent = pyo.Var(m.LINES, bounds=(0, None))
        m.violations += [m.squared_undervoltage, m.squared_overvoltage, m.squared_overcurrent]

        @m.Constraint(m.LINES, doc="(29), elastic.")
        def line_rating(m: Hour, e: int) -> Relation:
            if rating[e] == math.inf:
                return pyo.Constraint.Skip
            return m.squared_current[e] <= float(rating[e]) + m.squared_overcurrent[e]

    @m.Constraint(doc="The main grid holds the voltage at its bus.")
    def slack_voltage(m: Hour) -> Relation:
        return m.squared_voltage[grid.slack] == grid.voltage.slack_vm_pu**2

    @m.Constraint(m.BUSES, doc="(31) Lower voltage limit.")
    def min_voltage(m: Hour, j: int) -> Relation:
        if j == grid.slack:
            return pyo.Constraint.Skip
        return m.squared_voltage[j] + (m.squared_undervoltage[j] if elastic else 0) >= lowest[j] ** 2

    @m.Constraint(m.BUSES, doc="(31) Upper voltage limit.")
    def max_voltage(m: Hour, j: int) -> Relation:
        if j == grid.slack:
            return pyo.Constraint.Skip
        return m.squared_voltage[j] - (m.squared_overvoltage[j] if elastic else 0) <= highest[j] ** 2


def _shunted_ends(grid: Grid) -> tuple[BoolArray, BoolArray]:
    """Return the mask of branches with a shunt at the sending end, and with one at the receiving end, shape (L,)."""
    return (
        (grid.line_g_from_pu != 0) | (grid.line_b_from_pu != 0),
        (grid.line_g_to_pu != 0) | (grid.line_b_to_pu != 0),
    )


def _series_ratings(grid: Grid) -> FloatArray:
    """Return the largest current of every series element by the ratings of its ends without shunt, shape (L,)."""
    sending, receiving = _shunted_ends(grid)
    return np.minimum(
        np.where(sending, np.inf, grid.line_max_i_pu * grid.line_ratio),
        np.where(receiving, np.inf, grid.line_max_i_to_pu),
    )


def _add_ratings_of_shunted_ends(m: Hour, grid: Grid, branches: TwoPorts, *, elastic: bool) -> None:
    """Add the ratings (29) of ends where a shunt makes the metered current another than that in the series element."""
    sending, receiving = (np.flatnonzero(ends).tolist() for ends in _shunted_ends(grid))
    of_sending, of_receiving = (((PLANNED * x) ** 2).tolist() for x in (grid.line_max_i_pu, grid.line_max_i_to_pu))

    def within(current: Any, squared_rating: float, e: int) -> Relation:
        if squared_rating == math.inf:
            return pyo.Constraint.Skip
        return current - (m.squared_overcurrent[e] if elastic else 0) <= squared_rating

    @m.Constraint(sending, doc="(29) Current at the sending end, charging included.")
    def sending_rating(m: Hour, e: int) -> Relation:
        return within(branches.squared_current_sent(e), of_sending[e], e)

    @m.Constraint(receiving, doc="(29) Current at the receiving end, charging included.")
    def receiving_rating(m: Hour, e: int) -> Relation:
        return within(branches.squared_current_received(e), of_receiving[e], e)


def _add_power_balance(m: Hour, grid: Grid, branches: TwoPorts) -> None:
    loads = _units_at(grid.load_bus)
    renewables = _units_at(grid.renewable_bus)
    batteries = _units_at(grid.battery_bus)
    connections = _units_at(grid.connection_bus)
    into, out_of = _units_at(grid.line_to), _units_at(grid.line_from)
    given_p, given_q = grid.given_p_mw.tolist(), grid.given_q_mvar.tolist()
    g, b = grid.bus_g_pu.tolist(), grid.bus_b_pu.tolist()
    tan_phi = grid.load_tan_phi.tolist()

    @m.Constraint(m.BUSES, doc="(26)-(27) Active power in equals active power out at every bus; its shunt draws g·v.")
    def active_balance(m: Hour, j: int) -> Relation:
        supply = sum(m.renewable_p_mw[i] for i in renewables(j)) + sum(m.battery_p_mw[i] for i in batteries(j))
        supply += given_p[j] if given_p[j] else 0
        arriving = sum(branches.received_p(e) for e in into(j))
        tie = m.tie_p_mw if j == grid.slack else 0
        leaving = sum(branches.sent_p(e) for e in out_of(j)) + sum(m.load_p_mw[i] for i in loads(j))
        leaving += g[j] * m.squared_voltage[j] if g[j] else 0
        return supply + arriving + tie == leaving + sum(m.exchange_p_mw[i] for i in connections(j))

    @m.Constraint(m.BUSES, doc="(26)-(27) Reactive power; loads keep their power factor (19), a shunt draws -b·v.")
    def reactive_balance(m: Hour, j: int) -> Relation:
        supply = sum(m.renewable_q_mvar[i] for i in renewables(j)) + sum(m.battery_q_mvar[i] for i in batteries(j))
        supply += given_q[j] if given_q[j] else 0
        arriving = sum(branches.received_q(e) for e in into(j))
        tie = m.tie_q_mvar if j == grid.slack else 0
        leaving = sum(branches.sent_q(e) for e in out_of(j)) + sum(tan_phi[i] * m.load_p_mw[i] for i in loads(j))
        leaving -= b[j] * m.squared_voltage[j] if b[j] else 0
        return supply + arriving + tie == leaving + sum(m.exchange_q_mvar[i] for i in connections(j))


def _add_ohms_law(m: Hour, grid: Grid, branches: TwoPorts) -> None:
    """Add Eq. (28) in branch-flow form."""
    receiving = grid.line_to.tolist()

    @m.Constraint(m.LINES, doc="(28) Voltage drop: v_j = w - 2(rP + xQ) + (r² + x²)ℓ, w = v_i/t².")
    def voltage_drop(m: Hour, e: int) -> Relation:
        return m.squared_voltage[receiving[e]] == branches.voltage(e) - branches.drop(e)

    @m.Constraint(m.LINES, doc="(28) Current: P² + Q² = ℓ·w, relaxed to a second-order cone.")
    def current(m: Hour, e: int) -> Relation:
        power = m.line_p_mw[e] ** 2 + m.line_q_mvar[e] ** 2
        return power <= m.squared_current[e] * branches.voltage(e)


def _add_current_bounds(m: Hour, grid: Grid, demand_peak: float) -> None:
    """Keep the relaxation from burning energy in currents that no flow explains."""
    constant, slope = (bounds.tolist() for bounds in current_bounds(grid, demand_peak))

    @m.Constraint(m.LINES, doc="(28) Current: no more than the flow explains.")
    def current_bound(m: Hour, e: int) -> Relation:
        (of_p, of_q), flow = slope[e], (m.line_p_mw[e], m.line_q_mvar[e])
        return m.squared_current[e] <= constant[e] + of_p * flow[0] + of_q * flow[1]


def _add_tie_limits(m: Hour, grid: Grid, *, elastic: bool) -> None:
    tie, excess = grid.tie_line, 0
    tan_phi = PLANNED * math.tan(math.acos(tie.min_power_factor))
    if elastic and not grid.is_bare:  # charging and given injections can't be curtailed to nothing
        m.tie_excess = pyo.Var(bounds=(0, None))
        m.violations.append(m.tie_excess)
        excess = TIE_EXCESS_MVAR * m.tie_excess

    @m.Constraint(doc="(29) Capacity of the tie line.")
    def tie_capacity(m: Hour) -> Relation:
        return m.tie_p_mw**2 + m.tie_q_mvar**2 <= (PLANNED * tie.max_s_mva) ** 2

    @m.Constraint((-1, 1), doc="(30) Power factor while importing.")
    def import_power_factor(m: Hour, sign: int) -> Relation:
        return sign * m.tie_q_mvar <= tan_phi * m.tie_p_mw + m.import_slack_mvar + excess

    if tie.power_factor_reading == "import_only":
        if tan_phi == 0:  # at a power factor of 1, Eq. (30) as it is written above no longer forbids export
            m.tie_p_mw.setlb(0.0)
        return

    @m.Constraint((-1, 1), doc="(30) Power factor while exporting.")
    def export_power_factor(m: Hour, sign: int) -> Relation:
        return sign * m.tie_q_mvar <= -tan_phi * m.tie_p_mw + m.export_slack_mvar + excess

    @m.Constraint((-1, 1), doc="(30) Whatever the direction: the hull of both.")
    def power_factor_hull(m: Hour, sign: int) -> Relation:
        return sign * m.tie_q_mvar <= tan_phi * tie.max_s_mva + excess


def _units_at(bus_of_unit: IntArray) -> Callable[[int], list[int]]:
    """Return a function from a bus to the units at it."""
    at: dict[int, list[int]] = {}
    for unit, bus in enumerate(bus_of_unit.tolist()):
        at.setdefault(bus, []).append(unit)
    return lambda bus: at.get(bus, [])


def branch_flow_range(grid: Grid, demand_mw: FloatArray, available_mw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the range of flows where ANM may curtail demand and output to zero, losses and Eq. (30) included."""
    shunts_mw, moved = shunt_losses(grid), _movable_mw(grid)
    given, worst_loss = float(grid.given_p_mw.sum()), float(grid.line_r_pu @ largest_series_current(grid) ** 2)
    low = np.full(demand_mw.shape[1], -(available_mw.max(axis=0) + moved)) - given + shunts_mw[0]
    if grid.tie_line.power_factor_reading == "import_only":
        low = np.zeros_like(low)
    return low, demand_mw.max(axis=0) + moved + worst_loss - given + shunts_mw[1]


def _movable_mw(grid: Grid) -> float:
    """Return by how much batteries and microgrids may move the flow. [MW]"""
    batteries = sum(unit.max_s_mva for unit in grid.batteries)
    return batteries + sum(connection.microgrid.max_exchange_mw for connection in grid.connections)


FORMULATIONS = {
    one.name: one
    for one in (
        Formulation(
            name="branch_flow",
            is_ac=True,
            add_power=add_power_decided,
            add_network=add_branch_flow,
            flow_range=branch_flow_range,
        ),
        Formulation(
            name="copper_plate",
            is_ac=False,
            add_power=add_power_taken,
            add_network=add_copper_plate,
            flow_range=copper_plate_range,
        ),
    )
}
"""All formulations by name."""
