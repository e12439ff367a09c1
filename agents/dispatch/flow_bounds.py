"""Bounds on the flow through a line, and the bound on its current that follows."""

import math

import numpy as np

from grids.network import FloatArray, Grid


def flow_bounds(grid: Grid, demand_peak: float) -> tuple[FloatArray, FloatArray]:
    """Return lowest and highest flow at the sending end of every line, shape (L, 2): P in MW, Q in Mvar.

    The flow into a line is the power that units beyond it can draw or give, and the losses; a line that takes
    P and Q to a bus of at least the lowest voltage loses r·(P² + Q²)/v of it at most. Microgrids exchange no more than
    their limits: an exchange that is given must keep them for the bounds to hold.

    Parameters
    ----------
    grid : Grid
        The network, radial.
    demand_peak : float
        Largest demand of any load, relative to its nominal value.
    """
    low, high = _at_buses(grid, demand_peak)
    impedance = np.stack([grid.line_r_pu, grid.line_x_pu], axis=1)
    first, last = np.zeros_like(impedance), np.zeros_like(impedance)
    for line in _leaves_first(grid):
        sending, receiving = grid.line_from[line], grid.line_to[line]
        largest = np.maximum(np.abs(low[receiving]), np.abs(high[receiving]))
        squared_current = min(
            float(largest @ largest) / grid.voltage.min_vm_pu**2, float(grid.line_max_i_pu[line]) ** 2
        )
        first[line] = low[receiving]
        last[line] = high[receiving] + impedance[line] * squared_current
        low[sending] += first[line]
        high[sending] += last[line]
    return first, last


def current_bounds(grid: Grid, demand_peak: float) -> tuple[FloatArray, FloatArray]:
    """Return constant, shape (L,), and slope, shape (L, 2), of a bound on every squared current: ℓ <= c + s·(P, Q).

    Between its lowest and highest value P² lies below its secant, and so does Q²; the flow, at the least voltage of
    the sending end, then bounds ℓ. It holds for every AC power flow, and cuts off most states that only the relaxation
    allows. [p.u.]

    Parameters
    ----------
    grid, demand_peak : Grid, float
        As for :func:`flow_bounds`.
    """
    low, high = flow_bounds(grid, demand_peak)
    lowest = np.where(grid.line_from == grid.slack, grid.voltage.slack_vm_pu, grid.voltage.min_vm_pu)
    return -(low * high).sum(axis=1) / lowest**2, (low + high) / lowest[:, None] ** 2


def _at_buses(grid: Grid, demand_peak: float) -> tuple[FloatArray, FloatArray]:
    """Return the least and the most that units and microgrids at every bus draw, shape (B, 2)."""
    low, high = np.zeros((len(grid.bus_ids), 2)), np.zeros((len(grid.bus_ids), 2))
    load = demand_peak * grid.load_p_mw
    drawn = np.stack([load, load * grid.load_tan_phi], axis=1)
    np.add.at(high, grid.load_bus, np.maximum(drawn, 0.0))
    np.add.at(low, grid.load_bus, np.minimum(drawn, 0.0))
    for bus, unit in zip(grid.renewable_bus, grid.renewables, strict=True):
        reactive = unit.max_s_mva * math.sin(math.acos(unit.min_power_factor))
        low[bus] -= [unit.max_s_mva, reactive]
        high[bus] += [0.0, reactive]
    for bus, battery in zip(grid.battery_bus, grid.batteries, strict=True):
        low[bus] -= battery.max_s_mva
        high[bus] += battery.max_s_mva
    for bus, connection in zip(grid.connection_bus, grid.connections, strict=True):
        active, reactive = connection.exchange_limits()
        low[bus] -= [active, reactive]
        high[bus] += [active, 0.0]
    return low, high


def _leaves_first(grid: Grid) -> list[int]:
    """Return the lines in an order in which all that lies beyond a line comes before it."""
    beyond: dict[int, list[int]] = {}
    for line, bus in enumerate(grid.line_from.tolist()):
        beyond.setdefault(bus, []).append(line)
    order, buses = [], [grid.slack]
    while buses:
        lines = beyond.get(buses.pop(), [])
        order += lines
        buses += grid.line_to[lines].tolist()
    return order[::-1]
