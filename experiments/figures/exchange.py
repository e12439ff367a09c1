"""Figure of the exchange of microgrids with the network, and of its price."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.balance import CONNECTIONS
from experiments.figures.connection_map import Scale, connection_map, map_height
from experiments.figures.connection_page import (
    HOURS,
    MOST_SHOWN,
    by_hour,
    connection_page,
    heading,
    hour_axis,
    rows_of,
)
from experiments.figures.device_stack import Part, split, stack_panel
from experiments.figures.style import COLORS, Label, headline, hour_edges, house_style, ink, margin_labels, tint
from grids.network import FloatArray
from sim.instance import Instance

AT_LIMIT = 0.999
"""Share of the largest exchange from which on a connection counts as at its limit."""


def exchange_figure(tables: Mapping[str, pd.DataFrame], instance: Instance, *, day: int = 1) -> Figure:
    """Return the exchange and the price of every connection over a day as a figure.

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
    (trades,) = rows_of(tables, day, "trades")
    connections = [connection.name for connection in instance.grid.connections]
    p_mw, price = by_hour(trades, "p_mw", connections), by_hour(trades, "price_per_mwh", connections)
    ahead = tables["market"]["price_per_mwh"].to_numpy(np.float64)
    limit = np.array([connection.microgrid.max_exchange_mw for connection in instance.grid.connections])
    few, tall = len(connections) <= MOST_SHOWN, map_height(len(connections))
    with house_style():
        page = connection_page([1.9, 1.6, *([tall, tall] if few else [tall])], apart=3 if few else None, gutter=1.95)
        _sum_panel(page.panel(0, "sum"), p_mw, [connection.kind for connection in instance.grid.connections])
        _price_panel(page.panel(1, "price"), price, ahead, trades)
        places = ((2, 0, 1), (3, 0, 1)) if few else ((2, 0, 2), (2, 1, 2))
        maps = [
            page.panel(row, name, column=column, columns=columns)
            for name, (row, column, columns) in zip(("exchange", "difference"), places, strict=True)
        ]
        _maps(maps, p_mw, price - ahead[:, None], connections, limit)
        note = "exchange: positive is taken from the network, negative is given to it"
        heading(page, "exchange of microgrids", note, instance.study, day, tables["bids"])
    return page.figure


def _sum_panel(ax: Axes, p_mw: FloatArray, kinds: Sequence[str]) -> None:
    """Draw the power all connections take and give, kind by kind, and the net."""
    of_kind = {kind: np.array([one == kind for one in kinds]) for kind in CONNECTIONS}
    parts = [
        Part(CONNECTIONS[kind], COLORS[kind], *split(np.nan_to_num(p_mw[:, chosen])))
        for kind, chosen in of_kind.items()
        if chosen.any()
    ]
    total = np.nansum(p_mw, axis=1)
    stack_panel(ax, parts, line=total, line_name="net", legend=True)
    ax.set_ylabel("exchange [MW]")
    hour_axis(ax, named=False)
    finding = f"net over the day: {total.sum():+.2f} MWh".replace("-", "−")
    headline(ax, f"(a) All {len(kinds)} together: ↑ taken from the network, ↓ given to it", finding)


def _price_panel(ax: Axes, price: FloatArray, ahead: FloatArray, trades: pd.DataFrame) -> None:
    """Draw the connections' prices as a range, beside day-ahead and real-time price."""
    real = trades.groupby("hour")["retail_price_per_mwh"].first().reindex(HOURS.astype(int)).to_numpy(np.float64)
    low, middle, high = _range(price)
    edges, purple = hour_edges(HOURS), COLORS["microgrid"]
    ax.stairs(high, edges, baseline=low, fill=True, color=tint(purple, 0.35), gid="price_range")
    ax.stairs(ahead, edges, baseline=None, color=COLORS["tie_line"], lw=2.4, gid="day-ahead")
    ax.stairs(middle, edges, baseline=None, color=purple, lw=1.4, gid="price_median")
    ax.stairs(real, edges, baseline=None, color="black", lw=0.9, ls=(0, (3, 2)), gid="real-time")
    bottom, top = np.nanmin([low, ahead, real]), np.nanmax([high, ahead, real])
    room = max(0.08 * (top - bottom), 1.0)
    ax.set_ylim(bottom - room, top + room)
    margin_labels(
        ax,
        [
            Label(ahead[-1], "day-ahead", ink(COLORS["tie_line"])),
            Label(real[-1], "real-time (dashed)", "black"),
            Label(middle[-1], "their median, range", ink(purple)),
        ],
    )
    ax.set_ylabel("price [$/MWh]")
    ax.grid(axis="y")
    hour_axis(ax, named=False)
    apart = float(np.nanmax(high - low))
    finding = (
        f"connections at most {apart:.1f} $/MWh apart in one hour" if apart >= 0.05 else "all connections pay the same"
    )
    headline(ax, "(b) What the connections pay for it", finding)


def _range(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return least, median and most of the connections, shape (24,) each; NaN in hours without any."""
    known = np.isfinite(values).any(axis=1)
    found = np.full((3, len(values)), np.nan)
    found[:, known] = np.nanpercentile(values[known], (0, 50, 100), axis=1)
    return found[0], found[1], found[2]


def _maps(
    maps: Sequence[Axes], p_mw: FloatArray, above: FloatArray, connections: Sequence[str], limit: FloatArray
) -> None:
    """Draw exchange, and price above the day-ahead price, connection by connection."""
    narrow = len(connections) > MOST_SHOWN
    reach, most = float(np.nanmax(np.abs(p_mw))), float(np.nanmax(np.abs(above)))
    reach, most = max(reach, 1e-3), max(most, 1.0)
    at_limit = np.abs(np.nan_to_num(p_mw)) >= AT_LIMIT * limit
    notes = [*(["numbers in kW"] if not narrow else []), *(["framed: at its limit"] if at_limit.any() else [])]
    connection_map(
        maps[0], p_mw, connections, Scale("exchange [MW]", -reach, reach, factor=1e3), framed=at_limit, narrow=narrow
    )
    connection_map(
        maps[1], above, connections, Scale("difference [$/MWh]", -most, most, "PuOr_r", "+.1f"), narrow=narrow
    )
    headline(maps[0], "(c) Exchange by connection", "  ·  ".join(notes))
    headline(maps[1], "(d) Its price less the day-ahead price")
