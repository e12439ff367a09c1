"""Charts of one thing: the exchange and price of microgrids, and the day of a bus, unit or microgrid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.figures.style import COLORS
from experiments.teach.charts.look import DASHES, GREY, Entry, Options, around, chart, now_line, step_line
from experiments.teach.day import Day
from grids.network import FloatArray

LINES = (
    COLORS["microgrid"],
    COLORS["tie_line"],
    COLORS["diesel"],
    COLORS["battery"],
    COLORS["pv"],
    COLORS["ev_aggregator"],
)
MOST = 6
"""Colours of the connections' lines, and their largest number in a chart."""

QUANTITIES = {"exchange": ("p_mw", 1000.0), "price": ("price_per_mwh", 1.0)}
"""Column of the trades that is drawn of every connection, and the factor to its unit."""


def connections(day: Day) -> list[str]:
    """Return the connections that are drawn: microgrids, and last the operator's cars."""
    names = [one.name for one in day.grid.connections]
    cars = [one.name for one in day.grid.connections if one.kind == "ev_aggregator"]
    return [name for name in names if name not in cars][: MOST - len(cars[:1])] + cars[:1]


def exchange_key(day: Day) -> list[Entry]:
    """Return the key of the connections."""
    return [
        Entry(
            name.replace("_", " ").replace("ev aggregator", "cars at bus"),
            LINES[k % len(LINES)],
            f"pattern{k % len(DASHES)}",
        )
        for k, name in enumerate(connections(day))
    ]


def exchange_charts(days: Sequence[Day], what: str) -> list[Options]:
    """Return exchange, price or charging of every connection, over the day.

    Parameters
    ----------
    days : sequence of Day
        The runs.
    what : {"exchange", "price", "charging"}
        Power taken from the network, price paid for it, or power its cars charge.
    """
    unit = "$/MWh" if what == "price" else "kW"
    lines = [[_of_connection(day, name, what) for name in connections(day)] for day in days]
    low, high = around([np.concatenate([np.zeros(1), *one]) for one in lines], zero=what != "price")
    return [chart(*_lines(day, one), unit=unit, low=low, high=high) for day, one in zip(days, lines, strict=True)]


def _lines(day: Day, values: Sequence[FloatArray]) -> list[Options]:
    """Return a line for every connection, each with its colour and dashes, and one at the hour that is shown."""
    drawn = [
        step_line(name.replace("_", " "), day.shown(one), LINES[k % len(LINES)], dash=DASHES[k % len(DASHES)])
        for k, (name, one) in enumerate(zip(connections(day), values, strict=True))
    ]
    drawn[-1]["markLine"] = now_line(day.hour)
    return drawn


def _of_connection(day: Day, name: str, what: str) -> FloatArray:
    if what == "charging":
        rows = day.records.tables["charging"]
        rows = rows[(rows["day"] == day.day) & (rows["connection"] == name)]
        series, factor = rows.groupby("hour")["p_mw"].sum(), 1000.0
    else:
        column, factor = QUANTITIES[what]
        series = day.part("trades", "connection", name)[column]
    values: FloatArray = series.reindex(range(1, day.hour + 1), fill_value=0.0).to_numpy(dtype=np.float64)
    return factor * values


def part_charts(days: Sequence[Day], kind: str, name: int | str) -> tuple[list[Options], str]:
    """Return the day of a bus, unit or connection in both runs on the same axes, and a sentence about it."""
    if kind == "bus":
        return _bus_charts(days, int(name)), "Voltage; the grey lines are its limits."
    if kind == "connection":
        return exchange_charts_of(days, str(name)), "Exchange, positive for power taken from the network."
    return _unit_charts(days, str(name)), "Dashed: available (or demanded); solid: used. The difference is curtailed."


def exchange_charts_of(days: Sequence[Day], name: str) -> list[Options]:
    """Return the exchange of one connection. [kW]"""
    values = [_of_connection(day, name, "exchange") for day in days]
    low, high = around(values)
    return [
        chart(step_line("exchange", day.shown(one), COLORS["microgrid"]), unit="kW", low=low, high=high)
        for day, one in zip(days, values, strict=True)
    ]


def _bus_charts(days: Sequence[Day], bus: int) -> list[Options]:
    limits = days[0].grid.voltage
    values = [day.part("buses", "bus", bus)["vm_pu"].to_numpy() for day in days]
    low, high = around([*values, [limits.min_vm_pu, limits.max_vm_pu]], zero=False)
    line = {"silent": True, "symbol": "none", "label": {"show": False}, "lineStyle": {"color": GREY, "width": 2}}
    at = [{"yAxis": limits.min_vm_pu}, {"yAxis": limits.max_vm_pu}]
    return [
        chart(
            step_line("voltage", day.shown(one), COLORS["profit"], markLine={**line, "data": at}),
            unit="p.u.",
            low=low,
            high=high,
        )
        for day, one in zip(days, values, strict=True)
    ]


def _unit_charts(days: Sequence[Day], name: str) -> list[Options]:
    tables = [day.part("dispatch", "unit", name) for day in days]
    kind = next((str(table["kind"].iloc[0]) for table in tables if len(table)), "load")
    color = COLORS["demand"] if kind == "load" else COLORS.get(kind, COLORS["other"])
    spans = [table["p_mw"].to_numpy() for table in tables]
    if kind != "battery":
        spans += [table["available_mw"].to_numpy() for table in tables]
    low, high = around(spans)
    charts = []
    for day, table in zip(days, tables, strict=True):
        lines = [step_line("used" if kind != "battery" else "power", day.shown(table["p_mw"]), color, width=3)]
        if kind != "battery":
            lines.append(step_line("available", day.shown(table["available_mw"]), GREY, dash=[4, 4]))
        lines[-1]["markLine"] = now_line(day.hour)
        charts.append(chart(*lines, unit="MW", low=low, high=high))
    return charts
