"""Charts of the money: how the profit builds up term by term, and how the difference adds up hour by hour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.figures.style import COLORS
from experiments.teach.charts.look import (
    FAMILY,
    FONT,
    GREY,
    INK,
    RULE,
    Options,
    around,
    chart,
    now_line,
    pale,
    tooltip,
)
from experiments.teach.day import Day
from experiments.teach.formulas import money
from sim.market.settlement import COST_TERMS

TERM_COLORS = {
    "revenue": COLORS["retail"],
    "trade": COLORS["microgrid"],
    "exchange": COLORS["tie_line"],
    "imbalance": COLORS["penalty"],
    "loss": COLORS["loss"],
    "wear": COLORS["battery"],
    "generation": COLORS["wind"],
    "generation_curtailment": COLORS["pv"],
    "load_curtailment": "#7F7F7F",
    "profit": COLORS["profit"],
}


def money_charts(days: Sequence[Day]) -> list[Options]:
    """Return the money so far of each run: income, every cost that is taken from it, and the profit left. [$]"""
    ends = [np.cumsum([_signed(term, day.money[term]) for term in day.terms[:-1]]) for day in days]
    largest = max([float(end.max(initial=0.0)) for end in ends])
    low, high = around(
        [*ends, [1.22 * largest], *([day.money["profit"]] for day in days)]
    )  # with room for the numbers
    return [_waterfall(day, low, high) for day in days]


def _signed(term: str, amount: float) -> float:
    return -amount if term in COST_TERMS else amount


def _waterfall(day: Day, low: float, high: float) -> Options:
    bases, bars, level = [], [], 0.0
    for term in day.terms:
        amount = day.money[term] if term == "profit" else _signed(term, day.money[term])
        start = 0.0 if term == "profit" else level
        level = start + amount
        bottom, top = sorted((start, level))
        # A bar that crosses zero can't stand on an invisible one: it is drawn as two.
        bases.append(bottom if bottom > 0 else top if top < 0 else 0.0)
        color = TERM_COLORS[term]
        label = {"show": True, "formatter": money(day.money[term] if term == "profit" else amount), "color": INK}
        bars.append((bottom, top, {"color": color}, label))
    upper = [round(max(top, 0.0) - max(bottom, 0.0), 4) for bottom, top, _, _ in bars]
    lower = [round(min(bottom, 0.0) - min(top, 0.0), 4) for bottom, top, _, _ in bars]
    up = [{"value": v, "itemStyle": s, "label": text} for v, (_, _, s, text) in zip(upper, bars, strict=True)]
    down = [{"value": v, "itemStyle": s} for v, (_, _, s, _) in zip(lower, bars, strict=True)]
    return {
        "animation": False,
        "textStyle": {"fontFamily": FAMILY, "fontSize": FONT},
        "aria": {"enabled": True},
        "grid": {"left": 172, "right": 16, "top": 6, "bottom": 28},
        "tooltip": {"show": False},
        "xAxis": {
            "type": "value",
            "min": low,
            "max": high,
            "axisLabel": {"fontSize": FONT - 1, "color": GREY, "formatter": "${value}", "hideOverlap": True},
            "splitNumber": 4,
            "splitLine": {"lineStyle": {"color": RULE}},
        },
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [term.replace("_", " ").replace("generation curt", "gen. curt") for term in day.terms],
            "axisLabel": {"fontSize": FONT, "color": INK},
            "axisTick": {"show": False},
            "axisLine": {"show": False},
        },
        "series": [
            {"type": "bar", "stack": "money", "data": bases, "itemStyle": {"color": "transparent"}, "silent": True},
            {
                "type": "bar",
                "stack": "money",
                "data": up,
                "barWidth": "68%",
                "label": {"position": "right", "fontSize": FONT},
            },
            {"type": "bar", "stack": "money", "data": down, "barWidth": "68%"},
        ],
    }


def difference_chart(first: Day, second: Day) -> Options:
    """Return how much more the second run earned in every hour, and added up. [$]"""
    per_hour = second.hours["profit"].to_numpy() - first.hours["profit"].to_numpy() if first.hour else np.zeros(0)
    total = np.concatenate([[0.0], np.cumsum(per_hour)])
    low, high = around([per_hour, total])
    values: list[float | str] = [round(float(value), 4) for value in total]
    bars: list[float | str] = ["-", *(round(float(value), 4) for value in per_hour)]
    pad: list[float | str] = ["-"] * (25 - len(values))
    color = COLORS["profit"]
    line = {
        "type": "line",
        "name": "added up",
        "data": values + pad,
        "symbol": "circle",
        "symbolSize": 7,
        "lineStyle": {"width": 3, "color": color},
        "itemStyle": {"color": color},
        "markLine": now_line(first.hour),
    }
    bar = {
        "type": "bar",
        "name": "in the hour",
        "data": bars + pad,
        "itemStyle": {"color": pale(color, 0.35)},
        "barWidth": "55%",
    }
    box = {**tooltip(), ":valueFormatter": "value => value == null || value === '-' ? '–' : '$' + (+value).toFixed(2)"}
    return chart(bar, line, unit="$", low=low, high=high, tooltip=box)
