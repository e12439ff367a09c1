"""Checks of cars: each charges during its stays alone, within its power, and leaves with the charge it needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.audit.clock import Clock
from sim.audit.devices import device_group
from sim.audit.limits import STORED_MWH
from sim.audit.records import Records, number, numbers, steps_passed
from sim.audit.report import ONCE, Checker, FloatArray, IntArray, Quantity

POWER_MW, ENERGY_MWH = 1e-9, 1e-8
"""Round-off of powers [MW] and of the energy of a stay, or of a fleet's day [MWh]."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Sessions:
    """Stays of one fleet's cars, and their charging step by step; hours and steps count from the start of the run.

    Attributes
    ----------
    connection : str
        Name of the fleet's connection.
    data : mapping
        The study's data of the fleet.
    device_mw, uncontrolled_mw, today_mwh : array, shape (H,)
        Charging of the fleet as recorded, charging as soon as possible, and energy charged so far this day.
        [MW], [MWh]
    charging_mw : array, shape (H, C)
        Power of every car. [MW]
    car : array, shape (N,)
        Number of the car.
    arrival_h, departure_h, arrival_soc, need_mwh, start_mwh, full : array, shape (N,)
        The columns of the cars table.
    cell_stay, cell_step, room_mwh : array, shape (K,)
        The steps of every stay that lie within the run, one after the other, and the energy it can charge in them.
    clock : Clock
        Days and steps of the run.
    """

    connection: str
    data: Mapping[str, Any]
    device_mw: FloatArray
    uncontrolled_mw: FloatArray
    today_mwh: FloatArray
    charging_mw: FloatArray
    car: IntArray
    arrival_h: FloatArray
    departure_h: FloatArray
    arrival_soc: FloatArray
    need_mwh: FloatArray
    start_mwh: FloatArray
    full: FloatArray
    cell_stay: IntArray
    cell_step: IntArray
    room_mwh: FloatArray
    clock: Clock

    @property
    def names(self) -> list[str]:
        """Name of every stay."""
        return [f"{self.connection}: stay {k} (car {car})" for k, car in enumerate(self.car)]

    @property
    def car_names(self) -> list[str]:
        """Name of every car."""
        return [f"{self.connection}: car {k}" for k in range(self.charging_mw.shape[1])]

    @property
    def cell_mwh(self) -> FloatArray:
        """Energy its car charged in every step of a stay, shape (K,). [MWh]"""
        return np.asarray(self.clock.step_h * self.charging_mw[self.cell_step, self.car[self.cell_stay]])

    def charged_by(self, step: int) -> FloatArray:
        """Return the energy charged in every stay before a step, also before the run, shape (N,). [MWh]"""
        weights = np.where(self.cell_step < step, self.cell_mwh, 0.0)
        return self.start_mwh + np.bincount(self.cell_stay, weights, minlength=len(self.car))

    def per_car(self, values: FloatArray) -> FloatArray:
        """Return values of the steps of stays, summed by step and car, shape (H, C)."""
        total = np.zeros_like(self.charging_mw)
        np.add.at(total, (self.cell_step, self.car[self.cell_stay]), values)
        return total


def fleets(records: Records) -> Iterator[Sessions]:
    """Yield the stays of one connection with cars after the other."""
    clock, group = records.clock, device_group(records, "ev")
    cars, charging = records.lists["cars"], records.lists["charging"]
    connections = [str(records.lists["connections"]["connection"].iloc[m]) for m in group.connections]
    rows_of, used_by = (dict(list(frame.groupby("connection", sort=False))) for frame in (cars, charging))
    for k, (connection, data) in enumerate(zip(connections, group.data, strict=True)):
        sessions, used = (
            rows_of.get(connection, cars.iloc[:0]).sort_values("stay"),
            used_by.get(connection, charging.iloc[:0]),
        )
        count = int(number(data, "cars"))
        power = np.zeros((clock.count, count))
        known = numbers(used, "car").astype(np.int64) % count  # others are told apart in check_cars
        np.add.at(power, (steps_passed(used, clock), known), numbers(used, "p_mw"))
        columns = ("arrival_h", "departure_h", "arrival_soc", "need_mwh", "start_mwh", "full")
        values: dict[str, Any] = {column: numbers(sessions, column) for column in columns}
        yield Sessions(
            connection=connection,
            data=data,
            device_mw=-group.p_mw[:, k],
            uncontrolled_mw=group.available_mw[:, k],
            today_mwh=group.energy_mwh[:, k],
            charging_mw=power,
            car=numbers(sessions, "car").astype(np.int64) % count,
            **values,
            clock=clock,
            **_cells(values["arrival_h"], values["departure_h"], clock, number(data, "max_p_mw")),
        )


def _cells(arrival_h: FloatArray, departure_h: FloatArray, clock: Clock, max_p_mw: float) -> dict[str, Any]:
    """Return the steps of stays that lie within the run, and the energy that can be charged in each. [MWh]"""
    first = np.floor(np.clip(arrival_h * clock.per_hour, 0, clock.count)).astype(np.int64)
    count = np.maximum(np.ceil(np.clip(departure_h * clock.per_hour, 0, clock.count)).astype(np.int64) - first, 0)
    stay = np.repeat(np.arange(len(first)), count)
    step = np.arange(len(stay)) - np.repeat(np.cumsum(count) - count, count) + first[stay]
    begin, end = step / clock.per_hour, (step + 1) / clock.per_hour
    plugged_in = np.minimum(departure_h[stay], end) - np.maximum(arrival_h[stay], begin)
    return {"cell_stay": stay, "cell_step": step, "room_mwh": max_p_mw * np.maximum(plugged_in, 0.0)}


def check_cars(records: Records, checker: Checker) -> None:
    """Check needs, charging and departures of all cars."""
    _check_numbers(records, checker)
    for sessions in fleets(records):
        _check_needs(sessions, checker)
        _check_charging(sessions, checker)
        _check_departures(sessions, checker)
        _check_uncontrolled(sessions, checker)


def _check_numbers(records: Records, checker: Checker) -> None:
    """Check that no car has a number that its fleet does not have, and that stays are numbered one by one."""
    group = device_group(records, "ev")
    most = {
        str(records.lists["connections"]["connection"].iloc[m]): c - 1
        for m, c in zip(group.connections, group["cars"], strict=True)
    }
    for table in ("cars", "charging"):
        frame = records.lists[table]
        car, last = numbers(frame, "car"), numbers(frame.assign(last=frame["connection"].map(most)), "last")
        for row in np.flatnonzero((car < 0) | (car > last) | (car % 1 != 0)).tolist():
            checker.note("car_numbers", f"{table}: {frame['connection'].iloc[row]}", f"there is no car {car[row]:g}")
        checker.checks["car_numbers"] = checker.checks.get("car_numbers", 0) + len(frame)
    sessions = records.lists["cars"]
    expected, of = (
        sessions.groupby("connection").cumcount(),
        Quantity("number of the stay", "", list(sessions["connection"]), ONCE),
    )
    checker.equal("car_numbers", np.sort(numbers(sessions, "stay")), np.sort(expected), of, within=0.0)


def _check_needs(sessions: Sessions, checker: Checker) -> None:
    """Check the need of each car, whether that fills it, and its charge before the run."""
    size, efficiency, power, target, fill = (
        number(sessions.data, name) for name in ("max_e_mwh", "efficiency", "max_p_mw", "target_soc", "start_fill")
    )
    soc, arrival, departure = sessions.arrival_soc, sessions.arrival_h, sessions.departure_h
    of = Quantity("state of charge on arrival", "", sessions.names, ONCE)
    checker.between("car_needs", soc, (0.0, target), of, within=0.0)
    wanted, possible = (target - soc) * size / efficiency, power * (departure - arrival)
    need = np.minimum(wanted, possible)
    checker.equal(
        "car_needs", sessions.need_mwh, need, Quantity("need", "MWh", sessions.names, ONCE), within=ENERGY_MWH
    )
    clear = np.abs(wanted - possible) > ENERGY_MWH
    full = np.where(clear, wanted <= possible, sessions.full)
    checker.equal("car_needs", sessions.full, full, Quantity("full (1: yes)", "", sessions.names, ONCE), within=0.0)
    least = np.maximum(need - power * departure, 0.0)
    most = np.minimum(need, power * np.maximum(-arrival, 0.0))
    start = np.where(arrival < 0, least + fill * (most - least), 0.0)
    before = Quantity("charge before the run", "MWh", sessions.names, ONCE)
    checker.equal("car_needs", sessions.start_mwh, start, before, within=ENERGY_MWH)


def _check_charging(sessions: Sessions, checker: Checker) -> None:
    """Check that cars charge during their stays, one at a time, within their power, and as the fleet says in sum."""
    of = Quantity("charging power", "MW", sessions.car_names)
    checker.at_least("charging_limits", sessions.charging_mw, 0.0, of, within=0.0)
    most = sessions.per_car(sessions.room_mwh) / sessions.clock.step_h
    checker.at_most("charging_limits", sessions.charging_mw, most, of, within=POWER_MW)
    count = Quantity("number of stays", "", sessions.car_names)
    checker.at_most("one_stay_at_a_time", sessions.per_car(np.ones_like(sessions.room_mwh)), 1.0, count, within=0.0)
    total = sessions.charging_mw.sum(axis=1, keepdims=True)
    device = Quantity("charging of all cars", "MW", [sessions.connection])
    checker.equal("charging_sum", total, sessions.device_mw[:, None], device, within=POWER_MW)
    days = np.split(sessions.clock.step_h * total, sessions.clock.first[1:])
    so_far = np.concatenate([np.cumsum(day, axis=0) for day in days])
    today = Quantity("charged so far this day", "MWh", [sessions.connection])
    checker.equal("charging_sum", sessions.today_mwh[:, None], so_far, today, within=ENERGY_MWH)


def _check_departures(sessions: Sessions, checker: Checker) -> None:
    """Check that every car that left within the run had charged its need, and no other one more than that."""
    clock = sessions.clock
    charged, left = sessions.charged_by(clock.count), sessions.departure_h <= clock.hours
    of = Quantity("charge when it left", "MWh", sessions.names, ONCE)
    checker.equal("cars_left", np.where(left, charged, sessions.need_mwh), sessions.need_mwh, of, within=ENERGY_MWH)
    so_far = Quantity("charge at the end of the run", "MWh", sessions.names, ONCE)
    checker.at_most("cars_left", np.where(left, 0.0, charged), sessions.need_mwh, so_far, within=ENERGY_MWH)


def _check_uncontrolled(sessions: Sessions, checker: Checker) -> None:
    """Check the power of charging as soon as possible, the baseline of the compensation."""
    before = np.cumsum(sessions.room_mwh) - sessions.room_mwh
    first = np.searchsorted(sessions.cell_stay, np.arange(len(sessions.car)))
    in_stay = before - np.append(before, 0.0)[first][sessions.cell_stay]
    missing = (sessions.need_mwh - sessions.start_mwh)[sessions.cell_stay]
    soonest = np.clip(missing - in_stay, 0.0, sessions.room_mwh)
    energy_mwh = np.bincount(sessions.cell_step, soonest, minlength=len(sessions.charging_mw))
    of = Quantity("uncontrolled charging", "MW", [sessions.connection])
    checker.equal(
        "uncontrolled",
        sessions.uncontrolled_mw[:, None],
        energy_mwh[:, None] / sessions.clock.step_h,
        of,
        within=ENERGY_MWH,
    )


def check_cars_at_end_of_day(records: Records, checker: Checker) -> None:
    """Check that every fleet ends the days as far between least and most charge as the study demands."""
    last = records.clock.last
    for sessions in fleets(records):
        power, fill = number(sessions.data, "max_p_mw"), number(sessions.data, "start_fill")
        charged, wanted = np.zeros((2, len(last), 1))
        for day, step in enumerate((last + 1).tolist()):
            end = step / sessions.clock.per_hour
            here = (sessions.arrival_h < end) & (sessions.departure_h > end)
            late = np.maximum(sessions.need_mwh - power * (sessions.departure_h - end), 0.0)
            plugged_in = end - np.maximum(sessions.arrival_h, 0.0)
            soon = np.minimum(sessions.need_mwh, sessions.start_mwh + power * plugged_in)
            charged[day] = sessions.charged_by(step)[here].sum()
            wanted[day] = (late + fill * (soon - late))[here].sum()
        of = Quantity("charge of all cars at the end of the day", "MWh", [sessions.connection], last)
        checker.at_least("end_of_day_cars", charged, wanted, of, within=STORED_MWH)
