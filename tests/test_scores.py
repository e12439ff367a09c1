"""Scores of scenarios: by hand, against plain sums, and their defining property: the true distribution is best."""

import numpy as np
import pytest

from sim.error_model import autoregression
from sim.scores import (
    autocorrelation,
    crps,
    energy_score,
    reliability,
    sharpness,
    unreliability,
    variogram_score,
)

RNG = np.random.default_rng(11)


def test_true_scenarios_are_reliable_and_narrow_ones_are_not():
    scenarios, actual = RNG.standard_normal((400, 3000)), RNG.standard_normal(3000)
    probabilities = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    assert reliability(scenarios, actual, probabilities) == pytest.approx(probabilities, abs=5 * 0.5 / np.sqrt(3000))
    assert unreliability(scenarios, actual) < 0.02
    assert reliability(scenarios / 2, actual, probabilities)[0] == pytest.approx(0.205, abs=0.04)  # Phi(-1.645 / 2)
    assert unreliability(scenarios / 2, actual) > 0.08


def test_width_of_the_central_interval():
    assert sharpness(RNG.standard_normal((5000, 50)), share=0.9) == pytest.approx(2 * 1.645, rel=0.02)


def test_correlation_over_the_periods():
    drawn = autoregression(RNG.standard_normal((3000, 24)), step_h=1, correlation_time_h=4)
    assert autocorrelation(drawn, 8) == pytest.approx(np.exp(-np.arange(9) / 4), abs=0.05)
    assert np.isnan(autocorrelation(np.zeros((3, 24)), 1)).all()


def test_scores_as_plain_sums():
    scenarios, actual = RNG.normal(size=(7, 5)), RNG.normal(size=5)
    count = len(scenarios)
    spread = sum(abs(scenarios[i] - scenarios[j]) for i in range(count) for j in range(count)) / count**2 / 2
    assert crps(scenarios, actual) == pytest.approx((abs(scenarios - actual).mean(axis=0) - spread).mean())
    between = np.mean([np.linalg.norm(one - other) for one in scenarios for other in scenarios])
    distance = np.mean([np.linalg.norm(one - actual) for one in scenarios])
    assert energy_score(scenarios, actual) == pytest.approx(distance - between / 2)
    total = 0.0
    for i in range(5):
        for j in range(i):
            expected = np.mean([abs(one[i] - one[j]) ** 0.5 for one in scenarios])
            total += (expected - abs(actual[i] - actual[j]) ** 0.5) ** 2
    assert variogram_score(scenarios, actual) == pytest.approx(total / 10)


def test_one_scenario_scores_its_error():
    assert crps(np.array([[1.0, 2.0]]), np.array([4.0, 6.0])) == 3.5
    assert energy_score(np.array([[1.0, 2.0]]), np.array([4.0, 6.0])) == 5


@pytest.mark.parametrize("score", [energy_score, variogram_score])
def test_scenarios_from_the_true_distribution_score_best(score):
    def draw(count, hours):
        return autoregression(RNG.standard_normal((count, 24)), step_h=1, correlation_time_h=hours)

    days = draw(300, 6)
    true, independent, narrow = (
        np.mean([score(made(), day) for day in days])
        for made in (lambda: draw(100, 6), lambda: draw(100, 0), lambda: 0.4 * draw(100, 6))
    )
    assert true < independent
    assert true < narrow
