"""Two-port of every branch in the hour model: power that enters and leaves it, and the currents at its ends."""

from typing import Any

from grids.network import FloatArray, Grid

Linear = Any
"""An expression that is linear in the variables of an hour model."""


class TwoPorts:
    """Ends of the branches of an hour model, as linear expressions of its variables.

    A branch is pandapower's pi model. At its sending bus i stands an ideal transformer of ratio t, behind which the
    squared voltage is w = v_i/t². The series element r + jx takes P + jQ there and gives P - rℓ + j(Q - xℓ) at the
    receiving bus j. The shunt g + jb at either end draws (g - jb)·w or (g - jb)·v_j. Terms whose factor is zero are
    left out, so that a bare line has the equations of a bare line.

    Parameters
    ----------
    m : ConcreteModel
        The hour model, with flows and squared currents of the series elements, and squared voltages of the buses.
    grid : Grid
        The network.
    """

    def __init__(self, m: Any, grid: Grid) -> None:
        self._p, self._q = m.line_p_mw, m.line_q_mvar
        self._current, self._voltage = m.squared_current, m.squared_voltage
        self._r, self._x = grid.line_r_pu.tolist(), grid.line_x_pu.tolist()
        self._sending, self._receiving = grid.line_from.tolist(), grid.line_to.tolist()
        self._squared_ratio: list[float] = (grid.line_ratio**2).tolist()
        self._from = _shunts(grid.line_g_from_pu, grid.line_b_from_pu)
        self._to = _shunts(grid.line_g_to_pu, grid.line_b_to_pu)

    def voltage(self, e: int) -> Linear:
        """Return the squared voltage behind the transformer, w = v_i/t²."""
        voltage, squared_ratio = self._voltage[self._sending[e]], self._squared_ratio[e]
        return voltage if squared_ratio == 1 else voltage / squared_ratio

    def sent_p(self, e: int) -> Linear:
        """Return the active power that enters at the sending end, P + g·w."""
        return self._p[e] + self._from[e][0] * self.voltage(e) if self._from[e][0] else self._p[e]

    def sent_q(self, e: int) -> Linear:
        """Return the reactive power that enters at the sending end, Q - b·w."""
        return self._q[e] - self._from[e][1] * self.voltage(e) if self._from[e][1] else self._q[e]

    def received_p(self, e: int) -> Linear:
        """Return the active power that leaves at the receiving end, P - rℓ - g·v_j."""
        arriving = self._p[e] - self._r[e] * self._current[e]
        return arriving - self._to[e][0] * self._voltage[self._receiving[e]] if self._to[e][0] else arriving

    def received_q(self, e: int) -> Linear:
        """Return the reactive power that leaves at the receiving end, Q - xℓ + b·v_j."""
        arriving = self._q[e] - self._x[e] * self._current[e]
        return arriving + self._to[e][1] * self._voltage[self._receiving[e]] if self._to[e][1] else arriving

    def loss(self, e: int) -> Linear:
        """Return the power lost between the ends, rℓ + g·w + g·v_j, in the series element and in the shunts (13)."""
        loss = self._r[e] * self._current[e]
        if self._from[e][0]:
            loss += self._from[e][0] * self.voltage(e)
        if self._to[e][0]:
            loss += self._to[e][0] * self._voltage[self._receiving[e]]
        return loss

    def drop(self, e: int) -> Linear:
        """Return the drop of the squared voltage over the series element, w - v_j = 2(rP + xQ) - (r² + x²)ℓ."""
        r, x = self._r[e], self._x[e]
        drop = 2 * (r * self._p[e] + x * self._q[e])
        drop -= (r**2 + x**2) * self._current[e]
        return drop

    def squared_current_sent(self, e: int) -> Linear:
        """Return |I|² at the sending end, (ℓ + 2(gP - bQ) + (g² + b²)w)/t²: series element and shunt together."""
        g, b = self._from[e]
        current = self._current[e] + 2 * (g * self._p[e] - b * self._q[e]) + (g**2 + b**2) * self.voltage(e)
        return current / self._squared_ratio[e]

    def squared_current_received(self, e: int) -> Linear:
        """Return |I|² at the receiving end, ℓ - 2(g(P - rℓ) - b(Q - xℓ)) + (g² + b²)v_j."""
        g, b = self._to[e]
        p, q = self._p[e] - self._r[e] * self._current[e], self._q[e] - self._x[e] * self._current[e]
        return self._current[e] - 2 * (g * p - b * q) + (g**2 + b**2) * self._voltage[self._receiving[e]]


def _shunts(g_pu: FloatArray, b_pu: FloatArray) -> list[tuple[float, float]]:
    """Return conductance and susceptance of the shunt of every branch. [p.u.]"""
    return list(zip(g_pu.tolist(), b_pu.tolist(), strict=True))
