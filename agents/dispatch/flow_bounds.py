"""Bounds on the flow through a line, and the bound on its current that follows."""

import math

import numpy as np

from grids.network import FloatArray, Grid


def flow_bounds(grid: Grid, demand_peak: float) -> tuple[FloatArray, FloatArray]:
    """Return lowest and highest flow into the series element of every line, shape (L, 2): P in MW, Q in Mvar.

    The flow into a line is the power that units and shunts beyond it can draw or give, and the losses; a line that
    takes P and Q to a bus of at least the lowest voltage loses r·(P² + Q²)/v of it at most. Microgrids exchange no
    more than their limits: an exchange that is given must keep them for the bounds to hold.

    Parameters
    ----------
    grid : Grid
        The network, radial.
    demand_peak : float
        Largest demand of any load, relative to its nominal value.
    """
    low, high = _at_buses(grid, demand_peak)
    from_low, from_high = _shunt_bounds(grid.line_g_from_pu, grid.line_b_from_pu, *_sending_voltages(grid))
    lowest, highest = (limit[grid.line_to] ** 2 for limit in _voltages(grid))
    to_low, to_high = _shunt_bounds(grid.line_g_to_pu, grid.line_b_to_pu, lowest, highest)
    impedance = np.stack([grid.line_r_pu, grid.line_x_pu], axis=1)
    rating = largest_series_current(grid)
    first, last = np.zeros_like(impedance), np.zeros_like(impedance)
    for line in _leaves_first(grid):
        sending, receiving = grid.line_from[line], grid.line_to[line]
        first[line] = low[receiving] + to_low[line]
        last[line] = high[receiving] + to_high[line]
        largest = np.maximum(np.abs(first[line]), np.abs(last[line]))
        squared_current = min(float(largest @ largest) / lowest[line], float(rating[line]) ** 2)
        last[line] += impedance[line] * squared_current
        low[sending] += first[line] + from_low[line]
        high[sending] += last[line] + from_high[line]
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
    lowest, _ = _sending_voltages(grid)
    return -(low * high).sum(axis=1) / lowest, (low + high) / lowest[:, None]


def largest_series_current(grid: Grid) -> FloatArray:
    """Return the largest current of every series element that the ratings of its ends allow, shape (L,). [p.u.]"""
    _, behind = _sending_voltages(grid)
    _, receiving = _voltages(grid)
    sent = np.hypot(grid.line_g_from_pu, grid.line_b_from_pu) * np.sqrt(behind)
    received = np.hypot(grid.line_g_to_pu, grid.line_b_to_pu) * receiving[grid.line_to]
    largest: FloatArray = np.minimum(grid.line_max_i_pu * grid.line_ratio + sent, grid.line_max_i_to_pu + received)
    return largest


def shunt_losses(grid: Grid) -> tuple[float, float]:
    """Return the least and the most that the shunts of buses and branches draw within voltage limits. [MW]"""
    limits = [limit**2 for limit in _voltages(grid)]
    parts = [
        (grid.bus_g_pu, *limits),
        (grid.line_g_from_pu, *_sending_voltages(grid)),
        (grid.line_g_to_pu, *(limit[grid.line_to] for limit in limits)),
    ]
    drawn = np.array([_shunt_bounds(g, np.zeros_like(g), *ends) for g, *ends in parts], dtype=object)
    low, high = (sum(float(bounds[:, 0].sum()) for bounds in side) for side in drawn.T)
    return low, high


def _voltages(grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and the highest voltage of every bus, shape (B,) each; the main grid holds its own. [p.u.]"""
    lowest, highest = grid.bus_min_vm_pu.copy(), grid.bus_max_vm_pu.copy()
    lowest[grid.slack] = highest[grid.slack] = grid.voltage.slack_vm_pu
    return lowest, highest


def _sending_voltages(grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Return the least and the largest squared voltage behind the transformer of every branch, shape (L,) each."""
    lowest, highest = (limit[grid.line_from] ** 2 / grid.line_ratio**2 for limit in _voltages(grid))
    return lowest, highest


def _shunt_bounds(
    g: FloatArray, b: FloatArray, lowest: FloatArray, highest: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the least and the most that shunts g + jb draw at squared voltages within limits, shape (K, 2)."""
    drawn = np.stack([g, -b], axis=1)
    ends = drawn * lowest[:, None], drawn * highest[:, None]
    return np.minimum(*ends), np.maximum(*ends)


def _at_buses(grid: Grid, demand_peak: float) -> tuple[FloatArray, FloatArray]:
    """Return the least and the most that units, microgrids, shunts and given injections draw at every bus, (B, 2)."""
    low, high = _shunt_bounds(grid.bus_g_pu, grid.bus_b_pu, *(limit**2 for limit in _voltages(grid)))
    given = np.stack([grid.given_p_mw, grid.given_q_mvar], axis=1)
    low, high = low - given, high - given
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
