"""Faults that a sweep survives, in real processes: killed workers, a killed sweep, Ctrl-C, two at once, failing runs.

In the end every run is there exactly once, and all files are those of an undisturbed sweep, byte for byte.
"""

import json
import os
import random
import signal
from time import monotonic

import pytest
from swept import FACTOR, Threads, contents, launched, plan_at, run_in_threads, write_sweep

from experiments.sweeps import command
from experiments.sweeps.result_store import ResultStore, labels_of
from experiments.sweeps.worker import RunProduct

AXIS = {"range": {FACTOR: {"start": 1, "stop": 6, "count": 6}}}
TIMES = 20

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Return the file of a sweep of 12 runs."""
    return write_sweep(tmp_path_factory.mktemp("sweep") / "tiny.yaml", AXIS, replications=2, outputs="hourly")


@pytest.fixture(scope="session")
def undisturbed(tiny, tmp_path_factory):
    """Return the files of an undisturbed sweep."""
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    run_in_threads(tiny, folder)
    found = contents(folder)
    assert len(found) == 2 * 12 + 1
    return found


def whole(status):
    code, out, err = status
    assert (code, err) == (0, "")
    return json.loads(out)


# ---- kill -9 -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_a_killed_sweep_goes_on(tiny, undisturbed, tmp_path, refused):
    """Meanwhile a second sweep into the folder is refused."""
    with launched(tiny, tmp_path / "out", "--workers", 2) as sweep:
        assert sweep.until(lambda: sweep.stored() >= 2)
        random.Random(1).choice(sweep.workers()).kill()
        message = refused("sweep", tiny, "--out", tmp_path / "out")
        assert message.endswith("another sweep is at work in this folder; wait for it, or give another folder\n")
        assert sweep.until(lambda: sweep.stored() >= 4)
        sweep.kill()
    left = ResultStore(tmp_path / "out")
    assert left.failed() == set()
    assert {*contents(tmp_path / "out").items()} <= {*undisturbed.items()}
    run_in_threads(tiny, tmp_path / "out")
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.long
def test_a_sweep_whose_worker_is_killed_ends_well_and_says_nothing_of_it(tiny, undisturbed, tmp_path):
    with launched(tiny, tmp_path / "out", "--workers", 2, "--json") as sweep:
        assert sweep.until(lambda: sweep.stored() >= 2)
        random.Random(1).choice(sweep.workers()).kill()
        told = whole(sweep.ended())
    assert (told["done"], told["failed"], told["played_now"]) == (12, 0, 12)
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.long
def test_a_sweep_killed_twenty_times_at_random_moments(tiny, undisturbed, tmp_path):
    dice, folders, kills = random.Random(2026), 0, 0
    while kills < TIMES:
        out = tmp_path / f"out{folders}"
        with launched(tiny, out, "--workers", 2, "--json") as sweep:
            end = monotonic() + dice.uniform(0, 18)
            if sweep.until(lambda end=end: monotonic() > end):
                sweep.kill()
                kills += 1
                continue
            whole(sweep.ended())
        assert contents(out) == undisturbed
        folders += 1
    with launched(tiny, out, "--workers", 2, "--json") as sweep:
        whole(sweep.ended())
    assert contents(out) == undisturbed


@pytest.mark.long
def test_workers_killed_twenty_times_at_random_moments(tiny, undisturbed, tmp_path):
    dice, folders, kills = random.Random(2027), 0, 0
    while kills < TIMES:
        out = tmp_path / f"out{folders}"
        with launched(tiny, out, "--workers", 2, "--json") as sweep:
            for _ in range(2):  # a third death of a run that is alone again would be held against it
                end = monotonic() + dice.uniform(0, 18)
                if sweep.until(lambda end=end: monotonic() > end and sweep.workers()):
                    dice.choice(sweep.workers()).kill()
                    kills += 1
            told = whole(sweep.ended())
        assert (told["done"], told["failed"]) == (12, 0)
        assert contents(out) == undisturbed
        folders += 1


# ---- Ctrl-C ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["as workers start", pytest.param("as runs are simulated", marks=pytest.mark.long)])
def test_ctrl_c_ends_it_at_once_with_one_message(tiny, tmp_path, moment):
    """It reaches all processes of the terminal, also workers that have not got as far as to ignore it."""
    with launched(tiny, tmp_path / "out", "--workers", 2) as sweep:
        wanted = 2 if moment == "as runs are simulated" else 0
        assert sweep.until(lambda: sweep.stored() >= wanted and len(sweep.workers()) == 2)
        workers = sweep.workers()
        start = monotonic()
        os.killpg(sweep.process.pid, signal.SIGINT)
        status, out, err = sweep.ended()
        took = monotonic() - start
    assert (status, out) == (130, "")
    assert err.startswith("stopped; ")
    assert err.endswith(" runs simulated now are stored: start the sweep again to go on\n")
    assert err.count("\n") == 1
    assert took < 10
    assert not any(worker.is_running() for worker in workers)
    assert ResultStore(tmp_path / "out").done("hourly") == ResultStore(tmp_path / "out").done()


# ---- runs that fail ----------------------------------------------------------------------------------------------

POISON = """
import os, sys
if "spawn_main" in " ".join(sys.orig_argv):
    import experiments.sweeps.worker as worker
    original = worker._simulate
    def simulate(task):
        if task.labels["size"] == 3:
            os.kill(os.getpid(), 9)
        return original(task)
    worker._simulate = simulate
"""


@pytest.mark.long
def test_a_run_that_kills_its_worker_every_time_is_recorded_and_all_others_finish(tmp_path, monkeypatch):
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(POISON)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'hook'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    factors = {"size": {"paths": [FACTOR]}}
    path = write_sweep(tmp_path / "tiny.yaml", {"values": {"size": [1, 2, 3, 4]}}, factors=factors)
    with launched(path, tmp_path / "out", "--workers", 2, "--json") as sweep:
        status, out, err = sweep.ended()
    assert (status, err) == (1, "")
    assert (json.loads(out)["done"], json.loads(out)["failed"]) == (3, 1)
    (failure,) = (tmp_path / "out" / "failures").iterdir()
    told = json.loads(failure.read_text(encoding="utf-8"))
    assert (told["size"], told["error"]) == (3, "its worker died 3 times (killed, or out of memory)")


@pytest.fixture
def failing(tmp_path):
    """Return the file of a sweep of which one run has no power flow: a thousand times the wind."""
    factors = {"size": {"paths": ["fleet.wind.*.max_s_mva"], "change": "times"}}
    return write_sweep(tmp_path / "failing.yaml", {"values": {"size": [1, 1000]}}, factors=factors)


def test_a_failing_run_is_recorded_and_simulated_again_only_if_asked(failing, tmp_path, ended, monkeypatch):
    monkeypatch.setattr(command, "LocalProcesses", Threads)
    out = tmp_path / "out"
    status, printed, _ = ended("sweep", failing, "--out", out, "--json")
    told = json.loads(printed)
    assert (status, told["done"], told["failed"], told["played_now"]) == (1, 1, 1, 2)
    (failure,) = (out / "failures").iterdir()
    recorded = json.loads(failure.read_text(encoding="utf-8"))
    assert recorded["size"] == 1000
    assert recorded["traceback"].startswith("Traceback")
    assert recorded["traceback"].splitlines()[-1].endswith(recorded["error"].partition(": ")[2])

    status, printed, _ = ended("sweep", failing, "--out", out, "--json")
    assert (status, json.loads(printed)["played_now"], json.loads(printed)["failed_now"]) == (1, 0, 0)
    status, printed, _ = ended("sweep", failing, "--out", out, "--json", "--retry-failed")
    assert (status, json.loads(printed)["played_now"], json.loads(printed)["failed_now"]) == (1, 1, 1)


def test_what_succeeds_on_another_try_is_no_failure_any_more(tiny, undisturbed, tmp_path):
    store, plan = ResultStore(tmp_path / "out"), plan_at(tiny)
    first = plan.runs()[0]
    with store.locked():
        store.prepare(plan)
        store.keep(first, RunProduct(key=first.key, error="OSError: no memory", traceback="..."))
        assert labels_of(first)["key"] in store.failed()
    with pytest.raises(SystemExit) as end:
        run_in_threads(tiny, tmp_path / "out")
    assert end.value.code == 1
    run_in_threads(tiny, tmp_path / "out", retry_failed=True)
    assert store.failed() == set()
    assert contents(tmp_path / "out") == undisturbed
