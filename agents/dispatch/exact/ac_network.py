"""Network in the paper's own problem: AC power flow in polar form (28), with voltage limits (31) and ratings (29).

"Line" means every branch: pandapower's pi model, with an ideal transformer t·e^(jφ) at the sending end.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyomo.environ as pyo

from agents.dispatch.exact.ac_case import ACCase, Model
from agents.dispatch.plan import PLANNED, planned_voltages
from grids.network import ComplexArray, FloatArray, Grid

WIDEST_PU = (0.3, 2.0)
"""Voltages between which the elastic model searches. [p.u.]"""


def transformed(grid: Grid) -> ComplexArray:
    """Return what each branch's ideal transformer makes of a voltage at its sending end, e^(-jφ)/t, shape (L,)."""
    return np.asarray(np.exp(-1j * np.radians(grid.line_shift_degree)) / grid.line_ratio, dtype=np.complex128)


def series_impedance(grid: Grid) -> ComplexArray:
    """Return r + jx of every branch, shape (L,). [p.u.]"""
    return np.asarray(grid.line_r_pu + 1j * grid.line_x_pu, dtype=np.complex128)


def bus_admittance(grid: Grid) -> ComplexArray:
    """Return the bus admittance matrix G + jB, transformers and shunts included, shape (B, B). [p.u.]"""
    incidence = np.zeros((len(grid.line_from), len(grid.bus_ids)), dtype=np.complex128)
    lines = np.arange(len(grid.line_from))
    incidence[lines, grid.line_from], incidence[lines, grid.line_to] = transformed(grid), -1.0
    line = np.diag(1 / series_impedance(grid))
    shunt = grid.bus_g_pu + 1j * grid.bus_b_pu
    np.add.at(shunt, grid.line_from, (grid.line_g_from_pu + 1j * grid.line_b_from_pu) / grid.line_ratio**2)
    np.add.at(shunt, grid.line_to, grid.line_g_to_pu + 1j * grid.line_b_to_pu)
    return np.asarray(incidence.conj().T @ line @ incidence + np.diag(shunt), dtype=np.complex128)


def shifted_angles(grid: Grid) -> FloatArray:
    """Return the angles that the transformers' phase shifts alone would give the buses, shape (B,). [rad]"""
    angles, others = np.zeros(len(grid.bus_ids)), np.arange(len(grid.bus_ids)) != grid.slack
    if grid.line_shift_degree.any():
        incidence = np.zeros((len(grid.line_from), len(grid.bus_ids)))
        lines = np.arange(len(grid.line_from))
        incidence[lines, grid.line_from], incidence[lines, grid.line_to] = 1.0, -1.0
        angles[others] = np.linalg.lstsq(incidence[:, others], np.radians(grid.line_shift_degree), rcond=None)[0]
    return angles


def add_network_flow(case: ACCase, m: Model) -> None:
    """Add Eq. (28), the flow from each bus into the network; every line's sine and cosine is written once."""
    sending, receiving = case.grid.line_from.tolist(), case.grid.line_to.tolist()
    ends = list(zip(sending, receiving, strict=True))
    line = {(i, j): (e, 1) for e, (i, j) in enumerate(ends)} | {(j, i): (e, -1) for e, (i, j) in enumerate(ends)}
    near = [[i, *(j for k, j in line if k == i)] for i in m.BUSES]
    admittance = bus_admittance(case.grid)
    conductance, susceptance = admittance.real.tolist(), admittance.imag.tolist()

    def along_line(m: Model, s: int, t: int, e: int, function: Callable[[Any], Any]) -> Any:
        i, j = ends[e]
        return m.vm_pu[s, t, i] * m.vm_pu[s, t, j] * function(m.va_rad[s, t, i] - m.va_rad[s, t, j])

    m.cosine = pyo.Expression(m.AT, m.LINES, rule=lambda m, s, t, e: along_line(m, s, t, e, pyo.cos))
    m.sine = pyo.Expression(m.AT, m.LINES, rule=lambda m, s, t, e: along_line(m, s, t, e, pyo.sin))

    def cosine(m: Model, s: int, t: int, i: int, j: int) -> Any:
        return m.vm_pu[s, t, i] ** 2 if i == j else m.cosine[s, t, line[i, j][0]]

    def sine(m: Model, s: int, t: int, i: int, j: int) -> Any:
        return 0.0 if i == j else line[i, j][1] * m.sine[s, t, line[i, j][0]]

    m.eq28_p = pyo.Expression(
        m.AT,
        m.BUSES,
        rule=lambda m, s, t, i: sum(
            conductance[i][j] * cosine(m, s, t, i, j) + susceptance[i][j] * sine(m, s, t, i, j) for j in near[i]
        ),
        doc="P_i = Σ_j V_i·V_j·(G_ij·cos θ_ij + B_ij·sin θ_ij)",
    )
    m.eq28_q = pyo.Expression(
        m.AT,
        m.BUSES,
        rule=lambda m, s, t, i: sum(
            conductance[i][j] * sine(m, s, t, i, j) - susceptance[i][j] * cosine(m, s, t, i, j) for j in near[i]
        ),
        doc="Q_i = Σ_j V_i·V_j·(G_ij·sin θ_ij - B_ij·cos θ_ij)",
    )


def add_network_limits(case: ACCase, m: Model) -> None:
    """Add voltages, bounded (31) or held by the main grid and by generators, and the ratings of lines (29)."""
    grid = case.grid
    lowest, highest = (limit.tolist() for limit in planned_voltages(grid))
    held = {grid.slack: grid.voltage.slack_vm_pu, **dict(zip(grid.held_bus.tolist(), grid.held_vm_pu, strict=True))}
    free = [i for i in m.BUSES if i not in held]
    for at in m.AT:
        m.va_rad[(*at, grid.slack)].fix(0.0)
        for i, voltage in held.items():
            m.vm_pu[(*at, i)].fix(float(voltage))
        for i in free:
            m.vm_pu[(*at, i)].setlb(WIDEST_PU[0] if case.elastic else lowest[i])
            m.vm_pu[(*at, i)].setub(WIDEST_PU[1] if case.elastic else highest[i])
    if case.elastic:
        m.undervoltage_pu = pyo.Var(m.AT, free, bounds=(0, None), initialize=0.0)
        m.overvoltage_pu = pyo.Var(m.AT, free, bounds=(0, None), initialize=0.0)
        m.squared_overcurrent = pyo.Var(m.AT, m.LINES, bounds=(0, None), initialize=0.0)
        m.violations += [m.undervoltage_pu, m.overvoltage_pu, m.squared_overcurrent]
        m.eq31_low = pyo.Constraint(
            m.AT, free, rule=lambda m, s, t, i: m.vm_pu[s, t, i] + m.undervoltage_pu[s, t, i] >= lowest[i]
        )
        m.eq31_high = pyo.Constraint(
            m.AT, free, rule=lambda m, s, t, i: m.vm_pu[s, t, i] - m.overvoltage_pu[s, t, i] <= highest[i]
        )
    ends = list(zip(grid.line_from.tolist(), grid.line_to.tolist(), strict=True))

    def rating(currents: dict[int, _Current]) -> Callable[..., Any]:
        def within(m: Model, s: int, t: int, e: int) -> Any:
            (i, j), current = ends[e], currents[e]
            squares = _times(current.a, m.vm_pu[s, t, i] ** 2) + _times(current.b, m.vm_pu[s, t, j] ** 2)
            product = _times(current.c, m.cosine[s, t, e])
            if current.d:
                product += current.d * m.sine[s, t, e]
            excess = current.scale * m.squared_overcurrent[s, t, e] if case.elastic else 0
            return squares - 2 * product <= current.limit + excess

        return within

    sent, received = _sent(grid), _received(grid)
    m.eq29_line = pyo.Constraint(m.AT, list(sent), rule=rating(sent), doc="Current within the rating: |I|²·|Z|².")
    m.eq29_end = pyo.Constraint(m.AT, list(received), rule=rating(received), doc="The same at the receiving end.")


class _Current(NamedTuple):
    """Current at an end of a line, scale·|I|² = a·V_i² + b·V_j² - 2(c·cosine + d·sine), and its limit."""

    scale: float
    a: float
    b: float
    c: float
    d: float
    limit: float


def _times(factor: float, term: Any) -> Any:
    return term if factor == 1 else factor * term


def _sent(grid: Grid) -> dict[int, _Current]:
    """Return the current into the sending end i of the lines rated there: ((1 + yZ)·V_i/(t·e^jφ) - V_j)/Z/t."""
    shunted = 1 + (grid.line_g_from_pu + 1j * grid.line_b_from_pu) * series_impedance(grid)
    a = np.abs(shunted) ** 2 / grid.line_ratio**2
    return _currents(grid, a, np.ones_like(a), shunted * transformed(grid), grid.line_ratio, grid.line_max_i_pu)


def _received(grid: Grid) -> dict[int, _Current]:
    """Return the current out of the receiving end j of the lines rated there: (V_i/(t·e^jφ) - (1 + yZ)·V_j)/Z."""
    shunted = 1 + (grid.line_g_to_pu + 1j * grid.line_b_to_pu) * series_impedance(grid)
    b, ratio = np.abs(shunted) ** 2, np.ones_like(grid.line_ratio)
    return _currents(grid, 1 / grid.line_ratio**2, b, shunted.conj() * transformed(grid), ratio, grid.line_max_i_to_pu)


def _currents(
    grid: Grid, a: FloatArray, b: FloatArray, cross: ComplexArray, ratio: FloatArray, max_i_pu: FloatArray
) -> dict[int, _Current]:
    """Return the currents of the rated lines; `cross` is the factor of V_i times the conjugate of V_j, (L,) each.

    A network of bare lines keeps |Z|²·|I|²; in others |I|² itself, of which a solver's tolerance is a smaller part.
    """
    squared_impedance = grid.line_r_pu**2 + grid.line_x_pu**2
    scale = squared_impedance * ratio**2 if grid.is_bare else ratio**2
    parts = np.stack([a, b, cross.real, -cross.imag]) * (scale / (squared_impedance * ratio**2))
    limit = (PLANNED * max_i_pu) ** 2 * scale
    rows = zip(scale.tolist(), *parts.tolist(), limit.tolist(), strict=True)
    return {e: _Current(*row) for e, row in enumerate(rows) if row[-1] < math.inf}
