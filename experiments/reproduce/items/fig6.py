"""Figure 6: the day-ahead price."""

import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.style import COLORS, Label, hour_edges, house_style, ink, margin_labels
from experiments.reproduce.context import Context
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import HOURS, hour_axis, panels, publish
from grids.network import FloatArray
from sim.profiles import load_profiles

SUMMARY = "Figure 6: day-ahead market price"
ORIGINAL = "Day-ahead market price in CAISO on 2 July 2015."

OTHER_COLUMN = "day_ahead_price_pge_usd_per_mwh"
"""The price of another place in the same file, for the paper does not name its own."""


def reproduce(context: Context) -> ItemResult:
    """Return the day-ahead price, beside that of another place of the same market."""
    profiles = context.study().profiles
    price = load_profiles(profiles.file, profiles.columns).price_per_mwh
    other = load_profiles(profiles.file, profiles.columns | {"price_per_mwh": OTHER_COLUMN}).price_per_mwh
    highest, lowest = int(price.argmax()), int(price.argmin())
    caption = (
        f"Day-ahead market price of CAISO on 2 July 2015 at node ALTA2G_7_B1, which this program uses: from"
        f" {price[lowest]:.2f} $/MWh in hour {lowest + 1} to {price[highest]:.2f} $/MWh in hour {highest + 1}. The"
        " paper does not name its node; the price in the area of PG&E is drawn thin for comparison. No part of this"
        " figure depends on scenarios."
    )
    data = pd.DataFrame(
        {"hour_ending": HOURS.astype(int), "price_usd_per_mwh": price, "price_pge_area_usd_per_mwh": other}
    )
    with house_style():
        figure = _figure(price, other)
    return publish(context, "fig6", figure, caption=caption, original=ORIGINAL, data=data)


def _figure(price: FloatArray, other: FloatArray) -> Figure:
    figure, (ax,) = panels(1, height=2.1, right=1.05, top=0.2)
    color, edges = COLORS["price"], hour_edges(HOURS)
    ax.stairs(other, edges, baseline=None, color=COLORS["loss"], lw=0.9, gid="other")
    ax.stairs(price, edges, baseline=None, color=color, lw=1.6, gid="price")
    ax.set_ylim(0, 1.08 * max(price.max(), other.max()))
    ax.set_ylabel("price [$/MWh]")
    hour_axis(ax)
    names = ((price, "ALTA2G_7_B1", color), (other, "PG&E area", COLORS["loss"]))
    margin_labels(ax, [Label(values[-1], name, ink(shade)) for values, name, shade in names])
    return figure
