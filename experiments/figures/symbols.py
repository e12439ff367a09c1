"""Symbols of the one-line diagram: their areas are capacities [MVA] and demands [MW]."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.path import Path as Outline

from experiments.figures.style import COLORS, GREY, NAMES, color_of
from grids.network import FloatArray

CONNECTIONS = {"microgrid": "microgrid", "ev_aggregator": "EV aggregator"}
"""Kinds of connections and their names, in the order they are drawn."""


def _closed(*corners: tuple[float, float]) -> Outline:
    return Outline(np.array([*corners, corners[0]]), closed=True)


def _rotor() -> Outline:
    """Return a rotor of three blades in the unit circle."""
    blade = np.array([[0.0, 0.0], [0.16, 0.25], [0.0, 0.95], [-0.09, 0.25], [0.0, 0.0]])
    turns = np.deg2rad([0.0, 120.0, 240.0])
    rotated = [blade @ np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]) for t in turns]
    return Outline.make_compound_path(*(Outline(points, closed=True) for points in rotated))


def _car() -> Outline:
    """Return a car from the side, with two wheels."""
    body = _closed((-1, -0.35), (1, -0.35), (1, 0.05), (0.6, 0.15), (0.3, 0.6), (-0.5, 0.6), (-0.8, 0.15), (-1, 0.1))
    wheel = Outline.circle(radius=0.22)
    wheels = [Outline(wheel.vertices + np.array([x, -0.38]), wheel.codes) for x in (-0.55, 0.55)]
    return Outline.make_compound_path(body, *wheels)


GRID = Outline(
    np.array([[-1 / 3, -1], [-1 / 3, 1], [1 / 3, -1], [1 / 3, 1], [-1, 0], [1, 0]]),
    [Outline.MOVETO, Outline.LINETO] * 3,
)
"""Lines between the six cells of a PV panel of side 2."""
CELL = _closed((-0.8, -1), (0.8, -1), (0.8, 0.72), (0.32, 0.72), (0.32, 1), (-0.32, 1), (-0.32, 0.72), (-0.8, 0.72))
HOUSE = _closed((-0.85, -1), (0.85, -1), (0.85, 0.1), (1, 0.1), (0, 1), (-1, 0.1), (-0.85, 0.1))
FLASH = _closed((0.15, 1), (-0.55, -0.15), (-0.05, -0.15), (-0.2, -1), (0.55, 0.25), (0.05, 0.25), (0.4, 1))


class Symbol(NamedTuple):
    """Symbol of a kind of unit: its marker, in white a mark on it, both their areas, and how far below it stands."""

    marker: Any
    area: float
    mark: Any = None
    mark_area: float = 0.0
    below: float = 0.0


SYMBOLS = {
    "wind": Symbol("o", 4 / np.pi, _rotor(), 0.9),
    "pv": Symbol("s", 1.0, GRID, 1.0),
    "battery": Symbol(CELL, 1.2, "+", 0.22),
    "microgrid": Symbol(HOUSE, 1.25, FLASH, 0.4, 0.06),
    "ev_aggregator": Symbol(_car(), 1.3, FLASH, 0.16, 0.02),
}
OTHER = Symbol("D", 1.0)
LARGEST = 0.40
"""Side of the square whose area stands for the largest unit. [inch]"""
LARGEST_DEMAND = 0.50
"""Diameter of the disc that stands for the largest demand. [inch]"""


def side(amount: float, largest: float, inch: float) -> float:
    """Return the length whose square is proportional to an amount. [inch]"""
    return inch * float(np.sqrt(amount / largest)) if largest > 0 else 0.0


def draw_unit(ax: Axes, x: float, y: float, kind: str, length: float, gid: str | None = None) -> None:
    """Draw wind (disc with rotor), PV (square panel), battery (cell with pole), microgrid (house) or EVs (car).

    Other kinds are diamonds.

    Parameters
    ----------
    x, y : float
        Centre. [inch]
    length : float
        Root of the symbol's area. [inch]
    gid : str, optional
        Name of the symbol in the SVG file.
    """
    color, area = color_of(kind), (72 * length) ** 2
    symbol = SYMBOLS.get(kind, OTHER)
    ax.scatter(x, y, s=area * symbol.area, marker=symbol.marker, color=color, lw=0, zorder=4, gid=gid)
    if symbol.mark is not None:
        lines = symbol.mark == "+" or symbol.mark is GRID
        look: dict[str, Any] = {"facecolor": "none", "lw": 0.9} if symbol.mark is GRID else {"lw": 0.9 * lines}
        height = y - symbol.below * length
        ax.scatter(x, height, s=area * symbol.mark_area, marker=symbol.mark, color="white", zorder=5, **look)


def draw_demand(ax: Axes, x: float, y: float, diameter: float, gid: str | None = None) -> None:
    """Draw the demand of a bus as a disc."""
    ax.scatter(x, y, s=(72 * diameter) ** 2, color="#CFCFCF", edgecolor="#8C8C8C", lw=0.6, zorder=3, gid=gid)


def draw_main_grid(ax: Axes, x: float, y: float, length: float) -> None:
    """Draw the main grid: the crossed square of one-line diagrams."""
    look: dict[str, Any] = {"facecolor": "white", "edgecolor": COLORS["tie_line"], "lw": 1.4, "hatch": "xxxx"}
    ax.scatter(x, y, s=(72 * length) ** 2, marker="s", zorder=3, gid="main_grid", **look)
    ax.text(x, y - length / 2 - 0.08, "main grid", ha="center", va="top", fontsize=8, color=GREY)


def draw_transformer(ax: Axes, start: FloatArray, end: FloatArray, gid: str) -> None:
    """Draw a transformer in the middle of a line: the two circles of one-line diagrams, white below their edges."""
    middle, along = (start + end) / 2, (end - start) / max(float(np.hypot(*(end - start))), 1e-9)
    x, y = np.stack([middle - 0.05 * along, middle + 0.05 * along], axis=1)
    for face, order, name in (("white", 2.2, None), ("none", 2.3, gid)):
        ax.scatter(x, y, s=(72 * 0.17) ** 2, facecolor=face, edgecolor="#444444", lw=1.1, zorder=order, gid=name)


def draw_key(ax: Axes, kinds: list[str], largest_mva: float, largest_mw: float) -> None:
    """Explain the symbols along the lower edge, each drawn with the size of a round number."""
    x, y = 0.55, 0.36
    mva, p_mw = _round_below(0.6 * largest_mva), _round_below(largest_mw)
    for kind in kinds:
        draw_unit(ax, x, y, kind, side(mva, largest_mva, LARGEST))
        unit = "MW" if kind in CONNECTIONS else "MVA"
        ax.text(x + 0.28, y, f"{(NAMES | CONNECTIONS).get(kind, kind)}, {mva:g} {unit}", va="center", fontsize=8)
        x += 1.95 if kind in CONNECTIONS else 1.75
    draw_demand(ax, x + 0.05, y, side(p_mw, largest_mw, LARGEST_DEMAND))
    ax.text(x + 0.36, y, f"demand at peak, {p_mw:g} MW", va="center", fontsize=8)


def _round_below(value: float) -> float:
    """Return the largest of 1, 2, 3, 5 times a power of ten that is not above a value."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step * power for step in (1, 2, 3, 5) if step * power <= value * (1 + 1e-9)))
