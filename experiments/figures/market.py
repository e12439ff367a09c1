"""Panels of the market: bid against metered flow, and prices."""

from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.page import DaySteps
from experiments.figures.style import COLORS, IMPORT, Label, dollars, headline, ink, margin_labels, tint, zero_line
from sim.calendar import Calendar

CENT = 0.005
"""Penalty from which on a settlement period is marked; less than half a cent is rounding of the optimiser. [$]"""


def settled(settlements: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """Return the settlements by settlement period: the means of bid, band and metered flow, the sum of the penalty."""
    periods = settlements.groupby(np.arange(len(settlements)) // calendar.settlement_steps)
    means = periods[["bid_mw", "lower_mw", "upper_mw", "metered_mw"]].mean()
    return means.assign(hour=periods["hour"].max(), penalty=periods["penalty"].sum())


def tie_line_panel(ax: Axes, settlements: pd.DataFrame, bids: pd.DataFrame, steps: DaySteps) -> None:
    """Draw the bid with its tolerance band, the metered flow, and the settlement periods with a penalty.

    The metered flow is drawn as it is settled, as points; where periods have several steps, that of the steps as well.
    """
    several = steps.calendar.settlement_steps > 1
    bid, metered = settlements["bid_mw"].to_numpy(), settlements["metered_mw"].to_numpy()
    lower, upper = settlements["lower_mw"].to_numpy(), settlements["upper_mw"].to_numpy()
    blue = COLORS["tie_line"]
    ax.stairs(upper, steps.edges, baseline=lower, fill=True, color=tint(blue, 0.25), gid="band")
    ax.stairs(bid, steps.edges, baseline=None, color=blue, lw=1.2, gid="bid")
    zero_line(ax)
    periods = settled(settlements, steps.calendar)
    periods.index = steps.places.reshape(len(periods), -1).mean(axis=1)
    as_settled = periods["metered_mw"].to_numpy()
    labels = [Label(metered[-1], "● metered flow", ink(blue))]
    if several:
        ax.stairs(metered, steps.edges, baseline=None, color="#222222", lw=0.7, gid="metered_steps")
        labels = [Label(metered[-1], "metered flow", "#222222"), Label(as_settled[-1], "● as settled", ink(blue))]
    ax.plot(periods.index, as_settled, "o", color=blue, zorder=4, gid="metered", **_marker(4, steps))
    _leave_room(ax, np.concatenate([lower, upper, metered]))
    fined = periods[periods["penalty"] >= CENT]
    _mark_penalties(ax, fined, steps)
    labels.append(Label(bid[-1], "bid with its band" if (upper > lower).any() else "bid (no band)", ink(blue)))
    if len(fined):
        for text in ("┃ how far outside", "● outside its band"):
            labels.append(Label(ax.get_ylim()[1], text, ink(COLORS["penalty"]), leader=False))
    margin_labels(ax, labels, top=0.86)
    finding = _finding(fined, bids, steps.calendar.settlement_name)
    headline(ax, "(a) Bid and metered tie-line flow", finding, y=f"tie line [MW]\n{IMPORT}")


def _finding(fined: pd.DataFrame, bids: pd.DataFrame, period: str) -> str:
    refused = bids[~bids["accepted"].astype(bool)]
    if len(refused):
        return shorten(f"bid refused: {refused['reason'].iloc[0]}", 90, placeholder=" …")
    penalty, count = dollars(fined["penalty"].sum()), len(fined)
    return f"penalty {penalty} in {count} {period}s" if count else f"no {period} with a penalty"


def _marker(points: float, steps: DaySteps) -> dict[str, Any]:
    """Return the look of a marker, smaller where settlement periods are many."""
    smaller = max(1.0, 1 / steps.calendar.settlement_period_h) ** 0.5
    return {"ms": points / smaller, "mec": "white", "mew": 0.6 / smaller}


def _leave_room(ax: Axes, values: np.ndarray) -> None:
    """Set limits with both signs in sight and a free row at the top."""
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    height = max(high - low, 0.1)
    ax.set_ylim(min(low - 0.05 * height, -0.12 * height), high + 0.24 * height)


def _mark_penalties(ax: Axes, fined: pd.DataFrame, steps: DaySteps) -> None:
    """Mark the settlement periods with a penalty, and write it, of those of an hour together, above."""
    metered = fined["metered_mw"].to_numpy()
    edge = np.clip(metered, fined["lower_mw"].to_numpy(), fined["upper_mw"].to_numpy())
    orange, width = COLORS["penalty"], max(1.0, steps.calendar.settlement_period_h)
    ax.vlines(fined.index, edge, metered, color=orange, lw=_marker(2.5, steps)["ms"], zorder=3, gid="outside_band")
    ax.plot(fined.index, metered, "o", color=orange, zorder=5, gid="fined", **_marker(5, steps))
    written = fined["penalty"].groupby(np.ceil(fined["hour"].to_numpy() / width - 1e-6)).sum()
    places = width * (written.index.to_numpy() - 0.5) + (0.5 if steps.hourly else 0.0)
    for place, penalty in zip(places, written, strict=True):
        text = f"{penalty:.2f}" if penalty < 10 else f"{penalty:.1f}" if penalty < 100 else f"{penalty:.0f}"
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7, "color": ink(orange)}
        ax.text(place, 0.93, text, transform=ax.get_xaxis_transform(), **look)
    if len(fined):
        unit = "penalty [$]" if steps.calendar.settlement_period_h >= 1 else "penalty [$ an hour]"
        ax.text(1.024, 0.93, unit, transform=ax.transAxes, va="center", fontsize=8, color=ink(orange))


def price_panel(ax: Axes, market: pd.DataFrame, steps: DaySteps) -> None:
    """Draw day-ahead and retail price."""
    labels, wide = [], 3.2 if np.allclose(market["price_per_mwh"], market["retail_price_per_mwh"]) else 1.6
    for column, name, color, width in (
        ("price_per_mwh", "day-ahead", COLORS["price"], wide),
        ("retail_price_per_mwh", "retail", COLORS["retail"], 1.6),
    ):
        price = market[column].to_numpy()
        ax.stairs(price, steps.edges, baseline=None, color=color, lw=width, gid=name)
        labels.append(Label(price[-1], name, ink(color)))
    low = min(0.0, market[["price_per_mwh", "retail_price_per_mwh"]].to_numpy().min())
    high = max(1.0, market[["price_per_mwh", "retail_price_per_mwh"]].to_numpy().max())
    ax.set_ylim(low - (0.08 * (high - low) if low < 0 else 0), high + 0.1 * (high - low))
    if low < 0:
        zero_line(ax)
    margin_labels(ax, labels)
    headline(ax, "(b) Prices: what the main grid asks, and what consumers pay", y="price [$/MWh]")
