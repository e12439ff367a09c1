"""Expected money: weighted means and their errors, the same with any number of processes, and from single runs."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from swept import task_of

from experiments.confidence import Estimate
from experiments.evaluation import Evaluation, evaluate, scenario_set
from experiments.simulate import simulate
from experiments.summary import summarise
from experiments.sweeps.plan import make_plan
from experiments.sweeps.sweep_file import SweepFile
from experiments.sweeps.worker import perform
from sim.errors import StudyError
from sim.instance import Instance
from sim.market.settlement import COST_TERMS, TERMS
from sim.scenarios import Draw, ScenarioSet

FAST = {"policy": "myopic"}

# ---- weighted mean -------------------------------------------------------------------------------------------


def test_weighted_mean_by_hand():
    estimate = Estimate.of(np.array([10.0, 20.0, 30.0]), np.array([0.25, 0.25, 0.5]))
    assert estimate.mean == pytest.approx(22.5)
    # Spread 68.75; the weights are worth 1/(1/16 + 1/16 + 1/4) = 8/3 draws: √(68.75 / (5/3)) = 6.42...
    assert estimate.standard_error == pytest.approx(np.sqrt(41.25))
    # Student's t of 5/3 degrees of freedom.
    assert estimate.reach == pytest.approx(stats.t.ppf(0.975, 5 / 3) * np.sqrt(41.25))
    assert (estimate.low, estimate.high) == pytest.approx((22.5 - estimate.reach, 22.5 + estimate.reach))


def test_less_than_two_draws_have_an_error_but_no_interval():
    # Worth 1/(1/16 + 9/16) = 1.6 draws, the spread 75: √(75 / 0.6) = 11.18...
    estimate = Estimate.of(np.array([10.0, 30.0]), np.array([0.25, 0.75]))
    assert estimate.standard_error == pytest.approx(np.sqrt(125))
    assert np.isnan([estimate.low, estimate.high]).all()


@given(values=hnp.arrays(float, st.integers(2, 30), elements=st.floats(-1e4, 1e4)))
def test_equal_weights_give_the_textbook_interval(values):
    count = len(values)
    estimate = Estimate.of(values, np.full(count, 1 / count))
    assert estimate.mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-9)
    assert estimate.standard_error == pytest.approx(stats.sem(values), rel=1e-6, abs=1e-6)
    assert estimate.reach == pytest.approx(stats.t.ppf(0.975, count - 1) * stats.sem(values), rel=1e-6, abs=1e-5)
    assert Estimate.of(values) == estimate


def test_a_scenario_without_weight_does_not_count():
    estimate = Estimate.of(np.array([1.0, 3.0, 1e6]), np.array([0.5, 0.5, 0.0]))
    assert estimate.mean == pytest.approx(2.0)
    assert estimate.standard_error == pytest.approx(1.0)
    assert estimate.reach == pytest.approx(12.706, abs=1e-3)  # one degree of freedom


@pytest.mark.parametrize("probability", [[1.0], [0.0, 1.0]])
def test_one_scenario_has_no_interval(probability):
    estimate = Estimate.of(np.arange(float(len(probability))), np.array(probability))
    assert estimate.mean == len(probability) - 1
    assert np.isnan([estimate.standard_error, estimate.low, estimate.high]).all()
    assert not estimate.beyond_chance


# ---- which scenarios -----------------------------------------------------------------------------------------


def same(one: ScenarioSet, other: ScenarioSet) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("demand_mw", "available_mw", "probability")
    )


def test_kept_and_test_scenarios(small):
    kept, test = scenario_set(small, "kept", 100), scenario_set(small, "test", 5)
    assert same(kept, small.kept_scenarios())
    assert len(kept) == 3
    assert len(test) == 5
    assert test.probability == pytest.approx(np.full(5, 0.2))
    assert same(test, scenario_set(small, "test", 5))
    for purpose in (Draw.TRAINING, Draw.ACTUAL):
        drawn = small.draw(purpose, 5)
        assert not np.isclose(drawn.demand_mw, test.demand_mw).all(axis=(1, 2)).any()


@pytest.mark.parametrize("on", ["", "training", "KEPT"])
def test_unknown_scenarios_are_refused(small, on):
    with pytest.raises(StudyError, match=rf"--on {on}: use kept .* or test"):
        scenario_set(small, on, 5)


# ---- evaluation ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(study33) -> Instance:
    """An instance with three kept scenarios of different probabilities."""
    uncertainty = study33.uncertainty.model_copy(update={"scenarios": 30, "keep": 3})
    return Instance.of(study33.model_copy(update=FAST | {"uncertainty": uncertainty}))


@pytest.fixture(scope="module")
def alone(small) -> Evaluation:
    return evaluate(small, small.kept_scenarios(), workers=1)


def assert_same(one: Evaluation, other: Evaluation) -> None:
    assert one.estimates == other.estimates
    assert np.array_equal(one.submission.bid_mw, other.submission.bid_mw)
    assert np.array_equal(one.probability, other.probability)
    for mine, theirs in zip(one.outcomes, other.outcomes, strict=True):
        assert vars(mine).keys() == vars(theirs).keys()
        for name, value in vars(mine).items():
            np.testing.assert_array_equal(value, getattr(theirs, name), err_msg=name)


@pytest.mark.slow
def test_two_processes_give_the_same_numbers_as_one(small, alone):
    assert_same(evaluate(small, small.kept_scenarios(), workers=2), alone)


def test_expected_terms_are_those_of_the_single_simulates_weighted(small, alone):
    scenarios = small.kept_scenarios()
    assert len(set(scenarios.probability)) > 1
    expected = dict.fromkeys(TERMS, 0.0)
    for k, weight in enumerate(scenarios.probability):
        tables = simulate(small, actual=[scenarios.subset(k)], fixed=alone.submission).tables
        paid = tables["payments"].groupby("term")["amount"].sum()
        valued = tables["books"].groupby("term")["amount"].sum()
        terms = {**paid, **valued}
        terms["profit"] = terms["revenue"] - sum(terms[term] for term in COST_TERMS)
        assert alone.outcomes[k].terms == pytest.approx(terms, abs=1e-9)
        for term in TERMS:
            expected[term] += weight * terms[term]
    assert alone.terms == pytest.approx(expected, abs=1e-9)
    assert list(alone.terms) == list(TERMS)


def test_intervals_are_of_the_outcomes(alone):
    profits = np.array([outcome.terms["profit"] for outcome in alone.outcomes])
    assert alone.estimates["profit"] == Estimate.of(profits, alone.probability)


def test_the_bids_are_those_of_the_study_and_every_scenario_is_simulated_against_them(small, alone):
    bid = simulate(small).tables["bids"]["bid_mw"]
    assert alone.submission.bid_mw == pytest.approx(bid.to_numpy(), abs=1e-9)
    assert len(alone.outcomes) == 3
    assert all(outcome.metered_mw.shape == (24,) for outcome in alone.outcomes)


def test_an_evaluation_is_of_one_day_however_long_the_study_is(small, alone):
    long = Instance.of(small.study.model_copy(update={"days": 3}))
    assert_same(evaluate(long, long.kept_scenarios(), workers=1), alone)


def test_progress_is_reported_scenario_by_scenario(small, alone):
    done = []
    evaluate(small, small.kept_scenarios(), workers=1, progress=done.append)
    assert done == [1, 2, 3]


@pytest.mark.parametrize("by", ["simulation", "plan"])
def test_a_sweep_that_evaluates_keeps_the_expected_money(small, alone, by):
    values = FAST | {"uncertainty.scenarios": 30, "uncertainty.keep": 3}
    (planned,) = make_plan(SweepFile(name="tiny", set=values, evaluate={"by": by}), Path()).runs()
    product = perform(task_of(planned))
    assert product.error == "", product.traceback
    (row,) = pd.read_parquet(BytesIO(product.parts["results"])).to_dict(orient="records")
    expected = alone if by == "simulation" else evaluate(small, small.kept_scenarios(), by=by, workers=1)
    assert {name: row[name] for name in expected.expected if name in row} == expected.expected
    assert (row["scenarios_beyond_limits"], row["scenarios_inexact"]) == (expected.beyond_limits, expected.inexact)
    assert row["proven_gap"] == expected.gap
    assert row["min_vm_pu"] == min(outcome.vm_pu.min() for outcome in expected.outcomes)
    assert row["hours_penalised"] is None or np.isnan(row["hours_penalised"])


def test_limits_of_all_scenarios_are_added_up_and_the_worst_is_kept(small):
    unmanaged = Instance.of(small.study.model_copy(update={"policy": "none"}))
    evaluation = evaluate(unmanaged, unmanaged.kept_scenarios(), workers=1)
    each = [outcome.limits["voltage"] for outcome in evaluation.outcomes]
    assert min(one.count for one in each) > 10
    assert len({one.worst for one in each}) == 3
    assert evaluation.limits["voltage"].count == sum(one.count for one in each)
    assert evaluation.limits["voltage"].worst == max(one.worst for one in each)


def test_violations_are_counted_as_in_the_summary_of_a_run(study33):
    """The slack bus is held by the main grid; a run does not count it, even where limits exclude its voltage."""
    uncertainty = study33.uncertainty.model_copy(update={"scenarios": 30, "keep": 1})
    voltage = study33.grid.voltage.model_copy(update={"min_vm_pu": 1.005})
    grid = study33.grid.model_copy(update={"voltage": voltage})
    instance = Instance.of(
        study33.model_copy(update={"policy": "none", "bidding": "basic", "uncertainty": uncertainty, "grid": grid})
    )
    scenarios = instance.kept_scenarios()
    evaluation = evaluate(instance, scenarios, workers=1)
    run = summarise(simulate(instance, actual=[scenarios], fixed=evaluation.submission))
    assert run["voltage"]["violations"] > 0
    assert evaluation.limits["voltage"].count == run["voltage"]["violations"]
    assert {name: vars(one) for name, one in evaluation.limits.items()} == run["limits"]
    assert run["hours_beyond_limits"] == {"unplanned": 24}
    assert evaluation.outcomes[0].vm_pu.min() == run["voltage"]["min_pu"]
    assert evaluation.outcomes[0].vm_pu.max() == run["voltage"]["max_pu"]
