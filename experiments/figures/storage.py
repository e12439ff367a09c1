"""Panels of the state of charge: of the operator's batteries one by one, of the microgrids' stores a map or ranges."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.maps import MOST_SHOWN, Scale, connection_map, map_height
from experiments.figures.page import DaySteps, hour_axis
from experiments.figures.style import (
    COLORS,
    GREY,
    Label,
    headline,
    ink,
    margin_labels,
    nothing_to_show,
    tint,
    write_key,
)
from grids.components import Storage
from grids.network import FloatArray

LOOKS = (
    ("#003D2E", "-", "o", "●"),
    ("#1FA37A", (0, (5, 1.2)), "s", "■"),
    ("#7A5C00", (0, (1.2, 0.9)), "^", "▲"),
    ("#56B4E9", (0, (6, 1, 1.2, 1)), "D", "◆"),
    ("#882255", "-", "v", "▼"),
    ("#88A000", (0, (5, 1.2)), "X", "✖"),
    ("#0072B2", (0, (1.2, 0.9)), "P", "✚"),
    ("#CC79A7", (0, (6, 1, 1.2, 1)), "*", "★"),
)
"""Colour, dashes, marker and its letter of the batteries; of more, all look alike and only their number is written."""
LEVELS = [0, 25, 50, 75, 100]
STORES = {"battery": ("battery", "YlGn"), "thermal_storage": ("heat store", "YlOrBr")}
"""Names and colour maps of the microgrids' stores."""
RANGE_HEIGHT = 1.6
"""Height of the panel of many stores. [inch]"""


def soc_panel(ax: Axes, dispatch: pd.DataFrame, units: pd.DataFrame, before: pd.Series, steps: DaySteps) -> None:
    """Draw the SOC at the end of each step, from its value at the start of the day on.

    No two of a few batteries have markers at the same step, so that lines that coincide can be told apart.

    Parameters
    ----------
    before : Series
        SOC of each battery when the day begins.
    """
    batteries = units[units["kind"] == "battery"]
    ax.set_ylim(0, 104)
    ax.set_yticks(LEVELS)
    headline(ax, f"(d) State of charge of the batteries (SOC), at the end of the {steps.name}", y="SOC [%]")
    if batteries.empty:
        nothing_to_show(ax, "no batteries in this fleet")
        return
    count, labels, green = len(batteries), [], COLORS["battery"]
    for k, unit in enumerate(batteries["unit"]):
        soc = dispatch.loc[dispatch["unit"] == unit, "soc"].to_numpy()
        percent = 100 * np.append(before[unit], soc)
        alone: dict[str, Any] = {"color": green, "lw": 1.4}
        look, letter = (alone, "") if count == 1 or count > len(LOOKS) else _look(k, count, steps)
        ax.plot(steps.edges, percent, gid=unit, solid_joinstyle="round", **look)
        labels.append(
            Label(round(float(percent[-1]), 2), f"{letter} {unit.replace('_', ' ')}".strip(), ink(look["color"]))
        )
    if count > len(LOOKS):
        labels = [Label(float(np.median([label.height for label in labels])), f"{count} batteries", ink(green))]
    margin_labels(ax, labels + _limits(ax, batteries))


def _look(k: int, count: int, steps: DaySteps) -> tuple[dict[str, Any], str]:
    """Return look and marker's letter of the k-th of a few batteries."""
    color, dashes, marker, letter = LOOKS[k]
    every = tuple(steps.calendar.steps_per_hour * number for number in (k, max(count, 3)))
    points = {"marker": marker, "ms": 6.0, "mec": "white", "mew": 0.4, "markevery": every}
    return {"color": color, "ls": dashes, "lw": 1.3, **points}, letter


def _limits(ax: Axes, batteries: pd.DataFrame) -> list[Label]:
    """Draw the limits; return labels for those that all batteries share."""
    labels: list[Label] = []
    for column, name in (("max_soc", "upper limit"), ("min_soc", "lower limit")):
        values = sorted(100 * batteries[column].unique())
        for value in values:
            ax.axhline(value, color="#777777", lw=0.8, ls=(0, (4, 3)), gid=f"{column}-{value:g}")
        text = f"{name} {values[0]:.0f} %" if len(values) == 1 else f"{name}s"
        labels.append(Label(float(np.mean(values)), text, GREY))
    return labels


def fill_height(stores: int) -> float:
    """Return the height of the panel of a number of stores. [inch]"""
    return map_height(stores) if stores <= MOST_SHOWN else RANGE_HEIGHT


def fill_panel(
    ax: Axes, energy_mwh: FloatArray, stores: Mapping[str, Storage], device: str, letter: str, steps: DaySteps
) -> None:
    """Draw the state of charge of stores from their energy, shape (T + 1, stores) [MWh]: a map, or ranges of many."""
    percent = 100 * energy_mwh / np.array([store.max_e_mwh for store in stores.values()])
    name, colors = STORES[device]
    headline(ax, f"({letter}) State of charge (SOC) of every {name}, at the end of the {steps.name}")
    if len(stores) <= MOST_SHOWN:
        connection_map(ax, percent[1:], list(stores), Scale("SOC [%]", 0, 100, colors), steps)
        return
    times, color, label = steps.edges, COLORS[device], ax.get_label()
    levels: FloatArray = np.percentile(percent, LEVELS, axis=1)
    for part, (low, high), strength, text in (
        ("all", (0, 4), 0.25, f"all {percent.shape[1]}"),
        ("half", (1, 3), 0.6, "middle half"),
    ):
        look: dict[str, Any] = {"color": tint(color, strength), "lw": 0, "gid": f"{label}_{part}", "label": text}
        ax.fill_between(times, levels[low], levels[high], **look)
    ax.plot(times, levels[2], color=tint(color, 1.35), lw=1.6, gid=f"{label}_median", label=f"median {name}")
    ax.set_ylim(0, 104)
    ax.set_yticks(LEVELS)
    ax.set_ylabel("SOC [%]")
    ax.grid(axis="y")
    hour_axis(ax, steps)
    write_key(ax)
