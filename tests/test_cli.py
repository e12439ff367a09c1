"""The command line: every command, the run folder, and every bad input a user can give.

What is about exit status and streams as a shell sees them runs as a process (some four seconds of start-up each);
everything else runs in this one.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
import yaml
from conftest import STUDIES
from typer.testing import CliRunner

import experiments.__main__ as command_line
from agents.anm import policy_names
from agents.bidding import strategy_names
from experiments import benchmark
from experiments.catalog import find_study, packaged_studies
from experiments.run_folder import reserve
from grids.cases.microgrid33 import base_net
from sim.imbalance import RULES
from sim.ledger import TABLES, read_tables, write_tables
from sim.settlement import COST_TERMS, TERMS
from sim.study_file import read_study

FEW = ("--scenarios", "30", "--keep", "2")
FAST = (*FEW, "--policy", "myopic")
PROFILES = ("demand_pu", "price_per_mwh", "retail_price_per_mwh", "wind_pu", "pv_pu")
PNG = b"\x89PNG\r\n\x1a\n"


def process(*arguments, cwd):
    """Run the command line as a process of its own."""
    command = [sys.executable, "-m", "experiments", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)


def accepted(*arguments):
    """Run the command line in this process; return what it prints when it ends with status 0."""
    done = CliRunner().invoke(command_line.app, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def ended(monkeypatch, capsys):
    """Run the command line in this process as the shell does; return exit status, standard output and error."""

    def _ended(*arguments):
        monkeypatch.setattr(sys, "argv", ["tieline", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            command_line.main()
        return end.value.code, *capsys.readouterr()

    return _ended


@pytest.fixture
def refused(ended):
    """Run the command line in this process; return its one message, which must be a line on standard error."""

    def _refused(*arguments):
        status, out, err = ended(*arguments)
        assert status == 2
        assert out == ""
        assert_one_message(err)
        return err

    return _refused


@pytest.fixture
def misused(ended):
    """Run the command line in this process with arguments it does not take; return the error shown."""

    def _misused(*arguments):
        status, out, err = ended(*arguments)
        assert status == 2
        assert out == ""
        assert err.count("Error") == 1
        assert "Traceback" not in err
        return err

    return _misused


def assert_one_message(err):
    assert "Traceback" not in err
    assert err.startswith("tieline: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path, monkeypatch):
    """Start every test in an empty folder: by default runs are written below the current one."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """Run one day as a process; return the process and the run's folder."""
    folder = tmp_path_factory.mktemp("cli")
    done = process("run", "microgrid33", *FAST, "--json", "--out", "first", cwd=folder)
    return done, folder / "first"


@pytest.fixture(scope="module")
def run_dir(first_run):
    done, folder = first_run
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copied(run_dir, tmp_path):
    """Return a copy of the run's folder, to be spoilt."""
    return Path(shutil.copytree(run_dir, tmp_path / "copied"))


def contents(folder):
    """Return the bytes of every file below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# ---- run -----------------------------------------------------------------------------------------------------


def test_run_json_prints_exactly_one_object_of_the_agreed_form(first_run):
    done, _ = first_run
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)  # fails on anything before or after the object
    chosen = {key: summary[key] for key in ("study", "seed", "days", "bidding", "policy", "rule")}
    assert chosen == {
        "study": "microgrid33",
        "seed": 1,
        "days": 1,
        "bidding": "anm_aware",
        "policy": "myopic",
        "rule": "case1",
    }
    terms = summary["terms"]
    assert list(terms) == [
        "revenue",
        "exchange",
        "imbalance",
        "loss",
        "wear",
        "generation",
        "generation_curtailment",
        "load_curtailment",
        "profit",
    ]
    assert all(isinstance(value, float) for value in terms.values())
    assert terms["profit"] == pytest.approx(terms["revenue"] - sum(terms[term] for term in COST_TERMS))
    assert len(summary["bids_mw"]) == 24
    assert all(isinstance(value, float) for value in summary["bids_mw"])
    proof = summary["certificate"]
    assert set(proof) == {"cone_gap", "power_flow_mismatch_mw", "power_flow_mismatch_pu", "optimality_gap"}
    assert all(0 <= value < 0.01 for value in proof.values())
    volts = summary["voltage"]
    assert {"min_pu", "max_pu", "violations"} <= set(volts)
    assert 0.95 - 1e-6 <= volts["min_pu"] <= volts["max_pu"] <= 1.05 + 1e-6
    assert volts["violations"] == 0
    assert set(summary["seconds"]) == {"bid", "dispatch", "power_flow", "total"}
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


def test_a_run_is_run_again_from_its_folder_to_the_same_bytes(run_dir, tmp_path):
    text = accepted("run", run_dir, "--out", "other")
    for words in ("microgrid33: one day", "policy myopic", "profit", "Physics", "audit: clean", "written to other"):
        assert words in text
    other = tmp_path / "other"
    for name in ("study.yaml", *(f"{table}.parquet" for table in TABLES)):
        assert (other / name).read_bytes() == (run_dir / name).read_bytes(), name


def test_a_run_with_files_named_on_the_command_line_is_found_again_from_another_folder(tmp_path, monkeypatch):
    (tmp_path / "own.csv").write_text(packaged_day(), encoding="utf-8")
    overrides = ("--set", "profiles.file=own.csv", "--bidding", "basic", *FEW, "--policy", "none")
    accepted("run", "microgrid33", *overrides, "--out", "mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    accepted("bid", tmp_path / "mine", "--csv")


def test_two_days_have_48_bids_and_two_figures(tmp_path):
    summary = json.loads(accepted("run", "microgrid33", *FAST, "--days", "2", "--seed", "3", "--json", "--out", "two"))
    assert (summary["days"], summary["seed"], len(summary["bids_mw"])) == (2, 3, 48)
    assert {path.name for path in (tmp_path / "two").glob("day*.png")} == {"day1.png", "day2.png"}
    assert summary["audit"]["clean"]


def test_limits_that_cannot_be_met_are_violated_the_least_and_counted(tmp_path):
    text = accepted("run", "microgrid33", "--set", "grid.voltage.min_vm_pu=1.01", *FAST, "--out", "low")
    summary = json.loads((tmp_path / "low" / "summary.json").read_text(encoding="utf-8"))
    hours = summary["hours"]["least_violation"]
    status = read_tables(tmp_path / "low")["decisions"]["status"]
    assert hours == (status == "least_violation").sum()
    assert 0 < hours <= 24
    assert f"{hours} hour(s) had no dispatch within all limits" in text
    assert summary["voltage"]["violations"] > 0
    assert summary["audit"]["clean"]


def test_a_run_that_the_audit_rejects_ends_with_status_1(ended, monkeypatch, tmp_path):
    from experiments import commands
    from sim.audit import AuditReport, Finding

    finding = Finding("soc", 1, 7, "battery_2", "does not add up")
    verdict = AuditReport(findings=(finding,), limit_violations=(), checks={"soc": 1}, largest={"soc": 1.0})
    monkeypatch.setattr(commands, "audit", lambda tables, study: verdict)
    monkeypatch.setattr(commands, "_draw", lambda *_: None)
    status, out, err = ended("run", "microgrid33", *FAST, "--policy", "none", "--out", "wrong")
    assert (status, err) == (1, "")
    assert "battery_2: does not add up" in out
    summary = json.loads((tmp_path / "wrong" / "summary.json").read_text(encoding="utf-8"))
    assert summary["audit"] == {"clean": False, "findings": 1}


def test_folders_of_runs_are_numbered(study33, tmp_path):
    stem = "microgrid33-anm_aware-receding-case1-seed1"
    assert [reserve(None, study33).name for _ in range(3)] == [stem, f"{stem}-2", f"{stem}-3"]
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {stem, f"{stem}-2", f"{stem}-3"}


def test_the_name_of_a_rule_does_not_lead_out_of_the_runs_folder(study33, tmp_path):
    rule = study33.market.rule.model_copy(update={"name": "../../../mine"})
    study = study33.model_copy(update={"market": study33.market.model_copy(update={"rule": rule})})
    assert reserve(None, study).resolve().parent == tmp_path / "runs"


# ---- a run's folder is never overwritten ---------------------------------------------------------------------


@pytest.mark.parametrize("json_too", [(), ("--json",)], ids=["text", "json"])
def test_an_existing_run_is_not_overwritten(copied, refused, json_too):
    before = contents(copied)
    message = refused("run", "microgrid33", *FAST, "--out", copied, *json_too)
    for part in ("--out", str(copied), "nothing is overwritten"):
        assert part in message
    assert contents(copied) == before


def test_an_empty_folder_will_do(study33, tmp_path):
    (tmp_path / "empty").mkdir()
    assert reserve(tmp_path / "empty", study33) == tmp_path / "empty"


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


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_refused(refused, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    for out in (locked, locked / "run"):
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


# ---- evaluate, bid -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "count"), [(("--on", "kept"), 2), (("--on", "test", "--test-scenarios", "3"), 3)], ids=["kept", "test"]
)
def test_evaluate_json(on, count):
    summary = json.loads(accepted("evaluate", "microgrid33", *FAST, *on, "--workers", "1", "--json"))
    assert (summary["study"], summary["policy"], summary["on"], summary["scenarios"]) == (
        "microgrid33",
        "myopic",
        on[1],
        count,
    )
    assert list(summary["terms"]) == list(summary["standard_errors"]) == list(TERMS)
    assert all(error >= 0 for error in summary["standard_errors"].values())
    assert len(summary["bids_mw"]) == 24
    assert {"min_pu", "max_pu", "violations"} <= set(summary["voltage"])
    assert set(summary["certificate"]) == {
        "cone_gap",
        "power_flow_mismatch_mw",
        "power_flow_mismatch_pu",
        "optimality_gap",
    }


def test_evaluate_prints_money_with_standard_errors():
    text = accepted("evaluate", "microgrid33", *FAST, "--workers", "1")
    for words in ("2 kept scenarios", "s.e.", "load curtailment", "profit", "voltage"):
        assert words in text


def test_one_scenario_can_be_evaluated_though_it_has_no_standard_error():
    one = ("evaluate", "microgrid33", *FAST, "--keep", "1", "--workers", "1")
    assert "1 kept scenarios" in accepted(*one)
    summary = json.loads(accepted(*one, "--json"))
    assert summary["terms"]["profit"] > 0
    assert set(summary["standard_errors"].values()) == {None}


def test_bid_json_and_csv_give_the_bids_of_the_run(run_dir):
    summary = json.loads(accepted("bid", "microgrid33", *FEW, "--json"))
    run = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    assert summary["bids_mw"] == run["bids_mw"]
    assert {"study", "seed", "bidding", "rule", "certificate", "seconds"} <= set(summary)
    rows = list(csv.reader(io.StringIO(accepted("bid", "microgrid33", *FEW, "--csv"))))
    assert rows[0] == ["hour_ending", "bid_mw"]
    assert [int(hour) for hour, _ in rows[1:]] == list(range(1, 25))
    assert [float(bid) for _, bid in rows[1:]] == pytest.approx(run["bids_mw"], abs=5e-7)


def test_bid_prints_a_table_with_prices(setting33):
    text = accepted("bid", "microgrid33", *FEW, "--bidding", "basic")
    assert "(basic)" in text
    assert f"{setting33.profiles.price_per_mwh[16]:.2f}" in text
    assert "positive is import" in text


# ---- audit ---------------------------------------------------------------------------------------------------


def test_audit_of_an_honest_run(run_dir):
    text = accepted("audit", run_dir)
    assert "audit: clean" in text
    assert "active_balance" in text
    verdict = json.loads(accepted("audit", run_dir, "--json"))
    assert verdict["clean"] is True
    assert verdict["findings"] == verdict["limit_violations"] == []
    assert sum(verdict["checks"].values()) > 1000
    assert set(verdict["largest"]) == set(verdict["checks"])


def test_audit_of_a_tampered_run_ends_with_status_1(copied, ended):
    payments = pd.read_parquet(copied / "payments.parquet")
    payments.loc[payments["term"] == "exchange", "amount"] -= 1.0
    payments.to_parquet(copied / "payments.parquet")
    done = process("audit", copied, "--json", cwd=copied.parent)
    assert (done.returncode, done.stderr) == (1, "")
    verdict = json.loads(done.stdout)
    assert verdict["clean"] is False
    assert {finding["check"] for finding in verdict["findings"]} == {"payments"}
    assert {finding["hour"] for finding in verdict["findings"]} == set(range(1, 25))
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


# ---- studies, show, new, bench -------------------------------------------------------------------------------


def test_studies_lists_everything_there_is_to_choose_from():
    text = accepted("studies")
    for name in (*packaged_studies(), *strategy_names(), *policy_names(), *RULES):
        assert f" {name} " in text


@pytest.mark.parametrize("name", packaged_studies())
def test_show_prints_a_study_that_reads_back(name, tmp_path):
    (tmp_path / "shown.yaml").write_text(accepted("show", name), encoding="utf-8")
    assert read_study(tmp_path / "shown.yaml") == find_study(name)


def test_show_applies_changes_and_reads_run_folders(run_dir):
    shown = yaml.safe_load(
        accepted("show", "microgrid33", "--set", "market.rule=caiso", "--set", "fleet.battery.0.max_e_mwh=1")
    )
    assert shown["market"]["rule"]["name"] == "caiso"
    assert shown["fleet"]["battery"][0]["max_e_mwh"] == 1.0
    assert accepted("show", run_dir) == (run_dir / "study.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("like", packaged_studies())
def test_new_writes_a_commented_study_that_show_reads(like, tmp_path):
    text = accepted("new", "mine.yaml", "--like", like)
    assert "tieline run mine.yaml" in text
    written = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert written.count("#") > 5
    shown = yaml.safe_load(accepted("show", "mine.yaml"))
    assert shown["name"] == "mine"
    assert shown | {"name": like} == yaml.safe_load(accepted("show", like))


@pytest.mark.parametrize("stem", ["2026", "on", "null", "1e3", "my study", ".mine", "größer"])
def test_new_writes_no_study_that_cannot_be_read(stem, ended, monkeypatch, capsys, tmp_path):
    """A file name may be no name of a study, or something else than a word to YAML."""
    monkeypatch.setattr(sys, "argv", ["tieline", "new", f"{stem}.yaml"])
    with pytest.raises(SystemExit) as end:
        command_line.main()
    assert end.value.code in (0, None, 2)
    err = capsys.readouterr().err
    if end.value.code == 2:
        assert_one_message(err)
        assert not (tmp_path / f"{stem}.yaml").exists()
    else:
        assert yaml.safe_load(accepted("show", f"{stem}.yaml"))["fleet"]


def test_new_never_overwrites(refused, tmp_path):
    (tmp_path / "mine.yaml").write_text("precious")
    assert "nothing is overwritten" in refused("new", "mine.yaml")
    assert (tmp_path / "mine.yaml").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("mine.txt",), ["mine.txt", "ends in .yaml"]),
        (("mine.yaml", "--like", "theirs"), ["--like theirs", "microgrid33"]),
        (("no/such/folder/mine.yaml",), ["no/such/folder/mine.yaml", "can't be written"]),
        (("file/mine.yaml",), ["file/mine.yaml", "can't be written"]),
    ],
)
def test_new_refuses(refused, tmp_path, arguments, parts):
    (tmp_path / "file").write_text("in the way")
    message = refused("new", *arguments)
    for part in parts:
        assert part in message
    assert not list(tmp_path.rglob("mine*"))


@pytest.fixture
def quick_bench(monkeypatch):
    """Replace what the benchmark measures by something that takes no time."""

    def measured(name, met):
        def part(setting, repeats):
            return benchmark.Row(name=name, measured=1.25, unit="x", target="<= 2", met=met, detail=f"{repeats} times")

        part.__name__ = name
        return part

    parts = {
        name: measured(name, met=name != "help_time")
        for name in (
            "peak_memory",
            "all_scenarios",
            "bid_against_clarabel",
            "proven_bid",
            "certificate",
            "hour_against_runopp",
            "plant_power_flow",
            "receding_day",
            "help_time",
        )
    }
    for name, part in parts.items():
        monkeypatch.setattr(benchmark, name, part)
    return list(parts)


def test_bench_reports_every_promise(quick_bench):
    rows = json.loads(accepted("bench", "--quick", "--json"))["rows"]
    assert [row["name"] for row in rows] == [name for name in quick_bench if name != "all_scenarios"]
    assert set(rows[0]) == {"name", "measured", "unit", "target", "met", "detail"}
    assert {row["detail"] for row in rows} == {"2 times"}
    text = accepted("bench")
    for words in (*quick_bench, "1.25 x", "no", "5 times"):
        assert words in text


def test_bench_measures(setting33):
    row = benchmark.hour_against_runopp(setting33, 1)
    assert row.measured > 0
    assert row.unit == "x"


# ---- options -------------------------------------------------------------------------------------------------


def test_options_reach_the_study_and_win_over_set():
    study = find_study("microgrid33", overrides=["seed=5", "days=4"], options={"seed": 7, "days": None})
    assert (study.seed, study.days) == (7, 4)


def test_what_yaml_reads_as_something_else_than_a_word_is_no_policy(refused):
    for value in ("no", "1", "", "[", "~"):
        assert "policy" in refused("run", "microgrid33", "--policy", value)


# ---- bad input: studies --------------------------------------------------------------------------------------

BAD_STUDY = [
    (("nope",), ["unknown study 'nope'", "microgrid33", "a YAML file", "tieline studies", "tieline new"]),
    (("none.yaml",), ["none.yaml", "can't be read", "tieline new none.yaml"]),
    (("microgrid33", "--set", "uncertainty.kep=3"), ["uncertainty.kep", "unknown key", "did you mean 'keep'"]),
    (("microgrid33", "--set", "wether.sun=3"), ["wether", "unknown key", "known are name"]),
    (("microgrid33", "--set", "keep"), ["--set keep", "key=value"]),
    (("microgrid33", "--set", "days.x=1"), ["--set days.x=1", "'days' is a value"]),
    (("microgrid33", "--set", "fleet.battery.9.bus=1"), ["--set", "'9' must be a position 0..4"]),
    (("microgrid33", "--set", "days=many"), ["days", "integer", "'many'"]),
    (("microgrid33", "--set", "fleet.wind.0.max_s_mva=big"), ["fleet.wind.0.max_s_mva", "number", "'big'"]),
    (("microgrid33", "--set", "fleet.wind=3"), ["fleet.wind", "must be a list"]),
    (("microgrid33", "--set", "fleet.pv.4.max_s_mva=-0.6"), ["fleet.pv.4.max_s_mva", "-0.6", "MVA is positive"]),
    (("microgrid33", "--set", "fleet.battery.2.start_soc=50"), ["fleet.battery.2.start_soc", "50", "percent: 0.5?"]),
    (("microgrid33", "--set", "market.tariff.loss_factor=.nan"), ["market.tariff.loss_factor", "finite", "nan"]),
    (("microgrid33", "--set", "market.rule=case3"), ["market.rule", "unknown rule 'case3'", "caiso"]),
    (("microgrid33", "--set", "bidding=bold"), ["bidding", "unknown 'bold'", *strategy_names()]),
    (("microgrid33", "--set", "policy=lazy"), ["policy", "unknown 'lazy'", *policy_names()]),
    (("microgrid33", "--set", "uncertainty.keep=1001"), ["uncertainty", "keep is 1001", "1000 scenarios", "lower"]),
]


@pytest.mark.parametrize(("arguments", "parts"), BAD_STUDY, ids=lambda value: " ".join(value[-1:]))
def test_bad_study_is_refused(refused, tmp_path, arguments, parts):
    message = refused("run", *arguments)
    for part in parts:
        assert part in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["evaluate", "bid", "show"])
@pytest.mark.parametrize(("arguments", "parts"), [BAD_STUDY[0], BAD_STUDY[2], BAD_STUDY[10]], ids=["0", "2", "10"])
def test_bad_study_is_refused_by_every_command(refused, command, arguments, parts):
    message = refused(command, *arguments)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--policy", "lazy"), ["policy: unknown 'lazy'", *policy_names()]),
        (("--bidding", "bold"), ["bidding: unknown 'bold'", *strategy_names()]),
        (("--rule", "case3"), ["market.rule", "unknown rule 'case3'", *RULES]),
        (("--days", "0"), ["days", "greater than or equal to 1", "0"]),
        (("--seed", "-1"), ["seed", "greater than or equal to 0", "-1"]),
        (("--seed", str(2**63)), ["seed", "less than"]),
        (("--scenarios", "30", "--keep", "31"), ["keep is 31", "30 scenarios", "lower keep or raise scenarios"]),
        (("--scenarios", "0"), ["uncertainty.scenarios", "greater than or equal to 1"]),
        (("--keep", "0"), ["uncertainty.keep", "greater than or equal to 1"]),
    ],
    ids=lambda value: " ".join(value[-2:]),
)
def test_bad_option_is_refused(refused, tmp_path, options, parts):
    message = refused("run", "microgrid33", *options)
    for part in parts:
        assert part in message
    assert not list(tmp_path.iterdir())


def test_several_faults_are_all_named_in_one_message(ended):
    status, out, err = ended("run", "microgrid33", "--days", "0", "--seed", "-1")
    assert (status, out) == (2, "")
    assert err.count("tieline: ") == 1
    assert "days: " in err
    assert "seed: " in err


def test_bad_input_as_the_shell_sees_it(tmp_path):
    done = process("run", "nope", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_message(done.stderr)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("evaluate", "microgrid33", *FAST, "--on", "monday"), ["--on monday", "kept", "test"]),
        (("bid", "microgrid33", "--json", "--csv"), ["--json and --csv", "choose one"]),
    ],
)
def test_contradictory_choice_is_refused(refused, arguments, parts):
    message = refused(*arguments)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("frobnicate",), "frobnicate"),
        (("run",), "study"),
        (("audit",), "run_dir"),
        (("new",), "file"),
        (("run", "microgrid33", "extra"), "extra"),
        (("run", "microgrid33", "--dayz", "3"), "--dayz"),
        (("run", "microgrid33", "--days", "many"), "--days"),
        (("run", "microgrid33", "--seed", "1.5"), "--seed"),
        (("run", "microgrid33", "--seed"), "--seed"),
        (("evaluate", "microgrid33", "--workers", "0"), "--workers"),
        (("evaluate", "microgrid33", "--test-scenarios", "0"), "--test-scenarios"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_misuse_is_refused_by_the_name_of_what_is_wrong(misused, arguments, part):
    assert part.lower() in misused(*arguments).lower()


@pytest.mark.parametrize("command", ["", "run", "evaluate", "bid", "audit", "studies", "show", "new", "bench"])
def test_every_command_has_help(command):
    text = accepted(*command.split(), "--help")
    assert f"tieline {command}" in text or "Usage" in text
    assert "Traceback" not in text


def test_without_a_command_the_help_is_shown(ended):
    _, out, err = ended()
    assert "Commands" in out + err


LONG = "long" * 100


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", LONG),
        ("run", "microgrid33", *FAST, "--out", LONG),
        ("new", f"{LONG}.yaml"),
        ("audit", LONG),
        ("run", "microgrid33", "--set", f"profiles.file={LONG}.csv"),
        ("run", "microgrid33", "--set", f"grid.case={LONG}.json"),
    ],
    ids=["study", "out", "new", "audit", "profiles", "net"],
)
def test_a_name_too_long_for_a_file_is_refused(refused, arguments):
    assert LONG in refused(*arguments)


@pytest.mark.parametrize("target", ["folder", "folder.yaml"])
def test_a_folder_without_a_study_is_refused(refused, tmp_path, target):
    (tmp_path / target).mkdir()
    message = refused("run", target)
    assert target in message
    assert "can't be read" in message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("name: [", ["is not YAML"]),
        ("name: a\nname: b\nfleet: {}\n", ["key 'name' is given twice"]),
        ("- name: a", ["is not a study", "mapping of keys"]),
        ("", ["is not a study"]),
    ],
)
def test_a_file_that_is_no_study_is_refused(refused, tmp_path, text, parts):
    (tmp_path / "mine.yaml").write_text(text)
    message = refused("run", "mine.yaml")
    for part in ("mine.yaml", *parts):
        assert part in message


# ---- bad input: profiles -------------------------------------------------------------------------------------


def packaged_day():
    """Return the text of the packaged day."""
    from importlib.resources import files

    return files("sim").joinpath("data", "microgrid33_day.csv").read_text(encoding="utf-8")


@pytest.fixture
def study_with_day(tmp_path):
    """Write the packaged study beside a day of its own, spoilt by a function; return the study's file."""

    def _study_with_day(change):
        document = yaml.safe_load((STUDIES / "microgrid33.yaml").read_text(encoding="utf-8"))
        document["profiles"] = {"file": "day.csv"}
        day = pd.DataFrame({name: np.full(24, 0.5) for name in PROFILES}, dtype=object)
        folder = tmp_path / "own"
        folder.mkdir()
        (folder / "mine.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        changed = change(day)
        if changed is not None:
            changed.to_csv(folder / "day.csv", index=False)
        return folder / "mine.yaml"

    return _study_with_day


def at_hour_5(column, value):
    def change(day):
        day.loc[4, column] = value
        return day

    return change


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda day: None, ["profiles.file", "day.csv", "does not exist", "microgrid33_day.csv"]),
        (lambda day: day.drop(columns="wind_pu"), ["profiles.wind_pu", "does not exist", "the file has"]),
        (lambda day: day.iloc[:23], ["23 rows", "24"]),
        (lambda day: day.iloc[:0], ["0 rows", "24"]),
        (at_hour_5("pv_pu", float("nan")), ["profiles.pv_pu", "finite", "hour 5", "nan"]),
        (at_hour_5("price_per_mwh", "dear"), ["profiles.price_per_mwh", "hour 5", "'dear'"]),
        (at_hour_5("retail_price_per_mwh", "inf"), ["profiles.retail_price_per_mwh", "finite", "hour 5"]),
        (at_hour_5("wind_pu", 50), ["profiles.wind_pu", "50", "hour 5", "between 0 and 1"]),
        (at_hour_5("demand_pu", -0.1), ["profiles.demand_pu", "-0.1", "hour 5"]),
    ],
    ids=["no file", "no column", "short", "empty", "nan", "word", "infinite", "percent", "negative"],
)
def test_bad_profile_is_refused(refused, study_with_day, tmp_path, change, parts):
    message = refused("run", study_with_day(change))
    for part in ("day.csv", *parts):
        assert part in message
    assert not (tmp_path / "runs").exists()


def test_profile_that_is_no_csv_is_refused(refused, study_with_day):
    study = study_with_day(lambda day: day)
    for content in (b"", b'"a', bytes(range(256))):
        (study.parent / "day.csv").write_bytes(content)
        assert "day.csv" in refused("run", study)


# ---- bad input: networks -------------------------------------------------------------------------------------


def meshed(net):
    pp.create_line_from_parameters(net, 18, 33, 1.0, 0.5, 0.5, 0.0, 0.4)


def split(net):
    net.line = net.line[net.line.to_bus != 19]


def two_slacks(net):
    pp.create_ext_grid(net, 33)


def not_a_number(net):
    net.load.loc[net.load.index[0], "p_mw"] = float("nan")


def with_switch_open(net):
    line = net.line.index[17]
    pp.create_switch(net, net.line.from_bus[line], line, et="l", closed=False)


@pytest.mark.parametrize(
    ("fault", "parts"),
    [
        (meshed, ["meshed network", "1 line(s) too many"]),
        (split, ["split network", "no path from the tie line", "19, 20, 21, 22"]),
        (two_slacks, ["exactly one ext_grid", "found 2"]),
        (not_a_number, ["load", "p_mw must be positive"]),
        (with_switch_open, ["open switches", "remove"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_bad_network_is_refused(refused, tmp_path, fault, parts):
    net = base_net()
    fault(net)
    pp.to_json(net, str(tmp_path / "net.json"))
    message = refused("run", "microgrid33", "--set", "grid.case=net.json")
    for part in ("grid.case", "net.json", *parts):
        assert part in message
    assert not (tmp_path / "runs").exists()


def test_sound_network_of_the_users_own_is_bid_for_like_the_packaged_one(tmp_path):
    pp.to_json(base_net(), str(tmp_path / "net.json"))
    own = accepted("bid", "microgrid33", *FEW, "--set", "grid.case=net.json", "--csv")
    assert own == accepted("bid", "microgrid33", *FEW, "--csv")


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("grid.case=microgrid34", ["grid.case", "unknown network 'microgrid34'", "microgrid33"]),
        ("grid.case=none.json", ["grid.case", "'none.json' does not exist"]),
        ("grid.case=words.json", ["grid.case", "words.json' is not a pandapower net"]),
        ("grid.case=object.json", ["grid.case", "object.json' is not a pandapower net"]),
        ("fleet.battery.0.bus=77", ["fleet.battery.0.bus", "unknown bus 77", "1..33"]),
        ("fleet.wind.1.bus=0", ["fleet.wind.1.bus", "unknown bus 0", "1..33"]),
    ],
)
def test_unknown_network_or_bus_is_refused(refused, tmp_path, key, parts):
    (tmp_path / "words.json").write_text("no net")
    (tmp_path / "object.json").write_text('{"a": 1}')
    message = refused("run", "microgrid33", "--set", key)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("kinds", [("battery",), ("wind", "pv"), ("wind", "pv", "battery")], ids=" ".join)
def test_a_fleet_may_lack_any_kind(kinds):
    empty = [word for kind in kinds for word in ("--set", f"fleet.{kind}=[]")]
    assert len(json.loads(accepted("bid", "microgrid33", *FEW, *empty, "--json"))["bids_mw"]) == 24


# ---- what is not the user's fault ----------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch):
    """Let the command line raise an error."""

    def _broken(error):
        def app():
            raise error

        monkeypatch.setattr(command_line, "app", app)

    return _broken


def test_interrupt_ends_with_status_130(broken, ended):
    broken(KeyboardInterrupt())
    assert ended("run", "microgrid33") == (130, "", "")


def test_an_error_of_the_program_is_not_passed_off_as_bad_input(broken):
    broken(ValueError("shapes do not match"))
    with pytest.raises(ValueError, match="shapes do not match"):
        command_line.main()
