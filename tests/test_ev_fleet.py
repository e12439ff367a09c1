"""Fleets of cars: stays as drawn, and charging within a fleet's limits lets every car leave as full as it can."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from grids.components import EvFleet
from sim.errors import StudyError
from sim.ev_fleet import Charging, ChargingSessions, draw_cars

NO_SPREAD = {"arrival_std_h": 0, "departure_std_h": 0, "distance_log_std": 0}


def by_hand(*sessions, max_p_mw=1.0, start=None, days=2):
    """Return cars with one stay each: arrival, departure, need."""
    arrival, departure, need = np.array(sessions, dtype=float).T
    return ChargingSessions(
        cars=len(sessions),
        days=days,
        max_p_mw=max_p_mw,
        car=np.arange(len(sessions)),
        arrival_h=arrival,
        departure_h=departure,
        arrival_soc=np.zeros(len(sessions)),
        need_mwh=need,
        full=np.ones(len(sessions), dtype=bool),
        start_mwh=np.zeros(len(sessions)) if start is None else np.array(start, dtype=float),
    )


@pytest.fixture
def three():
    """A car that has all night, one that is in a hurry, one that can't be full in time."""
    return Charging(by_hand((18, 32, 2), (18.5, 22, 3), (21, 22.5, 1.5)))


@st.composite
def fleets(draw):
    """Return fleets of few cars, some with long ways, slow chargers or short stays."""
    fleet = EvFleet(
        cars=draw(st.integers(1, 6)),
        arrival_mean_h=draw(st.floats(10, 23.9)),
        arrival_std_h=draw(st.floats(0, 5)),
        departure_mean_h=draw(st.floats(0.05, 9)),
        departure_std_h=draw(st.floats(0, 5)),
        distance_log_mean=draw(st.floats(1, 5)),
        max_p_mw=draw(st.floats(1e-3, 2e-2)),
        efficiency=draw(st.floats(0.5, 1)),
        target_soc=draw(st.floats(0, 1)),
        start_fill=draw(st.floats(0, 1)),
    )
    return fleet, draw_cars(fleet, days=draw(st.integers(1, 4)), seed=draw(st.integers(0, 99)), connection=0)


def charged_at_random(cars, seed, watch=lambda hour, charging: None):
    """Charge with random power within the limits to the end of the run; return the power by hour and car."""
    charging, rng, power = Charging(cars), np.random.default_rng(seed), []
    for hour in range(24 * cars.days):
        watch(hour, charging)
        least, most = charging.limits(hour)
        p_mw = least + (most - least) * rng.choice([0, 1, rng.random()])
        power.append(charging.disaggregate(hour, p_mw))
        assert power[-1].sum() == pytest.approx(p_mw, abs=1e-12)
        charging.charge(hour, power[-1])
    return charging, np.array(power)


# ---- drawn cars ----------------------------------------------------------------------------------------------


def test_without_spread_all_nights_are_alike():
    fleet = EvFleet(cars=2, arrival_mean_h=18, departure_mean_h=8, distance_log_mean=np.log(40), **NO_SPREAD)
    cars = draw_cars(fleet, days=2, seed=1, connection=0)
    assert cars.car.tolist() == [0, 1] * 3
    assert cars.arrival_h.tolist() == [-6, -6, 18, 18, 42, 42]
    assert cars.departure_h.tolist() == [8, 8, 32, 32, 56, 56]
    assert cars.arrival_soc == pytest.approx(0.9 - 40 * 0.25 / 32)
    assert cars.need_mwh == pytest.approx(40 * 0.25e-3 / 0.92)
    assert cars.full.all()
    # By midnight it could have charged all it needs, and need not have charged anything.
    assert cars.start_mwh == pytest.approx(np.array([1, 1, 0, 0, 0, 0]) * 0.5 * 40 * 0.25e-3 / 0.92)


def test_a_short_stay_gives_what_it_allows():
    fleet = EvFleet(cars=1, arrival_mean_h=23 + 5 / 6, departure_mean_h=1 / 6, **NO_SPREAD)
    cars = draw_cars(fleet, days=1, seed=1, connection=0)
    assert not cars.full.any()
    assert cars.need_mwh == pytest.approx(6.6e-3 / 3)
    # The half of it that lies before midnight had to be used.
    assert cars.start_mwh == pytest.approx([6.6e-3 / 6, 0])


def test_a_car_cannot_arrive_emptier_than_empty():
    cars = draw_cars(EvFleet(cars=5, distance_log_mean=9), days=1, seed=1, connection=0)
    assert not cars.arrival_soc.any()
    assert (cars.need_mwh <= 0.9 * 32e-3 / 0.92).all()


def test_days_follow_the_distributions():
    cars = draw_cars(EvFleet(cars=2000), days=3, seed=7, connection=0)
    # Pairs that would not fit into a day are drawn again, which moves the means by minutes.
    assert np.mean(cars.arrival_h % 24) == pytest.approx(17.6, abs=0.4)
    assert np.mean(cars.departure_h % 24) == pytest.approx(8.92, abs=0.4)
    miles = (0.9 - cars.arrival_soc) * 32 / 0.25
    assert np.median(miles) == pytest.approx(np.exp(3.2), rel=0.05)


@given(fleets())
def test_a_car_and_an_hour_belong_to_one_stay_at_most(drawn):
    _, cars = drawn
    assert (cars.departure_h > cars.arrival_h).all()
    for car in range(cars.cars):
        mine = np.flatnonzero(cars.car == car)
        assert (np.floor(cars.arrival_h[mine[1:]]) >= np.ceil(cars.departure_h[mine[:-1]])).all()


def test_a_day_does_not_depend_on_the_days_that_follow():
    fleet = EvFleet(cars=20)
    short, long = (draw_cars(fleet, days=days, seed=3, connection=2) for days in (1, 6))
    for name in ("car", "arrival_h", "departure_h", "arrival_soc", "need_mwh", "full", "start_mwh"):
        assert np.array_equal(getattr(short, name), getattr(long, name)[: len(short.car)])


@pytest.mark.parametrize("other", [{"seed": 4, "connection": 2}, {"seed": 3, "connection": 1}])
def test_seeds_and_connections_have_cars_of_their_own(other):
    fleet = EvFleet(cars=20)
    one, another = draw_cars(fleet, days=1, seed=3, connection=2), draw_cars(fleet, days=1, **other)
    assert not np.isin(one.arrival_h, another.arrival_h).any()


def test_impossible_hours_are_refused():
    with pytest.raises(StudyError, match="leave earlier or arrive later"):
        draw_cars(EvFleet(cars=1, arrival_mean_h=8, departure_mean_h=17, **NO_SPREAD), days=1, seed=1, connection=0)


def test_a_fleet_without_cars_is_refused():
    with pytest.raises(ValidationError):
        EvFleet(cars=0)


# ---- three cars by hand --------------------------------------------------------------------------------------


def test_limits_by_hand(three):
    # The hurried car has 3.5 h for 3 MWh and is there for half of the hour.
    assert three.limits(18) == (0, 1.5)
    assert three.limits(17) == (0, 0)
    assert three.limits(32) == (0, 0)


def test_envelope_by_hand(three):
    ahead = three.envelope(18, 8)
    assert ahead.min_mwh.tolist() == [0, 1, 2, 4, 4.5, 4.5, 4.5, 4.5]
    assert ahead.max_mwh.tolist() == [1.5, 3.5, 4.5, 6, 6.5, 6.5, 6.5, 6.5]
    assert ahead.max_p_mw.tolist() == [1.5, 2, 2, 3, 1.5, 1, 1, 1]


def test_the_fill_at_the_end_of_the_day_raises_the_least(three):
    # At midnight two cars are gone, and the third may have anything between 0 and 2 MWh.
    assert three.envelope(18, 8, end_fill=0.75).min_mwh.tolist() == [0, 1, 2, 4, 4.5, 6, 4.5, 4.5]


def test_a_fleet_that_has_fallen_behind_does_what_it_can():
    charging = Charging(by_hand((18, 32, 4)))
    assert charging.envelope(18, 6, end_fill=1).min_mwh[-1] == 4
    assert charging.envelope(22, 2, end_fill=1).min_mwh.tolist() == [0, 2]


def test_what_was_charged_before_counts():
    charging = Charging(by_hand((-2, 3, 4), start=[1.5]))
    assert charging.limits(0) == (0.5, 1)
    assert charging.uncontrolled().tolist() == [1, 1, 0.5] + [0] * 45


def test_least_laxity_by_hand(three):
    # Car 0 could wait 12 h, car 1 half an hour; car 2 has not arrived.
    assert three.disaggregate(18, 0.25).tolist() == [0, 0.25, 0]
    assert three.disaggregate(18, 0.75).tolist() == [0.25, 0.5, 0]
    three.charge(18, np.array([0.25, 0.25, 0]))
    # Car 1 still needs 2.75 MWh in 3 h.
    assert three.limits(19) == (0.75, 2)
    assert three.disaggregate(19, 0).tolist() == [0, 0.75, 0]


def test_what_must_be_charged_comes_before_laxity():
    # Both have less than an hour left to wait: 0.4 h and 0.25 h.
    charging = Charging(by_hand((18, 24, 5.6), (18, 20, 1.75)))
    assert charging.limits(18) == (pytest.approx(0.6 + 0.75), 2)
    assert charging.disaggregate(18, 1.45) == pytest.approx([0.6, 0.85])


def test_a_car_cannot_wait_while_it_is_away():
    # The second has 3.5 h for 3 MWh from half past on: 0.5 h to wait, where the first has 0.75 h.
    charging = Charging(by_hand((18, 24, 5.25), (18.5, 22, 3)))
    assert charging.disaggregate(18, 0.5).tolist() == [0.25, 0.25]


def test_of_equally_urgent_cars_the_first_comes_first():
    # Round-off does not decide.
    charging = Charging(by_hand((18, 24, 1.1), (18, 24, 1.1 + 1e-12), (18, 24, 1.1)))
    assert charging.disaggregate(18, 1.5).tolist() == [1, 0.5, 0]


@pytest.mark.parametrize("p_mw", [-1.0, 9.0])
def test_the_fleet_does_not_leave_its_limits(three, p_mw):
    assert three.disaggregate(18, p_mw).sum() == (0 if p_mw < 0 else 1.5)


@pytest.mark.parametrize("power", [[1.1, 0, 0], [0, 0.6, 0], [0, 0, 0.1], [-0.1, 0, 0], [np.nan, 0, 0]])
def test_impossible_charging_is_refused(three, power):
    with pytest.raises(ValueError, match="step 18"):
        three.charge(18, np.array(power))
    assert not three.charged_mwh.any()


def test_a_car_that_is_not_given_what_it_must_have_is_refused(three):
    three.charge(18, np.zeros(3))
    with pytest.raises(ValueError, match="step 19"):
        three.charge(19, np.zeros(3))


# ---- any fleet, any charging within the limits ---------------------------------------------------------------


@given(fleets(), st.integers(0, 9))
def test_every_car_leaves_as_full_as_it_could_have_been(drawn, seed):
    fleet, cars = drawn
    charging, power = charged_at_random(cars, seed)
    gone = cars.departure_h <= 24 * cars.days
    charged = charging.charged_mwh
    assert charged[gone] == pytest.approx(cars.need_mwh[gone], abs=1e-12)
    soc = cars.arrival_soc + charged * fleet.efficiency / fleet.max_e_mwh
    stay_h = cars.departure_h - cars.arrival_h
    possible = cars.arrival_soc + stay_h * fleet.max_p_mw * fleet.efficiency / fleet.max_e_mwh
    assert soc[gone] == pytest.approx(np.minimum(fleet.target_soc, possible)[gone], abs=1e-9)
    assert soc[gone & cars.full] == pytest.approx(fleet.target_soc, abs=1e-9)
    # What was drawn from the grid is what the cars have.
    by_car = np.bincount(cars.car, charged - cars.start_mwh, cars.cars)
    assert power.sum(axis=0) == pytest.approx(by_car, abs=1e-12)


@given(fleets(), st.integers(0, 9))
def test_no_car_charges_more_than_its_stay_allows(drawn, seed):
    _, cars = drawn
    _, power = charged_at_random(cars, seed)
    for hour, row in enumerate(power):
        plugged = np.zeros(cars.cars)
        for car, arrival, departure in zip(cars.car, cars.arrival_h, cars.departure_h, strict=True):
            plugged[car] += max(min(departure, hour + 1) - max(arrival, hour), 0)
        assert (row >= 0).all()
        assert (row <= cars.max_p_mw * plugged + 1e-12).all()


@given(fleets(), st.integers(0, 9), st.integers(0, 30))
def test_the_envelope_is_that_of_each_car_alone(drawn, seed, hours):
    _, cars = drawn

    def watch(hour, charging):
        if hour % 7:
            return
        ahead = charging.envelope(hour, hours)
        soon, late = np.zeros(hours), np.zeros(hours)
        for stay in range(len(cars.car)):
            one_soon, one_late = curves(cars, stay, charging.charged_mwh[stay], hour, hours)
            soon, late = soon + one_soon, late + one_late
        assert ahead.max_mwh == pytest.approx(soon, abs=1e-12)
        assert ahead.min_mwh == pytest.approx(late, abs=1e-12)

    charged_at_random(cars, seed, watch)


def curves(cars, stay, charged, hour, hours):
    """Return energy charged as soon and as late as possible by the end of each hour, stepping hour by hour."""
    arrival, departure = cars.arrival_h[stay], cars.departure_h[stay]
    last = max(hour + hours, int(np.ceil(departure)))
    room = [cars.max_p_mw * max(min(departure, h + 1) - max(arrival, h), 0) for h in range(hour, last)]
    rest = cars.need_mwh[stay] - charged if departure > hour else 0.0
    soon, late = [], []
    left = rest
    for r in room:
        soon.append(min(r, left))
        left -= soon[-1]
    left = rest
    for r in reversed(room):
        late.append(min(r, left))
        left -= late[-1]
    return np.cumsum(soon)[:hours], np.cumsum(late[::-1])[:hours]


@given(fleets(), st.integers(0, 9))
def test_the_envelope_is_exact_now_and_holds_whatever_follows(drawn, seed):
    _, cars = drawn
    hours, seen = 24 * cars.days, []

    def watch(hour, charging):
        ahead = charging.envelope(hour, hours - hour)
        assert (ahead.min_mwh[0], ahead.max_mwh[0]) == pytest.approx(charging.limits(hour), abs=1e-12)
        assert ahead.max_p_mw[0] == pytest.approx(ahead.max_mwh[0], abs=1e-12)
        seen.append(ahead)

    _, power = charged_at_random(cars, seed, watch)
    for hour, ahead in enumerate(seen):
        followed = power[hour:].sum(axis=1)
        assert (followed <= ahead.max_p_mw + 1e-12).all()
        assert (followed.cumsum() <= ahead.max_mwh + 1e-12).all()
        assert (followed.cumsum() >= ahead.min_mwh - 1e-12).all()


@given(fleets(), st.integers(0, 9))
def test_the_end_of_the_day_does_not_move_while_it_can_be_reached(drawn, seed):
    fleet, cars = drawn
    midnight, charged = 24 * cars.days, []

    def watch(hour, charging):
        hours = midnight - hour
        if hours <= 24:
            ahead, plain = (charging.envelope(hour, hours, end_fill=fill) for fill in (fleet.start_fill, 0))
            charged.append(
                charging.charged_mwh.sum() + np.array([e[-1] for e in (ahead.min_mwh, plain.min_mwh, plain.max_mwh)])
            )

    charged_at_random(cars, seed, watch)
    wanted, least, most = np.array(charged).T
    assert wanted[0] == pytest.approx(least[0] + fleet.start_fill * (most[0] - least[0]), abs=1e-12)
    assert wanted == pytest.approx(np.clip(wanted[0], least, most), abs=1e-12)


@given(fleets())
def test_uncontrolled_charging_is_the_most_of_every_hour(drawn):
    _, cars = drawn
    charging = Charging(cars)
    baseline = charging.uncontrolled()
    assert baseline.shape == (24 * cars.days,)
    assert (baseline >= 0).all()
    for hour, expected in enumerate(baseline):
        power = charging.disaggregate(hour, np.inf)
        assert power.sum() == pytest.approx(expected, abs=1e-12)
        charging.charge(hour, power)
        # It does not depend on what has been charged.
        if hour == 20:
            assert np.array_equal(charging.uncontrolled(), baseline)


@given(fleets())
def test_charging_late_leaves_the_evening_to_the_night(drawn):
    _, cars = drawn
    late = Charging(cars)
    for hour in range(24 * cars.days):
        late.charge(hour, late.disaggregate(hour, 0.0))
    sessions = np.arange(len(cars.car))
    end = 24.0 * cars.days
    least = np.maximum(cars.least_by(end, sessions), cars.start_mwh)
    assert late.charged_mwh == pytest.approx(np.where(cars.departure_h <= end, cars.need_mwh, least), abs=1e-12)


def test_the_same_seed_charges_the_same_cars():
    runs = [charged_at_random(draw_cars(EvFleet(cars=30), days=3, seed=5, connection=1), 2)[1] for _ in range(2)]
    assert np.array_equal(*runs)


def test_a_fleet_of_thousands_charges_like_its_cars():
    cars = draw_cars(EvFleet(cars=3500), days=2, seed=1, connection=0)
    charging, power = charged_at_random(cars, 1)
    assert power.shape == (48, 3500)
    gone = cars.departure_h <= 48
    assert charging.charged_mwh[gone] == pytest.approx(cars.need_mwh[gone], abs=1e-12)
