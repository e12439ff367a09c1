"""Figure of the electric balance of microgrids, device by device."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.connection_page import (
    MOST_SHOWN,
    by_hour,
    connection_page,
    heading,
    hour_axis,
    in_words,
    of_device,
    rows_of,
    same_scale,
)
from experiments.figures.device_stack import Part, split, stack_panel
from experiments.figures.page import Page
from experiments.figures.stores import energy_of_day, fill_height, fill_panel
from experiments.figures.style import COLORS, headline, house_style, tint
from grids.network import FloatArray
from sim.instance import Instance

DEVICES = {
    "output": ("renewables", COLORS["pv"]),
    "diesel": ("diesel generator", COLORS["diesel"]),
    "heat_unit": ("heat unit", COLORS["heat_unit"]),
    "battery": ("battery (− charging)", COLORS["battery"]),
    "load": ("load", tint(COLORS["demand"], 0.65)),
    "ev": ("cars", COLORS["ev_aggregator"]),
}
"""Names and colours of devices, in the order they are stacked from zero."""
EXAMPLES = 6
"""Number of connections drawn one by one where there are many."""


def devices_figure(tables: Mapping[str, pd.DataFrame], instance: Instance, *, day: int = 1) -> Figure:
    """Return the electric balance of the connections over a day, device by device, as a figure.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger of the run.
    instance : Instance
        Of the run, with at least one connection.
    day : int
        Market day, counted from 1.

    Raises
    ------
    ValueError
        If nothing was exchanged on that day.
    """
    trades, devices = rows_of(tables, day, "trades", "devices")
    connections = [connection.name for connection in instance.grid.connections]
    shown = _examples(by_hour(trades, "p_mw", connections), connections)
    batteries = {
        connection.name: connection.microgrid.battery
        for connection in instance.grid.connections
        if connection.microgrid.battery
    }
    rows = int(np.ceil(len(shown) / 2))
    with house_style():
        heights = [2.3, *[1.35] * rows, *([fill_height(len(batteries))] if batteries else [])]
        page = connection_page(heights, apart=rows + 1)
        ax = page.panel(0, "all")
        stack_panel(ax, _parts(trades, devices, connections), legend=True)
        hour_axis(ax, named=False)
        headline(ax, f"(a) All {len(connections)} together", _finding(trades))
        _each(page, trades, devices, shown, len(connections))
        if batteries:
            ax = page.panel(rows + 1, "soc")
            energy = energy_of_day(tables["devices"], batteries, "battery", day)
            fill_panel(ax, energy, batteries, "battery")
            headline(ax, "(c) How full every battery is, at the end of the hour")
        note = "above zero what comes in, below zero where it goes; both add up to the same"
        heading(page, "electricity of microgrids", note, instance.study, day, tables["bids"])
    return page.figure


def _examples(p_mw: FloatArray, connections: Sequence[str]) -> list[str]:
    """Return the connections to be drawn one by one: all, or of many a few, ordered from giving to taking most."""
    if len(connections) <= MOST_SHOWN:
        return list(connections)
    order = np.argsort(np.nansum(p_mw, axis=0), kind="stable")
    return [connections[order[k]] for k in np.linspace(0, len(connections) - 1, EXAMPLES).round().astype(int)]


def _parts(trades: pd.DataFrame, devices: pd.DataFrame, connections: Sequence[str]) -> list[Part]:
    """Return the power that the connections' devices and the network give and use, as parts of a stack."""
    there = set(devices.loc[devices["connection"].isin(connections), "device"])
    parts = [
        Part(name, color, *split(of_device(devices, device, "p_mw", connections)))
        for device, (name, color) in DEVICES.items()
        if device in there
    ]
    network = split(np.nan_to_num(by_hour(trades, "p_mw", connections)))
    return [*parts, Part("import (− export)", COLORS["tie_line"], *network)]


def _finding(trades: pd.DataFrame) -> str:
    short = float(trades["shortfall_mw"].sum())
    return f"{short:.3f} MWh of load could not be served" if short > 0.0005 else "all load served"


def _each(page: Page, trades: pd.DataFrame, devices: pd.DataFrame, shown: Sequence[str], count: int) -> None:
    """Draw connections one by one, those of one kind on the same scale."""
    axes = {}
    for k, connection in enumerate(shown):
        row, column = divmod(k, 2)
        ax = page.panel(1 + row, f"connection{k}", column=column, columns=2)
        stack_panel(ax, _parts(trades, devices, [connection]))
        hour_axis(ax, every=2, named=k >= len(shown) - 2)
        title = "(b) " if k == 0 else ""
        some = f"{len(shown)} of {count}, most giving first" if k == 0 and len(shown) < count else ""
        headline(ax, f"{title}{in_words(connection)}", some)
        axes[connection] = ax
    same_scale(axes)
