"""Figure of all days of a run on one page: money and imbalance by day, maps of every hour, duration of power."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.figures.day import limits_in_words
from experiments.figures.maps import color_bar, color_map
from experiments.figures.market import CENT, settled
from experiments.figures.page import LIMITS_KEPT, Margins, Page, short_name, who_decides
from experiments.figures.style import (
    COLORS,
    IMPORT,
    NAMES,
    Label,
    color_of,
    dollars,
    headline,
    hour_edges,
    house_style,
    ink,
    margin_labels,
    nothing_to_show,
    tint,
    write_key,
    zero_line,
)
from experiments.figures.voltage import limits_of
from experiments.figures.year import DURATIONS, duration_panels, money_panel, month_begins, month_table
from experiments.summary import LONG_DAYS, daily_money, hourly_money, months
from grids.components import Voltage
from grids.network import FloatArray
from sim.audit import AuditReport, audit
from sim.calendar import Calendar
from sim.study import Study

HEIGHTS = {
    "profit": 1.05,
    "penalty": 0.85,
    "tie_line": 1.45,
    "deviation": 1.45,
    "soc": 1.45,
    "curtailed": 0.95,
    "voltage": 0.85,
    "duration": 1.6,
}
LONG_HEIGHTS = {**HEIGHTS, "profit": 1.9}
"""Heights of the panels, from top to bottom, and those of a long run. [inch]"""
ROW_HEIGHT = 0.19
"""Height of a row of the table of months. [inch]"""
VISIBLE_MWH = 0.05
"""Curtailed energy below which it is rounding, and not in the key. [MWh]"""
GAP, APART = 0.46, {len(HEIGHTS) - 1: 0.26, len(HEIGHTS): 0.3}
"""Room between panels, and more of it above the lowest ones, which have another axis than those above. [inch]"""


def overview_figure(
    tables: Mapping[str, pd.DataFrame], study: Mapping[str, Any], *, verdict: AuditReport | None = None
) -> Figure:
    """Return all days of a run as one figure.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger of the run, as :func:`sim.ledger.read_tables` returns it.
    study : mapping
        The study of the run, as read from its ``study.yaml``.
    verdict : AuditReport, optional
        The audit of the run; made here if it isn't at hand.
    """
    described = Study.model_validate(dict(study))
    settlements = tables["settlements"]
    with house_style():
        by_month = months(tables, described.calendar) if described.days > LONG_DAYS else []
        heights = {**LONG_HEIGHTS, "months": ROW_HEIGHT * (len(by_month) + 2.5)} if by_month else HEIGHTS
        page = Page(list(heights.values()), Margins(top=1.13), gap=GAP, apart=APART)
        single = [name for name in heights if not by_month or name != "duration"]
        panels = {name: page.panel(list(heights).index(name), name) for name in single}
        if by_month:
            money_panel(panels["profit"], daily_money(tables))
            row = list(heights).index("duration")
            duration_panels([page.panel(row, name, column=k, columns=3) for k, name in enumerate(DURATIONS)], tables)
            month_table(panels["months"], by_month)
        else:
            _profit_panel(panels["profit"], tables)
        _penalty_panel(panels["penalty"], settlements, described.calendar)
        _tie_line_panel(panels["tie_line"], settlements, described.calendar.step_h)
        _deviation_panel(panels["deviation"], settlements)
        _soc_panel(panels["soc"], tables["dispatch"], tables["units"], described.calendar.step_name)
        _curtailed_panel(panels["curtailed"], tables["dispatch"], described.calendar.step_h)
        _voltage_panel(panels["voltage"], tables["buses"], tables["branches"], limits_of(described, tables["buses"]))
        if not by_month:
            _duration_panel(panels["duration"], settlements)
        days = settlements["day"].unique()
        for name in panels:
            if name not in {"duration", "months"}:
                _day_axis(panels[name], days, described.calendar, named=name == "voltage")
        title = f"{short_name(described)}, {described.days} days"
        broken = limits_in_words(verdict or audit(tables, study), described.calendar.step_name)
        page.heading(title, who_decides(described, tables), (broken, LIMITS_KEPT))
    return page.figure


def _day_axis(ax: Axes, days: FloatArray, calendar: Calendar, *, named: bool) -> None:
    """Number the days; those of a long run that have dates are named by their months."""
    ax.set_xlim(days[0] - 0.5, days[-1] + 0.5)
    ax.tick_params(axis="x", pad=2)
    begins, names = month_begins(calendar, len(days)) if len(days) > LONG_DAYS else ([], [])
    if len(begins) > 1:
        ax.set_xticks(begins, labels=names, ha="left")
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=20, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    if named:
        ax.set_xlabel("day [1], named by month" if len(begins) > 1 else "day [1]", labelpad=2)


# ---- day by day ----------------------------------------------------------------------------------------------


def _profit_panel(ax: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    """Draw the profit of every day as points, for days differ by little compared with what one earns."""
    by_day = hourly_money(tables)["profit"].groupby("day").sum()
    days, profit = by_day.index.to_numpy(), by_day.to_numpy()
    color, mean = COLORS["profit"], float(profit.mean())
    size = 4.5 if len(days) <= 70 else 2.5 if len(days) <= 200 else 0.0
    ax.plot(days, profit, "-o", color=color, lw=0.8, ms=size, mec="white", mew=0.5, gid="profit")
    ax.axhline(mean, color=color, lw=0.8, ls=(0, (4, 3)), gid="mean_profit")
    ax.margins(y=0.18)
    margin_labels(ax, [Label(mean, f"mean {dollars(mean)}", ink(color))])
    spread = f", standard deviation {dollars(float(profit.std(ddof=1)))}" if len(days) > 1 else ""
    finding = f"{dollars(float(profit.sum()))} in {len(days)} days{spread}"
    headline(ax, "(a) Profit of the operator", finding, y="profit [$ a day]")


def _penalty_panel(ax: Axes, settlements: pd.DataFrame, calendar: Calendar) -> None:
    by_day = settlements.groupby("day")["penalty"].sum()
    color, mean = COLORS["penalty"], float(by_day.mean())
    _bars(ax, by_day, color=color, gid="penalty")
    ax.set_ylim(0, 1.15 * max(float(by_day.max()), 1.0))
    margin_labels(ax, [Label(mean, f"mean {dollars(mean)}", ink(color))])
    periods, name = settled(settlements, calendar), calendar.settlement_name
    fined = int((periods["penalty"] >= CENT).sum())
    share = f"in {fined:,} of {len(periods):,} {name}s" if fined else f"no {name} with a penalty"
    finding = f"{dollars(float(by_day.sum()))} {share}" if fined else share
    headline(ax, "(b) Imbalance penalty", finding, y="penalty [$ a day]")


def _bars(ax: Axes, by_day: pd.Series, *, color: Any, gid: str, base: FloatArray | float = 0.0, **look: Any) -> None:
    """Draw one bar a day, which touch each other, as one artist: there may be thousands."""
    edges = hour_edges(by_day.index.to_numpy(dtype=np.float64))
    ax.stairs(by_day.to_numpy() + base, edges, baseline=base, fill=True, color=color, gid=gid, **look)
    ax.vlines(edges, 0, 1, transform=ax.get_xaxis_transform(), color="white", lw=min(3.0, 60 / len(by_day)))


def _curtailed_panel(ax: Axes, dispatch: pd.DataFrame, step_h: float) -> None:
    """Draw the energy curtailed on every day, by kind."""
    rows = dispatch[dispatch["kind"] != "battery"]
    curtailed = step_h * (rows["available_mw"] - rows["p_mw"]).clip(lower=0)
    by_kind = curtailed.groupby([rows["kind"], rows["day"]]).sum().unstack("kind")
    kinds = [kind for kind in (*NAMES, *sorted(set(by_kind) - {*NAMES, "load"}), "load") if kind in by_kind]
    base = np.zeros(len(by_kind))
    for kind in kinds:
        color = tint(COLORS["demand"], 0.5) if kind == "load" else color_of(kind)
        total = by_kind[kind].sum()
        label = f"{NAMES.get(kind, kind)}, {total:,.1f} MWh" if total >= VISIBLE_MWH else None
        _bars(ax, by_kind[kind], color=color, gid=f"curtailed-{kind}", base=base, lw=0.0, label=label)
        base = base + by_kind[kind].to_numpy()
    ax.set_ylim(0, 1.08 * max(float(base.max()), 0.01))
    write_key(ax)
    some = ax.get_legend() is not None
    finding = f"{base.sum():,.1f} MWh in all, {base.mean():,.2f} MWh a day" if some else "nothing was curtailed"
    headline(ax, "(f) Curtailed energy", finding, y="curtailed [MWh a day]")


def _voltage_panel(ax: Axes, buses: pd.DataFrame, branches: pd.DataFrame, limits: Voltage) -> None:
    """Draw the range of voltages on every day, without the slack, whose voltage is the main grid's."""
    inside = buses[~buses["bus"].isin(np.setdiff1d(branches["from_bus"], branches["to_bus"]))]
    span = inside.groupby("day")["vm_pu"].agg(["min", "max"])
    edges = hour_edges(span.index.to_numpy(dtype=np.float64))
    ax.stairs(span["max"], edges, baseline=span["min"].to_numpy(), fill=True, color="#92A8C4", gid="voltage_range")
    for limit, name in ((limits.max_vm_pu, "upper limit"), (limits.min_vm_pu, "lower limit")):
        ax.axhline(limit, color="black", lw=0.9, gid=name.replace(" ", "_"))
    low, high = min(limits.min_vm_pu, span["min"].min()), max(limits.max_vm_pu, span["max"].max())
    ax.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
    ends = (limits.max_vm_pu, limits.min_vm_pu)
    margin_labels(ax, [Label(limit, f"{limit:g} limit", "black") for limit in ends])
    finding = f"{span['min'].min():.3f} to {span['max'].max():.3f} p.u."
    headline(ax, "(g) Lowest to highest voltage", finding, y="voltage [p.u.]")


# ---- hour by hour --------------------------------------------------------------------------------------------


def _tie_line_panel(ax: Axes, settlements: pd.DataFrame, step_h: float) -> None:
    flow = settlements.pivot(index="hour", columns="day", values="metered_mw")
    reach = max(float(flow.abs().max().max()), 0.01)
    _map(ax, flow, _diverging("other", "tie_line"), (-reach, reach), f"metered flow [MW]\n{IMPORT}", gid="tie_line")
    energy = step_h * settlements["metered_mw"].to_numpy()
    finding = f"imported {energy.clip(min=0).sum():,.1f} MWh, exported {-energy.clip(max=0).sum():,.1f} MWh"
    headline(ax, "(c) Metered tie-line flow", finding)


def _deviation_panel(ax: Axes, settlements: pd.DataFrame) -> None:
    """Draw the deviation of the metered flow from the bid; of the largest, one in a hundred is cut off."""
    away = (settlements["metered_mw"] - settlements["bid_mw"]).rename("away")
    table = settlements.assign(away=away).pivot(index="hour", columns="day", values="away")
    reach = max(float(np.nanquantile(np.abs(table.to_numpy()), 0.99)), 0.01)
    _map(ax, table, _diverging("thermal_storage", "penalty"), (-reach, reach), "metered − bid [MW]", gid="deviation")
    mean = float(away.abs().mean())
    outside = settlements["over_mwh"].sum() + settlements["under_mwh"].sum()
    finding = f"{mean:.3f} MW on average; {outside:,.1f} MWh outside the tolerance band"
    headline(ax, "(d) Deviation from the bid, positive for under-scheduling", finding)


def _soc_panel(ax: Axes, dispatch: pd.DataFrame, units: pd.DataFrame, step_name: str) -> None:
    """Draw the state of charge of all batteries together: stored energy over energy capacity."""
    batteries = units[units["kind"] == "battery"].set_index("unit")["max_e_mwh"]
    headline(ax, f"(e) State of charge (SOC) of all batteries together, at the end of the {step_name}")
    if batteries.empty:
        nothing_to_show(ax, "no batteries in this fleet")
        ax.set_ylabel("hour [h]")
        return
    rows = dispatch[dispatch["unit"].isin(batteries.index)]
    energy = (rows["soc"] * rows["unit"].map(batteries)).groupby([rows["hour"], rows["day"]]).sum().unstack("day")
    shades = LinearSegmentedColormap.from_list("soc", [tint(COLORS["battery"], share) for share in (0.08, 1.0, 1.7)])
    _map(ax, 100 * energy / batteries.sum(), shades, (0.0, 100.0), "SOC [%]", gid="soc")


def _diverging(negative: str, positive: str) -> Colormap:
    """Return a colour map from the colour of one thing over white to that of another."""
    sides = (
        [tint(COLORS[negative], share) for share in (1.3, 0.6)],
        [tint(COLORS[positive], share) for share in (0.5, 1)],
    )
    return LinearSegmentedColormap.from_list(f"{negative}-{positive}", [*sides[0], (1.0, 1.0, 1.0), *sides[1]])


def _map(ax: Axes, table: pd.DataFrame, colors: Colormap, span: tuple[float, float], name: str, *, gid: str) -> None:
    """Draw a value of every hour (upwards) and day (to the right) as colour, from one end of a span to the other."""
    days, hours, values = table.columns.to_numpy(), table.index.to_numpy(), np.ma.masked_invalid(table.to_numpy())
    rows = np.arange(1, len(hours) + 1)  # steps of the longest day; a shorter one has no colour in the last ones
    mesh = color_map(ax, days, rows, values, span, colors, gid=gid)
    shown = {float(hour): row for hour, row in zip(hours, rows, strict=True) if hour in (1, 6, 12, 18, 24)}
    ax.set_yticks(list(shown.values()), labels=[f"{hour:.0f}" for hour in shown])
    ax.set_ylabel("hour [h]")
    below, above = values.min() < span[0], values.max() > span[1]
    color_bar(ax, mesh, name, extend="both" if below and above else "max" if above else "min" if below else "neither")


def _duration_panel(ax: Axes, settlements: pd.DataFrame) -> None:
    """Draw bids and metered flows, each from the largest to the smallest, over the share of hours they reach."""
    share = np.linspace(0, 100, len(settlements) + 1)
    labels = []
    for column, name, strength, width in (("bid_mw", "bid", 0.5, 3.2), ("metered_mw", "metered flow", 1.0, 1.2)):
        color = tint(COLORS["tie_line"], strength)
        power = np.sort(settlements[column].to_numpy())[::-1]
        ax.stairs(power, share, baseline=None, color=color, lw=width, gid=f"duration-{column}")
        labels.append(Label(float(power[-1]), name, ink(COLORS["tie_line"])))
    zero_line(ax)
    ax.set_xlim(0, 100)
    ax.margins(y=0.06)
    margin_labels(ax, labels)
    ax.set_xlabel("share of all hours with at least this power [%]", labelpad=2)
    metered = settlements["metered_mw"]
    finding = f"largest import {max(metered.max(), 0.0):.2f} MW, largest export {max(-metered.min(), 0.0):.2f} MW"
    headline(ax, "(h) Duration curves of bid and metered flow", finding, y=f"tie line [MW]\n{IMPORT}")
    ax.grid()
