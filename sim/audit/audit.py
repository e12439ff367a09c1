"""Audit of a run from its stored tables and its study alone."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from grids.documents import read_json, read_parquet, read_yaml
from sim.audit.cars import check_cars, check_cars_at_end_of_day
from sim.audit.completeness import read_records
from sim.audit.connections import check_connections, check_exchange_limits
from sim.audit.devices import check_devices, check_stores_at_end_of_day
from sim.audit.given import ALWAYS, WITH_CONNECTIONS, without_inputs
from sim.audit.inputs import Inputs, input_checks
from sim.audit.limits import (
    check_claims,
    check_end_of_day,
    check_network_limits,
    check_tie_line,
    count_limits,
    hours_beyond,
)
from sim.audit.manifest import check_manifest, read_stored
from sim.audit.money import agents_of, check_books, check_payments, check_retail_price, check_zero_sum
from sim.audit.physics import check_physics
from sim.audit.records import Records
from sim.audit.report import AuditReport, Checker, LimitCount
from sim.audit.settlement import check_bids, check_certificate, check_deciders, check_plan, check_settlement
from sim.audit.summary import check_summary
from sim.audit.units import check_units
from sim.errors import StudyError
from sim.ledger import TABLES

Check = tuple[Callable[[Records, Checker], None], set[str]]

BOOKS: tuple[Check, ...] = (
    (check_units, {"dispatch"}),
    (check_physics, {"dispatch", "buses", "lines", "settlements", "trades"}),
    (check_bids, {"bids"}),
    (check_deciders, {"decisions", "connections"}),
    (check_certificate, {"bids"}),
    (check_settlement, {"market", "bids", "settlements"}),
    (check_plan, {"decisions", "settlements"}),
    (check_retail_price, {"market", "settlements", "trades", "decisions"}),
    (check_payments, {"market", "dispatch", "bids", "settlements", "payments", "trades", "devices"}),
    (check_books, {"market", "dispatch", "lines", "books"}),
)
"""Checks that must hold, each with the tables it reads."""

CONNECTION_BOOKS: tuple[Check, ...] = (
    (check_connections, {"trades", "devices"}),
    (check_devices, {"devices"}),
    (check_cars, {"devices", "cars", "charging"}),
)
"""Checks of microgrids and cars that must hold, each with the tables it reads."""

NETWORK_LIMITS: tuple[Check, ...] = (
    (check_network_limits, {"buses", "lines"}),
    (check_tie_line, {"settlements"}),
    (check_end_of_day, {"dispatch"}),
)
"""Checks of limits that the operation should have kept, each with the tables it reads."""

CONNECTION_LIMITS: tuple[Check, ...] = (
    (check_exchange_limits, {"trades"}),
    (check_stores_at_end_of_day, {"devices"}),
    (check_cars_at_end_of_day, {"devices", "cars", "charging"}),
)
"""Checks of limits that microgrids and cars should have kept, each with the tables it reads."""

DEVICES = (check_units, check_devices, check_cars)
"""Checks among the books that concern limits of devices."""


SUMMARY = "summary.json"

UNKNOWN_INPUTS = "nobody made them anew"


def audit(
    tables: Mapping[str, pd.DataFrame], study: Mapping[str, Any], inputs: Inputs | str = UNKNOWN_INPUTS
) -> AuditReport:
    """Return the report of an independent audit of a run.

    A table that is not complete gets its findings, and checks that read it are not made (nor listed in `checks`).

    Parameters
    ----------
    tables : mapping of DataFrame
        The tables of `sim.ledger`.
    study : mapping
        The resolved study, as in ``study.yaml``.
    inputs : Inputs or str
        Inputs of the run, made anew, see :mod:`sim.inputs`; or why they could not be made.

    Raises
    ------
    StudyError
        If a table or a value of the study is missing.
    """
    absent = [name for name in TABLES if name not in tables]
    if absent:
        raise StudyError(f"table(s) {', '.join(absent)} missing; audit all tables of a run")
    books, limits = Checker(), Checker()
    records = read_records(tables, study, books)
    connections = len(tables["connections"]) > 0
    _look(records, BOOKS + CONNECTION_BOOKS * connections, books)
    _look(records, NETWORK_LIMITS + CONNECTION_LIMITS * connections, limits)
    if isinstance(inputs, Inputs):
        _look(records, input_checks(inputs, connections=connections), books)
    by_status: dict[str, int] = {}
    if records.has({"decisions", "dispatch", "trades"}):
        check_claims(records, limits.findings, books)
        by_status = hours_beyond(records, limits.findings)
    named = "unit" in tables["units"] and "connection" in tables["connections"]
    if named and {"day", "hour", "payer", "payee", "amount"} <= set(tables["payments"]):
        check_zero_sum(tables["payments"], agents_of(tables["units"], tables["connections"]), records.clock, books)
    return AuditReport(
        findings=tuple(books.findings),
        limit_violations=tuple(limits.findings),
        limits=count_limits((books, limits)),
        hours_beyond=by_status,
        checks=books.checks | limits.checks,
        largest=books.largest | limits.largest,
        taken_as_given=ALWAYS | (WITH_CONNECTIONS if connections else {}) | without_inputs(inputs),
    )


def limits_not_kept(tables: Mapping[str, pd.DataFrame], study: Mapping[str, Any]) -> dict[str, LimitCount]:
    """Return the number of limits not kept, as `audit` counts them, without its other checks.

    Raises
    ------
    StudyError
        If a table they are counted from is not complete.
    """
    connections, checker = len(tables["connections"]) > 0, Checker()
    checks = [one for one in BOOKS + CONNECTION_BOOKS * connections if one[0] in DEVICES]
    checks += NETWORK_LIMITS + CONNECTION_LIMITS * connections
    needed = set[str]().union(*(names for _, names in checks))
    records = read_records(tables, study, checker, needed)
    if checker.findings:
        first = checker.findings[0]
        raise StudyError(f"limits can't be counted: {first.where}: {first.message}; run the study again")
    _look(records, checks, checker)
    return count_limits([checker])


def _look(records: Records, checks: Iterable[Check], checker: Checker) -> None:
    """Make the checks whose tables are complete."""
    checker.time = records.clock.time
    for check, needed in checks:
        if records.has(needed):
            check(records, checker)


def audit_folder(folder: Path, inputs_of: Callable[[Path], Inputs | str] | None = None) -> AuditReport:
    """Return the audit of a stored run, with that of its files.

    Parameters
    ----------
    folder : Path
        The folder.
    inputs_of : callable, optional
        Returns the inputs of the run in a folder, made anew, see :mod:`sim.inputs`; or why they could not be made.

    Raises
    ------
    StudyError
        If a file is missing or can't be read; the message names it and the remedy.
    """
    tables = {name: read_stored(folder / f"{name}.parquet", read_parquet) for name in TABLES}
    study = read_stored(folder / "study.yaml", partial(read_yaml, form="a study"))
    summary = read_stored(folder / SUMMARY, read_json)
    report = audit(tables, study, UNKNOWN_INPUTS if inputs_of is None else inputs_of(folder))
    files, tables_whole = Checker(), Checker()
    records = read_records(tables, study, tables_whole)
    if not tables_whole.findings:
        check_summary(summary, records, report, files)
    notes = check_manifest(folder, files, needed=("study.yaml", SUMMARY, *(f"{name}.parquet" for name in TABLES)))
    return replace(
        report,
        findings=(*files.findings, *report.findings),
        checks=files.checks | report.checks,
        notes=(*report.notes, *notes),
    )
