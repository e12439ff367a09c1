"""The commands ``evaluate`` and ``bid``: as text, JSON and CSV."""

import csv
import io
import json

import pytest
from cli import FAST, FEW, accepted

from sim.settlement import TERMS

pytestmark = pytest.mark.usefixtures("in_own_folder")


@pytest.mark.parametrize(
    ("on", "count"), [(("--on", "kept"), 2), (("--on", "test", "--test-scenarios", "3"), 3)], ids=["kept", "test"]
)
def test_evaluate_json(on, count):
    summary = json.loads(accepted("evaluate", "microgrid33", *FAST, *on, "--workers", "1", "--json"))
    assert (summary["study"], summary["policy"], summary["on"], summary["scenarios"]) == (
        "microgrid33",
        "myopic",
        on[1],
        count,
    )
    assert list(summary["terms"]) == list(summary["standard_errors"]) == list(TERMS)
    assert all(error >= 0 for error in summary["standard_errors"].values())
    assert len(summary["bids_mw"]) == 24
    assert {"min_pu", "max_pu", "violations"} <= set(summary["voltage"])
    assert set(summary["certificate"]) == {
        "cone_gap",
        "power_flow_mismatch_mw",
        "power_flow_mismatch_pu",
        "optimality_gap",
    }


def test_evaluate_prints_money_with_standard_errors():
    text = accepted("evaluate", "microgrid33", *FAST, "--workers", "1")
    for words in ("2 kept scenarios", "s.e.", "load curtailment", "profit", "voltage"):
        assert words in text


def test_one_scenario_can_be_evaluated_though_it_has_no_standard_error():
    one = ("evaluate", "microgrid33", *FAST, "--keep", "1", "--workers", "1")
    assert "1 kept scenarios" in accepted(*one)
    summary = json.loads(accepted(*one, "--json"))
    assert summary["terms"]["profit"] > 0
    assert set(summary["standard_errors"].values()) == {None}


def test_bid_json_and_csv_give_the_bids_of_the_run(run_dir):
    summary = json.loads(accepted("bid", "microgrid33", *FEW, "--json"))
    run = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    assert summary["bids_mw"] == run["bids_mw"]
    assert {"study", "seed", "bidding", "rule", "certificate", "seconds"} <= set(summary)
    rows = list(csv.reader(io.StringIO(accepted("bid", "microgrid33", *FEW, "--csv"))))
    assert rows[0] == ["hour_ending", "bid_mw"]
    assert [int(hour) for hour, _ in rows[1:]] == list(range(1, 25))
    assert [float(bid) for _, bid in rows[1:]] == pytest.approx(run["bids_mw"], abs=5e-7)


def test_bid_prints_a_table_with_prices(setting33):
    text = accepted("bid", "microgrid33", *FEW, "--bidding", "basic")
    assert "(basic)" in text
    assert f"{setting33.profiles.price_per_mwh[16]:.2f}" in text
    assert "positive is import" in text
