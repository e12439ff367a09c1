"""Workers mean the same for every command, and no result depends on them."""

import json
import os

import distributed
import pytest
from cli import accepted

from experiments.executors import dask_cluster
from experiments.executors.workers import Workers
from sim.errors import StudyError

pytestmark = pytest.mark.usefixtures("in_own_folder")

SMALL = ("--scenarios", 3, "--keep", 2)

COMMANDS = {
    "bid": ("bid", "microgrid33", "--scenarios", 4, "--keep", "all", "--cvar-weight", 0.5, "--csv"),
    "compare": (
        *("compare", "microgrid33", *SMALL, "--bidding", "basic", "--policy", "none", "--vary", "rule=shi,nguyen"),
        *("--seeds", 2, "--json"),
    ),
    "evaluate": ("evaluate", "microgrid33", *SMALL, "--policy", "myopic", "--json"),
    "value": ("value", "microgrid33", *SMALL, "--compare-keep", 1, "--out-of-sample", 2, "--json"),
}
"""Commands that take a few seconds; the bid is found in bundles, for it is averse to risk."""

TRAIN = ("train", "microgrid33", "--samples", 4, "--rounds", 1, "--out")


def printed(name, *options):
    """Return what a command prints, but for its computing times."""
    text = accepted(*COMMANDS[name], *options)
    return text if name == "bid" else {**json.loads(text), "seconds": None}


@pytest.fixture(scope="module")
def dask():
    """Yield the address of a scheduler with one worker of two threads in this process."""
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as local:
        yield local.scheduler_address


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "value" else [pytest.mark.long]) for name in COMMANDS]
)
def test_results_do_not_depend_on_the_workers(name, dask):
    alone = printed(name, "--workers", 1)
    assert printed(name, "--workers", 2) == alone
    assert printed(name, "--dask", dask) == alone


@pytest.mark.slow
def test_trained_values_do_not_depend_on_the_workers(dask, tmp_path):
    files = [tmp_path / f"{name}.json" for name in ("one", "two", "dask")]
    for file, options in zip(files, (("--workers", 1), ("--workers", 2), ("--dask", dask)), strict=True):
        accepted(*TRAIN, file, *options)
    assert len({file.read_bytes() for file in files}) == 1


@pytest.mark.parametrize(
    "command",
    [*COMMANDS.values(), (*TRAIN, "new.json"), ("sweep", "penalty_band"), ("reproduce", "fig4", "--quick")],
    ids=lambda command: command[0],
)
def test_workers_here_and_on_a_cluster_exclude_each_other(command, refused):
    assert "--workers and --dask: give one of them" in refused(*command, "--workers", 2, "--dask", "tcp://10.0.0.1:1")


def _die(number):
    if number == 1:
        os._exit(1)
    return number


def _where(number):
    return number, os.getpid()


def test_a_single_worker_is_this_process_and_results_come_in_order():
    assert list(Workers(1).map(_where, range(3))) == [(number, os.getpid()) for number in range(3)]
    numbers, processes = zip(*Workers(2).map(_where, range(3)), strict=True)
    assert numbers == (0, 1, 2)
    assert os.getpid() not in processes


def test_a_worker_that_dies_is_told():
    with pytest.raises(StudyError, match=r"^2 processes: a worker died \(killed, or out of memory\); start it again$"):
        list(Workers(2).map(_die, range(4)))


def test_an_error_of_the_work_is_raised_as_it_is():
    with pytest.raises(ZeroDivisionError):
        list(Workers(2).map((1).__truediv__, [1, 0]))


def test_workers_of_a_cluster_must_have_our_versions(dask, monkeypatch):
    monkeypatch.setattr(dask_cluster, "differences", lambda versions: "numpy 1 instead of 2")
    with pytest.raises(StudyError, match=r"^worker .+ has numpy 1 instead of 2$"):
        list(Workers(dask=dask).map(abs, [1]))


def test_no_more_workers_than_tasks():
    assert Workers(8).at_most(3) == 3
    assert Workers(2).at_most(3) == 2
    assert Workers(2).at_most(0) == 1
    assert Workers.of(4) == Workers(4)
    assert Workers.of(Workers(dask="x")) == Workers(dask="x")
