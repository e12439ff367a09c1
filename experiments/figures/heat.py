"""Figure of the heat of microgrids: production, stores, and vented heat."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.figures.connection_page import (
    HOURS,
    connection_page,
    heading,
    hour_axis,
    in_words,
    of_device,
    power_axis,
    rows_of,
)
from experiments.figures.device_stack import Part, split, stack_panel
from experiments.figures.stores import energy_of_day, fill_height, fill_panel
from experiments.figures.style import COLORS, GREY, headline, hour_edges, house_style, write_key
from grids.components import Storage
from grids.network import Connection, FloatArray
from sim.instance import Instance

STORE = "thermal_storage"
PANELS = ("balance", "vented", "stored")


def heat_connections(instance: Instance) -> list[Connection]:
    """Return the connections whose microgrid has heat: a load, a source or a store."""
    microgrids = [(connection, connection.microgrid) for connection in instance.grid.connections]
    return [
        connection for connection, what in microgrids if what.heat_unit or what.thermal_storage or what.max_heat_mw > 0
    ]


def heat_figure(tables: Mapping[str, pd.DataFrame], instance: Instance, *, day: int = 1) -> Figure:
    """Return the heat balance over a day, of all microgrids together and of one, as a figure.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger of the run.
    instance : Instance
        Of the run, with at least one microgrid with heat.
    day : int
        Market day, counted from 1.

    Raises
    ------
    ValueError
        If nothing was exchanged on that day, or there is no heat.
    """
    connections = heat_connections(instance)
    if not connections:
        raise ValueError("no connection has heat")
    (devices,) = rows_of(tables, day, "devices")
    stores = {
        connection.name: connection.microgrid.thermal_storage
        for connection in connections
        if connection.microgrid.thermal_storage
    }
    stored = energy_of_day(tables["devices"], stores, STORE, day)
    with house_style():
        page = connection_page([1.9, 1.3, *([1.3, fill_height(len(stores))] if stores else [])], apart=3)
        shown = (f"all {len(connections)}", connections), (in_words(connections[0].name), connections[:1])
        for column, (whose, chosen) in enumerate(shown):
            names = PANELS if stores else PANELS[:-1]
            panels = [page.panel(row, f"{name}{column}", column=column, columns=2) for row, name in enumerate(names)]
            _balance_panel(panels[0], devices, chosen, whose, column)
            _vented_panel(panels[1], devices, chosen, whose, column)
            if stores:
                mine = {connection.name: stores[connection.name] for connection in chosen if connection.name in stores}
                _stored_panel(panels[2], stored[:, : len(mine)], mine, whose, column)
            hour_axis(panels[-1], every=2)
        if stores:
            ax = page.panel(3, "soc")
            fill_panel(ax, stored, stores, STORE)
            headline(ax, "(d) How full every heat store is, at the end of the hour")
        heading(page, "heat of microgrids", "left: the sum; right: one of them", instance.study, day, tables["bids"])
    return page.figure


def _balance_panel(ax: Axes, devices: pd.DataFrame, connections: list[Connection], whose: str, column: int) -> None:
    """Draw the heat made and taken from stores, with the load as a line."""
    names = [connection.name for connection in connections]
    unit, store, load = (of_device(devices, device, "heat_mw", names) for device in ("heat_unit", STORE, "heat_load"))
    parts = [
        Part("heat unit", COLORS["heat_unit"], *split(unit)),
        Part("heat store\n(− charging)", COLORS[STORE], *split(store)),
    ]
    stack_panel(ax, parts, line=-load.sum(axis=1), line_name="heat load", legend=column == 1)
    ax.set_ylabel("heat [MW]")
    hour_axis(ax, every=2, named=False)
    headline(ax, f"(a) Heat balance of {whose}" if column == 0 else whose, f"load {-load.sum():.2f} MWh")


def _vented_panel(ax: Axes, devices: pd.DataFrame, connections: list[Connection], whose: str, column: int) -> None:
    """Draw the possible heat of the heat units: the part that was used, and the part that was vented."""
    names = [connection.name for connection in connections]
    ratio = np.array(
        [
            connection.microgrid.heat_unit.heat_ratio if connection.microgrid.heat_unit else 0.0
            for connection in connections
        ]
    )
    made = (np.abs(of_device(devices, "heat_unit", "p_mw", names)) * ratio).sum(axis=1)
    used = of_device(devices, "heat_unit", "heat_mw", names).sum(axis=1)
    edges, color, label = hour_edges(HOURS), COLORS["heat_unit"], ax.get_label()
    ax.stairs(used, edges, fill=True, color=color, lw=0, gid=f"{label}_used")
    ax.stairs(np.maximum(made, used), edges, baseline=used, fill=True, fc="white", ec=color, hatch="/////", lw=0.0)
    ax.stairs(made, edges, baseline=None, color=color, lw=1.2, gid=f"{label}_made")
    ax.set_ylim(0, 1.1 * max(float(made.max()), 1e-3))
    power_axis(ax, "heat [MW]")
    hour_axis(ax, every=2, named=False)
    if column == 1:
        vented = Patch(fc="white", ec=color, hatch="/////", lw=0.7, label="vented")
        write_key(ax, [vented, Patch(color=color, label="used")])
    lost = float(np.maximum(made - used, 0).sum())
    title = "(b) Made by heat units" if column == 0 else whose
    headline(ax, title, f"vented {lost:.2f} of {made.sum():.2f} MWh")


def _stored_panel(ax: Axes, energy: FloatArray, stores: Mapping[str, Storage], whose: str, column: int) -> None:
    """Draw the stored heat, from shape (25, stores), below the capacity of the stores."""
    capacity = sum(store.max_e_mwh for store in stores.values())
    ax.plot(hour_edges(HOURS), energy.sum(axis=1), color=COLORS[STORE], lw=1.6, gid=f"{ax.get_label()}_energy")
    ax.axhline(capacity, color=GREY, lw=0.8, ls=(0, (4, 3)))
    ax.set_ylim(0, 1.1 * max(capacity, 1e-3))
    ax.set_ylabel("stored [MWh]")
    ax.grid(axis="y")
    if column == 1:
        full = Line2D([], [], color=GREY, lw=0.8, ls=(0, (4, 3)), label="when full")
        write_key(ax, [full, Line2D([], [], color=COLORS[STORE], lw=1.6, label="stored heat")])
    headline(ax, "(c) Heat in stores, at the end of the hour" if column == 0 else whose)
