"""Figure of the value of a bid: profit promised and earned, by the number of scenarios it is made from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.confidence import CONFIDENCE, PLUS_MINUS
from experiments.figures.page import QUIET, Margins, Page, short_name
from experiments.figures.style import COLORS, GREY, LABEL_POINTS, headline, house_style, ink, zero_line
from experiments.value_report import ValueReport
from grids.network import FloatArray

NARROWEST, PLACE = 8.0, 0.85
"""Least width of the page, and room for every bid in it. [inch]"""
MARGINS = Margins(left=0.85, right=0.2, top=1.0, bottom=0.62)


def value_figure(report: ValueReport) -> Figure:
    """Return a report as a figure.

    Parameters
    ----------
    report : ValueReport
        From :meth:`experiments.stochastic_value.Comparison.run`.
    """
    with house_style():
        width = max(NARROWEST, MARGINS.left + PLACE * len(report.trials) + MARGINS.right)
        page = Page([1.95, 1.95], MARGINS, gap=0.78, width=width)
        _profit_panel(_places(page.panel(0, "profit"), report), report)
        _difference_panel(_places(page.panel(1, "difference"), report), report)
        _heading(page, report)
    return page.figure


def _places(ax: Axes, report: ValueReport) -> Axes:
    """Give a panel a place for every bid, those by size to the right of a line."""
    ax.set_xlim(-0.6, len(report.trials) - 0.4)
    ax.set_xticks(range(len(report.trials)), labels=[report.label(trial) for trial in report.trials])
    ax.get_xticklabels()[report.trials.index(report.reference)].set_fontweight("bold")
    ax.axvline(_sizes(report)[0] - 0.5, color="#BBBBBB", lw=0.8)
    ax.set_xlabel("kept scenarios the bid is made from [number]")
    return ax


def _sizes(report: ValueReport) -> list[int]:
    """Return the places of the bids that differ only in the number of scenarios."""
    own = report.study.bidding
    contenders = [trial.contender for trial in report.trials]
    return [k for k, one in enumerate(contenders) if one.strategy == own and one.keep is not None]


def _profit_panel(ax: Axes, report: ValueReport) -> None:
    """Draw the profit every bid promises over its own scenarios, and the profit it earns in the test."""
    promised = np.array([trial.training for trial in report.trials])
    earned = np.array([trial.test.mean for trial in report.trials])
    error = np.array([trial.test.reach for trial in report.trials])
    color, places = COLORS["profit"], np.arange(len(earned))
    _limits(ax, report, promised, earned - error, earned + error)
    ax.plot(places, promised, "o", ms=6, mfc="white", mec=color, mew=1.2, zorder=3, gid="promised")
    _points(ax, report, earned, error, color, "earned")
    _off_scale(ax, earned, [f"{value:,.0f}" for value in earned])
    count = len(report.reference.profits)
    reading = f"○ expected over its own scenarios   ● mean of {count} test scenarios {PLUS_MINUS}"
    headline(ax, "(a) Promised and earned", reading, y="profit of a day [$]")


def _difference_panel(ax: Axes, report: ValueReport) -> None:
    """Draw the paired difference of every bid's profit to the study's, with its confidence interval."""
    found = [report.difference(trial) for trial in report.trials]
    mean, reach = np.array([one.mean for one in found]), np.array([one.reach for one in found])
    texts = [f"{one.mean:+,.2f}\n± {one.reach:,.2f}".replace("-", "−") for one in found]
    texts[report.trials.index(report.reference)] = "the study's"
    _limits(ax, report, mean - reach, mean + reach, np.zeros_like(mean))
    zero_line(ax)
    _points(ax, report, mean, reach, COLORS["tie_line"], "difference")
    _off_scale(ax, mean, texts)
    low, high = ax.get_ylim()
    for place, (one, text) in enumerate(zip(found, texts, strict=True)):
        if low <= one.mean <= high:
            look: dict[str, Any] = {"fontsize": LABEL_POINTS, "color": ink(COLORS["tie_line"])}
            ax.annotate(text, (place, one.high), (0, 5), textcoords="offset points", ha="center", va="bottom", **look)
    reading = f"paired, with {100 * CONFIDENCE:.0f} % confidence intervals"
    headline(ax, "(b) Earned more than the study's bid", reading, y="difference to the study's [$]")


def _limits(ax: Axes, report: ValueReport, *heights: FloatArray) -> None:
    """Fit the panel to the bids of the study's own strategy, and to another's unless that doubles its range."""
    own = [trial.contender.strategy == report.study.bidding for trial in report.trials]
    everything = np.concatenate(heights)
    shown = np.concatenate([height[own] for height in heights])
    if np.ptp(everything) <= 2 * np.ptp(shown):
        shown = everything
    room = max(float(np.ptp(shown)), 0.02)
    ax.set_ylim(shown.min() - 0.12 * room, shown.max() + 0.3 * room)


def _points(ax: Axes, report: ValueReport, mean: FloatArray, reach: FloatArray, color: str, gid: str) -> None:
    """Draw means with their uncertainty, joined where they differ in size only."""
    places, sizes = np.arange(len(mean)), _sizes(report)
    ax.plot(places[sizes], mean[sizes], color=color, lw=0.9, alpha=0.6)
    ax.errorbar(places, mean, reach, fmt="none", ecolor=color, elinewidth=1.4, capsize=4, capthick=1.4)
    ax.plot(places, mean, "o", ms=5, color=color, mec="white", mew=0.6, zorder=4, gid=gid)


def _off_scale(ax: Axes, mean: FloatArray, texts: Sequence[str]) -> None:
    """Write the value of a mean that lies outside the panel at its edge."""
    low, high = ax.get_ylim()
    for place, (value, text) in enumerate(zip(mean, texts, strict=True)):
        if not low <= value <= high:
            below = value < low
            height, shown, va = (0.03, f"{text}\n▼", "bottom") if below else (0.97, f"▲\n{text}", "top")
            look: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "fontsize": LABEL_POINTS, "color": GREY}
            ax.text(place, height, shown, ha="center", va=va, **look)


def _heading(page: Page, report: ValueReport) -> None:
    study, solution = report.study, report.solution
    who = f"bidding strategy {study.bidding}  ·  hindsight ANM  ·  imbalance rule {study.market.rule.name}"
    found = (
        f"over the {report.reference.contender.keep} kept scenarios:  stochastic bid ${solution.rp:,.2f}"
        f"  ·  VSS ${solution.vss:,.2f}  ·  EVPI ${solution.evpi:,.2f}"
    )
    who += f"  ·  seed {study.seed}"
    page.heading(f"{short_name(study)}: the value of scenarios", who, (found, QUIET))
