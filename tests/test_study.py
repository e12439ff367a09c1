"""Studies: the packaged ones load, faulty ones are refused with field and remedy, overrides, round trip."""

import shutil
from importlib.resources import files

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
import yaml
from conftest import STUDIES
from hypothesis import given
from hypothesis import strategies as st

from grids.cases.microgrid33 import tables
from sim.errors import StudyError
from sim.instance import Instance
from sim.market.imbalance import RULES
from sim.profiles import load_profiles
from sim.study_file import read_study, write_study

PACKAGED = sorted(STUDIES.glob("*.yaml"))
STUDY33 = STUDIES / "microgrid33.yaml"
OWN_RULE = {"name": "own", "tiers": [{"band": 0.1, "over": 0.3, "under": 0.4}]}


def document():
    return yaml.safe_load(STUDY33.read_text(encoding="utf-8"))


def put(node, path, value):
    """Set the value at a dotted path in nested mappings and lists."""
    *parents, last = path.split(".")
    for key in parents:
        node = node[int(key) if key.isdigit() else key]
    node[int(last) if last.isdigit() else last] = value


@pytest.fixture
def read_with(tmp_path):
    """Read the packaged study with one value replaced."""

    def _read_with(path, value):
        changed = document()
        put(changed, path, value)
        file = tmp_path / "mine.yaml"
        file.write_text(yaml.safe_dump(changed), encoding="utf-8")
        return read_study(file)

    return _read_with


def refusal(action, *arguments):
    """Return the message of the StudyError that the action must raise."""
    with pytest.raises(StudyError) as caught:
        action(*arguments)
    return str(caught.value)


# ---- packaged studies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
def test_packaged_study_loads_and_is_built(path):
    study = read_study(path)
    assert study.name == path.stem
    assert study.description
    assert Instance.of(study).profiles.price_per_mwh.shape == (study.calendar.steps(1),)


def test_there_are_packaged_studies():
    assert {"microgrid33", "microgrid33-export"} <= {path.stem for path in PACKAGED}


def test_microgrid33_is_the_study_of_the_paper(study33, instance33):
    assert study33.grid.tie_line.power_factor_reading == "import_only"
    assert read_study(STUDIES / "microgrid33-export.yaml").grid.tie_line.power_factor_reading == "both_directions"
    assert study33.market.rule == RULES["case1"]
    assert (study33.uncertainty.scenarios, study33.uncertainty.keep) == (1000, 10)
    # Sums of the day that the paper states or implies.
    profiles, forecast = instance33.profiles, instance33.forecast
    demand, available = forecast.demand_mw[0].sum(axis=1), forecast.available_mw[0].sum(axis=1)
    assert profiles.retail_price_per_mwh @ demand == pytest.approx(6705, abs=1)
    assert profiles.price_per_mwh @ demand == pytest.approx(3318, abs=1)
    assert profiles.price_per_mwh @ available == pytest.approx(1867.3, abs=0.5)


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
def test_written_study_reads_back_the_same(path, tmp_path):
    study = read_study(path, ["market.rule=caiso", "fleet.battery.0.min_end_soc=0.3"])
    file = tmp_path / "written.yaml"
    file.write_text(write_study(study), encoding="utf-8")
    assert read_study(file) == study


@given(
    seed=st.integers(0, 2**63 - 1),
    std=st.floats(0, 2),
    capacity=st.floats(1e-9, 1e9),
    description=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
def test_any_values_survive_the_round_trip(study33, tmp_path_factory, seed, std, capacity, description):
    errors = study33.uncertainty.errors.model_copy(update={"wind_std": std})
    study = study33.model_copy(
        update={
            "seed": seed,
            "description": description,
            "uncertainty": study33.uncertainty.model_copy(update={"errors": errors}),
            "grid": study33.grid.model_copy(update={"line_max_s_mva": capacity}),
        }
    )
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(write_study(study), encoding="utf-8", newline="")
    assert read_study(file) == study


# ---- refused -------------------------------------------------------------------------------------------------


def mappings(node, path=""):
    """Yield the dotted path of every mapping in a document (the first item stands for a list)."""
    if isinstance(node, dict):
        yield path
        for key, child in node.items():
            yield from mappings(child, f"{path}.{key}" if path else key)
    elif isinstance(node, list) and node:
        yield from mappings(node[0], f"{path}.0")


def spelled_out():
    """Return the packaged study with every value, and a rule, spelled out."""
    changed = yaml.safe_load(write_study(read_study(STUDY33)))
    changed["market"]["rule"] = OWN_RULE
    return changed


@pytest.mark.parametrize("where", list(mappings(spelled_out())), ids=lambda path: path or "top")
def test_unknown_key_is_refused_at_every_depth(read_with, tmp_path, where):
    changed = node = spelled_out()
    for key in where.split(".") if where else []:
        node = node[int(key) if key.isdigit() else key]
    known = next(iter(node))
    wrong = f"{where}.{known}x" if where else f"{known}x"
    put(changed, wrong, 1)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(changed), encoding="utf-8")
    message = refusal(read_study, file)
    assert str(file) in message
    assert f"{wrong}: unknown key; did you mean '{known}'?" in message


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("name", "no spaces please", ["name: use letters, digits, '_', '.' and '-' only", "got 'no spaces please'"]),
        ("days", "many", ["days", "integer", "'many'"]),
        ("days", 0, ["days", "greater than or equal to 1", "0"]),
        ("seed", -1, ["seed", "greater than or equal to 0", "-1"]),
        ("seed", 1.5, ["seed", "integer", "1.5"]),
        ("fleet", None, ["fleet"]),
        ("fleet.battery", 3, ["fleet.battery", "3"]),
        ("fleet.wind.1.bus", "six", ["fleet.wind.1.bus", "integer", "'six'"]),
        ("fleet.wind.1.max_s_mva", "big", ["fleet.wind.1.max_s_mva", "number", "'big'"]),
        ("fleet.pv.4.max_s_mva", -0.6, ["fleet.pv.4.max_s_mva", "greater than 0", "-0.6", "positive"]),
        ("fleet.pv.4.max_s_mva", 0, ["fleet.pv.4.max_s_mva", "greater than 0"]),
        ("fleet.battery.2.max_s_mva", float("inf"), ["fleet.battery.2.max_s_mva", "finite"]),
        ("fleet.battery.2.max_e_mwh", -1, ["fleet.battery.2.max_e_mwh", "greater than 0", "-1"]),
        ("fleet.battery.2.start_soc", 50, ["fleet.battery.2.start_soc", "50", "fraction", "0.5?"]),
        ("fleet.battery.2.min_end_soc", 50, ["fleet.battery.2.min_end_soc", "50", "fraction", "0.5?"]),
        ("fleet.battery.2.start_soc", 0.1, ["fleet.battery.2", "min_soc <= start_soc <= max_soc", "0.1"]),
        ("fleet.battery.2.min_end_soc", 0.99, ["fleet.battery.2", "min_end_soc", "max_soc", "0.99"]),
        ("grid.tie_line.max_s_mva", -10, ["grid.tie_line.max_s_mva", "greater than 0", "positive"]),
        ("grid.tie_line.power_factor_reading", "none", ["power_factor_reading", "import_only", "both_directions"]),
        ("grid.voltage.min_vm_pu", 1.2, ["grid.voltage", "min_vm_pu must be below max_vm_pu", "1.2"]),
        ("grid.voltage.slack_vm_pu", 12.66, ["grid.voltage.slack_vm_pu", "12.66"]),
        ("market.rule", "case3", ["market.rule", "unknown rule 'case3'", "shi, nguyen, caiso, case1, case2"]),
        ("market.rule", OWN_RULE | {"tiers": []}, ["market.rule.tiers", "at least 1"]),
        ("market.tariff.loss_factor", float("nan"), ["market.tariff.loss_factor", "finite"]),
        ("uncertainty.keep", 2000, ["uncertainty", "keep is 2000", "1000 scenarios", "lower keep"]),
        ("uncertainty.keep", 0, ["uncertainty.keep", "greater than or equal to 1"]),
        ("uncertainty.errors.wind_std", -0.1, ["uncertainty.errors.wind_std", "greater than or equal to 0"]),
        ("uncertainty.errors.sharing", "all", ["uncertainty.errors.sharing", "per_kind", "per_unit"]),
        ("uncertainty.reduction", "sideways", ["uncertainty.reduction", "forward", "backward"]),
    ],
)
def test_bad_value_is_refused_with_field_and_remedy(read_with, path, value, parts):
    message = refusal(read_with, path, value)
    assert "mine.yaml" in message
    for part in parts:
        assert part in message


def test_missing_keys_are_all_named(tmp_path):
    file = tmp_path / "short.yaml"
    file.write_text("name: short\nfleet: {wind: [{bus: 3}]}\nprofiles: {demand_pu: a}\n")
    message = refusal(read_study, file)
    for field in ("profiles.file", "fleet.wind.0.max_s_mva"):
        assert f"{field}: is missing" in message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("name: [", "not YAML"),
        ("name: a\n\tfleet: b", "not YAML"),
        ("", "must be a mapping"),
        ("- name: a", "must be a mapping"),
        ("name", "must be a mapping"),
        ("1: 2", "1"),
    ],
)
def test_file_that_is_no_study_is_refused(tmp_path, text, part):
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    message = refusal(read_study, file)
    assert str(file) in message
    assert part in message


def test_unreadable_files_are_refused(tmp_path):
    assert "none.yaml" in refusal(read_study, tmp_path / "none.yaml")
    assert str(tmp_path) in refusal(read_study, tmp_path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\xfa")
    assert "binary.yaml" in refusal(read_study, binary)


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("grid.case", "microgrid34", ["grid.case", "microgrid34", "microgrid33"]),
        ("fleet.wind.1.bus", 77, ["fleet.wind.1.bus", "77", "1..33"]),
        ("profiles.file", "nowhere.csv", ["profiles.file", "nowhere.csv", "microgrid33_day.csv"]),
        ("profiles.wind_pu", "breeze", ["profiles.wind_pu", "breeze", "wind_pu_of_capacity"]),
    ],
)
def test_study_that_cannot_be_built_is_refused(read_with, path, value, parts):
    message = refusal(Instance.of, read_with(path, value))
    for part in parts:
        assert part in message


# ---- overrides (--set) ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "field", "expected"),
    [
        ("uncertainty.keep=20", lambda s: s.uncertainty.keep, 20),
        ("market.rule=caiso", lambda s: s.market.rule, RULES["caiso"]),
        ("fleet.battery.0.max_e_mwh=1", lambda s: s.fleet.battery[0].max_e_mwh, 1.0),
        ("fleet.battery.4.start_soc = 0.3", lambda s: s.fleet.battery[4].start_soc, 0.3),
        ("fleet.battery.*.start_soc=0.3", lambda s: {unit.start_soc for unit in s.fleet.battery}, {0.3}),
        ("fleet.pv=[]", lambda s: s.fleet.pv, ()),
        ("fleet.wind=[{bus: 3, max_s_mva: 2}]", lambda s: [unit.bus for unit in s.fleet.wind], [3]),
        ("fleet.wind.2={bus: 3, max_s_mva: 2}", lambda s: [unit.bus for unit in s.fleet.wind], [6, 12, 3, 19, 31]),
        ("grid.line_max_s_mva=null", lambda s: s.grid.line_max_s_mva, None),
        ("description=a=b", lambda s: s.description, "a=b"),
        (
            "grid.tie_line.max_s_mva=4",
            lambda s: (s.grid.tie_line.max_s_mva, s.grid.tie_line.min_power_factor),
            (4, 0.95),
        ),
    ],
)
def test_override(override, field, expected):
    assert field(read_study(STUDY33, [override])) == expected


def test_override_creates_what_the_file_leaves_out_and_the_last_one_wins(tmp_path):
    file = tmp_path / "short.yaml"
    file.write_text("name: short\nfleet: {}\nprofiles: {file: a.csv}\n")
    study = read_study(file, ["uncertainty.errors.pv_std=0.5", "seed=2", "seed=3"])
    assert study.uncertainty.errors.pv_std == 0.5
    assert study.seed == 3


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("keep", ["keep", "key=value"]),
        ("=3", ["key=value"]),
        ("days=[", ["days=[", "can't be read"]),
        ("days.x=1", ["days.x=1", "'days' is a value"]),
        ("fleet.battery.9.bus=1", ["'9'", "0..4"]),
        ("fleet.battery.x=1", ["'x'", "0..4"]),
        ("fleet.battery.-1.bus=1", ["'-1'", "0..4"]),
        ("fleet.battery.²=1", ["'²'", "0..4"]),
        ("market.rule.tiers.0.band=1", ["rule", "by name", "spell out"]),
        ("uncertainty.kep=3", ["uncertainty.kep", "did you mean 'keep'"]),
        ("uncertanty.keep=3", ["uncertanty", "did you mean 'uncertainty'"]),
        ("uncertainty.keep=2000", ["keep is 2000"]),
        ("fleet.battery.0.start_soc=50", ["fleet.battery.0.start_soc", "0.5?"]),
    ],
)
def test_bad_override_is_refused(override, parts):
    message = refusal(read_study, STUDY33, [override])
    for part in parts:
        assert part in message


def test_override_inside_something_that_is_no_mapping_is_refused(tmp_path):
    file = tmp_path / "odd.yaml"
    file.write_text("name: odd\nfleet: {wind: [3]}\nprofiles: {file: a.csv}\n")
    assert "fleet.wind.0" in refusal(read_study, file, ["fleet.wind.0.bus=6"])


# ---- profiles ------------------------------------------------------------------------------------------------

COLUMNS = {name: name for name in ("demand_pu", "price_per_mwh", "retail_price_per_mwh", "wind_pu", "pv_pu")}


@pytest.fixture
def read_day(tmp_path):
    """Write a good day of 24 rows, let a function spoil it, and read it."""

    def _read_day(spoil=lambda day: day):
        good = pd.DataFrame({name: np.full(24, 0.5) for name in COLUMNS})
        spoil(good).to_csv(tmp_path / "day.csv", index=False)
        return load_profiles("day.csv", COLUMNS, folder=tmp_path)

    return _read_day


def at_hour_5(column, value):
    def spoil(day):
        day[column] = day[column].astype(object)
        day.loc[4, column] = value
        return day

    return spoil


@pytest.mark.parametrize(
    ("spoil", "parts"),
    [
        (lambda day: day.drop(columns="wind_pu"), ["profiles.wind_pu", "'wind_pu'", "does not exist", "pv_pu"]),
        (lambda day: day.iloc[:23], ["23 rows", "24"]),
        (lambda day: pd.concat([day, day]), ["48 rows", "24"]),
        (at_hour_5("wind_pu", np.nan), ["profiles.wind_pu", "hour 5", "finite"]),
        (at_hour_5("price_per_mwh", "dear"), ["profiles.price_per_mwh", "hour 5", "'dear'"]),
        (at_hour_5("retail_price_per_mwh", np.inf), ["profiles.retail_price_per_mwh", "hour 5", "finite"]),
        (at_hour_5("demand_pu", -0.1), ["profiles.demand_pu", "hour 5", "-0.1", "fraction of the peak"]),
        (at_hour_5("pv_pu", -0.1), ["profiles.pv_pu", "hour 5", "-0.1", "between 0 and 1"]),
        (at_hour_5("wind_pu", 1.1), ["profiles.wind_pu", "hour 5", "1.1", "between 0 and 1"]),
        (at_hour_5("pv_pu", 50), ["profiles.pv_pu", "hour 5", "50", "between 0 and 1"]),
    ],
)
def test_bad_profile_is_refused_with_file_and_hour(read_day, spoil, parts):
    message = refusal(read_day, spoil)
    for part in ["day.csv", *parts]:
        assert part in message


def test_negative_prices_and_demand_above_the_peak_are_fine(read_day):
    assert read_day(at_hour_5("price_per_mwh", -20)).price_per_mwh[4] == -20
    assert read_day(at_hour_5("demand_pu", 1.2)).demand_pu[4] == 1.2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\xfa\x00", b'a,b\n"1'])
def test_file_that_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "day.csv").write_bytes(content)
    message = refusal(lambda: load_profiles("day.csv", COLUMNS, folder=tmp_path))
    assert "day.csv" in message
    assert "profiles." in message


def test_missing_profile_file_is_refused(tmp_path):
    message = refusal(lambda: load_profiles("none.csv", COLUMNS, folder=tmp_path))
    for part in ("profiles.file", "none.csv", "does not exist", "microgrid33_day.csv"):
        assert part in message


# ---- files beside the study ----------------------------------------------------------------------------------


def test_files_are_looked_for_beside_the_study(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(str(files("sim") / "data" / "microgrid33_day.csv"), folder / "day.csv")
    pp.to_json(tables().to_net(), str(folder / "net.json"))
    file = folder / "study.yaml"
    changed = document()
    changed["profiles"]["file"], changed["grid"]["case"] = "day.csv", "net.json"
    file.write_text(yaml.safe_dump(changed))
    monkeypatch.chdir(tmp_path)  # neither the study's folder nor the repository's
    study = read_study(file)
    assert study.profiles.file == str(folder / "day.csv")
    assert study.grid.case == str(folder / "net.json")
    assert len(Instance.of(study).grid.bus_ids) == 33
    # A copy of the study written elsewhere still finds them.
    copy = tmp_path / "copy.yaml"
    copy.write_text(write_study(study))
    assert read_study(copy) == study


def test_packaged_names_stay_names(study33):
    assert study33.profiles.file == "microgrid33_day.csv"
    assert study33.grid.case == "microgrid33"
