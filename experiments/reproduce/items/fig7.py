"""Figure 7: voltages at t = 17 without and with active network management."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.console import ranges
from experiments.figures.style import COLORS, LABEL_POINTS, headline, ink
from experiments.reproduce import Item
from experiments.reproduce.context import Context
from experiments.reproduce.evaluated_bids import evaluated_bids
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import panels, publish
from experiments.reproduce.paper import CASES, UNDER_VOLTAGE
from grids.components import Voltage
from grids.network import FloatArray, Grid
from sim.audit import voltages_outside
from sim.instance import Instance

ORIGINAL = (
    "Simulated voltage profiles of the test MG at t = 17 for one representative scenario (a) without the real-time"
    " operation with ANM and (b) with the real-time operation with ANM for the basic bidding strategy."
)
HOUR, RULE = 17, "case1"
PROFILES = {
    "no ANM, basic bid": ("none", "basic"),
    "ANM, basic bid": ("hindsight", "basic"),
    "ANM, proposed bid": ("hindsight", "anm_aware"),
}
"""Policy and bidding strategy of each profile."""


def reproduce(context: Context) -> ItemResult:
    """Return the voltages of hour 17 in the most probable kept scenario."""
    profiles = {}
    for place, (name, (policy, strategy)) in enumerate(PROFILES.items(), start=1):
        study = context.study(rule=RULE, policy=policy, bidding=strategy)
        title = f"fig7, part {place} of {len(PROFILES)}: {name}, bid and days"
        profiles[name] = evaluated_bids(context, study, title=title).vm_pu[HOUR - 1]
    unmanaged, basic, proposed = profiles.values()
    grid = Instance.of(study).grid
    limits = grid.voltage
    caption = (
        f"Voltage at every bus in hour {HOUR}, in the most probable of the {context.size.keep} kept scenarios"
        f" ({CASES[RULE]}); lines join each bus to the one that feeds it. The limits are {limits.min_vm_pu:g} and"
        f" {limits.max_vm_pu:g} p.u. (a) Without ANM, with the basic bid: renewables at full output and unity power"
        f" factor, batteries by the day-ahead schedule; {_in_words(grid, limits, unmanaged)}. The paper finds buses"
        f" {ranges(list(UNDER_VOLTAGE))} below the limit. (b) With ANM (hindsight): with the basic bid"
        f" {_in_words(grid, limits, basic)}; with the proposed bid {_in_words(grid, limits, proposed)}."
    )
    figure, (before, after) = panels(2, height=1.75, right=1.0)
    low = min(0.99 * limits.min_vm_pu, float(unmanaged.min())) - 0.004
    for ax in (before, after):
        _frame(ax, grid, limits, low)
    _draw(before, grid, limits, unmanaged, "unmanaged", hollow=False)
    _draw(after, grid, limits, basic, "basic", hollow=True)
    _draw(after, grid, limits, proposed, "proposed", hollow=False)
    headline(before, "(a) Without ANM", "● basic bid   ▼ outside the limits")
    headline(after, "(b) With ANM", "○ basic bid   ● proposed bid")
    after.set_xlabel("bus [number]")
    columns = {f"{name.replace(', ', '_').replace(' ', '_')}_vm_pu": vm_pu for name, vm_pu in profiles.items()}
    data = pd.DataFrame({"bus": grid.bus_ids, **columns})
    return publish(context, "fig7", figure, caption=caption, original=ORIGINAL, data=data)


def _in_words(grid: Grid, limits: Voltage, vm_pu: FloatArray) -> str:
    """Return which buses are outside the limits, and the lowest voltage."""
    extreme = f"the lowest voltage is {vm_pu.min():.4f} p.u. at bus {grid.bus_ids[vm_pu.argmin()]}"
    outside = np.logical_or(*voltages_outside(vm_pu, min_vm_pu=limits.min_vm_pu, max_vm_pu=limits.max_vm_pu))
    if not outside.any():
        return f"all buses are within the limits; {extreme}"
    return f"buses {ranges(grid.bus_ids[outside].tolist())} are outside the limits; {extreme}"


def _frame(ax: Axes, grid: Grid, limits: Voltage, low: float) -> None:
    """Draw the limits, and number the buses."""
    right, buses = ax.get_yaxis_transform(), grid.bus_ids
    for limit, name in ((limits.min_vm_pu, "lower limit"), (limits.max_vm_pu, "upper limit")):
        ax.axhline(limit, color=ink(COLORS["penalty"]), lw=0.9, ls=(0, (4, 3)), zorder=2)
        ax.text(1.015, limit, name, transform=right, va="center", fontsize=LABEL_POINTS, color=ink(COLORS["penalty"]))
    ax.set_ylim(low, limits.max_vm_pu + 0.008)
    ax.set_xlim(buses.min() - 0.7, buses.max() + 0.7)
    ax.set_xticks(buses, labels=[str(number) for number in buses])
    ax.tick_params(labelsize=7, length=2.5)
    ax.set_ylabel("voltage [p.u.]")


def _draw(ax: Axes, grid: Grid, limits: Voltage, vm_pu: FloatArray, name: str, *, hollow: bool) -> None:
    """Draw the voltages, joined where one bus feeds the next; those outside the limits as triangles."""
    color, red, buses = COLORS["price" if name == "proposed" else "tie_line"], COLORS["penalty"], grid.bus_ids
    fed_by = dict(zip(buses[grid.line_to], buses[grid.line_from], strict=True))
    starts = [k for k in range(1, len(buses)) if fed_by.get(buses[k]) != buses[k - 1]]
    for piece in np.split(np.arange(len(buses)), starts):
        ax.plot(buses[piece], vm_pu[piece], color=color, lw=0.8, alpha=0.6, zorder=3)
    outside = np.logical_or(*voltages_outside(vm_pu, min_vm_pu=limits.min_vm_pu, max_vm_pu=limits.max_vm_pu))
    face, size = ("white", 6.2) if hollow else (color, 3.6)
    ax.plot(buses[~outside], vm_pu[~outside], "o", ms=size, mfc=face, mec=color, zorder=4, gid=name)
    ax.plot(buses[outside], vm_pu[outside], "v", ms=5, mfc=red, mec=red, zorder=5, gid=f"{name}-outside")


ITEMS = {"fig7": Item("Figure 7: voltages at t = 17 without and with ANM", reproduce)}
