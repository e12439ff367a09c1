"""The audit of incomplete tables and folders, and the packages it may not import."""

import json

import numpy as np
import pandas as pd
import pytest
from altered import stored
from audited import inputs_for
from cli import python
from conftest import STUDIES

from sim.audit import audit, audit_folder
from sim.errors import StudyError
from sim.ledger import TABLES

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
    assert not receding.with_instance("days", 2).audit().clean


# ---- folders -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(receding, tmp_path):
    stored(receding, tmp_path)
    return tmp_path


def test_a_folder_gives_the_audit_of_its_tables_and_files(folder, receding):
    report, inputs = audit_folder(folder, lambda _: inputs_for(json.dumps(receding.study))), receding.audit()
    assert report.checks == inputs.checks | {"manifest": len(TABLES) + 2, "summary": report.checks["summary"]}
    assert report.checks["summary"] > 60
    assert (report.findings, report.largest) == (inputs.findings, inputs.largest)


@pytest.mark.parametrize("file", ["study.yaml", *(f"{name}.parquet" for name in TABLES)])
def test_a_missing_file_is_named_with_the_remedy(folder, file):
    (folder / file).unlink()
    with pytest.raises(StudyError, match=rf"{file}: can't be read, it is missing; give the folder of a finished run"):
        audit_folder(folder)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("buses.parquet", b"not a table", "buses.parquet: can't be read, it is no readable Parquet table"),
        ("buses.parquet", b"", "buses.parquet: can't be read, it is no readable Parquet table"),
        ("study.yaml", b"a: [", "study.yaml: can't be read"),
        ("study.yaml", b"\xff\xfe\xff", "study.yaml: can't be read"),
        ("study.yaml", b"just text", "study.yaml: can't be read, it is not a study"),
        ("study.yaml", b"days: 1", "study.yaml: grid.feeders is missing"),
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
        receding.with_instance("grid.voltage.min_vm_pu", None).audit()


# ---- the audit ---------------------------------------------------------------------------------------------


def test_the_audit_shares_no_code_with_what_it_checks():
    checked = "{'agents', 'grids.power_flow', 'sim.market', 'pandapower', 'pyomo'}"
    script = f"import sys, sim.audit; print(*({checked} & set(sys.modules)))"
    assert python(script, cwd=STUDIES.parents[1]) == (0, "\n", "")
