"""Audit of runs on networks of cables and transformers, and of rings: clean as they are, and not if altered."""

import pytest

import tieline as tl
from sim.audit import audit
from sim.inputs import inputs_of

STUDY = """
name: {network}
grid:
  network: {network}
  tie_line: {{max_s_mva: 300, min_power_factor: 0.5, power_factor_reading: both_directions}}
  voltage: {{min_vm_pu: 0.9, max_vm_pu: 1.1}}
fleet: {{from_net: true}}
bidding: basic
policy: {policy}
uncertainty: {{scenarios: 2, keep: 1}}
profiles:
  file: microgrid33_day.csv
  demand_pu: demand_pu_of_peak
  price_per_mwh: day_ahead_price_usd_per_mwh
  retail_price_per_mwh: retail_price_usd_per_mwh
  wind_pu: wind_pu_of_capacity
  pv_pu: pv_pu_of_capacity
"""


@pytest.fixture(scope="module", params=[("cigre_mv_all", "myopic"), ("case9", "none")], ids=lambda one: one[0])
def run(request, tmp_path_factory):
    """Return a run with transformers, charging and batteries, and one of a ring with held voltages."""
    network, policy = request.param
    file = tmp_path_factory.mktemp("study") / "study.yaml"
    file.write_text(STUDY.format(network=network, policy=policy))
    return tl.run(file)


def report(run, **tables):
    return audit({**run.tables, **tables}, run.study.model_dump(mode="json"), inputs_of(run.instance))


def test_a_run_is_clean(run):
    found = report(run)
    assert found.clean, str(found)


@pytest.mark.parametrize(
    ("table", "column", "check"),
    [
        ("branches", "ratio", "line_flow"),
        ("branches", "b_to_pu", "reactive_balance"),
        ("branches", "max_i_to_pu", "network"),
        ("buses", "given_p_mw", "active_balance"),
        ("buses", "b_pu", "network"),
        ("buses", "max_vm_pu", "network"),
        ("units", "max_s_mva", "network"),
    ],
)
def test_an_altered_network_is_found(run, table, column, check):
    frame = run.tables[table].copy()
    rows = frame[column].notna()
    if not rows.any():
        pytest.skip("the network has no such units")
    frame.loc[rows, column] += 0.01
    assert check in {one.check for one in report(run, **{table: frame}).findings}


def test_columns_that_are_missing_are_found(run):
    assert not report(run, branches=run.tables["branches"].drop(columns=["ratio"])).clean
    assert not report(run, buses=run.tables["buses"].drop(columns=["given_p_mw"])).clean
