"""The command ``sweep``: output, files, messages and exit statuses.

Runs are simulated by threads of this process here; test_sweep_faults is about processes.
"""

import json
import re
import sys
from io import StringIO

import pytest
from cli import accepted
from rich.console import Console
from swept import FACTOR, Threads, contents, plan_at, write_sweep

from experiments import console
from experiments.console import sweep as screen
from experiments.sweeps import command
from experiments.sweeps import estimate as estimate_module
from experiments.sweeps.result_store import ResultStore
from experiments.sweeps.worker import RunProduct

AXIS = {"values": {FACTOR: [1, 2]}}


@pytest.fixture(autouse=True)
def in_threads(monkeypatch):
    """Simulate runs in this process, and remember how many workers were asked for."""
    asked = []
    monkeypatch.setattr(command, "LocalProcesses", lambda workers: asked.append(workers) or Threads())
    return asked


@pytest.fixture
def tiny(tmp_path):
    return write_sweep(tmp_path / "tiny.yaml", AXIS, replications=2)


# ---- what it prints ----------------------------------------------------------------------------------------------


def test_a_sweep_says_what_it_did_and_what_can_be_done_next(tiny, tmp_path):
    out = tmp_path / "out"
    lines = accepted("sweep", tiny, "--out", out).splitlines()
    assert lines[0] == f"tiny: 4 of 4 runs are in {out}/results"
    assert re.fullmatch(r"4 simulated now in \d+ seconds \(\d+\.\d runs/(s|min)\)", lines[1])
    assert lines[2] == f"tieline report {out} draws and tabulates them"
    assert accepted("sweep", tiny, "--out", out).splitlines()[1] == "none was left to simulate"


def test_json_has_one_object_and_nothing_else(tiny, tmp_path):
    told = json.loads(accepted("sweep", tiny, "--out", tmp_path / "out", "--json"))
    assert told.pop("seconds") > 0
    expected = {"runs": 4, "done": 4, "failed": 0, "played_now": 4, "failed_now": 0}
    assert ({"sweep": "tiny", "out": str(tmp_path / "out")} | expected).items() <= told.items()


@pytest.mark.usefixtures("in_own_folder")
def test_the_default_folder_is_named_after_the_sweep(tiny, tmp_path):
    assert json.loads(accepted("sweep", tiny, "--json"))["out"] == "sweeps/tiny"
    assert len(list((tmp_path / "sweeps" / "tiny" / "results").iterdir())) == 4


def test_failed_runs_end_with_status_1_and_where_to_look(tmp_path, ended):
    factors = {"size": {"paths": ["fleet.wind.*.max_s_mva"], "change": "times"}}
    path = write_sweep(tmp_path / "failing.yaml", {"values": {"size": [1000, 1]}}, factors=factors)
    status, out, err = ended("sweep", path, "--out", tmp_path / "out")
    assert (status, err) == (1, "")
    assert f"1 failed: {tmp_path / 'out'}/failures says why; --retry-failed simulates them again" in out
    assert "1 of 2 runs are in" in out


def test_no_more_workers_are_started_than_there_are_runs(tiny, tmp_path, in_threads):
    accepted("sweep", tiny, "--out", tmp_path / "out", "--workers", 64, "--json")
    assert in_threads == [4]


def shown(monkeypatch, *, terminal, quiet):
    """Return what is seen on standard error while three of four runs end, of which one failed."""
    seen = StringIO()
    wide = Console(file=seen, force_terminal=terminal, width=200, _environ={"TERM": "xterm"})
    monkeypatch.setattr(screen, "err", wide)
    with screen.bar("tiny", total=4, done=1, quiet=quiet) as tick:
        for failed in (0, 1, 1):
            tick(failed)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.getvalue())


def test_a_terminal_sees_a_bar_with_failures(monkeypatch):
    bar = shown(monkeypatch, terminal=True, quiet=False)
    assert "tiny" in bar
    assert "4/4" in bar
    assert "1 failed" in bar


@pytest.mark.parametrize(("terminal", "quiet"), [(False, False), (True, True), (False, True)])
def test_it_is_quiet_when_asked_or_when_there_is_no_terminal(monkeypatch, terminal, quiet):
    assert shown(monkeypatch, terminal=terminal, quiet=quiet) == ""


# ---- dry run -----------------------------------------------------------------------------------------------------


@pytest.fixture
def a_second_each(monkeypatch):
    """Have every run that is tried take one second, without simulating it."""
    tried = []
    product = RunProduct(key="", seconds={"total": 1.0})
    monkeypatch.setattr(estimate_module, "_try", lambda run: tried.append(run.key) or product)
    return tried


def test_a_dry_run_says_how_much_and_how_long_and_writes_nothing(tiny, tmp_path, a_second_each):
    out = accepted("sweep", tiny, "--out", tmp_path / "out", "--workers", 2, "--dry-run")
    assert "tiny: 4 runs (2 points x 2 replications), kept: summary" in out
    assert f"  {FACTOR}: 1, 2" in out
    assert "0 done, 0 failed, 4 to be simulated" in out
    assert "on 2 workers: 1.00 s for a run (3 tried now)" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.yaml"]
    assert a_second_each


@pytest.mark.usefixtures("a_second_each")
def test_a_dry_run_in_json(tiny, tmp_path):
    told = json.loads(accepted("sweep", tiny, "--out", tmp_path / "out", "--workers", 2, "--dry-run", "--json"))
    assert told.pop("seconds") > 2
    assert told.pop("based_on")
    expected = {"points": 2, "replications": 2, "runs": 4, "done": 0, "failed": 0, "to_play": 4, "workers": 2}
    assert ({"sweep": "tiny", "out": str(tmp_path / "out"), "seconds_per_run": 1.0} | expected).items() <= told.items()


def test_a_dry_run_simulates_a_few_runs_to_see(tiny, tmp_path):
    told = json.loads(accepted("sweep", tiny, "--out", tmp_path / "out", "--dry-run", "--json"))
    assert 0.01 < told["seconds_per_run"] < 60
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_what_is_done_and_what_failed(tmp_path):
    path = write_sweep(tmp_path / "tiny.yaml", AXIS)
    accepted("sweep", path, "--out", tmp_path / "out", "--json")
    before = contents(tmp_path / "out")
    path = write_sweep(tmp_path / "tiny.yaml", AXIS, replications=3)
    plan = plan_at(path)
    fallen = next(run for run in plan.runs() if run.replication == 3).key
    (tmp_path / "out" / "failures" / f"{fallen}.json").write_text("{}")
    told = json.loads(accepted("sweep", path, "--out", tmp_path / "out", "--dry-run", "--json"))
    assert (told["done"], told["failed"], told["to_play"]) == (2, 1, 3)
    told = json.loads(accepted("sweep", path, "--out", tmp_path / "out", "--dry-run", "--json", "--retry-failed"))
    assert told["to_play"] == 4
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2.0 minutes"), (7200, "2.0 hours"), (260000, "3.0 days")],
)
def test_a_time_is_told_in_the_unit_that_suits_it(seconds, text):
    assert screen.told(seconds) == text


# ---- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_own_folder")
@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"replications": 0}, "replications: input should be greater than or equal to 1, got 0"),
        ({"outputs": "full"}, "outputs: input should be 'summary', 'hourly' or 'all', got 'full'"),
        ({"axes": [{"values": {"dayz": [1]}}]}, "factors.dayz.paths.0: there is no 'dayz'"),
        ({"axes": [{"csv": "none.csv"}]}, "axes.0.csv: "),
        ({"study": "none"}, "study: unknown study 'none'"),
        ({"axes": [{"values": {"policy": ["none", "non"]}}]}, "policy non: policy: unknown 'non', use one of"),
        ({"axes": [{"zipped": {}}]}, "axes.0.zipped: "),
        ({"axes": [AXIS], "report": {"along": "nix"}}, "report.along: 'nix' is no factor of this sweep"),
        (
            {"report": {"outputs": ["gain"]}},
            "report.outputs: 'gain' is no output of a run; the outputs are: profit, revenue",
        ),
    ],
)
@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--json"]], ids=["simulate", "dry", "json"])
def test_a_bad_file_ends_in_one_message_and_nothing_is_written(tmp_path, refused, keys, message, options):
    path = write_sweep(tmp_path / "tiny.yaml", **keys)
    assert message in refused("sweep", path, *options)
    assert [found.name for found in tmp_path.iterdir()] == ["tiny.yaml"]


@pytest.mark.usefixtures("in_own_folder")
@pytest.mark.parametrize(
    ("name", "told"), [("none", "can't be read"), ("none.yaml", "can't be read"), (".", "is a folder")]
)
def test_a_sweep_that_is_not_there_is_told(tmp_path, refused, name, told):
    assert told in refused("sweep", name)
    assert [*tmp_path.iterdir()] == []


def test_workers_and_dask_do_not_go_together(tiny, tmp_path, refused):
    message = refused("sweep", tiny, "--out", tmp_path / "out", "--workers", 2, "--dask", "tcp://127.0.0.1:1")
    assert message.startswith("tieline: --workers and --dask: give one of them")
    assert not (tmp_path / "out").exists()


def test_there_is_at_least_one_worker(tiny, ended):
    status, out, err = ended("sweep", tiny, "--workers", 0)
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    assert "--workers" in err


def test_a_folder_of_something_else_is_refused_and_left_alone(tiny, tmp_path, refused):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    assert "holds something else than a sweep; give another folder" in refused(
        "sweep", tiny, "--out", tmp_path / "out"
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_the_sweep_s_own_file_is_never_overwritten(tmp_path, refused):
    path = write_sweep(tmp_path / "sweep.yaml", AXIS)
    before = path.read_text(encoding="utf-8")
    assert "holds something else than a sweep" in refused("sweep", path, "--out", tmp_path)
    assert path.read_text(encoding="utf-8") == before


def test_a_folder_that_can_not_be_made_is_told(tiny, tmp_path, refused):
    (tmp_path / "file").write_text("mine")
    message = refused("sweep", tiny, "--out", tmp_path / "file" / "out")
    assert message.startswith(f"tieline: --out {tmp_path / 'file' / 'out'}: ")


def test_other_versions_end_in_one_message(tiny, tmp_path, refused):
    accepted("sweep", tiny, "--out", tmp_path / "out", "--json")
    versions = tmp_path / "out" / "versions.json"
    versions.write_text(versions.read_text(encoding="utf-8").replace('"python": "', '"python": "2'), encoding="utf-8")
    before = contents(tmp_path / "out")
    message = refused("sweep", tiny, "--out", tmp_path / "out")
    assert "was computed with other versions (here is python 3" in message
    assert " instead of 23" in message
    assert contents(tmp_path / "out") == before


def test_a_full_disk_ends_in_one_message(tiny, tmp_path, refused, monkeypatch):
    import errno

    def full(self, product):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ResultStore, "_keep_parts", full)
    message = refused("sweep", tiny, "--out", tmp_path / "out")
    assert message.endswith("the disk is full; what is stored is whole: free some space, and start the sweep again\n")


def test_ctrl_c_says_what_is_stored(tiny, tmp_path, ended, monkeypatch):
    original, kept = ResultStore.keep, []

    def keep(self, run, product):
        if kept:
            raise KeyboardInterrupt
        kept.append(run)
        original(self, run, product)

    monkeypatch.setattr(ResultStore, "keep", keep)
    monkeypatch.setattr(console.err, "_file", sys.stderr)
    status, out, err = ended("sweep", tiny, "--out", tmp_path / "out")
    assert (status, out) == (130, "")
    assert err == "stopped; 1 runs simulated now are stored: start the sweep again to go on\n"
