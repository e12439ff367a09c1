"""Figure of the charging of cars: between as late and as soon as possible, and beside uncontrolled charging."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures.connection_day import ConnectionDay, same_scale
from experiments.figures.fleet_record import FleetDay, fleets_of_day, together
from experiments.figures.maps import MOST_SHOWN, Scale, connection_map, in_words, map_height
from experiments.figures.page import DaySteps, Page, hour_axis
from experiments.figures.style import COLORS, headline, house_style, tint, write_key

OLIVE = COLORS["ev_aggregator"]


def cars_figure(shown: ConnectionDay) -> Figure:
    """Return the charging of all fleets of cars over a day as a figure.

    Raises
    ------
    ValueError
        If there are no cars.
    """
    fleets = fleets_of_day(shown)
    if not fleets:
        raise ValueError("no connection has cars")
    few = len(fleets) <= MOST_SHOWN
    heights = [2.1, *([1.2] * len(fleets) if few else [map_height(len(fleets))])]
    with house_style():
        note = f"measured at the grid; energy at the end of each {shown.steps.name}, counted from the start of the day"
        page = shown.page("charging of cars", note, heights, gutter=0.85 if few else 1.95)
        total = together(list(fleets.values()))
        _fleet_row(page, 0, "(a) ", f"All {len(fleets)} fleets", total, shown.steps)
        if few:
            rows = [
                _fleet_row(page, row, "(b) " * (row == 1), in_words(name), fleet, shown.steps)
                for row, (name, fleet) in enumerate(fleets.items(), start=1)
            ]
            for side in zip(*rows, strict=True):
                same_scale(dict(zip(fleets, side, strict=True)))
            for ax in rows[-1]:
                hour_axis(ax, shown.steps, every=2)
        else:
            _maps(page, fleets, shown.steps)
    return page.figure


def _fleet_row(page: Page, row: int, letter: str, name: str, fleet: FleetDay, steps: DaySteps) -> tuple[Axes, Axes]:
    """Draw energy on the left and power on the right; the key, which holds both, beside the first row."""
    energy = page.panel(row, f"energy{row}", column=0, columns=2)
    power = page.panel(row, f"power{row}", column=1, columns=2)
    _energy_panel(energy, fleet, steps)
    _power_panel(power, fleet, steps)
    headline(energy, f"{letter}{name}, {fleet.cars:,} cars", y="energy charged\nby then [MWh]")
    charged, uncontrolled = (steps.step_h * power.sum() for power in (fleet.p_mw, fleet.uncontrolled_mw))
    finding = f"{charged:.2f}, uncontrolled {uncontrolled:.2f} MWh"
    headline(power, "All: power" if row == 0 else f"{name}: power", finding, y="charging\npower [MW]")
    for ax in (energy, power):
        hour_axis(ax, steps, every=2, named=False)
    if row == 0:
        write_key(power, energy)
    return energy, power


def _energy_panel(ax: Axes, fleet: FleetDay, steps: DaySteps) -> None:
    times, name = steps.edges, ax.get_label()
    between: dict[str, Any] = {
        "fc": tint(OLIVE, 0.3),
        "ec": tint(OLIVE, 0.8),
        "lw": 0.8,
        "label": "from as late to as\nsoon as possible",
    }
    ax.fill_between(times, fleet.least_mwh, fleet.most_mwh, gid=f"{name}_envelope", **between)
    ax.plot(times, fleet.charged_mwh, color=tint(OLIVE, 1.35), lw=1.8, label="charged so far", gid=f"{name}_charged")
    due: dict[str, Any] = {"color": "black", "ms": 11, "mew": 1.8, "clip_on": False, "zorder": 6, "lw": 0}
    ax.plot(times[-1:], [fleet.due_mwh], marker="_", label="to be reached by\nmidnight", gid=f"{name}_due", **due)
    ax.set_ylim(0, 1.06 * max(float(fleet.most_mwh[-1]), 1e-3))


def _power_panel(ax: Axes, fleet: FleetDay, steps: DaySteps) -> None:
    edges, name = steps.edges, ax.get_label()
    filled: dict[str, Any] = {"fill": True, "color": tint(OLIVE, 0.75), "lw": 0, "label": "charging power"}
    ax.stairs(fleet.p_mw, edges, gid=f"{name}_actual", **filled)
    line: dict[str, Any] = {
        "baseline": None,
        "color": COLORS["penalty"],
        "lw": 1.3,
        "label": "uncontrolled: as soon\nas possible",
    }
    ax.stairs(fleet.uncontrolled_mw, edges, gid=f"{name}_uncontrolled", **line)
    ax.set_ylim(0, 1.08 * max(float(fleet.p_mw.max()), float(fleet.uncontrolled_mw.max()), 1e-4))


def _maps(page: Page, fleets: Mapping[str, FleetDay], steps: DaySteps) -> None:
    """Draw the place in the envelope, and the power above uncontrolled charging, fleet by fleet."""
    names = list(fleets)
    place = 100 * np.stack([fleet.place for fleet in fleets.values()], axis=1)
    more = np.stack([fleet.p_mw - fleet.uncontrolled_mw for fleet in fleets.values()], axis=1)
    reach = max(float(np.abs(more).max()), 1e-3)
    left = page.panel(1, "place", column=0, columns=2)
    choice = Scale("0 as late, 100 as soon as possible [%]", 0, 100, "YlGn")
    connection_map(left, place, names, choice, steps, narrow=True)
    right = page.panel(1, "moved", column=1, columns=2)
    connection_map(right, more, names, Scale("charging power [MW]", -reach, reach), steps, narrow=True)
    headline(left, "(b) Where in its envelope each fleet is")
    headline(right, "(c) More (+) or less than uncontrolled")
