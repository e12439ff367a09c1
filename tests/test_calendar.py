"""Calendar: market days of 23, 24 and 25 hours, steps and periods, and calendars that don't fit."""

import pandas as pd
import pytest
from conftest import STUDIES
from hypothesis import given
from hypothesis import strategies as st

from sim.calendar import PER_HOUR, Calendar
from sim.errors import StudyError
from sim.study_file import read_study

PACIFIC = {"time_zone": "America/Los_Angeles", "first_day": "2015-03-07"}
STUDY33 = STUDIES / "microgrid33.yaml"


def test_the_calendar_of_today_is_naive_hours():
    calendar = Calendar()
    assert calendar.is_hourly
    assert [calendar.steps(day) for day in (1, 2, 300)] == [24, 24, 24]
    assert calendar.hour_ending(1).tolist() == list(range(1, 25))
    assert calendar.hour_ending(1).dtype.kind == "i"
    assert calendar.market_periods(1).tolist() == list(range(24))
    assert str(calendar.times(2)[0]) == "1970-01-02 00:00:00"


@pytest.mark.parametrize("per_hour", PER_HOUR)
@pytest.mark.parametrize(("first_day", "hours"), [("2015-03-07", 23), ("2015-10-31", 25)])
def test_the_second_day_is_that_of_the_clock_change(per_hour, first_day, hours):
    calendar = Calendar(**PACIFIC | {"first_day": first_day}, step_h=f"1/{per_hour}")
    assert [calendar.steps(day) for day in (1, 2, 3)] == [24 * per_hour, hours * per_hour, 24 * per_hour]
    assert [calendar.hours_before(day) for day in (1, 2, 3, 4)] == [0, 24, 24 + hours, 48 + hours]
    times = calendar.times(2)
    assert len(times) == hours * per_hour
    assert times[0].strftime("%H:%M") == "00:00"
    assert (times[-1] + pd.Timedelta(hours=1 / per_hour)).strftime("%H:%M") == "00:00"
    assert calendar.hour_ending(2)[-1] == hours
    assert len(set(times.tz_convert("UTC"))) == len(times)


@given(st.integers(0, 400 * 96), st.sampled_from(PER_HOUR))
def test_every_step_of_the_run_has_a_day(step, per_hour):
    calendar = Calendar(**PACIFIC, step_h=1 / per_hour)
    day, number = calendar.day_of(step)
    assert calendar.steps_before(day) + number == step
    assert 0 <= number < calendar.steps(day)


def test_a_midnight_that_is_skipped_is_the_next_moment():
    calendar = Calendar(time_zone="America/Havana", first_day="2015-03-08")  # 0:00 becomes 1:00
    assert calendar.steps(1) == 23
    assert str(calendar.times(1)[0]) == "2015-03-08 01:00:00-04:00"


def test_bids_hold_for_a_market_period():
    calendar = Calendar(step_h=0.25, market_period_h=0.5)
    assert calendar.settlement_period_h == 0.5
    assert calendar.market_periods(1).tolist() == [k // 2 for k in range(96)]
    assert Calendar(step_h=0.083333).step_h == 1 / 12


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"step_h": 0.4}, "calendar.step_h: must divide an hour"),
        ({"step_h": "x"}, "calendar.step_h: should be a length in hours"),
        ({"step_h": 0}, "calendar.step_h: must be longer than 0"),
        ({"step_h": 0.5, "market_period_h": 0.75}, "calendar: market_period_h 0.75 is no multiple of step_h 0.5"),
        ({"market_period_h": 7}, "calendar: market_period_h 7 does not divide a day of 24 hours"),
        (
            {"step_h": 0.25, "market_period_h": 1, "settlement_period_h": 0.75},
            "calendar: settlement_period_h 0.75 does not divide market_period_h 1",
        ),
        ({"time_zone": "California", "first_day": "2015-03-07"}, "calendar.time_zone: 'California' is no time zone"),
        ({"time_zone": "Europe/Berlin"}, "calendar: first_day is missing"),
        ({"first_day": "9999-12-31"}, "calendar.first_day: input should be less than"),
        (PACIFIC | {"market_period_h": 2}, "calendar: market_period_h 2 does not divide day 2, 2015-03-08, which in"),
        ({"time_zone": "Australia/Lord_Howe", "first_day": "2015-04-05"}, "market_period_h 1 does not divide day 1"),
        ({"zone": "UTC"}, "calendar.zone: unknown key"),
    ],
)
def test_a_calendar_that_does_not_fit_is_refused_in_one_line(values, message):
    changes = ["days=3", *(f"calendar.{key}={value}" for key, value in values.items())]
    with pytest.raises(StudyError) as caught:
        read_study(STUDY33, changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
