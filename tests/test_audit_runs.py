"""The audit of honest runs: the books hold, violated limits are listed, penalties are derived again."""

from importlib.resources import files
from time import perf_counter

import numpy as np
import pandas as pd
import pytest
from audited import NOON, Run, row_of, simulate

from sim.audit import limits_not_kept
from sim.audit.settlement import penalty
from sim.errors import StudyError
from sim.ledger import TABLES
from sim.messages import Submission


@pytest.fixture(scope="module")
def no_anm() -> Run:
    return simulate("microgrid33", "bidding=basic", "policy=none")


@pytest.fixture(scope="module")
def refused() -> Run:
    said = {"asked": "anm_aware", "strategy": "too much", "reason": "to be refused"}
    bid = Submission(bid_mw=np.full(24, 11.0), battery_p_mw=np.zeros((24, 5)), **said)
    return simulate("microgrid33", "policy=none", "market.rule=caiso", fixed=bid)


# ---- honest runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["receding", "no_anm", "export", "refused"])
def test_an_honest_run_is_clean(name, request):
    run = request.getfixturevalue(name)
    report = run.audit()
    assert report.clean
    assert report.findings == ()
    assert str(report).startswith("audit: clean (")
    assert report.largest["active_balance"] < 1e-6
    assert report.largest["zero_sum"] < 1e-9
    assert report.checks["active_balance"] == len(run.tables["buses"])
    assert report.checks["payments"] == len(run.tables["payments"])


def test_anm_keeps_all_limits(receding, export):
    assert receding.audit().limit_violations == ()
    assert export.audit().limit_violations == ()


def test_without_anm_limits_are_violated_and_listed_but_the_books_hold(no_anm):
    report = no_anm.audit()
    assert report.clean
    low = {f.where for f in report.limit_violations if f.check == "voltage_limits" and f.hour == 17}
    assert {f"bus {bus}" for bus in (*range(10, 19), *range(30, 34))} <= low  # Fig. 7a: 10-18 and 28-33
    assert low <= {f"bus {bus}" for bus in (*range(9, 19), *range(28, 34))}
    assert {f.check for f in report.limit_violations} == {"voltage_limits", "tie_line_power_factor"}


def test_rows_in_another_order_are_the_same_run(receding):
    by_hour = TABLES.keys() - {"units", "branches"}
    tables = {
        name: frame.sample(frac=1, random_state=1) if name in by_hour else frame
        for name, frame in receding.tables.items()
    }
    report = receding._replace(tables=tables).audit()
    assert report.clean
    assert report.checks == receding.audit().checks


def test_a_day_is_audited_in_a_fraction_of_a_second(receding):
    seconds = []
    for _ in range(3):
        start = perf_counter()
        receding.audit()
        seconds.append(perf_counter() - start)
    assert min(seconds) < 0.3


# ---- limits --------------------------------------------------------------------------------------------------

TIGHTER = [
    ("voltage_limits", "grid.voltage.max_vm_pu", 0.99),
    ("voltage_limits", "grid.voltage.min_vm_pu", 0.97),
    ("tie_line_capacity", "grid.tie_line.max_s_mva", 2.0),
    ("tie_line_power_factor", "grid.tie_line.min_power_factor", 0.999),
    ("end_of_day_soc", "fleet.battery.0.min_end_soc", 0.9),
]


@pytest.mark.parametrize(("limit", "path", "value"), TIGHTER)
def test_every_limit_can_be_violated(receding, limit, path, value):
    report = receding.with_instance(path, value).audit()
    assert limit in {violation.check for violation in report.limit_violations}
    assert limit not in {finding.check for finding in report.findings}
    assert report.largest[limit] > 0


def test_an_overloaded_line_is_a_violation_and_not_a_finding(receding):
    branches, lines = receding.tables["branches"], receding.tables["lines"]
    rated = receding.with_instance("grid.line_max_s_mva", 1.5)
    run = rated.changed("branches", branches.assign(max_i_pu=branches["max_i_pu"] / 4))
    run = run.changed("lines", lines.assign(loading_percent=4 * lines["loading_percent"]))
    report = run.recorded_as("least_violation").audit()
    assert report.clean
    assert {violation.check for violation in report.limit_violations} == {"loading_limits"}
    assert "%" in report.limit_violations[0].message
    said = str(report).splitlines()
    assert said[1] == f"limits: {len(report.limit_violations):,} not kept"
    assert said[2].startswith("  loading_limits day 1 hour ")


def test_export_breaks_the_import_only_reading_alone(export):
    assert "tie_line_power_factor" not in {v.check for v in export.audit().limit_violations}
    read = export.with_instance("grid.tie_line.power_factor_reading", "import_only")
    report = read.recorded_as("inexact").audit()
    assert report.clean
    exports = export.tables["settlements"].query("metered_mw < -1e-3")
    violated = {(v.day, v.hour) for v in report.limit_violations if v.check == "tie_line_power_factor"}
    assert violated >= set(zip(exports["day"], exports["hour"], strict=True)) != set()


KINDS = {
    "voltage": ("grid.voltage.min_vm_pu", 0.97, "p.u."),
    "tie_capacity": ("grid.tie_line.max_s_mva", 2.0, "MVA"),
    "tie_power_factor": ("grid.tie_line.min_power_factor", 0.999, "Mvar"),
    "device": ("fleet.battery.0.min_end_soc", 0.9, "MWh"),
}


def test_limits_are_counted_by_kind_with_the_worst_excess(receding, no_anm):
    study, tables = receding.with_instance("grid.tie_line.max_s_mva", 2.0).study, receding.tables
    tie, counts = tables["settlements"], limits_not_kept(tables, study)
    excess = np.hypot(tie["metered_mw"], tie["metered_q_mvar"]) - 2.0
    assert counts["tie_capacity"].count == (excess > 0).sum() > 3
    assert counts["tie_capacity"].worst == pytest.approx(excess.max())
    limits, buses = no_anm.audit().limits, no_anm.tables["buses"]
    short = 0.95 - buses["vm_pu"]
    assert limits["voltage"].count == (short > 1e-6).sum() > 100
    assert limits["voltage"].worst == pytest.approx(short.max())
    assert limits["tie_power_factor"].count > 20
    assert [limits[name].count for name in ("line_current", "tie_capacity", "device")] == [0, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_limit_is_counted_alike_with_and_without_the_rest_of_the_audit(receding, kind):
    path, value, unit = KINDS[kind]
    run = receding.with_instance(path, value)
    limits = run.audit().limits
    assert (limits[kind].count > 0, limits[kind].unit) == (True, unit)
    assert limits[kind].worst > 0
    assert limits_not_kept(run.tables, run.study) == limits
    assert {name for name, one in limits.items() if one.count} == {kind}


def test_a_device_beyond_its_own_limits_is_counted_in_mwh(receding):
    row = row_of(receding.tables["dispatch"], {**NOON, "kind": "battery"})
    limits = receding.with_cell("dispatch", row, "q_mvar", 0.28).audit().limits  # of a converter of 0.18 MVA
    assert (limits["device"].count, limits["device"].unit) == (1, "MWh")
    assert limits["device"].worst == pytest.approx(0.1, abs=0.02)


def test_the_slack_keeps_the_main_grids_voltage_whatever_the_limits(receding):
    report = receding.with_instance("grid.voltage.max_vm_pu", 0.99).audit()
    assert "bus 2" in {violation.where for violation in report.limit_violations}
    assert "bus 1" not in {violation.where for violation in report.limit_violations}


def test_limits_of_tables_that_are_not_complete_are_not_counted(receding):
    with pytest.raises(StudyError, match="limits can't be counted: buses"):
        limits_not_kept({**receding.tables, "buses": receding.tables["buses"].iloc[1:]}, receding.study)


# ---- what decisions say of limits ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["optimal", "repaired"])
@pytest.mark.parametrize(("limit", "path", "value"), TIGHTER)
def test_a_decision_that_says_that_it_keeps_limits_it_breaks_is_a_finding(receding, limit, path, value, status):
    report = receding.with_instance(path, value).recorded_as(status).audit()
    assert limit in {one.check for one in report.limit_violations}
    claims = [finding for finding in report.findings if finding.check == "claims"]
    broken = {(one.day, one.hour, one.where) for one in report.limit_violations}
    assert {(finding.day, finding.hour, finding.where) for finding in claims} == broken
    assert f"recorded as {status}, but" in claims[0].message


@pytest.mark.parametrize("status", ["least_violation", "inexact", "unplanned"])
def test_a_decision_that_does_not_say_so_is_recorded_as_what_it_is(receding, status):
    report = receding.with_instance("grid.voltage.min_vm_pu", 0.97).recorded_as(status).audit()
    assert report.clean
    assert report.hours_beyond == {status: len({one.hour for one in report.limit_violations})}


def test_a_status_nobody_knows_is_a_finding(receding):
    row = row_of(receding.tables["decisions"], NOON)
    (finding,) = receding.with_cell("decisions", row, "status", "fine").audit().findings
    assert (finding.check, finding.hour) == ("claims", 12)
    assert "'fine', the audit knows optimal" in finding.message


@pytest.mark.parametrize(("ordered", "explains"), [(-0.3, True), (-0.0005, False)])
def test_a_unit_that_did_markedly_other_than_ordered_explains_a_limit_not_kept(receding, ordered, explains):
    run = receding.with_instance("grid.tie_line.min_power_factor", 0.999)
    hours = {one.hour for one in run.audit().findings}
    dispatch = run.tables["dispatch"]
    battery = (dispatch["kind"] == "battery") & (dispatch["hour"] == min(hours))
    row = dispatch.index[battery][0]
    run = run.with_cell("dispatch", row, "ordered_p_mw", dispatch.loc[row, "p_mw"] + ordered)
    found = run.with_cell("dispatch", row, "clipped", True).audit().findings
    left = {one.hour for one in found if one.check == "claims"}
    assert left == (hours - {min(hours)} if explains else hours)


def test_what_is_connected_to_the_bus_of_the_tie_line_adds_to_it():
    run = simulate("microgrid33", "bidding=basic", "policy=myopic", "fleet.battery.0.bus=1", "fleet.wind.0.bus=1")
    dispatch = run.tables["dispatch"]
    for unit in ("battery_1", "wind_1"):
        assert dispatch[dispatch["unit"] == unit]["p_mw"].abs().max() > 0.01
    assert run.audit().clean


# ---- penalties -----------------------------------------------------------------------------------------------

ONE = [{"band": 0.05, "over": 0.5, "under": 0.5}]
TWO = [{"band": 0.05, "over": 0.25, "under": 0.25}, {"band": 0.10, "over": 0.50, "under": 1.00}]
NO_BAND = [{"band": 0.0, "over": 0.20, "under": 0.15}]
BY_HAND = [
    (ONE, 10, 10.5, 100, 0.0),  # on the edge of the band
    (ONE, 10, 11, 100, 25.0),  # 0.5 MWh beyond 10.5 at 50 $
    (ONE, 10, 9, 100, 25.0),
    (ONE, 0, 1, 100, 50.0),  # no bid, no band
    (ONE, -10, -9, 100, 25.0),  # exports less than bid: 0.5 MWh beyond -9.5
    (TWO, 10, 10.8, 100, 7.5),  # 0.3 MWh in the first tier at 25 $
    (TWO, 10, 12, 100, 112.5),  # 0.5 at 25 $, then 1.0 at 100 $
    (TWO, 10, 8, 100, 62.5),  # 0.5 at 25 $, then 1.0 at 50 $
    (TWO, -10, -8, 100, 112.5),  # exports 2 less: the same as drawing 2 more
    (TWO, 0, 1, 100, 100.0),  # no bid: all of it in the last tier
    (NO_BAND, 4, 6, 30, 9.0),
    (NO_BAND, 4, 2, 30, 12.0),
]


@pytest.mark.parametrize(("tiers", "bid", "metered", "price", "expected"), BY_HAND)
def test_penalty_by_hand(tiers, bid, metered, price, expected):
    assert penalty(bid, metered, base_price=price, tiers=tiers) == pytest.approx(expected)


@pytest.mark.parametrize("rule", ["shi", "nguyen", "caiso", "case2"])
def test_every_rule_is_re_derived(rule):
    run = simulate("microgrid33", "bidding=basic", "policy=none", f"market.rule={rule}")
    report = run.audit()
    assert report.clean
    assert run.tables["settlements"]["penalty"].sum() > 1
    other = "hour" if rule == "nguyen" else "day_peak"
    assert "penalty" in {f.check for f in run.with_instance("market.rule.base_price", other).audit().findings}


@pytest.mark.parametrize("others", [1, -1], ids=["one hour below zero", "all hours below zero"])
def test_the_peak_price_of_a_day_is_its_largest(tmp_path, others):
    day = pd.read_csv(files("sim").joinpath("data", "microgrid33_day.csv"))
    prices = [name for name in day if name.startswith("day_ahead_price")]
    day[prices] *= others
    day.loc[3, prices] = -500.0
    day.to_csv(tmp_path / "day.csv", index=False)
    run = simulate(
        "microgrid33", "bidding=basic", "policy=none", "market.rule=nguyen", f"profiles.file={tmp_path / 'day.csv'}"
    )
    assert run.audit().clean
    settled = run.tables["settlements"]
    off = settled["over_mwh"] + settled["under_mwh"]
    assert off.max() > 0.01
    assert settled["penalty"].to_numpy() == pytest.approx(abs(run.tables["market"]["price_per_mwh"].max()) * off)


def test_a_refused_bid_counts_as_zero(refused):
    assert not refused.tables["bids"]["accepted"].any()
    assert (refused.tables["settlements"]["bid_mw"] == 0).all()
    row = row_of(refused.tables["bids"], NOON)
    found = refused.with_cell("bids", row, "bid_mw", 1.0).audit().findings
    assert {"refused_bid", "settled_bid"} <= {finding.check for finding in found}
