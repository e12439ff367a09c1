"""The command ``audit``: an honest run, a tampered one, and folders that are no run at all."""

import json
import shutil

import pandas as pd
import pytest
from cli import accepted, process

from experiments.run_folder import write_manifest

pytestmark = pytest.mark.usefixtures("in_own_folder")


def test_audit_of_an_honest_run(run_dir):
    text = accepted("audit", run_dir)
    assert "audit: clean" in text
    assert "active_balance" in text
    verdict = json.loads(accepted("audit", run_dir, "--json"))
    assert verdict["clean"] is True
    assert verdict["findings"] == verdict["limit_violations"] == []
    assert sum(verdict["checks"].values()) > 1000
    assert set(verdict["largest"]) == set(verdict["checks"]) - {"manifest", "summary"}
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
    assert {finding["check"] for finding in verdict["findings"]} == {"manifest", "payments", "summary"}
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


# ---- files of a run ------------------------------------------------------------------------------------------


def findings(folder):
    done = process("audit", folder, "--json", cwd=folder.parent)
    verdict = json.loads(done.stdout)
    assert done.returncode == (0 if verdict["clean"] else 1)
    return {(one["check"], one["where"]): one["message"] for one in verdict["findings"]}


def replaced(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_files_that_are_missing_or_have_changed_are_found(copied):
    (copied / "day.png").unlink()
    replaced(copied / "study.yaml", "max_vm_pu: 1.05", "max_vm_pu: 1.09")
    replaced(copied / "versions.json", "python", "pythia")
    assert findings(copied) == {
        ("manifest", "day.png"): "is missing",
        ("manifest", "study.yaml"): "has changed since it was written",
        ("manifest", "versions.json"): "has changed since it was written",
    }


def test_a_folder_without_manifest_is_not_taken_for_whole(copied):
    (copied / "manifest.json").unlink()
    ((where, message),) = findings(copied).items()
    assert where == ("manifest", "manifest.json")
    assert "the run was interrupted, or an older version wrote it" in message


def test_files_of_the_users_own_are_a_note(copied, ended):
    (copied / "thesis").mkdir()
    (copied / "thesis" / "notes.txt").write_text("mine", encoding="utf-8")
    status, out, _ = ended("audit", copied)
    assert status == 0
    assert "none of the run's files: thesis/notes.txt" in out


def test_names_in_a_manifest_that_lead_elsewhere_are_not_followed(copied):
    manifest = json.loads((copied / "manifest.json").read_text(encoding="utf-8"))
    strange = ("../secret", "/etc/passwd", "nul\0l", "x" * 5000)
    manifest["files"] |= {name: {"sha256": "0", "bytes": 1} for name in strange}
    del manifest["files"]["payments.parquet"]
    (copied / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    expected = dict.fromkeys((("manifest", name) for name in strange), "is missing")
    assert findings(copied) == {**expected, ("manifest", "payments.parquet"): "is not in the manifest"}


def test_a_profit_of_ten_times_what_the_tables_say_is_found(copied):
    summary = json.loads((copied / "summary.json").read_text(encoding="utf-8"))
    summary["terms"]["profit"] *= 10
    (copied / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    write_manifest(copied)
    ((where, message),) = findings(copied).items()
    assert where == ("summary", "summary.json: terms.profit")
    assert f"expected {summary['terms']['profit'] / 10:.9g}" in message


def test_what_can_t_be_made_anew_here_is_taken_as_given_and_named(copied, ended):
    replaced(copied / "study.yaml", "file: microgrid33_day.csv", "file: /elsewhere/own.csv")
    write_manifest(copied)
    status, out, _ = ended("audit", copied)
    assert status == 0
    assert "inputs: network, prices, forecasts, weather and cars: '/elsewhere/own.csv' is not here" in out
