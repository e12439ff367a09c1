"""Profiles, networks and fleets of the user's own: sound ones run, faulty ones are refused by name."""

import json

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
import yaml
from cli import FEW, accepted
from conftest import STUDIES

from experiments.catalog import find_study, packaged_studies
from grids.cases.microgrid33 import tables
from sim.instance import Instance
from sim.plausibility import implausible

pytestmark = pytest.mark.usefixtures("in_own_folder")

PROFILES = ("demand_pu", "price_per_mwh", "retail_price_per_mwh", "wind_pu", "pv_pu")


# ---- profiles ------------------------------------------------------------------------------------------------


@pytest.fixture
def study_with_day(tmp_path):
    """Write the packaged study beside a day of its own, spoilt by a function; return the study's file."""

    def _study_with_day(change):
        document = yaml.safe_load((STUDIES / "microgrid33.yaml").read_text(encoding="utf-8"))
        document["profiles"] = {"file": "day.csv"}
        day = pd.DataFrame({name: np.full(24, 0.5) for name in PROFILES}, dtype=object)
        folder = tmp_path / "own"
        folder.mkdir()
        (folder / "mine.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        changed = change(day)
        if changed is not None:
            changed.to_csv(folder / "day.csv", index=False)
        return folder / "mine.yaml"

    return _study_with_day


def at_hour_5(column, value):
    def change(day):
        day.loc[4, column] = value
        return day

    return change


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda day: None, ["profiles.file", "day.csv", "does not exist", "microgrid33_day.csv"]),
        (lambda day: day.drop(columns="wind_pu"), ["profiles.wind_pu", "does not exist", "the file has"]),
        (lambda day: day.iloc[:23], ["23 rows", "24"]),
        (lambda day: day.iloc[:0], ["0 rows", "24"]),
        (at_hour_5("pv_pu", float("nan")), ["profiles.pv_pu", "not a finite number in hour 5 ('nan')"]),
        (at_hour_5("price_per_mwh", "dear"), ["profiles.price_per_mwh", "hour 5", "'dear'"]),
        (at_hour_5("retail_price_per_mwh", "inf"), ["profiles.retail_price_per_mwh", "finite", "hour 5 ('inf')"]),
        (at_hour_5("wind_pu", 50), ["profiles.wind_pu", "50", "hour 5", "between 0 and 1"]),
        (at_hour_5("demand_pu", -0.1), ["profiles.demand_pu", "-0.1", "hour 5"]),
    ],
    ids=["no file", "no column", "short", "empty", "nan", "word", "infinite", "percent", "negative"],
)
def test_bad_profile_is_refused(refused, study_with_day, tmp_path, change, parts):
    message = refused("run", study_with_day(change))
    for part in ("day.csv", *parts):
        assert part in message
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", packaged_studies())
def test_nothing_is_strange_about_packaged_studies(name):
    if name.startswith("simbench"):
        pytest.importorskip("simbench")
    assert implausible(Instance.of(find_study(name))) == []


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("fleet.battery.0.max_e_mwh=1e300", ["fleet.battery.0.max_e_mwh is 1e+300 MWh", "hours of its full power"]),
        ("fleet.battery.0.max_e_mwh=0.001", ["fleet.battery.0.max_e_mwh is 0.001 MWh, 0.00556 hours"]),
        ("fleet.wind.1.max_s_mva=600", ["fleet.wind.1.max_s_mva is 600 MVA", "162 times the nominal demand"]),
        ("grid.tie_line.max_s_mva=10000", ["grid.tie_line.max_s_mva is 10000 MVA", "2,692 times"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_that_hardly_any_case_has_are_warned_of(change, parts):
    (told,) = implausible(Instance.of(find_study("microgrid33", overrides=[change])))
    for part in parts:
        assert part in told


def test_units_of_microgrids_are_looked_at():
    (told,) = implausible(Instance.of(find_study("networked33", overrides=["fleet.microgrid.0.battery.max_e_mwh=90"])))
    assert told == "fleet.microgrid.0.battery.max_e_mwh is 90 MWh, 3e+03 hours of its full power"


@pytest.mark.parametrize(
    ("column", "times", "told"),
    [
        ("demand_pu", 6, "profiles.demand_pu is 3 in hour 1: so many times the nominal demand of the network"),
        ("price_per_mwh", 0.1, "profiles.price_per_mwh is at most 0.05 $/MWh: is it in $/kWh?"),
        ("retail_price_per_mwh", 1e5, "profiles.retail_price_per_mwh reaches 50000 $/MWh"),
    ],
)
def test_strange_profiles_are_warned_of_on_standard_error(ended, study_with_day, column, times, told):
    def change(day):
        usual = dict.fromkeys(("price_per_mwh", "retail_price_per_mwh"), 100) | {column: times}
        return day.assign(**{name: day[name] * factor for name, factor in usual.items()})

    study = study_with_day(change)
    status, out, err = ended("bid", study, *FEW, "--bidding", "basic", "--csv")
    assert (status or 0) == 0
    assert out.startswith("hour_ending,bid_mw\n")
    assert err == f"warning: {told}\n"


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_columns_separated_by_something_else_are_refused(refused, study_with_day, mark, name, decimal):
    study = study_with_day(lambda day: day)
    day = pd.read_csv(study.parent / "day.csv")
    day.to_csv(study.parent / "day.csv", index=False, sep=mark, decimal=decimal)
    message = refused("run", study)
    for part in ("day.csv", f"{name} separate the columns", "write commas", "decimals with a point"):
        assert part in message


def test_profile_that_is_no_csv_is_refused(refused, study_with_day):
    study = study_with_day(lambda day: day)
    for content in (b"", b'"a', bytes(range(256))):
        (study.parent / "day.csv").write_bytes(content)
        assert "day.csv" in refused("run", study)


# ---- networks and fleets -------------------------------------------------------------------------------------


def meshed(net):
    pp.create_line_from_parameters(net, 18, 33, 1.0, 0.5, 0.5, 0.0, 0.4)


def split(net):
    net.line = net.line[net.line.to_bus != 19]


def two_slacks(net):
    pp.create_ext_grid(net, 33)


def not_a_number(net):
    net.load.loc[net.load.index[0], "p_mw"] = float("nan")


def with_switch_open(net):
    line = net.line.index[17]
    pp.create_switch(net, net.line.from_bus[line], line, et="l", closed=False)


@pytest.mark.parametrize(
    ("fault", "parts"),
    [
        (meshed, ["meshed network", "1 line(s) too many"]),
        (split, ["split network", "no path from the tie line", "19, 20, 21, 22"]),
        (two_slacks, ["exactly one ext_grid", "found 2"]),
        (not_a_number, ["load", "p_mw must be positive"]),
        (with_switch_open, ["open switches", "remove"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_bad_network_is_refused(refused, tmp_path, fault, parts):
    net = tables().to_net()
    fault(net)
    pp.to_json(net, str(tmp_path / "net.json"))
    message = refused("run", "microgrid33", "--set", "grid.case=net.json")
    for part in ("grid.case", "net.json", *parts):
        assert part in message
    assert not (tmp_path / "runs").exists()


def test_sound_network_of_the_users_own_is_bid_for_like_the_packaged_one(tmp_path):
    pp.to_json(tables().to_net(), str(tmp_path / "net.json"))
    own = accepted("bid", "microgrid33", *FEW, "--set", "grid.case=net.json", "--csv")
    assert own == accepted("bid", "microgrid33", *FEW, "--csv")


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("grid.case=microgrid34", ["grid.case", "unknown network 'microgrid34'", "microgrid33"]),
        ("grid.case=none.json", ["grid.case", "'none.json' does not exist"]),
        ("grid.case=words.json", ["grid.case", "words.json' is not a pandapower net"]),
        ("grid.case=object.json", ["grid.case", "object.json' is not a pandapower net"]),
        ("fleet.battery.0.bus=77", ["fleet.battery.0.bus", "unknown bus 77", "1..33"]),
        ("fleet.wind.1.bus=0", ["fleet.wind.1.bus", "unknown bus 0", "1..33"]),
    ],
)
def test_unknown_network_or_bus_is_refused(refused, tmp_path, key, parts):
    (tmp_path / "words.json").write_text("no net")
    (tmp_path / "object.json").write_text('{"a": 1}')
    message = refused("run", "microgrid33", "--set", key)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("kinds", [("battery",), ("wind", "pv"), ("wind", "pv", "battery")], ids=" ".join)
def test_a_fleet_may_lack_any_kind(kinds):
    empty = [word for kind in kinds for word in ("--set", f"fleet.{kind}=[]")]
    assert len(json.loads(accepted("bid", "microgrid33", *FEW, *empty, "--json"))["bids_mw"]) == 24
