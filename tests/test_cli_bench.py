"""The command ``bench``: a row for every promise."""

import json

import numpy as np
import pytest
from cli import accepted
from swept import Threads
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.bench import command, networked, networks, sweeps
from experiments.bench.coordination import CoordinationDay
from experiments.bench.hard_cases import cases
from experiments.bench.measuring import COMPARISONS, Measured, Row
from experiments.bench.microgrid33 import hour_against_runopp
from experiments.catalog import find_study
from sim.instance import Instance
from sim.messages import Knowledge, Submission

pytestmark = pytest.mark.usefixtures("in_own_folder")


SMALL = {"uncertainty.scenarios": 4, "uncertainty.keep": 2}

QUICK, USUAL, ALL = {"seconds"}, {"seconds", "a minute"}, {"seconds", "a minute", "minutes"}
"""Rows measured with --quick, by default, and with --all."""


@pytest.fixture
def quick_bench(monkeypatch):
    """Replace what the benchmark measures by something that takes no time; return how long each row would take."""

    def stand_in(row):
        return Row(row.name, "<= 2 x", lambda effort: Measured(1.25, f"{effort} times"), row.baseline, row.takes)

    groups = {name: ([stand_in(row) for row in rows], *efforts) for name, (rows, *efforts) in command.GROUPS.items()}
    groups["microgrid33"][0][1] = Row("misses", "< 1 x", lambda effort: Measured(1.25, "too much"))
    monkeypatch.setattr(command, "GROUPS", groups)
    monkeypatch.setattr(command, "cases", dict)
    monkeypatch.setattr(command, "available_networks", list)
    return {name: rows for name, (rows, *_) in groups.items()}


def names(rows, takes):
    """Return the names of the rows that take so long, as the benchmark prints them."""
    return [f"{row.name} / {row.baseline}" if row.baseline else row.name for row in rows if row.takes in takes]


@pytest.mark.parametrize(
    ("options", "groups", "takes"),
    [
        ([], ["microgrid33"], USUAL),
        (["--quick"], ["microgrid33"], QUICK),
        (["--networked"], ["networked"], USUAL),
        (["--sweeps", "--quick"], ["sweeps"], QUICK),
        (["--networks"], ["networks"], USUAL),
        (["--networked", "--sweeps"], ["networked", "sweeps"], USUAL),
        (["--all"], ["microgrid33", "networked", "networks", "sweeps", "long_runs"], ALL),
    ],
)
def test_bench_reports_what_is_asked_for(quick_bench, options, groups, takes):
    rows = json.loads(accepted("bench", *options, "--json"))["rows"]
    assert [row["name"] for row in rows] == [name for group in groups for name in names(quick_bench[group], takes)]
    assert set(rows[0]) == {"name", "measured", "unit", "target", "met", "detail"}


def test_bench_prints_every_row(quick_bench):
    text = " ".join(accepted("bench").split())
    for words in (*names(quick_bench["microgrid33"], USUAL), "1.25 x", "no", "5 times", "too much"):
        assert words in text


@pytest.mark.parametrize("as_json", [False, True])
def test_what_was_measured_stays_when_the_bench_is_stopped(quick_bench, as_json):
    def stopped(effort):
        raise KeyboardInterrupt

    quick_bench["microgrid33"][2:3] = [Row("stopped", "< 1 x", stopped)]
    result = CliRunner().invoke(app, ["bench", *(["--json"] if as_json else [])])
    assert result.exit_code == 130
    if as_json:
        assert [row["met"] for row in json.loads(result.stdout)["rows"]] == [True, False]
    else:
        assert "misses" in result.stdout
    assert "stopped" not in result.stdout


@pytest.mark.parametrize("group", command.GROUPS)
def test_every_row_has_a_target_and_a_name_of_its_own(group):
    rows, effort, quick_effort = command.GROUPS[group]
    assert len({row.name for row in rows}) == len(rows)
    assert effort > quick_effort > 0
    for row in rows:
        comparison, limit, *_ = row.target.split()
        assert comparison in COMPARISONS
        assert float(limit) > 0
        assert row.takes in ALL


def test_a_row_is_met_only_by_a_result():
    def result(value, **counts):
        return Row("speed", ">= 2 days/s", lambda effort: Measured(value, "", **counts), "walking").result(1)

    assert result(2.0) | {"met": True} == result(2.0)
    assert result(2.0)["name"] == "speed / walking"
    assert result(2.0)["unit"] == "days/s"
    assert not result(1.9)["met"]
    assert not result(3.0, counts=False)["met"]


def test_a_bench_of_sweeps_simulates_on_warm_workers_and_counts_their_idle_time():
    engine = Threads()
    session = sweeps.session(engine, sweeps.plan_of(3, policy="none", **SMALL))
    engine.close()
    assert len(session.products) == 3
    assert session.rate == pytest.approx(3 / session.seconds)
    simulated = sum(product.seconds["total"] for product in session.products)
    assert session.idle == pytest.approx(1 - simulated / (2 * session.seconds))


def test_growth_is_the_slope_of_the_power_law():
    assert networked.growth_exponent({33: 0.5, 66: 1.0, 330: 5.0}) == pytest.approx(1.0)
    assert networked.growth_exponent({1: 1.0, 10: 100.0, 100: 10_000.0}) == pytest.approx(2.0)


def test_growth_is_measured_against_its_target(monkeypatch):
    for k, what in enumerate(networked.SECONDS):
        monkeypatch.setitem(networked.SECONDS, what, lambda buses, repeats, k=k: buses ** (1.0 + 0.1 * k))
    results = [row.result(1) for row in networked.ROWS if row.name.startswith("growth")]
    assert [row["measured"] for row in results] == pytest.approx([1.0, 1.1, 1.2, 1.3])
    assert [row["met"] for row in results] == [True, True, False, False]


@pytest.fixture(scope="module")
def day33():
    instance = Instance.of(find_study("networked33"))
    submission = Submission(
        bid_mw=np.zeros(24), strategy="none", battery_p_mw=np.zeros((24, len(instance.grid.batteries)))
    )
    return instance, submission


def test_both_modes_decide_the_same_hour(day33):
    day = CoordinationDay(*day33, Knowledge.HOUR)
    compared = day.compare()
    assert compared.cost > 0
    assert -compared.unproven_percent - 0.01 <= compared.gap_percent <= 0.1
    assert compared.central_s > 0
    assert compared.transactive.coordination.mode == "transactive"
    day.simulate_until(3)
    assert day.model.hour == 3
    assert day.look().shape == (1, 1)


def test_what_an_agreement_costs_is_what_the_same_exchange_costs_centrally(day33):
    """The central plan's own exchange, given as an agreement, costs what the central plan says."""
    day = CoordinationDay(*day33, Knowledge.HOUR)
    problem, central = day.look(), day.central()
    assert day.cost_of_agreement(problem, central) == pytest.approx(central.objective, abs=1e-3)


def test_bench_measures():
    measured = hour_against_runopp(1)
    assert measured.value > 0


def test_proofs_of_hard_cases(monkeypatch):
    """The easy case stands for the hard ones, which take a minute."""
    monkeypatch.setattr(command, "cases", lambda: {"easy": lambda: small_instance()})
    (proof,) = json.loads(accepted("bench", "--proofs", "--json"))["proofs"]
    assert proof["case"] == "easy"
    assert proof["status"] == "exact"
    assert proof["gap"] <= 1e-3
    assert proof["nodes"] >= 1
    assert proof["turning"] == 0
    text = accepted("bench", "--proofs")
    assert "easy" in text
    assert "exact" in text


def small_instance():
    return Instance.of(find_study("microgrid33", options={"uncertainty.scenarios": 2, "uncertainty.keep": 2}))


def test_a_network_is_compared_with_pandapower_and_its_day_audited(monkeypatch):
    monkeypatch.setattr(command, "available_networks", lambda: ["cigre_lv"])
    monkeypatch.setitem(command.GROUPS, "networks", ([], 3, 1))
    (row,) = json.loads(accepted("bench", "--networks", "--json"))["networks"]
    assert (row["network"], row["buses"], row["branches"], row["model"]) == ("cigre_lv", 41, 40, "conic")
    assert row["carried"] == "transformers 3, joined buses 3"
    assert row["met"]
    assert (row["findings"], row["beyond_limits"], row["fallbacks"]) == (0, {}, 0)
    text = accepted("bench", "--networks")
    for words in ("cigre_lv", "conic", "clean", "kept", row["carried"]):
        assert words in text


def test_networks_of_simbench_need_simbench(monkeypatch):
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    assert not [name for name in networks.available_networks() if "--" in name]
    assert "case9" in networks.available_networks()


@pytest.mark.parametrize("case", cases())
def test_every_hard_case_can_be_built(case):
    instance = cases()[case]()
    assert instance.forecast.demand_mw.shape[1] == 24
