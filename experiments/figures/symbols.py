"""Symbols of the one-line diagram: their areas are capacities [MVA] and demands [MW]."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.path import Path as Outline

from experiments.figures.style import COLORS, GREY

LARGEST = 0.40
"""Side of the square whose area stands for the largest unit. [inch]"""
LARGEST_DEMAND = 0.50
"""Diameter of the disc that stands for the largest demand. [inch]"""


def side(amount: float, largest: float, inch: float) -> float:
    """Return the length whose square is proportional to an amount. [inch]"""
    return inch * float(np.sqrt(amount / largest)) if largest > 0 else 0.0


def draw_unit(ax: Axes, x: float, y: float, kind: str, length: float) -> None:
    """Draw wind (disc with rotor), PV (square panel), battery (cell with pole) or another kind (diamond).

    Parameters
    ----------
    x, y : float
        Centre. [inch]
    length : float
        Root of the symbol's area. [inch]
    """
    color = COLORS.get(kind, COLORS["other"])
    area = (72 * length) ** 2
    if kind == "wind":
        ax.scatter(x, y, s=area * 4 / np.pi, marker="o", color=color, lw=0, zorder=4, gid=kind)
        ax.scatter(x, y, s=area * 0.9, marker=_rotor(), color="white", lw=0, zorder=5)
    elif kind == "pv":
        ax.scatter(x, y, s=area, marker="s", color=color, lw=0, zorder=4, gid=kind)
        ax.scatter(x, y, s=area, marker=_grid(), facecolor="none", color="white", lw=0.9, zorder=5)
    elif kind == "battery":
        ax.scatter(x, y, s=area * 1.2, marker=_cell(), color=color, lw=0, zorder=4, gid=kind)
        ax.scatter(x, y, s=area * 0.22, marker="+", color="white", lw=0.9, zorder=5)
    else:
        ax.scatter(x, y, s=area, marker="D", color=color, lw=0, zorder=4, gid=kind)


def draw_demand(ax: Axes, x: float, y: float, diameter: float) -> None:
    """Draw the demand of a bus as a disc."""
    ax.scatter(x, y, s=(72 * diameter) ** 2, color="#CFCFCF", edgecolor="#8C8C8C", lw=0.6, zorder=3, gid="demand")


def draw_main_grid(ax: Axes, x: float, y: float, length: float) -> None:
    """Draw the main grid: the crossed square of one-line diagrams."""
    ax.scatter(x, y, s=(72 * length) ** 2, marker="s", facecolor="white", edgecolor=COLORS["tie_line"], lw=1.4,
               hatch="xxxx", zorder=3, gid="main grid")  # fmt: skip
    ax.text(x, y - length / 2 - 0.08, "main grid", ha="center", va="top", fontsize=8, color=GREY)


def _rotor() -> Outline:
    """Return a rotor of three blades in the unit circle."""
    blade = np.array([[0.0, 0.0], [0.16, 0.25], [0.0, 0.95], [-0.09, 0.25], [0.0, 0.0]])
    turns = np.deg2rad([0.0, 120.0, 240.0])
    rotated = [blade @ np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]) for t in turns]
    return Outline.make_compound_path(*(Outline(points, closed=True) for points in rotated))


def _grid() -> Outline:
    """Return the lines between the six cells of a PV panel of side 2."""
    ends = np.array([[-1 / 3, -1], [-1 / 3, 1], [1 / 3, -1], [1 / 3, 1], [-1, 0], [1, 0]])
    return Outline(ends, [Outline.MOVETO, Outline.LINETO] * 3)


def _cell() -> Outline:
    """Return a battery cell: a box with a pole."""
    corners = [[-0.8, -1], [0.8, -1], [0.8, 0.72], [0.32, 0.72], [0.32, 1], [-0.32, 1], [-0.32, 0.72], [-0.8, 0.72]]
    return Outline(np.array([*corners, corners[0]]), closed=True)
