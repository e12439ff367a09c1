"""Figure of the charging of cars: between as late and as soon as possible, and beside uncontrolled charging."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.figures.connection_map import Scale, connection_map, map_height
from experiments.figures.connection_page import (
    HOURS,
    MOST_SHOWN,
    connection_page,
    heading,
    hour_axis,
    in_words,
    rows_of,
    same_scale,
)
from experiments.figures.fleet_record import FleetDay, fleets_of_day, together
from experiments.figures.page import Page
from experiments.figures.style import COLORS, headline, hour_edges, house_style, tint, write_key
from sim.instance import Instance

OLIVE = COLORS["ev_aggregator"]
DARK = tint(OLIVE, 1.35)


def cars_figure(tables: Mapping[str, pd.DataFrame], instance: Instance, *, day: int = 1) -> Figure:
    """Return the charging of all fleets of cars over a day as a figure.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger of the run.
    instance : Instance
        Of the run, with at least one fleet of cars.
    day : int
        Market day, counted from 1.

    Raises
    ------
    ValueError
        If nothing was exchanged on that day, or there are no cars.
    """
    rows_of(tables, day)
    fleets = fleets_of_day(tables, instance, day)
    if not fleets:
        raise ValueError("no connection has cars")
    few = len(fleets) <= MOST_SHOWN
    with house_style():
        page = connection_page(
            [2.1, *([1.2] * len(fleets) if few else [map_height(len(fleets))])], gutter=0.75 if few else 1.95
        )
        total = together(list(fleets.values()))
        _fleet_row(page, 0, f"(a) All {len(fleets)} fleets, {total.cars:,} cars", total)
        if few:
            _each(page, fleets)
        else:
            _maps(page, fleets)
        note = "measured at the grid; energy at the end of each hour, counted from the start of the day"
        heading(page, "charging of cars", note, instance.study, day, tables["bids"])
    return page.figure


def _each(page: Page, fleets: Mapping[str, FleetDay]) -> None:
    """Draw the fleets one below the other, those of one kind on the same scale."""
    drawn = []
    for row, (name, fleet) in enumerate(fleets.items(), start=1):
        letter = "(b) " if row == 1 else ""
        drawn.append(_fleet_row(page, row, f"{letter}{in_words(name)}, {fleet.cars:,} cars", fleet))
    for side in zip(*drawn, strict=True):
        same_scale(dict(zip(fleets, side, strict=True)))
    for ax in drawn[-1]:
        hour_axis(ax, every=2)


def _fleet_row(page: Page, row: int, title: str, fleet: FleetDay) -> tuple[Axes, Axes]:
    """Draw energy on the left and power on the right."""
    energy = page.panel(row, f"energy{row}", column=0, columns=2)
    power = page.panel(row, f"power{row}", column=1, columns=2)
    _energy_panel(energy, fleet)
    _power_panel(power, fleet)
    headline(energy, title)
    headline(power, "", f"charged {fleet.p_mw.sum():.2f} MWh, uncontrolled {fleet.uncontrolled_mw.sum():.2f} MWh")
    for ax in (energy, power):
        hour_axis(ax, every=2, named=False)
    if row == 0:
        write_key(power, _key())
    return energy, power


def _energy_panel(ax: Axes, fleet: FleetDay) -> None:
    times = hour_edges(HOURS)
    name = ax.get_label()
    ax.fill_between(times, fleet.least_mwh, fleet.most_mwh, color=tint(OLIVE, 0.3), lw=0, gid=f"{name}_envelope")
    for values in (fleet.least_mwh, fleet.most_mwh):
        ax.plot(times, values, color=tint(OLIVE, 0.8), lw=0.8)
    ax.plot(times, fleet.charged_mwh, color=DARK, lw=1.8, gid=f"{name}_charged")
    ax.plot(
        times[-1:], [fleet.due_mwh], "_", color="black", ms=11, mew=1.8, clip_on=False, zorder=6, gid=f"{name}_due"
    )
    ax.set_ylim(0, 1.06 * max(float(fleet.most_mwh[-1]), 1e-3))
    ax.set_ylabel("charged [MWh]")
    ax.grid(axis="y")


def _power_panel(ax: Axes, fleet: FleetDay) -> None:
    edges, name = hour_edges(HOURS), ax.get_label()
    ax.stairs(fleet.p_mw, edges, fill=True, color=tint(OLIVE, 0.75), lw=0, gid=f"{name}_actual")
    ax.stairs(fleet.uncontrolled_mw, edges, baseline=None, color=COLORS["penalty"], lw=1.3, gid=f"{name}_uncontrolled")
    ax.set_ylim(0, 1.08 * max(float(fleet.p_mw.max()), float(fleet.uncontrolled_mw.max()), 1e-4))
    ax.set_ylabel("power [MW]")
    ax.grid(axis="y")


def _key() -> list[Artist]:
    return [
        Line2D([], [], color=COLORS["penalty"], lw=1.3, label="uncontrolled"),
        Patch(color=tint(OLIVE, 0.75), label="charging power"),
        Line2D([], [], color=DARK, lw=1.8, label="charged so far"),
        Patch(fc=tint(OLIVE, 0.3), ec=tint(OLIVE, 0.8), lw=0.8, label="from as late to as\nsoon as possible"),
        Line2D([], [], color="black", lw=0, marker="_", ms=11, mew=1.8, label="to be reached by\nmidnight"),
    ]


def _maps(page: Page, fleets: Mapping[str, FleetDay]) -> None:
    """Draw the place in the envelope, and the power above uncontrolled charging, fleet by fleet."""
    names = list(fleets)
    place = 100 * np.stack([fleet.place for fleet in fleets.values()], axis=1)
    more = np.stack([fleet.p_mw - fleet.uncontrolled_mw for fleet in fleets.values()], axis=1)
    reach = max(float(np.abs(more).max()), 1e-3)
    left = page.panel(1, "place", column=0, columns=2)
    connection_map(left, place, names, Scale("0 as late, 100 as soon as possible [%]", 0, 100, "YlGn"), narrow=True)
    right = page.panel(1, "moved", column=1, columns=2)
    connection_map(right, more, names, Scale("power [MW]", -reach, reach), narrow=True)
    headline(left, "(b) Where in its envelope each fleet is")
    headline(right, "(c) More (+) or less than uncontrolled")
