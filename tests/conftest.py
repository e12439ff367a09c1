"""Fixtures shared by all tests: the packaged 33-bus microgrid, built once per session."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import experiments
from grids.batch_power_flow import BatchPlant
from grids.network import Grid
from grids.power_flow import Plant
from sim.setting import Setting
from sim.study import Study
from sim.study_file import read_study

# The same examples on every machine and run; no deadline, for the first power flow compiles for seconds.
settings.register_profile(
    "tieline", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tieline")

STUDIES = Path(experiments.__file__).parent / "studies"


@pytest.fixture(scope="session")
def study33() -> Study:
    return read_study(STUDIES / "microgrid33.yaml")


@pytest.fixture(scope="session")
def setting33(study33: Study) -> Setting:
    return Setting.of(study33)


@pytest.fixture(scope="session")
def grid33(setting33: Setting) -> Grid:
    return setting33.grid


@pytest.fixture(scope="session")
def plant33(grid33: Grid) -> Plant:
    return Plant(grid33)


@pytest.fixture(scope="session")
def batch33(grid33: Grid) -> BatchPlant:
    return BatchPlant(grid33)
