"""Maps of a quantity by connection and hour: numbers in the cells of few connections, colours alone for many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from experiments.figures.connection_page import HOURS, MOST_SHOWN, hour_axis, in_words
from experiments.figures.style import hour_edges
from experiments.figures.voltage import outline
from grids.network import BoolArray, FloatArray

MOST_NAMED = 80
"""Largest number of connections that are all named; of more, only some are."""
LUMINANCE, DARK = (0.2126, 0.7152, 0.0722), 0.45
"""Weights of red, green and blue, and the luminance of a cell below which its number is white."""
LOWEST_ROW, HIGHEST_ROW, LOWEST_MAP, HIGHEST_MAP = 0.13, 0.24, 0.7, 9.0
"""Heights. [inch]"""


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
    *,
    framed: BoolArray | None = None,
    narrow: bool = False,
) -> None:
    """Draw a map with a connection in every row.

    Parameters
    ----------
    values : array, shape (24, connections)
        Grey where NaN.
    framed : array of bool, shape (24, connections), optional
        Cells to be framed.
    narrow : bool
        Whether there is another map beside it: fewer hours are numbered, and the cells hold no numbers.
    """
    few = len(connections) <= MOST_SHOWN
    ax.set_facecolor("#DDDDDD")
    mesh = ax.pcolormesh(
        hour_edges(HOURS),
        np.arange(len(connections) + 1) - 0.5,
        np.ma.masked_invalid(values.T),
        cmap=scale.colors,
        norm=Normalize(scale.low, scale.high),
        edgecolors="white" if few else "face",
        linewidth=0.6 if few else 0.2,
        rasterized=values.size > 3000,
        gid=f"{ax.get_label()}_map",
    )
    if framed is not None:
        lines = LineCollection(list(outline(framed.T, 1.0)), colors="black", linewidths=1.2 if few else 0.7)
        lines.set_gid(f"{ax.get_label()}_framed")
        ax.add_collection(lines, autolim=False)
    if few and not narrow:
        _write_numbers(ax, values, scale)
    ax.set_ylim(len(connections) - 0.5, -0.5)
    hour_axis(ax, every=3 if narrow else 1)
    shown = np.arange(0, len(connections), int(np.ceil(len(connections) / MOST_NAMED)))
    ax.set_yticks(shown, labels=[in_words(connections[k]) for k in shown.tolist()])
    ax.tick_params(axis="y", labelsize=7.5 if few else 6.5, length=1.5, pad=2)
    bar_ax = ax.inset_axes((1.03 if narrow else 1.015, 0.0, 0.03 if narrow else 0.015, 1.0))
    marks = np.asarray(MaxNLocator(nbins=4 if few else 8).tick_values(scale.low, scale.high))
    bar = ax.figure.colorbar(mesh, cax=bar_ax, ticks=marks[(marks >= scale.low) & (marks <= scale.high)])
    bar.outline.set_visible(False)
    bar_ax.tick_params(labelsize=7.5, length=2.5)
    bar_ax.set_ylabel(scale.label, labelpad=4)


def _write_numbers(ax: Axes, values: FloatArray, scale: Scale) -> None:
    shade, span = colormaps[scale.colors], scale.high - scale.low
    for (hour, connection), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = np.dot(shade((value - scale.low) / span)[:3], LUMINANCE) < DARK
            text = f"{scale.factor * value:{scale.text}}".replace("-", "−")
            text = text if text.strip("+−0.") else "0"
            color = "white" if dark else "#222222"
            ax.text(float(HOURS[hour]), connection, text, ha="center", va="center", fontsize=6.5, color=color)
