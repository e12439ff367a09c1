"""The summary of studies with connections: it agrees with the tables, and the money adds up."""

from io import StringIO

import numpy as np
import pytest
from conftest import STUDIES
from rich.console import Console

from experiments.connection_summary import cars, coordination
from experiments.console.microgrids import COLUMNS, connections_table
from experiments.simulate import simulate
from experiments.summary import summarise
from sim.instance import Instance
from sim.market.settlement import COST_TERMS
from sim.study_file import read_study

CONNECTION_KEYS = {"coordination", "microgrids", "costs", "cars"}


@pytest.fixture(scope="module")
def run():
    small = ("policy=myopic", "bidding=basic", "uncertainty.scenarios=10", "uncertainty.keep=2")
    return simulate(Instance.of(read_study(STUDIES / "networked33.yaml", small)))


@pytest.fixture(scope="module")
def summary(run):
    return summarise(run)


def test_coordination_is_reported(summary):
    said = summary["coordination"]
    assert said["mode"] == "central"
    assert said["iterations"]["max"] <= said["iterations"]["total"]
    assert said["primal_residual_mw"] >= 0
    assert said["dual_residual_per_mwh"] >= 0
    assert said["notes"] == []


def test_who_could_not_keep_to_what_was_agreed_is_named(run):
    decisions, trades = (run.tables[name].copy() for name in ("decisions", "trades"))
    trades.loc[7, "note"] = "could not keep to it"
    decisions.loc[3, "coordination_note"] = "microgrid_9 did not answer"
    where = trades.loc[7]
    assert coordination(decisions, trades)["notes"] == [
        "day 1, hour 4: microgrid_9 did not answer",
        f"day 1, hour {where['hour']}: {where['connection']} could not keep to it",
    ]


def test_energies_and_money_of_the_microgrids_are_those_of_the_tables(summary, run):
    trades, payments, devices = (run.tables[name] for name in ("trades", "payments", "devices"))
    assert list(summary["microgrids"]) == run.tables["connections"]["connection"].tolist()
    for connection, said in summary["microgrids"].items():
        assert said["exchange_mwh"] == pytest.approx(trades.loc[trades["connection"] == connection, "p_mw"].sum())
        assert said["exchange_mwh"] == pytest.approx(said["import_mwh"] - said["export_mwh"])
        received = payments.loc[payments["payee"] == connection, "amount"].sum()
        paid = payments.loc[payments["payer"] == connection, "amount"].sum()
        mine = devices["connection"] == connection
        kept = devices.loc[mine & (devices["device"] != "ev"), "cost"].sum()  # fuel and wear
        assert said["fuel"] + said["wear"] == pytest.approx(kept)
        assert said["cost"] == pytest.approx(paid - received + kept)


@pytest.mark.parametrize("times", [1, 10])
def test_the_table_of_microgrids_adds_up_to_their_cost_and_fits_a_terminal(summary, times):
    behind = {f"{name}{k or ''}": one for k in range(times) for name, one in summary["microgrids"].items()}
    table = connections_table(behind)
    amounts = {
        name: np.array([float(cell.replace(",", "")) for cell in column.cells])
        for name, column in zip(COLUMNS, table.columns[1:], strict=True)
    }
    spent = amounts["trade"] + amounts["fuel"] + amounts["wear"] + amounts["discomfort"] - amounts["ev_revenue"]
    assert amounts["cost"] == pytest.approx(spent, abs=0.03 if times == 1 else 3)
    screen = Console(width=80, file=StringIO())
    screen.print(table)
    assert "…" not in screen.file.getvalue()


def test_trade_cancels_in_the_costs_of_all(summary):
    terms, behind = summary["terms"], summary["microgrids"].values()
    assert terms["trade"] == pytest.approx(sum(connection["trade"] for connection in behind))
    income = terms["revenue"] + sum(connection["ev_revenue"] for connection in behind)
    own_money = sum(connection["cost"] for connection in behind) - terms["profit"]
    assert summary["costs"]["total"] - income == pytest.approx(own_money)
    assert summary["costs"]["total"] == pytest.approx(summary["costs"]["operator"] + summary["costs"]["microgrids"])
    assert terms["profit"] == pytest.approx(terms["revenue"] + terms["trade"] - sum(terms[t] for t in COST_TERMS))


def test_cars_are_counted(summary, run):
    assert summary["cars"]["count"] == 350
    assert summary["cars"]["stays"] == 700  # those plugged in already, and those that come
    assert summary["cars"]["left_full"] + summary["cars"]["left_short"] == 350
    sessions = run.tables["cars"]
    short = sessions.assign(full=sessions["full"] & (sessions["stay"] != 0))
    assert cars(short, 24.0)["left_short"] == 6  # the first of each fleet


def test_a_study_without_connections_says_nothing_of_them(instance33):
    study = instance33.study.model_copy(update={"policy": "none", "bidding": "basic"})
    alone = summarise(simulate(Instance.of(study)))
    assert not CONNECTION_KEYS & alone.keys()
    assert "trade" not in alone["terms"]
