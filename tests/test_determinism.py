"""The same study and seed give the same bytes: twice in a process, and in another one."""

import gc
import hashlib
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from agents.participants import create_agents
from sim.instance import Instance
from sim.ledger import TABLES, write_tables
from sim.model import MarketModel
from sim.study_file import read_study, write_study

TESTS = Path(__file__).parent


def small(study, *, seed=1):
    uncertainty = study.uncertainty.model_copy(update={"scenarios": 50, "keep": 3})
    return study.model_copy(update={"uncertainty": uncertainty, "policy": "myopic", "seed": seed})


def bytes_of_a_run(study, folder):
    """Simulate a study and return a digest of every table's file."""
    folder.mkdir(parents=True, exist_ok=True)
    model = MarketModel(Instance.of(study), create_agents)
    model.run_days(study.days)
    write_tables(model.ledger.frames(), folder)
    return {name: hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest() for name in TABLES}


@pytest.fixture(scope="module")
def first(study33, tmp_path_factory):
    return bytes_of_a_run(small(study33), tmp_path_factory.mktemp("first"))


def test_again_in_the_same_process(study33, first, tmp_path):
    assert bytes_of_a_run(small(study33), tmp_path) == first


@pytest.mark.slow
def test_again_in_another_process(study33, first, tmp_path):
    """Another process, with other hashes of strings and another working directory."""
    study = tmp_path / "study.yaml"
    study.write_text(write_study(small(study33)), encoding="utf-8")
    environment = os.environ | {
        "PYTHONHASHSEED": "4321",
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), str(study), str(tmp_path / "run")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    digests = dict(line.split() for line in done.stdout.splitlines())
    assert digests == first


def test_another_seed_is_another_day(study33, first, tmp_path):
    other = bytes_of_a_run(small(study33, seed=2), tmp_path)
    # It has no microgrids.
    fixed = {"units", "branches", "market", "connections", "trades", "devices", "cars", "charging"}
    assert {name for name in TABLES if other[name] == first[name]} == fixed


if __name__ == "__main__":
    for table, digest in bytes_of_a_run(read_study(Path(sys.argv[1])), Path(sys.argv[2])).items():
        sys.stdout.write(f"{table} {digest}\n")


def test_a_run_leaves_nothing_behind(instance33):
    """Mesa keeps every model whose agents it counted; a sweep of thousands of days would fill the memory."""
    model = MarketModel(instance33, create_agents)
    gone = weakref.ref(model.participants.operator), weakref.ref(model)
    model.close()
    del model
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
