"""What leaves for other programs: pandapower nets and time series, CSV tables, a market file, xarray."""

import json

import numpy as np
import pandas as pd
import pytest
from cli import OPTIONS, QUICK, accepted

import tieline as tl
from experiments.export import market_file
from sim.errors import StudyError

pytestmark = pytest.mark.usefixtures("in_own_folder")

AUTUMN = {"calendar.time_zone": "America/Los_Angeles", "calendar.first_day": "2015-10-31"}


@pytest.fixture(scope="module")
def networked():
    return tl.run("networked33", coordination="uncoordinated", **QUICK | {"policy": "myopic"})


@pytest.mark.parametrize("name", ["microgrid33", pytest.param("networked33", marks=pytest.mark.slow)])
def test_pandapower_gives_the_metered_flows_of_an_hour(name, request):
    run = request.getfixturevalue("networked") if name == "networked33" else tl.run(name, days=2, **QUICK)
    day, hour = run.study.days, 19
    net = run.to_pandapower(day=day, hour=hour)
    tables = ("buses", "settlements", "lines", "dispatch")
    buses, settled, lines, dispatch = (run.tables[table].query(f"day == {day} and hour == {hour}") for table in tables)
    assert net.res_bus.vm_pu[buses["bus"]].to_numpy() == pytest.approx(buses["vm_pu"].to_numpy(), abs=1e-9)
    assert net.res_ext_grid.p_mw.sum() == pytest.approx(settled["metered_mw"].item(), abs=1e-7)
    assert net.res_line.pl_mw.sum() == pytest.approx(lines["loss_mw"].sum(), abs=1e-7)
    batteries = dispatch[dispatch["kind"] == "battery"]
    assert net.storage.p_mw.to_numpy() == pytest.approx(-batteries["p_mw"].to_numpy())  # pandapower's storage draws


def test_an_hour_that_is_not_there_is_refused():
    with pytest.raises(StudyError, match="day 1, hour 25: the run has no such hour"):
        tl.run("microgrid33", **QUICK).to_pandapower(hour=25)


def test_series_are_those_of_the_net():
    run = tl.run("microgrid33", days=2, **QUICK)
    series, net = run.series(), run.to_pandapower(day=2, hour=5)
    for name, frame in series.items():
        table, column = name.split(".")
        np.testing.assert_array_equal(frame.iloc[24 + 4], net[table][column].loc[frame.columns])
    assert str(series["load.p_mw"].index[28]) == "1970-01-02 04:00:00"


def test_market_file_names_every_interval_of_a_day_of_25_hours():
    study = tl.load_study("microgrid33", days=2, **QUICK).change(AUTUMN)
    run = tl.run(study)
    market = market_file(run)
    assert len(market) == 24 + 25
    assert (market["interval_start"].iloc[1:].to_numpy() == market["interval_end"].iloc[:-1].to_numpy()).all()
    assert market.loc[24 + 1, "interval_start"] == "2015-11-01T01:00:00-07:00"
    assert market.loc[24 + 1, "interval_end"] == "2015-11-01T01:00:00-08:00"
    assert market["interval_end"].iloc[-1] == "2015-11-02T00:00:00-08:00"
    assert market["quantity_mw"].tolist() == run.tables["bids"]["bid_mw"].tolist()
    assert set(market["direction"][market["quantity_mw"] < 0]) <= {"sell"}


def test_a_bid_of_an_hour_stands_once_where_steps_are_shorter():
    study = tl.load_study("microgrid33", **QUICK).change({"calendar.step_h": 0.25})
    market = market_file(tl.run(study))
    assert market["interval_start"].tolist()[:2] == ["00:00", "01:00"]
    assert market["interval_end"].tolist()[-1] == "24:00"


def test_exports_are_part_of_the_folder_or_written_from_it(tmp_path, refused):
    both = ("--export", "csv", "--export", "bids")
    accepted("run", "microgrid33", *OPTIONS, "--figures", "none", "--out", "one", *both)
    there = {file.name: file.read_bytes() for file in (tmp_path / "one" / "export").iterdir()}
    frame = pd.read_csv(tmp_path / "one" / "export" / "buses.csv")
    pd.testing.assert_frame_equal(frame, tl.Run.load("one").tables["buses"])
    assert "clean" in accepted("audit", "one")
    printed = json.loads(accepted("export", "one", "csv", "bids", "--out", "two", "--json"))
    assert {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()} == there
    assert set(printed["files"]) == set(there) >= {"bids_market.csv", "dispatch.csv"}
    assert "--export 'xlsx': use csv or bids" in refused("export", "one", "xlsx", "--out", "three")


def test_tables_become_xarray_as_they_are():
    pytest.importorskip("xarray")
    voltage = tl.run("microgrid33", days=2, **QUICK).tables["buses"].set_index(["day", "hour", "bus"]).to_xarray()
    assert dict(voltage.sizes) == {"day": 2, "hour": 24, "bus": 33}
