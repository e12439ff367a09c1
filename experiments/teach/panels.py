"""Panels of the page: title, key and charts of both runs; the same charts are made once for all sessions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from experiments.teach.charts.hourly import (
    TIE_LINE_KEY,
    power_charts,
    power_key,
    storage_charts,
    storage_key,
    tie_line_charts,
)
from experiments.teach.charts.look import Entry, Options, chart, enlarged
from experiments.teach.charts.money import money_charts
from experiments.teach.charts.network import KEY, SYMBOLS, network_chart
from experiments.teach.charts.parts import exchange_charts, exchange_key
from experiments.teach.day import Day
from experiments.teach.runs import StudyRun


@dataclass(frozen=True)
class Panel:
    """A panel: one chart for each run, on the same axes.

    Attributes
    ----------
    title : str
        Title.
    charts : callable
        Makes the charts of both runs.
    key : callable
        Makes the key.
    height : int
        Height of a chart among the others. [px]
    group : str
        Name of the choice that shows this panel large.
    """

    title: str
    charts: Callable[[Sequence[Day]], list[Options]]
    key: Callable[[Day], Sequence[Entry]]
    height: int
    group: str


def _network_key(day: Day) -> list[Entry]:
    kinds = {*day.grid.renewable_kinds, *(["battery"] if day.grid.batteries else [])}
    kinds |= {one.kind for one in day.grid.connections}
    return [entry for entry, kind in zip(KEY, SYMBOLS, strict=False) if kind in kinds] + [KEY[-1]]


PANELS = {
    "network": Panel(
        "Network: voltage, flow, curtailment",
        lambda days: [network_chart(day) for day in days],
        _network_key,
        300,
        "network",
    ),
    "tie_line": Panel(
        "Tie line: bid, tolerance band, metered flow", tie_line_charts, lambda _: TIE_LINE_KEY, 270, "tie_line"
    ),
    "power": Panel("Power: sources, load, curtailment", power_charts, power_key, 290, "power"),
    "storage": Panel("State of charge of the batteries", storage_charts, storage_key, 240, "storage"),
    "money": Panel("Money so far, term by term", money_charts, lambda _: (), 330, "money"),
    "exchange": Panel(
        "Microgrids: exchange, positive for power taken",
        lambda days: exchange_charts(days, "exchange"),
        exchange_key,
        250,
        "exchange",
    ),
    "price": Panel(
        "Microgrids: price they pay or are paid",
        lambda days: exchange_charts(days, "price"),
        exchange_key,
        230,
        "exchange",
    ),
    "charging": Panel("Cars: charging", lambda days: exchange_charts(days, "charging"), exchange_key, 230, "exchange"),
}
"""Panels from top to bottom."""

GROUPS = {
    "all": "All",
    "network": "Network",
    "tie_line": "Tie line",
    "power": "Power",
    "storage": "Storage",
    "money": "Money",
    "exchange": "Microgrids",
}
"""Choices of panels, in the order of their number keys."""


def panels_of(run: StudyRun) -> list[str]:
    """Return the panels that a study has: those of microgrids only where there are any."""
    return [name for name, panel in PANELS.items() if panel.group != "exchange" or run.instance.grid.connections]


def charts_of(days: tuple[Day, Day], name: str, *, large: bool = False) -> list[Options]:
    """Return the charts of a panel for both runs; large ones have larger letters, lines and symbols.

    While the bids are computed, that is the network, and for the rest axes without lines.
    """
    if all(day.records.hours for day in days) or name in ("network", "storage"):
        charts = PANELS[name].charts(days)
    else:
        charts = [chart(unit="", low=0, high=1) for _ in days]
    return [enlarged(one) for one in charts] if large else charts


@lru_cache(maxsize=1500)
def drawn(first: Day, second: Day, name: str, large: bool) -> list[str]:
    """Return the charts of a panel as JSON, made once for all sessions that look at these days."""
    return [json.dumps(one, separators=(",", ":")) for one in charts_of((first, second), name, large=large)]
