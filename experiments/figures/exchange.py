"""Figure of the exchange of microgrids with the network, and of its price."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.balance import CONNECTIONS
from experiments.figures.connection_day import EXPLAINED, ConnectionDay
from experiments.figures.maps import MOST_SHOWN, Scale, connection_map, map_height
from experiments.figures.page import hour_axis
from experiments.figures.stack import Stack
from experiments.figures.style import (
    COLORS,
    IMPORT,
    Label,
    headline,
    house_style,
    ink,
    margin_labels,
    tint,
    write_key,
)
from grids.network import FloatArray

AT_LIMIT = 0.999
"""Share of the largest exchange from which on a connection counts as at its limit."""


def exchange_figure(shown: ConnectionDay) -> Figure:
    """Return the exchange and the price of every connection over a day as a figure."""
    few, tall = len(shown.names) <= MOST_SHOWN, map_height(len(shown.names))
    heights = [1.9, 1.6, *([tall, tall] if few else [tall])]
    with house_style():
        note = f"{EXPLAINED}import: from the network"
        page = shown.page("exchange of microgrids", note, heights, apart=3 * few, gutter=0.85 if few else 1.95)
        _sum_panel(page.panel(0, "sum"), shown)
        _price_panel(page.panel(1, "price"), shown)
        places = ((2, 0, 1), (3, 0, 1)) if few else ((2, 0, 2), (2, 1, 2))
        maps = [
            page.panel(row, name, column=column, columns=columns)
            for name, (row, column, columns) in zip(("exchange", "difference"), places, strict=True)
        ]
        _maps(maps, shown)
    return page.figure


def _day_ahead(shown: ConnectionDay) -> FloatArray:
    """Return the day-ahead price, shape (T,). [$/MWh]"""
    market = shown.rows("market") if "day" in shown.tables["market"] else shown.tables["market"]
    return np.asarray(market["price_per_mwh"], dtype=np.float64)


def _sum_panel(ax: Axes, shown: ConnectionDay) -> None:
    """Draw the power all connections take and give, kind by kind, and the net."""
    p_mw, stack = shown.exchange("p_mw"), Stack(ax, shown.steps)
    for kind, name in CONNECTIONS.items():
        stack.add(name, COLORS[kind], p_mw[:, [connection.kind == kind for connection in shown.connections]])
    total = np.nansum(p_mw, axis=1)
    stack.line("net", total, gid="sum_line")
    stack.finish()
    write_key(ax)
    hour_axis(ax, shown.steps, named=False)
    finding = f"net over the day: {shown.steps.step_h * total.sum():+.2f} MWh".replace("-", "−")
    headline(ax, f"(a) All {len(shown.names)} connections together", finding, y=f"exchange [MW]\n{IMPORT}")


def _price_panel(ax: Axes, shown: ConnectionDay) -> None:
    """Draw the connections' prices as a range, beside day-ahead and real-time price."""
    by_hour = shown.rows("trades").groupby("hour")["retail_price_per_mwh"].first()
    hours, ahead = shown.instance.calendar.hour_ending(shown.day), _day_ahead(shown)
    real = by_hour.reindex(hours).to_numpy(np.float64)
    low, middle, high = _range(shown.exchange("price_per_mwh"))
    edges, purple = shown.steps.edges, COLORS["microgrid"]
    ax.stairs(high, edges, baseline=low, fill=True, color=tint(purple, 0.35), gid="price_range")
    ax.stairs(ahead, edges, baseline=None, color=COLORS["tie_line"], lw=2.4, gid="day-ahead")
    ax.stairs(middle, edges, baseline=None, color=purple, lw=1.4, gid="price_median")
    ax.stairs(real, edges, baseline=None, color="black", lw=0.9, ls=(0, (3, 2)), gid="real-time")
    bottom, top = np.nanmin([low, ahead, real]), np.nanmax([high, ahead, real])
    room = max(0.08 * (top - bottom), 1.0)
    ax.set_ylim(bottom - room, top + room)
    labels = [
        Label(ahead[-1], "day-ahead", ink(COLORS["tie_line"])),
        Label(real[-1], "real-time (dashed)", "black"),
        Label(middle[-1], "connections: median", ink(purple)),
    ]
    margin_labels(ax, labels)
    hour_axis(ax, shown.steps, named=False)
    apart = float(np.nanmax(high - low))
    range_text = f"shaded: their range, at most {apart:.1f} $/MWh in one {shown.steps.name}"
    finding = range_text if apart >= 0.05 else "all pay the same"
    headline(ax, "(b) Price that the connections pay for import, and get for export", finding, y="price [$/MWh]")


def _range(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return least, median and most of the connections, shape (T,) each; NaN in steps without any."""
    known = np.isfinite(values).any(axis=1)
    found = np.full((3, len(values)), np.nan)
    found[:, known] = np.nanpercentile(values[known], (0, 50, 100), axis=1)
    return found[0], found[1], found[2]


def _maps(maps: Sequence[Axes], shown: ConnectionDay) -> None:
    """Draw exchange, and price above the day-ahead price, connection by connection."""
    names, p_mw = shown.names, shown.exchange("p_mw")
    above = shown.exchange("price_per_mwh") - _day_ahead(shown)[:, None]
    narrow = len(names) > MOST_SHOWN
    reach, most = max(float(np.nanmax(np.abs(p_mw))), 1e-3), max(float(np.nanmax(np.abs(above))), 1.0)
    limit = np.array([connection.microgrid.max_exchange_mw for connection in shown.connections])
    at_limit = np.abs(np.nan_to_num(p_mw)) >= AT_LIMIT * limit
    told = {"numbers in kW": shown.steps.hourly and not narrow, "framed: at its limit": at_limit.any()}
    notes = [note for note, true in told.items() if true]
    power = Scale(f"exchange [MW]\n{IMPORT}", -reach, reach, factor=1e3)
    connection_map(maps[0], p_mw, names, power, shown.steps, framed=at_limit, narrow=narrow)
    price = Scale("difference [$/MWh]", -most, most, "PuOr_r", "+.1f")
    connection_map(maps[1], above, names, price, shown.steps, narrow=narrow)
    headline(maps[0], "(c) Exchange by connection", "  ·  ".join(notes))
    headline(maps[1], "(d) Its price less the day-ahead price")
