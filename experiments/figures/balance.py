"""Power panel: sources and uses of the power of each hour, and what was curtailed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.figures.style import COLORS, NAMES, headline, hour_edges, write_key
from grids.network import FloatArray

VISIBLE_MW = 1e-3
"""Power [MW]; curtailment below it in every hour gets no outline and no entry in the key."""


CONNECTIONS = {"microgrid": "microgrids", "ev_aggregator": "EV aggregators"}
"""Names of the kinds of connections in the key."""


@dataclass
class _Stack:
    """Stack of bars: each one begins where the last of its side of zero ended."""

    ax: Axes
    hours: FloatArray
    key: list[Artist] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.top, self.bottom = np.zeros(len(self.hours)), np.zeros(len(self.hours))

    def add(self, height: FloatArray, *, color: str, name: str) -> None:
        """Add a source (positive) or a use (negative) in each hour."""
        base = np.where(height < 0, self.bottom, self.top)
        self._bars(height, base, name=name, width=1.0, facecolor=COLORS.get(color, COLORS["other"]), lw=0.0)
        self.top += np.maximum(height, 0)
        self.bottom += np.minimum(height, 0)

    def cut(self, height: FloatArray, *, color: str, name: str, base: FloatArray, width: float = 1.0) -> None:
        """Hatch what was curtailed, from a base upwards."""
        hatch, layer = ("/////", 3) if width == 1.0 else ("xxxxx", 6)
        code = COLORS.get(color, COLORS["other"])
        outline = np.where(height > VISIBLE_MW, 0.7, 0.0)
        look: dict[str, Any] = {"facecolor": "white", "edgecolor": code, "hatch": hatch}
        self._bars(height, base, name=name, width=width, lw=outline, zorder=layer, **look)
        if height.max() > VISIBLE_MW:
            self.key.append(Patch(**look, lw=0.7, label=name))

    def _bars(self, height: FloatArray, base: FloatArray, *, name: str, **look: Any) -> None:
        bars = self.ax.bar(self.hours, height, bottom=base, **look)
        for hour, bar in zip(self.hours, bars, strict=True):
            bar.set_gid(f"{name.replace(' ', '_')}-{hour:.0f}")


def balance_panel(
    ax: Axes, dispatch: pd.DataFrame, settlements: pd.DataFrame, trades: pd.DataFrame | None = None
) -> None:
    """Draw the sources of each hour as a stack, with the served demand as a line and the curtailed power hatched.

    Battery charging, export and what connections take hang below zero, so that
    (above zero) = (demand) + (below zero) + (losses).
    """
    hours = settlements["hour"].to_numpy(dtype=np.float64)
    total = dispatch.groupby(["kind", "hour"])[["p_mw", "available_mw"]].sum()
    kinds = [kind for kind in total.index.unique("kind") if kind not in ("load", "battery")]
    kinds.sort(key=lambda kind: (list(NAMES).index(kind) if kind in NAMES else len(NAMES), kind))
    stack = _Stack(ax, hours)
    for kind in kinds:
        stack.add(total.loc[kind, "p_mw"].to_numpy(), color=kind, name=NAMES.get(kind, kind))
        stack.key.append(Patch(color=COLORS.get(kind, COLORS["other"]), label=NAMES.get(kind, kind)))
    _add_batteries(stack, dispatch[dispatch["kind"] == "battery"])
    if trades is not None and len(trades):
        _add_connections(stack, trades)
    stack.add(settlements["metered_mw"].to_numpy(), color="tie_line", name="import")
    stack.key.append(Patch(color=COLORS["tie_line"], label="import (− export)"))
    cuts = {kind: (total.loc[kind, "available_mw"] - total.loc[kind, "p_mw"]).clip(lower=0) for kind in kinds}
    for kind, cut in cuts.items():
        name = f"{NAMES.get(kind, kind)} curtailed"
        stack.cut(cut.to_numpy(), color=kind, name=name, base=stack.top)
        stack.top += cut.to_numpy()
    served, demand = total.loc["load", "p_mw"].to_numpy(), total.loc["load", "available_mw"].to_numpy()
    _served_line(stack, served)
    cut_load = np.maximum(demand - served, 0)
    stack.cut(cut_load, color="demand", name="load curtailed", base=served, width=0.5)
    _finish(stack, float(max(stack.top.max(), demand.max())))
    cut_mwh = sum(float(cut.sum()) for cut in cuts.values())
    finding = f"curtailed: {cut_mwh:.2f} MWh of wind and sun, {cut_load.sum():.2f} MWh of load"
    headline(ax, "(c) Where the power comes from, and who uses it", finding)


def _add_batteries(stack: _Stack, batteries: pd.DataFrame) -> None:
    """Add discharging and charging, which in one hour may be of different batteries."""
    if batteries.empty:
        return
    by_unit = batteries.pivot(index="hour", columns="unit", values="p_mw")
    for part, name in ((by_unit.clip(lower=0), "discharge"), (by_unit.clip(upper=0), "charge")):
        stack.add(part.sum(axis=1).to_numpy(), color="battery", name=name)
    stack.key.append(Patch(color=COLORS["battery"], label="battery (− charging)"))


def _add_connections(stack: _Stack, trades: pd.DataFrame) -> None:
    """Add the power that microgrids and fleets of cars give to the network and take from it."""
    kinds = trades["connection"].str.rpartition("_")[0]
    for kind, name in CONNECTIONS.items():
        if (kinds == kind).any():
            given = (
                -trades[kinds == kind].pivot(index="hour", columns="connection", values="p_mw").reindex(stack.hours)
            )
            for part, side in ((given.clip(lower=0), "give"), (given.clip(upper=0), "take")):
                stack.add(part.sum(axis=1).to_numpy(), color=kind, name=f"{name} {side}")
            stack.key.append(Patch(color=COLORS[kind], label=f"{name} (− use)" if kind == "microgrid" else name))


def _served_line(stack: _Stack, served: FloatArray) -> None:
    """Draw the served demand, in black on a white rim."""
    edges, black = hour_edges(stack.hours), COLORS["demand"]
    stack.ax.stairs(served, edges, baseline=None, color="white", lw=3.0, zorder=5)
    stack.ax.stairs(served, edges, baseline=None, color=black, lw=1.5, zorder=5, gid="served")
    stack.key.append(Line2D([], [], color=black, lw=1.5, label="demand served"))


def _finish(stack: _Stack, highest: float) -> None:
    """Set limits and axes, and write the key in the order of the stack."""
    ax, lowest = stack.ax, float(stack.bottom.min())
    ax.axhline(0, color="#444444", lw=0.8, zorder=4)
    ax.set_ylim(1.08 * lowest, 1.04 * max(highest, 0.01))
    ax.set_ylabel("power [MW]")
    ax.grid(axis="y")
    write_key(ax, stack.key[::-1])
