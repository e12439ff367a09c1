"""Forecast errors: size, clipping, sharing and random streams."""

from hashlib import sha256

import numpy as np
import pytest

from sim.scenarios import Draw, ForecastErrors, draw_scenarios, forecast

COUNT = 1000


@pytest.fixture(scope="module")
def expected(instance33):
    return forecast(instance33.grid, instance33.profiles)


@pytest.fixture(scope="module")
def draw(instance33):
    def _draw(count=3, seed=1, purpose=Draw.TRAINING, day=0, **errors):
        return draw_scenarios(
            instance33.grid,
            instance33.profiles,
            ForecastErrors(**errors),
            count=count,
            seed=seed,
            purpose=purpose,
            day=day,
        )

    return _draw


@pytest.fixture(scope="module", params=["per_kind", "per_unit"])
def relative(request, draw, expected):
    """Relative errors of demand (S, T, D) and output (S, T, G); NaN where the forecast is zero."""
    drawn = draw(count=COUNT, seed=11, sharing=request.param)
    with np.errstate(invalid="ignore"):
        return drawn.demand_mw / expected.demand_mw - 1, drawn.available_mw / expected.available_mw - 1


def columns(grid, kind):
    return [k for k, name in enumerate(grid.renewable_kinds) if name == kind]


def of_kind(relative, instance, kind):
    """Return the errors of the first unit of a kind in hours where clipping is five deviations away, (S, T')."""
    demand, output = relative
    if kind == "demand":
        return demand[..., 0]
    per_unit = getattr(instance.profiles, f"{kind}_pu")
    hours = (per_unit > 0) & (per_unit <= {"wind": 1 / 1.5, "pv": 1 / 2}[kind])
    return output[:, hours, columns(instance.grid, kind)[0]]


@pytest.mark.parametrize(("kind", "std"), [("demand", 0.02), ("wind", 0.10), ("pv", 0.20)])
def test_errors_are_as_large_as_specified(relative, instance33, kind, std):
    # n independent normal errors: mean within 5 std/sqrt(n), deviation within 5 std/sqrt(2n) of the true ones
    # (five standard errors: one failure in a million seeds; the seed is fixed).
    error = of_kind(relative, instance33, kind)
    assert error.shape[1] >= 12
    assert error.mean() == pytest.approx(0, abs=5 * std / np.sqrt(error.size))
    assert error.std() == pytest.approx(std, abs=5 * std / np.sqrt(2 * error.size))
    # Two thirds within one deviation: it is a normal distribution and not, say, a uniform one (57.7 %).
    assert (np.abs(error) < std).mean() == pytest.approx(0.6827, abs=5 * np.sqrt(0.25 / error.size))


@pytest.mark.parametrize("kind", ["demand", "wind", "pv"])
def test_errors_are_independent_from_hour_to_hour(relative, instance33, kind):
    error = of_kind(relative, instance33, kind)
    correlation = np.corrcoef(error, rowvar=False)[np.triu_indices(error.shape[1], 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(COUNT)  # 276 pairs, each of deviation 1/sqrt(S)


def test_kinds_are_independent(relative, instance33):
    demand, output = relative
    noon = 11
    errors = [demand[:, noon, 0], *(output[:, noon, columns(instance33.grid, kind)[0]] for kind in ("wind", "pv"))]
    assert np.corrcoef(errors)[np.triu_indices(3, 1)] == pytest.approx(0, abs=5 / np.sqrt(COUNT))


@pytest.mark.parametrize(("sharing", "shared"), [("per_kind", True), ("per_unit", False)])
def test_sharing(draw, expected, instance33, sharing, shared):
    drawn, hour = draw(sharing=sharing), 11  # hour ending 12: wind and sun, no clipping in these draws
    demand = drawn.demand_mw[:, hour] / expected.demand_mw[:, hour]
    output = drawn.available_mw[:, hour] / expected.available_mw[:, hour]
    for factors in (demand, *(output[:, columns(instance33.grid, kind)] for kind in ("wind", "pv"))):
        assert np.allclose(factors, factors[:, :1], rtol=1e-12) == shared
        assert (np.ptp(factors, axis=1) > 1e-6).all() == (not shared)


def test_wild_errors_are_clipped_to_what_is_possible(draw, instance33):
    drawn = draw(count=200, demand_std=2, wind_std=2, pv_std=2)
    capacity = np.array([unit.max_s_mva for unit in instance33.grid.renewables])
    assert drawn.demand_mw.min() == 0  # reached, not passed
    assert drawn.available_mw.min() == 0
    assert (drawn.available_mw <= capacity).all()
    assert (drawn.available_mw == capacity).any(axis=(0, 1)).all()


def test_no_sun_at_night_whatever_the_error(draw, instance33):
    night = instance33.profiles.pv_pu == 0
    drawn = draw(count=20, pv_std=2)
    assert (drawn.available_mw[:, night][..., columns(instance33.grid, "pv")] == 0).all()


def test_zero_errors_give_the_forecast(draw, expected):
    drawn = draw(demand_std=0, wind_std=0, pv_std=0)
    assert drawn.demand_mw == pytest.approx(np.broadcast_to(expected.demand_mw, drawn.demand_mw.shape))
    assert drawn.available_mw == pytest.approx(np.broadcast_to(expected.available_mw, drawn.available_mw.shape))


def test_forecast_is_profile_times_capacity(expected, instance33):
    profiles = instance33.profiles
    assert expected.demand_mw.shape == (1, 24, 32)
    assert expected.available_mw.shape == (1, 24, 10)
    assert expected.demand_mw[0].sum(axis=1) == pytest.approx(3.715 * profiles.demand_pu)
    wind, pv = (expected.available_mw[0][:, columns(instance33.grid, kind)].sum(axis=1) for kind in ("wind", "pv"))
    assert wind == pytest.approx(4.56 * profiles.wind_pu)  # Table 2: 1.2 + 0.6 + 0.6 + 0.96 + 1.2 MVA
    assert pv == pytest.approx(1.92 * profiles.pv_pu)  # 0.24 + 0.36 + 0.36 + 0.36 + 0.6 MVA


def test_scenarios_are_equally_probable(draw):
    assert draw(count=8).probability == pytest.approx(np.full(8, 1 / 8))


# ---- random streams ------------------------------------------------------------------------------------------


def stream(drawn):
    return sha256(drawn.demand_mw.tobytes() + drawn.available_mw.tobytes()).hexdigest()


@pytest.mark.parametrize("sharing", ["per_kind", "per_unit"])
def test_same_seed_same_bytes(draw, sharing):
    assert stream(draw(sharing=sharing)) == stream(draw(sharing=sharing))


def test_every_seed_purpose_and_day_has_its_own_stream(draw):
    streams = {
        stream(draw(seed=seed, purpose=purpose, day=day))
        for seed in (0, 1, 2, 2**62)
        for purpose in Draw
        for day in (0, 1, 2)
    }
    assert len(streams) == 4 * 3 * 3


def test_large_seeds_share_no_stream_with_small_ones(draw):
    # NumPy splits a seed of 33 and more bits into words: [2**32, TRAINING, 0] must not become [0, TEST, 0].
    assert stream(draw(seed=2**32, purpose=Draw.TRAINING)) != stream(draw(seed=0, purpose=Draw.TEST))


def test_setting_draws_the_same_every_time(instance33):
    once, again = (instance33.draw(Draw.ACTUAL, 1, 4) for _ in range(2))
    assert stream(once) == stream(again)
