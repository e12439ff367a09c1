"""Checks of the microgrids' devices: limits are kept, stored energy adds up, costs follow from the study."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.audit.fleet import DEVICES, PEAKS, Feeders
from sim.audit.limits import STORED_MWH
from sim.audit.records import Records, number, study_value
from sim.audit.report import Checker, FloatArray, IntArray, Quantity

POWER_MW, ENERGY_MWH, MONEY = 1e-9, 1e-9, 1e-8
"""Round-off of powers [MW], of an hour's change of energy [MWh], and of costs [$]."""

STORES = ("battery", "thermal_storage")


@dataclass(frozen=True, eq=False, kw_only=True)
class DeviceGroup:
    """Devices of one sort at all connections.

    Attributes
    ----------
    device : str
        The sort.
    names : list of str
        Connection and sort of each. (K,)
    connections : array, shape (K,)
        Position of the connection of each.
    data : list of mapping
        The study's data of each; of the whole microgrid where it has none of its own. (K,)
    p_mw, q_mvar, heat_mw, available_mw, energy_mwh, cost : array, shape (H, K)
        Their columns of the devices table.
    step_h : float
        Length of a step. [h]
    """

    device: str
    names: list[str]
    connections: IntArray
    data: list[Mapping[str, Any]]
    p_mw: FloatArray
    q_mvar: FloatArray
    heat_mw: FloatArray
    available_mw: FloatArray
    energy_mwh: FloatArray
    cost: FloatArray
    step_h: float

    def __getitem__(self, name: str) -> FloatArray:
        """Return a number of each device, shape (K,)."""
        return np.array([number(data, name) for data in self.data], dtype=np.float64)

    @property
    def taken(self) -> FloatArray:
        """Output of a store, negative for input: heat of thermal ones, else power, shape (H, K). [MW]"""
        return self.heat_mw if self.device == "thermal_storage" else self.p_mw


def device_group(records: Records, device: str) -> DeviceGroup:
    """Return all devices of one sort."""
    connections, table = Feeders(records.study, records.branches).connections(), records["devices"]
    place = [(m, device == name) for m, connection in enumerate(connections) for name in connection.devices]
    chosen = np.array([is_one for _, is_one in place], dtype=bool)
    at = [m for m, is_one in place if is_one]
    columns = ("p_mw", "q_mvar", "heat_mw", "available_mw", "energy_mwh", "cost")
    return DeviceGroup(
        device=device,
        names=[name for name, is_one in zip(table.names, chosen, strict=True) if is_one],
        connections=np.array(at, dtype=np.int64),
        data=[connections[m].data if device in PEAKS else study_value(connections[m].data, device) for m in at],
        **{column: table.numbers(column)[:, chosen] for column in columns},
        step_h=records.step_h,
    )


def check_devices(records: Records, checker: Checker) -> None:
    """Check limits, available power, stores and costs of all devices."""
    for device in DEVICES:
        group = device_group(records, device)
        if group.names:
            _check_limits(group, checker)
            cost = Quantity("cost", "$", group.names)
            checker.equal("device_costs", group.cost, costs(group), cost, within=MONEY)
    for device in STORES:
        if (group := device_group(records, device)).names:
            _check_store(group, checker)


def _check_limits(group: DeviceGroup, checker: Checker) -> None:
    """Check power, reactive power and heat; a device exchanges nothing that its kind does not have."""
    if group.device in PEAKS:
        available = Quantity("what is available", "MW", group.names)
        checker.at_least("device_limits", group.available_mw, 0.0, available, within=0.0)
        if group.device == "output":
            most = group[PEAKS["output"]]
            checker.at_most("device_limits", group.available_mw, most, available, within=POWER_MW)
    limits = _limits(group)
    for column, unit in (("p_mw", "MW"), ("q_mvar", "Mvar"), ("heat_mw", "MW")):
        value, of = getattr(group, column), Quantity(column, unit, group.names)
        checker.between("device_limits", value, limits.get(column, (0.0, 0.0)), of, within=POWER_MW)


def _limits(group: DeviceGroup) -> dict[str, tuple[Any, Any]]:
    """Return least and most of each column, where they are not both 0; injections are positive."""
    match group.device:
        case "load":
            return {"p_mw": (-group.available_mw, 0.0)}
        case "heat_load":
            return {"heat_mw": (-group.available_mw, 0.0)}
        case "output":
            return {"p_mw": (0.0, group.available_mw)}
        case "battery":
            return {"p_mw": (-group["max_p_mw"], group["max_p_mw"])}
        case "thermal_storage":
            return {"heat_mw": (-group["max_p_mw"], group["max_p_mw"])}
        case "diesel":
            return {"p_mw": (0.0, group["max_p_mw"]), "q_mvar": (0.0, group["max_q_mvar"])}
        case "heat_unit":
            makes_power = np.array([data["reading"] == "combined_heat_and_power" for data in group.data])
            power = np.where(makes_power, 0.0, -group["max_p_mw"]), np.where(makes_power, group["max_p_mw"], 0.0)
            return {"p_mw": power, "heat_mw": (0.0, group["heat_ratio"] * np.abs(group.p_mw))}
        case _:
            return {"p_mw": (-group["cars"] * group["max_p_mw"], 0.0)}


def costs(group: DeviceGroup) -> FloatArray:
    """Return fuel, wear or compensation of every device in every step, shape (H, K). [$]"""
    return group.step_h * _costs_of_an_hour(group)


def _costs_of_an_hour(group: DeviceGroup) -> FloatArray:
    match group.device:
        case "battery" | "thermal_storage":
            return group["wear_per_mwh"] * np.abs(group.taken)
        case "diesel":
            return group["cost_per_mw2h"] * group.p_mw**2 + group["cost_per_mwh"] * group.p_mw
        case "heat_unit":
            return group["cost_per_mwh"] * np.abs(group.p_mw)
        case "ev":
            return group["discomfort_per_mw2h"] * (-group.p_mw - group.available_mw) ** 2
        case _:
            return np.zeros_like(group.p_mw)


def _check_store(group: DeviceGroup, checker: Checker) -> None:
    """Check stored energy hour by hour, with losses and standing losses, and its limits.

    The standing loss alone may take a store below its least energy.
    """
    full, efficiency = group["max_e_mwh"], group["efficiency"]
    before = np.vstack([group["start_soc"] * full, group.energy_mwh[:-1]])
    rest = group["standing_efficiency"] ** group.step_h * before
    drawn = np.where(group.taken > 0, group.taken / efficiency, group.taken * efficiency)
    of = Quantity("stored energy", "MWh", group.names)
    checker.equal("stored_energy", group.energy_mwh, rest - drawn * group.step_h, of, within=ENERGY_MWH)
    limits = np.minimum(group["min_soc"] * full, rest), group["max_soc"] * full
    checker.between("stored_energy_limits", group.energy_mwh, limits, of, within=ENERGY_MWH)


def check_stores_at_end_of_day(records: Records, checker: Checker) -> None:
    """Check that the stores end every day as full as the study demands: at their start, if it names nothing."""
    last = records.clock.last
    for device in STORES:
        if (group := device_group(records, device)).names:
            named = ["start_soc" if data.get("min_end_soc") is None else "min_end_soc" for data in group.data]
            soc = np.array([number(data, name) for data, name in zip(group.data, named, strict=True)])
            of = Quantity("stored energy at the end of the day", "MWh", group.names, last)
            least = soc * group["max_e_mwh"]
            checker.at_least("end_of_day_stores", group.energy_mwh[last], least, of, within=STORED_MWH)
