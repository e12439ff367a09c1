"""Weather generator: position of the sun, outputs, errors, and the packaged year byte for byte."""

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from sim.profiles import read_table
from sim.weather import ZONE, clear_sky_pu, source_day, weather, write_year


def test_the_packaged_year_is_written_anew_byte_for_byte(tmp_path):
    write_year(tmp_path / "year.csv")
    packaged = files("sim").joinpath("data", "microgrid33_year.csv")
    assert (tmp_path / "year.csv").read_bytes() == packaged.read_bytes()


def test_the_sun_stands_where_it_should():
    # Tehachapi, 35.0 N 118.3 W: noon at 12:56 in July (UTC-7) and 11:51 in December (UTC-8); heights 78.0 and 31.6.
    for day, noon, height in (("2015-07-02", 12, 78.0), ("2015-12-21", 11, 31.6)):
        times = pd.date_range(day, periods=24, freq="h", tz=ZONE)
        irradiance = clear_sky_pu(times)
        assert abs(int(irradiance.argmax()) - noon) <= 1
        top = 1.098 * np.sin(np.radians(height)) * np.exp(-0.059 / np.sin(np.radians(height)))
        assert irradiance.max() == pytest.approx(top, rel=0.02)
        assert irradiance[0] == 0
    year = pd.date_range("2015-07-02", "2016-07-02", freq="h", tz=ZONE, inclusive="left")
    assert (clear_sky_pu(year) > 0).mean() == pytest.approx(0.5, abs=0.06)  # the day is half the year


def test_outputs_and_errors_are_as_stated():
    made = weather(pd.date_range("2015-07-02", "2017-07-02", freq="h", tz=ZONE, inclusive="left"), seed=7)
    assert made.min().min() >= 0
    assert made.max().max() <= 1
    for kind, error in (("wind", 0.10), ("pv", 0.20)):
        forecast, actual = made[f"{kind}_forecast_pu"], made[f"{kind}_actual_pu"]
        difference = actual - forecast
        assert np.sqrt((difference**2).mean() / (forecast**2).mean()) == pytest.approx(error, rel=0.15)
        assert abs(difference.mean()) < 0.005
        assert difference.autocorr(1) > 0.5
        assert 0.15 < actual.mean() < 0.35
        small = forecast < forecast[forecast > 0].quantile(0.3)
        assert difference[small].std() < 0.3 * difference.std()


def test_days_of_the_second_half_repeat_days_of_the_same_weekday():
    table = read_table("microgrid33_year.csv")
    day, source = pd.to_datetime(table["time"].str[:10]), pd.to_datetime(table["source_day"])
    assert (day.dt.dayofweek == source.dt.dayofweek).all()
    own = day <= "2015-12-31"
    assert (day[own] == source[own]).all()
    assert source.max() == pd.Timestamp("2015-12-31")
    assert source_day(pd.Timestamp("2016-01-20"), source.max()) == pd.Timestamp("2015-12-23")
    march, november = (table["time"].str.startswith(date) for date in ("2016-03-14", "2015-11-30"))
    assert table["price_per_mwh"][march].to_list() == table["price_per_mwh"][november].to_list()


def test_the_first_half_is_the_data():
    table, data = read_table("microgrid33_year.csv"), read_table("california_2015h2.csv")
    assert list(table["time"][: len(data)]) == list(data["time"])
    for name in ("forecast", "actual"):
        own, given = table[f"demand_{name}_pu"][: len(data)], data[f"demand_{name}_mw"] / 49056
        assert own.to_numpy() == pytest.approx(given.to_numpy(), abs=5.1e-5, nan_ok=True)
    assert table["demand_actual_pu"][: len(data)].isna().sum() == 6
