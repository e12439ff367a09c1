"""Figure 5: the forecasted output of wind and sun."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.style import COLORS, NAMES, Label, house_style, ink, margin_labels
from experiments.reproduce.bands import SHARE, Quantity, band, draw_band
from experiments.reproduce.context import Context
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import HOURS, hour_axis, panels, publish
from experiments.reproduce.labels import percent
from grids.network import FloatArray
from sim.instance import Instance
from sim.scenarios import ScenarioSet

SUMMARY = "Figure 5: forecasted output of wind and PV"
ORIGINAL = "Forecasted hourly output of WT and PV normalized to their nominal capacity."


def reproduce(context: Context) -> ItemResult:
    """Return the output of each kind over its capacity, with the band of its scenarios."""
    ends = band(context, "output", {kind: _output(kind) for kind in NAMES})
    uncertainty = context.study().uncertainty
    errors = uncertainty.errors
    caption = (
        "Forecasted hourly output of wind turbines and PV plants as a fraction of their nominal capacity. The paper's"
        " profiles are lost with its figure; these are a reconstruction, calibrated to the money of its Table 5. The"
        f" bands hold {percent(SHARE)} of {uncertainty.scenarios:,} scenarios with normal errors of"
        f" {percent(errors.wind_std)} of the wind forecast and {percent(errors.pv_std)} of the PV forecast (standard"
        " deviation)."
    )
    columns = {f"{kind}_{end}_pu": values for kind in ends for end, values in ends[kind].items()}
    data = pd.DataFrame({"hour_ending": HOURS.astype(int)} | columns)
    with house_style():
        figure = _figure(ends)
    return publish(context, "fig5", figure, caption=caption, original=ORIGINAL, data=data)


def _output(kind: str) -> Quantity:
    """Return the function that gives the output of all units of a kind over their capacity."""

    def output(instance: Instance, scenarios: ScenarioSet) -> FloatArray:
        chosen = np.array(instance.grid.renewable_kinds, dtype=object) == kind
        capacity = np.array([unit.max_s_mva for unit in instance.grid.renewables])[chosen].sum()
        share: FloatArray = scenarios.available_mw[..., chosen].sum(axis=2) / capacity
        return share

    return output


def _figure(ends: dict[str, dict[str, FloatArray]]) -> Figure:
    figure, (ax,) = panels(1, height=2.1, right=1.05, top=0.2)
    labels = []
    for kind, name in NAMES.items():
        draw_band(ax, ends[kind], COLORS[kind], kind)
        labels.append(Label(ends[kind]["forecast"][-1], name, ink(COLORS[kind])))
    ax.set_ylim(0, 1.02 * max(1.0, max(values["high"].max() for values in ends.values())))
    ax.set_ylabel("output [p.u. of capacity]")
    hour_axis(ax)
    margin_labels(ax, labels)
    return figure
