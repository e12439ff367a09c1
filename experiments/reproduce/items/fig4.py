"""Figure 4: the forecasted demand."""

import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.style import COLORS, Label, house_style, ink, margin_labels
from experiments.reproduce.bands import SHARE, band, draw_band
from experiments.reproduce.context import Context
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import HOURS, hour_axis, panels, publish
from experiments.reproduce.labels import percent
from grids.network import FloatArray
from sim.instance import Instance
from sim.scenarios import ScenarioSet

SUMMARY = "Figure 4: forecasted demand of the day"
ORIGINAL = "Forecasted hourly demand for 24 h [24]."


def reproduce(context: Context) -> ItemResult:
    """Return the demand of the microgrid, with the band of its scenarios."""
    ends = band(context, "demand", {"demand": _demand})["demand"]
    uncertainty = context.study().uncertainty
    peak, hour = ends["forecast"].max(), int(ends["forecast"].argmax()) + 1
    caption = (
        "Forecasted hourly demand of the 33-bus microgrid on 2 July 2015: the day-ahead demand forecast of CAISO,"
        f" scaled to the network's peak of {peak:.3f} MW, which is in hour {hour}. The band holds {percent(SHARE)} of"
        f" {uncertainty.scenarios:,} scenarios with a normal error of standard deviation"
        f" {percent(uncertainty.errors.demand_std)}."
    )
    data = pd.DataFrame({"hour_ending": HOURS.astype(int)} | {f"{end}_mw": values for end, values in ends.items()})
    with house_style():
        figure = _figure(ends)
    return publish(context, "fig4", figure, caption=caption, original=ORIGINAL, data=data)


def _demand(instance: Instance, scenarios: ScenarioSet) -> FloatArray:
    total: FloatArray = scenarios.demand_mw.sum(axis=2)
    return total


def _figure(ends: dict[str, FloatArray]) -> Figure:
    figure, (ax,) = panels(1, height=2.1, right=1.05, top=0.2)
    color = COLORS["demand"]
    draw_band(ax, ends, color, "demand")
    ax.set_ylim(0, 1.06 * ends["high"].max())
    ax.set_ylabel("demand [MW]")
    hour_axis(ax)
    margin_labels(ax, [Label(ends["forecast"][-1], f"forecast and\n{percent(SHARE)} band", ink(color))])
    return figure
