"""Scenario reduction against its definition, recomputed naively on small sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from sim.reduction import backward_reduction, distances, forward_selection, reduce_scenarios
from sim.scenarios import ScenarioSet

METHODS = ("forward", "backward")


def scenario_set(seed, count, hours=2):
    """Return random scenarios of two loads and two renewables with unequal probabilities."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.1, 1, count)
    return ScenarioSet(
        demand_mw=rng.uniform(0, 3, (count, hours, 2)),
        available_mw=rng.uniform(0, 1, (count, hours, 2)),
        probability=weight / weight.sum(),
    )


def naive_distance(scenarios):
    """Return Euclidean distances of (total demand per hour, output per hour and unit), pair by pair."""
    count = len(scenarios)
    result = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            demand = scenarios.demand_mw[i].sum(axis=1) - scenarios.demand_mw[j].sum(axis=1)
            output = scenarios.available_mw[i] - scenarios.available_mw[j]
            result[i, j] = np.sqrt((demand**2).sum() + (output**2).sum())
    return result


def kantorovich(distance, probability, kept):
    """Return the sum over scenarios of probability times the distance to the nearest kept one."""
    return sum(p * min(distance[i, k] for k in kept) for i, p in enumerate(probability))


@st.composite
def weighted_points(draw):
    """Draw S <= 7 points, often coinciding, as a distance matrix with probabilities."""
    count = draw(st.integers(2, 7))
    points = draw(arrays(float, (count, 2), elements=st.integers(0, 4).map(float) | st.floats(0, 4)))
    weight = draw(arrays(float, count, elements=st.floats(0.1, 1)))
    return np.linalg.norm(points[:, None] - points[None], axis=-1), weight / weight.sum()


def original_index(scenarios, reduced):
    """Return which scenario each reduced one is (all are different)."""
    equal = (reduced.available_mw[:, None] == scenarios.available_mw[None]).all(axis=(2, 3))
    assert (equal.sum(axis=1) == 1).all()
    return equal.argmax(axis=1)


@given(weighted_points())
def test_forward_takes_the_best_single_addition_each_time(points):
    distance, probability = points
    before: set[int] = set()
    for keep in range(1, min(3, len(probability)) + 1):
        kept = set(forward_selection(distance, probability, keep).tolist())
        assert len(kept) == keep
        assert before < kept
        best = min(
            kantorovich(distance, probability, before | {u}) for u in range(len(probability)) if u not in before
        )
        assert kantorovich(distance, probability, kept) == pytest.approx(best, abs=1e-9)
        before = kept


@given(weighted_points())
def test_backward_drops_the_cheapest_each_time(points):
    distance, probability = points
    before = set(range(len(probability)))
    for keep in range(len(probability) - 1, 0, -1):
        kept = set(backward_reduction(distance, probability, keep).tolist())
        assert len(kept) == keep
        assert kept < before
        best = min(kantorovich(distance, probability, before - {u}) for u in before)
        assert kantorovich(distance, probability, kept) == pytest.approx(best, abs=1e-9)
        before = kept


def test_a_scenario_is_at_no_distance_from_itself():
    assert (np.diag(distances(scenario_set(0, 60))) == 0).all()  # not even by round-off, the root of which is large


def test_microgrids_count_by_what_they_draw_together():
    """0.4 MW of load less 0.1 MW of their own output, or 0.2 MW: 0.1 MW apart at the tie line."""
    scenarios = ScenarioSet(
        demand_mw=np.ones((2, 1, 1)),
        available_mw=np.ones((2, 1, 1)),
        probability=np.full(2, 0.5),
        connection_load_mw=np.array([[[0.3, 0.1]], [[0.1, 0.1]]]),
        connection_heat_mw=np.array([[[0.0, 0.0]], [[5.0, 5.0]]]),
        connection_output_mw=np.array([[[0.1, 0.0]], [[0.0, 0.0]]]),
    )
    assert distances(scenarios) == pytest.approx(np.array([[0, 0.1], [0.1, 0]]))


def test_distances_are_those_of_the_definition():
    scenarios = scenario_set(seed=3, count=6, hours=4)
    assert distances(scenarios) == pytest.approx(naive_distance(scenarios), abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 7), keep=st.integers(1, 3))
def test_mass_of_each_dropped_scenario_goes_to_its_nearest(method, seed, count, keep):
    scenarios = scenario_set(seed, count)
    reduced = reduce_scenarios(scenarios, keep, method)
    kept = original_index(scenarios, reduced)
    assert reduced.demand_mw == pytest.approx(scenarios.demand_mw[kept])
    distance = naive_distance(scenarios)
    mass = dict.fromkeys(kept.tolist(), 0.0)
    for i, p in enumerate(scenarios.probability):
        mass[min(mass, key=lambda k, i=i: distance[i, k])] += p
    assert reduced.probability == pytest.approx([mass[k] for k in kept])
    assert reduced.probability.sum() == pytest.approx(1)
    assert reduced.kantorovich == pytest.approx(kantorovich(distance, scenarios.probability, kept), abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_kantorovich_is_the_least_cost_of_moving_the_distribution(method):
    scenarios = scenario_set(seed=5, count=7)
    reduced = reduce_scenarios(scenarios, 3, method)
    kept = original_index(scenarios, reduced)
    cost = naive_distance(scenarios)[:, kept]
    # The transport problem from all 7 scenarios to the 3 kept ones with their merged probabilities.
    leaving, arriving = np.kron(np.eye(7), np.ones(3)), np.kron(np.ones(7), np.eye(3))
    plan = linprog(
        cost.ravel(),
        A_eq=np.vstack([leaving, arriving]),
        b_eq=np.concatenate([scenarios.probability, reduced.probability]),
    )
    assert reduced.kantorovich == pytest.approx(plan.fun, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_keeping_all_changes_nothing(method):
    scenarios = scenario_set(seed=1, count=5)
    assert reduce_scenarios(scenarios, 5, method) is scenarios
    assert scenarios.kantorovich == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("keep", [1, 2, 3, 4])
def test_doubles(method, keep):
    # Three different scenarios, the first three times, the second twice: 6 in all.
    single = scenario_set(seed=2, count=3)
    doubled = single.subset(np.array([0, 1, 0, 2, 1, 0]))
    reduced = reduce_scenarios(doubled, keep, method)
    assert len(reduced) == keep
    assert reduced.probability.sum() == pytest.approx(1)
    assert (reduced.probability > 0).all()
    if keep >= 3:  # nothing is lost
        assert reduced.kantorovich == pytest.approx(0, abs=1e-6)
        mean = np.tensordot(reduced.probability, reduced.available_mw, axes=1)
        assert mean == pytest.approx(doubled.available_mw.mean(axis=0))


@pytest.mark.parametrize("method", METHODS)
def test_scenarios_all_the_same(method):
    same = scenario_set(seed=2, count=1).subset(np.zeros(5, dtype=int))
    reduced = reduce_scenarios(same, 2, method)
    assert len(reduced) == 2
    assert reduced.probability.sum() == pytest.approx(1)
    assert reduced.kantorovich == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_thousand_to_ten_is_good_and_the_same_every_time(method):
    scenarios = scenario_set(seed=7, count=1000, hours=24)
    first, second = (reduce_scenarios(scenarios, 10, method) for _ in range(2))
    for field in ("demand_mw", "available_mw", "probability"):
        assert getattr(first, field).tobytes() == getattr(second, field).tobytes()
    assert len(first) == 10
    assert first.probability.sum() == pytest.approx(1)
    # Better than any of 20 random choices of ten.
    distance, rng = naive_to_all(scenarios), np.random.default_rng(0)
    chance = [scenarios.probability @ distance[:, rng.choice(1000, 10, replace=False)].min(axis=1) for _ in range(20)]
    assert first.kantorovich < min(chance)


def naive_to_all(scenarios):
    points = np.concatenate(
        [scenarios.demand_mw.sum(axis=2), scenarios.available_mw.reshape(len(scenarios), -1)], axis=1
    )
    return np.array([np.linalg.norm(points - point, axis=1) for point in points])
