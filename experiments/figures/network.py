"""One-line diagram of the feeder and its fleet: areas are MW and MVA."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from experiments.figures.style import COLORS, GREY, color_of, house_style, ink
from experiments.figures.symbols import (
    CONNECTIONS,
    LARGEST,
    LARGEST_DEMAND,
    draw_demand,
    draw_key,
    draw_main_grid,
    draw_transformer,
    draw_unit,
    side,
)
from experiments.figures.tree_layout import meshed_layout, one_line_layout
from grids.network import FloatArray, Grid

COLUMN, ROW = 0.74, 0.86
"""Distance of two buses along the feeder, and of two rows without units. [inch]"""
SLOT = 0.46
"""Distance of two units at one bus. [inch]"""
ASIDE, RAISED = 0.31, 0.45
"""Distance of the first unit to the right of and above its bus. [inch]"""
MAIN_GRID = 0.85
"""Length of the tie line. [inch]"""
LEFT, RIGHT, BOTTOM, HEADROOM = 1.35, 0.95, 1.15, 0.68
NARROWEST = 9.0
MESH = 12.0
"""Longest side of a meshed network. [inch]"""


def network_figure(grid: Grid) -> Figure:
    """Return the network with demand and fleet as a figure, drawn to the inch.

    The layout of radial networks is our own: the geographic one of the 33-bus case hides what is main feeder and what
    is lateral. Meshed networks have their own coordinates, if they have any.

    Parameters
    ----------
    grid : Grid
        Network and fleet.
    """
    with house_style():
        places, size = _places(grid)
        figure = Figure(figsize=(size[0], size[1]))
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0), label="network")
        ax.set_xlim(0, size[0])
        ax.set_ylim(0, size[1])
        ax.set_axis_off()
        _draw_lines(ax, grid, places)
        _draw_buses(ax, grid, places)
        _draw_fleet(ax, grid, places)
        _title(ax, grid, size)
        capacities = [mva for units in _units_at(grid).values() for *_, mva in units]
        draw_key(ax, _kinds(grid), max(capacities, default=1.0), float(_demand_at(grid).max()))
    return figure


def _units_at(grid: Grid) -> dict[int, list[tuple[str, str, float]]]:
    """Return name, kind and capacity of units [MVA] and connections [MW] at each bus position."""
    renewables = zip(grid.renewable_bus, grid.renewable_names, grid.renewable_kinds, grid.renewables, strict=True)
    batteries = zip(grid.battery_bus, grid.battery_names, grid.batteries, strict=True)
    connections = zip(grid.connection_bus, grid.connections, strict=True)
    at_buses = [
        *((bus, (name, kind, unit.max_s_mva)) for bus, name, kind, unit in renewables),
        *((bus, (name, "battery", unit.max_s_mva)) for bus, name, unit in batteries),
        *((bus, (one.name, one.kind, one.microgrid.max_exchange_mw)) for bus, one in connections),
    ]
    units: dict[int, list[tuple[str, str, float]]] = {}
    for bus, unit in at_buses:
        units.setdefault(int(bus), []).append(unit)
    return units


def _kinds(grid: Grid) -> list[str]:
    connections = {connection.kind for connection in grid.connections}
    units = sorted(set(grid.renewable_kinds), reverse=True) + ["battery"] * bool(grid.batteries)
    return units + [kind for kind in CONNECTIONS if kind in connections]


def _demand_at(grid: Grid) -> FloatArray:
    """Return the peak demand of each bus, shape (B,). [MW]"""
    return np.bincount(grid.load_bus, weights=grid.load_p_mw, minlength=len(grid.bus_ids)).astype(np.float64)


def _places(grid: Grid) -> tuple[FloatArray, tuple[float, float]]:
    """Return the places of the buses, shape (B, 2), and the size of the figure. [inch]"""
    if not grid.is_radial:
        return _meshed_places(grid)
    cells = one_line_layout(grid.slack, grid.line_from, grid.line_to)
    column, row = cells[:, 0], cells[:, 1]
    row = row - row.min()
    stacked = np.ones(row.max() + 1)
    for bus, units in _units_at(grid).items():
        stacked[row[bus]] = max(stacked[row[bus]], len(units))
    levels = BOTTOM + np.concatenate([[0.0], np.cumsum(ROW + SLOT * (stacked - 1))])
    x = LEFT + COLUMN * column
    width = max(float(x.max()) + RIGHT, NARROWEST)
    return np.stack([x, levels[row]], axis=1), (width, float(levels[-1]) + HEADROOM)


def _meshed_places(grid: Grid) -> tuple[FloatArray, tuple[float, float]]:
    """Return the same of a network with loops: wide enough for its short lines, if the page has room for that."""
    places = meshed_layout(grid.bus_ids, grid.line_from, grid.line_to, grid.tables.bus)
    lengths = np.hypot(*(places[grid.line_to] - places[grid.line_from]).T)
    shortest = max(float(np.quantile(lengths, 0.1)), 1e-9)
    places = (places - places.min(axis=0)) * min(1.5 * COLUMN / shortest, MESH / float(np.ptp(places, axis=0).max()))
    most = max(map(len, _units_at(grid).values()), default=1)
    x, y = places.T + np.array([[LEFT], [BOTTOM]])
    return np.stack([x, y], axis=1), (max(x.max() + RIGHT, NARROWEST), y.max() + HEADROOM + RAISED + SLOT * most)


def _draw_lines(ax: Axes, grid: Grid, places: FloatArray) -> None:
    """Draw the tie line, and the lines: first away from the feeder they leave, then along it; in a mesh straight."""
    start, end = places[grid.line_from], places[grid.line_to]
    corner = np.stack([start[:, 0], end[:, 1]], axis=1) if grid.is_radial else start
    lines = np.stack([start, corner, end], axis=1)
    for k, (first, turn, last) in enumerate(lines):
        if grid.line_kinds[k] == "trafo":
            draw_transformer(ax, first if np.allclose(turn, last) else turn, last, f"transformer_{k}")
    ax.add_collection(LineCollection(list(lines), colors="#444444", linewidths=1.6, gid="lines", zorder=2))
    x, y = places[grid.slack]
    ax.plot([x - MAIN_GRID, x], [y, y], color=COLORS["tie_line"], lw=2.4, zorder=2, gid="tie_line")
    draw_main_grid(ax, x - MAIN_GRID, y, 0.34)
    ax.text(x - 0.5 * MAIN_GRID, y + 0.07, "tie line", ha="center", fontsize=7.5, color=ink(COLORS["tie_line"]))


def _draw_buses(ax: Axes, grid: Grid, places: FloatArray) -> None:
    demand = _demand_at(grid)
    for (x, y), number, p_mw in zip(places, grid.bus_ids, demand, strict=True):
        ax.plot(x, y, "o", ms=9.5, color="white", mec="#444444", mew=0.8, zorder=2.5, gid=f"bus_{number}")
        if p_mw > 0:
            draw_demand(ax, x, y, side(p_mw, float(demand.max()), LARGEST_DEMAND), f"demand_{number}")
        look: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": 7.5 if number < 100 else 6}
        ax.text(x, y, str(number), zorder=6, path_effects=[withStroke(linewidth=1.6, foreground="white")], **look)


def _draw_fleet(ax: Axes, grid: Grid, places: FloatArray) -> None:
    """Draw the units up and to the right of their buses, where no line runs, one above the other."""
    at_bus = _units_at(grid)
    largest = max((mva for units in at_bus.values() for *_, mva in units), default=1.0)
    for bus, units in at_bus.items():
        x, y = places[bus]
        foot = y + RAISED
        top = foot + SLOT * (len(units) - 1)
        ax.plot([x, x + ASIDE, x + ASIDE], [y, y + ASIDE, top], color="#999999", lw=0.9, zorder=1)
        for k, (name, kind, mva) in enumerate(units):
            length, height = side(mva, largest, LARGEST), foot + SLOT * k
            draw_unit(ax, x + ASIDE, height, kind, length, name)
            look: dict[str, Any] = {"fontsize": 7, "color": ink(color_of(kind)), "zorder": 6, "va": "center"}
            if not grid.is_radial:  # lines may run there
                look["path_effects"] = [withStroke(linewidth=1.6, foreground="white")]
            ax.text(x + ASIDE + 0.57 * length + 0.035, height, f"{mva:.3g}", **look)


def _title(ax: Axes, grid: Grid, size: tuple[float, float]) -> None:
    demand, renewables, batteries = grid.load_p_mw.sum(), grid.renewables, grid.batteries
    levels = sorted(set(grid.tables.bus.vn_kv.loc[grid.bus_ids]), reverse=True)
    at = f" at {', '.join(f'{level:g}' for level in levels)} kV" if len(levels) > 1 else ""
    facts = [f"{len(grid.bus_ids)} buses{at}", f"peak demand {demand:.4g} MW"]
    if renewables:
        facts.append(f"wind and PV {sum(unit.max_s_mva for unit in renewables):.3g} MVA")
    if batteries:
        power, energy = sum(unit.max_s_mva for unit in batteries), sum(unit.max_e_mwh for unit in batteries)
        facts.append(f"batteries {power:.3g} MVA, {energy:.3g} MWh")
    facts += _of_microgrids(grid)
    facts.append(f"tie line {grid.tie_line.max_s_mva:g} MVA")
    ax.text(0.3, size[1] - 0.28, f"{grid.name}: network and fleet", fontsize=14, fontweight="bold", va="center")
    ax.text(0.3, size[1] - 0.53, "  ·  ".join(facts), fontsize=9, va="center", color=GREY)
    beside = "MVA (of microgrids and cars MW)" if grid.connections else "MVA"
    reading = f"areas to scale  ·  beside a unit its {beside}, on a disc the number of the bus"
    reading += "  ·  two circles: transformer" if "trafo" in grid.line_kinds else ""
    ax.text(0.3, size[1] - 0.71, reading, fontsize=8, va="center", color=GREY)


def _of_microgrids(grid: Grid) -> list[str]:
    """Return the numbers of microgrids and cars in words."""
    microgrids = sum(connection.kind == "microgrid" for connection in grid.connections)
    cars = sum(connection.microgrid.ev.cars for connection in grid.connections if connection.microgrid.ev is not None)
    counts = ((microgrids, "microgrid"), (cars, "EV"))
    return [f"{count:,} {what}{'s' * (count > 1)}" for count, what in counts if count]
