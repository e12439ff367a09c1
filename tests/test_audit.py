"""The audit: honest runs are clean, and every check, cell and table can be made to fail."""

import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml

import experiments
from agents.cast import cast_players
from sim.audit import AuditReport, audit, audit_folder
from sim.audit.settlement import penalty
from sim.errors import StudyError
from sim.ledger import TABLES, write_tables
from sim.messages import Submission
from sim.model import MarketModel
from sim.setting import Setting
from sim.study_file import read_study, write_study

STUDIES = Path(experiments.__file__).parent / "studies"
SMALL = ("uncertainty.scenarios=10", "uncertainty.keep=2")
LIMITS = {"voltage_limits", "loading_limits", "tie_line_capacity", "tie_line_power_factor", "end_of_day_soc"}


class Run(NamedTuple):
    """What a run leaves behind."""

    tables: dict[str, pd.DataFrame]
    study: dict[str, Any]

    def audit(self) -> AuditReport:
        return audit(self.tables, self.study)

    def changed(self, table: str, frame: pd.DataFrame) -> "Run":
        return self._replace(tables={**self.tables, table: frame})

    def with_cell(self, table: str, row: int, column: str, value: object) -> "Run":
        frame = self.tables[table].copy()
        frame[column] = frame[column].astype(object) if isinstance(value, str) else frame[column]
        frame.loc[row, column] = value
        return self.changed(table, frame)

    def with_setting(self, path: str, value: object) -> "Run":
        study = yaml.safe_load(yaml.safe_dump(self.study))
        node = study
        *parents, last = path.split(".")
        for key in parents:
            node = node[int(key) if isinstance(node, list) else key]
        node[last] = value
        return self._replace(study=study)


def play(name: str, *overrides: str, fixed: Submission | None = None) -> Run:
    study = read_study(STUDIES / f"{name}.yaml", (*SMALL, *overrides))
    model = MarketModel(Setting.of(study))
    cast_players(model, fixed=fixed)
    model.run_days(study.days)
    return Run(model.ledger.frames(), yaml.safe_load(write_study(study)))


@pytest.fixture(scope="module")
def receding() -> Run:
    return play("microgrid33")


@pytest.fixture(scope="module")
def no_anm() -> Run:
    return play("microgrid33", "bidding=basic", "policy=none")


@pytest.fixture(scope="module")
def export() -> Run:
    return play("microgrid33-export", "policy=myopic", "days=3", "fleet.battery.0.efficiency=0.9")


@pytest.fixture(scope="module")
def refused() -> Run:
    bid = Submission(bid_mw=np.full(24, 11.0), strategy="too much", battery_p_mw=np.zeros((24, 5)))
    return play("microgrid33", "policy=none", "market.rule=caiso", fixed=bid)


# ---- honest runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["receding", "no_anm", "export", "refused"])
def test_an_honest_run_is_clean(name, request):
    run = request.getfixturevalue(name)
    report = run.audit()
    assert report.clean
    assert report.findings == ()
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


# ---- every check can fail ------------------------------------------------------------------------------------


class Tampering(NamedTuple):
    """One cell changed in the books of the receding run, and the check that must notice."""

    check: str
    table: str
    which: dict[str, object]
    column: str
    change: Any  # a new value, or a function of the old one


PENALISED: dict[str, object] = {"hour": "the one with the largest penalty"}
NOON = {"day": 1, "hour": 12}
TAMPERINGS = [
    Tampering("completeness", "buses", NOON | {"bus": 18}, "vm_pu", np.nan),
    Tampering("fleet", "units", {"unit": "battery_30"}, "max_e_mwh", 0.7),
    Tampering("load_limits", "dispatch", NOON | {"unit": "load_5"}, "p_mw", lambda p: p + 0.01),
    Tampering("load_limits", "dispatch", NOON | {"unit": "load_5"}, "p_mw", -0.01),
    Tampering("load_power_factor", "dispatch", NOON | {"unit": "load_5"}, "q_mvar", lambda q: q + 1e-6),
    Tampering("renewable_limits", "dispatch", NOON | {"unit": "pv_9"}, "p_mw", lambda p: p + 0.2),
    Tampering("renewable_limits", "dispatch", NOON | {"unit": "pv_9"}, "p_mw", -0.01),
    Tampering("renewable_circle", "dispatch", NOON | {"unit": "pv_9"}, "q_mvar", 0.37),
    Tampering("renewable_power_factor", "dispatch", NOON | {"unit": "pv_9"}, "q_mvar", -0.3),
    Tampering("battery_circle", "dispatch", NOON | {"unit": "battery_2"}, "q_mvar", -0.19),
    Tampering("battery_capacity", "dispatch", NOON | {"unit": "battery_2"}, "available_mw", 0.2),
    Tampering("orders", "dispatch", NOON | {"unit": "battery_2"}, "ordered_p_mw", lambda p: p + 1e-5),
    Tampering("orders", "dispatch", NOON | {"unit": "wind_6"}, "ordered_q_mvar", lambda q: q + 1e-5),
    Tampering("soc", "dispatch", NOON | {"unit": "battery_2"}, "soc", lambda soc: soc + 1e-5),
    Tampering("soc", "dispatch", {"day": 1, "hour": 1, "unit": "battery_2"}, "p_mw", lambda p: p + 1e-5),
    Tampering("soc", "units", {"unit": "battery_2"}, "start_soc", 0.6),
    Tampering("soc_limits", "dispatch", NOON | {"unit": "battery_2"}, "soc", 0.96),
    Tampering("soc_limits", "dispatch", NOON | {"unit": "battery_2"}, "soc", 0.19),
    Tampering("active_balance", "dispatch", NOON | {"unit": "load_5"}, "p_mw", lambda p: p - 3e-5),
    Tampering("active_balance", "settlements", NOON, "metered_mw", lambda p: p + 3e-5),
    Tampering("active_balance", "branches", {"line": 7}, "r_pu", lambda r: 1.1 * r),
    Tampering("reactive_balance", "dispatch", NOON | {"unit": "battery_2"}, "q_mvar", lambda q: q + 3e-5),
    Tampering("reactive_balance", "settlements", NOON, "metered_q_mvar", lambda q: q + 3e-5),
    Tampering("reactive_balance", "buses", NOON | {"bus": 18}, "va_degree", lambda va: va + 0.01),
    Tampering("line_flow", "lines", NOON | {"line": 7}, "p_mw", lambda p: p + 1e-6),
    Tampering("line_flow", "lines", NOON | {"line": 7}, "q_mvar", lambda q: q + 1e-6),
    Tampering("line_loss", "lines", NOON | {"line": 7}, "loss_mw", lambda p: p + 1e-6),
    Tampering("line_loading", "lines", NOON | {"line": 7}, "loading_percent", lambda part: part + 1e-4),
    Tampering("line_loading", "branches", {"line": 7}, "max_i_pu", 5.0),
    Tampering("slack_voltage", "buses", NOON | {"bus": 1}, "vm_pu", 1.01),
    Tampering("refused_bid", "bids", NOON, "accepted", False),
    Tampering("refused_bid", "bids", NOON, "reason", "late"),
    Tampering("bid_capacity", "bids", NOON, "bid_mw", 10.1),
    Tampering("certificate", "bids", NOON, "cone_gap", 0.5),
    Tampering("certificate", "bids", NOON, "power_flow_mismatch_mw", 0.01),
    Tampering("settled_bid", "settlements", NOON, "bid_mw", lambda bid: bid + 1e-6),
    Tampering("settled_bid", "bids", NOON, "bid_mw", lambda bid: bid + 1e-6),
    Tampering("band", "settlements", NOON, "lower_mw", lambda p: p - 1e-6),
    Tampering("band", "settlements", NOON, "upper_mw", lambda p: p + 1e-6),
    Tampering("imbalance", "settlements", NOON, "over_mwh", lambda e: e + 1e-6),
    Tampering("imbalance", "settlements", NOON, "under_mwh", lambda e: e + 1e-6),
    Tampering("penalty", "settlements", NOON, "penalty", lambda money: money + 1e-6),
    Tampering("penalty", "market", PENALISED, "price_per_mwh", lambda price: price + 50.0),
    Tampering("plan", "decisions", NOON, "planned_tie_p_mw", lambda p: p + 1e-6),
    Tampering("plan", "decisions", NOON, "power_flow_mismatch_mw", np.nan),
    *(
        Tampering("payments", "payments", NOON | {"term": term}, "amount", lambda money: money + 1e-6)
        for term in ("revenue", "load_curtailment", "generation", "generation_curtailment", "exchange", "imbalance")
    ),
    Tampering("payments", "market", {"hour": 12}, "retail_price_per_mwh", 0.0),
    Tampering("books", "books", NOON | {"term": "loss"}, "amount", lambda money: money + 1e-6),
    Tampering("books", "books", NOON | {"term": "wear"}, "amount", lambda money: money + 1e-6),
    Tampering("zero_sum", "payments", NOON | {"term": "exchange"}, "payee", "a stranger"),
    Tampering("zero_sum", "payments", NOON | {"payer": "load_5"}, "payer", "a stranger"),
]


def row_of(frame: pd.DataFrame, which: dict[str, object]) -> int:
    chosen = np.all([frame[column] == value for column, value in which.items()], axis=0)
    return int(frame.index[chosen][0])


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda t: f"{t.check}-{t.table}.{t.column}")
def test_every_check_notices_a_tampered_cell(receding, tampering):
    check, table, which, column, change = tampering
    if which is PENALISED:
        settlements = receding.tables["settlements"]
        which = {"hour": int(settlements.hour[settlements.penalty.idxmax()])}
    row = row_of(receding.tables[table], which)
    value = change(receding.tables[table].loc[row, column]) if callable(change) else change
    report = receding.with_cell(table, row, column, value).audit()
    assert not report.clean
    found = [finding for finding in report.findings if finding.check == check]
    assert found, {finding.check for finding in report.findings}
    assert all(finding.day in (0, 1) and 0 <= finding.hour <= 24 and finding.where for finding in found)


def test_no_check_is_without_a_tampering(receding):
    assert {tampering.check for tampering in TAMPERINGS} == receding.audit().checks.keys() - LIMITS


def test_a_finding_names_place_values_and_unit(receding):
    row = row_of(receding.tables["dispatch"], NOON | {"unit": "load_5"})
    served = receding.tables["dispatch"].loc[row, "available_mw"]
    (finding,) = (
        finding
        for finding in receding.with_cell("dispatch", row, "p_mw", 0.5).audit().findings
        if finding.check == "load_limits"
    )
    assert (finding.day, finding.hour, finding.where) == (1, 12, "load_5")
    assert finding.message == f"served load is 0.5 MW, above the limit of {served:.9g} MW"


# What the audit takes as given (availability and prices it can only hold against the money) or leaves out.
GIVEN = {
    "dispatch": {"forecast_mw"},
    "bids": {"cone_gap", "power_flow_mismatch_mw", "power_flow_mismatch_pu", "optimality_gap"},
    "decisions": {"violation", "cone_gap", "power_flow_mismatch_pu"},
}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # a power factor above 1
@pytest.mark.parametrize("table", TABLES)
def test_no_number_is_unguarded(receding, table):
    frame = receding.tables[table]
    rng = np.random.default_rng(7)
    for column in frame.columns.difference(list(GIVEN.get(table, ()))):
        if frame[column].dtype.kind not in "if":
            continue
        row = int(rng.choice(frame.index[frame[column].notna()]))
        other = frame[column].max() + 1 if frame[column].dtype.kind == "i" else frame.loc[row, column] + 0.37
        report = receding.with_cell(table, row, column, other).audit()
        assert not report.clean, f"{table}.{column}, row {row}"


# ---- over several days ---------------------------------------------------------------------------------------


def test_state_of_charge_and_wear_carry_over_midnight(export):
    dispatch = export.tables["dispatch"]
    last = row_of(dispatch, {"day": 1, "hour": 24, "unit": "battery_30"})
    found = export.with_cell("dispatch", last, "p_mw", dispatch.loc[last, "p_mw"] + 0.01).audit().findings
    assert {(f.day, f.hour, f.where) for f in found if f.check == "books"} == {(1, 24, "wear"), (2, 1, "wear")}
    assert (2, 1) in {(f.day, f.hour) for f in found if f.check == "soc"}


def test_a_battery_that_starts_each_day_anew_is_found(export):
    dispatch = export.tables["dispatch"].copy()
    second_day = (dispatch["day"] == 2) & (dispatch["unit"] == "battery_30")
    dispatch.loc[second_day, "soc"] += 0.05
    found = export.changed("dispatch", dispatch).audit().findings
    assert {(f.check, f.day, f.where) for f in found if f.check == "soc"} == {("soc", 2, "battery_30")}


# ---- completeness --------------------------------------------------------------------------------------------


def without(frame, rows):
    return frame.drop(index=frame.index[rows])


SPOILT = [
    ("buses", lambda frame: without(frame, [40]), "number of rows is 0, expected 1"),
    ("lines", lambda frame: pd.concat([frame, frame.iloc[[3]]]), "number of rows is 2, expected 1"),
    ("settlements", lambda frame: without(frame, range(24)), "number of rows is 0, expected 1"),
    ("dispatch", lambda frame: frame.replace({"hour": {24: 25}}), "belongs to nothing in a run of 1 day(s)"),
    ("dispatch", lambda frame: frame.replace({"kind": {"wind": "pv"}}), "belongs to nothing"),
    ("dispatch", lambda frame: frame.assign(soc=np.nan), "soc is nan, must be a finite number"),
    ("payments", lambda frame: frame.assign(day=2), "belongs to nothing"),
    ("payments", lambda frame: frame.assign(amount="much"), "amount is nan, must be a finite number"),
    ("books", lambda frame: frame.drop(columns="amount"), "column 'amount' is missing"),
    ("market", lambda frame: without(frame, [0]), "number of rows is 0, expected 1"),
    ("decisions", lambda frame: frame.iloc[:0], "number of rows is 0, expected 1"),
    ("units", lambda frame: without(frame, [-1]), "4 units, expected 5"),
    ("units", lambda frame: pd.concat([frame, frame.iloc[[0]]]), "stands there more than once"),
    ("units", lambda frame: frame.assign(kind="reactor"), "kind is 'reactor'"),
    ("units", lambda frame: frame.assign(bus=99), "bus is 99"),
    ("units", lambda frame: frame.assign(efficiency=np.nan), "efficiency is nan"),
    ("branches", lambda frame: without(frame, [0, 9]), "buses are fed by no line"),
    ("branches", lambda frame: frame.assign(x_pu=np.inf), "x_pu is inf"),
    ("branches", lambda frame: frame.drop(columns="line"), "column 'line' is missing"),
    ("bids", lambda frame: pd.DataFrame(), "column 'day' is missing"),
]


@pytest.mark.parametrize(("table", "spoil", "message"), SPOILT)
def test_incomplete_tables_are_found(receding, table, spoil, message):
    found = receding.changed(table, spoil(receding.tables[table])).audit().findings
    assert any(f.check == "completeness" and message in f.message for f in found), found[:5]


def test_what_builds_on_an_incomplete_table_is_not_checked_and_the_rest_is(receding):
    checks = receding.changed("buses", receding.tables["buses"].iloc[1:]).audit().checks
    assert "active_balance" not in checks
    assert {"soc", "payments", "zero_sum", "tie_line_capacity"} <= checks.keys()


def test_a_run_shorter_than_its_study_is_incomplete(receding):
    assert not receding.with_setting("days", 2).audit().clean


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
    report = receding.with_setting(path, value).audit()
    assert limit in {violation.check for violation in report.limit_violations}
    assert limit not in {finding.check for finding in report.findings}
    assert report.largest[limit] > 0


def test_an_overloaded_line_is_a_violation_and_not_a_finding(receding):
    branches, lines = receding.tables["branches"], receding.tables["lines"]
    run = receding.changed("branches", branches.assign(max_i_pu=branches["max_i_pu"] / 4))
    report = run.changed("lines", lines.assign(loading_percent=4 * lines["loading_percent"])).audit()
    assert report.clean
    assert {violation.check for violation in report.limit_violations} == {"loading_limits"}
    assert "%" in report.limit_violations[0].message


def test_export_breaks_the_import_only_reading_alone(export):
    assert "tie_line_power_factor" not in {v.check for v in export.audit().limit_violations}
    report = export.with_setting("grid.tie_line.power_factor_reading", "import_only").audit()
    assert report.clean
    exports = export.tables["settlements"].query("metered_mw < -1e-3")
    violated = {(v.day, v.hour) for v in report.limit_violations if v.check == "tie_line_power_factor"}
    assert violated >= set(zip(exports["day"], exports["hour"], strict=True)) != set()


# ---- the penalty by hand -------------------------------------------------------------------------------------

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
    run = play("microgrid33", "bidding=basic", "policy=none", f"market.rule={rule}")
    report = run.audit()
    assert report.clean
    assert run.tables["settlements"]["penalty"].sum() > 1
    other = "hour" if rule == "nguyen" else "day_peak"
    assert "penalty" in {f.check for f in run.with_setting("market.rule.base_price", other).audit().findings}


def test_a_refused_bid_counts_as_zero(refused):
    assert not refused.tables["bids"]["accepted"].any()
    assert (refused.tables["settlements"]["bid_mw"] == 0).all()
    row = row_of(refused.tables["bids"], NOON)
    found = refused.with_cell("bids", row, "bid_mw", 1.0).audit().findings
    assert {"refused_bid", "settled_bid"} <= {finding.check for finding in found}


# ---- folders -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(receding, tmp_path):
    write_tables(receding.tables, tmp_path)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(receding.study), encoding="utf-8")
    return tmp_path


def test_a_folder_gives_the_audit_of_its_tables(folder, receding):
    assert audit_folder(folder) == receding.audit()


@pytest.mark.parametrize("file", ["study.yaml", *(f"{name}.parquet" for name in TABLES)])
def test_a_missing_file_is_named_with_the_remedy(folder, file):
    (folder / file).unlink()
    with pytest.raises(StudyError, match=rf"{file}: is missing; give the folder of a finished run"):
        audit_folder(folder)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("buses.parquet", b"not a table", "buses.parquet: is no readable Parquet table"),
        ("buses.parquet", b"", "buses.parquet: is no readable Parquet table"),
        ("study.yaml", b"a: [", "study.yaml: can't be read"),
        ("study.yaml", b"\xff\xfe\xff", "study.yaml: can't be read"),
        ("study.yaml", b"just text", "study.yaml: is not a study"),
        ("study.yaml", b"days: 1", "study.yaml: fleet.wind is missing"),
    ],
)
def test_an_unreadable_file_is_named_with_the_remedy(folder, file, content, message):
    (folder / file).write_bytes(content)
    with pytest.raises(StudyError, match=message):
        audit_folder(folder)


def test_a_missing_table_or_number_is_an_error_of_the_caller(receding):
    with pytest.raises(StudyError, match=r"table\(s\) books missing"):
        audit({name: frame for name, frame in receding.tables.items() if name != "books"}, receding.study)
    with pytest.raises(StudyError, match=r"grid\.voltage\.min_vm_pu is None, must be a number"):
        receding.with_setting("grid.voltage.min_vm_pu", None).audit()


def test_the_referee_shares_no_code_with_those_it_judges():
    judged = "{'agents', 'grids.power_flow', 'sim.imbalance', 'sim.settlement', 'pandapower', 'pyomo'}"
    script = f"import sys, sim.audit; print(*({judged} & set(sys.modules)))"
    root = STUDIES.parents[1]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == ""
