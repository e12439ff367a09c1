"""Small sweeps for the tests: runs of a fraction of a second, and the command line as a process that can be killed."""

import hashlib
from pathlib import Path

import yaml

from experiments.identity import provenance
from experiments.sweeps.plan import make_plan, read_sweep
from experiments.sweeps.store import labels_of
from experiments.sweeps.sweep_file import SweepFile
from experiments.sweeps.worker import Task

QUICK = {"bidding": "basic", "policy": "none", "uncertainty.scenarios": 4, "uncertainty.keep": 2}
"""What makes a run of the 33-bus microgrid take a fifth of a second."""

FACTOR = "market.tariff.load_curtailment_factor"


def sweep_of(*axes, **keys):
    """Return a sweep of quick runs."""
    return SweepFile.model_validate({"name": "tiny", "set": QUICK, "axes": list(axes), **keys})


def plan_of(*axes, folder=Path(), **keys):
    return make_plan(sweep_of(*axes, **keys), folder)


def write_sweep(path, *axes, **keys):
    """Write a sweep of quick runs and return its path."""
    document = {"name": path.stem, "set": QUICK, "axes": list(axes), **keys}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def plan_at(path):
    return make_plan(read_sweep(path), path.parent)


def task_of(run, outputs="summary"):
    return Task(key=run.key, document=run.document, labels=labels_of(run), outputs=outputs, provenance=provenance())


def contents(folder, *sets):
    """Return the SHA-256 of every Parquet file of a sweep, by its place; unless asked for, all but those aside."""
    found = [path for path in sorted(folder.rglob("*.parquet")) if "aside" not in path.parts]
    chosen = [path for path in found if not sets or path.parent.relative_to(folder).as_posix() in sets]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in chosen}
