"""Figures 4 to 6: what is known of the day before it begins, hour by hour: demand, output, and price."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.figures.style import COLORS, NAMES, Label, hour_edges, ink, margin_labels
from experiments.reproduce import Item
from experiments.reproduce.context import Context
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import HOURS, hour_axis, panels, publish
from experiments.reproduce.labels import percent
from grids.network import FloatArray
from sim.instance import Instance
from sim.profiles import load_profiles
from sim.scenarios import Draw, ScenarioSet

SHARE = 0.90
"""Fraction of the scenarios inside a band."""

OTHER_COLUMN = "day_ahead_price_pge_usd_per_mwh"
"""The price of another place in the same file, for the paper does not name its own."""


@dataclass(frozen=True, eq=False)
class Line:
    """A quantity of every hour, shape (24,), with its name in the margin, and the band of its scenarios, if any."""

    name: str
    color: str
    values: FloatArray
    band: FloatArray | None = None
    width: float = 1.4

    @property
    def ends(self) -> dict[str, FloatArray]:
        """The forecast, and the ends of the band."""
        assert self.band is not None
        return dict(zip(("forecast", "low", "high"), (self.values, *self.band), strict=True))


def _forecast(
    context: Context, name: str, color: str, quantity: Callable[[Instance, ScenarioSet], FloatArray]
) -> Line:
    """Return the forecast of a quantity of shape (S, T), and the band that holds most of its scenarios."""
    study = context.study()
    instance = Instance.of(study)
    drawn = quantity(instance, instance.draw(Draw.TRAINING, study.uncertainty.scenarios))
    band = np.quantile(drawn, [(1 - SHARE) / 2, (1 + SHARE) / 2], axis=0)
    return Line(name, color, quantity(instance, instance.forecast)[0], band)


def _publish(
    context: Context,
    name: str,
    lines: Mapping[str, Line],
    *,
    label: str,
    top: float,
    caption: str,
    original: str,
    columns: Mapping[str, FloatArray],
) -> ItemResult:
    """Draw lines as steps on their bands, up to a height, and write them with their columns as a figure."""
    figure, (ax,) = panels(1, height=2.1, right=1.05, top=0.2)
    edges = hour_edges(HOURS)
    for gid, line in lines.items():
        if line.band is not None:
            low, high = line.band
            ax.stairs(high, edges, baseline=low, fill=True, color=line.color, alpha=0.28, gid=f"{gid}-band")
        ax.stairs(line.values, edges, baseline=None, color=line.color, lw=line.width, zorder=3, gid=gid)
    ax.set_ylim(0, top)
    ax.set_ylabel(label)
    hour_axis(ax)
    margin_labels(ax, [Label(line.values[-1], line.name, ink(line.color)) for line in lines.values()])
    data = pd.DataFrame({"hour_ending": HOURS.astype(int), **columns})
    return publish(context, name, figure, caption=caption, original=original, data=data)


def demand(context: Context) -> ItemResult:
    """Return the demand of the microgrid, with the band of its scenarios."""
    name = f"forecast and\n{percent(SHARE)} band"
    line = _forecast(context, name, COLORS["demand"], lambda _, scenarios: scenarios.demand_mw.sum(axis=2))
    ends, uncertainty = line.ends, context.study().uncertainty
    caption = (
        "Forecasted hourly demand of the 33-bus microgrid on 2 July 2015: the day-ahead demand forecast of CAISO,"
        f" scaled to the network's peak of {line.values.max():.3f} MW, which is in hour {line.values.argmax() + 1}."
        f" The band holds {percent(SHARE)} of {uncertainty.scenarios:,} scenarios with a normal error of standard"
        f" deviation {percent(uncertainty.errors.demand_std)}."
    )
    return _publish(
        context,
        "fig4",
        {"demand": line},
        label="demand [MW]",
        top=1.06 * ends["high"].max(),
        caption=caption,
        original="Forecasted hourly demand for 24 h [24].",
        columns={f"{end}_mw": values for end, values in ends.items()},
    )


def output(context: Context) -> ItemResult:
    """Return the output of wind and PV over their capacity, with the band of their scenarios."""

    def forecast(kind: str, name: str) -> Line:
        def share(instance: Instance, scenarios: ScenarioSet) -> FloatArray:
            chosen = np.array(instance.grid.renewable_kinds, dtype=object) == kind
            capacity = np.array([unit.max_s_mva for unit in instance.grid.renewables])[chosen].sum()
            shares: FloatArray = scenarios.available_mw[..., chosen].sum(axis=2) / capacity
            return shares

        return _forecast(context, name, COLORS[kind], share)

    lines, uncertainty = {kind: forecast(kind, name) for kind, name in NAMES.items()}, context.study().uncertainty
    caption = (
        "Forecasted hourly output of wind turbines and PV plants as a fraction of their nominal capacity. The paper's"
        " profiles are lost with its figure; these are a reconstruction, calibrated to the money of its Table 5. The"
        f" bands hold {percent(SHARE)} of {uncertainty.scenarios:,} scenarios with normal errors of"
        f" {percent(uncertainty.errors.wind_std)} of the wind forecast and {percent(uncertainty.errors.pv_std)} of the"
        " PV forecast (standard deviation)."
    )
    return _publish(
        context,
        "fig5",
        lines,
        label="output [p.u. of capacity]",
        top=1.02 * max(1.0, *(line.ends["high"].max() for line in lines.values())),
        caption=caption,
        original="Forecasted hourly output of WT and PV normalized to their nominal capacity.",
        columns={f"{kind}_{end}_pu": values for kind, line in lines.items() for end, values in line.ends.items()},
    )


def price(context: Context) -> ItemResult:
    """Return the day-ahead price, beside that of another place of the same market."""
    profiles = context.study().profiles
    ours = load_profiles(profiles.file, profiles.columns).price_per_mwh
    other = load_profiles(profiles.file, profiles.columns | {"price_per_mwh": OTHER_COLUMN}).price_per_mwh
    caption = (
        f"Day-ahead market price of CAISO on 2 July 2015 at node ALTA2G_7_B1, which this program uses: from"
        f" {ours.min():.2f} $/MWh in hour {ours.argmin() + 1} to {ours.max():.2f} $/MWh in hour {ours.argmax() + 1}."
        " The paper does not name its node; the price in the area of PG&E is drawn thin for comparison. No part of"
        " this figure depends on scenarios."
    )
    return _publish(
        context,
        "fig6",
        {
            "other": Line("PG&E area", COLORS["loss"], other, width=0.9),
            "price": Line("ALTA2G_7_B1", COLORS["price"], ours, width=1.6),
        },
        label="price [$/MWh]",
        top=1.08 * max(ours.max(), other.max()),
        caption=caption,
        original="Day-ahead market price in CAISO on 2 July 2015.",
        columns={"price_usd_per_mwh": ours, "price_pge_area_usd_per_mwh": other},
    )


ITEMS = {
    "fig4": Item("Figure 4: forecasted demand of the day", demand),
    "fig5": Item("Figure 5: forecasted output of wind and PV", output),
    "fig6": Item("Figure 6: day-ahead market price", price),
}
