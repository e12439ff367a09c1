"""Maps over two factors: means of the first output, and differences, hatched if within chance."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from experiments.figures.style import COLORS, headline
from experiments.sweeps.report import figure_page as pages
from experiments.sweeps.report.data import ReportData, View
from experiments.sweeps.report.factor_axis import STEPS, FactorAxis, Numbers, label_lines, shortened
from experiments.sweeps.report.levels import Levels
from experiments.sweeps.report.numbers import Amounts, axis_label_of, label_of
from experiments.sweeps.report.statistics import MEAN, OUTPUT, REACH, beyond_chance

NONE, HATCH = "#DDDDDD", "////"
MEANS = LinearSegmentedColormap.from_list("means", ["#F3F6FA", "#9CC3DE", "#2F7FB8", "#08306B"])
DIFFERENCES = LinearSegmentedColormap.from_list(
    "differences", ["#8C3A00", COLORS["penalty"], "#F7E3D6", "#FFFFFF", "#D9E9F5", COLORS["tie_line"], "#003A5E"]
)
"""Blue for more, vermilion for less, white for no difference: safe for colour-blind readers."""
TALLEST = 8.8
"""Largest height of all maps below each other. [inch]"""
SCALE_WIDTH = 0.8
"""Room for the scale of colours. [inch]"""
DIGITS, DIGIT = 6.5, 0.055
"""Size of the numbers in cells [point], and width of a digit. [inch]"""
CHANCE, TEXT = "=chance", "=text"
LONGEST = 22
"""Largest number of letters of a value of the vertical factor."""


def map_drawings(data: ReportData) -> Iterator[pages.ReportFigure]:
    """Yield maps of the first output over two factors: means, and paired differences."""
    if data.spec.heat_map is None:
        return
    across, up = (data.levels[name] for name in data.spec.heat_map)
    output, view, pairs = data.spec.outputs[0], data.view(data.spec.heat_map, most=1), data.pairs
    where = f"over {across.label} and {up.label}{data.averaged_in_title(view)}"
    title = f"{label_of(output).capitalize()} {where}"
    runs = data.long[data.long[OUTPUT] == output]
    yield pages.ReportFigure("map", _figure(data, across, up, runs, view, title, differences=False), f"{title}.")
    if pairs is None or view.lines != pairs.compare or {across.name, up.name} & set(pairs.together):
        return
    runs = pairs.differences[pairs.differences[OUTPUT] == output]
    if runs.empty:
        return
    view = replace(view, looks={code: look for code, look in view.looks.items() if code != pairs.baseline})
    title = f"Difference of {label_of(output)} to {data.levels[pairs.compare].named(pairs.baseline)} {where}"
    figure = _figure(data, across, up, runs, view, title, differences=True)
    yield pages.ReportFigure("map_differences", figure, f"{title}; what is within chance is hatched.")


def _figure(
    data: ReportData, across: Levels, up: Levels, runs: pd.DataFrame, view: View, title: str, *, differences: bool
) -> Figure:
    """Return a map for each value that has one, or a single one; all share one scale of colours."""
    found, output = data.estimates(runs, [across.name, up.name], view), runs[OUTPUT].iloc[0]
    note = data.notes(view, found, bands="Hatched cells have zero within their interval" if differences else "")
    if view.lines:
        found = found[found[view.lines].isin(list(view.looks))].reset_index(drop=True)
    codes: list[int | None] = [*view.looks] or [None]
    columns = min(len(codes), 3 if len(across) <= 6 else 2 if len(across) <= 12 else 1)
    rows = ceil(len(codes) / columns)
    height = min(max(0.24 * len(up), 1.3), 4.2, max(1.0, TALLEST / rows - 0.35))
    width = pages.panel_width(columns, 0.18) - SCALE_WIDTH / columns
    found[CHANCE] = differences & found[REACH].notna() & ~beyond_chance(found)
    amounts = Amounts.of(output, found)
    found[TEXT] = [amounts.text(mean, signed=differences) for mean in found[MEAN]]
    if found[TEXT].map(len).max() * DIGIT > width / len(across) - 0.06 or height / len(up) < 0.15:
        found[TEXT] = ""
    maps = [found if code is None else found[found[view.lines] == code] for code in codes]
    handles: dict[str, Patch] = {}
    if found[CHANCE].any():
        handles["within chance"] = Patch(fc="white", ec="#555555", hatch=HATCH, lw=0.5)
    if any(len(here) < len(across) * len(up) for here in maps):
        handles["no run"] = Patch(fc=NONE, ec="none")
    key = pages.Key(list(handles.values()), list(handles))
    scale = _scale(found[MEAN], differences=differences)
    colors = ScalarMappable(scale, (DIFFERENCES if differences else MEANS).with_extremes(bad=NONE))
    with pages.page_style():
        page = pages.PanelPage(range(len(codes)), columns, height, title=title, note=note, key=key)
        for place, (ax, here, code) in enumerate(zip(page.panels, maps, codes, strict=True)):
            _draw(ax, here, across, up, colors)
            FactorAxis(across, range(len(across)), is_scale=False).dress(ax, width, named=page.lowest[place])
            _dress(ax, up, height, named=page.leftmost[place])
            ax.set_xlim(-0.5, len(across) - 0.5)
            name = data.levels[view.lines].named(code) if view.lines and code is not None else ""
            headline(ax, shortened(name, int(width / pages.TITLE_LETTER)))
        style = {"aspect": rows * height / 0.12, "pad": 0.02, "use_gridspec": False, "format": Numbers()}
        bar = page.body.colorbar(colors, ax=page.panels, ticks=MaxNLocator(5, steps=STEPS), **style)
        bar.outline.set_visible(False)
        label = f"{'difference of ' * differences}{axis_label_of(output)}"
        bar.ax.set_ylabel(label_lines(label, rows * height + 0.5, most=2), fontsize=8)
        return page.fit()


def _scale(means: pd.Series, *, differences: bool) -> Normalize:
    """Return the scale of colours, of differences with zero in its middle."""
    low, high = float(means.min()), float(means.max())
    if differences:
        reach = max(abs(low), abs(high)) or 1.0
        return Normalize(-reach, reach)
    return Normalize(low, high) if high > low else Normalize(low - (abs(low) or 1.0), high + (abs(high) or 1.0))


def _draw(ax: Axes, here: pd.DataFrame, across: Levels, up: Levels, colors: ScalarMappable) -> None:
    """Draw the cells of a map with their texts, hatched if they are within chance."""
    means = here.pivot(index=up.name, columns=across.name, values=MEAN)
    cells = means.reindex(index=range(len(up)), columns=range(len(across))).to_numpy()
    x, y = (np.arange(len(level) + 1) - 0.5 for level in (across, up))
    looks: Any = {"cmap": colors.get_cmap(), "norm": colors.norm, "edgecolors": "white", "lw": 0.6}
    ax.pcolormesh(x, y, np.ma.masked_invalid(cells), **looks)
    style: Any = {"ha": "center", "va": "center", "fontsize": DIGITS, "clip_on": True}
    for _, row in here.iterrows():
        x, y, color = row[across.name], row[up.name], colors.to_rgba(row[MEAN])
        if row[CHANCE]:
            ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc="none", ec="#8A8A8A", hatch=HATCH, lw=0))
        box = {"facecolor": color, "edgecolor": "none", "pad": 0.6} if row[CHANCE] else None
        ink = "white" if np.dot(color[:3], (0.2126, 0.7152, 0.0722)) < 0.5 else "black"
        ax.text(x, y, row[TEXT], color=ink, bbox=box if row[TEXT] else None, **style)


def _dress(ax: Axes, up: Levels, height: float, *, named: bool) -> None:
    """Give a map its vertical axis; `named`: with values and the label."""
    every = ceil(0.13 * len(up) / height)
    texts = [shortened(text, LONGEST) for text in up.texts]
    ax.set_yticks(range(0, len(up), every), labels=texts[::every])
    ax.set_ylim(-0.5, len(up) - 0.5)
    ax.tick_params(length=0, labelleft=named)
    ax.spines[:].set_visible(False)
    if named:
        ax.set_ylabel(label_lines(up.axis_label, height + 0.2))
