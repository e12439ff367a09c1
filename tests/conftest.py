"""Fixtures shared by several files: the 33-bus microgrid, the command line, and runs, simulated once per session."""

import os
import shutil
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path

import pandapower as pp
import pytest
from cli import FAST, assert_one_message, process
from hypothesis import HealthCheck, settings
from swept import relabelled, task_of

import experiments
import experiments.__main__ as command_line
from agents.anm import POLICIES
from agents.bidding import STRATEGIES
from experiments.reproduce import journal
from experiments.sweeps.result_store import MORE, ResultStore
from experiments.sweeps.worker import RunProduct, perform
from grids.batch_power_flow import BatchPowerFlow
from grids.cases.microgrid33 import tables
from grids.network import Grid
from grids.power_flow import PowerFlow
from sim import time_limit
from sim.instance import Instance
from sim.study import Study
from sim.study_file import read_study

# The same examples on every machine and run; no deadline, for the first power flow imports pandapower.
settings.register_profile(
    "tieline", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tieline")

STUDIES = Path(experiments.__file__).parent / "studies"


@pytest.fixture(autouse=True, scope="module")
def own_names():
    """Forget the policies and strategies that a module's tests brought along."""
    yield
    for registry in (POLICIES, STRATEGIES):
        registry.clear()


@pytest.fixture(autouse=True)
def tests_go_on(monkeypatch):
    """Have the command line, where it runs in this process, raise SystemExit whatever threads are at work."""
    monkeypatch.setattr("experiments.streams._end_process", sys.exit)


@pytest.fixture(scope="session")
def study33() -> Study:
    return read_study(STUDIES / "microgrid33.yaml")


@pytest.fixture(scope="session")
def instance33(study33: Study) -> Instance:
    return Instance.of(study33)


@pytest.fixture(scope="session")
def grid33(instance33: Instance) -> Grid:
    return instance33.grid


@pytest.fixture(scope="session")
def power_flow33(grid33: Grid) -> PowerFlow:
    return PowerFlow(grid33)


@pytest.fixture(scope="session")
def batch33(grid33: Grid) -> BatchPowerFlow:
    return BatchPowerFlow(grid33)


# ---- the command line ----------------------------------------------------------------------------------------


@pytest.fixture
def in_own_folder(tmp_path, monkeypatch):
    """Start every test in an empty folder: by default runs are written below the current one."""
    monkeypatch.chdir(tmp_path)


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


@pytest.fixture(scope="session")
def first_run(tmp_path_factory):
    """Run one day as a process; return the process and the run's folder."""
    folder = tmp_path_factory.mktemp("cli")
    done = process("run", "microgrid33", *FAST, "--json", "--out", "first", cwd=folder)
    return done, folder / "first"


@pytest.fixture(scope="session")
def run_dir(first_run):
    done, folder = first_run
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copied(run_dir, tmp_path):
    """Return a copy of the run's folder, to be spoilt."""
    return Path(shutil.copytree(run_dir, tmp_path / "copied"))


@pytest.fixture
def nobody_is_left_waiting():
    """Release all agents that never answer at the end of a test, and wait until they have ended."""
    from broken import gate

    gate.clear()
    time_limit.given_up.clear()  # of other tests
    yield
    gate.set()
    while time_limit.somebody_is_at_work():
        time.sleep(0.01)
    time_limit.given_up.clear()


# ---- runs to be audited; only these need the participants ---------------------------------------------------------


@pytest.fixture(scope="session")
def receding():
    from audited import simulate

    return simulate("microgrid33")


@pytest.fixture(scope="session")
def export():
    from audited import simulate

    return simulate("microgrid33-export", "policy=myopic", "days=3", "fleet.battery.0.efficiency=0.9")


@pytest.fixture(scope="session")
def networked():
    """Two days, so that cars stay over midnight within the run, and one that needs all its stores."""
    from audited import simulate

    return simulate("networked33", "policy=myopic", "bidding=basic", "days=2")


# ---- the 33-bus feeder as a pandapower net -------------------------------------------------------------------


@pytest.fixture(scope="session")
def good_net():
    return tables().to_net()


@pytest.fixture
def saved(tmp_path, good_net):
    """Save the 33-bus feeder, perhaps changed by a function, as JSON and return the path."""

    def _saved(spoil=lambda net: None):
        net = deepcopy(good_net)
        spoil(net)
        path = tmp_path / "net.json"
        pp.to_json(net, str(path))
        return path

    return _saved


@pytest.fixture(scope="module")
def figures():
    """Collect the figures of reproductions as they are saved, by name."""
    saved = {}
    original = journal.save_figure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "save_figure", lambda *given: saved.update({given[2]: given[0]}) or original(*given))
        yield saved


# ---- folders -------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(tmp_path):
    """Return a folder this user may not write to: one of the kernel's for root, whom permissions don't stop."""
    folder, kernel = tmp_path / "locked", Path("/sys/kernel")
    folder.mkdir(mode=0o500)
    if not os.access(folder, os.W_OK):
        return folder
    if not kernel.is_dir():
        pytest.skip("there is no folder that this user may not write to")
    return kernel


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of its own of a quarter of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting is not permitted")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


# ---- sweeps --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def products():
    """Simulate every run that is asked for once; return what comes of it by key and outputs."""
    performed = {}

    def _product(run, outputs):
        kept = performed.get(run.key)
        if kept is None:
            kept = performed[run.key] = perform(task_of(run, "all"))
            assert kept.error == "", kept.traceback
        labelled = {name: part for name, part in kept.parts.items() if name == "results" or name in MORE[outputs]}
        return RunProduct(key=run.key, parts=labelled, seconds=kept.seconds, memory_gb=1.0, worker="here")

    return _product


@pytest.fixture
def filled(products):
    """Fill a folder as a sweep does, with what is not there yet; return how many runs that were."""

    def _filled(folder, plan):
        store = ResultStore(folder)
        with store.locked():
            store.prepare(plan)
            left = [run for run in plan.runs() if run.key not in store.done(plan.sweep.outputs) | store.failed()]
            for run in left:
                product = products(run, plan.sweep.outputs)
                fresh = {**product.parts, "results": relabelled(product.parts["results"], run)}
                if "hourly" in fresh:
                    fresh["hourly"] = relabelled(fresh["hourly"], run)
                store.keep(run, RunProduct(key=run.key, parts=fresh, seconds=product.seconds))
        return len(left)

    return _filled
