"""Maps of a sweep over two factors: means, and differences around zero with what is within chance hatched."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from experiments.figures.style import COLORS, headline, house_style
from experiments.figures.sweep_axis import FactorAxis
from experiments.figures.sweep_sheet import STEPS, Frame, Sheet, sheet
from experiments.figures.sweep_text import TICK, Numbers, inches, label_lines, plain, shortened, wrapped
from grids.network import BoolArray, FloatArray

MEANS = LinearSegmentedColormap.from_list("means", ["#F3F6FA", "#9CC3DE", "#2F7FB8", "#08306B"])
DIFFERENCES = LinearSegmentedColormap.from_list(
    "differences", ["#8C3A00", COLORS["penalty"], "#F7E3D6", "#FFFFFF", "#D9E9F5", COLORS["tie_line"], "#003A5E"]
)
"""Blue for more, vermilion for less, white for no difference: safe for colour-blind readers."""
NONE = "#DDDDDD"
BAR = 1.15
"""Room for the scale of colours. [inch]"""
TALLEST = 8.8
"""All maps below each other. [inch]"""
LETTERS = 6.5


@dataclass(frozen=True, eq=False, kw_only=True)
class MapPanel:
    """One map.

    Attributes
    ----------
    title : str
        What it is about.
    values : array, shape (values of the vertical factor, values of the horizontal one)
        What is shown; NaN where there is nothing.
    texts : array of str, of the same shape
        What is written into the cells, if it fits.
    within_chance : array of bool, of the same shape
        Cells whose interval has zero in it.
    """

    title: str
    values: FloatArray
    texts: Sequence[Sequence[str]]
    within_chance: BoolArray | None = None


def maps_figure(
    panels: Sequence[MapPanel],
    across: FactorAxis,
    up: FactorAxis,
    *,
    title: str,
    label: str,
    notes: Sequence[str],
    differences: bool,
) -> Figure:
    """Return maps that share one scale of colours.

    Parameters
    ----------
    panels : sequence of MapPanel
        The maps.
    across, up : FactorAxis
        The horizontal and the vertical factor; every value has a place of the same size.
    title : str
        What is shown.
    label : str
        What the colours are, with the unit.
    notes : sequence of str
        What else is to be known.
    differences : bool
        Whether colours are centred on zero.
    """
    with house_style():
        across = replace(across, even=across.numbers is not None)
        frame = _frame(len(panels), across, up)
        marked = any(panel.within_chance is not None and panel.within_chance.any() for panel in panels)
        missing = any(np.isnan(panel.values).any() for panel in panels)
        key = [(Patch(fc="white", ec="#555555", hatch="////", lw=0.5), "within chance")] if marked else []
        key += [(Patch(fc=NONE, ec="none"), "no run")] if missing else []
        page = sheet(range(len(panels)), frame, title, notes, key)
        norm, colors = _scale(panels, differences=differences), DIFFERENCES if differences else MEANS
        for ax, panel, lowest, leftmost in zip(page.panels, panels, page.lowest, page.leftmost, strict=True):
            _draw(ax, panel, norm, colors, frame)
            across.dress(ax, frame.panel_width, named=lowest)
            _dress(ax, panel, up, frame, named=leftmost)
        _bar(page, frame, norm, colors, label)
    return page.figure


def _frame(count: int, across: FactorAxis, up: FactorAxis) -> Frame:
    """Return a sheet with as many maps side by side as their columns allow."""
    fits = 3 if len(across.texts) <= 6 else 2 if len(across.texts) <= 12 else 1
    # All of them on one page.
    most = min(4.2, max(1.0, TALLEST / math.ceil(count / fits) - 0.35))
    height = min(max(0.24 * len(up.texts), 1.3), most)
    left = 0.55 + min(1.4, max(inches(text, TICK) for text in up.texts))
    frame = Frame(columns=min(fits, count), height=height, across=0.18, between=0.08, below=0.0, left=left, right=BAR)
    return replace(frame, below=across.room(frame.panel_width) + 0.06)


def _scale(panels: Sequence[MapPanel], *, differences: bool) -> Normalize:
    values = np.concatenate([panel.values.ravel() for panel in panels])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if differences:
        reach = max(abs(low), abs(high)) or 1.0
        return Normalize(-reach, reach)
    return Normalize(low, high) if high > low else Normalize(low - (abs(low) or 1.0), high + (abs(high) or 1.0))


def _draw(ax: Axes, panel: MapPanel, norm: Normalize, colors: Colormap, frame: Frame) -> None:
    rows, columns = panel.values.shape
    ax.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        np.ma.masked_invalid(panel.values),
        cmap=colors.with_extremes(bad=NONE),
        norm=norm,
        edgecolors="white",
        lw=0.6,
        gid=panel.title,
    )
    if panel.within_chance is not None:
        for row, column in np.argwhere(panel.within_chance):
            cell = (column - 0.5, row - 0.5)
            ax.add_patch(Rectangle(cell, 1, 1, fc="none", ec="#8A8A8A", hatch="////", lw=0))
    room = frame.panel_width / columns - 0.06
    if max(inches(text, LETTERS) for line in panel.texts for text in line) <= room and frame.height / rows >= 0.15:
        _write(ax, panel, norm, colors)


def _write(ax: Axes, panel: MapPanel, norm: Normalize, colors: Colormap) -> None:
    """Write values into cells, white on dark."""
    for row, column in np.argwhere(np.isfinite(panel.values)):
        red, green, blue, _ = colors(float(norm(panel.values[row, column])))
        dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5
        chance = panel.within_chance is not None and panel.within_chance[row, column]
        box = {"facecolor": (red, green, blue), "edgecolor": "none", "pad": 0.6} if chance else None
        ax.text(
            column,
            row,
            plain(panel.texts[row][column]),
            ha="center",
            va="center",
            fontsize=LETTERS,
            color="white" if dark else "black",
            bbox=box,
        )


def _dress(ax: Axes, panel: MapPanel, up: FactorAxis, frame: Frame, *, named: bool) -> None:
    every = int(np.ceil(0.13 * len(up.texts) / frame.height))
    texts = [plain(shortened(text, 1.4, TICK)) for text in up.texts]
    ax.set_yticks(np.arange(len(texts))[::every], labels=texts[::every])
    ax.set_xlim(-0.5, panel.values.shape[1] - 0.5)
    ax.set_ylim(-0.5, panel.values.shape[0] - 0.5)
    ax.tick_params(length=0, labelleft=named)
    ax.spines[:].set_visible(False)
    if named:
        ax.set_ylabel(label_lines(up.label, frame.height + 0.2, 8.5))
    headline(ax, plain(shortened(panel.title, frame.panel_width, 9.5, bold=True)))


def _bar(page: Sheet, frame: Frame, norm: Normalize, colors: Colormap, label: str) -> None:
    """Draw the scale of colours to the right of the first row."""
    box = page.panels[min(frame.columns, len(page.panels)) - 1].get_position()
    width = page.figure.get_figwidth()
    ax = page.figure.add_axes((box.x1 + 0.12 / width, box.y0, 0.12 / width, box.height), label="scale")
    bar = page.figure.colorbar(ScalarMappable(norm, colors), cax=ax)
    bar.outline.set_visible(False)
    low, high = ax.get_ylim()
    ticks = MaxNLocator(5, steps=STEPS).tick_values(low, high)
    inside = [float(tick) for tick in ticks if low <= tick <= high]
    bar.set_ticks(inside, labels=Numbers().format_ticks(inside))
    ax.tick_params(labelsize=TICK, length=2.5)
    ax.set_ylabel(plain("\n".join(wrapped(label, frame.height + 0.3, 8.0, most=2))), fontsize=8)
