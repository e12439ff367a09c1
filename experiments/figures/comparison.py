"""Comparison of runs on a narrow page: bid, band and metered flow of each, curtailment, profit and its terms."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from experiments.confidence import PLUS_MINUS, Estimate
from experiments.figures.market import settled
from experiments.figures.page import HOUR_LABEL, hour_label, places_of
from experiments.figures.style import (
    COLORS,
    GREY,
    IMPORT,
    dollars,
    fix_layout,
    headline,
    hour_edges,
    house_style,
    ink,
    tint,
    zero_line,
)
from grids.network import FloatArray
from sim.market.settlement import COST_TERMS

if TYPE_CHECKING:
    from experiments.compare import RunComparison

WIDTH = 6.2
"""Width, at which the letters can be read on a telephone. [inch]"""
TIE_LINE, CURTAILED, PROFIT, TERM = 1.7, 1.0, 1.35, 0.19
"""Heights of the panels, and of a term of the money. [inch]"""
HEAD, GAP = 0.62, 0.47
"""Room for the title, and between two panels. [inch]"""
SHORT, LINE, LINE_INCH = 28, 50, 0.16
"""Letters of a name beside other words, letters of a line, and its height. [inch]"""
MOST_FLOWS = 4
"""Largest number of runs whose tie-line flow is drawn."""
RUN_COLORS = ("#222222", "#AA4499", "#009E73", "#E69F00", "#332288", "#882255", "#999933")
"""Colours of the runs, the baseline first; not those of flows and penalties."""
STYLES = ("-", (0, (4, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)))


def comparison_figure(comparison: RunComparison) -> Figure:
    """Return why one run earns more than another, as a figure with the same hours in all panels.

    Parameters
    ----------
    comparison : RunComparison
        Runs on the same weather; with several seeds, flows and curtailment are those of the first.
    """
    names, seed = comparison.names, comparison.seeds[0]
    flows = names[:MOST_FLOWS]
    terms = _terms_that_differ(comparison)
    heights = [*[TIE_LINE] * len(flows), CURTAILED, CURTAILED, PROFIT, TERM * max(3, len(terms) * (len(names) - 1))]
    hours = comparison.hours[comparison.hours["seed"] == seed]
    with house_style():
        rows = len(names) // _columns(names)
        extra = sum(_wrapped(name).count("\n") for name in [*flows, *names]) + max(0, rows - 2)
        height = sum(heights) + GAP * len(heights) + HEAD + 0.75 + LINE_INCH * extra
        figure = Figure(figsize=(WIDTH, height))
        figure.set_layout_engine("constrained", h_pad=0.05, w_pad=0.06, rect=(0, 0, 1, 1 - HEAD / height))
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        first = figure.add_subplot(grid[0])
        axes = [first, *(figure.add_subplot(grid[k], sharex=first) for k in range(1, len(heights) - 1))]
        _flow_panels(axes[: len(flows)], comparison, flows)
        for ax, column, what in (
            (axes[-3], "generation_curtailed_mw", "Wind and sun curtailed"),
            (axes[-2], "load_curtailed_mw", "Load curtailed"),
        ):
            _curtailed_panel(ax, hours, comparison, column, what)
        _profit_panel(axes[-1], comparison)
        _share_hours(axes, comparison, len(hours) // len(names))
        _terms_panel(figure.add_subplot(grid[-1]), comparison, terms)
        _head(figure, axes, comparison)
        fix_layout(figure)
    return figure


def _flow_panels(axes: Sequence[Axes], comparison: RunComparison, names: Sequence[str]) -> None:
    """Draw bid, tolerance band and metered flow of each run on the same scale; shade what lies outside the band."""
    spans = []
    for ax, name in zip(axes, names, strict=True):
        settlements = comparison.runs[name][0].tables["settlements"]
        settlements = settlements[settlements["day"] <= comparison.days]
        edges = _edges(comparison, len(settlements))
        columns = ("lower_mw", "upper_mw", "bid_mw", "metered_mw")
        lower, upper, bid, metered = (settlements[column].to_numpy() for column in columns)
        blue, orange = COLORS["tie_line"], COLORS["penalty"]
        ax.stairs(upper, edges, baseline=lower, fill=True, color=tint(blue, 0.28), gid="band")
        periods = settled(settlements, comparison.calendar)
        mean = periods["metered_mw"].to_numpy()
        inside = np.clip(mean, periods["lower_mw"], periods["upper_mw"])
        ax.stairs(
            mean,
            edges[:: comparison.calendar.settlement_steps],
            baseline=inside,
            fill=True,
            color=orange,
            gid="imbalance",
        )
        ax.stairs(bid, edges, baseline=None, color=blue, lw=1.1, gid="bid")
        ax.stairs(metered, edges, baseline=None, color="#222222", lw=1.0, ls=(0, (2, 1)), gid="metered")
        zero_line(ax)
        money = comparison.money[name]
        penalty, profit = dollars(money["imbalance"]), dollars(money["profit"])
        beyond = comparison.beyond_limits[name]
        broken = f"; {beyond:,} × beyond limits" if beyond else ""
        finding, color = f"imbalance {penalty}, profit {profit}{broken}", ink(_color(comparison.names.index(name)))
        headline(ax, _wrapped(name), finding, y=f"tie line [MW]\n{IMPORT}", color=color)
        spans += [lower.min(), metered.min(), upper.max(), metered.max()]
    low, high = min(*spans, 0.0), max(spans)
    room = 0.06 * max(high - low, 0.1)
    for ax in axes:
        ax.set_ylim(low - room, high + room)


def _curtailed_panel(ax: Axes, hours: pd.DataFrame, comparison: RunComparison, column: str, what: str) -> None:
    """Draw a curtailed power of all runs, one line each."""
    totals = []
    for k, name in enumerate(comparison.names):
        power = hours.loc[hours["name"] == name, column].to_numpy()
        totals.append(f"{comparison.calendar.step_h * power.sum():.2f}")
        ax.stairs(power, _edges(comparison, len(power)), baseline=None, lw=1.4, gid=f"{column}-{k}", **_look(k))
    ax.set_ylim(bottom=0, top=max(0.05, 1.08 * hours[column].max()))
    headline(ax, what, f"{' / '.join(totals)} MWh", y="power [MW]")


def _profit_panel(ax: Axes, comparison: RunComparison) -> None:
    """Draw how the difference of the profit to the baseline adds up from hour to hour."""
    baseline = comparison.names[0]
    ends = []
    for k, name in enumerate(comparison.names[1:], start=1):
        added = _added_up(comparison, name)
        x = _edges(comparison, len(added[0]))
        mean, reach = ([0.0, *part] for part in added)
        ax.plot(x, mean, lw=1.6, gid=f"profit-{k}", **_look(k))
        if np.isfinite(reach).all() and len(comparison.seeds) > 1:
            ax.fill_between(x, np.subtract(mean, reach), np.add(mean, reach), color=_color(k), alpha=0.16, lw=0)
            ends.append(f"{_signed(mean[-1])} ± {reach[-1]:,.2f}")
        else:
            ends.append(_signed(mean[-1]))
    ax.axhline(0, color=_color(0), lw=1.2, zorder=1)
    what = "Profit" if len(comparison.seeds) == 1 else f"Mean profit {PLUS_MINUS}"
    headline(ax, f"{what}, against {_short(baseline)}", ends[0] if len(ends) == 1 else "", y="money [$]")


def _short(name: str) -> str:
    return name if len(name) <= SHORT else f"{name[: SHORT - 2].rstrip(', ')} …"


def _wrapped(name: str) -> str:
    """Return a name in lines that fit; after a long one there is a line for what stands to its right."""
    return name if len(name) <= SHORT else "\n".join(wrap(name, LINE)) + "\n"


def _columns(names: Sequence[str]) -> int:
    """Return the number of columns of a legend with these names."""
    longest = max(map(len, names))
    return 3 if longest <= 14 else 2 if longest <= SHORT else 1


def _terms_that_differ(comparison: RunComparison) -> list[str]:
    """Return the terms in which some run differs from the baseline by a cent or more, the largest first."""
    table = comparison.money.drop(index="profit")
    most = table.sub(table[comparison.names[0]], axis=0).abs().max(axis=1).sort_values(ascending=False)
    return [str(term) for term in most[most >= 0.01].index]


def _terms_panel(ax: Axes, comparison: RunComparison, terms: Sequence[str]) -> None:
    """Draw what each term of the money adds to the difference of the profit; less of a cost is a gain."""
    others, span = comparison.names[1:], [-0.01, 0.01]
    for k, name in enumerate(others, start=1):
        rows = np.arange(len(terms)) + (k - 1) / len(others)
        found = [comparison.differences[name][term] for term in terms]
        gain = [-one.mean if term in COST_TERMS else one.mean for one, term in zip(found, terms, strict=True)]
        ax.barh(rows, gain, 0.8 / len(others), color=tint(_color(k), 0.75), gid=f"terms-{k}")
        for row, amount, one in zip(rows, gain, found, strict=True):
            text = _signed(amount) + (f" ± {one.reach:,.2f}" if np.isfinite(one.reach) else "")
            side, offset = ("left", 4) if amount >= 0 else ("right", -4)
            look: dict[str, Any] = {"textcoords": "offset points", "va": "center", "ha": side, "fontsize": 8}
            ax.annotate(text if abs(amount) >= 0.005 else "", (amount, row), (offset, 0), **look)
        span += gain
    low, high = min(span), max(span)
    left, right = (0.75, 0.3) if len(comparison.seeds) == 1 else (1.1, 0.5)  # room for names, and for amounts
    ax.set_xlim(low - left * (high - low), high + right * (high - low))
    ax.set_yticks([])
    for k, term in enumerate(terms):
        middle = k + (len(others) - 1) / 2 / len(others)
        ax.text(0.01, middle, term.replace("_", " "), transform=ax.get_yaxis_transform(), va="center", fontsize=8.5)
    ax.axvline(0, color="#444444", lw=0.8)
    ax.invert_yaxis()
    ax.tick_params(labelsize=8.5, length=2.5)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel("added to the profit [$]")
    headline(ax, f"Where it comes from, against {_short(comparison.names[0])}", "" if terms else "no term differs")


def _added_up(comparison: RunComparison, name: str) -> tuple[FloatArray, FloatArray]:
    """Return mean and half of the interval of the difference that has added up by the end of every hour. [$]"""
    table = comparison.hours.pivot_table(index=["seed", "day", "hour"], columns="name", values="profit")
    per_hour = (table[name] - table[comparison.names[0]]).unstack("seed").sort_index().cumsum().to_numpy()
    estimates = [Estimate.of(row) for row in per_hour]
    return np.array([one.mean for one in estimates]), np.array([one.reach for one in estimates])


def _signed(amount: float) -> str:
    return f"{'+' if amount >= 0 else '−'}${abs(amount):,.2f}"


def _color(number: int) -> str:
    return RUN_COLORS[number % len(RUN_COLORS)]


def _look(number: int) -> dict[str, Any]:
    return {"color": _color(number), "ls": STYLES[number % len(STYLES)]}


def _edges(comparison: RunComparison, count: int) -> FloatArray:
    """Return the borders of a number of steps on the axis of the run's hours. [h]"""
    step_h = comparison.calendar.step_h
    return hour_edges(places_of(step_h * np.arange(1.0, count + 1), step_h))


def _share_hours(axes: Sequence[Axes], comparison: RunComparison, steps: int) -> None:
    edges, count = _edges(comparison, steps), round(steps * comparison.calendar.step_h)
    for ax in axes:
        ax.set_xlim(edges[0], edges[-1])
        ax.tick_params(labelsize=8.5, length=2.5)
        ax.yaxis.set_major_locator(MaxNLocator(4))
    axes[-1].set_xticks([hour for hour in range(1, count + 1) if hour % max(1, round(count / 8)) == 0])
    label = HOUR_LABEL if comparison.days == 1 else "hour of the run (hour ending) [h]"
    axes[-1].set_xlabel(hour_label(comparison.calendar, label))


def _head(figure: Figure, axes: Sequence[Axes], comparison: RunComparison) -> None:
    """Write title and keys above and below the panels."""
    study, seeds = comparison.runs[comparison.names[0]][0].study, comparison.seeds
    height = figure.get_figheight()
    days = f"{comparison.days} days" if comparison.days > 1 else "one day"
    weather = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}; flows of seed {seeds[0]}"
    about = f"{days} on the same weather, {weather}"
    runs_that_trade = (one for runs in comparison.runs.values() for one in runs if len(one.tables["trades"]))
    modes = dict.fromkeys(one.study.coordination for one in runs_that_trade)
    about += f"  ·  coordination {', '.join(modes)}" if modes else ""
    title = f"{study.name}: who earns more, and why"
    figure.text(0.02, 1 - 0.2 / height, title, fontsize=13, fontweight="bold", va="center")
    figure.text(0.02, 1 - 0.44 / height, about, fontsize=9.5, va="center", color=GREY)
    blue = COLORS["tie_line"]
    flows = [
        Line2D([], [], color=blue, lw=1.4, label="bid"),
        Patch(color=tint(blue, 0.28), label="tolerance band"),
        Line2D([], [], color="#222222", lw=1.2, ls=(0, (2, 1)), label="metered flow"),
        Patch(color=COLORS["penalty"], label="imbalance"),
    ]
    labels = [_wrapped(name).rstrip("\n") for name in comparison.names]
    runs = [Line2D([], [], lw=1.8, label=label, **_look(k)) for k, label in enumerate(labels)]
    look: Any = {"frameon": False, "fontsize": 9, "handlelength": 1.8, "columnspacing": 1.3, "handletextpad": 0.5}
    above: Any = {"loc": "lower left", "borderaxespad": 0.0}
    title_lines = _wrapped(comparison.names[0]).count("\n")
    place = (0.0, 1.14 + LINE_INCH * title_lines / TIE_LINE)
    axes[0].legend(handles=flows, ncols=4, bbox_to_anchor=place, **above, **look)
    axes[-3].legend(handles=runs, ncols=_columns(comparison.names), bbox_to_anchor=(0.0, 1.24), **above, **look)
