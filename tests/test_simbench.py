"""SimBench's own year: series of each load and unit, days of its clock, forecasts, and a study in quarter-hours."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from cli import assert_one_message

from experiments.catalog import list_studies, load_study
from experiments.simulate import run
from grids.simbench import _net_and_series, simbench_year
from sim.errors import StudyError
from sim.instance import Instance

CODE = "1-MV-rural--0-sw"


@pytest.fixture(scope="module")
def rural():
    """Return the instance of the packaged study; the reading of SimBench takes some seconds."""
    pytest.importorskip("simbench")
    return Instance.of(load_study("simbench_rural"))


@pytest.fixture(scope="module")
def absolute():
    """Return SimBench's own series of the net in MW."""
    simbench = pytest.importorskip("simbench")
    net, series = _net_and_series(CODE)
    net = deepcopy(net)
    net["profiles"] = {name: table.copy() for name, table in series.items()}
    return simbench.get_absolute_values(net, profiles_instead_of_study_cases=True)


def begun_on(rural, date, **changes):
    return Instance.of(rural.study.change({"calendar.first_day": date, **changes}))


@pytest.mark.parametrize(
    ("date", "steps", "first_row"),
    [("2016-07-05", 96, 186 * 96 - 4), ("2016-03-27", 92, 86 * 96), ("2016-10-30", 100, 303 * 96 - 4)],
)
def test_loads_and_units_follow_their_own_series_in_local_days(rural, absolute, date, steps, first_row):
    actual = begun_on(rural, date).actual(1)  # in summer the day begins an hour before that of SimBench's clock
    rows = slice(first_row, first_row + steps)
    loads, units = (list(rural.grid.net_rows[kind]) for kind in ("load", "renewable"))
    demand, output = absolute["load", "p_mw"].to_numpy()[rows], absolute["sgen", "p_mw"].to_numpy()[rows]
    assert actual.demand_mw.shape == (1, steps, len(loads))
    assert actual.demand_mw[0] == pytest.approx(demand[:, loads], abs=1e-12)
    assert actual.available_mw[0] == pytest.approx(output[:, units].clip(min=0), abs=1e-12)


def test_pv_of_low_voltage_nets_are_units_and_water_and_biomass_are_given(rural):
    assert [rural.grid.renewable_kinds.count(kind) for kind in ("wind", "pv")] == [6, 92]
    assert rural.grid.given_p_mw.sum() == pytest.approx(0.385 + 0.94)


def test_the_forecast_of_a_day_is_the_day_before_and_prices_repeat(rural):
    before = begun_on(rural, "2016-07-04")
    assert np.array_equal(rural.profiles.demand_pu, before.series.actual(1)["demand_pu"])
    assert np.array_equal(rural.profiles.price_per_mwh, before.profiles.price_per_mwh)
    assert rural.profiles.price_per_mwh.reshape(24, 4).std(axis=1).max() == 0


def test_hours_of_a_coarser_step_are_means_of_quarter_hours(rural):
    hourly = begun_on(rural, "2016-07-05", **{"calendar.settlement_period_h": 1, "calendar.step_h": 1})
    quarters = rural.actual(1).available_mw.reshape(24, 4, -1).mean(axis=1)
    assert hourly.actual(1).available_mw[0] == pytest.approx(quarters, abs=1e-12)


def test_units_on_top_of_the_net_follow_the_commonest_series_of_their_kind(rural):
    more = begun_on(rural, "2016-07-05", **{"fleet.pv": [{"bus": 40, "max_s_mva": 1.0}]})
    columns = simbench_year(CODE, more.grid).columns["pv"]
    assert (len(columns), columns[-1]) == (93, "lv_rural2")  # 37 of the 92 have it


def test_days_that_simbench_does_not_have_are_refused(rural):
    with pytest.raises(StudyError, match=r"SimBench holds 2016-01-01 00:00 to 2016-12-31 23:45.*calendar.first_day"):
        begun_on(rural, "2016-01-01")  # the forecast needs the day before
    with pytest.raises(StudyError, match="SimBench holds"):
        begun_on(rural, "2016-12-31", days=2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"profiles.forecast_rule": None}, "simbench has what happened only: give a forecast_rule"),
        ({"profiles.time": "time"}, "time is for series in a file"),
        ({"grid.case": "microgrid33"}, "name its code as grid.simbench"),
    ],
)
def test_profiles_that_contradict_themselves_are_refused(changes, words):
    with pytest.raises(StudyError, match=words):
        load_study("simbench_rural").change(changes)


def test_without_simbench_the_study_is_listed_and_says_how_to_install_it(ended, monkeypatch):
    _net_and_series.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "simbench", None)
    assert "simbench_rural" in list_studies()
    status, out, err = ended("run", "simbench_rural", "--start", "2016-02-29")
    assert (status, out) == (2, "")
    assert "simbench: SimBench is not installed: pip install simbench" in err
    assert_one_message(err)


@pytest.mark.long
def test_a_day_of_quarter_hours_is_audited_clean(rural):
    done = run(rural.study.change({"bidding": "basic", "policy": "myopic"}))
    assert done.audit().clean
    assert len(done.tables["settlements"]) == 96
    hours = done.tables["bids"].bid_mw.to_numpy().reshape(24, 4)
    assert (hours == hours[:, :1]).all()
    assert pd.Series(done.tables["settlements"].hour).iloc[[0, -1]].tolist() == [0.25, 24.0]
