"""Grids are made once for all studies that ask for the same, and never for others."""

import gc
import weakref
from dataclasses import fields

import numpy as np
import pytest

from grids.build import shared_grid
from grids.components import Renewable, TieLine, Voltage
from grids.fleet import Fleet
from grids.network import GridError
from sim.instance import Instance


def grid_at(case, **changed):
    return shared_grid(str(case), **{"fleet": Fleet(), "tie_line": TieLine(), "voltage": Voltage()} | changed)


def test_studies_that_differ_in_seed_or_policy_share_a_grid(study33):
    other = study33.model_copy(update={"seed": 99, "policy": "myopic"})
    assert Instance.of(study33).grid is Instance.of(other).grid


@pytest.mark.parametrize(
    "change",
    [
        {"fleet": Fleet(pv=(Renewable(bus=4, max_s_mva=1.0),))},
        {"tie_line": TieLine(max_s_mva=7.0)},
        {"voltage": Voltage(min_vm_pu=0.93)},
        {"line_max_s_mva": 3.0},
        {"feeders": 2},
    ],
)
def test_another_grid_is_another(change):
    assert grid_at("microgrid33", **change) is not grid_at("microgrid33")
    assert grid_at("microgrid33", **change) is grid_at("microgrid33", **change)


def test_file_that_changed_is_read_again(saved):
    def halved(net):
        net.load["p_mw"] *= 0.5

    path = saved()
    before = grid_at(path)
    assert grid_at(path) is before
    saved(halved)
    assert grid_at(path).load_p_mw == pytest.approx(0.5 * before.load_p_mw)
    path.unlink()
    with pytest.raises(GridError, match="does not exist"):
        grid_at(path)


def test_relative_path_means_a_file_of_the_folder_one_is_in(saved, tmp_path, monkeypatch):
    path = saved()
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(here)
    first = grid_at(path.name)
    monkeypatch.chdir(there)
    assert grid_at(path.name) is not first


def test_nobody_can_change_a_shared_grid(grid33):
    with pytest.raises(ValueError, match="read-only"):
        grid33.load_p_mw[0] = 1.0
    arrays = [value for field in fields(grid33) if isinstance(value := getattr(grid33, field.name), np.ndarray)]
    assert arrays
    assert not any(array.flags.writeable for array in arrays)


def test_only_a_few_grids_are_kept():
    first = weakref.ref(grid_at("microgrid33", line_max_s_mva=101.0))
    for rating in range(102, 111):
        grid_at("microgrid33", line_max_s_mva=float(rating))
    gc.collect()
    assert first() is None
