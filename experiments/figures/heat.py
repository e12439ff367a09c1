"""Figure of the heat of microgrids: production, stores, and vented heat."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.connection_day import ConnectionDay
from experiments.figures.maps import in_words
from experiments.figures.page import hour_axis
from experiments.figures.stack import Stack
from experiments.figures.storage import fill_height, fill_panel
from experiments.figures.style import COLORS, GREY, SOURCE, headline, house_style, write_key, zero_line
from grids.network import Connection
from sim.instance import Instance

STORE = "thermal_storage"


def heat_connections(instance: Instance) -> list[Connection]:
    """Return the connections whose microgrid has heat: a load, a source or a store."""
    microgrids = [(connection, connection.microgrid) for connection in instance.grid.connections]
    return [
        connection for connection, what in microgrids if what.heat_unit or what.thermal_storage or what.max_heat_mw > 0
    ]


def heat_figure(shown: ConnectionDay) -> Figure:
    """Return the heat balance over a day, of all microgrids together and of one, as a figure.

    Raises
    ------
    ValueError
        If there is no heat.
    """
    connections = heat_connections(shown.instance)
    if not connections:
        raise ValueError("no connection has heat")
    stores = shown.stores(STORE)
    panels = {"balance": _balance_panel, "vented": _vented_panel} | ({"stored": _stored_panel} if stores else {})
    heights = [1.9, 1.3, *([1.3, fill_height(len(stores))] if stores else [])]
    with house_style():
        page = shown.page("heat of microgrids", "left: the sum; right: one of them", heights, apart=3)
        for column, chosen in enumerate((connections, connections[:1])):
            whose = f"all {len(connections)}" if column == 0 else in_words(chosen[0].name)
            for row, (name, draw) in enumerate(panels.items()):
                ax = page.panel(row, f"{name}{column}", column=column, columns=2)
                title, finding, y = draw(ax, shown, chosen)
                headline(ax, f"({'abc'[row]}) " * (column == 0) + f"{title}, {whose}", finding, y=y)
                hour_axis(ax, shown.steps, every=2, named=row == len(panels) - 1)
                if column == 1:
                    write_key(ax)
        if stores:
            fill_panel(page.panel(3, "soc"), shown.energy(STORE), stores, STORE, "d", shown.steps)
    return page.figure


def _balance_panel(ax: Axes, shown: ConnectionDay, connections: Sequence[Connection]) -> tuple[str, str, str]:
    """Draw the heat made and taken from stores, with the load as a line; return title, finding and axis."""
    names, stack = [connection.name for connection in connections], Stack(ax, shown.steps)
    for name, device in (("heat unit", "heat_unit"), ("heat store\n(− charging)", STORE)):
        stack.add(name, COLORS[device], shown.of_device(device, "heat_mw", names))
    load = -shown.of_device("heat_load", "heat_mw", names).sum(axis=1)
    stack.line("heat load", load, gid=f"{ax.get_label()}_line")
    stack.finish()
    return "Heat balance", f"load {shown.steps.step_h * load.sum():.2f} MWh", f"heat [MW]\n{SOURCE}"


def _vented_panel(ax: Axes, shown: ConnectionDay, connections: Sequence[Connection]) -> tuple[str, str, str]:
    """Draw the possible heat of the heat units: the part that was used, and the part that was vented."""
    names, units = [one.name for one in connections], [one.microgrid.heat_unit for one in connections]
    ratio = np.array([unit.heat_ratio if unit else 0.0 for unit in units])
    made = (np.abs(shown.of_device("heat_unit", "p_mw", names)) * ratio).sum(axis=1)
    used = shown.of_device("heat_unit", "heat_mw", names).sum(axis=1)
    edges, color, label = shown.steps.edges, COLORS["heat_unit"], ax.get_label()
    ax.stairs(used, edges, fill=True, color=color, lw=0, gid=f"{label}_used", label="used")
    vented: dict[str, Any] = {"fc": "white", "ec": color, "hatch": "/////", "lw": 0.0, "label": "vented"}
    ax.stairs(np.maximum(made, used), edges, baseline=used, fill=True, **vented)
    ax.stairs(made, edges, baseline=None, color=color, lw=1.2, gid=f"{label}_made")
    ax.set_ylim(0, 1.1 * max(float(made.max()), 1e-3))
    zero_line(ax, zorder=4)
    lost = shown.steps.step_h * float(np.maximum(made - used, 0).sum())
    return "Heat made", f"vented {lost:.2f} of {shown.steps.step_h * made.sum():.2f} MWh", "heat [MW]"


def _stored_panel(ax: Axes, shown: ConnectionDay, connections: Sequence[Connection]) -> tuple[str, str, str]:
    """Draw the stored heat below the capacity of the stores."""
    stores, names = shown.stores(STORE), {connection.name for connection in connections}
    mine = [name in names for name in stores]
    energy = shown.energy(STORE)[:, mine].sum(axis=1)
    capacity = sum(store.max_e_mwh for name, store in stores.items() if name in names)
    look: dict[str, Any] = {"color": COLORS[STORE], "lw": 1.6, "gid": f"{ax.get_label()}_energy"}
    ax.plot(shown.steps.edges, energy, label="stored heat", **look)
    ax.axhline(capacity, color=GREY, lw=0.8, ls=(0, (4, 3)), label="when full")
    ax.set_ylim(0, 1.1 * max(capacity, 1e-3))
    return f"Heat stored at the {shown.steps.name}'s end", "", "stored [MWh]"
