"""Series with a time column: times of the clock, gaps, steps and units; numbers checkable by eye."""

import numpy as np
import pandas as pd
import pytest

from sim.errors import StudyError
from sim.series import read_series, unit_of

ZONE = "America/Los_Angeles"


def series(times, values=None, **options):
    table = pd.DataFrame({"time": times, "x_mw": np.arange(float(len(times))) if values is None else values})
    return read_series(table, "time", **({"zone": ZONE, "file": "own.csv", "columns": ["x_mw"]} | options))


def hours(day, count=24, form="%Y-%m-%d %H:%M"):
    """Times of a day as text, on the clock and without offset."""
    return list(pd.date_range(day, periods=count, freq="h").strftime(form))


def aware(day, end, freq="h"):
    """Times from a day to another with their offsets, as text."""
    return [time.isoformat() for time in pd.date_range(day, end, freq=freq, tz=ZONE, inclusive="left")]


def day_of(day, freq="h"):
    start = pd.Timestamp(day, tz=ZONE)
    return pd.date_range(start, start + pd.DateOffset(days=1), freq=freq, inclusive="left")


def refusal(*arguments, **options):
    with pytest.raises(StudyError) as refused:
        series(*arguments, **options)
    return str(refused.value)


# ---- times ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "times",
    [
        hours("2015-07-02"),
        aware("2015-07-02", "2015-07-03"),
        list(pd.date_range("2015-07-02 07:00", periods=24, freq="h").strftime("%Y-%m-%dT%H:%MZ")),
        pd.date_range("2015-07-02", periods=24, freq="h", tz=ZONE).tz_convert("UTC"),  # as Parquet has them
        pd.date_range("2015-07-02", periods=24, freq="h"),
    ],
)
def test_times_may_be_of_the_clock_with_offset_or_in_utc(times):
    read = series(times)
    assert read.step_h == 1
    assert list(read.values("x_mw", day_of("2015-07-02"), "profiles.demand_pu")) == list(range(24))


def test_time_may_mark_the_end_of_a_step():
    read = series(list(pd.date_range("2015-07-02 00:15", periods=96, freq="15min").astype(str)), marks="end")
    assert read.step_h == 0.25
    assert read.table.index[0] == pd.Timestamp("2015-07-02 00:00", tz=ZONE)


@pytest.mark.parametrize(("day", "count"), [("2015-11-01", 25), ("2016-03-13", 23), ("2015-07-02", 24)])
@pytest.mark.parametrize("with_offset", [True, False])
def test_a_day_has_as_many_hours_as_its_clock(day, count, with_offset):
    times = [time.isoformat() if with_offset else f"{time:%Y-%m-%dT%H:%M}" for time in day_of(day)]
    assert len(times) == count
    assert list(series(times).values("x_mw", day_of(day), "profiles.demand_pu")) == list(range(count))


def test_quarter_hours_of_the_hour_shown_twice_keep_their_order():
    times = [f"{time:%Y-%m-%d %H:%M}" for time in day_of("2015-11-01", "15min")]
    assert list(series(times).values("x_mw", day_of("2015-11-01", "15min"), "x")) == list(range(100))


def test_24_rows_for_a_day_of_25_hours_are_refused():
    message = refusal(hours("2015-11-01"))
    for part in (
        "own.csv",
        "'time'",
        "2015-11-01 01:00 once (row 2)",
        "25 hours",
        "24 rows",
        "write offsets from UTC",
    ):
        assert part in message
    read = series([time for time in aware("2015-11-01", "2015-11-02") if "T01:00:00-08" not in time])
    with pytest.raises(StudyError, match=r"gap of 1 h from 2015-11-01 01:00 on"):
        read.values("x_mw", day_of("2015-11-01"), "profiles.demand_pu")


@pytest.mark.parametrize(
    ("times", "parts"),
    [
        (hours("2016-03-13"), ["2016-03-13 02:00 in row 3", "leaves out", "23 hours", "calendar.time_zone"]),
        ([f"2015-07-02T{hour:02}:00-05:00" for hour in range(24)], ["-05:00 in row 1", ZONE, "-0700", "-0800"]),
        (hours("2015-07-02")[:5] + hours("2015-07-02")[4:], ["2015-07-02 04:00 twice", "row 6", "once"]),
        (hours("2015-07-02")[:5] + hours("2015-07-02"), ["2015-07-02 00:00 twice", "row 6"]),
        (hours("2015-07-03") + hours("2015-07-02"), ["2015-07-02 00:00 in row 25 after 2015-07-03 23:00", "sort"]),
        ([*hours("2015-07-02")[:5], "2015-07-02 04:20"], ["04:20 in row 6", "every step"]),
        ([*hours("2015-07-02")[:4], "noon"], ["no time in row 5", "'noon'", "2015-07-02T00:00-07:00"]),
        ([*hours("2015-07-02")[:4], "2015-07-02T04:00-07:00"], ["with an offset", "without", "row 1", "one way"]),
        (list(range(24)), ["holds numbers (0)", "write times"]),
        (["2015-07-02 00:00"], ["1 rows", "two"]),
        (["2015-07-02 00:00", "2015-07-02 00:07", "2015-07-02 00:14"], ["0 days 00:07:00", "15 minutes"]),
    ],
)
def test_bad_times_are_named_with_row_and_remedy(times, parts):
    message = refusal(times)
    for part in ["profiles.time", "own.csv", *parts]:
        assert part in message


def test_times_of_one_offset_all_year_are_taken():
    # Many archives stay in winter time.
    times = list(pd.date_range("2015-07-01 23:00", periods=24, freq="h").strftime("%Y-%m-%dT%H:%M-08:00"))
    assert series(times).table.index[0] == pd.Timestamp("2015-07-02", tz=ZONE)


def test_what_is_no_number_is_refused_and_what_is_empty_is_a_gap():
    message = refusal(hours("2015-07-02"), [1.0] * 5 + ["much"] + [1.0] * 18)
    for part in ("'x_mw' of own.csv", "row 6", "2015-07-02 05:00", "'much'", "leave it empty"):
        assert part in message
    assert "row 6" in refusal(hours("2015-07-02"), [1.0] * 5 + [np.inf] + [1.0] * 18)
    assert series(hours("2015-07-02"), [1.0] * 5 + [None] + [1.0] * 18).table["x_mw"].isna().sum() == 1


# ---- gaps ----------------------------------------------------------------------------------------------------


def with_gap(*missing):
    """Two days whose values are their hours, without some of these."""
    times = hours("2015-07-02", 48)
    return series(
        [time for hour, time in enumerate(times) if hour not in missing], np.delete(np.arange(48.0), missing)
    )


def test_a_gap_is_refused_unless_the_user_says_how_long_one_may_be():
    read, day = with_gap(4, 5, 6), day_of("2015-07-02")
    for longest_h in (0, 2):
        with pytest.raises(StudyError) as refused:
            read.filled(longest_h).values("x_mw", day, "profiles.demand_pu")
        for part in ("profiles.demand_pu", "own.csv", "3 h from 2015-07-02 04:00", "profiles.fill_gaps_h to 3"):
            assert part in str(refused.value)
    assert read.filled(3).values("x_mw", day, "profiles.demand_pu") == pytest.approx(np.arange(24))


@pytest.mark.parametrize("missing", [(22, 23), (23, 24), (23,), (24,)])
def test_a_gap_over_gate_closure_is_never_filled(missing):
    read = with_gap(*missing).filled(12)
    with pytest.raises(StudyError, match=r"over midnight, when the bid closes"):
        read.values("x_mw", day_of(f"2015-07-0{2 + missing[0] // 24}"), "profiles.demand_pu")


def test_a_day_beyond_the_file_is_refused():
    with pytest.raises(StudyError) as refused:
        series(hours("2015-07-02")).values("x_mw", day_of("2015-07-03"), "profiles.demand_pu")
    for part in ("2015-07-02 00:00 to 2015-07-02 23:00", "needs 2015-07-03", "lower days", "calendar.first_day"):
        assert part in str(refused.value)


# ---- steps and units -----------------------------------------------------------------------------------------


def test_coarser_steps_are_means_and_finer_ones_repeat():
    quarters = series(list(pd.date_range("2015-07-02", periods=96, freq="15min").astype(str)))
    assert list(quarters.at_step(1).table["x_mw"][:2]) == [1.5, 5.5]
    assert list(quarters.at_step(1 / 12).table["x_mw"][:4]) == [0, 0, 0, 1]
    assert list(series(hours("2015-07-02")).at_step(0.25).table["x_mw"][-4:]) == [23] * 4
    gap = quarters.table.copy()
    gap.iloc[5] = np.nan
    assert np.isnan(series(gap.index, gap["x_mw"].to_numpy()).at_step(1).table["x_mw"].iloc[1])


@pytest.mark.parametrize("day", ["2015-07-02", "2015-11-01", "2016-03-13"])
@pytest.mark.parametrize("have", [5, 15, 30, 60])
@pytest.mark.parametrize("want", [5, 15, 20, 30, 60])
def test_energy_is_kept(day, have, want):
    times = day_of(day, f"{have}min")
    read = series(times, np.random.default_rng(1).uniform(0, 5, len(times)))
    other = read.at_step(want / 60)
    assert list(other.table.index) == list(day_of(day, f"{want}min"))
    if 60 % np.lcm(have, want) == 0:
        for each in (read, other):
            assert (each.table["x_mw"].sum() * each.step_h) == pytest.approx(read.table["x_mw"].sum() * read.step_h)


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("demand_kw", ("mw", 1e-3)),
        ("wind_north_GW", ("mw", 1e3)),
        ("pv_percent", ("pu", 0.01)),
        ("day_ahead_price_usd_per_mwh", ("per_mwh", 1)),
        ("retail_eur_per_kwh", ("per_mwh", 1000)),
        ("power", ("", 1)),
    ],
)
def test_units_stand_in_the_names(column, unit):
    assert unit_of(column) == unit
