"""The command ``bench``: a row for every promise."""

import json

import numpy as np
import pytest
from cli import accepted
from swept import Threads

from experiments import benchmark, networked_benchmark
from experiments.catalog import find_study
from experiments.proofs import cases
from experiments.sweeps import benchmark as sweep_benchmark
from sim.instance import Instance
from sim.messages import Knowledge, Submission

pytestmark = pytest.mark.usefixtures("in_own_folder")


SMALL = {"uncertainty.scenarios": 4, "uncertainty.keep": 2}

SLOW = ("all_scenarios", "bid_against_ipopt")
"""What ``--quick`` leaves out."""


@pytest.fixture
def quick_bench(monkeypatch):
    """Replace what the benchmark measures by something that takes no time."""

    def measured(name, met):
        def part(instance, repeats):
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

    def others(name):
        return lambda quick: [(name, lambda: [measured(name, met=True)(None, 1 if quick else 3)])]

    monkeypatch.setattr(benchmark, "networked_parts", others("networked_bids"))
    monkeypatch.setattr(benchmark, "sweep_parts", others("swept_days"))
    return [*parts, "networked_bids", "swept_days"]


def test_bench_reports_every_promise(quick_bench):
    rows = json.loads(accepted("bench", "--quick", "--json"))["rows"]
    assert [row["name"] for row in rows] == [name for name in quick_bench if name not in SLOW]
    assert set(rows[0]) == {"name", "measured", "unit", "target", "met", "detail"}
    assert [row["detail"] for row in rows] == [*["2 times"] * (len(rows) - 2), "1 times", "1 times"]
    text = accepted("bench")
    for words in (*quick_bench, "1.25 x", "no", "5 times"):
        assert words in text


@pytest.mark.usefixtures("quick_bench")
@pytest.mark.parametrize(("option", "name"), [("--networked", "networked_bids"), ("--sweeps", "swept_days")])
def test_bench_of_one_kind_alone(option, name):
    (row,) = json.loads(accepted("bench", option, "--json"))["rows"]
    assert (row["name"], row["detail"]) == (name, "3 times")


def test_a_bench_of_sweeps_simulates_on_warm_workers_and_counts_their_idle_time():
    engine = Threads()
    session = sweep_benchmark.session(engine, sweep_benchmark.plan_of(3, policy="none", **SMALL))
    engine.close()
    assert len(session.products) == 3
    assert session.rate == pytest.approx(3 / session.seconds)
    simulated = sum(product.seconds["total"] for product in session.products)
    assert session.idle == pytest.approx(1 - simulated / (2 * session.seconds))


def test_parts_of_the_networked_bench_have_names():
    names = [name for name, _ in networked_benchmark.networked_parts(quick=True)]
    assert len(set(names)) == len(names) == 6


def test_growth_is_the_slope_of_the_power_law():
    assert networked_benchmark.growth_exponent({33: 0.5, 66: 1.0, 330: 5.0}) == pytest.approx(1.0)
    assert networked_benchmark.growth_exponent({1: 1.0, 10: 100.0, 100: 10_000.0}) == pytest.approx(2.0)


def test_growth_is_measured_against_its_target():
    bench = networked_benchmark.NetworkedBench(repeats=1, hours=(1,))
    for k, what in enumerate(networked_benchmark.GROWING):
        bench.seconds[what] = {buses: buses ** (1.0 + 0.1 * k) for buses in networked_benchmark.SIZES}
    rows = bench.growth()
    assert [row.measured for row in rows] == pytest.approx([1.0, 1.1, 1.2, 1.3])
    assert [row.met for row in rows] == [True, True, False, False]


@pytest.fixture(scope="module")
def stage33():
    instance = Instance.of(find_study("networked33"))
    submission = Submission(
        bid_mw=np.zeros(24), strategy="none", battery_p_mw=np.zeros((24, len(instance.grid.batteries)))
    )
    return instance, submission


def test_both_modes_decide_the_same_hour(stage33):
    stage = networked_benchmark.Stage(*stage33, Knowledge.HOUR)
    compared = stage.compare()
    assert compared.cost > 0
    assert -compared.unproven_percent - 0.01 <= compared.gap_percent <= 0.1
    assert compared.central_s > 0
    assert compared.transactive.coordination.mode == "transactive"
    stage.simulate_until(3)
    assert stage.model.hour == 3
    assert stage.look().shape == (1, 1)


def test_what_an_agreement_costs_is_what_the_same_exchange_costs_centrally(stage33):
    """The central plan's own exchange, given as an agreement, costs what the central plan says."""
    stage = networked_benchmark.Stage(*stage33, Knowledge.HOUR)
    problem, central = stage.look(), stage.central()
    assert stage.cost_of_agreement(problem, central) == pytest.approx(central.objective, abs=1e-3)


def test_bench_measures(instance33):
    row = benchmark.hour_against_runopp(instance33, 1)
    assert row.measured > 0
    assert row.unit == "x"


def test_proofs_of_hard_cases(monkeypatch):
    """The easy case stands for the hard ones, which take a minute."""
    monkeypatch.setattr(benchmark, "cases", lambda: {"easy": lambda: small_instance()})
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


@pytest.mark.parametrize("case", cases())
def test_every_hard_case_can_be_built(case):
    instance = cases()[case]()
    assert instance.forecast.demand_mw.shape[1] == 24
