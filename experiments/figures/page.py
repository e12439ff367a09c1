"""Pages of figures: a heading, panels row by row, placed in inches, and the axis of the hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.style import GREY, LABEL_POINTS, hour_edges
from grids.network import FloatArray
from sim.calendar import Calendar
from sim.study import Study

WIDTH = 11.0
QUIET: dict[str, Any] = {"fontsize": LABEL_POINTS, "color": GREY}
LIMITS_KEPT = {"fontsize": LABEL_POINTS, "gid": "limits"}
"""Looks of the lines below a heading."""
HOUR_LABEL = "hour of the day (hour ending) [h]"
COLUMN_LABEL = 0.46
"""Distance of the names of the upward axes to the left of all panels, which share it. [inch]"""


class Margins(NamedTuple):
    """Room around the panels of a page. [inch]"""

    left: float = 0.95
    right: float = 1.6
    top: float = 1.28
    bottom: float = 0.5


USUAL = Margins()


@dataclass
class Page:
    """Figure whose panels stand in rows.

    Parameters
    ----------
    heights : sequence of float
        Height of every row, from top to bottom. [inch]
    margins : Margins
        Room around them.
    gap, gutter : float
        Room between rows, and between panels in a row. [inch]
    apart : mapping of int to float
        More room above some rows. [inch]
    width : float
        Width of the page. [inch]
    """

    heights: Sequence[float]
    margins: Margins = USUAL
    gap: float = 0.45
    gutter: float = 0.85
    apart: Mapping[int, float] = field(default_factory=dict)
    width: float = WIDTH
    figure: Figure = field(init=False)

    def __post_init__(self) -> None:
        self.height = self.margins.top + self._end(len(self.heights) - 1) + self.margins.bottom
        self.figure = Figure(figsize=(self.width, self.height))

    def panel(self, row: int, name: str, *, column: int = 0, columns: int = 1) -> Axes:
        """Return an empty panel: one column of the row's, which are equally wide."""
        inner = self.width - self.margins.left - self.margins.right
        width = (inner - self.gutter * (columns - 1)) / columns
        left = self.margins.left + column * (width + self.gutter)
        bottom = self.height - self.margins.top - self._end(row)
        box = (left / self.width, bottom / self.height, width / self.width, self.heights[row] / self.height)
        ax = self.figure.add_axes(box, label=name)
        ax.tick_params(labelsize=7.5, length=2.5)
        if columns == 1:
            ax.yaxis.set_label_coords(-COLUMN_LABEL / inner, 0.5)
        return ax

    def column(self, names: Sequence[str]) -> dict[str, Axes]:
        """Return a panel in every row, by name."""
        return {name: self.panel(row, name) for row, name in enumerate(names)}

    def _end(self, row: int) -> float:
        """Return the distance from the first row's top to a row's end. [inch]"""
        return sum(self.heights[: row + 1]) + self.gap * row + sum(self.apart[k] for k in self.apart if k <= row)

    def heading(self, title: str, who: str, *lines: tuple[str, Mapping[str, Any]]) -> None:
        """Write the title of the page, who decides in it, and lines of some look below, TeX as it stands."""
        looks: list[tuple[str, Mapping[str, Any]]] = [
            (title, {"fontsize": 15, "fontweight": "bold"}),
            (who, {"fontsize": 9.5}),
            *lines,
        ]
        left = self.margins.left / self.width
        for place, (text, look) in zip((0.30, 0.53, 0.71, 0.89), looks, strict=False):
            self.figure.text(left, 1 - place / self.height, text, va="center", parse_math=False, **look)


@dataclass(frozen=True, eq=False)
class DaySteps:
    """Steps of a day along the axis of its hours: hours stand around their number, shorter steps where they pass.

    Parameters
    ----------
    calendar : Calendar
        Calendar of the run.
    day : int
        Market day, counted from 1.
    """

    calendar: Calendar
    day: int

    @property
    def step_h(self) -> float:
        """Length of a step. [h]"""
        return self.calendar.step_h

    @property
    def name(self) -> str:
        """Name of a step in messages."""
        return self.calendar.step_name

    @property
    def hourly(self) -> bool:
        """Return whether the steps are hours."""
        return self.step_h == 1

    @cached_property
    def places(self) -> FloatArray:
        """Middles of the steps on the axis, shape (T,). [h]"""
        return places_of(self.calendar.hour_ending(self.day).astype(np.float64), self.step_h)

    @cached_property
    def edges(self) -> FloatArray:
        """Borders of the steps on the axis, shape (T + 1,). [h]"""
        return hour_edges(self.places)


def places_of(hours: FloatArray, step_h: float) -> FloatArray:
    """Return the middles of steps on an axis of hours from the hours in which they end. [h]"""
    return hours if step_h == 1 else hours - step_h / 2


def hour_label(calendar: Calendar, label: str = HOUR_LABEL) -> str:
    """Return the name of an axis of hours, which are numbered by their end, or if steps are shorter at their ends."""
    return label if calendar.step_h == 1 else label.replace(" (hour ending)", "")


def hour_axis(ax: Axes, steps: DaySteps, *, every: int = 1, named: bool = True) -> None:
    """Give a panel the hours of a day; every so many of them are numbered."""
    shown = np.arange(every if steps.hourly else 0, steps.calendar.hours(steps.day) + 0.5, every)
    ax.set_xlim(steps.edges[0], steps.edges[-1])
    ax.set_xticks(shown, labels=[f"{hour:.0f}" for hour in shown])
    ax.tick_params(axis="x", pad=2)
    if named:
        ax.set_xlabel(hour_label(steps.calendar) + _clock_change(steps), labelpad=2)


def _clock_change(steps: DaySteps) -> str:
    """Return in words when and how the clock of a day changes, or nothing."""
    if steps.calendar.hours(steps.day) == 24:
        return ""
    times = steps.calendar.times(steps.day)
    wall = times.tz_localize(None)
    moved = wall[1:] - wall[:-1]
    step = int(np.flatnonzero(moved != np.median(moved))[0])
    after, before = wall[step + 1], wall[step] + np.median(moved)
    return f"; after {(step + 1) * steps.step_h:g} h the clock went from {before:%H:%M} to {after:%H:%M}"


def title_of_day(study: Study, day: int) -> str:
    """Return name and day of a run as a title."""
    return f"{short_name(study)}, day {day}" + (f" of {study.days}" if study.days > 1 else "")


def who_decides(study: Study, tables: Mapping[str, pd.DataFrame]) -> str:
    """Return strategy, policy, coordination, rule and seed of a run in words, with the number of fallbacks."""
    used, asked = (", ".join(tables["bids"][name].drop_duplicates()) for name in ("strategy", "asked"))
    strategy = used if used == asked else f"{used} (asked for: {asked})"
    parts = [f"bidding strategy {strategy}", f"ANM policy {study.policy}"]
    if len(tables["trades"]):
        parts.append(f"coordination {study.coordination}")
    parts += [f"imbalance rule {study.market.rule.name}", f"seed {study.seed}"]
    if fallbacks := int(np.count_nonzero(tables["decisions"]["policy"] != study.policy)):
        parts.append(f"a fallback policy decided in {fallbacks:,} {study.calendar.step_name}s")
    return "  ·  ".join(parts)


def short_name(study: Study) -> str:
    """Return the name of a study, cut where it is too long for a heading."""
    return study.name if len(study.name) <= 32 else f"{study.name[:31]}…"
