"""The command ``run``: its output, the contents of its folder, and that no folder is ever overwritten."""

import json
import os
import re
from hashlib import sha256
from pathlib import Path

import pytest
from cli import FAST, FEW, accepted

from experiments.catalog import base_study, find_study
from experiments.run_folder import new_run, run_name
from sim.ledger import TABLES, read_tables, write_tables
from sim.market.settlement import COST_TERMS, TERMS
from sim.recorder import PROOFS
from sim.study_file import read_study

pytestmark = pytest.mark.usefixtures("in_own_folder")

PNG = b"\x89PNG\r\n\x1a\n"


def packaged_day():
    """Return the text of the packaged day."""
    from importlib.resources import files

    return files("sim").joinpath("data", "microgrid33_day.csv").read_text(encoding="utf-8")


# ---- what is printed and written -----------------------------------------------------------------------------


def test_run_json_prints_exactly_one_object_of_the_agreed_form(first_run):
    done, _ = first_run
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)  # fails on anything before or after the object
    chosen = {"study": "microgrid33", "bidding": "anm_aware", "policy": "myopic", "rule": "case1"}
    assert (chosen | {"seed": 1, "days": 1}).items() <= summary.items()
    terms = summary["terms"]
    assert list(terms) == [
        *("revenue", "exchange", "imbalance", "loss", "wear"),
        *("generation", "generation_curtailment", "load_curtailment", "profit"),
    ]
    assert all(isinstance(value, float) for value in terms.values())
    assert terms["profit"] == pytest.approx(terms["revenue"] - sum(terms[term] for term in COST_TERMS))
    assert len(summary["bids_mw"]) == 24
    assert all(isinstance(value, float) for value in summary["bids_mw"])
    proof = summary["certificate"]
    assert set(proof) == set(PROOFS)
    assert all(0 <= value < 0.01 for value in proof.values())
    volts = summary["voltage"]
    assert {"min_pu", "max_pu", "violations"} <= set(volts)
    assert 0.95 - 1e-6 <= volts["min_pu"] <= volts["max_pu"] <= 1.05 + 1e-6
    assert volts["violations"] == 0
    assert set(summary["seconds"]) == {"bid", "dispatch", "power_flow", "total", "figures"}
    assert all(value > 0 for value in summary["seconds"].values())
    assert summary["audit"] == {"clean": True, "findings": 0}


def test_run_folder_is_complete(first_run, run_dir):
    tables = {f"{name}.parquet" for name in TABLES}
    figures = {"day.png", "day.svg", "network.png"}
    names = {path.name for path in run_dir.iterdir()}
    assert names >= {"study.yaml", "versions.json", "summary.json"} | tables | figures
    assert not [name for name in names if name.startswith(".")]
    assert {path.name for path in run_dir.glob("*.parquet")} == tables
    for figure in run_dir.glob("*.png"):
        assert figure.read_bytes().startswith(PNG)
    assert "<svg" in (run_dir / "day.svg").read_text(encoding="utf-8")
    assert json.loads((run_dir / "summary.json").read_text(encoding="utf-8")) == json.loads(first_run[0].stdout)
    versions = json.loads((run_dir / "versions.json").read_text(encoding="utf-8"))
    assert {"python", "tieline", "clarabel", "mesa", "numpy", "pandapower", "pyomo"} <= set(versions)
    study = read_study(run_dir / "study.yaml")
    assert study == find_study(
        "microgrid33", options={"policy": "myopic", "uncertainty.scenarios": 30, "uncertainty.keep": 2}
    )


def test_the_manifest_has_size_and_hash_of_every_other_file(run_dir):
    manifest = json.loads((run_dir / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["format"] == 2
    others = {path.name: path.read_bytes() for path in run_dir.iterdir() if path.name != "manifest.json"}
    assert manifest["files"] == {
        name: {"sha256": sha256(content).hexdigest(), "bytes": len(content)} for name, content in others.items()
    }
    last = max(run_dir.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert last.name == "manifest.json"


def test_summary_is_what_the_tables_say(run_dir):
    summary = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    tables = read_tables(run_dir)
    paid = tables["payments"].groupby("term")["amount"].sum().to_dict()
    valued = tables["books"].groupby("term")["amount"].sum().to_dict()
    assert {**paid, **valued}.keys() == set(TERMS) - {"profit"}
    for term, amount in {**paid, **valued}.items():
        assert summary["terms"][term] == pytest.approx(amount, abs=1e-9)
    assert summary["bids_mw"] == tables["bids"]["bid_mw"].tolist()
    assert summary["voltage"]["min_pu"] == tables["buses"]["vm_pu"].min()
    assert summary["voltage"]["max_pu"] == tables["buses"]["vm_pu"].max()


@pytest.mark.slow
def test_a_run_is_run_again_from_its_folder_to_the_same_bytes(run_dir, tmp_path):
    text = accepted("run", run_dir, "--out", "other")
    for words in ("microgrid33: one day", "policy myopic", "profit", "Physics", "audit: clean", "written to other"):
        assert words in text
    other = tmp_path / "other"
    shown = {line.split()[0]: line.split()[1] for line in reversed(text.splitlines()) if len(line.split()) > 1}
    for term, value in json.loads((other / "summary.json").read_text(encoding="utf-8"))["terms"].items():
        assert shown[term] == f"{value:,.2f}", term  # by the same name and with the same sign
    assert "to system_operator" in text
    assert "limits: all kept (voltage, line_current, tie_capacity, tie_power_factor, device)" in text
    for name in ("study.yaml", *(f"{table}.parquet" for table in TABLES)):
        assert (other / name).read_bytes() == (run_dir / name).read_bytes(), name


def test_a_run_with_files_named_on_the_command_line_is_found_again_from_another_folder(tmp_path, monkeypatch):
    (tmp_path / "own.csv").write_text(packaged_day(), encoding="utf-8")
    overrides = ("--set", "profiles.file=own.csv", "--bidding", "basic", *FEW, "--policy", "none")
    accepted("run", "microgrid33", *overrides, "--figures", "none", "--out", "mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    accepted("bid", tmp_path / "mine", "--csv")


@pytest.mark.slow
def test_two_days_have_48_bids_and_two_figures(tmp_path):
    summary = json.loads(accepted("run", "microgrid33", *FAST, "--days", "2", "--seed", "3", "--json", "--out", "two"))
    assert (summary["days"], summary["seed"], len(summary["bids_mw"])) == (2, 3, 48)
    assert {path.name for path in (tmp_path / "two").glob("day*.png")} == {"day1.png", "day2.png"}
    assert summary["audit"]["clean"]


def test_limits_that_cannot_be_met_are_violated_the_least_and_counted(tmp_path):
    text = accepted(
        "run", "microgrid33", "--set", "grid.voltage.min_vm_pu=1.01", *FAST, "--figures", "none", "--out", "low"
    )
    summary = json.loads((tmp_path / "low" / "summary.json").read_text(encoding="utf-8"))
    hours = summary["hours"]["least_violation"]
    status = read_tables(tmp_path / "low")["decisions"]["status"]
    assert hours == (status == "least_violation").sum()
    assert 0 < hours <= 24
    assert f"{hours} hour(s) had no dispatch within all limits" in text
    assert summary["limits"]["voltage"]["count"] == summary["voltage"]["violations"] > 0
    assert f"{summary['limits']['voltage']['count']} bus-hours" in text
    assert f"{hours} hour(s) in all, whose decisions are recorded as: least_violation {hours}" in text
    assert summary["hours_beyond_limits"] == {"least_violation": hours}
    assert summary["audit"]["clean"]


def test_a_run_that_the_audit_rejects_ends_with_status_1(ended, monkeypatch, tmp_path):
    from sim.audit import AuditReport, Finding
    from sim.audit.limits import count_limits

    finding = Finding("soc", 1, 7, "battery_2", "does not add up")
    verdict = AuditReport(
        findings=(finding,),
        limit_violations=(),
        limits=count_limits([]),
        hours_beyond={},
        checks={"soc": 1},
        largest={"soc": 1.0},
    )
    monkeypatch.setattr("sim.audit.audit", lambda *_: verdict)
    status, out, err = ended("run", "microgrid33", *FAST, "--policy", "none", "--out", "wrong", "--figures", "none")
    assert (status, err) == (1, "")
    assert "battery_2: does not add up" in out
    summary = json.loads((tmp_path / "wrong" / "summary.json").read_text(encoding="utf-8"))
    assert summary["audit"] == {"clean": False, "findings": 1}


# ---- which figures there are -----------------------------------------------------------------------------------


def figures_named(text):
    """Return the figures that the last line but its verdict names."""
    (line,) = [line for line in text.splitlines() if line.startswith("written to ")]
    return line, set(re.findall(r"\w+\.png", line))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--days", "1"), "day.png shows the day;"),
        (("--days", "2"), "overview.png shows all days, day1.png to day2.png each of them;"),
        (("--days", "2", "--figures", "overview"), "overview.png shows all days; --figures daily draws each of them;"),
        (("--days", "8"), "overview.png shows all days; --figures daily draws each of them;"),
        (("--days", "2", "--figures", "none"), "no figures were drawn;"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_figures_named_are_there(options, words, tmp_path, monkeypatch):
    drawn = "experiments.figures.run_figures.save_figure"
    monkeypatch.setattr(drawn, lambda figure, folder, name: (folder / f"{name}.png").touch())
    text = accepted("run", "microgrid33", *FAST, "--bidding", "basic", "--policy", "none", *options, "--out", "mine")
    line, named = figures_named(text)
    assert words in line
    assert named <= {path.name for path in (tmp_path / "mine").iterdir()}


def test_another_choice_of_figures_is_refused_before_anything_is_run(refused, tmp_path):
    message = refused("run", "microgrid33", *FAST, "--figures", "monthly")
    assert "--figures monthly: use daily, overview or none" in message
    assert not list(tmp_path.iterdir())


# ---- where a run is written ----------------------------------------------------------------------------------


def test_folders_of_runs_are_numbered(study33, tmp_path):
    stem = "microgrid33-anm_aware-receding-case1-seed1"
    with new_run(None, study33) as (_, first), new_run(None, study33) as (_, second):  # side by side
        assert [first.name, second.name] == [stem, f"{stem}-2"]
    with new_run(None, study33) as (_, third):  # after the others
        assert third.name == f"{stem}-3"
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {stem, f"{stem}-2", f"{stem}-3"}


@pytest.mark.parametrize(
    ("changes", "stem"),
    [
        (["days=60"], "microgrid33-anm_aware-receding-case1-60days-seed1"),
        (
            ["uncertainty.scenarios=30", "uncertainty.keep=2"],
            "microgrid33-anm_aware-receding-case1-seed1-scenarios=30-keep=2",
        ),
        (["fleet.battery.*.start_soc=0.8"], "microgrid33-anm_aware-receding-case1-seed1-start_soc=0.8"),
        (["fleet.battery=[]"], "microgrid33-anm_aware-receding-case1-seed1-battery=0"),
        (["market.rule=caiso", "policy=none", "description=mine"], "microgrid33-anm_aware-none-caiso-seed1"),
        (["profiles.file=some/where/my day.csv"], "microgrid33-anm_aware-receding-case1-seed1-file=my_day.csv"),
        (
            [f"grid.voltage.{key}" for key in ("slack_vm_pu=1.01", "min_vm_pu=0.9", "max_vm_pu=1.1")]
            + ["risk.cvar_weight=0.5", "search.time_limit_s=3"],
            "microgrid33-anm_aware-receding-case1-seed1-slack_vm_pu=1.01-min_vm_pu=0.9-max_vm_pu=1.1-and_2_more",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_folder_is_named_after_all_that_was_changed(changes, stem):
    study = find_study("microgrid33", overrides=changes)
    assert run_name(study, base_study(study, "microgrid33")) == stem


def test_a_study_of_ones_own_is_compared_with_its_file(tmp_path):
    accepted("new", "mine.yaml")
    own = find_study("mine.yaml", overrides=["uncertainty.keep=7"])
    assert run_name(own, base_study(own, "mine.yaml")) == "mine-anm_aware-receding-case1-seed1-keep=7"
    (tmp_path / "mine.yaml").write_text("name: mine", encoding="utf-8")  # only good with what was changed
    assert run_name(own, base_study(own, "mine.yaml")) == "mine-anm_aware-receding-case1-seed1"


def test_the_default_folder_of_a_run_says_the_changes(tmp_path):
    options = (*FAST, "--bidding", "basic", "--figures", "none")
    accepted("run", "microgrid33", *options, "--set", "grid.voltage.min_vm_pu=0.94")
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name == "microgrid33-basic-myopic-case1-seed1-min_vm_pu=0.94-scenarios=30-keep=2"
    assert run_name(find_study(str(folder)), base_study(find_study(str(folder)), str(folder))) == folder.name


def test_the_name_of_a_rule_does_not_lead_out_of_the_runs_folder(study33, tmp_path):
    rule = study33.market.rule.model_copy(update={"name": "../../../mine"})
    study = study33.model_copy(update={"market": study33.market.model_copy(update={"rule": rule})})
    with new_run(None, study) as (_, folder):
        assert folder.resolve().parent == tmp_path / "runs"


# ---- a run's folder is never overwritten ---------------------------------------------------------------------


def contents(folder):
    """Return the bytes of every file below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["text", "json"])
def test_an_existing_run_is_not_overwritten(copied, refused, json_too):
    before = contents(copied)
    message = refused("run", "microgrid33", *FAST, "--out", copied, *json_too)
    for part in ("--out", str(copied), "nothing is overwritten"):
        assert part in message
    assert contents(copied) == before


def test_a_file_is_not_overwritten(refused, tmp_path):
    (tmp_path / "file").write_text("precious")
    assert "exists already" in refused("run", "microgrid33", *FAST, "--out", "file")
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("blocked", ["file", "runs"])
def test_a_folder_that_cannot_be_made_is_refused(refused, tmp_path, blocked):
    (tmp_path / blocked).write_text("in the way")
    out = ("--out", "file/deep/run") if blocked == "file" else ()
    message = refused("run", "microgrid33", *FAST, *out)
    assert f"--out {blocked}" in message
    assert "can't be written" in message
    assert "choose a folder with --out" in message


def test_a_folder_without_write_permission_is_refused(refused, locked):
    for out in (locked / "run", locked / "deep" / "run", *([] if any(locked.iterdir()) else [locked])):
        message = refused("run", "microgrid33", *FAST, "--out", out)
        assert f"--out {out}" in message
        assert "mend its permissions" in message
    assert "can't be written" in refused("new", locked / "mine.yaml")


@pytest.mark.skipif(os.name == "nt", reason="not all of these are names of files there")
@pytest.mark.parametrize("name", ["a b", "ä", "red[1]", "x[red]", "x[/red]", ":key:", "a:b"])
def test_any_folder_name_can_be_used_and_is_shown_as_it_is(copied, name):
    """Square brackets and colons mean something to the terminal library, and to Arrow."""
    tables = read_tables(copied)
    folder = Path(name)  # relative, as a user gives it
    folder.parent.mkdir(exist_ok=True)
    copied.rename(folder)
    for file in folder.glob("*.parquet"):
        file.unlink()
    write_tables(tables, folder)
    assert name in accepted("audit", folder)
    assert accepted("new", folder / "mine.yaml").startswith(f"wrote {name}/mine.yaml;")
