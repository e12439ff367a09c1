"""Chart of the network in one hour: voltages, loading and direction of flows, units, curtailment."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_hex

from experiments.figures.style import COLORS
from experiments.figures.tree_layout import one_line_layout
from experiments.teach.charts.look import FAMILY, FONT, INK, Entry, Options
from experiments.teach.day import Day
from grids.components import Voltage
from grids.network import FloatArray, Grid

VOLTAGES = [
    str(to_hex(shade))
    for shade in LinearSegmentedColormap.from_list("voltage", ["#B2182B", "#EFB8A8", "#F4F1EA", "#A9C8E4", "#2166AC"])(
        np.linspace(0, 1, 201)
    )
]
"""Colours of voltages from the lower limit over nominal to the upper one; told apart by colour-blind readers."""

SYMBOLS = {"wind": "triangle", "pv": "diamond", "battery": "roundRect", "microgrid": "rect", "ev_aggregator": "pin"}
LETTERS = {"wind": "W", "pv": "PV", "battery": "B", "microgrid": "MG", "ev_aggregator": "EV"}
"""Symbol and letter of each kind of unit; it has a letter so that nothing depends on colour alone."""

CURTAILED_MW = 0.0005
"""Curtailed power below which it is rounding. [MW]"""

ASIDE, ABOVE = 12, 25
"""Place of a unit, to the right of and above its bus; a bus with several has them above each other. [px]"""

KEY = (
    Entry("wind", COLORS["wind"]),
    Entry("PV", COLORS["pv"]),
    Entry("battery", COLORS["battery"]),
    Entry("microgrid", COLORS["microgrid"]),
    Entry("cars", COLORS["ev_aggregator"]),
    Entry("curtailed", COLORS["penalty"]),
)


def places(grid: Grid) -> FloatArray:
    """Return the coordinates of all buses, shape (B, 2): those of the net, or else of its one-line diagram."""
    table = grid.tables.bus
    if "geo" in table and table["geo"].notna().all():
        points = [json.loads(text)["coordinates"][:2] for text in table["geo"].reindex(grid.bus_ids)]
        return np.array(points, dtype=np.float64)
    cells = one_line_layout(grid.slack, grid.line_from, grid.line_to).astype(np.float64)
    return cells * [1.0, 1.55]


def voltage_color(vm_pu: float, limits: Voltage) -> str:
    """Return the colour of a voltage; nominal is in the middle, limits are at the ends."""
    middle = limits.slack_vm_pu
    reach = limits.max_vm_pu - middle if vm_pu > middle else middle - limits.min_vm_pu
    place = 0.5 + 0.5 * min(max((vm_pu - middle) / max(reach, 1e-6), -1.0), 1.0)
    return VOLTAGES[round(place * (len(VOLTAGES) - 1))]


def network_chart(day: Day) -> Options:
    """Return the network in the last hour shown; without flows at gate closure."""
    at = places(day.grid)
    span = np.ptp(at, axis=0).clip(min=1.0)
    low, high = at.min(axis=0), at.max(axis=0)
    hidden = {"show": False, "type": "value"}
    return {
        "animation": False,
        "textStyle": {"fontFamily": FAMILY},
        "aria": {"enabled": True},
        "grid": {"left": 14, "right": 14, "top": 16, "bottom": 8},
        "tooltip": {"trigger": "item", "confine": True, "textStyle": {"fontSize": FONT, "color": INK}},
        "xAxis": {**hidden, "min": low[0] - 0.05 * span[0], "max": high[0] + 0.05 * span[0]},
        "yAxis": {**hidden, "min": low[1] - 0.16 * span[1], "max": high[1] + 0.24 * span[1]},
        "series": [_feeder(day, at), _units(day, at)],
    }


def _feeder(day: Day, at: FloatArray) -> Options:
    """Return buses and lines as a graph; an arrow points where the power flows, the width is the loading."""
    grid, lines = day.grid, []
    voltages = day.table("buses")["vm_pu"].to_numpy() if day.hour else np.full(len(at), grid.voltage.slack_vm_pu)
    flows = day.table("lines") if day.hour else None
    for line, (start, end) in enumerate(zip(grid.line_from.tolist(), grid.line_to.tolist(), strict=True)):
        power, loading = (
            (0.0, 0.0)
            if flows is None
            else (float(flows["p_mw"].iloc[line]), float(flows["loading_percent"].iloc[line]))
        )
        source, target = (start, end) if power >= 0 else (end, start)
        style = {"width": 1.5 + 0.11 * min(loading, 100), "color": COLORS["penalty"] if loading > 100 else "#6B7280"}
        tip = f"line {line}: {abs(power):.3f} MW to bus {grid.bus_ids[target]}, loading {loading:.0f} %"
        arrow = ["none", "arrow"] if abs(power) > 0.0005 else ["none", "none"]
        lines.append({"source": str(source), "target": str(target), "lineStyle": style, "symbol": arrow, "value": tip})
    return {
        "type": "graph",
        "coordinateSystem": "cartesian2d",
        "layout": "none",
        "data": [_bus(day, k, at[k], float(voltage)) for k, voltage in enumerate(voltages)],
        "links": lines,
        "edgeSymbolSize": 9,
        "symbolSize": 21 if len(at) < 70 else 9,
        "label": {"show": len(at) < 70, "fontSize": 12, "color": INK},
        "emphasis": {"scale": 1.25},
        "z": 3,
        "tooltip": {":formatter": "p => p.dataType === 'edge' ? p.data.value : p.data.tip"},
    }


def _bus(day: Day, k: int, at: FloatArray, vm_pu: float) -> dict[str, Any]:
    limits, number = day.grid.voltage, int(day.grid.bus_ids[k])
    outside = vm_pu < limits.min_vm_pu - 1e-4 or vm_pu > limits.max_vm_pu + 1e-4
    dark = abs(vm_pu - limits.slack_vm_pu) > 0.75 * (limits.max_vm_pu - limits.slack_vm_pu)
    border = {"borderColor": "#000000" if outside else "#4B5563", "borderWidth": 4 if outside else 1}
    return {
        "id": str(k),
        "name": str(number),
        "value": at.tolist(),
        "itemStyle": {"color": voltage_color(vm_pu, limits), **border},
        "label": {"color": "#FFFFFF" if dark else INK, "fontWeight": "bold" if outside else "normal"},
        "tip": f"bus {number}: {vm_pu:.4f} p.u." + (" (outside the limits)" if outside else ""),
        "what": ["bus", number],
    }


def _units(day: Day, at: FloatArray) -> Options:
    """Return all units above their buses, with an orange border and the amount where something is curtailed."""
    grid, points = day.grid, []
    at_bus: dict[int, int] = {}
    buses = [*grid.renewable_bus, *grid.battery_bus, *grid.connection_bus]
    kinds = [*grid.renewable_kinds, *["battery"] * len(grid.batteries), *(one.kind for one in grid.connections)]
    names = [*grid.renewable_names, *grid.battery_names, *(one.name for one in grid.connections)]
    sizes = [unit.max_s_mva for unit in grid.renewables] + [unit.max_s_mva for unit in grid.batteries]
    sizes += [one.microgrid.max_exchange_mw for one in grid.connections]
    done = _now(day)
    for bus, kind, name, size in zip(buses, kinds, names, sizes, strict=True):
        place = at_bus[int(bus)] = at_bus.get(int(bus), -1) + 1
        symbol = _unit(kind, name, float(size), *done.get(name, (0.0, 0.0)))
        points.append({**symbol, "value": at[int(bus)].tolist(), "symbolOffset": [ASIDE, -ABOVE * (place + 1)]})
    for bus, name in zip(grid.load_bus, grid.load_names, strict=True):
        power, curtailed = done.get(name, (0.0, 0.0))
        if curtailed > CURTAILED_MW:
            points.append({**_cut_load(name, power, curtailed), "value": at[int(bus)].tolist()})
    return {
        "type": "scatter",
        "data": points,
        "z": 4,
        "tooltip": {":formatter": "p => p.data.tip"},
        "label": {
            "show": True,
            "fontSize": 11,
            "fontWeight": "bold",
            "color": "#FFFFFF",
            ":formatter": "p => p.data.letter",
        },
    }


def _now(day: Day) -> dict[str, tuple[float, float]]:
    """Return power and curtailed power of every unit, load and connection in the hour shown. [MW]"""
    if not day.hour:
        return {}
    dispatch, trades = day.table("dispatch"), day.table("trades")
    cut = (dispatch["available_mw"] - dispatch["p_mw"]).where(dispatch["kind"] != "battery", 0.0)
    done = {name: (float(p), float(c)) for name, p, c in zip(dispatch["unit"], dispatch["p_mw"], cut, strict=True)}
    if len(trades):
        done |= {name: (-float(p), 0.0) for name, p in zip(trades["connection"], trades["p_mw"], strict=True)}
    return done


def _unit(kind: str, name: str, size: float, power: float, curtailed: float) -> dict[str, Any]:
    is_cut = curtailed > CURTAILED_MW
    color = COLORS.get(kind, COLORS["other"])
    border = {"borderColor": COLORS["penalty"] if is_cut else "#FFFFFF", "borderWidth": 4 if is_cut else 1.5}
    words = f", {curtailed:.3f} MW curtailed" if is_cut else ""
    return {
        "symbol": SYMBOLS.get(kind, "circle"),
        "symbolSize": 18 + 10 * min(float(np.sqrt(size)), 1.2),
        "itemStyle": {"color": color, "opacity": 1, **border},
        "label": {"color": INK if kind in ("wind", "pv", "ev_aggregator") else "#FFFFFF"},
        "letter": LETTERS.get(kind, ""),
        "tip": f"{name.replace('_', ' ')}: {power:+.3f} MW{words}",
        "what": ["connection" if kind in ("microgrid", "ev_aggregator") else "unit", name],
    }


def _cut_load(name: str, power: float, curtailed: float) -> dict[str, Any]:
    size = 11 + 15 * min(curtailed / 0.1, 1.0)
    return {
        "symbol": "triangle",
        "symbolRotate": 180,
        "symbolSize": size,
        "symbolOffset": [0, 12 + size / 2],
        "itemStyle": {"color": COLORS["penalty"], "opacity": 1},
        "letter": "",
        "tip": f"{name.replace('_', ' ')}: {power:.3f} MW served, {curtailed:.3f} MW curtailed",
        "what": ["unit", name],
    }


def voltage_gradient(limits: Voltage) -> tuple[str, str, str]:
    """Return the scale of the voltages: a CSS gradient, and the values at its ends."""
    values = np.linspace(limits.min_vm_pu, limits.max_vm_pu, 9)
    stops = ", ".join(voltage_color(float(value), limits) for value in values)
    return f"linear-gradient(to right, {stops})", f"{limits.min_vm_pu:g}", f"{limits.max_vm_pu:g} p.u."
