"""Parts of the figures of microgrids and fleets of cars: heading, axes, and their rows of the tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.page import QUIET, Margins, Page
from experiments.figures.style import GREY, LABEL_POINTS, strategy_in_words
from grids.network import FloatArray
from sim.profiles import HOURS_PER_DAY
from sim.study import Study

MARGINS = Margins(left=1.25, right=1.6)
MORE = 0.22
"""More room below named hours. [inch]"""
HOURS = np.arange(1.0, HOURS_PER_DAY + 1)
MOST_SHOWN = 8
"""Largest number of connections drawn one by one; more are drawn as maps and summaries."""


def connection_page(heights: Sequence[float], *, apart: int | None = None, gutter: float = 0.75) -> Page:
    """Return an empty page, with more room above one of its rows, as the hours of the row before are named."""
    return Page(heights, MARGINS, gutter=gutter, apart={} if apart is None else {apart: MORE})


def heading(page: Page, about: str, note: str, study: Study, day: int, bids: pd.DataFrame) -> None:
    """Write the subject of a page, the run it shows, and a note on how to read it."""
    name = study.name if len(study.name) <= 32 else f"{study.name[:31]}…"
    days = f" of {study.days}" if study.days > 1 else ""
    who = f"bidding strategy {strategy_in_words(bids[bids['day'] == day])}  ·  ANM policy {study.policy}"
    who += f"  ·  coordination {study.coordination}  ·  seed {study.seed}"
    page.heading(f"{name}, day {day}{days}: {about}", who, (note, QUIET))


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
