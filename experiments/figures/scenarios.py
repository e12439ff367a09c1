"""Page of scenarios against what happened: reliability, memory of the errors, a day, and scores."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.page import QUIET, Margins, Page, short_name
from experiments.figures.style import COLORS, GREY, Label, headline, house_style, ink, margin_labels, tint, zero_line
from experiments.scenario_scores import KINDS, NORMAL, OWN, PROBABILITIES, ScenarioScores

LOOKS = {OWN: ("as in the study", COLORS["tie_line"]), NORMAL: ("normal, independent", COLORS["penalty"])}
"""Name and colour of scenarios by their source."""

PROPER = {"crps_mw": "CRPS", "energy_score_mw": "energy score", "variogram_score": "variogram score"}
BANDS = (0.9, 0.5)
"""Shares of the scenarios in the bands of the day."""


def scenario_figure(found: ScenarioScores) -> Figure:
    """Return the scores of scenarios as a page.

    Parameters
    ----------
    found : ScenarioScores
        From :func:`experiments.scenario_scores.score_scenarios`.
    """
    with house_style():
        page = Page([2.5, 2.2, 1.9], Margins(left=0.95, right=1.7, top=1.15, bottom=0.6), gap=0.85, gutter=0.95)
        _reliability_panel(page.panel(0, "reliability", columns=2), found)
        _memory_panel(page.panel(0, "memory", column=1, columns=2), found)
        _day_panel(page.panel(1, "day"), found)
        _score_panel(page.panel(2, "scores"), found)
        study = found.study
        days = f"{study.days} days" if study.days > 1 else "1 day"
        samples = len(found.drawn[OWN][0]["net"])
        errors = study.uncertainty.errors
        source = f"errors of the {errors.history_days} days before" if errors.source == "history" else "normal errors"
        if errors.source != "history" and errors.correlation_time_h:
            source += f", correlation time {errors.correlation_time_h:g} h"
        page.heading(
            f"{short_name(study)}: scenarios against what happened",
            f"{source}  ·  {samples} scenarios a day  ·  {days}  ·  seed {study.seed}",
            ("net demand: demand of the network less wind and PV, in panels (a) to (c)", QUIET),
        )
    return page.figure


def _reliability_panel(ax: Axes, found: ScenarioScores) -> None:
    ax.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
    for source in found.drawn:
        name, color = LOOKS[source]
        ax.plot(PROBABILITIES, found.reliability(source), "o-", color=color, ms=3, lw=1.2, label=name, gid=source)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the scenarios' quantile")
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    headline(ax, "(a) Reliability", "on the diagonal: reliable", y="share of steps below it")


def _memory_panel(ax: Axes, found: ScenarioScores) -> None:
    happened = found.autocorrelation("actual")
    ax.plot(happened, color=COLORS["demand"], lw=1.6, gid="actual", label="what happened")
    for source in found.drawn:
        name, color = LOOKS[source]
        ax.plot(found.autocorrelation(source), "o-", color=color, ms=3, lw=1.2, label=name, gid=source)
    zero_line(ax)
    ax.set(xlim=(0, len(happened) - 1), xlabel="hours between two errors [h]")
    ax.legend(frameon=False, fontsize=8, loc="upper right")
    headline(ax, "(b) How long errors last", y="correlation")


def _day_panel(ax: Axes, found: ScenarioScores) -> None:
    """Draw the day whose net demand erred most, as the study's scenarios saw it."""
    pairs = zip(found.actual, found.forecast, strict=True)
    day = int(np.argmax([np.abs((one["net"] - other["net"]).mean()) for one, other in pairs]))
    scenarios, color = found.drawn[OWN][day]["net"], LOOKS[OWN][1]
    hours = (np.arange(scenarios.shape[1]) + 1) / found.study.calendar.steps_per_hour
    labels = []
    for share, strength in zip(BANDS, (0.2, 0.45), strict=True):
        lower, upper = np.quantile(scenarios, [(1 - share) / 2, (1 + share) / 2], axis=0)
        ax.fill_between(hours, lower, upper, color=tint(color, strength), lw=0, gid=f"band_{share:g}")
        labels.append(Label(upper[-1], f"{100 * share:.0f} % of scenarios", ink(color)))
    for values, name, dark in (
        (found.forecast[day]["net"][0], "forecast", color),
        (found.actual[day]["net"][0], "what happened", COLORS["demand"]),
    ):
        ax.plot(hours, values, color=dark, lw=1.4)
        labels.append(Label(values[-1], name, dark))
    ax.set_xlim(hours[0], hours[-1])
    ax.set_xlabel("hour of the day (hour ending) [h]")
    margin_labels(ax, labels)
    date = found.study.calendar.times(day + 1)[0]
    when = f", {date.date()}" if found.study.calendar.first_day else ""
    headline(ax, "(c) The day whose mean erred most", f"day {day + 1}{when}", y="net demand [MW]")


def _score_panel(ax: Axes, found: ScenarioScores) -> None:
    if NORMAL not in found.drawn:
        scores = found.scores[OWN]["net"]
        text = "   ".join(f"{name} {scores[key]:.3g}" for key, name in PROPER.items())
        ax.text(0.5, 0.5, f"the study's scenarios are the normal ones: {text}", ha="center", va="center", color=GREY)
        ax.set_axis_off()
        return
    width = 0.8 / len(PROPER)
    for place, (key, name) in enumerate(PROPER.items()):
        change = [100 * _relative(found, kind, key) for kind in KINDS]
        at = np.arange(len(KINDS)) + (place - 1) * width
        bars = ax.bar(
            at, change, 0.92 * width, color=tint(LOOKS[OWN][1], (0.35, 0.65, 1.0)[place]), label=name, gid=key
        )
        ax.bar_label(bars, fmt="{:+.0f} %", fontsize=7, padding=2, color=GREY)
    zero_line(ax, zorder=3)
    ax.margins(y=0.25)
    ax.set_xticks(range(len(KINDS)), labels=list(KINDS.values()))
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.006, 0.5))
    headline(ax, "(d) Scores beside those of normal, independent errors", "below zero: better", y="difference [%]")


def _relative(found: ScenarioScores, kind: str, key: str) -> float:
    """Return how much larger a score of the study's scenarios is than that of normal ones."""
    own, normal = (found.scores[source][kind][key] for source in (OWN, NORMAL))
    return own / normal - 1 if normal else 0.0
