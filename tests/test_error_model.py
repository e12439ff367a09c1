"""Forecast errors with memory: autoregression, the copula of past errors, and what it may know."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from sim.calendar import Calendar
from sim.columns import ProfileSpec
from sim.error_model import LEAST_DAYS, ErrorHistory, autoregression, shrunk_correlation
from sim.forecasts import SeriesProfiles
from sim.scenarios import Draw, ForecastErrors, draw_scenarios

ZONE = "America/Los_Angeles"
KINDS = ("demand", "wind", "pv")


# ---- autoregression ------------------------------------------------------------------------------------------


def test_autoregression_keeps_the_variance_and_has_the_correlation_time():
    independent = np.random.default_rng(1).standard_normal((4000, 48))
    for step_h in (1.0, 0.25):
        drawn = autoregression(independent, step_h=step_h, correlation_time_h=4)
        assert drawn.std(axis=0) == pytest.approx(np.ones(48), abs=5 / np.sqrt(2 * 4000))
        lag = round(4 / step_h)
        assert np.corrcoef(drawn[:, 8], drawn[:, 8 + lag])[0, 1] == pytest.approx(np.exp(-1), abs=0.07)
    assert autoregression(independent, step_h=1, correlation_time_h=0) is independent


def test_no_correlation_time_leaves_every_byte(instance33):
    def draw(**errors):
        return draw_scenarios(
            instance33.grid, instance33.profiles, ForecastErrors(**errors), count=5, seed=3, purpose=Draw.TEST
        )

    for sharing in ("per_kind", "per_unit"):
        plain, none, some = (
            draw(sharing=sharing, **more) for more in ({}, {"correlation_time_h": 0}, {"correlation_time_h": 6})
        )
        assert plain.available_mw.tobytes() == none.available_mw.tobytes()
        assert (plain.available_mw[:, 0] == some.available_mw[:, 0]).all()  # each day begins anew
        assert (plain.available_mw != some.available_mw).any()


# ---- shrinkage -----------------------------------------------------------------------------------------------


def test_shrinkage_by_hand():
    # Two columns of four days: normalised w = x*y with x = y = (1, 1, -1, -1) but for one sign.
    correlation, shrinkage = shrunk_correlation(np.array([[1.0, 1], [1, 1], [-1, -1], [-1, 1]]))
    # r = 1/2; w = (1, 1, 1, -1): sum of squares about the mean = 4 - 4/4 = 3, times 4/27 = 4/9; (4/9)/(1/4) > 1.
    assert shrinkage == 1
    assert correlation == pytest.approx(np.eye(2))
    correlation, shrinkage = shrunk_correlation(np.tile([[1.0, 1], [1, 1], [-1, -1], [-1, 1]], (10, 1)))
    assert shrinkage == pytest.approx((40 - 40 / 4) * 40 / 39**3 / 0.25)
    assert correlation[0, 1] == pytest.approx(0.5 * (1 - shrinkage))


def test_short_histories_are_shrunk_more_and_the_matrix_is_definite():
    root = np.linalg.cholesky(0.8 ** np.abs(np.subtract.outer(np.arange(72), np.arange(72))))
    samples = np.random.default_rng(2).standard_normal((400, 72)) @ root.T
    weights = []
    for days in (14, 60, 400):
        correlation, shrinkage = shrunk_correlation(samples[:days])
        assert np.linalg.eigvalsh(correlation).min() > 0
        weights.append(shrinkage)
    assert weights[0] > 2 * weights[1] > 4 * weights[2]
    assert correlation[10, 11] == pytest.approx(0.8, abs=0.08)


# ---- copula --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def past():
    """Forecast and actual of 300 days of one quantity: errors grow with the level, are skewed and last for hours."""
    rng = np.random.default_rng(5)
    forecast = rng.uniform(0.1, 0.9, (300, 24, 1))
    scores = autoregression(rng.standard_normal((300, 24, 1)), step_h=1, correlation_time_h=5, axis=1)
    return forecast, forecast + 0.1 * forecast * (np.exp(0.5 * scores) - 1)


def test_drawn_errors_have_the_distribution_and_correlation_of_the_past(past):
    history = ErrorHistory.of(*past)
    level = np.where(np.arange(24) < 12, 0.3, 0.8)[:, None]
    drawn = history.draw(np.random.default_rng(1), 4000, forecast=level, steps=np.arange(24))[..., 0] * level[:, 0]
    for hour, size in ((5, 0.3), (20, 0.8)):
        for probability in (0.1, 0.5, 0.9):
            true = 0.1 * size * (np.exp(0.5 * {0.1: -1.2816, 0.5: 0, 0.9: 1.2816}[probability]) - 1)
            assert np.quantile(drawn[:, hour], probability) == pytest.approx(
                true, abs=0.012 * size
            )  # classes are wide
    correlation = pd.DataFrame(drawn).corr(method="spearman").to_numpy()
    assert correlation[5, 6] == pytest.approx(np.exp(-1 / 5), abs=0.08)
    assert correlation[5, 10] == pytest.approx(np.exp(-1), abs=0.12)


def test_nothing_is_drawn_from_too_few_days_of_what_has_none_or_at_night(past):
    forecast, actual = past
    assert ErrorHistory.of(forecast[: LEAST_DAYS - 1], actual[: LEAST_DAYS - 1]) is None
    two = np.concatenate([forecast, forecast], axis=2)
    history = ErrorHistory.of(two, np.concatenate([actual, np.full_like(actual, np.nan)], axis=2))
    drawn = history.draw(np.random.default_rng(1), 3, forecast=np.zeros((24, 2)), steps=np.arange(24))
    assert (drawn[..., 0] == 0).all()
    assert np.isnan(drawn[..., 1]).all()


@pytest.fixture(scope="module")
def year(grid33):
    """Read the packaged year, as it is or with values changed from a day on."""
    spec = ProfileSpec(
        file="microgrid33_year.csv",
        time="time",
        **{f"{kind}_pu": f"{kind}_forecast_pu" for kind in KINDS},
        actual={f"{kind}_pu": f"{kind}_actual_pu" for kind in KINDS},
        fill_gaps_h=3,
    )
    return lambda: SeriesProfiles(spec, Calendar(time_zone=ZONE, first_day="2015-07-02"), grid33)


def scenarios(year, grid, day, count=50, **errors):
    errors = ForecastErrors(source="history", **errors)
    history = year.errors(day, errors.history_days)
    drawn = draw_scenarios(
        grid, year.profiles(day), errors, count=count, seed=1, purpose=Draw.TRAINING, day=day, history=history
    )
    return drawn, history


def test_history_never_knows_the_day_itself_or_later(year, grid33):
    true, blind = year(), year()
    day = 40
    later = blind._series.table.index >= true.calendar.times(day)[0]
    for kind in KINDS:
        blind._series.table.loc[later, f"{kind}_actual_pu as {kind}_pu"] = 0.9
    for each in (true, blind):
        drawn, history = scenarios(each, grid33, day)
        assert history is not None
        if each is true:
            first = drawn
    assert first.demand_mw.tobytes() == drawn.demand_mw.tobytes()
    assert first.available_mw.tobytes() == drawn.available_mw.tobytes()


@pytest.mark.parametrize(("day", "steps"), [(123, 25), (256, 23), (365, 24)])
def test_days_of_any_length_are_drawn(year, grid33, day, steps):
    drawn, history = scenarios(year(), grid33, day, count=3)
    assert history is not None
    assert drawn.demand_mw.shape[1] == drawn.available_mw.shape[1] == steps
    capacity = np.array([unit.max_s_mva for unit in grid33.renewables])
    assert (drawn.available_mw >= 0).all()
    assert (drawn.available_mw <= capacity).all()


def test_the_first_days_are_drawn_as_without_history(year, grid33):
    read = year()
    drawn, history = scenarios(read, grid33, 10)
    assert history is None
    plain = draw_scenarios(
        grid33, read.profiles(10), ForecastErrors(), count=50, seed=1, purpose=Draw.TRAINING, day=10
    )
    assert plain.available_mw.tobytes() == drawn.available_mw.tobytes()


def test_history_is_of_kinds_not_of_units():
    with pytest.raises(ValidationError, match=r"set sharing to per_kind"):
        ForecastErrors(source="history", sharing="per_unit")
