"""Small sweeps for the tests: runs of a fraction of a second, and the command line as a process that can be killed."""

import hashlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from cli import hear_ctrl_c

from experiments.provenance import provenance
from experiments.sweeps import command, result_store
from experiments.sweeps.plan import make_plan, read_sweep
from experiments.sweeps.result_store import labels_of
from experiments.sweeps.sweep_file import SweepFile
from experiments.sweeps.worker import parquet

QUICK = {"bidding": "basic", "policy": "none", "uncertainty.scenarios": 4, "uncertainty.keep": 2}
"""Values with which a run of the 33-bus microgrid takes a fifth of a second."""

FACTOR = "market.tariff.load_curtailment_factor"

AXIS = {"values": {FACTOR: [1, 2]}}


def sweep_of(*axes, **keys):
    """Return a sweep of quick runs."""
    return SweepFile.model_validate({"name": "tiny", "set": QUICK, "axes": list(axes), **keys})


def plan_of(*axes, folder=Path(), **keys):
    return make_plan(sweep_of(*axes, **keys), folder)


def write_sweep(path, *axes, **keys):
    """Write a sweep of quick runs and return its path."""
    document = {"name": "tiny", "set": QUICK, "axes": list(axes), **keys}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def plan_at(path):
    return make_plan(read_sweep(path), path.parent)


def task_of(run, outputs="summary"):
    return result_store.task_of(run, outputs=outputs, versions=provenance())


def contents(folder, *sets):
    """Return the SHA-256 of every Parquet file of a sweep, by its place; unless asked for, all but those aside."""
    found = [path for path in sorted(folder.rglob("*.parquet")) if "aside" not in path.parts]
    chosen = [path for path in found if not sets or path.parent.relative_to(folder).as_posix() in sets]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in chosen}


def relabelled(content, run):
    """Return a file as a worker makes it for a run of another sweep with the same key."""
    frame = pq.read_table(pa.BufferReader(content)).to_pandas()
    figures = frame.iloc[:, list(frame.columns).index("seed") + 1 :]
    labels = pd.DataFrame({name: [value] * len(frame) for name, value in labels_of(run).items()})
    return parquet(pd.concat([labels, figures], axis=1))


def keys(plan):
    return {run.key for run in plan.runs()}


def stored(folder, name="results"):
    return {path.stem for path in (folder / name).glob("*.parquet")}


def rows(folder, name="results"):
    return pd.read_parquet(folder / name)


def run(path, out, *, workers=None, dask=None, **changes):
    """Simulate a sweep in this process, as the command does."""
    given = {"dry_run": False, "retry_failed": False, "as_json": True}
    command.run_sweep(str(path), workers=workers, dask=dask, out=out, **(given | changes))


def run_in_threads(path, out, **changes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "LocalProcesses", Threads)
        run(path, out, workers=2, **changes)


class Threads:
    """An engine of two threads of this process, for what is not about processes."""

    name = "threads"
    workers = 2

    def __init__(self, *_):
        self._pool = None

    def open(self):
        self._pool = ThreadPoolExecutor(self.workers)
        return self._pool

    def close(self):
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    abandon = close

    def lost(self):
        return ""

    def worker_died(self, error):
        return False


# ---- processes ---------------------------------------------------------------------------------------------------


class Launched:
    """A sweep as a process in a group of its own, as a terminal starts it."""

    def __init__(self, path, out, *arguments):
        command = [sys.executable, "-m", "experiments", "sweep", str(path), "--out", str(out), *map(str, arguments)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(
            command, cwd=path.parent, start_new_session=True, preexec_fn=hear_ctrl_c, **streams
        )
        self.out = out

    def workers(self):
        """Return the processes that simulate runs."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    def until(self, ready, patience_s=90.0):
        """Wait until something is so, or the sweep has ended; return whether it is."""
        end = monotonic() + patience_s
        while self.process.poll() is None and not ready():
            assert monotonic() < end, "waited too long"
            sleep(0.05)
        return self.process.poll() is None

    def stored(self):
        return len(list((self.out / "results").glob("*.parquet")))

    def ended(self, patience_s=120.0):
        """Wait for its end; return exit status, standard output and standard error."""
        out, err = self.process.communicate(timeout=patience_s)
        return self.process.returncode, out, err

    def kill(self):
        """Kill it as ``kill -9`` does; its workers must notice by themselves."""
        workers = self.workers()
        self.process.kill()
        self.process.communicate()
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert alive == []


@contextmanager
def launched(path, out, *arguments):
    """Launch a sweep, of which nothing is left at the end, whatever happens."""
    sweep = Launched(path, out, *arguments)
    try:
        yield sweep
    finally:
        if sweep.process.poll() is None:
            os.killpg(sweep.process.pid, signal.SIGKILL)
            sweep.process.communicate()
