"""Cars: each charges during its stays alone, no faster than it can, and leaves with what it needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.audit.devices import device_group
from sim.audit.layout import HOURS_PER_DAY
from sim.audit.limits import STORED_MWH
from sim.audit.records import Records, hours_passed, number, numbers
from sim.audit.report import ONCE, FloatArray, IntArray, Sheet, Subject

POWER_MW, ENERGY_MWH = 1e-9, 1e-8
"""Round-off of powers [MW] and of the energy of a stay, or of a fleet's day [MWh]."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Stays:
    """The stays of one fleet's cars, and hour by hour what they charged; hours count from the start of the run.

    Attributes
    ----------
    port : str
        Where they charge.
    data : mapping
        The study's data of the fleet.
    device_mw, uncontrolled_mw, today_mwh : array, shape (H,)
        What the fleet says it charged, would have charged as soon as possible, and has charged so far this day. [MW],
        [MWh]
    charging_mw : array, shape (H, C)
        Power of every car. [MW]
    car : array, shape (N,)
        Whose stay it is.
    arrival_h, departure_h, arrival_soc, need_mwh, start_mwh, full : array, shape (N,)
        The columns of the cars table.
    cell_stay, cell_hour, room_mwh : array, shape (K,)
        The hours of every stay that lie within the run, one after the other, and what it can charge in them.
    """

    port: str
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
    cell_hour: IntArray
    room_mwh: FloatArray

    @property
    def names(self) -> list[str]:
        """Name of every stay."""
        return [f"{self.port}: stay {k} (car {car})" for k, car in enumerate(self.car)]

    @property
    def car_names(self) -> list[str]:
        """Name of every car."""
        return [f"{self.port}: car {k}" for k in range(self.charging_mw.shape[1])]

    @property
    def cell_mwh(self) -> FloatArray:
        """What its car charged in every hour of a stay, shape (K,). [MWh]"""
        return np.asarray(self.charging_mw[self.cell_hour, self.car[self.cell_stay]])

    def charged_by(self, end_h: float) -> FloatArray:
        """Return what every stay charged until a full hour, with what was charged before the run, shape (N,). [MWh]"""
        weights = np.where(self.cell_hour < end_h, self.cell_mwh, 0.0)
        return self.start_mwh + np.bincount(self.cell_stay, weights, minlength=len(self.car))

    def per_car(self, values: FloatArray) -> FloatArray:
        """Return values of the hours of stays, summed by hour and car, shape (H, C)."""
        total = np.zeros_like(self.charging_mw)
        np.add.at(total, (self.cell_hour, self.car[self.cell_stay]), values)
        return total


def fleets(records: Records) -> Iterator[Stays]:
    """Yield the stays of one port with cars after the other."""
    hours, group = records.days * HOURS_PER_DAY, device_group(records, "ev")
    cars, charging = records.lists["cars"], records.lists["charging"]
    ports = [str(records.lists["ports"]["port"].iloc[m]) for m in group.ports]
    rows_of, used_by = (dict(list(frame.groupby("port", sort=False))) for frame in (cars, charging))
    for k, (port, data) in enumerate(zip(ports, group.data, strict=True)):
        stays, used = rows_of.get(port, cars.iloc[:0]).sort_values("stay"), used_by.get(port, charging.iloc[:0])
        count = int(number(data, "cars"))
        power = np.zeros((hours, count))
        known = numbers(used, "car").astype(np.int64) % count  # others are told apart in check_cars
        np.add.at(power, (hours_passed(used, records.days), known), numbers(used, "p_mw"))
        columns = ("arrival_h", "departure_h", "arrival_soc", "need_mwh", "start_mwh", "full")
        values: dict[str, Any] = {column: numbers(stays, column) for column in columns}
        yield Stays(
            port=port,
            data=data,
            device_mw=-group.p_mw[:, k],
            uncontrolled_mw=group.available_mw[:, k],
            today_mwh=group.energy_mwh[:, k],
            charging_mw=power,
            car=numbers(stays, "car").astype(np.int64) % count,
            **values,
            **_cells(values["arrival_h"], values["departure_h"], hours, number(data, "max_p_mw")),
        )


def _cells(arrival_h: FloatArray, departure_h: FloatArray, hours: int, max_p_mw: float) -> dict[str, Any]:
    """Return the hours of stays that lie within the run, and what can be charged in each."""
    first = np.floor(np.clip(arrival_h, 0, hours)).astype(np.int64)
    count = np.maximum(np.ceil(np.clip(departure_h, 0, hours)).astype(np.int64) - first, 0)
    stay = np.repeat(np.arange(len(first)), count)
    hour = np.arange(len(stay)) - np.repeat(np.cumsum(count) - count, count) + first[stay]
    plugged_in = np.minimum(departure_h[stay], hour + 1) - np.maximum(arrival_h[stay], hour)
    return {"cell_stay": stay, "cell_hour": hour, "room_mwh": max_p_mw * np.maximum(plugged_in, 0.0)}


def check_cars(records: Records, sheet: Sheet) -> None:
    """Check needs, charging and departures of all cars."""
    _check_numbers(records, sheet)
    for stays in fleets(records):
        _check_needs(stays, sheet)
        _check_charging(stays, sheet)
        _check_departures(stays, sheet)
        _check_uncontrolled(stays, sheet)


def _check_numbers(records: Records, sheet: Sheet) -> None:
    """Check that no car has a number that its fleet does not have, and that stays are numbered one by one."""
    group = device_group(records, "ev")
    most = {
        str(records.lists["ports"]["port"].iloc[m]): c - 1 for m, c in zip(group.ports, group["cars"], strict=True)
    }
    for table in ("cars", "charging"):
        frame = records.lists[table]
        car, last = numbers(frame, "car"), numbers(frame.assign(last=frame["port"].map(most)), "last")
        for row in np.flatnonzero((car < 0) | (car > last) | (car % 1 != 0)).tolist():
            sheet.note("car_numbers", f"{table}: {frame['port'].iloc[row]}", f"there is no car {car[row]:g}")
        sheet.checks["car_numbers"] = sheet.checks.get("car_numbers", 0) + len(frame)
    stays = records.lists["cars"]
    expected, of = stays.groupby("port").cumcount(), Subject("number of the stay", "", list(stays["port"]), ONCE)
    sheet.equal("car_numbers", np.sort(numbers(stays, "stay")), np.sort(expected), of, within=0.0)


def _check_needs(stays: Stays, sheet: Sheet) -> None:
    """Check what each car needs, whether that fills it, and what it had charged before the run."""
    size, efficiency, power, target, fill = (
        number(stays.data, name) for name in ("max_e_mwh", "efficiency", "max_p_mw", "target_soc", "start_fill")
    )
    soc, arrival, departure = stays.arrival_soc, stays.arrival_h, stays.departure_h
    of = Subject("state of charge on arrival", "", stays.names, ONCE)
    sheet.at_least("car_needs", soc, 0.0, of, within=0.0)
    sheet.at_most("car_needs", soc, target, of, within=0.0)
    wanted, possible = (target - soc) * size / efficiency, power * (departure - arrival)
    need = np.minimum(wanted, possible)
    sheet.equal("car_needs", stays.need_mwh, need, Subject("need", "MWh", stays.names, ONCE), within=ENERGY_MWH)
    clear = np.abs(wanted - possible) > ENERGY_MWH
    full = np.where(clear, wanted <= possible, stays.full)
    sheet.equal("car_needs", stays.full, full, Subject("full (1: yes)", "", stays.names, ONCE), within=0.0)
    least = np.maximum(need - power * departure, 0.0)
    most = np.minimum(need, power * np.maximum(-arrival, 0.0))
    start = np.where(arrival < 0, least + fill * (most - least), 0.0)
    before = Subject("charge before the run", "MWh", stays.names, ONCE)
    sheet.equal("car_needs", stays.start_mwh, start, before, within=ENERGY_MWH)


def _check_charging(stays: Stays, sheet: Sheet) -> None:
    """Check that cars charge during their stays, one at a time, within their power, and as the fleet says in sum."""
    of = Subject("charging power", "MW", stays.car_names)
    sheet.at_least("charging_limits", stays.charging_mw, 0.0, of, within=0.0)
    sheet.at_most("charging_limits", stays.charging_mw, stays.per_car(stays.room_mwh), of, within=POWER_MW)
    count = Subject("number of stays", "", stays.car_names)
    sheet.at_most("one_stay_at_a_time", stays.per_car(np.ones_like(stays.room_mwh)), 1.0, count, within=0.0)
    total = stays.charging_mw.sum(axis=1, keepdims=True)
    device = Subject("charging of all cars", "MW", [stays.port])
    sheet.equal("charging_sum", total, stays.device_mw[:, None], device, within=POWER_MW)
    so_far = np.cumsum(total.reshape(-1, HOURS_PER_DAY), axis=1).reshape(-1, 1)
    today = Subject("charged so far this day", "MWh", [stays.port])
    sheet.equal("charging_sum", stays.today_mwh[:, None], so_far, today, within=ENERGY_MWH)


def _check_departures(stays: Stays, sheet: Sheet) -> None:
    """Check that every car that left within the run had charged its need, and no other one more than that."""
    hours = len(stays.charging_mw)
    charged, left = stays.charged_by(hours), stays.departure_h <= hours
    of = Subject("charge when it left", "MWh", stays.names, ONCE)
    sheet.equal("cars_left", np.where(left, charged, stays.need_mwh), stays.need_mwh, of, within=ENERGY_MWH)
    so_far = Subject("charge at the end of the run", "MWh", stays.names, ONCE)
    sheet.at_most("cars_left", np.where(left, 0.0, charged), stays.need_mwh, so_far, within=ENERGY_MWH)


def _check_uncontrolled(stays: Stays, sheet: Sheet) -> None:
    """Check what charging as soon as possible would have taken: the baseline of the compensation."""
    before = np.cumsum(stays.room_mwh) - stays.room_mwh
    first = np.searchsorted(stays.cell_stay, np.arange(len(stays.car)))
    in_stay = before - np.append(before, 0.0)[first][stays.cell_stay]
    missing = (stays.need_mwh - stays.start_mwh)[stays.cell_stay]
    soonest = np.clip(missing - in_stay, 0.0, stays.room_mwh)
    power = np.bincount(stays.cell_hour, soonest, minlength=len(stays.charging_mw))
    of = Subject("uncontrolled charging", "MW", [stays.port])
    sheet.equal("uncontrolled", stays.uncontrolled_mw[:, None], power[:, None], of, within=ENERGY_MWH)


def check_cars_at_end_of_day(records: Records, sheet: Sheet) -> None:
    """Check that every fleet ends the days as far between least and most charge as the study demands."""
    last = np.arange(HOURS_PER_DAY - 1, records.days * HOURS_PER_DAY, HOURS_PER_DAY)
    for stays in fleets(records):
        power, fill = number(stays.data, "max_p_mw"), number(stays.data, "start_fill")
        charged, wanted = np.zeros((2, len(last), 1))
        for day, end in enumerate(last + 1):
            here = (stays.arrival_h < end) & (stays.departure_h > end)
            late = np.maximum(stays.need_mwh - power * (stays.departure_h - end), 0.0)
            plugged_in = end - np.maximum(stays.arrival_h, 0.0)
            soon = np.minimum(stays.need_mwh, stays.start_mwh + power * plugged_in)
            charged[day] = stays.charged_by(float(end))[here].sum()
            wanted[day] = (late + fill * (soon - late))[here].sum()
        of = Subject("charge of all cars at the end of the day", "MWh", [stays.port], last)
        sheet.at_least("end_of_day_cars", charged, wanted, of, within=STORED_MWH)
