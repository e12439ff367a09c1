"""Panels of the market: bid against metered flow, and prices."""

from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.style import (
    COLORS,
    IMPORT,
    Label,
    dollars,
    headline,
    hour_edges,
    hour_middles,
    ink,
    margin_labels,
    step_of,
    tint,
    zero_line,
)

MOST_DOTS = 25
"""Number of steps up to which each has a large dot."""

CENT = 0.005
"""Penalty from which on an hour is marked; less than half a cent is rounding of the optimiser. [$]"""


def tie_line_panel(ax: Axes, settlements: pd.DataFrame, bids: pd.DataFrame) -> None:
    """Draw the bid with its tolerance band, the metered flow, and the hours with a penalty."""
    hours = settlements["hour"].to_numpy(dtype=np.float64)
    bid, metered = settlements["bid_mw"].to_numpy(), settlements["metered_mw"].to_numpy()
    lower, upper = settlements["lower_mw"].to_numpy(), settlements["upper_mw"].to_numpy()
    blue = COLORS["tie_line"]
    ax.stairs(upper, hour_edges(hours), baseline=lower, fill=True, color=tint(blue, 0.25), gid="band")
    ax.stairs(bid, hour_edges(hours), baseline=None, color=blue, lw=1.2, gid="bid")
    zero_line(ax)
    size = 4 if len(hours) <= MOST_DOTS else 2.5
    ax.plot(
        hour_middles(hours), metered, "o", color=blue, ms=size, mec="white", mew=size * 0.15, zorder=4, gid="metered"
    )
    _leave_room(ax, np.concatenate([lower, upper, metered]))
    _mark_penalties(ax, settlements)
    bid_name = "bid with its band" if (upper > lower).any() else "bid (no band)"
    labels = [Label(metered[-1], "● metered flow", ink(blue)), Label(bid[-1], bid_name, ink(blue))]
    if (settlements["penalty"] >= CENT).any():
        for text in ("┃ how far outside", "● outside its band"):
            labels.append(Label(ax.get_ylim()[1], text, ink(COLORS["penalty"]), leader=False))
    margin_labels(ax, labels, top=0.86)
    headline(ax, "(a) Bid and metered tie-line flow", _finding(settlements, bids), y=f"tie line [MW]\n{IMPORT}")


def _finding(settlements: pd.DataFrame, bids: pd.DataFrame) -> str:
    refused = bids[~bids["accepted"].astype(bool)]
    if len(refused):
        return shorten(f"bid refused: {refused['reason'].iloc[0]}", 90, placeholder=" …")
    count = int((settlements["penalty"] >= CENT).sum())
    return (
        f"penalty {dollars(settlements['penalty'].sum())} in {count} {_periods(settlements)}"
        if count
        else "no hour with a penalty"
    )


def _periods(settlements: pd.DataFrame) -> str:
    return "hours" if step_of(settlements["hour"].to_numpy(dtype=np.float64)) == 1 else "steps"


def _leave_room(ax: Axes, values: np.ndarray) -> None:
    """Set limits with both signs in sight and a free row at the top."""
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    height = max(high - low, 0.1)
    ax.set_ylim(min(low - 0.05 * height, -0.12 * height), high + 0.24 * height)


def _mark_penalties(ax: Axes, settlements: pd.DataFrame) -> None:
    fined = settlements[settlements["penalty"] >= CENT]
    metered = fined["metered_mw"].to_numpy()
    edge = np.clip(metered, fined["lower_mw"].to_numpy(), fined["upper_mw"].to_numpy())
    orange = COLORS["penalty"]
    hours = settlements["hour"].to_numpy(dtype=np.float64)
    places = hour_middles(hours)[(settlements["penalty"] >= CENT).to_numpy()]
    width, size = (2.5, 5.0) if len(hours) <= MOST_DOTS else (1.4, 3.0)
    ax.vlines(places, edge, metered, color=orange, lw=width, zorder=3, gid="outside_band")
    ax.plot(places, metered, "o", color=orange, ms=size, mec="white", mew=size * 0.12, zorder=5, gid="fined")
    for hour, penalty in fined.groupby(np.ceil(fined["hour"]))["penalty"].sum().items():
        text = f"{penalty:.2f}" if penalty < 10 else f"{penalty:.1f}" if penalty < 100 else f"{penalty:.0f}"
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7, "color": ink(orange)}
        ax.text(hour, 0.93, text, transform=ax.get_xaxis_transform(), **look)
    if len(fined):
        ax.text(1.024, 0.93, "penalty [$]", transform=ax.transAxes, va="center", fontsize=8, color=ink(orange))


def price_panel(ax: Axes, market: pd.DataFrame) -> None:
    """Draw day-ahead and retail price."""
    hours = market["hour"].to_numpy(dtype=np.float64)
    labels, wide = [], 3.2 if np.allclose(market["price_per_mwh"], market["retail_price_per_mwh"]) else 1.6
    for column, name, color, width in (
        ("price_per_mwh", "day-ahead", COLORS["price"], wide),
        ("retail_price_per_mwh", "retail", COLORS["retail"], 1.6),
    ):
        price = market[column].to_numpy()
        ax.stairs(price, hour_edges(hours), baseline=None, color=color, lw=width, gid=name)
        labels.append(Label(price[-1], name, ink(color)))
    low = min(0.0, market[["price_per_mwh", "retail_price_per_mwh"]].to_numpy().min())
    high = max(1.0, market[["price_per_mwh", "retail_price_per_mwh"]].to_numpy().max())
    ax.set_ylim(low - (0.08 * (high - low) if low < 0 else 0), high + 0.1 * (high - low))
    if low < 0:
        zero_line(ax)
    margin_labels(ax, labels)
    headline(ax, "(b) Prices: what the main grid asks, and what consumers pay", y="price [$/MWh]")
