"""Networked microgrids on the command line: every mode is audited and repeatable, unsupported options are refused."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from audited import simulate
from cli import accepted
from conftest import STUDIES

import agents.agreement
from agents.coordination import mode_names
from agents.networked_microgrid import NetworkedMicrogrid
from agents.participants import create_agents
from experiments.catalog import find_study
from sim.instance import Instance
from sim.ledger import TABLES, read_tables, write_tables
from sim.model import MarketModel

pytestmark = pytest.mark.usefixtures("in_own_folder")

QUICK = ("--scenarios", "10", "--keep", "2", "--policy", "myopic", "--bidding", "basic")
MYOPIC = ("policy=myopic", "bidding=basic")
DEVICES = ("battery", "thermal_storage", "diesel", "heat_unit", "ev")


def given(*overrides):
    """Return options of the command line that set values of the study."""
    return [word for override in overrides for word in ("--set", override)]


def run(*arguments, out="run"):
    """Run networked33 and return its summary."""
    return json.loads(accepted("run", "networked33", *arguments, "--figures", "none", "--json", "--out", out))


# ---- every mode ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def summaries(tmp_path_factory):
    """Return the summaries of a day in every mode."""
    folder = tmp_path_factory.mktemp("modes")
    return {mode: run(*QUICK, "--coordination", mode, out=folder / mode) for mode in mode_names()}


@pytest.mark.parametrize("mode", mode_names())
def test_every_mode_runs_and_is_audited(summaries, mode):
    summary = summaries[mode]
    assert summary["audit"] == {"clean": True, "findings": 0}
    assert summary["coordination"]["mode"] == mode
    # Hour by hour, a price may jump between two steps of demand curves.
    assert all("not agreed within 4 rounds" in note for note in summary["coordination"]["notes"])
    assert mode == "transactive" or not summary["coordination"]["notes"]
    assert summary["hours"]["fallback"] == 0
    assert summary["voltage"]["violations"] == 0
    assert set(summary["microgrids"]) == {*(f"microgrid_{bus}" for bus in (9, 16, 18, 31, 33)), "ev_aggregator_3"}
    for name, behind in summary["microgrids"].items():
        assert behind["shortfall_mwh"] == 0, name
        assert behind["exchange_mwh"] == pytest.approx(behind["import_mwh"] - behind["export_mwh"])
    trade = sum(behind["trade"] for behind in summary["microgrids"].values())
    assert summary["terms"]["trade"] == pytest.approx(trade, abs=1e-6)


def test_what_does_not_coordinate_costs_more(summaries):
    cost = {mode: summary["costs"]["total"] for mode, summary in summaries.items()}
    # Hour by hour, and each hour's stores where the last one left them: the order of a whole day is not proven.
    assert cost["transactive"] == pytest.approx(cost["central"], rel=0.02)
    assert cost["uncoordinated"] > cost["central"] * 1.05


@pytest.mark.long
@pytest.mark.parametrize("feeders", [1, 2])
@pytest.mark.parametrize("mode", mode_names())
def test_every_mode_runs_as_the_study_stands(mode, feeders):
    summary = run("--coordination", mode, *given(f"grid.feeders={feeders}"))
    assert summary["audit"] == {"clean": True, "findings": 0}
    assert summary["coordination"]["notes"] == []
    assert summary["cars"]["count"] == 350 * feeders
    assert len(summary["microgrids"]) == 6 * feeders


@pytest.mark.long
def test_ten_feeders_run():
    summary = run("--policy", "myopic", "--scenarios", "30", "--keep", "2", *given("grid.feeders=10"))
    assert summary["audit"] == {"clean": True, "findings": 0}
    assert summary["cars"]["count"] == 3500


def digests(mode, folder, workers, monkeypatch):
    """Simulate a day with as many threads and return a digest of every table's file."""
    monkeypatch.setattr(agents.agreement, "ThreadPoolExecutor", lambda max_workers: ThreadPoolExecutor(workers))
    overrides = ("uncertainty.scenarios=10", "uncertainty.keep=2", "policy=myopic", "bidding=basic")
    model = MarketModel(
        Instance.of(find_study("networked33", overrides=[*overrides, f"coordination={mode}"])), create_agents
    )
    model.run_days(1)
    folder.mkdir()
    write_tables(model.ledger.frames(), folder)
    return {name: hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest() for name in TABLES}


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", [pytest.param(m, marks=[pytest.mark.long] * (m == "transactive")) for m in mode_names()]
)
def test_the_same_seed_gives_the_same_bytes_however_many_are_asked_at_once(mode, tmp_path, monkeypatch):
    first = digests(mode, tmp_path / "first", 1, monkeypatch)
    assert digests(mode, tmp_path / "again", 1, monkeypatch) == first
    assert digests(mode, tmp_path / "other", 5, monkeypatch) == first


@pytest.mark.parametrize(
    ("mode", "whose", "proven"),
    [
        ("central", "of operator and microgrids together: $", True),
        ("transactive", "of the operator for the exchange agreed on, before what microgrids pay for it: $", False),
        ("uncoordinated", "of the operator for the exchange microgrids decided on, before what they pay", False),
    ],
)
def test_a_bid_says_whose_profit_it_expects(mode, whose, proven):
    """It is another quantity in every mode, and a bound on it for a given exchange bounds nothing else."""
    command = ("bid", "networked33", *QUICK[:4], "--bidding", "basic", "--coordination", mode)
    text = " ".join(accepted(*command).split())
    assert f"expected profit {whose}" in text
    assert ("proven to be at most" in text) == proven
    assert ("another exchange may earn more" in text) != proven
    summary = json.loads(accepted(*command, "--json"))
    assert whose.split(": $")[0] in f"of {summary['profit_of']}"
    assert {"incumbent", "bound", "nodes", "rounds"} <= set(summary["search"])


# ---- bad data --------------------------------------------------------------------------------------------------

NO_TIME = [f"fleet.microgrid.0.ev.{name}" for name in ("arrival_mean_h=8", "departure_mean_h=17")]
NO_SPREAD = [f"fleet.microgrid.0.ev.{name}_std_h=0" for name in ("arrival", "departure")]

BAD = [
    (["fleet.microgrid.0.buses=[9,99]"], ["fleet.microgrid.0.buses.1", "unknown bus 99", "1..33"]),
    (["fleet.microgrid.0.buses=[9,9]"], ["fleet.microgrid.0.buses.1", "bus 9 is taken by fleet.microgrid.0.buses.0"]),
    (["fleet.ev_aggregator.0.bus=9"], ["fleet.ev_aggregator.0.bus", "bus 9 is taken", "move one of them"]),
    (["fleet.ev_aggregator.0.bus=77"], ["fleet.ev_aggregator.0.bus", "unknown bus 77"]),
    (["fleet.microgrid.0.max_exchange_mw=0"], ["fleet.microgrid.0.max_exchange_mw", "greater than 0"]),
    (["fleet.microgrid.0.heat_unit.reading=boiler"], ["reading", "'electric_heater'", "'boiler'"]),
    (["fleet.microgrid.0.battery.efficiency=95"], ["fleet.microgrid.0.battery.efficiency", "95"]),
    (["fleet.microgrid.0.ev.cars=0"], ["fleet.microgrid.0.ev.cars", "greater than or equal to 1"]),
    (["fleet.microgrid.0.ev.distance_log_mean=.nan"], ["fleet.microgrid.0.ev.distance_log_mean", "finite", "nan"]),
    (["fleet.microgrid.0.ev.distance_log_mean=.inf"], ["fleet.microgrid.0.ev.distance_log_mean", "inf"]),
    (
        ["fleet.microgrid.0.ev.distance_log_mean=30"],
        ["fleet.microgrid.0.ev.distance_log_mean", "less than or equal to"],
    ),
    ([*NO_TIME, *NO_SPREAD], ["17", "hardly ever arrive later", "let them leave earlier or arrive later"]),
    (["coordination=chaos"], ["coordination: unknown 'chaos'", *mode_names()]),
    (["grid.feeders=0"], ["grid.feeders", "greater than or equal to 1"]),
    (["risk.cvar_weight=0.5"], ["with microgrids", "risk.cvar_weight to 0"]),
    (["uncertainty.keep=50"], ["with microgrids", "uncertainty.keep to at most 40"]),
]


@pytest.mark.parametrize(("overrides", "parts"), BAD, ids=lambda value: value[-1] if "=" in value[-1] else "")
def test_bad_data_are_refused(refused, tmp_path, overrides, parts):
    message = refused("run", "networked33", *given(*overrides))
    for part in parts:
        assert part in message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_unknown_coordination_is_refused_as_an_option_too(refused):
    message = refused("run", "networked33", "--coordination", "chaos")
    assert "unknown 'chaos'" in message
    assert all(mode in message for mode in mode_names())


def test_a_study_without_microgrids_has_no_summary_of_them():
    bare = given("fleet.microgrid=[]", "fleet.ev_aggregator=[]")
    assert not {"microgrids", "coordination", "cars"} & run(*QUICK, *bare).keys()


# ---- what can't be done ----------------------------------------------------------------------------------------


@pytest.fixture
def tight():
    """Return settings of microgrids that own nothing and may take a kilowatt."""
    owns = [f"fleet.microgrid.0.{device}=null" for device in DEVICES] + ["fleet.microgrid.0.max_output_mw=0"]
    return ["fleet.microgrid.0.max_exchange_mw=0.001", *owns]


def least_unserved(devices):
    """Return what of each connection's load and heat is unserved at least: heat, and what exceeds a kilowatt. [MWh]"""
    electric, heat = (devices[devices.device == kind] for kind in ("load", "heat_load"))
    beyond = (electric.available_mw - 0.001).clip(lower=0).groupby(electric.connection).sum()
    return beyond + heat.groupby("connection").available_mw.sum()


@pytest.mark.parametrize("mode", mode_names())
def test_what_a_small_exchange_can_not_serve_is_the_least_possible(mode, tight):
    simulated = simulate("networked33", "policy=myopic", "bidding=basic", f"coordination={mode}", *tight)
    assert simulated.audit().clean
    unserved = simulated.tables["trades"].groupby("connection").shortfall_mw.sum()
    assert unserved.pop("ev_aggregator_3") == 0
    assert len(unserved) == 5
    assert unserved.min() > 0.1
    assert unserved.to_dict() == pytest.approx(least_unserved(simulated.tables["devices"]).to_dict(), abs=1e-5)


@pytest.mark.slow
def test_what_is_not_served_is_told(tight):
    text = accepted("run", "networked33", *QUICK, *given(*tight), "--out", "run")
    summary = json.loads((Path("run") / "summary.json").read_text(encoding="utf-8"))
    least = least_unserved(read_tables(Path("run"))["devices"])
    told = " ".join(text.split())  # lines are as wide as the terminal
    for bus in (9, 16, 18, 31, 33):
        missing = summary["microgrids"][f"microgrid_{bus}"]["shortfall_mwh"]
        assert f"microgrid_{bus}: {missing:.4f} MWh of load could not be served" in told
        behind = summary["microgrids"][f"microgrid_{bus}"]
        assert behind["shortfall_mwh"] == pytest.approx(least[f"microgrid_{bus}"], abs=1e-5)


@pytest.mark.slow
def test_cars_that_stay_too_short_are_counted():
    hours = {"arrival_mean_h": 22.5, "arrival_std_h": 0.1, "departure_mean_h": 1, "departure_std_h": 0.1}
    short = given(*(f"fleet.microgrid.0.ev.{name}={value}" for name, value in hours.items()))
    summary = run(*QUICK, *short)
    assert summary["audit"]["clean"]
    cars = read_tables(Path("run"))["cars"]
    left = cars[cars.departure_h <= 24]
    # What 6.6 kW charge in two and a half hours takes a car some fifty miles.
    expected = int((~left.full.astype(bool)).sum())
    wanted = (0.9 - left.arrival_soc) * 32e-3 / 0.92
    assert expected == int((wanted > 6.6e-3 * (left.departure_h - left.arrival_h) + 1e-12).sum())
    assert 10 < summary["cars"]["left_short"] == expected
    assert summary["cars"]["left_short"] + summary["cars"]["left_full"] == 350


@pytest.mark.slow
@pytest.mark.parametrize("mode", mode_names())
def test_what_is_agreed_at_negative_prices_can_be_done(mode, tmp_path):
    day = pd.read_csv(STUDIES.parent.parent / "sim" / "data" / "networked_day.csv")
    prices = [column for column in day if "price" in column]
    day.loc[9:15, prices] *= -1
    day.to_csv(tmp_path / "day.csv", index=False)
    simulated = simulate("networked33", *MYOPIC, f"coordination={mode}", f"profiles.file={tmp_path / 'day.csv'}")
    assert simulated.audit().clean
    assert set(simulated.tables["trades"]["note"]) == {""}


# ---- a microgrid that fails, from the question to the ledger ------------------------------------------------------


@pytest.mark.parametrize("mode", ["transactive", "uncoordinated"])
def test_a_microgrid_that_fails_is_named_in_the_books_and_they_are_still_audited(mode, monkeypatch):
    for name in ("answer", "demand"):
        honest = getattr(NetworkedMicrogrid, name)

        def answer(self, question, honest=honest):
            if self.name == "microgrid_18" and self.model.hour >= 12:
                raise ConnectionError("the line is dead")
            return honest(self, question)

        monkeypatch.setattr(NetworkedMicrogrid, name, answer)
    simulated = simulate("networked33", "policy=myopic", "bidding=basic", f"coordination={mode}")
    decisions = simulated.tables["decisions"]
    told = decisions["coordination_note"]
    assert not told[decisions.hour < 12].str.contains("microgrid").any()
    note = "microgrid_18 did not answer (ConnectionError): its last schedule is kept"
    assert (told[decisions.hour >= 12].str.split("; not agreed").str[0] == note).all()
    report = simulated.audit()
    assert report.findings == ()
    trades = simulated.tables["trades"]
    mine = trades[trades.connection == "microgrid_18"].set_index("hour")
    kept = mine.ordered_p_mw[mine.index >= 11]
    assert kept.to_numpy() == pytest.approx(kept[11], abs=1e-6)
    # In the last hour its stores must be filled, whatever others agreed for it.
    missed = mine[(mine.p_mw - mine.ordered_p_mw).abs() > 1e-5]
    assert 24 in missed.index
    assert missed.note.str.startswith("could not keep to ").all()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--keep", "50"), "uncertainty.keep to at most 40"),
        (("--cvar-weight", "0.5"), "risk.cvar_weight to 0"),
        (("--policy", "learned"), "tieline train"),
    ],
)
def test_what_is_refused_leaves_no_folder(refused, tmp_path, arguments, part):
    assert part in refused("run", "networked33", *arguments, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
