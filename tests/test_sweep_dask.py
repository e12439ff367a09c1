"""Sweeps on Dask: the same bytes as on this machine, and one message when scheduler or workers are gone."""

import json
import logging
import random
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

import pytest
from swept import FACTOR, contents, launched, run, run_in_threads, write_sweep

from experiments.executors import dask_cluster
from experiments.sweeps.result_store import ResultStore

distributed = pytest.importorskip("distributed")

AXIS = {"range": {FACTOR: {"start": 1, "stop": 4, "count": 4}}}
RUNS = 8
LOST = "the scheduler does not answer any more; what is done is stored, start the sweep again to go on\n"


@pytest.fixture(autouse=True)
def loggers():
    """Give Dask's loggers their levels back."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_sweep(tmp_path_factory.mktemp("sweep") / "tiny.yaml", AXIS, replications=2, outputs="hourly")


@pytest.fixture(scope="module")
def undisturbed(tiny, tmp_path_factory):
    """Return the files of the sweep simulated on this machine."""
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    run_in_threads(tiny, folder)
    return contents(folder)


class Cluster:
    """A scheduler and workers on loopback, each a process of its own."""

    def __init__(self, folder, stack):
        self.folder, self._stack, self.workers = folder, stack, []
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", folder / "scheduler.json")
        end = monotonic() + 60
        while not (folder / "scheduler.json").exists():
            assert monotonic() < end, "no scheduler"
            sleep(0.1)
        self.address = json.loads((folder / "scheduler.json").read_text())["address"]

    def work(self, count=2):
        for _ in range(count):
            self.workers.append(self._start("worker", self.address, "--nthreads", "1", "--no-nanny"))
        return self

    def _start(self, *arguments):
        line = [sys.executable, "-m", "dask", *map(str, arguments), "--host", "127.0.0.1", "--no-dashboard"]
        log = self._stack.enter_context((self.folder / "log.txt").open("a"))
        process = subprocess.Popen(line, cwd=self.folder, stdout=log, stderr=log)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process


@contextmanager
def cluster(folder):
    with ExitStack() as stack:
        yield Cluster(folder, stack)


# ---- a cluster in this process -----------------------------------------------------------------------------------


@pytest.mark.long
def test_a_local_cluster_gives_the_same_bytes(tiny, undisturbed, tmp_path, capsys):
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local:
        run(tiny, tmp_path / "out", dask=local.scheduler_address)
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["failed"]) == (RUNS, 0)
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.slow
def test_a_local_cluster_of_threads_gives_the_same_bytes(tiny, undisturbed, tmp_path, capsys):
    with distributed.LocalCluster(1, threads_per_worker=2, processes=False, dashboard_address=None) as local:
        run(tiny, tmp_path / "out", dask=local.scheduler_address)
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["failed"]) == (RUNS, 0)
    assert contents(tmp_path / "out") == undisturbed


# ---- scheduler and workers as processes --------------------------------------------------------------------------


@pytest.mark.long
def test_a_worker_and_then_the_scheduler_are_killed(tiny, undisturbed, tmp_path):
    """The death of a worker goes unnoticed; that of the scheduler is told soon, and what is stored is gone on from."""
    with cluster(tmp_path) as dask:
        dask.work(2)
        with launched(tiny, tmp_path / "out", "--dask", dask.address) as sweep:
            assert sweep.until(lambda: sweep.stored() >= 1)
            dask.workers[0].kill()
            assert sweep.until(lambda: sweep.stored() >= 3)
            start = monotonic()
            dask.scheduler.kill()
            status, out, err = sweep.ended()
    assert monotonic() - start < 60
    assert (status, out) == (2, "")
    assert err == f"tieline: Dask at {dask.address}: {LOST}"
    assert {*contents(tmp_path / "out").items()} <= {*undisturbed.items()}
    assert ResultStore(tmp_path / "out").failed() == set()
    run_in_threads(tiny, tmp_path / "out")
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.long
def test_separate_processes_give_the_same_bytes_although_a_worker_is_killed(tiny, undisturbed, tmp_path):
    with cluster(tmp_path) as dask:
        dask.work(2)
        with launched(tiny, tmp_path / "out", "--dask", dask.address, "--json") as sweep:
            assert sweep.until(lambda: sweep.stored() >= 1)
            dask.workers[0].kill()
            status, out, err = sweep.ended()
    assert (status, err) == (0, "")
    assert json.loads(out)["done"] == RUNS
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.long
def test_another_scheduler_goes_on_after_one_that_was_killed_twenty_times(tiny, undisturbed, tmp_path):
    dice, kills, folders = random.Random(2028), 0, 0
    while kills < 20:
        out = tmp_path / f"out{folders}"
        home = tmp_path / f"home{kills}"
        home.mkdir(exist_ok=True)
        with cluster(home) as dask:
            dask.work(2)
            with launched(tiny, out, "--dask", dask.address) as sweep:
                end = monotonic() + dice.uniform(3, 25)
                if sweep.until(lambda end=end: monotonic() > end):
                    dask.scheduler.kill()
                    kills += 1
                    start = monotonic()
                    status, _, err = sweep.ended()
                    assert monotonic() - start < 60
                    if status:
                        assert status == 2
                        assert err.startswith("tieline: ")
                        assert err.count("\n") == 1
                        continue
                else:
                    status, _, err = sweep.ended()
                assert (status, err) == (0, "")
        assert contents(out) == undisturbed
        folders += 1
        (home / "scheduler.json").unlink(missing_ok=True)
    run_in_threads(tiny, out)
    assert contents(out) == undisturbed


@pytest.mark.long
def test_a_cluster_without_any_worker_left_is_told(tiny, tmp_path):
    with cluster(tmp_path) as dask:
        dask.work(1)
        with launched(tiny, tmp_path / "out", "--dask", dask.address) as sweep:
            assert sweep.until(lambda: sweep.stored() >= 1)
            dask.workers[0].kill()
            status, _, err = sweep.ended()
    assert status == 2
    assert err == (
        f"tieline: Dask at {dask.address}: all workers are gone;"
        " what is done is stored, start the sweep again to go on\n"
    )


@pytest.mark.long
def test_ctrl_c_leaves_the_cluster_at_once(tiny, tmp_path):
    with cluster(tmp_path) as dask:
        dask.work(1)
        with launched(tiny, tmp_path / "out", "--dask", dask.address) as sweep:
            assert sweep.until(lambda: sweep.stored() >= 1)
            start = monotonic()
            sweep.process.send_signal(signal.SIGINT)
            status, out, err = sweep.ended()
    assert (status, out) == (130, "")
    assert err.startswith("stopped; ")
    assert err.count("\n") == 1
    assert monotonic() - start < 15


# ---- no cluster --------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(dask_cluster, "PATIENCE_S", 1.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "127.0.0.1:{port}", "nowhere", "http://x", "tcp://"])
def test_no_scheduler_at_the_address_is_told(tiny, tmp_path, refused, address):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = address.format(port=free.getsockname()[1])
    message = refused("sweep", tiny, "--out", tmp_path / "out", "--dask", address)
    assert message.startswith(f"tieline: --dask {address}: no scheduler answers (")
    assert message.endswith("; start one with: dask scheduler\n")


@pytest.mark.usefixtures("impatient")
def test_a_scheduler_without_workers_is_told(tiny, tmp_path, refused):
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as local:
        address = local.scheduler_address
        message = refused("sweep", tiny, "--out", tmp_path / "out", "--dask", address)
    assert message == (
        f"tieline: --dask {address}: the scheduler has no workers; start some with: dask worker {address}"
        " --nthreads 1\n"
    )


def test_without_dask_the_message_says_what_to_install(tiny, tmp_path, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    message = refused("sweep", tiny, "--out", tmp_path / "out", "--dask", "tcp://127.0.0.1:1")
    assert message == "tieline: --dask: Dask is not installed; pip install 'tieline[cluster]'\n"
