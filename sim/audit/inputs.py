"""Inputs: network, prices, forecasts, weather and cars are those that the study, its files and its seed give."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from sim.audit.devices import device_group
from sim.audit.layout import BRANCH_NUMBERS, LISTS
from sim.audit.physics import slack_bus
from sim.audit.records import Records, numbers
from sim.audit.report import ONCE, FloatArray, Sheet, Subject

INPUT = 1e-9
"""Difference that another version of a library may make. [MW], [p.u.], [$/MWh], [h]"""

CAR_NUMBERS = tuple(column for column in LISTS["cars"] if column not in ("port", "stay"))

BEHIND_PORTS = ("load", "heat_load", "output")
"""Devices whose power is drawn: `Inputs.behind_mw`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Inputs:
    """What a run began with, made anew by whoever asks for the audit; the audit compares, and takes nothing from it.

    Attributes
    ----------
    branches : DataFrame
        The lines, as in the table of that name. (L rows)
    units : DataFrame
        Name and bus of all units, and tan φ of loads. (U rows)
    slack_va_degree : float
        Voltage angle of the slack bus.
    price_per_mwh, retail_price_per_mwh : array, shape (24,)
        Prices of the profile. [$/MWh]
    realised_retail_per_mwh : array, shape (H,)
        Retail price as it came. [$/MWh]
    forecast_mw, available_mw : array, shape (24, K), (H, K)
        Forecast, and what came, of loads and renewables in the order of the units. [MW]
    behind_mw : mapping of array, shape (H, M)
        What came of the `BEHIND_PORTS` of every port. [MW]
    cars : DataFrame
        The stays, as in the table of that name.
    """

    branches: pd.DataFrame
    units: pd.DataFrame
    slack_va_degree: float
    price_per_mwh: FloatArray
    retail_price_per_mwh: FloatArray
    realised_retail_per_mwh: FloatArray
    forecast_mw: FloatArray
    available_mw: FloatArray
    behind_mw: dict[str, FloatArray]
    cars: pd.DataFrame


def input_checks(inputs: Inputs, *, ports: bool) -> list[tuple[Callable[[Records, Sheet], None], set[str]]]:
    """Return what must be as it was at the beginning, and the tables it is read from.

    Parameters
    ----------
    inputs : Inputs
        What a run began with.
    ports : bool
        Whether there are any.
    """
    checks: list[tuple[Callable[[Inputs, Records, Sheet], None], set[str]]] = [
        (check_network, {"dispatch"}),
        (check_angle, {"buses"}),
        (check_prices, {"market"}),
        (check_realised_price, {"settlements"}),
        (check_weather, {"dispatch"}),
    ]
    if ports:
        checks += [(check_weather_behind, {"devices"}), (check_cars_drawn, {"cars"})]
    return [(partial(check, inputs), needed) for check, needed in checks]


def check_network(inputs: Inputs, records: Records, sheet: Sheet) -> None:
    """Check lines, names and places of units, power factors of loads, and the angle at the slack bus."""
    branches, units = records.branches, records.units
    for table, stored, expected in (
        ("branches", list(branches["line"]), list(inputs.branches["line"])),
        ("units", list(units["unit"]), list(inputs.units["unit"])),
    ):
        if stored != expected:
            stranger = next((f": it has no {name}" for name in stored if name not in expected), "")
            sheet.note("network", table, f"are not those of the study's network, in its order{stranger}")
            return
    lines = [f"line {line}" for line in branches["line"]]
    for column in BRANCH_NUMBERS:
        of = Subject(column, "", lines, ONCE)
        sheet.equal("network", numbers(branches, column), inputs.branches[column], of, within=INPUT)
    of = Subject("bus", "", list(units["unit"]), ONCE)
    sheet.equal("network", numbers(units, "bus"), inputs.units["bus"], of, within=0.0)
    loads = np.asarray(units["kind"] == "load")
    tan_phi = np.asarray(inputs.units["tan_phi"])[loads]
    of = Subject("tan_phi", "", records.loads.names, ONCE)
    sheet.equal("network", records.loads["tan_phi"], tan_phi, of, within=INPUT)


def check_angle(inputs: Inputs, records: Records, sheet: Sheet) -> None:
    """Check the voltage angle of the slack bus, which all others are measured from."""
    buses, slack = records["buses"], str(slack_bus(records))
    at_slack = buses.numbers("va_degree")[:, [buses.names.index(slack)]]
    of = Subject("voltage angle", "degrees", [f"bus {slack}"])
    sheet.equal("slack_voltage", at_slack, inputs.slack_va_degree, of, within=INPUT)


def check_prices(inputs: Inputs, records: Records, sheet: Sheet) -> None:
    """Check the prices of the profile."""
    for column in ("price_per_mwh", "retail_price_per_mwh"):
        stored, expected = records["market"].numbers(column), getattr(inputs, column)[:, None]
        sheet.equal("prices", stored, expected, Subject(column, "$/MWh", ["profile"]), within=INPUT)


def check_realised_price(inputs: Inputs, records: Records, sheet: Sheet) -> None:
    """Check the retail price as the seed has it."""
    stored, expected = records["settlements"].numbers("retail_price_per_mwh"), inputs.realised_retail_per_mwh[:, None]
    sheet.equal("prices", stored, expected, Subject("retail price as it came", "$/MWh", ["seed"]), within=INPUT)


def check_weather(inputs: Inputs, records: Records, sheet: Sheet) -> None:
    """Check forecasts of the profile, and what the seed made of them."""
    drawn = np.asarray(records.units["kind"] != "battery")
    names = [str(name) for name in records.units["unit"][drawn]]
    for check, column, expected in (
        ("forecasts", "forecast_mw", np.tile(inputs.forecast_mw, (records.days, 1))),
        ("availability", "available_mw", inputs.available_mw),
    ):
        stored = records["dispatch"].numbers(column)[:, drawn]
        if stored.shape == expected.shape:  # otherwise `check_network` says so
            sheet.equal(check, stored, expected, Subject(column, "MW", names), within=INPUT)


def check_weather_behind(inputs: Inputs, records: Records, sheet: Sheet) -> None:
    """Check what the seed made of load, heat load and output of microgrids."""
    for device in BEHIND_PORTS:
        if (group := device_group(records, device)).names:
            of = Subject("available_mw", "MW", group.names)
            expected = inputs.behind_mw[device][:, group.ports]
            sheet.equal("availability", group.available_mw, expected, of, within=INPUT)


def check_cars_drawn(inputs: Inputs, records: Records, sheet: Sheet) -> None:
    """Check that the cars come and go as the seed has it."""
    keys = ["port", "stay"]
    stored, expected = (frame.sort_values(keys) for frame in (records.lists["cars"], inputs.cars))
    if stored[keys].to_numpy().tolist() != expected[keys].to_numpy().tolist():
        sheet.note("cars_drawn", "cars", f"{len(stored)} stays are not the {len(expected)} that the seed gives")
        return
    where = [f"{port}: stay {stay}" for port, stay in stored[keys].itertuples(index=False)]
    for column in CAR_NUMBERS:
        of = Subject(column, "", where, ONCE)
        sheet.equal("cars_drawn", numbers(stored, column), numbers(expected, column), of, within=INPUT)
