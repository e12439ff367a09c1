"""Figure of the electric balance of microgrids, device by device."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.connection_day import EXPLAINED, ConnectionDay, same_scale
from experiments.figures.maps import MOST_SHOWN, in_words
from experiments.figures.page import hour_axis
from experiments.figures.stack import Stack
from experiments.figures.storage import fill_height, fill_panel
from experiments.figures.style import COLORS, SOURCE, headline, house_style, tint, write_key

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


def devices_figure(shown: ConnectionDay) -> Figure:
    """Return the electric balance of the connections over a day, device by device, as a figure."""
    chosen, count = _examples(shown), len(shown.names)
    batteries, rows = shown.stores("battery"), -(-len(chosen) // 2)
    short = shown.steps.step_h * float(shown.rows("trades")["shortfall_mw"].sum())
    heights = [2.3, *[1.35] * rows, *([fill_height(len(batteries))] if batteries else [])]
    with house_style():
        note = f"{EXPLAINED}import: from the network"
        page = shown.page("electricity of microgrids", note, heights, apart=rows + 1)
        served = f"{short:.3f} MWh of load could not be served" if short > 0.0005 else "all load served"
        ax = page.panel(0, "all")
        _balance_panel(ax, shown, shown.names)
        write_key(ax)
        hour_axis(ax, shown.steps, named=False)
        headline(ax, f"(a) All {count} connections together", served, y=f"power [MW]\n{SOURCE}")
        axes = {}
        for k, connection in enumerate(chosen):
            row, column = divmod(k, 2)
            ax = axes[connection] = page.panel(1 + row, f"connection{k}", column=column, columns=2)
            _balance_panel(ax, shown, [connection])
            hour_axis(ax, shown.steps, every=2, named=k >= len(chosen) - 2)
            some = f"{len(chosen)} of {count}, most giving first" if k == 0 and len(chosen) < count else ""
            headline(ax, "(b) " * (k == 0) + in_words(connection), some, y=f"power [MW]\n{SOURCE}")
        same_scale(axes)
        if batteries:
            fill_panel(page.panel(rows + 1, "soc"), shown.energy("battery"), batteries, "battery", "c", shown.steps)
    return page.figure


def _examples(shown: ConnectionDay) -> list[str]:
    """Return the connections to be drawn one by one: all, or of many a few, ordered from giving to taking most."""
    if len(shown.names) <= MOST_SHOWN:
        return shown.names
    order = np.argsort(np.nansum(shown.exchange("p_mw"), axis=0), kind="stable")
    return [shown.names[order[k]] for k in np.linspace(0, len(order) - 1, EXAMPLES).round().astype(int)]


def _balance_panel(ax: Axes, shown: ConnectionDay, names: Sequence[str]) -> None:
    """Draw the power that the connections' devices and the network give and use."""
    devices, stack = shown.rows("devices"), Stack(ax, shown.steps)
    there = set(devices.loc[devices["connection"].isin(names), "device"])
    for device, (name, color) in DEVICES.items():
        if device in there:
            stack.add(name, color, shown.of_device(device, "p_mw", names))
    stack.add("import (− export)", COLORS["tie_line"], shown.exchange("p_mw", names))
    stack.finish()
