"""The command ``bench``: a row for every promise."""

import json

import pytest
from cli import accepted

from experiments import benchmark
from experiments.catalog import find_study
from experiments.proofs import cases
from sim.setting import Setting

pytestmark = pytest.mark.usefixtures("in_own_folder")


SLOW = ("all_scenarios", "bid_against_ipopt")
"""What ``--quick`` leaves out."""


@pytest.fixture
def quick_bench(monkeypatch):
    """Replace what the benchmark measures by something that takes no time."""

    def measured(name, met):
        def part(setting, repeats):
            return benchmark.Row(name=name, measured=1.25, unit="x", target="<= 2", met=met, detail=f"{repeats} times")

        part.__name__ = name
        return part

    parts = {
        name: measured(name, met=name != "help_time")
        for name in (
            "peak_memory",
            "all_scenarios",
            "bid_against_clarabel",
            "bid_against_ipopt",
            "proven_bid",
            "certificate",
            "hour_against_runopp",
            "plant_power_flow",
            "receding_day",
            "help_time",
        )
    }
    for name, part in parts.items():
        monkeypatch.setattr(benchmark, name, part)
    return list(parts)


def test_bench_reports_every_promise(quick_bench):
    rows = json.loads(accepted("bench", "--quick", "--json"))["rows"]
    assert [row["name"] for row in rows] == [name for name in quick_bench if name not in SLOW]
    assert set(rows[0]) == {"name", "measured", "unit", "target", "met", "detail"}
    assert {row["detail"] for row in rows} == {"2 times"}
    text = accepted("bench")
    for words in (*quick_bench, "1.25 x", "no", "5 times"):
        assert words in text


def test_bench_measures(setting33):
    row = benchmark.hour_against_runopp(setting33, 1)
    assert row.measured > 0
    assert row.unit == "x"


def test_proofs_of_hard_cases(monkeypatch):
    """The easy case stands for the hard ones, which take a minute."""
    monkeypatch.setattr(benchmark, "cases", lambda: {"easy": lambda: small_setting()})
    (proof,) = json.loads(accepted("bench", "--proofs", "--json"))["proofs"]
    assert proof["case"] == "easy"
    assert proof["status"] == "exact"
    assert proof["gap"] <= 1e-3
    assert proof["nodes"] >= 1
    assert proof["turning"] == 0
    text = accepted("bench", "--proofs")
    assert "easy" in text
    assert "exact" in text


def small_setting():
    return Setting.of(find_study("microgrid33", options={"uncertainty.scenarios": 2, "uncertainty.keep": 2}))


@pytest.mark.parametrize("case", cases())
def test_every_hard_case_can_be_built(case):
    setting = cases()[case]()
    assert setting.forecast.demand_mw.shape[1] == 24
