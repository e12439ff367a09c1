"""A fleet of cars over a day from the tables: charging envelope, actual charging, uncontrolled charging."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.figures.connection_day import ConnectionDay
from grids.components import EvFleet
from grids.network import Connection, FloatArray
from sim.ev_fleet import Charging, ChargingSessions

NARROW_MWH = 1e-4
"""Width of an envelope below which it leaves nothing to choose. [MWh]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class FleetDay:
    """Day of a fleet, or the sum of several.

    Attributes
    ----------
    cars : int
        Number of cars.
    least_mwh, most_mwh, charged_mwh : array, shape (T + 1,)
        Energy from the start of the day on: charged as late as possible, as soon as possible, and in fact. [MWh]
    due_mwh : float
        Energy to be charged by the end of the day; a fleet that has fallen behind may miss it. [MWh]
    p_mw, uncontrolled_mw : array, shape (T,)
        Charging power, and that of charging as soon as possible throughout the run. [MW]
    """

    cars: int
    least_mwh: FloatArray
    most_mwh: FloatArray
    charged_mwh: FloatArray
    due_mwh: float
    p_mw: FloatArray
    uncontrolled_mw: FloatArray

    @property
    def place(self) -> FloatArray:
        """Place in the envelope at the end of each step, shape (T,): 0 latest, 1 earliest charging, NaN no choice."""
        room = self.most_mwh - self.least_mwh
        with np.errstate(divide="ignore", invalid="ignore"):
            place: FloatArray = np.where(room > NARROW_MWH, (self.charged_mwh - self.least_mwh) / room, np.nan)[1:]
        return place


def fleets_of_day(shown: ConnectionDay) -> dict[str, FleetDay]:
    """Return the day of every fleet, by the names of the connections."""
    owners = [connection for connection in shown.connections if connection.microgrid.ev]
    names = [connection.name for connection in owners]
    p_mw, uncontrolled = -shown.of_device("ev", "p_mw", names), shown.of_device("ev", "available_mw", names)
    return {one.name: _fleet_day(shown, one, p_mw[:, k], uncontrolled[:, k]) for k, one in enumerate(owners)}


def together(fleets: Sequence[FleetDay]) -> FleetDay:
    """Return the sum of fleets."""
    names = ("least_mwh", "most_mwh", "charged_mwh", "p_mw", "uncontrolled_mw")
    sums = {name: np.sum([getattr(fleet, name) for fleet in fleets], axis=0) for name in names}
    return FleetDay(cars=sum(f.cars for f in fleets), due_mwh=sum(f.due_mwh for f in fleets), **sums)


def _charging_before(shown: ConnectionDay, connection: str, fleet: EvFleet) -> Charging:
    """Return a fleet as it was when the day began, from its stays and the charging on earlier days."""
    rows, done = (
        table[table["connection"] == connection] for table in (shown.tables["cars"], shown.tables["charging"])
    )
    columns = ("car", "arrival_h", "departure_h", "arrival_soc", "need_mwh", "start_mwh", "full")
    sessions = {name: rows[name].to_numpy() for name in columns}
    days, calendar = shown.instance.study.days, shown.instance.calendar
    cars = ChargingSessions(cars=fleet.cars, days=days, max_p_mw=fleet.max_p_mw, calendar=calendar, **sessions)
    charging = Charging(cars)
    for (one, hour), charged in done[done["day"] < shown.day].groupby(["day", "hour"]):
        power = np.zeros(fleet.cars)
        power[charged["car"].to_numpy()] = charged["p_mw"].to_numpy()
        charging.charge(calendar.steps_before(one) + round(hour * calendar.steps_per_hour) - 1, power)
    return charging


def _fleet_day(shown: ConnectionDay, connection: Connection, p_mw: FloatArray, uncontrolled: FloatArray) -> FleetDay:
    fleet = connection.microgrid.ev
    assert fleet is not None
    charging, calendar = _charging_before(shown, connection.name, fleet), shown.instance.calendar
    first, steps = calendar.steps_before(shown.day), calendar.steps(shown.day)
    free = charging.envelope(first, steps)
    bound = charging.envelope(first, steps, end_fill=fleet.start_fill)
    return FleetDay(
        cars=fleet.cars,
        least_mwh=np.append(0.0, free.min_mwh),
        most_mwh=np.append(0.0, free.max_mwh),
        charged_mwh=np.append(0.0, np.cumsum(p_mw) * calendar.step_h),
        due_mwh=float(bound.min_mwh[-1]),
        p_mw=p_mw,
        uncontrolled_mw=uncontrolled,
    )
