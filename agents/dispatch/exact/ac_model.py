"""The paper's own problem, Eq. (7)-(31), as it is printed: voltages and angles, the bus admittance matrix, and signs.

A second formulation beside the branch flow of :mod:`agents.dispatch.network`, and independent of it: nothing is
relaxed, so the problem is not convex, and where directions are open it is a mixed-integer one. It serves to check
the other, and to repair plans where the other is not exact.

Components bear the numbers of Energies 2016, 9(1), 48; Eq. (24) and (31) are bounds of variables.
"""

import math
from typing import Any

import numpy as np
import pyomo.environ as pyo

from agents.dispatch.exact.ac_case import ACCase, Model
from agents.dispatch.exact.ac_market import add_bids, add_money
from agents.dispatch.exact.ac_network import add_network_flow, add_network_limits, shifted_angles
from agents.dispatch.plan import PLANNED, TIE_EXCESS_MVAR
from grids.components import energy_limits
from grids.network import FloatArray

OVERLAP_MW2 = 1e-9
"""Largest product of charge and discharge of a lossy battery; 0 is exact, and too sharp for Ipopt. [MW²]"""


def ac_model(case: ACCase) -> Model:
    """Return the Pyomo model of all scenarios and hours; its objective is expected cost minus revenue, in $."""
    m = pyo.ConcreteModel(name=f"{case.grid.name}, Eq. (7)-(31)")
    scenarios, hours = case.problem.shape
    m.SCENARIOS, m.HOURS = pyo.RangeSet(0, scenarios - 1), pyo.RangeSet(0, hours - 1)
    m.AT = m.SCENARIOS * m.HOURS
    m.BUSES = pyo.RangeSet(0, len(case.grid.bus_ids) - 1)
    m.LINES = pyo.RangeSet(0, len(case.grid.line_from) - 1)
    m.LOADS = pyo.RangeSet(0, len(case.grid.load_names) - 1)
    m.RENEWABLES = pyo.RangeSet(0, len(case.grid.renewables) - 1)
    m.BATTERIES = pyo.RangeSet(0, len(case.grid.batteries) - 1)
    m.TIERS = pyo.RangeSet(0, len(case.rule.tiers) - 1)
    m.violations = []
    _add_units(case, m)
    _add_stores(case, m)
    _add_power_flow(case, m)
    add_network_limits(case, m)
    _add_tie_line(case, m)
    add_bids(case, m)
    add_money(case, m)
    return m


def _add_units(case: ACCase, m: Model) -> None:
    grid, problem = case.grid, case.problem
    demand, available = problem.demand_mw, problem.available_mw
    m.load_p_mw = pyo.Var(m.AT, m.LOADS, bounds=(0, None), initialize=lambda m, *at: float(demand[at]))
    m.renewable_p_mw = pyo.Var(m.AT, m.RENEWABLES, bounds=(0, None), initialize=lambda m, *at: float(available[at]))
    m.renewable_q_mvar = pyo.Var(m.AT, m.RENEWABLES, initialize=0.0)
    m.battery_p_mw = pyo.Var(m.AT, m.BATTERIES, initialize=0.0)
    m.battery_q_mvar = pyo.Var(m.AT, m.BATTERIES, initialize=0.0)
    ratio = grid.load_tan_phi.tolist()
    steepest = [PLANNED * math.tan(math.acos(unit.min_power_factor)) for unit in grid.renewables]
    output_mva, battery_mva = (
        [PLANNED * unit.max_s_mva for unit in units] for units in (grid.renewables, grid.batteries)
    )

    m.eq18 = pyo.Constraint(
        m.AT,
        m.LOADS,
        rule=lambda m, *at: m.load_p_mw[at] <= demand[at],
        doc="A load is served in part or in full.",
    )
    m.eq19 = pyo.Expression(
        m.AT, m.LOADS, rule=lambda m, s, t, i: ratio[i] * m.load_p_mw[s, t, i], doc="Its power factor stays."
    )
    m.eq20 = pyo.Constraint(
        m.AT,
        m.RENEWABLES,
        rule=lambda m, *at: m.renewable_p_mw[at] <= available[at],
        doc="A renewable gives what is available, or less.",
    )
    m.eq21 = pyo.Constraint(
        m.AT,
        m.RENEWABLES,
        rule=lambda m, s, t, i: (
            m.renewable_p_mw[s, t, i] ** 2 + m.renewable_q_mvar[s, t, i] ** 2 <= output_mva[i] ** 2
        ),
        doc="Its apparent power stays within the inverter's capacity.",
    )
    m.eq22 = pyo.Constraint(
        m.AT,
        m.RENEWABLES,
        (-1, 1),
        rule=lambda m, s, t, i, side: side * m.renewable_q_mvar[s, t, i] <= steepest[i] * m.renewable_p_mw[s, t, i],
        doc="Its power factor stays within range, lagging and leading.",
    )
    m.eq23 = pyo.Constraint(
        m.AT,
        m.BATTERIES,
        rule=lambda m, s, t, i: m.battery_p_mw[s, t, i] ** 2 + m.battery_q_mvar[s, t, i] ** 2 <= battery_mva[i] ** 2,
        doc="A battery's converter works in all four quadrants of a circle.",
    )


def _add_stores(case: ACCase, m: Model) -> None:
    unit, problem = case.grid.batteries, case.problem
    m.LOSSY = pyo.Set(initialize=[i for i in m.BATTERIES if unit[i].efficiency < 1])
    m.discharge_mw = pyo.Var(m.AT, m.LOSSY, bounds=(0, None), initialize=0.0)
    m.charge_mw = pyo.Var(m.AT, m.LOSSY, bounds=(0, None), initialize=0.0)

    def drawn_mwh(m: Model, s: int, t: int, i: int) -> Any:
        if i not in m.LOSSY:
            return problem.step_h * m.battery_p_mw[s, t, i]
        drawn_mw = m.discharge_mw[s, t, i] / unit[i].efficiency - m.charge_mw[s, t, i] * unit[i].efficiency
        return problem.step_h * drawn_mw

    def recursion(m: Model, s: int, t: int, i: int) -> Any:
        before = m.end_energy_mwh[s, t - 1, i] if t else float(problem.start_energy_mwh[i])
        return m.end_energy_mwh[s, t, i] == before - drawn_mwh(m, s, t, i)

    def limits(m: Model, s: int, t: int, i: int) -> tuple[float, float]:
        least, most = energy_limits(unit[i])
        return least if case.elastic else max(least, float(problem.required_energy_mwh[t, i])), most

    m.end_energy_mwh = pyo.Var(  # (24), and enough to close the day as full as it began
        m.AT,
        m.BATTERIES,
        bounds=limits,
        initialize=lambda m, s, t, i: float(np.clip(problem.start_energy_mwh[i], *limits(m, s, t, i))),
    )
    m.eq25 = pyo.Constraint(m.AT, m.BATTERIES, rule=recursion, doc="Energy is kept from hour to hour.")
    m.eq25_split = pyo.Constraint(
        m.AT,
        m.LOSSY,
        rule=lambda m, *at: m.battery_p_mw[at] == m.discharge_mw[at] - m.charge_mw[at],
        doc="A battery with losses tells charge from discharge ...",
    )
    m.eq25_either = pyo.Constraint(
        m.AT,
        m.LOSSY,
        rule=lambda m, *at: m.discharge_mw[at] * m.charge_mw[at] <= OVERLAP_MW2,
        doc="... and does not burn energy by doing both at once.",
    )
    if case.elastic:
        m.energy_shortfall_mwh = pyo.Var(m.AT, m.BATTERIES, bounds=(0, None), initialize=0.0)
        m.violations.append(m.energy_shortfall_mwh)
        m.enough_is_left = pyo.Constraint(
            m.AT,
            m.BATTERIES,
            rule=lambda m, s, t, i: (
                m.end_energy_mwh[s, t, i] + m.energy_shortfall_mwh[s, t, i] >= float(problem.required_energy_mwh[t, i])
            ),
        )


def _add_power_flow(case: ACCase, m: Model) -> None:
    grid = case.grid
    m.vm_pu = pyo.Var(m.AT, m.BUSES, initialize=grid.voltage.slack_vm_pu)
    angles = shifted_angles(grid).tolist()
    m.va_rad = pyo.Var(m.AT, m.BUSES, initialize=lambda m, s, t, i: angles[i])
    m.tie_p_mw = pyo.Var(m.AT, initialize=0.0)
    m.tie_q_mvar = pyo.Var(m.AT, initialize=0.0)
    add_network_flow(case, m)
    loads, renewables, batteries = (
        _units_by_bus(bus.tolist(), len(grid.bus_ids)) for bus in (grid.load_bus, grid.renewable_bus, grid.battery_bus)
    )
    given_p, given_q = grid.given_p_mw.tolist(), grid.given_q_mvar.tolist()

    def active(m: Model, s: int, t: int, i: int) -> Any:
        supply = sum(m.renewable_p_mw[s, t, k] for k in renewables[i])
        supply += sum(m.battery_p_mw[s, t, k] for k in batteries[i])
        supply -= sum(m.load_p_mw[s, t, k] for k in loads[i])
        supply += given_p[i] if given_p[i] else 0
        return supply + (m.tie_p_mw[s, t] if i == grid.slack else 0) == m.eq28_p[s, t, i]

    def reactive(m: Model, s: int, t: int, i: int) -> Any:
        supply = sum(m.renewable_q_mvar[s, t, k] for k in renewables[i])
        supply += sum(m.battery_q_mvar[s, t, k] for k in batteries[i])
        supply -= sum(m.eq19[s, t, k] for k in loads[i])
        supply += given_q[i] if given_q[i] else 0
        return supply + (m.tie_q_mvar[s, t] if i == grid.slack else 0) == m.eq28_q[s, t, i]

    m.OTHERS = m.BUSES - {grid.slack}
    m.eq26_p = pyo.Constraint(m.AT, {grid.slack}, rule=active, doc="Balance at the bus of the tie line.")
    m.eq26_q = pyo.Constraint(m.AT, {grid.slack}, rule=reactive, doc="The same for reactive power.")
    m.eq27_p = pyo.Constraint(m.AT, m.OTHERS, rule=active, doc="Balance at every other bus.")
    unheld = m.OTHERS - set(grid.held_bus.tolist())
    m.eq27_q = pyo.Constraint(m.AT, unheld, rule=reactive, doc="Reactive power, where no generator holds the voltage.")


def _add_tie_line(case: ACCase, m: Model) -> None:
    tie, tan_phi = case.grid.tie_line, case.tan_phi
    m.eq29_tie = pyo.Constraint(
        m.AT,
        rule=lambda m, *at: m.tie_p_mw[at] ** 2 + m.tie_q_mvar[at] ** 2 <= (PLANNED * tie.max_s_mva) ** 2,
        doc="Capacity of the tie line.",
    )
    if tan_phi == 0 and not case.both_directions:  # at a power factor of 1 Eq. (30) no longer forbids export
        m.tie_p_mw.setlb(0.0)
    enough = 2 * tan_phi * tie.max_s_mva  # makes one direction idle where the other holds
    open_flows = [at for at in m.AT if case.both_directions and case.integer and case.directions.flow[at] == 0]
    m.imports = pyo.Var(open_flows, domain=pyo.Binary, initialize=1)
    if case.elastic:
        m.tie_excess = pyo.Var(m.AT, bounds=(0, None), initialize=0.0)
        m.violations.append(m.tie_excess)

    def power_factor(m: Model, s: int, t: int, side: int) -> Any:
        direction = -1 if case.both_directions and case.directions.flow[s, t] < 0 else 1
        slack = enough * (1 - m.imports[s, t]) if (s, t) in m.imports else 0.0
        slack = TIE_EXCESS_MVAR * m.tie_excess[s, t] if case.elastic else slack
        return side * m.tie_q_mvar[s, t] <= direction * tan_phi * m.tie_p_mw[s, t] + slack

    m.eq30 = pyo.Constraint(m.AT, (-1, 1), rule=power_factor, doc="Power factor of the tie line.")
    m.eq30_export = pyo.Constraint(
        open_flows,
        (-1, 1),
        rule=lambda m, s, t, side: side * m.tie_q_mvar[s, t] <= -tan_phi * m.tie_p_mw[s, t] + enough * m.imports[s, t],
        doc="The same where an open direction turns out to be export.",
    )


def _units_by_bus(bus_of_unit: list[int], buses: int) -> list[list[int]]:
    at: list[list[int]] = [[] for _ in range(buses)]
    for unit, bus in enumerate(bus_of_unit):
        at[bus].append(unit)
    return at


def values_of(component: Any, *shape: int) -> FloatArray:
    """Return the values of a variable as an array of a shape."""
    return np.array([member.value for member in component.values()], dtype=np.float64).reshape(shape)
