"""Profiles of market days from series: columns, units, zones, and rules for forecasts; numbers checkable by eye."""

import numpy as np
import pandas as pd
import pytest

from sim.calendar import Calendar
from sim.columns import ProfileSpec
from sim.errors import StudyError
from sim.forecasts import SeriesProfiles
from sim.scenarios import forecast

ZONE = "America/Los_Angeles"
PLAIN = ("demand_pu", "price_per_mwh", "retail_price_per_mwh", "wind_pu", "pv_pu")


@pytest.fixture
def profiles(tmp_path, grid33):
    """Write thirty days of hours from 5 October 2015, a Monday, change them, and read them as a study's profiles."""
    index = pd.date_range("2015-10-05", "2015-11-04", freq="h", tz=ZONE, inclusive="left")
    sun = np.maximum(np.cos((index.hour - 12.5) * np.pi / 12), 0)
    table = pd.DataFrame(dict.fromkeys(PLAIN, 0.5) | {"time": index.map(pd.Timestamp.isoformat), "pv_pu": sun})
    table["demand_actual_mw"] = grid33.load_p_mw.sum() * (0.2 + 0.02 * index.hour + 0.001 * index.dayofyear)

    def _profiles(change=lambda table: None, first_day="2015-10-31", **spec):
        path = tmp_path / "year.csv"
        changed = table.copy()
        change(changed)
        changed.to_csv(path, index=False)
        calendar = Calendar(time_zone=ZONE, first_day=first_day)
        return SeriesProfiles(ProfileSpec(**({"file": str(path), "time": "time"} | spec)), calendar, grid33)

    return _profiles


def refusal(call, *arguments, **options):
    with pytest.raises(StudyError) as refused:
        call(*arguments, **options)
    return str(refused.value)


ACTUAL = {"demand_pu": "demand_actual_mw"}


def demand_on(day, hours):
    """Demand of the file at hours of the clock of a day, as a fraction of the nominal one."""
    return 0.2 + 0.02 * np.asarray(hours) + 0.001 * pd.Timestamp(day).dayofyear


def test_days_have_their_own_forecasts_and_actuals(profiles):
    read = profiles(actual=ACTUAL)
    for day, steps in ((1, 24), (2, 25), (3, 24)):
        expected = read.profiles(day)
        assert all(len(getattr(expected, name)) == steps for name in PLAIN)
        assert list(read.actual(day)) == ["demand_pu"]
    assert read.actual(2)["demand_pu"] == pytest.approx(demand_on("2015-11-01", [0, 1, *range(1, 24)]))


def test_power_is_a_fraction_of_what_it_belongs_to(profiles, grid33):
    def in_kw(table):
        table["demand_kw"] = 1000 * 0.75 * grid33.load_p_mw.sum()
        table["wind_mw"] = 0.25 * 4.56
        table["price_per_kwh"] = 0.04

    read = profiles(in_kw, demand_pu="demand_kw", wind_pu="wind_mw", price_per_mwh="price_per_kwh").profiles(1)
    assert read.demand_pu == pytest.approx(np.full(24, 0.75))
    assert read.wind_pu == pytest.approx(np.full(24, 0.25))
    assert read.price_per_mwh == pytest.approx(np.full(24, 40))


@pytest.mark.parametrize(
    ("column", "factor", "parts"),
    [
        ("demand_mw", 1000 * 3.715, ["demand_mw", "1e+03 times", "3.71 MW", "demand_kw"]),
        ("demand_kw", 3.715, ["demand_kw", "0.001 times", "kW, MW or GW"]),
        ("demand_per_mwh", 1, ["$/mwh", "_pu"]),
        ("nowhere", None, ["profiles.demand_pu", "'nowhere'", "does not exist", "wind_pu"]),
    ],
)
def test_a_demand_in_another_unit_is_refused(profiles, column, factor, parts):
    def change(table):
        if factor is not None:
            table[column] = float(factor)

    message = refusal(profiles, change, demand_pu=column)
    for part in ["year.csv", *parts]:
        assert part in message


def test_output_above_capacity_is_refused_with_its_time(profiles):
    def change(table):
        table.loc[30, "wind_pu"] = 1.2

    message = refusal(profiles, change)
    for part in ("profiles.wind_pu", "year.csv", "1.2 at 2015-10-06 06:00", "capacity between 0 and 1"):
        assert part in message


def test_sunshine_of_another_zone_is_refused(profiles):
    def ten_hours_late(table):
        table["pv_pu"] = np.roll(table["pv_pu"], 10)

    message = refusal(profiles, ten_hours_late)
    for part in ("profiles.pv_pu", "22:", ZONE, "calendar.time_zone"):
        assert part in message


def test_gaps_are_refused_or_filled_as_the_user_says(profiles):
    def change(table):
        table.loc[table["time"].str.startswith(("2015-10-31T04", "2015-10-31T05")), "demand_actual_mw"] = np.nan

    message = refusal(profiles(change, actual=ACTUAL).actual, 1)
    for part in ("profiles.actual.demand_pu", "gap of 2 h from 2015-10-31 04:00", "profiles.fill_gaps_h to 2"):
        assert part in message
    filled = profiles(change, actual=ACTUAL, fill_gaps_h=2).actual(1)["demand_pu"]
    assert filled == pytest.approx(demand_on("2015-10-31", range(24)))


# ---- rules ---------------------------------------------------------------------------------------------------


def test_persistence_is_the_day_before_on_the_clock(profiles):
    read = profiles(actual=ACTUAL, forecast_rule="persistence")
    assert read.profiles(1).demand_pu == pytest.approx(demand_on("2015-10-30", range(24)))
    assert read.profiles(2).demand_pu == pytest.approx(demand_on("2015-10-31", [0, 1, *range(1, 24)]))
    after = read.profiles(3).demand_pu  # of the hour that 1 November shows twice, the later one
    assert after == pytest.approx(demand_on("2015-11-01", range(24)))


def test_weekly_mean_is_of_days_of_the_same_kind(profiles):
    read = profiles(actual=ACTUAL, forecast_rule="weekly_mean")
    mean = np.mean([demand_on(f"2015-10-{day}", range(24)) for day in (10, 17, 24)], axis=0)  # Saturdays of the file
    assert read.profiles(1).demand_pu == pytest.approx(mean)
    working = [day for day in pd.date_range("2015-10-05", "2015-11-01") if day.dayofweek < 5]  # before Monday
    assert read.profiles(3).demand_pu == pytest.approx(np.mean([demand_on(day, range(24)) for day in working], axis=0))


def test_perfect_forecast_is_what_happens(profiles):
    read = profiles(actual=ACTUAL, forecast_rule="perfect")
    assert read.profiles(2).demand_pu == pytest.approx(read.actual(2)["demand_pu"])


def test_a_rule_needs_something_before_the_first_day(profiles):
    early = {"first_day": "2015-10-05", "actual": ACTUAL}
    message = refusal(profiles(forecast_rule="weekly_mean", **early).profiles, 1)
    for part in ("profiles.forecast_rule", "2015-10-05", "year.csv", "calendar.first_day"):
        assert part in message
    assert "needs 2015-10-04" in refusal(profiles(forecast_rule="persistence", **early).profiles, 1)


# ---- zones ---------------------------------------------------------------------------------------------------


def test_zones_and_units_have_series_of_their_own(profiles, grid33):
    def change(table):
        table["demand_north_pu"], table["wind_6_pu"] = 0.8, 0.1

    zones = ({"buses": [2, 3], "demand_pu": "demand_north_pu"}, {"buses": [6], "wind_pu": "wind_6_pu"})
    expected = forecast(grid33, profiles(change, zones=zones).profiles(1))
    share = expected.demand_mw[0] / grid33.load_p_mw
    north = np.isin(grid33.bus_ids[grid33.load_bus], [2, 3])
    assert share[:, north] == pytest.approx(np.full((24, 2), 0.8))
    assert share[:, ~north] == pytest.approx(np.full((24, 30), 0.5))
    of = dict(zip(grid33.renewable_names, expected.available_mw[0].T, strict=True))
    assert of["wind_6"] == pytest.approx(np.full(24, 0.12))
    assert of["wind_31"] == pytest.approx(np.full(24, 0.6))
    assert of["pv_33"].max() == pytest.approx(0.6, rel=0.01)


def test_a_zone_of_an_unknown_bus_is_refused(profiles):
    message = refusal(profiles, zones=({"buses": [99], "demand_pu": "demand_pu"},))
    for part in ("profiles.zones.0.buses", "99"):
        assert part in message


def test_series_need_a_first_day(grid33):
    with pytest.raises(StudyError, match=r"calendar.first_day: is missing"):
        SeriesProfiles(ProfileSpec(file="year.csv", time="time"), Calendar(), grid33)


@pytest.mark.parametrize(
    "values",
    [
        {"fill_gaps_h": 3},
        {"forecast_rule": "perfect"},
        {"actual": ACTUAL},
        {"time": "time", "forecast_rule": "perfect"},
    ],
)
def test_what_is_for_series_needs_times_and_actuals(values):
    with pytest.raises(ValueError, match=r"time|actual"):
        ProfileSpec(file="day.csv", **values)
