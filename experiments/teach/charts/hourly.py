"""Charts over the hours of a day: bid and metered flow, power, storage; those of both runs on the same axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.figures.style import COLORS, NAMES
from experiments.teach.charts.look import (
    DASHES,
    GREY,
    MARKERS,
    Entry,
    Options,
    around,
    chart,
    now_line,
    pale,
    step_area,
    step_line,
)
from experiments.teach.day import HOURS, Day
from grids.network import FloatArray

BLUE, ORANGE, BLACK = COLORS["tie_line"], COLORS["penalty"], COLORS["demand"]

TIE_LINE_KEY = (
    Entry("bid", BLUE, "line"),
    Entry("tolerance band", pale(BLUE)),
    Entry("metered flow", BLACK, "dashed"),
    Entry("imbalance, charged", ORANGE),
)


def tie_line_charts(days: Sequence[Day]) -> list[Options]:
    """Return bid, tolerance band and metered flow, with what lies outside the band shaded. [MW]"""
    spans = [
        np.concatenate([*day.band_mw, day.hours["metered_mw"].to_numpy()] if day.hour else day.band_mw) for day in days
    ]
    low, high = around(spans)
    return [_tie_line(day, low, high) for day in days]


def _tie_line(day: Day, low: float, high: float) -> Options:
    lower, upper = day.band_mw
    metered = day.hours["metered_mw"].to_numpy() if day.hour else np.zeros(0)
    inside = np.clip(metered, lower[: day.hour], upper[: day.hour])
    hidden = day.shown(lower)
    return chart(
        step_area("", hidden, BLUE, "both-band"),
        step_area("tolerance band, width", day.shown(upper - lower), pale(BLUE), "both-band", tooltip={"show": False}),
        step_area("", day.shown(inside), ORANGE, "both-imbalance"),
        step_area("outside the band", day.shown(metered - inside), ORANGE, "both-imbalance"),
        step_line("bid", day.shown(day.bid_mw), BLUE, width=3),
        step_line("metered flow", day.shown(metered), BLACK, dash=[6, 4], markLine=now_line(day.hour)),
        unit="MW",
        low=low,
        high=high,
    )


def power_key(day: Day) -> list[Entry]:
    """Return the key of the power: sources from bottom to top, and lines."""
    entries = [Entry(label, color) for label, color, _ in _sources(day)]
    curtailed = Entry("curtailed wind and sun", pale(COLORS["pv"], 0.35))
    lines = [Entry("load served", BLACK, "line"), Entry("demand", BLACK, "dashed")]
    return [*entries, curtailed, *lines, Entry("load curtailed", ORANGE)]


def _sources(day: Day) -> list[tuple[str, str, FloatArray]]:
    """Return name, colour and power of every source in the hours shown, positive into the network. [MW]"""
    hours = np.arange(1, day.hour + 1)
    dispatch = day.records.tables["dispatch"]
    dispatch = dispatch[(dispatch["day"] == day.day) & (dispatch["hour"] <= day.hour)]
    by_kind = dispatch.groupby(["kind", "hour"])["p_mw"].sum()

    def power(kind: str) -> FloatArray:
        known = by_kind.loc[kind] if kind in by_kind.index.get_level_values(0) else None
        return np.zeros(len(hours)) if known is None else known.reindex(hours, fill_value=0.0).to_numpy()

    kinds = [kind for kind in NAMES if kind in set(day.records.tables["units"]["kind"])]
    sources = [(NAMES[kind], COLORS[kind], power(kind)) for kind in kinds]
    if day.grid.batteries:
        sources.append(("batteries", COLORS["battery"], power("battery")))
    if day.grid.connections:
        taken = day.hours["taken_mw"].to_numpy() if day.hour else np.zeros(0)
        sources.append(("microgrids and cars", pale(COLORS["microgrid"], 0.55), -taken))
    metered = day.hours["metered_mw"].to_numpy() if day.hour else np.zeros(0)
    return [*sources, ("main grid", BLUE, metered)]


def power_charts(days: Sequence[Day]) -> list[Options]:
    """Return all sources stacked (charging and export below zero), curtailment on top, load and demand. [MW]"""
    spans = [np.zeros(1)]
    for day in days:
        powers = np.array([power for _, _, power in _sources(day)])
        curtailed = day.hours["generation_curtailed_mw"].to_numpy() if day.hour else np.zeros(0)
        spans += [powers.clip(min=0).sum(axis=0) + curtailed, powers.clip(max=0).sum(axis=0)]
        spans.append(day.run.instance.forecast.demand_mw[0].sum(axis=1))
    low, high = around(spans)
    return [_power(day, low, high) for day in days]


def _power(day: Day, low: float, high: float) -> Options:
    table = day.hours if day.hour else None

    def column(name: str) -> FloatArray:
        return np.zeros(0) if table is None else table[name].to_numpy()

    areas = [step_area(label, day.shown(power), color, "power") for label, color, power in _sources(day)]
    curtailed = day.shown(column("generation_curtailed_mw"))
    border = {"color": COLORS["pv"], "width": 1, "type": [4, 3]}
    not_served = day.shown(column("load_curtailed_mw"))
    return chart(
        *areas,
        step_area("curtailed wind and sun", curtailed, pale(COLORS["pv"], 0.35), "power", lineStyle=border),
        step_area("", day.shown(column("load_mw")), ORANGE, "both-load"),
        step_area("load curtailed", not_served, ORANGE, "both-load"),
        step_line("load served", day.shown(column("load_mw")), BLACK),
        step_line("demand", day.shown(column("demand_mw")), BLACK, dash=[3, 4], width=2, markLine=now_line(day.hour)),
        unit="MW",
        low=low,
        high=high,
    )


BATTERY_COLORS = (
    COLORS["battery"],
    COLORS["profit"],
    COLORS["pv"],
    COLORS["retail"],
    COLORS["tie_line"],
    COLORS["diesel"],
)
MOST_LINES = 7
"""Colours of the batteries' lines, and their largest number; of more only the largest batteries are drawn."""


def _batteries(day: Day) -> list[str]:
    order = sorted(zip(day.grid.battery_names, day.grid.batteries, strict=True), key=lambda one: -one[1].max_e_mwh)
    chosen = {name for name, _ in order[:MOST_LINES]}
    return [name for name in day.grid.battery_names if name in chosen]


def storage_charts(days: Sequence[Day]) -> list[Options]:
    """Return the state of charge of every battery at the end of every hour. [%]"""
    return [_storage(day) for day in days]


def _storage(day: Day) -> Options:
    lines, starts = [], dict(zip(day.grid.battery_names, day.grid.batteries, strict=True))
    for k, name in enumerate(_batteries(day)):
        soc = day.part("dispatch", "unit", name)["soc"].to_numpy() if day.hour else np.zeros(0)
        before = starts[name].start_soc if day.day == 1 else _soc_before(day, name)
        values: list[float | str] = [round(100 * float(value), 2) for value in [before, *soc]]
        color = BATTERY_COLORS[k % len(BATTERY_COLORS)]
        line: Options = {
            "type": "line",
            "name": name.replace("_", " "),
            "data": values + ["-"] * (HOURS + 1 - len(values)),
            "symbol": MARKERS[k % len(MARKERS)],
            "symbolSize": 9,
            "showAllSymbol": False,
            "lineStyle": {"width": 3, "color": color, "type": DASHES[k % len(DASHES)]},
            "itemStyle": {"color": color},
        }
        lines.append(line)
    if lines:
        lines[-1]["markLine"] = now_line(day.hour)
        return chart(*lines, unit="%", low=0, high=100)
    nothing = {"type": "text", "left": "center", "top": "middle", "style": {"text": "no batteries", "fill": GREY}}
    return chart(unit="%", low=0, high=100, graphic=[nothing])


def _soc_before(day: Day, name: str) -> float:
    rows = day.records.tables["dispatch"]
    rows = rows[(rows["unit"] == name) & (rows["day"] == day.day - 1) & (rows["hour"] == HOURS)]
    return float(rows["soc"].iloc[0])


def storage_key(day: Day) -> list[Entry]:
    """Return the key of the batteries."""
    return [
        Entry(name.replace("_", " "), BATTERY_COLORS[k % len(BATTERY_COLORS)], f"pattern{k % len(DASHES)}")
        for k, name in enumerate(_batteries(day))
    ]
