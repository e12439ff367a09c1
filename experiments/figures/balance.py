"""Power panel: sources and uses of the power of each step, and what was curtailed."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.page import DaySteps
from experiments.figures.stack import Stack
from experiments.figures.style import COLORS, NAMES, SOURCE, color_of, headline, write_key

CONNECTIONS = {"microgrid": "microgrids", "ev_aggregator": "EV aggregators"}
"""Names of the kinds of connections in keys."""


def balance_panel(
    ax: Axes, dispatch: pd.DataFrame, settlements: pd.DataFrame, trades: pd.DataFrame, steps: DaySteps
) -> None:
    """Draw the sources of each step as a stack, with the served demand as a line and the curtailed power hatched.

    Battery charging, export and what connections take hang below zero, so that
    (above zero) = (demand) + (below zero) + (losses).
    """
    total = dispatch.groupby(["kind", "hour"])[["p_mw", "available_mw"]].sum()
    kinds = [kind for kind in total.index.unique("kind") if kind not in ("load", "battery")]
    kinds.sort(key=lambda kind: (list(NAMES).index(kind) if kind in NAMES else len(NAMES), kind))
    stack = Stack(ax, steps)
    for kind in kinds:
        stack.add(NAMES.get(kind, kind), color_of(kind), total.loc[kind, "p_mw"].to_numpy())
    batteries = dispatch[dispatch["kind"] == "battery"]
    if len(batteries):
        discharge = batteries.pivot(index="hour", columns="unit", values="p_mw").to_numpy()
        stack.add("battery (− charging)", COLORS["battery"], discharge)
    at = trades["connection"].str.rpartition("_")[0] if len(trades) else pd.Series(dtype=str)
    for kind, name in CONNECTIONS.items():
        if (at == kind).any():
            taken = trades[at == kind].pivot(index="hour", columns="connection", values="p_mw")
            given = -taken.reindex(settlements["hour"]).to_numpy()
            stack.add(f"{name} (− use)" if kind == "microgrid" else name, COLORS[kind], given)
    stack.add("import (− export)", COLORS["tie_line"], settlements["metered_mw"].to_numpy())
    served, demand = total.loc["load", "p_mw"].to_numpy(), total.loc["load", "available_mw"].to_numpy()
    stack.line("demand served", served, gid="served")
    cut_mwh = 0.0
    for kind in kinds:
        cut = (total.loc[kind, "available_mw"] - total.loc[kind, "p_mw"]).clip(lower=0).to_numpy()
        stack.cut(f"{NAMES.get(kind, kind)} curtailed", color_of(kind), cut)
        cut_mwh += steps.step_h * float(cut.sum())
    cut_load = np.maximum(demand - served, 0)
    stack.cut("load curtailed", COLORS["demand"], cut_load, base=served)
    stack.finish(float(demand.max()))
    write_key(ax)
    finding = f"curtailed: {cut_mwh:.2f} MWh of wind and sun, {steps.step_h * cut_load.sum():.2f} MWh of load"
    headline(ax, "(c) Where the power comes from, and who uses it", finding, y=f"power [MW]\n{SOURCE}")
