"""Panels of a long run: money of every day, duration curves, table of months."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.money import TERM_COLORS
from experiments.figures.style import (
    COLORS,
    GREY,
    IMPORT,
    dollars,
    headline,
    hour_edges,
    tint,
    write_key,
    zero_line,
)
from experiments.tables import MONTH_HEADS, month_rows
from grids.network import FloatArray
from sim.calendar import Calendar
from sim.market.settlement import COST_TERMS

DURATIONS = ("duration", "duration_imbalance", "duration_price")
"""Names of the panels with duration curves."""

CENT = 0.01
"""Money of a day below which a term is left out of the key. [$]"""

WEEK = 7
"""Days of the mean that is drawn over the profit of the days."""

FIRST_DAYS = 20
"""Fewest days of a first month that is named."""


def month_begins(calendar: Calendar, days: int) -> tuple[list[int], list[str]]:
    """Return the first day of every month of a run and its name; none where days have no dates."""
    if calendar.first_day is None:
        return [], []
    dates = [calendar.first_day + timedelta(days=day) for day in range(days)]
    begins = [day for day, date in enumerate(dates, start=1) if date.day == 1]
    if not begins or begins[0] > FIRST_DAYS:
        begins = [1, *begins]
    named = [dates[day - 1] for day in begins]
    return begins, [f"{date:%b %Y}" if date.month == 1 or k == 0 else f"{date:%b}" for k, date in enumerate(named)]


def money_panel(ax: Axes, daily: pd.DataFrame) -> None:
    """Draw income upwards and costs downwards of every day, stacked, and the profit as a line.

    Parameters
    ----------
    ax : Axes
        The panel.
    daily : DataFrame
        Money of every day by term. [$]
    """
    edges = hour_edges(daily.index.to_numpy(dtype=np.float64))
    up, down = np.zeros(len(daily)), np.zeros(len(daily))
    income = [name for name in ("revenue", "trade") if name in daily]
    for term in (*income, *COST_TERMS):
        amount = daily[term].to_numpy() * (1 if term in income else -1)
        color: Any = COLORS[TERM_COLORS.get(term, "pv")]
        color = tint(color, 0.45 if term == "generation_curtailment" else 0.8)
        label: str | None = term.replace("_", "\n")
        if float(np.abs(amount).max()) < CENT:
            continue
        for side, stack in ((amount.clip(min=0), up), (amount.clip(max=0), down)):
            if side.any():
                ax.stairs(stack + side, edges, baseline=stack.copy(), fill=True, color=color, lw=0, label=label)
                stack += side
                label = None
    profit = daily["profit"]
    week = profit.rolling(WEEK, center=True, min_periods=1).mean()
    ax.plot(daily.index, profit, color=COLORS["profit"], lw=0.7, alpha=0.6, gid="profit")
    ax.plot(daily.index, week, color=COLORS["profit"], lw=1.6, gid="profit_week", label="profit, week's mean")
    zero_line(ax, zorder=3)
    ax.set_ylim(1.05 * min(float(down.min()), float(profit.min()), 0.0), 1.08 * max(float(up.max()), 1.0))
    write_key(ax)
    spread = f"{dollars(float(profit.mean()))} a day, standard deviation {dollars(float(profit.std(ddof=1)))}"
    finding = f"profit {dollars(float(profit.sum()))} in {len(daily)} days: {spread}"
    headline(ax, "(a) Money of every day: + income, − cost", finding, y="money [$ a day]")


def duration_panels(panels: Sequence[Axes], tables: Mapping[str, pd.DataFrame]) -> None:
    """Draw duration curves of the tie-line flow and the bid, of the imbalance, and of the day-ahead price."""
    settled, market = tables["settlements"], tables["market"]
    away = settled["metered_mw"] - settled["bid_mw"]
    tie_line, imbalance, price = panels
    _duration(tie_line, settled["bid_mw"], tint(COLORS["tie_line"], 0.5), 3.0, "bid_mw", "bid")
    _duration(tie_line, settled["metered_mw"], COLORS["tie_line"], 1.2, "metered_mw", "metered flow")
    tie_line.legend(frameon=False, fontsize=7.5, handlelength=1.2, borderpad=0, loc="upper right")
    _duration(imbalance, away, COLORS["penalty"], 1.4, "imbalance")
    _duration(price, market["price_per_mwh"], COLORS["price"], 1.4, "price")
    for ax, title, finding, y in (
        (tie_line, "(h) Tie line", _span(settled["metered_mw"], ".2f", "MW"), ""),
        (imbalance, "(i) Imbalance", _span(away, "+.2f", "MW"), "metered − bid [MW]"),
        (price, "(j) Price", _span(market["price_per_mwh"], ".1f", "$/MWh"), "day-ahead price [$/MWh]"),
    ):
        headline(ax, title, finding, y=y or f"power [MW]\n{IMPORT}")
        ax.set_xlim(0, 100)
        ax.margins(y=0.06)
        ax.grid()
        ax.set_xlabel("share of all hours with at least this [%]", labelpad=2)
        if ax is not price:
            zero_line(ax)


def _span(values: pd.Series, form: str, unit: str) -> str:
    """Return the smallest and the largest of some values in words."""
    low, high = (round(float(value), 2) + 0.0 for value in (values.min(), values.max()))
    return f"{low:{form}} to {high:{form}} {unit}".replace("-", "−")


def _duration(ax: Axes, values: pd.Series, color: Any, width: float, gid: str, name: str = "") -> None:
    falling: FloatArray = np.sort(values.to_numpy())[::-1]
    share = np.linspace(0, 100, len(falling) + 1)
    ax.stairs(falling, share, baseline=None, color=color, lw=width, gid=f"duration-{gid}", label=name)


def month_table(ax: Axes, months: Sequence[Mapping[str, Any]]) -> None:
    """Write the table of months into a panel."""
    heads, rows = MONTH_HEADS, month_rows(months)
    ax.set_axis_off()
    headline(ax, "(k) Months", "costs positive; net import: import − export; off band: beyond the tolerance")
    right = np.linspace(0.055, 1.13, len(heads))
    for k, cells in enumerate([heads, *rows]):
        height = 1 - (k + 0.5) / (len(rows) + 1)
        look: dict[str, Any] = {"color": GREY} if k == 0 else {"fontweight": "bold"} if k == len(rows) else {}
        for place, cell in zip(right, cells, strict=True):
            text = cell.replace(" [", "\n[") if k == 0 else cell
            ax.text(
                place,
                height,
                text,
                transform=ax.transAxes,
                ha="right",
                va="center",
                fontsize=7.5,
                linespacing=1.1,
                **look,
            )
    for k in (1, len(rows)):
        line = 1 - k / (len(rows) + 1)
        ax.plot([0, right[-1]], [line, line], transform=ax.transAxes, color=GREY, lw=0.6, clip_on=False)
