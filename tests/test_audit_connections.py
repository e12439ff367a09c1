"""The audit of microgrids and cars: honest networked runs are clean, and every tampered number is found."""

from time import perf_counter

import numpy as np
import pytest
from audited import NOON, Run, row_of, simulate, unguarded
from test_audit_books import LIMITS, Tampering

from sim.audit.schema import LISTS
from sim.ledger import read_tables, write_tables

QUICK = ("policy=myopic", "bidding=basic")
CONNECTION_TABLES = {"trades", "devices", *LISTS}
CONNECTION_LIMITS = {"exchange_limits", "end_of_day_stores", "end_of_day_cars"}


@pytest.fixture(scope="module")
def two_feeders() -> Run:
    """Two feeders with electric heaters, which leave some heat load unserved in the last hour."""
    heater = "fleet.microgrid.0.heat_unit.reading=electric_heater"
    return simulate("networked33", *QUICK, "grid.feeders=2", heater, "coordination=uncoordinated")


# ---- honest runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["networked", "two_feeders"])
def test_an_honest_networked_run_is_clean(name, request):
    run = request.getfixturevalue(name)
    report = run.audit()
    assert report.findings == ()
    assert report.largest["connection_balance"] < 1e-12
    assert report.largest["cars_left"] < 1e-12
    assert report.checks["connection_orders"] == 2 * len(run.tables["trades"])
    assert report.checks["payments"] == len(run.tables["payments"])
    # A policy that does not look ahead leaves to the last hour what does not fit into it.
    late = {"end_of_day_cars"} if name == "networked" else {"end_of_day_cars", "end_of_day_stores"}
    assert {violation.check for violation in report.limit_violations} <= late


def test_what_is_not_served_is_recorded(two_feeders):
    assert two_feeders.tables["trades"]["shortfall_mw"].max() > 1e-3


def test_the_second_feeder_has_the_first_ones_numbers_and_33_more(two_feeders):
    connections = two_feeders.tables["connections"]
    microgrids = connections[connections["kind"] == "microgrid"]["bus"].tolist()
    assert microgrids == [9, 16, 18, 31, 33, 42, 49, 51, 64, 66]
    assert connections[connections["kind"] == "ev_aggregator"]["bus"].tolist() == [3, 36]


def test_rows_in_another_order_are_the_same_networked_run(networked):
    tables = {
        name: frame.sample(frac=1, random_state=1) if name in {"trades", "devices", "cars", "charging"} else frame
        for name, frame in networked.tables.items()
    }
    report = networked._replace(tables=tables).audit()
    assert report.clean
    assert report.checks == networked.audit().checks


def test_a_day_of_five_microgrids_is_audited_in_a_fraction_of_a_second(networked):
    seconds = []
    for _ in range(3):
        start = perf_counter()
        networked.audit()
        seconds.append(perf_counter() - start)
    assert min(seconds) < 0.6


def test_a_run_without_connections_has_their_tables_empty_with_their_columns(receding, networked, tmp_path):
    write_tables(receding.tables, tmp_path)
    stored = read_tables(tmp_path)
    for table in CONNECTION_TABLES:
        assert stored[table].empty
        assert list(stored[table]) == list(networked.tables[table])
    assert not {"connection_balance", "device_limits", "cars_left"} & receding.audit().checks.keys()


# ---- tampered books ------------------------------------------------------------------------------------------

AT_9 = NOON | {"connection": "microgrid_9"}
MIDNIGHT = {"day": 1, "hour": 24, "connection": "microgrid_9"}


def at(device, when=AT_9):
    return when | {"device": device}


TAMPERINGS = [
    Tampering("connection_fleet", "connections", {"connection": "microgrid_9"}, "bus", 10),
    Tampering("connection_fleet", "connections", {"connection": "microgrid_9"}, "kind", "ev_aggregator"),
    Tampering("connection_fleet", "connections", {"connection": "ev_aggregator_3"}, "max_exchange_mw", 0.7),
    Tampering("connection_balance", "trades", AT_9, "p_mw", lambda p: p + 1e-6),
    Tampering("connection_balance", "devices", at("diesel"), "q_mvar", lambda q: q + 1e-6),
    Tampering("heat_balance", "devices", at("heat_unit"), "heat_mw", lambda heat: heat - 1e-6),
    Tampering("shortfall", "trades", AT_9, "shortfall_mw", 1e-6),
    Tampering("shortfall", "devices", at("load"), "available_mw", lambda p: p + 1e-6),
    Tampering("connection_orders", "trades", AT_9, "ordered_p_mw", lambda p: p + 1e-5),
    Tampering("connection_orders", "trades", AT_9, "ordered_q_mvar", lambda q: q + 1e-5),
    Tampering("active_balance", "trades", AT_9, "p_mw", lambda p: p + 3e-5),
    Tampering("reactive_balance", "trades", AT_9, "q_mvar", lambda q: q + 3e-5),
    Tampering("device_limits", "devices", at("load"), "p_mw", 1e-6),
    Tampering("device_limits", "devices", at("heat_load"), "heat_mw", -0.5),
    Tampering("device_limits", "devices", at("output"), "p_mw", 0.036),
    Tampering("device_limits", "devices", at("output"), "available_mw", 0.036),
    Tampering("device_limits", "devices", at("battery"), "p_mw", -0.031),
    Tampering("device_limits", "devices", at("battery"), "q_mvar", 0.01),
    Tampering("device_limits", "devices", at("thermal_storage"), "heat_mw", 0.031),
    Tampering("device_limits", "devices", at("thermal_storage"), "p_mw", 0.01),
    Tampering("device_limits", "devices", at("diesel"), "p_mw", -0.01),
    Tampering("device_limits", "devices", at("diesel"), "q_mvar", 0.11),
    Tampering("device_limits", "devices", at("heat_unit"), "heat_mw", 0.13),
    Tampering("device_limits", "devices", at("ev"), "p_mw", 0.01),
    *(
        Tampering("device_costs", "devices", at(device), "cost", lambda money: money + 1e-6)
        for device in ("load", "battery", "thermal_storage", "diesel", "heat_unit", "ev")
    ),
    Tampering("stored_energy", "devices", at("battery"), "energy_mwh", lambda energy: energy + 1e-6),
    Tampering("stored_energy", "devices", at("thermal_storage"), "heat_mw", lambda heat: heat + 1e-6),
    Tampering("stored_energy_limits", "devices", at("battery"), "energy_mwh", 0.091),
    Tampering("stored_energy_limits", "devices", at("thermal_storage"), "energy_mwh", -0.001),
    Tampering("car_numbers", "cars", {"connection": "microgrid_9", "stay": 0}, "car", 50),
    Tampering("car_numbers", "cars", {"connection": "microgrid_9", "stay": 0}, "stay", 1000),
    Tampering("car_needs", "cars", {"connection": "microgrid_9", "stay": 0}, "need_mwh", lambda need: need - 1e-6),
    Tampering("car_needs", "cars", {"connection": "microgrid_9", "stay": 0}, "start_mwh", lambda start: start + 1e-6),
    Tampering("car_needs", "cars", {"connection": "microgrid_9", "stay": 0}, "arrival_soc", -0.1),
    Tampering("car_needs", "cars", {"connection": "microgrid_9", "stay": 0}, "full", False),
    Tampering("charging_limits", "cars", {"connection": "microgrid_9", "stay": 50}, "arrival_h", 47.5),
    Tampering("one_stay_at_a_time", "cars", {"connection": "microgrid_9", "stay": 50}, "arrival_h", 1.0),
    Tampering("charging_limits", "charging", MIDNIGHT, "p_mw", 7e-3),
    Tampering("charging_limits", "charging", MIDNIGHT, "p_mw", -1e-6),
    Tampering("charging_sum", "charging", MIDNIGHT, "p_mw", lambda p: p + 1e-6),
    Tampering("charging_sum", "devices", at("ev"), "energy_mwh", lambda energy: energy + 1e-6),
    Tampering("cars_left", "charging", MIDNIGHT, "p_mw", lambda p: 0.9 * p),
    Tampering("uncontrolled", "devices", at("ev", MIDNIGHT), "available_mw", lambda p: p + 1e-6),
    Tampering("availability", "devices", at("output"), "available_mw", lambda p: p + 1e-6),
    Tampering("cars_drawn", "cars", {"connection": "microgrid_9", "stay": 0}, "arrival_h", lambda hour: hour + 0.01),
    Tampering("retail_price", "trades", AT_9, "retail_price_per_mwh", lambda price: price + 1e-6),
    Tampering("payments", "trades", AT_9, "price_per_mwh", lambda price: price + 1.0),
    *(
        Tampering("payments", "payments", NOON | {"term": term}, "amount", lambda money: money + 1e-6)
        for term in ("trade", "ev_revenue", "discomfort")
    ),
    Tampering("zero_sum", "payments", NOON | {"term": "trade"}, "payer", "a stranger"),
    Tampering("zero_sum", "payments", NOON | {"term": "discomfort"}, "payee", "a stranger"),
    Tampering("completeness", "trades", AT_9, "hour", 13),
    Tampering("completeness", "devices", at("ev"), "device", "diesel"),
    Tampering("completeness", "devices", at("ev"), "p_mw", np.nan),
    Tampering("completeness", "charging", MIDNIGHT, "hour", 25),
    Tampering("completeness", "charging", MIDNIGHT, "connection", "a stranger"),
    Tampering("completeness", "cars", {"connection": "microgrid_9", "stay": 0}, "stay", 1),
    Tampering("completeness", "cars", {"connection": "microgrid_9", "stay": 0}, "need_mwh", np.nan),
    Tampering("completeness", "connections", {"connection": "microgrid_9"}, "connection", "microgrid_16"),
]


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda t: f"{t.check}-{t.table}.{t.column}")
def test_every_check_of_connections_notices_a_tampered_cell(networked, tampering):
    check, table, which, column, change = tampering
    row = row_of(networked.tables[table], which)
    value = change(networked.tables[table].loc[row, column]) if callable(change) else change
    report = networked.with_cell(table, row, column, value).audit()
    assert not report.clean
    found = [finding for finding in report.findings if finding.check == check]
    assert found, {finding.check for finding in report.findings}
    assert all(finding.day in (0, 1, 2) and 0 <= finding.hour <= 24 and finding.where for finding in found)


def test_no_check_of_connections_is_without_a_tampering(networked, receding):
    new = networked.audit().checks.keys() - receding.audit().checks.keys()
    assert new <= {tampering.check for tampering in TAMPERINGS} | CONNECTION_LIMITS
    assert {tampering.check for tampering in TAMPERINGS} <= networked.audit().checks.keys() - LIMITS


# When cars come and go is given; what they need and what they get follows.
GIVEN = {"cars": {"arrival_h", "departure_h"}}


@pytest.mark.parametrize("table", sorted(CONNECTION_TABLES))
def test_no_number_of_connections_is_unguarded(networked, table):
    assert unguarded(networked, table, GIVEN.get(table, ())) == []


def test_a_connection_may_leave_its_order_by_as_much_as_it_says(networked):
    trades = networked.tables["trades"]
    row = row_of(trades, AT_9)
    off = networked.with_cell("trades", row, "ordered_p_mw", 0.1)
    assert {finding.check for finding in off.audit().findings} == {"connection_orders"}
    by = trades.loc[row, "p_mw"] - 0.1
    for said, clean in (
        (f"off by {by:+.6f} MW, +0.000000 Mvar", True),
        (f"the solver failed: loads served from the network, off by {by:+.6f} MW, -0.000000 Mvar", True),
        (f"off by {by + 1e-5:+.6f} MW, +0.000000 Mvar", False),
        (f"off by {by:+.6f} MW, +0.000010 Mvar", False),
        ("the solver failed", False),
    ):
        assert off.with_cell("trades", row, "note", said).audit().clean == clean, said


def test_a_microgrid_missing_from_the_tables_is_found(networked):
    connections = networked.tables["connections"]
    found = networked.changed("connections", connections.iloc[1:]).audit().findings
    assert [finding.message for finding in found if finding.where == "connections"] == [
        "5 connections, expected 6 as in the study's fleet"
    ]


def test_cars_that_charge_in_one_hour_what_they_did_in_another_are_found(networked):
    charging = networked.tables["charging"].copy()
    mine = charging[(charging["connection"] == "microgrid_9") & (charging["day"] == 1)]
    charging.loc[mine.index, "hour"] = charging.loc[mine.index, "hour"].to_numpy()[::-1]
    found = {finding.check for finding in networked.changed("charging", charging).audit().findings}
    assert "charging_sum" in found or "completeness" in found


# ---- limits --------------------------------------------------------------------------------------------------

TIGHTER = [
    ("end_of_day_stores", "fleet.microgrid.0.battery.min_end_soc", 1.0),
    ("end_of_day_stores", "fleet.microgrid.0.thermal_storage.min_end_soc", 1.0),
]


@pytest.mark.parametrize(("limit", "path", "value"), TIGHTER)
def test_every_limit_of_stores_can_be_violated(networked, limit, path, value):
    report = networked.with_instance(path, value).audit()
    assert limit in {violation.check for violation in report.limit_violations}
    assert report.clean


def test_the_exchange_limit_can_be_violated(networked):
    run = networked.with_instance("fleet.microgrid.0.max_exchange_mw", 0.01)
    connections = networked.tables["connections"]
    tight = connections.assign(
        max_exchange_mw=connections["max_exchange_mw"].where(connections["kind"] != "microgrid", 0.01)
    )
    report = run.changed("connections", tight).audit()
    assert report.clean
    assert {v.check for v in report.limit_violations} >= {"exchange_limits"}


def test_cars_that_are_late_at_midnight_are_a_violation_of_a_limit():
    run = simulate("networked33", *QUICK, "coordination=uncoordinated", "fleet.ev_aggregator.0.ev.start_fill=0.0")

    def late(of):
        return {found.where for found in of.audit().limit_violations if found.check == "end_of_day_cars"}

    assert "ev_aggregator_3" in late(run.with_instance("fleet.ev_aggregator.0.ev.start_fill", 1.0))
    assert "ev_aggregator_3" not in late(run)  # those that need not be charged yet are not late
