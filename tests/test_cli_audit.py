"""The command ``audit``: an honest run, a tampered one, and what is no run at all."""

import json
import shutil

import pandas as pd
import pytest
from cli import accepted, process

pytestmark = pytest.mark.usefixtures("in_own_folder")


def test_audit_of_an_honest_run(run_dir):
    text = accepted("audit", run_dir)
    assert "audit: clean" in text
    assert "active_balance" in text
    verdict = json.loads(accepted("audit", run_dir, "--json"))
    assert verdict["clean"] is True
    assert verdict["findings"] == verdict["limit_violations"] == []
    assert sum(verdict["checks"].values()) > 1000
    assert set(verdict["largest"]) == set(verdict["checks"]) - {"manifest"}
    assert {"optimality", "bids"} <= verdict["taken_as_given"].keys()
    assert "inputs" not in verdict["taken_as_given"]
    assert verdict["notes"] == []


def test_audit_of_a_tampered_run_ends_with_status_1(copied, ended):
    payments = pd.read_parquet(copied / "payments.parquet")
    payments.loc[payments["term"] == "exchange", "amount"] -= 1.0
    payments.to_parquet(copied / "payments.parquet")
    done = process("audit", copied, "--json", cwd=copied.parent)
    assert (done.returncode, done.stderr) == (1, "")
    verdict = json.loads(done.stdout)
    assert verdict["clean"] is False
    assert {finding["check"] for finding in verdict["findings"]} == {"manifest", "payments"}
    paid = {finding["hour"] for finding in verdict["findings"] if finding["check"] == "payments"}
    assert paid == set(range(1, 25))
    status, out, err = ended("audit", copied)
    assert (status, err) == (1, "")
    assert f"audit: {len(verdict['findings'])} finding(s)" in out
    assert "not a result" in out


def spoil(name, content=None):
    def _spoil(folder):
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content)

    return _spoil


@pytest.mark.parametrize(
    ("damage", "parts"),
    [
        (shutil.rmtree, ["units.parquet", "is missing", "finished run"]),
        (spoil("payments.parquet"), ["payments.parquet", "is missing", "run the study again"]),
        (spoil("payments.parquet", b"garbage"), ["payments.parquet", "no readable Parquet table"]),
        (spoil("study.yaml"), ["study.yaml", "is missing"]),
        (spoil("study.yaml", b"[1, 2"), ["study.yaml", "can't be read"]),
        (spoil("study.yaml", b"just words"), ["study.yaml", "is not a study"]),
    ],
    ids=["no folder", "no table", "broken table", "no study", "broken study", "other text"],
)
@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["text", "json"])
def test_audit_of_what_is_no_run_is_refused(copied, refused, damage, parts, json_too):
    damage(copied)
    message = refused("audit", copied, *json_too)
    for part in (str(copied), *parts):
        assert part in message
