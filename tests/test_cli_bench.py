"""The command ``bench``: a row for every promise."""

import json

import pytest
from cli import accepted

from experiments import benchmark

pytestmark = pytest.mark.usefixtures("in_own_folder")


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
    assert [row["name"] for row in rows] == [name for name in quick_bench if name != "all_scenarios"]
    assert set(rows[0]) == {"name", "measured", "unit", "target", "met", "detail"}
    assert {row["detail"] for row in rows} == {"2 times"}
    text = accepted("bench")
    for words in (*quick_bench, "1.25 x", "no", "5 times"):
        assert words in text


def test_bench_measures(setting33):
    row = benchmark.hour_against_runopp(setting33, 1)
    assert row.measured > 0
    assert row.unit == "x"
