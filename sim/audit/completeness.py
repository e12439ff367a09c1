"""Checks of completeness: every table has the rows and the numbers it must have, once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sim.audit.clock import Clock
from sim.audit.fleet import Feeders
from sim.audit.records import HourTable, Records, numbers, steps_passed
from sim.audit.report import ONCE, Checker, IntArray, Quantity
from sim.audit.schema import (
    BRANCH_NUMBERS,
    HOUR_TABLES,
    LISTS,
    TWO_PORT,
    UNIT_NUMBERS,
    Things,
    things_by_table,
)
from sim.ledger import TABLES

CHECK = "completeness"


def read_records(
    tables: Mapping[str, pd.DataFrame], study: Mapping[str, Any], checker: Checker, only: Collection[str] = TABLES
) -> Records:
    """Return the stored tables that are complete, and note the faults of the others.

    The contents of the other tables follow from units, lines and connections; without these none is returned.

    Parameters
    ----------
    tables : mapping of DataFrame
        The tables of `sim.ledger`.
    study : mapping
        The resolved study.
    checker : Checker
        Takes down the faults.
    only : collection of str
        Tables to look at.
    """
    units, branches, connections = tables["units"], tables["branches"], tables["connections"]
    whole: dict[str, HourTable] = {}
    lists: dict[str, pd.DataFrame] = {}
    clock = Clock.of(study)
    checker.time = clock.time
    records = Records(study=study, units=units, branches=branches, tables=whole, lists=lists, clock=clock)
    _check_branches(branches, checker)
    if not checker.findings:
        _check_units(units, branches, study, checker)
    if not checker.findings:
        _check_connections(connections, branches, study, checker)
    if checker.findings:
        return records
    with_data = zip(connections["connection"], Feeders(study, branches).connections(), strict=True)
    devices = {str(connection): data.devices for connection, data in with_data}
    for name, things in things_by_table(units, branches, devices).items():
        if name not in only:
            continue
        of_days = clock if "day" in tables[name] or name != "market" else clock.day_one()
        table = _hour_table(name, tables[name], things, of_days, checker)
        if table is not None:
            whole[name] = table
    lists["connections"] = connections
    for name, keys in (("cars", ["connection", "stay"]), ("charging", ["day", "hour", "connection", "car"])):
        if _check_list(name, tables[name], keys, clock, devices, checker):
            lists[name] = tables[name]
    return records


def _check_branches(branches: pd.DataFrame, checker: Checker) -> None:
    """Demand lines with numbers, each once, and one slack bus: sending end of a line, receiving end of none."""
    if not _has_columns("branches", branches, ("line", *BRANCH_NUMBERS), checker):
        return
    _check_unique("branches", branches["line"], checker)
    if any(column in branches for column in TWO_PORT) and not _has_columns("branches", branches, TWO_PORT, checker):
        return
    for column in (*BRANCH_NUMBERS, *(column for column in TWO_PORT if column in branches)):
        of = Quantity(column, "", [f"branches: line {line}" for line in branches["line"]], ONCE)
        checker.finite(CHECK, numbers(branches, column), of)
    fed_by_no_line = set(branches["from_bus"]) - set(branches["to_bus"])
    if "slack_bus" in branches:
        named = set(branches["slack_bus"])
        if len(named) != 1 or not named <= {*branches["from_bus"], *branches["to_bus"]}:
            checker.note(CHECK, "branches", f"slack_bus is {named}, must be one bus at the end of a line")
    elif len(fed_by_no_line) != 1:
        checker.note(CHECK, "branches", f"{len(fed_by_no_line)} buses are fed by no line, must be 1: the slack bus")


def _check_units(units: pd.DataFrame, branches: pd.DataFrame, study: Mapping[str, Any], checker: Checker) -> None:
    """Demand units of a known kind at a bus of the network, each once, and as many as the study's fleet has."""
    columns = ("unit", "kind", *dict.fromkeys(name for names in UNIT_NUMBERS.values() for name in names))
    if not _has_columns("units", units, columns, checker):
        return
    _check_unique("units", units["unit"], checker)
    for unit, kind in zip(units["unit"], units["kind"], strict=True):
        if kind not in UNIT_NUMBERS:
            checker.note(CHECK, f"units: {unit}", f"kind is '{kind}', the audit knows {', '.join(UNIT_NUMBERS)}")
    _check_buses("units", zip(units["unit"], units["bus"], strict=True), branches, checker)
    for kind, needed in UNIT_NUMBERS.items():
        group = units[units["kind"] == kind]
        for column in needed:
            of = Quantity(column, "", [f"units: {unit}" for unit in group["unit"]], ONCE)
            checker.finite(CHECK, numbers(group, column), of)
        feeders = Feeders(study, branches)
        listed = kind != "load" and feeders.lists_all_units
        expected = len(feeders.units(kind)) if listed else len(group)
        if len(group) != expected:
            checker.note(CHECK, f"units: {kind}", f"{len(group)} units, expected {expected} as in the study's fleet")


def _check_connections(
    connections: pd.DataFrame, branches: pd.DataFrame, study: Mapping[str, Any], checker: Checker
) -> None:
    """Demand connections at a bus of the network, each once, and as many as the study's fleet has."""
    if not _has_columns("connections", connections, LISTS["connections"], checker):
        return
    _check_unique("connections", connections["connection"], checker)
    _check_buses("connections", zip(connections["connection"], connections["bus"], strict=True), branches, checker)
    expected = len(Feeders(study, branches).connections())
    if len(connections) != expected:
        checker.note(
            CHECK, "connections", f"{len(connections)} connections, expected {expected} as in the study's fleet"
        )


def _check_list(
    name: str,
    frame: pd.DataFrame,
    keys: list[str],
    clock: Clock,
    devices: Mapping[str, Sequence[str]],
    checker: Checker,
) -> bool:
    """Demand rows of a connection with cars (and an hour), each once, and finite numbers; return whether so."""
    before = len(checker.findings)
    if not _has_columns(name, frame, LISTS[name], checker):
        return False
    known = frame["connection"].isin([connection for connection, names in devices.items() if "ev" in names])
    stranger = ~np.asarray(known, dtype=bool)
    if "hour" in frame:
        stranger |= steps_passed(frame, clock) < 0
    for row in np.flatnonzero(stranger).tolist():
        checker.note(
            CHECK,
            name,
            f"row {row} ({frame['connection'].iloc[row]}) belongs to no car in a run of {clock.days} day(s)",
        )
    for row in np.flatnonzero(frame.duplicated(keys)).tolist():
        checker.note(CHECK, name, f"row {row} ({frame['connection'].iloc[row]}) stands there more than once")
    for column in LISTS[name]:
        bad = np.zeros(len(frame), bool) if column == "connection" else ~np.isfinite(numbers(frame, column))
        for row in np.flatnonzero(bad).tolist():
            checker.note(CHECK, name, f"row {row}: {column} is {frame[column].iloc[row]}, must be a finite number")
    return len(checker.findings) == before


def _hour_table(name: str, frame: pd.DataFrame, things: Things, clock: Clock, checker: Checker) -> HourTable | None:
    """Return a table by step in order, or None after taking down why it is not complete."""
    schema, before = HOUR_TABLES[name], len(checker.findings)
    keys = ("hour", *schema.keys) if name == "market" and "day" not in frame else ("day", "hour", *schema.keys)
    if not _has_columns(name, frame, (*keys, *schema.numbers, *schema.others), checker):
        return None
    place = _places(frame, schema.keys, things, clock)
    for row in np.flatnonzero(place < 0).tolist():
        text = ", ".join(f"{key} {frame[key].iloc[row]}" for key in keys)
        checker.note(CHECK, name, f"row {row} ({text}) belongs to nothing in a run of {clock.days} day(s)")
    names = [" ".join(map(str, thing)) for thing in things]
    shape = (clock.count, len(things))
    count = np.bincount(place[place >= 0], minlength=shape[0] * shape[1]).reshape(shape)
    of = Quantity("number of rows", "", [f"{name}: {thing}".removesuffix(": ") for thing in names])
    checker.equal(CHECK, count, 1, of, within=0.0)
    if len(checker.findings) > before:
        return None
    table = HourTable(frame=frame, order=np.argsort(place).reshape(shape), names=names)
    _check_numbers(name, table, things, checker)
    return table if len(checker.findings) == before else None


def _places(frame: pd.DataFrame, keys: Sequence[str], things: Things, clock: Clock) -> IntArray:
    """Return the place of every stored row in the complete table (hour by hour, thing by thing), -1 for none."""
    hour = steps_passed(frame, clock)
    thing = np.zeros(len(frame), dtype=np.int64)
    if not things:
        return np.full(len(frame), -1)
    if keys:
        wanted = {name: at for at, name in enumerate(things)}
        rows = zip(*(frame[key].tolist() for key in keys), strict=True)
        thing = np.array([wanted.get(row, -1) for row in rows], dtype=np.int64)
    return np.where((hour >= 0) & (thing >= 0), hour * len(things) + thing, -1)


def _check_numbers(name: str, table: HourTable, things: Things, checker: Checker) -> None:
    """Demand a number wherever one must be: forecasts of all but batteries, states of charge of batteries."""
    where = [f"{name}: {thing}".removesuffix(": ") for thing in table.names]
    schema = HOUR_TABLES[name]
    for column in (*schema.numbers, *(column for column in schema.optional if column in table.frame)):
        checker.finite(CHECK, table.numbers(column), Quantity(column, "", where))
    if name == "dispatch":
        battery = np.array([kind == "battery" for _, kind in things], dtype=bool)
        for column, needed in (("forecast_mw", ~battery), ("soc", battery)):
            of = Quantity(column, "", [where[k] for k in np.flatnonzero(needed)])
            checker.finite(CHECK, table.numbers(column)[:, needed], of)


def _has_columns(name: str, frame: pd.DataFrame, columns: Iterable[str], checker: Checker) -> bool:
    missing = [column for column in columns if column not in frame]
    for column in missing:
        checker.note(CHECK, name, f"column '{column}' is missing")
    return not missing


def _check_buses(name: str, places: Iterable[tuple[Any, Any]], branches: pd.DataFrame, checker: Checker) -> None:
    """Demand that everything is connected to a bus at the end of a line."""
    buses = {*branches["from_bus"], *branches["to_bus"]}
    for thing, bus in places:
        if bus not in buses:
            checker.note(CHECK, f"{name}: {thing}", f"bus is {bus}, no line has such an end")


def _check_unique(name: str, values: "pd.Series[Any]", checker: Checker) -> None:
    for value in values[values.duplicated()]:
        checker.note(CHECK, f"{name}: {value}", "stands there more than once")
