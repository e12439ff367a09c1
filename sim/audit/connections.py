"""Checks of connections: exchange equals the sum over the devices, orders are kept, and heat is balanced."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.audit.devices import device_group
from sim.audit.fleet import Feeders
from sim.audit.limits import EXCHANGE_MW
from sim.audit.records import Records, numbers
from sim.audit.report import ONCE, Checker, FloatArray, Quantity

POWER_MW = 1e-9
"""Round-off of a sum of powers. [MW], [Mvar]"""

ORDER_MW = 1e-6
"""Difference between order and action from which on a connection must give the reason. [MW], [Mvar]"""

OFF = re.compile(r"off by ([+-]\d+\.\d+) MW, ([+-]\d+\.\d+) Mvar$")
"""End of a note that states the difference between action and order. [MW], [Mvar]"""


def check_connections(records: Records, checker: Checker) -> None:
    """Check that connections are those of the study, exchange what their devices do, and keep their orders."""
    _check_fleet(records, checker)
    _check_balance(records, checker)
    _check_orders(records, checker)


def check_exchange_limits(records: Records, checker: Checker) -> None:
    """Check the largest power from and to the network."""
    trades, connections = records["trades"], Feeders(records.study, records.branches).connections()
    of = Quantity("exchange (absolute)", "MW", trades.names)
    most = np.array([connection.max_exchange_mw for connection in connections])
    checker.at_most("exchange_limits", np.abs(trades.numbers("p_mw")), most, of, within=EXCHANGE_MW)


def _check_fleet(records: Records, checker: Checker) -> None:
    """Check kind, bus and largest exchange of the connections, in the study's order."""
    stored, connections = records.lists["connections"], Feeders(records.study, records.branches).connections()
    names = [str(name) for name in stored["connection"]]
    for name, kind, connection in zip(names, stored["kind"], connections, strict=True):
        if kind != connection.kind:
            checker.note(
                "connection_fleet", name, f"kind is '{kind}', not '{connection.kind}' as in the study's fleet"
            )
    for column in ("bus", "max_exchange_mw"):
        expected = [getattr(connection, column) for connection in connections]
        checker.equal(
            "connection_fleet", numbers(stored, column), expected, Quantity(column, "", names, ONCE), within=0.0
        )


def _check_balance(records: Records, checker: Checker) -> None:
    """Check active and reactive power, heat, and load not served, connection by connection."""
    trades = records["trades"]
    given = {column: _sum_of_devices(records, column) for column in ("p_mw", "q_mvar", "heat_mw")}
    for check, stored, expected, what, unit in (
        ("connection_balance", trades.numbers("p_mw"), -given["p_mw"], "exchange", "MW"),
        ("connection_balance", trades.numbers("q_mvar"), -given["q_mvar"], "reactive exchange", "Mvar"),
        ("heat_balance", given["heat_mw"], 0.0, "heat given less heat taken", "MW"),
        ("shortfall", trades.numbers("shortfall_mw"), _not_served(records), "shortfall", "MW"),
    ):
        checker.equal(check, stored, expected, Quantity(what, unit, trades.names), within=POWER_MW)


def _sum_of_devices(records: Records, column: str) -> FloatArray:
    """Return the sum of a column over the devices of every connection, shape (H, M)."""
    total = np.zeros_like(records["trades"].numbers("p_mw"))
    connections = Feeders(records.study, records.branches).connections()
    owner = np.repeat(np.arange(len(connections)), [len(connection.devices) for connection in connections])
    np.add.at(total.T, owner, records["devices"].numbers(column).T)
    return total


def _not_served(records: Records) -> FloatArray:
    """Return electric and heat load that was not served at every connection, shape (H, M). [MW]"""
    total = np.zeros_like(records["trades"].numbers("p_mw"))
    for device, column in (("load", "p_mw"), ("heat_load", "heat_mw")):
        group = device_group(records, device)
        np.add.at(total.T, group.connections, (group.available_mw + getattr(group, column)).T)
    return total


def _check_orders(records: Records, checker: Checker) -> None:
    """Check that every connection exchanges what was agreed, or says by how much it does not."""
    trades = records["trades"]
    stated = _stated(trades.values("note"))
    for k, (column, unit) in enumerate((("p_mw", "MW"), ("q_mvar", "Mvar"))):
        done, agreed = trades.numbers(column), trades.numbers(f"ordered_{column}")
        of = Quantity(f"{column} (less what its note states)", unit, trades.names)
        checker.equal("connection_orders", done - stated[..., k], agreed, of, within=ORDER_MW)


def _stated(notes: npt.NDArray[Any]) -> FloatArray:
    """Return the deviation from the agreed exchange that each note states, shape (H, M, 2). [MW], [Mvar]"""
    said = [OFF.search(str(note)) for note in notes.flat]
    numbers_of = [(0.0, 0.0) if found is None else (float(found[1]), float(found[2])) for found in said]
    return np.array(numbers_of).reshape(*notes.shape, 2)
