"""Expected money: weighted means and their errors, the same whoever computes them, and from single plays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from experiments.evaluation import Evaluation, evaluate, scenario_set, weighted_mean
from experiments.play import play
from experiments.summary import summarise
from sim.errors import StudyError
from sim.scenarios import Draw, ScenarioSet
from sim.setting import Setting
from sim.settlement import COST_TERMS, TERMS

FAST = {"policy": "myopic"}

# ---- weighted mean -------------------------------------------------------------------------------------------


def test_weighted_mean_by_hand():
    values = np.array([[1.0, 10.0], [3.0, 30.0]])
    mean, error = weighted_mean(values, np.array([0.25, 0.75]))
    assert mean == pytest.approx([2.5, 25.0])
    # Spread 0.75; the weights are worth 1/(1/16 + 9/16) = 1.6 draws: 0.75 · 1.6/0.6 = 2, and √(2/1.6) = 1.118...
    assert error == pytest.approx([np.sqrt(1.25), 10 * np.sqrt(1.25)])


@given(values=hnp.arrays(float, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=st.floats(-1e4, 1e4)))
def test_equal_weights_give_the_textbook_standard_error(values):
    count = len(values)
    mean, error = weighted_mean(values, np.full(count, 1 / count))
    assert mean == pytest.approx(values.mean(axis=0), rel=1e-9, abs=1e-9)
    assert error == pytest.approx(values.std(axis=0, ddof=1) / np.sqrt(count), rel=1e-6, abs=1e-6)


def test_a_scenario_without_weight_does_not_count():
    values = np.array([[1.0], [3.0], [1e6]])
    mean, error = weighted_mean(values, np.array([0.5, 0.5, 0.0]))
    assert mean == pytest.approx([2.0])
    assert error == pytest.approx([1.0])


@pytest.mark.parametrize("probability", [[1.0], [0.0, 1.0]])
def test_one_scenario_has_no_standard_error(probability):
    values = np.arange(2.0 * len(probability)).reshape(-1, 2)
    mean, error = weighted_mean(values, np.array(probability))
    assert mean == pytest.approx(values[-1])
    assert np.isnan(error).all()


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
def small(study33) -> Setting:
    """A setting with three kept scenarios of different probabilities."""
    uncertainty = study33.uncertainty.model_copy(update={"scenarios": 30, "keep": 3})
    return Setting.of(study33.model_copy(update=FAST | {"uncertainty": uncertainty}))


@pytest.fixture(scope="module")
def alone(small) -> Evaluation:
    return evaluate(small, small.kept_scenarios(), workers=1)


def assert_same(one: Evaluation, other: Evaluation) -> None:
    assert one.terms == other.terms
    assert one.standard_errors == other.standard_errors
    assert np.array_equal(one.submission.bid_mw, other.submission.bid_mw)
    assert np.array_equal(one.probability, other.probability)
    for mine, theirs in zip(one.outcomes, other.outcomes, strict=True):
        assert np.array_equal(mine.imbalance_mwh, theirs.imbalance_mwh)
        assert {**vars(mine), "imbalance_mwh": 0} == {**vars(theirs), "imbalance_mwh": 0}


def test_two_processes_give_the_same_numbers_as_one(small, alone):
    assert_same(evaluate(small, small.kept_scenarios(), workers=2), alone)


def test_expected_terms_are_those_of_the_single_plays_weighted(small, alone):
    scenarios = small.kept_scenarios()
    assert len(set(scenarios.probability)) > 1
    expected = dict.fromkeys(TERMS, 0.0)
    for k, weight in enumerate(scenarios.probability):
        tables = play(small, actual=[scenarios.subset(k)], fixed=alone.submission).tables
        paid = tables["payments"].groupby("term")["amount"].sum()
        valued = tables["books"].groupby("term")["amount"].sum()
        terms = {**paid, **valued}
        terms["profit"] = terms["revenue"] - sum(terms[term] for term in COST_TERMS)
        assert alone.outcomes[k].terms == pytest.approx(terms, abs=1e-9)
        for term in TERMS:
            expected[term] += weight * terms[term]
    assert alone.terms == pytest.approx(expected, abs=1e-9)
    assert list(alone.terms) == list(alone.standard_errors) == list(TERMS)


def test_standard_errors_are_of_the_outcomes(alone):
    profits = np.array([[outcome.terms["profit"]] for outcome in alone.outcomes])
    _, error = weighted_mean(profits, alone.probability)
    assert alone.standard_errors["profit"] == pytest.approx(error[0])


def test_the_bids_are_those_of_the_study_and_every_scenario_is_played_against_them(small, alone):
    bid = play(small).tables["bids"]["bid_mw"]
    assert alone.submission.bid_mw == pytest.approx(bid.to_numpy(), abs=1e-9)
    assert len(alone.outcomes) == 3
    assert all(outcome.imbalance_mwh.shape == (24,) for outcome in alone.outcomes)


def test_an_evaluation_is_of_one_day_however_long_the_study_is(small, alone):
    long = Setting.of(small.study.model_copy(update={"days": 3}))
    assert_same(evaluate(long, long.kept_scenarios(), workers=1), alone)


def test_progress_is_reported_scenario_by_scenario(small, alone):
    done = []
    evaluate(small, small.kept_scenarios(), workers=1, progress=done.append)
    assert done == [1, 2, 3]


def test_limits_of_all_scenarios_are_added_up_and_the_worst_is_kept(small):
    unmanaged = Setting.of(small.study.model_copy(update={"policy": "none"}))
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
    setting = Setting.of(
        study33.model_copy(update={"policy": "none", "bidding": "basic", "uncertainty": uncertainty, "grid": grid})
    )
    scenarios = setting.kept_scenarios()
    evaluation = evaluate(setting, scenarios, workers=1)
    run = summarise(play(setting, actual=[scenarios], fixed=evaluation.submission))
    assert run["voltage"]["violations"] > 0
    assert evaluation.limits["voltage"].count == run["voltage"]["violations"]
    assert {name: vars(one) for name, one in evaluation.limits.items()} == run["limits"]
    assert run["hours_beyond_limits"] == {"unplanned": 24}
    assert evaluation.outcomes[0].min_vm_pu == run["voltage"]["min_pu"]
    assert evaluation.outcomes[0].max_vm_pu == run["voltage"]["max_pu"]
