"""Maps of a quantity by step: colours in cells, framed cells, and the colour bar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from experiments.figures.page import DaySteps, hour_axis
from experiments.figures.style import hour_edges
from grids.network import BoolArray, FloatArray

MOST_SHOWN = 8
"""Largest number of connections drawn one by one, with numbers in the cells of maps; of more only the colours."""
MOST_NAMED = 80
"""Largest number of connections that are all named; of more, only some are."""
LUMINANCE, DARK = (0.2126, 0.7152, 0.0722), 0.45
"""Weights of red, green and blue, and the luminance of a cell below which its number is white."""
LOWEST_ROW, HIGHEST_ROW, LOWEST_MAP, HIGHEST_MAP = 0.13, 0.24, 0.7, 9.0
"""Heights. [inch]"""


def color_map(
    ax: Axes, x: ArrayLike, y: ArrayLike, values: FloatArray, span: tuple[float, float], colors: Any, **look: Any
) -> QuadMesh:
    """Draw values, shape (y, x), as colours from one end of a span to the other, in cells around their places."""
    columns, rows = (hour_edges(np.asarray(places, dtype=np.float64)) for places in (x, y))
    look = {"edgecolors": "face", "linewidth": 0.2, "rasterized": values.size > 3000, **look}
    return ax.pcolormesh(columns, rows, values, cmap=colors, norm=Normalize(*span), **look)


def color_bar(ax: Axes, mesh: QuadMesh, label: str, *, nbins: int = 5, width: float = 0.016, **look: Any) -> Colorbar:
    """Draw the colours of a map to its right, with the quantity and its unit."""
    bar_ax = ax.inset_axes((1 + width, 0.0, width, 1.0))
    bar = ax.figure.colorbar(mesh, cax=bar_ax, **look)
    low, high = mesh.get_clim()
    bar.set_ticks([mark for mark in MaxNLocator(nbins).tick_values(low, high) if low <= mark <= high])
    bar.outline.set_visible(False)
    bar_ax.tick_params(labelsize=7.5, length=2.5)
    bar_ax.set_ylabel(label, labelpad=3)
    return bar


def frame(ax: Axes, cells: BoolArray, steps: DaySteps, *, width: float, gid: str) -> None:
    """Frame cells of a map of steps, shape (rows, T), in black."""
    lines = LineCollection(list(outline(cells, steps.edges)), colors="black", linewidths=width, gid=gid)
    ax.add_collection(lines, autolim=False)


def outline(mask: BoolArray, edges: FloatArray) -> FloatArray:
    """Return the border of the marked cells of a map as lines, shape (lines, 2, 2): ends, (x, y).

    The columns of the map lie between edges; its rows stand around their number.
    """
    padded = np.pad(mask, 1)
    row, column = np.nonzero(padded[1:-1, :-1] != padded[1:-1, 1:])
    x, y = edges[column], row.astype(np.float64)
    upright = np.stack([np.stack([x, y - 0.5], axis=1), np.stack([x, y + 0.5], axis=1)], axis=1)
    row, column = np.nonzero(padded[:-1, 1:-1] != padded[1:, 1:-1])
    left, right, height = edges[column], edges[column + 1], row - 0.5
    level = np.stack([np.stack([left, height], axis=1), np.stack([right, height], axis=1)], axis=1)
    return np.concatenate([upright, level])


@dataclass(frozen=True)
class Scale:
    """Colour scale of a map.

    Attributes
    ----------
    label : str
        Quantity and unit.
    low, high : float
        Ends of the scale.
    colors : str
        Matplotlib's name of the colour map.
    text : str
        Format of the numbers in the cells.
    factor : float
        Factor of the numbers in the cells.
    """

    label: str
    low: float
    high: float
    colors: str = "RdBu_r"
    text: str = ".0f"
    factor: float = 1.0


def map_height(connections: int) -> float:
    """Return the height of a map. [inch]"""
    row = HIGHEST_ROW if connections <= MOST_SHOWN else LOWEST_ROW
    return min(max(connections * row, LOWEST_MAP), HIGHEST_MAP)


def connection_map(
    ax: Axes,
    values: FloatArray,
    connections: Sequence[str],
    scale: Scale,
    steps: DaySteps,
    *,
    framed: BoolArray | None = None,
    narrow: bool = False,
) -> None:
    """Draw a map with a connection in every row: numbers in the cells of few hours, colours alone for many.

    Parameters
    ----------
    values : array, shape (T, connections)
        Grey where NaN.
    framed : array of bool, shape (T, connections), optional
        Cells to be framed.
    narrow : bool
        Whether there is another map beside it: fewer hours are numbered, and the cells hold no numbers.
    """
    few, name, rows = len(connections) <= MOST_SHOWN, ax.get_label(), np.arange(len(connections))
    ax.set_facecolor("#DDDDDD")
    look: Mapping[str, Any] = {"edgecolors": "white", "linewidth": 0.6} if few else {}
    shown = np.ma.masked_invalid(values.T)
    mesh = color_map(ax, steps.places, rows, shown, (scale.low, scale.high), scale.colors, gid=f"{name}_map", **look)
    if framed is not None:
        frame(ax, framed.T, steps, width=1.2 if few else 0.7, gid=f"{name}_framed")
    if few and not narrow and steps.hourly:
        _write_numbers(ax, values, scale, steps)
    ax.set_ylim(len(connections) - 0.5, -0.5)
    hour_axis(ax, steps, every=3 if narrow else 1)
    named = rows[:: int(np.ceil(len(connections) / MOST_NAMED))]
    ax.set_yticks(named, labels=[in_words(connections[k]) for k in named.tolist()])
    ax.tick_params(axis="y", labelsize=7.5 if few else 6.5, length=1.5, pad=2)
    color_bar(ax, mesh, scale.label, nbins=4 if few else 8, width=0.03 if narrow else 0.015)


def in_words(connection: str) -> str:
    """Return the name of a connection as it is written in figures."""
    return connection.replace("ev_aggregator", "EV aggregator").replace("_", " ")


def _write_numbers(ax: Axes, values: FloatArray, scale: Scale, steps: DaySteps) -> None:
    shade, span = colormaps[scale.colors], scale.high - scale.low
    for (hour, connection), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = np.dot(shade((value - scale.low) / span)[:3], LUMINANCE) < DARK
            text = f"{scale.factor * value:{scale.text}}".replace("-", "−")
            text = text if text.strip("+−0.") else "0"
            color = "white" if dark else "#222222"
            ax.text(float(steps.places[hour]), connection, text, ha="center", va="center", fontsize=6.5, color=color)
