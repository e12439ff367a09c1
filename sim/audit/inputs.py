"""Checks of inputs: network, prices, forecasts, weather and cars follow from study, files and seed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from sim.audit.devices import device_group
from sim.audit.physics import slack_bus
from sim.audit.records import Records, numbers
from sim.audit.report import ONCE, Checker, FloatArray, Quantity
from sim.audit.schema import BRANCH_NUMBERS, BUS_NUMBERS, LISTS, TWO_PORT, UNIT_NUMBERS

INPUT = 1e-9
"""Difference that another version of a library may make. [MW], [p.u.], [$/MWh], [h]"""

CAR_NUMBERS = tuple(column for column in LISTS["cars"] if column not in ("connection", "stay"))

OF_MICROGRIDS = ("load", "heat_load", "output")
"""Devices whose power is drawn: `Inputs.microgrid_mw`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Inputs:
    """Inputs of a run, made anew by the caller of the audit, which compares them with the records and uses no other.

    Attributes
    ----------
    branches : DataFrame
        The lines, as in the table of that name. (L rows)
    units : DataFrame
        Name and numbers of all units. (U rows)
    slack_va_degree : float
        Voltage angle of the slack bus.
    price_per_mwh, retail_price_per_mwh : array, shape (T,) or (H,)
        Prices of the profile: of one day if all are alike. [$/MWh]
    realised_retail_per_mwh : array, shape (H,)
        Retail price as realised. [$/MWh]
    forecast_mw, available_mw : array, shape (T, K) or (H, K), (H, K)
        Forecast and realised power of loads and renewables in the order of the units. [MW]
    microgrid_mw : mapping of array, shape (H, M)
        Realised power of the `OF_MICROGRIDS` of every connection. [MW]
    cars : DataFrame
        The stays, as in the table of that name.
    buses : DataFrame
        The buses, with limits, shunts and given injections where the network has any. (B rows)
    """

    branches: pd.DataFrame
    units: pd.DataFrame
    slack_va_degree: float
    price_per_mwh: FloatArray
    retail_price_per_mwh: FloatArray
    realised_retail_per_mwh: FloatArray
    forecast_mw: FloatArray
    available_mw: FloatArray
    microgrid_mw: dict[str, FloatArray]
    cars: pd.DataFrame
    buses: pd.DataFrame


def input_checks(inputs: Inputs, *, connections: bool) -> list[tuple[Callable[[Records, Checker], None], set[str]]]:
    """Return the checks that compare the records with the inputs, each with the tables it reads.

    Parameters
    ----------
    inputs : Inputs
        Inputs of the run.
    connections : bool
        Whether the study has connections.
    """
    checks: list[tuple[Callable[[Inputs, Records, Checker], None], set[str]]] = [
        (check_network, {"dispatch"}),
        (check_angle, {"buses"}),
        (check_buses, {"buses"}),
        (check_prices, {"market"}),
        (check_realised_price, {"settlements"}),
        (check_weather, {"dispatch"}),
    ]
    if connections:
        checks += [(check_microgrid_weather, {"devices"}), (check_cars_drawn, {"cars"})]
    return [(partial(check, inputs), needed) for check, needed in checks]


def check_network(inputs: Inputs, records: Records, checker: Checker) -> None:
    """Check lines, names and places of units, power factors of loads, and the angle at the slack bus."""
    branches, units = records.branches, records.units
    for table, stored, expected in (
        ("branches", list(branches["line"]), list(inputs.branches["line"])),
        ("units", list(units["unit"]), list(inputs.units["unit"])),
    ):
        if stored != expected:
            stranger = next((f": it has no {name}" for name in stored if name not in expected), "")
            checker.note("network", table, f"are not those of the study's network, in its order{stranger}")
            return
    lines = [f"line {line}" for line in branches["line"]]
    for column in (*BRANCH_NUMBERS, *TWO_PORT):
        if column in branches or column in inputs.branches:
            of, absent = Quantity(column, "", lines, ONCE), np.full(len(lines), TWO_PORT.get(column, np.nan))
            now, anew = (numbers(one, column) if column in one else absent for one in (branches, inputs.branches))
            checker.equal("network", now, anew, of, within=INPUT)
    for kind, columns in UNIT_NUMBERS.items():
        of_kind = np.asarray(units["kind"] == kind)
        for column in columns:
            of = Quantity(column, "", list(units["unit"][of_kind]), ONCE)
            if column != "tan_phi":
                expected = np.asarray(inputs.units[column])[of_kind]
                checker.equal("network", numbers(units, column)[of_kind], expected, of, within=0.0)
    loads = np.asarray(units["kind"] == "load")
    tan_phi = np.asarray(inputs.units["tan_phi"])[loads]
    of = Quantity("tan_phi", "", records.loads.names, ONCE)
    checker.equal("network", records.loads["tan_phi"], tan_phi, of, within=INPUT)


def check_buses(inputs: Inputs, records: Records, checker: Checker) -> None:
    """Check limits, shunts and given injections of the buses, where there are any."""
    buses, expected = records["buses"], inputs.buses.set_index("bus").sort_index()
    for column in BUS_NUMBERS:
        if column in buses.frame or column in expected:
            of = Quantity(column, "", [f"bus {name}" for name in buses.names])
            stored = buses.numbers(column) if column in buses.frame else np.full((1, len(buses.names)), np.nan)
            known = expected[column] if column in expected else np.full(len(expected), np.nan)
            checker.equal("network", stored, np.asarray(known)[None], of, within=INPUT)


def check_angle(inputs: Inputs, records: Records, checker: Checker) -> None:
    """Check the voltage angle of the slack bus, the reference of all others."""
    buses, slack = records["buses"], str(slack_bus(records))
    at_slack = buses.numbers("va_degree")[:, [buses.names.index(slack)]]
    of = Quantity("voltage angle", "degrees", [f"bus {slack}"])
    checker.equal("slack_voltage", at_slack, inputs.slack_va_degree, of, within=INPUT)


def check_prices(inputs: Inputs, records: Records, checker: Checker) -> None:
    """Check the prices of the profile."""
    for column in ("price_per_mwh", "retail_price_per_mwh"):
        stored, expected = records["market"].numbers(column), getattr(inputs, column)[:, None]
        checker.equal("prices", stored, expected, Quantity(column, "$/MWh", ["profile"]), within=INPUT)


def check_realised_price(inputs: Inputs, records: Records, checker: Checker) -> None:
    """Check the retail price against the one drawn with the seed."""
    stored, expected = records["settlements"].numbers("retail_price_per_mwh"), inputs.realised_retail_per_mwh[:, None]
    checker.equal("prices", stored, expected, Quantity("retail price as it came", "$/MWh", ["seed"]), within=INPUT)


def check_weather(inputs: Inputs, records: Records, checker: Checker) -> None:
    """Check forecasts of the profile, and demand and output drawn around them with the seed."""
    drawn = np.asarray(records.units["kind"] != "battery")
    names = [str(name) for name in records.units["unit"][drawn]]
    for check, column, expected in (
        ("forecasts", "forecast_mw", np.tile(inputs.forecast_mw, (records.clock.count // len(inputs.forecast_mw), 1))),
        ("availability", "available_mw", inputs.available_mw),
    ):
        stored = records["dispatch"].numbers(column)[:, drawn]
        if stored.shape == expected.shape:  # otherwise `check_network` says so
            checker.equal(check, stored, expected, Quantity(column, "MW", names), within=INPUT)


def check_microgrid_weather(inputs: Inputs, records: Records, checker: Checker) -> None:
    """Check load, heat load and output of microgrids as drawn with the seed."""
    for device in OF_MICROGRIDS:
        if (group := device_group(records, device)).names:
            of = Quantity("available_mw", "MW", group.names)
            expected = inputs.microgrid_mw[device][:, group.connections]
            checker.equal("availability", group.available_mw, expected, of, within=INPUT)


def check_cars_drawn(inputs: Inputs, records: Records, checker: Checker) -> None:
    """Check that the cars arrive and leave as drawn with the seed."""
    keys = ["connection", "stay"]
    stored, expected = (frame.sort_values(keys) for frame in (records.lists["cars"], inputs.cars))
    if stored[keys].to_numpy().tolist() != expected[keys].to_numpy().tolist():
        checker.note("cars_drawn", "cars", f"{len(stored)} stays are not the {len(expected)} that the seed gives")
        return
    where = [f"{connection}: stay {stay}" for connection, stay in stored[keys].itertuples(index=False)]
    for column in CAR_NUMBERS:
        of = Quantity(column, "", where, ONCE)
        checker.equal("cars_drawn", numbers(stored, column), numbers(expected, column), of, within=INPUT)
