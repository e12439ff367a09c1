r"""A year of demand, prices, wind and sun for the 33-bus microgrid, from half a year of data and a weather generator.

Data are CAISO's demand (day-ahead forecast and actual) and the day-ahead price of a node at Tehachapi in the second
half of 2015. Two things are made up, and nobody should take them for data:

- **Wind and sun** of all hours, forecast and actual. Each is a function of a standard normal process

  .. math:: z_t = \sqrt{1-s^2}\, y_t + s\, e_t

  of what is known at gate closure, y, and the error, e, both first-order autoregressions in time. The forecast is the
  mean of the output given y. Sun: Haurwitz's clear sky (1945) for the position of the sun, times a clear-sky index
  between 0.15 and 1, in summer mostly near 1. Wind: a Weibull speed of shape 2, stronger before dawn and in spring,
  through a power curve between 3 and 12 m/s. The s are such that errors are about 10 % of wind and 20 % of PV (root
  mean squares), as in the paper; but they last for hours, and are small at calm, at full wind and in clear sky.
- **Demand and prices of the first half of 2016** repeat days of 2015 of the same weekday: until 9 February the day
  four or eight weeks before, then the one nearest to the mirror image at 20 January, when winter is deepest (a day in
  April repeats one in October). The column ``source_day`` names it.

``python -m sim.weather FILE`` writes the packaged ``microgrid33_year.csv`` anew, byte for byte.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr

from grids.network import FloatArray
from sim.error_model import autoregression
from sim.profiles import read_table

ZONE = "America/Los_Angeles"
LATITUDE, LONGITUDE = 35.0, -118.3
"""Tehachapi, where the node of the prices lies. [degree]"""

SOURCE, FIRST, END = "california_2015h2.csv", "2015-07-02", "2016-07-01"
MIDWINTER = pd.Timestamp("2016-01-20")
SEED = 2015

WEATHER_H = 24.0
"""Time in which the correlation of the weather falls to 1/e. [h]"""

WIND_ERROR, WIND_ERROR_H = 0.11, 6.0
SUN_ERROR, SUN_ERROR_H = 0.7, 4.0
"""Weight s of the error, and the time in which its correlation falls to 1/e. [h]"""


def clear_sky_pu(times: pd.DatetimeIndex) -> FloatArray:
    """Return the mean clear-sky irradiance of an hour on the ground, as a fraction of 1000 W/m².

    Position of the sun by Cooper's declination and Spencer's equation of time, irradiance by Haurwitz.

    Parameters
    ----------
    times : DatetimeIndex
        Beginning of each hour, with its zone.
    """
    quarters = [times.tz_convert("UTC") + pd.Timedelta(minutes=minute) for minute in (7.5, 22.5, 37.5, 52.5)]
    return np.asarray(np.mean([_haurwitz(np.cos(_zenith(each))) for each in quarters], axis=0), dtype=np.float64)


def _zenith(utc: pd.DatetimeIndex) -> FloatArray:
    """Return the zenith angle of the sun. [rad]"""
    day = utc.dayofyear.to_numpy(dtype=np.float64)
    hour = utc.hour.to_numpy() + utc.minute.to_numpy() / 60 + utc.second.to_numpy() / 3600
    turn = 2 * np.pi * (day - 1) / 365
    equation_of_time = (  # of days, in minutes
        229.18
        * (
            0.000075
            + 0.001868 * np.cos(turn)
            - 0.032077 * np.sin(turn)
            - 0.014615 * np.cos(2 * turn)
            - 0.040849 * np.sin(2 * turn)
        )
    )
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day) / 365)
    hour_angle = np.radians(15 * (hour + LONGITUDE / 15 + equation_of_time / 60 - 12))
    latitude = np.radians(LATITUDE)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(np.arccos(height), dtype=np.float64)


def _haurwitz(cosine: FloatArray) -> FloatArray:
    up = np.maximum(cosine, 1e-3)
    return np.asarray(np.where(cosine > 0, 1.098 * up * np.exp(-0.059 / up), 0.0), dtype=np.float64)


def pv_pu(deviate: FloatArray, times: pd.DatetimeIndex) -> FloatArray:
    """Return the output of PV as a fraction of capacity, for standard normal deviates of the clear-sky index."""
    summer = np.cos(2 * np.pi * (times.dayofyear.to_numpy() - 200) / 365)
    clearness = 1 - 0.85 * ndtr(-deviate) ** (3.5 + 1.5 * summer)
    return np.asarray(0.9 * clear_sky_pu(times) * clearness, dtype=np.float64)


def wind_pu(deviate: FloatArray, times: pd.DatetimeIndex) -> FloatArray:
    """Return the output of wind turbines as a fraction of capacity, for standard normal deviates of the wind."""
    night = np.cos(2 * np.pi * (times.hour.to_numpy() - 4) / 24)
    spring = np.cos(2 * np.pi * (times.dayofyear.to_numpy() - 135) / 365)
    scale = 8 * (1 + 0.25 * night + 0.1 * spring)
    speed = scale * np.sqrt(-np.log(np.maximum(ndtr(-deviate), 1e-12)))
    return np.asarray(np.clip((speed**3 - 27) / (12**3 - 27), 0, 1), dtype=np.float64)


def weather(times: pd.DatetimeIndex, *, seed: int = SEED) -> pd.DataFrame:
    """Return forecast and actual output of wind and sun at every hour, as fractions of capacity.

    Parameters
    ----------
    times : DatetimeIndex
        Beginning of each hour, with its zone.
    seed : int
        Seed of the generator.
    """
    deviates = iter(np.random.default_rng(seed).standard_normal((4, len(times))))
    nodes, weights = np.polynomial.hermite_e.hermegauss(31)
    columns = {}
    for kind, output, weight, error_h in (
        ("wind", wind_pu, WIND_ERROR, WIND_ERROR_H),
        ("pv", pv_pu, SUN_ERROR, SUN_ERROR_H),
    ):
        known = np.sqrt(1 - weight**2) * autoregression(next(deviates), step_h=1, correlation_time_h=WEATHER_H)
        error = weight * autoregression(next(deviates), step_h=1, correlation_time_h=error_h)
        cases = [output(known + weight * node, times) for node in nodes]
        columns[f"{kind}_forecast_pu"] = np.average(cases, axis=0, weights=weights)
        columns[f"{kind}_actual_pu"] = output(known + error, times)
    return pd.DataFrame(columns, index=times)


def source_day(day: pd.Timestamp, last: pd.Timestamp) -> pd.Timestamp:
    """Return the day of the data that stands for a day: itself up to the last one, or one of the same weekday.

    Examples
    --------
    >>> str(source_day(pd.Timestamp("2016-03-13"), pd.Timestamp("2015-12-31")).date())  # a Sunday, as is the other
    '2015-11-29'
    """
    mirror = MIDWINTER - (day - MIDWINTER)
    if mirror >= last:
        while day > last:
            day -= pd.Timedelta(weeks=4)
        return day
    near = [mirror + pd.Timedelta(days=shift) for shift in (0, -1, 1, -2, 2, -3, 3)]
    return next(each for each in near if each.dayofweek == day.dayofweek)


def retail_price_per_mwh(times: pd.DatetimeIndex) -> FloatArray:
    """Return the retail price in the windows of PG&E's schedule E-6, at the prices of `microgrid33` all year. [$/MWh]

    Peak on working days from May to October from 13 to 19 h, part-peak from 10 to 13 and 19 to 21 h, of weekends then
    from 17 to 20 h, of working days in winter from 17 to 20 h.
    """
    hour, working = times.hour.to_numpy(), times.dayofweek.to_numpy() < 5
    summer = np.isin(times.month.to_numpy(), range(5, 11))
    evening = (hour >= 17) & (hour < 20)
    peak = summer & working & (hour >= 13) & (hour < 19)
    part = np.where(summer & working, (hour >= 10) & (hour < 21), evening & (summer | working))
    return np.select([peak, part.astype(bool)], [190.35, 77.42], 38.71)


def year() -> pd.DataFrame:
    """Return the year of the 33-bus microgrid, 2 July 2015 to 30 June 2016, a row per hour."""
    data = read_table(SOURCE)
    data.index = pd.DatetimeIndex(pd.to_datetime(data.pop("time"), utc=True)).tz_convert(ZONE)
    by_clock = data.set_axis(pd.MultiIndex.from_arrays([data.index.tz_localize(None).normalize(), data.index.hour]))
    by_clock = by_clock[~by_clock.index.duplicated()]
    times = pd.date_range(FIRST, END, freq="h", tz=ZONE, inclusive="left")
    last = by_clock.index[-1][0]
    naive = times.tz_localize(None).normalize()
    days = {day: source_day(day, last) for day in naive.unique()}
    source = naive.map(days)
    filled = by_clock.reindex(pd.MultiIndex.from_arrays([source, times.hour])).set_axis(times)
    filled.update(data)  # of the hour that 1 November shows twice, both
    peak = data["demand_forecast_mw"].max()
    table = pd.DataFrame(
        {
            "demand_forecast_pu": filled["demand_forecast_mw"] / peak,
            "demand_actual_pu": filled["demand_actual_mw"] / peak,
            "price_per_mwh": filled["day_ahead_price_usd_per_mwh"],
            "retail_price_per_mwh": retail_price_per_mwh(times),
        }
    ).join(weather(times))
    table.insert(0, "time", [f"{time:%Y-%m-%dT%H:%M}{time:%z}"[:-2] + ":00" for time in times])
    return table.assign(source_day=source.strftime("%Y-%m-%d"))


def write_year(path: Path) -> None:
    """Write the year of the 33-bus microgrid as CSV."""
    table = year()
    prices = ["price_per_mwh", "retail_price_per_mwh"]
    rounded = table.round({name: 2 if name in prices else 4 for name in table.columns[1:-1]})
    path.write_text(rounded.to_csv(index=False, lineterminator="\n"), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    import sys

    write_year(Path(sys.argv[1]))
