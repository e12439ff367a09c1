"""Figure 8: how far the tie line is from the bid, hour by hour."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.style import COLORS, GREY, LABEL_POINTS, headline
from experiments.reproduce import Item
from experiments.reproduce.context import Context
from experiments.reproduce.evaluated_bids import Column, EvaluatedBids, evaluated_bids
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import HOURS, hour_axis, panels, publish
from experiments.reproduce.paper import CASES, COLUMNS, STRATEGIES
from grids.network import FloatArray
from sim.market.imbalance import RULES

ORIGINAL = (
    "Magnitudes of the hourly expected imbalances normalized to the bids for each hour in the basic/proposed bidding"
    " strategies for (a) Case I and (b) Case II."
)

LOOKS = {"basic": ("s", COLORS["penalty"]), "anm_aware": ("o", COLORS["tie_line"])}
"""Marker and colour of each strategy."""
HIGHEST = 200.0
"""Upper end of the scale. [%]"""
NOTHING_MW = 1e-3
"""Bids and imbalances below a kilowatt are none: their quotient says nothing. [MW]"""


def reproduce(context: Context) -> ItemResult:
    """Return the expected imbalance of every hour over its bid, with hindsight ANM in the kept scenarios."""
    flows = {}
    for place, (rule, strategy) in enumerate(COLUMNS, start=1):
        study = context.study(rule=rule, bidding=strategy, policy="hindsight")
        title = f"fig8, part {place} of {len(COLUMNS)}: {CASES[rule]} {STRATEGIES[strategy]}, bid and days"
        flows[rule, strategy] = evaluated_bids(context, study, title=title)
    data = pd.concat([_rows(one, *key) for key, one in flows.items()])
    return publish(context, "fig8", _figure(flows), caption=_caption(context, flows), original=ORIGINAL, data=data)


def magnitude_mw(bids: EvaluatedBids) -> FloatArray:
    """Return the expected magnitude of the imbalance, shape (24,). [MW]"""
    magnitude: FloatArray = bids.probability @ np.abs(bids.metered_mw - bids.bid_mw)
    return magnitude


def mean_imbalance_mw(bids: EvaluatedBids) -> FloatArray:
    """Return the expected imbalance, shape (24,), in which those of opposite sign cancel. [MW]"""
    mean: FloatArray = bids.probability @ bids.metered_mw - bids.bid_mw
    return mean


def normalised(bids: EvaluatedBids) -> FloatArray:
    """Return the expected magnitude over that of the bid, shape (24,): infinite without a bid, 0 without both."""
    bid, imbalance = np.abs(bids.bid_mw), magnitude_mw(bids)
    without = np.where(imbalance < NOTHING_MW, 0.0, np.inf)
    return np.where(bid < NOTHING_MW, without, imbalance / np.maximum(bid, NOTHING_MW))


def _rows(flows: EvaluatedBids, rule: str, strategy: str) -> pd.DataFrame:
    share = 100 * normalised(flows)
    return pd.DataFrame(
        {
            "rule": rule,
            "bidding": strategy,
            "hour_ending": HOURS.astype(int),
            "bid_mw": flows.bid_mw,
            "expected_magnitude_mw": magnitude_mw(flows),
            "expected_imbalance_mw": mean_imbalance_mw(flows),
            "normalised_percent": np.where(np.isfinite(share), share, np.nan),
        }
    )


def _caption(context: Context, flows: dict[Column, EvaluatedBids]) -> str:
    missed = {key: f"{magnitude_mw(one).sum():.2f}" for key, one in flows.items()}
    totals = [f"{missed[rule, 'basic']} and {missed[rule, 'anm_aware']} MWh in {case}" for rule, case in CASES.items()]
    return (
        "Expected magnitude of the imbalance |metered flow − bid| of each hour, over the magnitude of the bid, for the"
        " basic and the proposed bidding strategy in (a) Case I and (b) Case II, with hindsight ANM in the"
        f" {context.size.keep} kept scenarios. The dashed line is the tolerance band, beyond which the imbalance of a"
        " scenario is charged. The scale is linear up to 1 % and logarithmic above. ▲ marks values beyond it, in hours"
        " with little or no bid in which power flows all the same; a 0, hours with neither. A basic bid to export is"
        " missed by all of it or more, because the network may only import. Over the day the basic and the proposed"
        f" bid miss by {', and by '.join(totals)}."
    )


def _figure(flows: dict[Column, EvaluatedBids]) -> Figure:
    figure, axes = panels(len(CASES), height=1.75, right=1.0)
    for ax, letter, (rule, case) in zip(axes, "ab", CASES.items(), strict=True):
        _panel(ax, {strategy: 100 * normalised(flows[rule, strategy]) for strategy in STRATEGIES}, rule)
        headline(ax, f"({letter}) {case}")
        hour_axis(ax, label=ax is axes[-1])
    return figure


def _panel(ax: Axes, shares: dict[str, FloatArray], rule: str) -> None:
    """Draw the shares of both strategies in percent, joined hour by hour."""
    low, high = (np.minimum(end(list(shares.values()), axis=0), HIGHEST) for end in (np.min, np.max))
    ax.vlines(HOURS, low, high, color="#CCCCCC", lw=2.2, zorder=2)
    for strategy, share in shares.items():
        marker, color = LOOKS[strategy]
        shown = share <= HIGHEST
        look: dict[str, Any] = {"color": color, "mec": "white", "mew": 0.6, "ls": "", "zorder": 4, "clip_on": False}
        ax.plot(HOURS[shown], share[shown], marker, ms=6, gid=f"{rule}-{strategy}", label=STRATEGIES[strategy], **look)
        ax.plot(HOURS[~shown], np.full((~shown).sum(), HIGHEST), "^", ms=6.5, gid=f"{rule}-{strategy}-beyond", **look)
    band = 100 * RULES[rule].tiers[0].band
    ax.axhline(band, color=GREY, lw=0.9, ls=(0, (4, 3)), zorder=3)
    right = ax.get_yaxis_transform()
    ax.text(1.015, band, f"band, {band:g} %", transform=right, va="center", fontsize=LABEL_POINTS, color=GREY)
    ax.set_yscale("symlog", linthresh=1, linscale=0.5)
    ax.set_ylim(0, HIGHEST)
    ax.set_yticks([0, 1, 10, 100], labels=["0", "1", "10", "100"])
    ax.set_ylabel("imbalance over bid [%]")
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        fontsize=LABEL_POINTS,
        borderpad=0,
        handlelength=1.0,
        handletextpad=0.4,
    )


ITEMS = {"fig8": Item("Figure 8: hourly imbalance over the bid, both strategies and cases", reproduce)}
