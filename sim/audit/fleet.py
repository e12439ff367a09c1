"""Fleet of the study on every feeder: units, connections and devices at their buses, from the study's numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import pandas as pd

from sim.audit.records import number, numbers, study_value

DEVICES = ("load", "output", "heat_load", "battery", "thermal_storage", "diesel", "heat_unit", "ev")
"""Devices that a microgrid may have."""

PEAKS = {"load": "max_load_mw", "output": "max_output_mw", "heat_load": "max_heat_mw"}
"""Devices that have no data of their own, but a largest value that is 0 where there are none."""


@dataclass(frozen=True)
class ConnectionData:
    """Data of one connection in the study.

    Attributes
    ----------
    kind : str
        ``microgrid`` or ``ev_aggregator``.
    bus : int
        Bus number.
    data : mapping
        The microgrid; an aggregator is one that has only cars.
    """

    kind: str
    bus: int
    data: Mapping[str, Any]

    @property
    def devices(self) -> list[str]:
        """Names of its devices."""
        return [device for device in DEVICES if self.data.get(PEAKS.get(device, device))]

    @property
    def max_exchange_mw(self) -> float:
        """Largest power from and to the network; the power of all cars for an aggregator. [MW]"""
        if self.kind == "ev_aggregator":
            return number(self.data, "ev.cars") * number(self.data, "ev.max_p_mw")
        return number(self.data, "max_exchange_mw")


def slack_of(branches: pd.DataFrame) -> int:
    """Return the number of the bus of the tie line: as it is named, or that which feeds lines and which none feeds."""
    if "slack_bus" in branches:
        return int(numbers(branches, "slack_bus")[0])
    return int(({*numbers(branches, "from_bus")} - {*numbers(branches, "to_bus")}).pop())


class Feeders:
    """Equal feeders that share the slack bus; bus k of feeder f, counted from 0, has the number k + f·n.

    Parameters
    ----------
    study : mapping
        The resolved study.
    branches : DataFrame
        The lines of all feeders.
    """

    def __init__(self, study: Mapping[str, Any], branches: pd.DataFrame) -> None:
        self._study = study
        self.count = int(number(study, "grid.feeders"))
        buses = {*numbers(branches, "from_bus"), *numbers(branches, "to_bus")}
        self._slack = slack_of(branches)
        self._size = ceil((max(buses) - min(buses) + 1) / self.count)

    @property
    def lists_all_units(self) -> bool:
        """True if the study names every unit; a network may bring its own, and its switches may join buses."""
        fleet, grid = (study_value(self._study, name) for name in ("fleet", "grid"))
        derived = ("from_net", "pv_share_of_load", "wind_share_of_load")
        return not any(fleet.get(name) for name in derived) and bool(grid.get("case"))

    def units(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the data of the operator's units of one kind, feeder by feeder, at their own buses."""
        fleet = study_value(self._study, f"fleet.{kind}")
        return [{**unit, "bus": self._bus(number(unit, "bus"), k)} for k in range(self.count) for unit in fleet]

    def connections(self) -> list[ConnectionData]:
        """Return all connections: the microgrids feeder by feeder, then the aggregators."""
        microgrids, aggregators = (
            study_value(self._study, f"fleet.{kind}") for kind in ("microgrid", "ev_aggregator")
        )
        return [
            ConnectionData("microgrid", self._bus(bus, k), data)
            for k in range(self.count)
            for data in microgrids
            for bus in study_value(data, "buses")
        ] + [
            ConnectionData("ev_aggregator", self._bus(number(data, "bus"), k), {"ev": study_value(data, "ev")})
            for k in range(self.count)
            for data in aggregators
        ]

    def _bus(self, bus: float, feeder: int) -> int:
        return int(bus if bus == self._slack else bus + feeder * self._size)
