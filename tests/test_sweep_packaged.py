"""The packaged sweeps: each can be simulated and reported on, and its comment says how it is called."""

import pytest

from experiments.catalog import packaged_sweeps
from experiments.sweeps.outputs import output_of
from experiments.sweeps.plan import make_plan, read_sweep


@pytest.mark.parametrize("name", packaged_sweeps())
def test_a_packaged_sweep_is_small_and_can_be_played(name):
    path = packaged_sweeps()[name]
    sweep = read_sweep(path)
    plan = make_plan(sweep, path.parent)
    assert sweep.name == name
    assert f"tieline sweep {name}" in path.read_text(encoding="utf-8")
    assert 1 < plan.count <= 120
    assert all(output_of(output) for output in sweep.report.outputs)
    assert {sweep.report.along, sweep.report.compare, *(sweep.report.heat_map or ())} - {None} <= set(plan.factors)
    assert all(sweep.factor(factor).label for factor in sweep.factors)
