"""Pages of figures of microgrids and fleets of cars: a heading, and panels row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.style import GREY, LABEL_POINTS, strategy_in_words
from grids.network import FloatArray
from sim.profiles import HOURS_PER_DAY
from sim.study import Study

WIDTH = 11.0
LEFT, RIGHT, TOP, BOTTOM = 1.25, 1.6, 1.13, 0.55
"""Room around the panels. [inch]"""
GAP, MORE, GUTTER = 0.5, 0.22, 0.75
"""Room between rows, more of it below named hours, and room between panels in a row. [inch]"""
HOURS = np.arange(1.0, HOURS_PER_DAY + 1)
MOST_SHOWN = 8
"""Largest number of connections drawn one by one; more are drawn as maps and summaries."""


@dataclass
class Page:
    """Figure whose panels stand in rows.

    Parameters
    ----------
    heights : sequence of float
        Height of every row, from top to bottom. [inch]
    apart : sequence of int
        Rows with more room above them, as the hours of the row before are named.
    gutter : float
        Room between panels in a row. [inch]
    """

    heights: Sequence[float]
    apart: Sequence[int] = ()
    gutter: float = GUTTER
    figure: Figure = field(init=False)

    def __post_init__(self) -> None:
        self.height = TOP + self._end(len(self.heights) - 1) + BOTTOM
        self.figure = Figure(figsize=(WIDTH, self.height))

    def panel(self, row: int, name: str, *, column: int = 0, columns: int = 1) -> Axes:
        """Return an empty panel: one column of the row's, which are equally wide."""
        width = (WIDTH - LEFT - RIGHT - self.gutter * (columns - 1)) / columns
        left = LEFT + column * (width + self.gutter)
        bottom = self.height - TOP - self._end(row)
        box = (left / WIDTH, bottom / self.height, width / WIDTH, self.heights[row] / self.height)
        return self.figure.add_axes(box, label=name)

    def _end(self, row: int) -> float:
        """Return the distance from the first row's top to a row's end. [inch]"""
        return sum(self.heights[: row + 1]) + GAP * row + MORE * sum(one <= row for one in self.apart)

    def heading(self, about: str, note: str, study: Study, day: int, bids: pd.DataFrame) -> None:
        """Write the subject of the page, the run it shows, and a note on how to read it."""
        name = study.name if len(study.name) <= 32 else f"{study.name[:31]}…"
        days = f" of {study.days}" if study.days > 1 else ""
        today = bids[bids["day"] == day]
        who = f"bidding strategy {strategy_in_words(today)}  ·  ANM policy {study.policy}"
        who += f"  ·  coordination {study.coordination}"
        lines = (
            (0.30, f"{name}, day {day}{days}: {about}", {"fontsize": 15, "fontweight": "bold"}),
            (0.53, f"{who}  ·  seed {study.seed}", {"fontsize": 9.5}),
            (0.71, note, {"fontsize": LABEL_POINTS, "color": GREY}),
        )
        for below, text, look in lines:
            self.figure.text(0.72 / WIDTH, 1 - below / self.height, text, va="center", **look)


def hour_axis(ax: Axes, *, every: int = 1, named: bool = True) -> None:
    """Give a panel the hours of a day; every so many of them are numbered."""
    shown = HOURS[every - 1 :: every]
    ax.set_xlim(0.5, HOURS_PER_DAY + 0.5)
    ax.set_xticks(shown, labels=[f"{hour:.0f}" for hour in shown])
    ax.tick_params(labelsize=7.5, length=2.5)
    if named:
        ax.set_xlabel("hour of the day (hour ending) [h]", labelpad=2)


def power_axis(ax: Axes, label: str = "power [MW]") -> None:
    """Give a panel a power axis with a line at zero."""
    ax.axhline(0, color="#444444", lw=0.8, zorder=4)
    ax.set_ylabel(label)
    ax.grid(axis="y")


def same_scale(axes: Mapping[str, Axes]) -> None:
    """Give the panels of connections of one kind the same scale; say where it is not that of the first."""
    groups: dict[str, list[Axes]] = {}
    for connection, ax in axes.items():
        groups.setdefault(connection.rpartition("_")[0], []).append(ax)
    for k, group in enumerate(groups.values()):
        low, high = min(ax.get_ylim()[0] for ax in group), max(ax.get_ylim()[1] for ax in group)
        for ax in group:
            ax.set_ylim(low, high)
            if k and not ax.get_title("right"):
                ax.set_title("other scale", loc="right", fontsize=LABEL_POINTS, color=GREY, pad=5)


def in_words(connection: str) -> str:
    """Return the name of a connection as it is written in figures."""
    return connection.replace("ev_aggregator", "EV aggregator").replace("_", " ")


def rows_of(tables: Mapping[str, pd.DataFrame], day: int, *names: str) -> list[pd.DataFrame]:
    """Return a day's rows of tables.

    Raises
    ------
    ValueError
        If the day is not in the tables, or nothing was exchanged on it.
    """
    days = tables["trades"]["day"]
    if day not in set(days):
        raise ValueError(f"day {day}: no exchange with microgrids is in the tables")
    return [tables[name][tables[name]["day"] == day] for name in names]


def by_hour(rows: pd.DataFrame, column: str, connections: Sequence[str]) -> FloatArray:
    """Return a column of one row per hour and connection, shape (24, connections); NaN where there is no row."""
    table = rows.pivot(index="hour", columns="connection", values=column)
    found: FloatArray = table.reindex(index=range(1, HOURS_PER_DAY + 1), columns=list(connections)).to_numpy(
        np.float64
    )
    return found


def of_device(devices: pd.DataFrame, device: str, column: str, connections: Sequence[str]) -> FloatArray:
    """Return a quantity of a kind of device, shape (24, connections); 0 where there is none."""
    return np.nan_to_num(by_hour(devices[devices["device"] == device], column, connections))
