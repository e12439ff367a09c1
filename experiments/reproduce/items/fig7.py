"""Figure 7: voltages at t = 17 without and with active network management."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.console import ranges
from experiments.figures.style import COLORS, LABEL_POINTS, headline, house_style, ink
from experiments.reproduce.context import Context
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import panels, publish
from experiments.reproduce.paper import CASES, UNDER_VOLTAGE
from experiments.reproduce.voltages import VoltageProfile, voltage_profile

SUMMARY = "Figure 7: voltages at t = 17 without and with ANM"
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
        title = f"fig7, part {place} of {len(PROFILES)}: {name}, bid and day"
        profiles[name] = voltage_profile(context, study, hour=HOUR, title=title)
    unmanaged, basic, proposed = profiles.values()
    limits = unmanaged.limits
    caption = (
        f"Voltage at every bus in hour {HOUR}, in the most probable of the {context.size.keep} kept scenarios"
        f" ({CASES[RULE]}); lines join each bus to the one that feeds it. The limits are {limits.min_vm_pu:g} and"
        f" {limits.max_vm_pu:g} p.u. (a) Without ANM, with the basic bid: renewables at full output and unity power"
        f" factor, batteries by the day-ahead schedule; {unmanaged.in_words()}. The paper finds buses"
        f" {ranges(list(UNDER_VOLTAGE))} below the limit. (b) With ANM (hindsight): with the basic bid"
        f" {basic.in_words()}; with the proposed bid {proposed.in_words()}."
    )
    columns = {f"{name.replace(', ', '_').replace(' ', '_')}_vm_pu": one.vm_pu for name, one in profiles.items()}
    with house_style():
        figure = _figure(unmanaged, basic, proposed)
    data = pd.DataFrame({"bus": unmanaged.bus} | columns)
    return publish(context, "fig7", figure, caption=caption, original=ORIGINAL, data=data)


def _figure(unmanaged: VoltageProfile, basic: VoltageProfile, proposed: VoltageProfile) -> Figure:
    figure, (before, after) = panels(2, height=1.75, right=1.0)
    low = min(0.99 * unmanaged.limits.min_vm_pu, float(unmanaged.vm_pu.min())) - 0.004
    for ax in (before, after):
        _frame(ax, unmanaged, low)
    _profile(before, unmanaged, "unmanaged", hollow=False)
    _profile(after, basic, "basic", hollow=True)
    _profile(after, proposed, "proposed", hollow=False)
    headline(before, "(a) Without ANM", "● basic bid   ▼ outside the limits")
    headline(after, "(b) With ANM", "○ basic bid   ● proposed bid")
    after.set_xlabel("bus [number]")
    return figure


def _frame(ax: Axes, profile: VoltageProfile, low: float) -> None:
    """Draw the limits, and number the buses."""
    limits = profile.limits
    right = ax.get_yaxis_transform()
    for limit, name in ((limits.min_vm_pu, "lower limit"), (limits.max_vm_pu, "upper limit")):
        ax.axhline(limit, color=ink(COLORS["penalty"]), lw=0.9, ls=(0, (4, 3)), zorder=2)
        ax.text(1.015, limit, name, transform=right, va="center", fontsize=LABEL_POINTS, color=ink(COLORS["penalty"]))
    ax.set_ylim(low, limits.max_vm_pu + 0.008)
    ax.set_xlim(profile.bus.min() - 0.7, profile.bus.max() + 0.7)
    ax.set_xticks(profile.bus, labels=[str(number) for number in profile.bus])
    ax.tick_params(labelsize=7, length=2.5)
    ax.set_ylabel("voltage [p.u.]")


def _profile(ax: Axes, profile: VoltageProfile, name: str, *, hollow: bool) -> None:
    """Draw the voltages, joined where one bus feeds the next; those outside the limits as triangles."""
    color = COLORS["price"] if name == "proposed" else COLORS["tie_line"]
    starts = np.flatnonzero(profile.fed_by[1:] != profile.bus[:-1]) + 1
    for piece in np.split(np.arange(len(profile.bus)), starts):
        ax.plot(profile.bus[piece], profile.vm_pu[piece], color=color, lw=0.8, alpha=0.6, zorder=3)
    inside, outside = ~profile.outside, profile.outside
    face, size = ("white", 6.2) if hollow else (color, 3.6)
    ax.plot(profile.bus[inside], profile.vm_pu[inside], "o", ms=size, mfc=face, mec=color, zorder=4, gid=name)
    red = COLORS["penalty"]
    ax.plot(profile.bus[outside], profile.vm_pu[outside], "v", ms=5, mfc=red, mec=red, zorder=5, gid=f"{name}-outside")
