"""The feeder and its fleet as a one-line diagram: areas are MW and MVA."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from experiments.figures.style import COLORS, GREY, STYLE, ink
from experiments.figures.symbols import draw_demand, draw_main_grid, draw_unit
from experiments.figures.tree_layout import one_line_layout
from grids.network import FloatArray, Grid

COLUMN, ROW = 0.74, 0.80
"""Distance of two buses along the feeder, and of two rows without units. [inch]"""
SLOT = 0.46
"""Distance of two units at one bus. [inch]"""
LEFT, RIGHT, TOP, BOTTOM = 1.25, 0.55, 0.75, 0.95
NARROWEST = 9.0


def network_figure(grid: Grid) -> Figure:
    """Return the network with demand and fleet as a figure, drawn to the inch.

    The layout is our own for every network: the geographic one of the 33-bus case hides what is main feeder and
    what is lateral.

    Parameters
    ----------
    grid : Grid
        Network and fleet.
    """
    with mpl.rc_context(STYLE):
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
        _key(ax, grid)
    return figure


def _units_at(grid: Grid) -> dict[int, list[tuple[str, float]]]:
    """Return kind and capacity [MVA] of the units at each bus position."""
    units: dict[int, list[tuple[str, float]]] = {}
    for bus, kind, unit in zip(grid.renewable_bus, grid.renewable_kinds, grid.renewables, strict=True):
        units.setdefault(int(bus), []).append((kind, unit.max_s_mva))
    for bus, battery in zip(grid.battery_bus, grid.batteries, strict=True):
        units.setdefault(int(bus), []).append(("battery", battery.max_s_mva))
    return units


def _places(grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Return where the buses stand, shape (B, 2), and the size of the figure. [inch]"""
    grid_places = one_line_layout(grid.slack, grid.line_from, grid.line_to)
    column, row = grid_places[:, 0], grid_places[:, 1]
    most = max((len(units) for units in _units_at(grid).values()), default=0)
    pitch = ROW + SLOT * max(most - 1, 0)
    x = LEFT + COLUMN * column
    y = BOTTOM + 0.35 + pitch * (row - row.min())
    size = np.array([max(x.max() + RIGHT, NARROWEST), y.max() + SLOT * most + 0.35 + TOP])
    return np.stack([x, y], axis=1), size
