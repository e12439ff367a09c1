"""Completeness: every table has the rows and the numbers it must have, once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sim.audit.fleet import Feeders
from sim.audit.layout import (
    BRANCH_NUMBERS,
    HOUR_TABLES,
    HOURS_PER_DAY,
    LISTS,
    UNIT_NUMBERS,
    Things,
    things_by_table,
)
from sim.audit.records import HourTable, Records, hours_passed, numbers
from sim.audit.report import ONCE, IntArray, Sheet, Subject
from sim.ledger import TABLES

CHECK = "completeness"


def read_records(
    tables: Mapping[str, pd.DataFrame], study: Mapping[str, Any], sheet: Sheet, only: Collection[str] = TABLES
) -> Records:
    """Return the stored tables that are complete, and take down what is wrong with the others.

    Without units, lines and ports nobody can say what the other tables must hold; then none of them is returned.

    Parameters
    ----------
    tables : mapping of DataFrame
        The tables of `sim.ledger`.
    study : mapping
        The resolved study.
    sheet : Sheet
        What takes it down.
    only : collection of str
        Tables to look at.
    """
    units, branches, ports = tables["units"], tables["branches"], tables["ports"]
    whole: dict[str, HourTable] = {}
    lists: dict[str, pd.DataFrame] = {}
    records = Records(study=study, units=units, branches=branches, tables=whole, lists=lists)
    _check_branches(branches, sheet)
    if not sheet.findings:
        _check_units(units, branches, study, sheet)
    if not sheet.findings:
        _check_ports(ports, branches, study, sheet)
    if sheet.findings:
        return records
    behind = zip(ports["port"], Feeders(study, branches).ports(), strict=True)
    devices = {str(port): data.devices for port, data in behind}
    for name, things in things_by_table(units, branches, devices).items():
        if name not in only:
            continue
        table = _hour_table(name, tables[name], things, 1 if name == "market" else records.days, sheet)
        if table is not None:
            whole[name] = table
    lists["ports"] = ports
    for name, keys in (("cars", ["port", "stay"]), ("charging", ["day", "hour", "port", "car"])):
        if _check_list(name, tables[name], keys, records.days, devices, sheet):
            lists[name] = tables[name]
    return records


def _check_branches(branches: pd.DataFrame, sheet: Sheet) -> None:
    """Demand lines with numbers, each once, and one slack bus: sending end of a line, receiving end of none."""
    if not _has_columns("branches", branches, ("line", *BRANCH_NUMBERS), sheet):
        return
    _check_unique("branches", branches["line"], sheet)
    for column in BRANCH_NUMBERS:
        of = Subject(column, "", [f"branches: line {line}" for line in branches["line"]], ONCE)
        sheet.finite(CHECK, numbers(branches, column), of)
    fed_by_no_line = set(branches["from_bus"]) - set(branches["to_bus"])
    if len(fed_by_no_line) != 1:
        sheet.note(CHECK, "branches", f"{len(fed_by_no_line)} buses are fed by no line, must be 1: the slack bus")


def _check_units(units: pd.DataFrame, branches: pd.DataFrame, study: Mapping[str, Any], sheet: Sheet) -> None:
    """Demand units of a known kind at a bus of the network, each once, and as many as the study's fleet has."""
    columns = ("unit", "kind", *dict.fromkeys(name for names in UNIT_NUMBERS.values() for name in names))
    if not _has_columns("units", units, columns, sheet):
        return
    _check_unique("units", units["unit"], sheet)
    for unit, kind in zip(units["unit"], units["kind"], strict=True):
        if kind not in UNIT_NUMBERS:
            sheet.note(CHECK, f"units: {unit}", f"kind is '{kind}', the audit knows {', '.join(UNIT_NUMBERS)}")
    _check_buses("units", zip(units["unit"], units["bus"], strict=True), branches, sheet)
    for kind, needed in UNIT_NUMBERS.items():
        group = units[units["kind"] == kind]
        for column in needed:
            of = Subject(column, "", [f"units: {unit}" for unit in group["unit"]], ONCE)
            sheet.finite(CHECK, numbers(group, column), of)
        expected = len(group) if kind == "load" else len(Feeders(study, branches).units(kind))
        if len(group) != expected:
            sheet.note(CHECK, f"units: {kind}", f"{len(group)} units, expected {expected} as in the study's fleet")


def _check_ports(ports: pd.DataFrame, branches: pd.DataFrame, study: Mapping[str, Any], sheet: Sheet) -> None:
    """Demand ports at a bus of the network, each once, and as many as the study's fleet has."""
    if not _has_columns("ports", ports, LISTS["ports"], sheet):
        return
    _check_unique("ports", ports["port"], sheet)
    _check_buses("ports", zip(ports["port"], ports["bus"], strict=True), branches, sheet)
    expected = len(Feeders(study, branches).ports())
    if len(ports) != expected:
        sheet.note(CHECK, "ports", f"{len(ports)} ports, expected {expected} as in the study's fleet")


def _check_list(
    name: str, frame: pd.DataFrame, keys: list[str], days: int, devices: Mapping[str, Sequence[str]], sheet: Sheet
) -> bool:
    """Demand rows that belong to a port with cars (and an hour), each once, and finite numbers; return whether so."""
    before = len(sheet.findings)
    if not _has_columns(name, frame, LISTS[name], sheet):
        return False
    known = frame["port"].isin([port for port, names in devices.items() if "ev" in names])
    stranger = ~np.asarray(known, dtype=bool)
    if "hour" in frame:
        stranger |= hours_passed(frame, days) < 0
    for row in np.flatnonzero(stranger).tolist():
        sheet.note(CHECK, name, f"row {row} ({frame['port'].iloc[row]}) belongs to no car in a run of {days} day(s)")
    for row in np.flatnonzero(frame.duplicated(keys)).tolist():
        sheet.note(CHECK, name, f"row {row} ({frame['port'].iloc[row]}) stands there more than once")
    for column in LISTS[name]:
        bad = np.zeros(len(frame), bool) if column == "port" else ~np.isfinite(numbers(frame, column))
        for row in np.flatnonzero(bad).tolist():
            sheet.note(CHECK, name, f"row {row}: {column} is {frame[column].iloc[row]}, must be a finite number")
    return len(sheet.findings) == before


def _hour_table(name: str, frame: pd.DataFrame, things: Things, days: int, sheet: Sheet) -> HourTable | None:
    """Return a table by hour in order, or None after taking down why it is not complete."""
    layout, before = HOUR_TABLES[name], len(sheet.findings)
    keys = ("hour", *layout.keys) if name == "market" else ("day", "hour", *layout.keys)
    if not _has_columns(name, frame, (*keys, *layout.numbers, *layout.others), sheet):
        return None
    place = _places(frame, layout.keys, things, days)
    for row in np.flatnonzero(place < 0).tolist():
        text = ", ".join(f"{key} {frame[key].iloc[row]}" for key in keys)
        sheet.note(CHECK, name, f"row {row} ({text}) belongs to nothing in a run of {days} day(s)")
    names = [" ".join(map(str, thing)) for thing in things]
    shape = (days * HOURS_PER_DAY, len(things))
    count = np.bincount(place[place >= 0], minlength=shape[0] * shape[1]).reshape(shape)
    of = Subject("number of rows", "", [f"{name}: {thing}".removesuffix(": ") for thing in names])
    sheet.equal(CHECK, count, 1, of, within=0.0)
    if len(sheet.findings) > before:
        return None
    table = HourTable(frame=frame, order=np.argsort(place).reshape(shape), names=names)
    _check_numbers(name, table, things, sheet)
    return table if len(sheet.findings) == before else None


def _places(frame: pd.DataFrame, keys: Sequence[str], things: Things, days: int) -> IntArray:
    """Return the place of every stored row in the complete table (hour by hour, thing by thing), -1 for none."""
    hour = hours_passed(frame, days)
    thing = np.zeros(len(frame), dtype=np.int64)
    if not things:
        return np.full(len(frame), -1)
    if keys:
        wanted = {name: at for at, name in enumerate(things)}
        rows = zip(*(frame[key].tolist() for key in keys), strict=True)
        thing = np.array([wanted.get(row, -1) for row in rows], dtype=np.int64)
    return np.where((hour >= 0) & (thing >= 0), hour * len(things) + thing, -1)


def _check_numbers(name: str, table: HourTable, things: Things, sheet: Sheet) -> None:
    """Demand a number wherever one must be: forecasts of all but batteries, states of charge of batteries."""
    where = [f"{name}: {thing}".removesuffix(": ") for thing in table.names]
    for column in HOUR_TABLES[name].numbers:
        sheet.finite(CHECK, table.numbers(column), Subject(column, "", where))
    if name == "dispatch":
        battery = np.array([kind == "battery" for _, kind in things], dtype=bool)
        for column, needed in (("forecast_mw", ~battery), ("soc", battery)):
            of = Subject(column, "", [where[k] for k in np.flatnonzero(needed)])
            sheet.finite(CHECK, table.numbers(column)[:, needed], of)


def _has_columns(name: str, frame: pd.DataFrame, columns: Iterable[str], sheet: Sheet) -> bool:
    missing = [column for column in columns if column not in frame]
    for column in missing:
        sheet.note(CHECK, name, f"column '{column}' is missing")
    return not missing


def _check_buses(name: str, places: Iterable[tuple[Any, Any]], branches: pd.DataFrame, sheet: Sheet) -> None:
    """Demand that everything stands at the end of a line."""
    buses = {*branches["from_bus"], *branches["to_bus"]}
    for thing, bus in places:
        if bus not in buses:
            sheet.note(CHECK, f"{name}: {thing}", f"bus is {bus}, no line has such an end")


def _check_unique(name: str, values: "pd.Series[Any]", sheet: Sheet) -> None:
    for value in values[values.duplicated()]:
        sheet.note(CHECK, f"{name}: {value}", "stands there more than once")
