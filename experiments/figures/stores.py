"""Panels of the state of charge of the microgrids' stores: a map of few, the range of many."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.figures.connection_map import Scale, connection_map, map_height
from experiments.figures.connection_page import HOURS, MOST_SHOWN, by_hour, hour_axis
from experiments.figures.style import COLORS, hour_edges, tint, write_key
from grids.components import Storage
from grids.network import FloatArray

NAMES = {"battery": "battery", "thermal_storage": "heat store"}
"""Names of the stores."""
MAP_COLORS = {"battery": "YlGn", "thermal_storage": "YlOrBr"}
RANGE_HEIGHT = 1.6
"""Height of the panel of many stores. [inch]"""


def energy_of_day(devices: pd.DataFrame, stores: Mapping[str, Storage], device: str, day: int) -> FloatArray:
    """Return the energy of every store at the start of a day and the end of each hour, shape (25, stores). [MWh]

    Parameters
    ----------
    devices : DataFrame
        The table of all days.
    stores : mapping of str to Storage
        The stores, by the names of their connections.
    """
    rows = devices[devices["device"] == device]
    now = by_hour(rows[rows["day"] == day], "energy_mwh", list(stores))
    if day == 1:
        start = np.array([store.start_soc * store.max_e_mwh for store in stores.values()])
    else:
        start = by_hour(rows[rows["day"] == day - 1], "energy_mwh", list(stores))[-1]
    return np.concatenate([start[None, :], now])


def fill_height(stores: int) -> float:
    """Return the height of the panel of a number of stores. [inch]"""
    return map_height(stores) if stores <= MOST_SHOWN else RANGE_HEIGHT


def fill_panel(ax: Axes, energy_mwh: FloatArray, stores: Mapping[str, Storage], device: str) -> None:
    """Draw the state of charge of stores, from their energy, shape (25, stores). [MWh]"""
    percent = 100 * energy_mwh / np.array([store.max_e_mwh for store in stores.values()])
    if len(stores) <= MOST_SHOWN:
        connection_map(ax, percent[1:], list(stores), Scale("full [%]", 0, 100, MAP_COLORS[device]))
    else:
        _range_panel(ax, percent, device)


def _range_panel(ax: Axes, percent: FloatArray, device: str) -> None:
    """Draw the median, the middle half and all of many stores."""
    times, color, name = hour_edges(HOURS), COLORS[device], ax.get_label()
    levels: FloatArray = np.percentile(percent, (0, 25, 50, 75, 100), axis=1)
    ax.fill_between(times, levels[0], levels[4], color=tint(color, 0.25), lw=0, gid=f"{name}_all")
    ax.fill_between(times, levels[1], levels[3], color=tint(color, 0.6), lw=0, gid=f"{name}_half")
    ax.plot(times, levels[2], color=tint(color, 1.35), lw=1.6, gid=f"{name}_median")
    ax.set_ylim(0, 104)
    ax.set_yticks([0, 25, 50, 75, 100])
    ax.set_ylabel("full [%]")
    ax.grid(axis="y")
    hour_axis(ax)
    key = [
        Line2D([], [], color=tint(color, 1.35), lw=1.6, label=f"median {NAMES[device]}"),
        Patch(color=tint(color, 0.6), label="middle half"),
        Patch(color=tint(color, 0.25), label=f"all {percent.shape[1]}"),
    ]
    write_key(ax, key)
