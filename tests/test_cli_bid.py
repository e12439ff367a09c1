"""The commands ``evaluate`` and ``bid``: as text, JSON and CSV."""

import csv
import io
import json

import pytest
from cli import FAST, FEW, accepted

from agents.bidding import strategy
from agents.dispatch.conic_program import SolverError
from sim.ledger import read_tables
from sim.market.settlement import TERMS
from sim.recorder import PROOFS

pytestmark = pytest.mark.usefixtures("in_own_folder")


@pytest.mark.parametrize(
    ("on", "count"),
    [(("--on", "kept", "--keep", "4"), 4), (("--on", "test", "--test-scenarios", "3"), 3)],
    ids=["kept", "test"],
)
def test_evaluate_json(on, count):
    summary = json.loads(accepted("evaluate", "microgrid33", *FAST, *on, "--workers", "1", "--json"))
    assert (summary["study"], summary["policy"], summary["on"], summary["scenarios"]) == (
        "microgrid33",
        "myopic",
        on[1],
        count,
    )
    assert list(summary["terms"]) == list(summary["standard_errors"]) == list(summary["half_intervals"]) == list(TERMS)
    assert summary["confidence"] == 0.95
    for term, error in summary["standard_errors"].items():
        assert error >= 0
        assert summary["half_intervals"][term] >= 1.96 * error  # Student's t is wider than the normal distribution
    assert len(summary["bids_mw"]) == 24
    assert {"min_pu", "max_pu", "violations"} <= set(summary["voltage"])
    assert set(summary["certificate"]) == set(PROOFS)


@pytest.mark.parametrize(
    ("on", "said"),
    [
        (("--on", "kept", "--keep", "4"), ("4 kept scenarios", "a guide only")),
        (("--on", "test", "--test-scenarios", "3"), ("3 test scenarios", "of the mean (Student) over 3 scenarios")),
    ],
    ids=["kept", "test"],
)
def test_evaluate_prints_money_with_intervals_and_says_which(on, said):
    text = accepted("evaluate", "microgrid33", *FAST, *on, "--workers", "1")
    for words in (*said, "± 95 %", "load_curtailment", "profit", "voltage"):
        assert words in text


def test_one_scenario_can_be_evaluated_though_it_has_no_interval():
    one = ("evaluate", "microgrid33", *FAST, "--keep", "1", "--workers", "1")
    text = accepted(*one)
    assert "1 kept scenarios" in text
    assert "no interval" in text
    summary = json.loads(accepted(*one, "--json"))
    assert summary["terms"]["profit"] > 0
    assert set(summary["standard_errors"].values()) == set(summary["half_intervals"].values()) == {None}


def test_bid_json_and_csv_give_the_bids_of_the_run(run_dir):
    summary = json.loads(accepted("bid", "microgrid33", *FEW, "--json"))
    run = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    assert summary["bids_mw"] == run["bids_mw"]
    assert {"study", "seed", "bidding", "rule", "certificate", "seconds"} <= set(summary)
    rows = list(csv.reader(io.StringIO(accepted("bid", "microgrid33", *FEW, "--csv"))))
    assert rows[0] == ["hour_ending", "bid_mw"]
    assert [int(hour) for hour, _ in rows[1:]] == list(range(1, 25))
    assert [float(bid) for _, bid in rows[1:]] == pytest.approx(run["bids_mw"], abs=5e-7)


@pytest.mark.parametrize(("market_h", "first", "count"), [("0.5", "0.5", 48), ("1", "1", 24)])
def test_bid_csv_has_a_row_for_every_market_period(market_h, first, count):
    lengths = ("--set", "calendar.step_h=0.5", "--set", f"calendar.market_period_h={market_h}")
    text = accepted("bid", "microgrid33", *FEW, *lengths, "--bidding", "basic", "--csv")
    rows = list(csv.reader(io.StringIO(text)))
    assert [rows[1][0], rows[-1][0], len(rows) - 1] == [first, "24", count]


def test_bid_prints_a_table_with_prices(instance33):
    text = accepted("bid", "microgrid33", *FEW, "--bidding", "basic")
    assert "(basic)" in text
    assert f"{instance33.profiles.price_per_mwh[16]:.2f}" in text
    assert "positive is import" in text


# ---- bids of a fallback ------------------------------------------------------------------------------------------


@pytest.fixture
def falling(monkeypatch):
    """Make strategies fail on some days."""

    def _falling(days, *names):
        for name in names:
            module = strategy(name)
            calls, bid = iter(days), module.bid

            def fail(dispatcher, problem, calls=calls, bid=bid):
                if next(calls):
                    raise SolverError("no luck")
                return bid(dispatcher, problem)

            monkeypatch.setattr(module, "bid", fail)

    return _falling


def test_a_bid_of_a_fallback_is_shown_as_what_was_used_wherever_it_is_shown(falling, ended, tmp_path):
    both = ("anm_aware", "basic")
    reason = "day 1, forecast: anm_aware failed: no luck; basic failed: no luck"
    used = {"asked": "anm_aware", "used": "forecast", "fallbacks": 1, "reasons": [reason]}
    falling([True] * 6, *both)
    for command in ("run", "evaluate", "bid"):
        options = ("--policy", "none", "--workers", "1") if command == "evaluate" else ()
        options = ("--policy", "none", "--figures", "none", "--out", "json") if command == "run" else options
        status, out, err = ended(command, "microgrid33", *FEW, *options, "--json")
        summary = json.loads(out)
        assert (status, summary["bidding"], summary["bid_strategy"]) == (0, "anm_aware", used), command
        assert " ".join(err.split()) == (
            f"warning: the bids are not those of anm_aware, as asked for, on 1 day(s): {reason}"
        )
        status, out, err = ended(command, "microgrid33", *FEW, *(word.replace("json", "text") for word in options))
        assert "forecast (asked for: anm_aware)" in " ".join(out.split()), command
        assert "warning: the bids are not those of anm_aware" in err
    bids = read_tables(tmp_path / "json")["bids"]
    assert set(zip(bids["asked"], bids["strategy"], strict=True)) == {("anm_aware", "forecast")}
    assert set(bids["fallback_reason"]) == {"anm_aware failed: no luck; basic failed: no luck"}
    falling([True], *both)
    assert "warning: the bids are not those of anm_aware" in ended("bid", "microgrid33", *FEW, "--csv")[2]


def test_days_with_bids_of_a_fallback_are_counted(falling, ended, tmp_path):
    falling([False, True], "anm_aware")
    _, out, err = ended(
        "run", "microgrid33", *FEW, "--policy", "none", "--days", "2", "--figures", "none", "--out", "two", "--json"
    )
    assert json.loads(out)["bid_strategy"] == {
        "asked": "anm_aware",
        "used": "anm_aware, basic",
        "fallbacks": 1,
        "reasons": ["day 2, basic: anm_aware failed: no luck"],
    }
    assert "on 1 day(s)" in err
    bids = read_tables(tmp_path / "two")["bids"]
    assert bids.groupby("day")["strategy"].unique().map(list).tolist() == [["anm_aware"], ["basic"]]
