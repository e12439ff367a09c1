"""The plan of a sweep: its studies, the keys of its runs, and errors that are found before anything runs."""

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from conftest import STUDIES
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from swept import AXIS, FACTOR, QUICK, plan_at, plan_of, sweep_of, write_sweep

from experiments.catalog import packaged_studies
from experiments.sweeps.outputs import COLUMNS
from experiments.sweeps.plan import make_plan, read_sweep
from experiments.sweeps.sweep_file import SweepFile
from sim.errors import StudyError


def keys(plan):
    return [run.key for run in plan.runs()]


def own_study(folder, name="own", **changes):
    """Write a quick study with a profile file of its own beside the sweep's file."""
    profiles = folder / f"{name}.csv"
    shutil.copy(str(files("sim") / "data" / "microgrid33_day.csv"), profiles)
    document = yaml.safe_load((STUDIES / "microgrid33.yaml").read_text(encoding="utf-8"))
    document |= {"bidding": "basic", "policy": "none", "uncertainty": {"scenarios": 4, "keep": 2}, **changes}
    document["profiles"]["file"] = profiles.name
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return profiles


# ---- the studies -------------------------------------------------------------------------------------------------


def test_a_run_is_the_study_with_what_the_sweep_sets_and_varies():
    plan = plan_of({"values": {FACTOR: [1, 2], "market.rule": ["case1", "caiso"]}})
    documents = [run.document for run in plan.runs()]
    assert [document["market"]["tariff"]["load_curtailment_factor"] for document in documents] == [1, 1, 2, 2]
    assert [document["market"]["rule"]["name"] for document in documents] == ["case1", "caiso"] * 2
    assert {document["policy"] for document in documents} == {"none"}
    assert {document["uncertainty"]["keep"] for document in documents} == {2}
    assert plan.factors == (FACTOR, "market.rule")


def test_a_factor_with_a_name_changes_all_its_paths_together_and_times_the_study():
    factors = {"size": {"paths": ["fleet.battery.*.max_e_mwh", "fleet.battery.0.max_s_mva"], "change": "times"}}
    plan = plan_of({"values": {"size": [1, 2]}}, factors=factors)
    one, two = (run.document["fleet"]["battery"] for run in plan.runs())
    assert [unit["max_e_mwh"] for unit in two] == [2 * unit["max_e_mwh"] for unit in one]
    assert two[0]["max_s_mva"] == 2 * one[0]["max_s_mva"]
    assert two[1]["max_s_mva"] == one[1]["max_s_mva"]


LEVELS = {"as it is": {}, "other": {"fleet.battery.*.start_soc": 0.3, "policy": "myopic"}}


def test_the_levels_of_a_factor_change_several_values_at_once():
    plan = plan_of({"values": {"variant": [*LEVELS]}}, factors={"variant": {"levels": LEVELS}})
    one, two = (run.document for run in plan.runs())
    assert (one["policy"], two["policy"]) == ("none", "myopic")
    assert {unit["start_soc"] for unit in two["fleet"]["battery"]} == {0.3}
    assert [run.point["variant"] for run in plan.runs()] == [*LEVELS]


@pytest.mark.parametrize(
    ("factor", "value", "message"),
    [
        ({"levels": LEVELS}, "another", "factors.variant: 'another' is no level of it; use as it is or other"),
        ({"levels": LEVELS}, 1, "factors.variant: 1 is no level of it"),
        ({"levels": {"a": {"polici": "myopic"}}}, "a", "factors.variant.levels.a.*polici"),
        ({"levels": {"a": {"seed": 2}}}, "a", "seed: replications vary it"),
    ],
)
def test_wrong_levels_are_refused(factor, value, message):
    with pytest.raises(StudyError, match=message):
        plan_of({"values": {"variant": [value]}}, factors={"variant": factor})


@pytest.mark.parametrize("factor", [{}, {"paths": ["policy"], "levels": LEVELS}])
def test_a_factor_has_either_paths_or_levels(factor):
    with pytest.raises(ValidationError, match="either paths or levels"):
        sweep_of({"values": {"variant": ["other"]}}, factors={"variant": factor})


def test_evaluated_runs_have_keys_of_their_own():
    plans = [plan_of(AXIS), *(plan_of(AXIS, evaluate=one) for one in ({}, {"over": "test"}, {"by": "plan"}))]
    assert len({run.key for plan in plans for run in plan.runs()}) == 4 * 2


def test_a_plan_of_evaluations_knows_no_microgrids():
    with pytest.raises(StudyError, match="evaluate: by: plan knows no microgrids"):
        make_plan(SweepFile(name="tiny", study="networked33", evaluate={"by": "plan"}), Path())


def test_evaluations_have_no_hours():
    with pytest.raises(ValidationError, match="with evaluate there is one row for each run"):
        sweep_of(AXIS, evaluate={}, outputs="hourly")


def test_another_seed_is_that_of_the_first_replication():
    runs = make_plan(sweep_of(AXIS, replications=2), Path(), seed=7).runs()
    assert [run.seed for run in runs] == [7, 8, 7, 8]


def test_times_nothing_leaves_the_units_out():
    factors = {"size": {"paths": ["fleet.battery.*.max_e_mwh"], "change": "times"}}
    (run,) = plan_of({"values": {"size": [0]}}, factors=factors).runs()
    assert run.document["fleet"]["battery"] == []


def test_points_do_not_change_each_other():
    plan = plan_of({"values": {"fleet.battery.*.start_soc": [0.5, 0.6]}})
    assert [run.document["fleet"]["battery"][0]["start_soc"] for run in plan.runs()] == [0.5, 0.6]


def test_the_base_study_can_be_varied(tmp_path):
    own_study(tmp_path, name="own")
    path = write_sweep(tmp_path / "tiny.yaml", {"values": {"study": ["microgrid33", "own.yaml"]}})
    packaged, own = plan_at(path).runs()
    assert packaged.point == {"study": "microgrid33"}
    assert own.document["profiles"]["file"] == str(tmp_path / "own.csv")


# ---- common random numbers ---------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**40), replications=st.integers(1, 5), arms=st.integers(1, 4))
def test_a_seed_belongs_to_the_replication_and_not_to_the_arm(seed, replications, arms):
    document = yaml.safe_load((STUDIES / "microgrid33.yaml").read_text(encoding="utf-8"))
    plan = plan_of({"values": {FACTOR: [*range(1, arms + 1)]}}, replications=replications)
    for _, study in plan.arms:
        study["seed"] = seed
    by_arm = {}
    for run in plan.runs():
        by_arm.setdefault(run.point[FACTOR], []).append((run.replication, run.seed))
    assert len(by_arm) == arms
    assert document["seed"] == 1
    for drawn in by_arm.values():
        assert drawn == [(number, seed + number - 1) for number in range(1, replications + 1)]


def test_nothing_but_the_seed_differs_between_replications():
    first, second = (run.document for run in plan_of(replications=2).runs())
    assert first | {"seed": None} == second | {"seed": None}


# ---- keys --------------------------------------------------------------------------------------------------------


@given(
    values=st.lists(st.floats(0, 10).map(lambda number: round(number, 3)), min_size=1, max_size=6, unique=True),
    replications=st.integers(1, 4),
)
def test_no_two_runs_have_one_key(values, replications):
    plan = plan_of({"values": {FACTOR: values}}, replications=replications)
    assert len(set(keys(plan))) == plan.count == len(values) * replications


def test_keys_are_the_same_again_and_do_not_depend_on_order_or_on_the_way_a_value_is_written():
    one = plan_of({"values": {FACTOR: [1, 2]}}, {"values": {"days": [1]}})
    two = plan_of({"values": {"days": [1]}}, {"values": {FACTOR: [2.0, 1.0]}})
    assert keys(one) == keys(plan_of({"values": {FACTOR: [1, 2]}}, {"values": {"days": [1]}}))
    assert set(keys(one)) == set(keys(two))


def leaves(node, path=()):
    """Yield the path of every value of a document."""
    if isinstance(node, dict | list):
        for name, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(child, (*path, name))
    else:
        yield path, node


def test_every_value_of_a_study_but_its_description_is_part_of_the_key():
    from experiments.provenance import key_of

    (run,) = plan_of().runs()
    for path, value in leaves(run.document):
        changed = json.loads(json.dumps(run.document))
        node = changed
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = "something else" if value != "something else" else None
        assert (key_of(changed, {}) != run.key) == (path != ("description",)), path


def test_the_content_of_a_profile_file_is_part_of_the_key_and_its_place_is_not(tmp_path):
    (tmp_path / "here").mkdir()
    profiles = own_study(tmp_path / "here")
    path = write_sweep(tmp_path / "here" / "tiny.yaml", study="own.yaml", replications=2)
    before = keys(plan_at(path))

    moved = Path(shutil.copytree(tmp_path / "here", tmp_path / "there"))
    assert keys(plan_at(moved / "tiny.yaml")) == before

    profiles.write_text(profiles.read_text(encoding="utf-8").replace("34.95", "34.96"), encoding="utf-8")
    assert not set(keys(plan_at(path))) & set(before)


def test_a_file_that_happens_to_lie_about_is_not_part_of_the_key(tmp_path, monkeypatch):
    """``microgrid33`` is the name of a packaged network, and here also that of a file in the current folder."""
    before = keys(plan_of(folder=STUDIES))
    monkeypatch.chdir(tmp_path)
    for name in ("microgrid33", "microgrid33_day.csv"):
        (tmp_path / name).write_text("something else")
    assert keys(plan_of(folder=STUDIES)) == before


# ---- the columns of the results ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1, 2], [1, 2]),
        ([1, 2.5], [1.0, 2.5]),
        (["all", 2], ["all", "2"]),
        ([None, 2], ["null", "2"]),
    ],
)
def test_a_factor_has_values_of_one_type(values, shown):
    name = "uncertainty.keep" if "all" in values else "search.time_limit_s" if None in values else FACTOR
    found = [run.point[name] for run in plan_of({"values": {name: values}}).runs()]
    assert found == shown
    assert len({type(value) for value in found}) == 1


# ---- what is refused ---------------------------------------------------------------------------------------------


def test_points_that_are_one_study_are_refused():
    with pytest.raises(StudyError, match=r"^axes: .* are the same study; drop one"):
        plan_of({"values": {FACTOR: [1, 2, 1.0]}})


def test_points_that_differ_in_what_decides_nothing_are_refused(tmp_path):
    with pytest.raises(StudyError, match=r"^axes: .* are the same study; drop one"):
        plan_of({"values": {"description": ["one", "the other"]}})
    own_study(tmp_path, name="one")
    own_study(tmp_path, name="two")
    path = write_sweep(tmp_path / "tiny.yaml", {"values": {"study": ["one.yaml", "two.yaml"]}})
    with pytest.raises(StudyError, match=r"^axes: .* are the same study; drop one"):
        plan_at(path)


@pytest.mark.parametrize(
    ("keys", "axes"),
    [
        ({"set": {"seed": 3}}, []),
        ({}, [{"values": {"seed": [1, 2]}}]),
        ({"factors": {"luck": {"paths": ["seed"]}}}, [{"values": {"luck": [1, 2]}}]),
        ({"factors": {"luck": {"paths": [FACTOR, "seed"], "change": "times"}}}, [{"values": {"luck": [1, 2]}}]),
    ],
)
def test_a_seed_can_not_be_varied_by_another_way(keys, axes):
    with pytest.raises(StudyError, match=r"^seed: replications vary it"):
        plan_of(*axes, **keys)


def test_base_studies_have_one_seed(tmp_path):
    own_study(tmp_path, name="one", seed=1)
    own_study(tmp_path, name="two", seed=2)
    path = write_sweep(tmp_path / "tiny.yaml", {"values": {"study": ["one.yaml", "two.yaml"]}}, replications=2)
    with pytest.raises(StudyError, match=r"^study: the base studies have the seeds 1, 2; give all of them the same"):
        plan_at(path)


def test_seeds_stay_within_what_a_table_holds(tmp_path):
    own_study(tmp_path, seed=2**63 - 2)
    with pytest.raises(StudyError, match=r"^replications: seed \d+ of the study leaves no room"):
        plan_at(write_sweep(tmp_path / "tiny.yaml", study="own.yaml", replications=3))
    assert plan_at(write_sweep(tmp_path / "tiny.yaml", study="own.yaml", replications=2)).count == 2


@pytest.mark.parametrize("name", sorted(COLUMNS - {"seed"}))
def test_no_factor_has_the_name_of_another_column(name):
    with pytest.raises(StudyError, match=rf"^axes: '{name}' is a column of every sweep; give the factor another name"):
        plan_of({"values": {name: [1, 2]}}, factors={name: {"paths": [FACTOR]}})


@pytest.mark.parametrize(
    ("axes", "keys", "told"),
    [
        ([{"values": {"dayz": [1]}}], {}, "factors.dayz.paths.0: there is no 'dayz'"),
        ([{"values": {"days": [1, 0]}}], {}, "days 0: days: input should be greater than or equal to 1, got 0"),
        ([{"values": {"policy": ["nonee"]}}], {}, "policy nonee: policy: unknown 'nonee', use one of"),
        ([{"values": {"market.rule": ["case9"]}}], {}, "market.rule case9: market.rule: unknown rule 'case9'"),
        ([{"values": {"profiles.file": ["none.csv"]}}], {}, "profiles.file: 'none.csv' does not exist"),
        ([{"values": {"grid.case": ["none"]}}], {}, "grid.case: unknown network 'none'"),
        ([{"values": {"study": ["none"]}}], {}, "study: unknown study 'none'"),
        ([{"values": {"fleet.battery.9.start_soc": [0.5]}}], {}, "factors.fleet.battery.9.start_soc.paths.0: '9'"),
        ([{"values": {"x": ["a"]}}], {"factors": {"x": {"paths": ["days"], "change": "times"}}}, "factors.x: 'a' is"),
        (
            [{"values": {"x": [None]}}],
            {"factors": {"x": {"paths": ["days"], "change": "times"}}},
            "factors.x: None is",
        ),
        (
            [{"values": {"x": [2]}}],
            {"factors": {"x": {"paths": ["name"], "change": "times"}}},
            "factors.x.paths.0: 'n",
        ),
        ([], {"factors": {"x": {"paths": ["days"]}}}, "factors.x: stands on no axis; add it to axes, or drop it"),
        ([], {"set": {"days": 0}}, "set: days: input should be greater than or equal to 1, got 0"),
        ([], {"set": {"no.such": 0}}, "set: no.such: there is no 'no'"),
        ([], {"study": "none"}, "study: unknown study 'none'"),
        ([{"values": {FACTOR: [*range(1, 1002)]}}], {"replications": 1000}, "replications: more than 1,000,000 runs"),
    ],
)
def test_a_bad_value_is_told_in_a_line_that_names_it(axes, keys, told):
    with pytest.raises(StudyError) as refusal:
        plan_of(*axes, **keys)
    assert str(refusal.value).startswith(told)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a/b", "name: use letters, digits, '_', '.' and '-' only"),
        ("nam: a\nname: a", "nam: unknown key; did you mean 'name'?"),
        ("axes: []", "name: is missing"),
        ("name: a\naxes:", "axes: must be a list, got None"),
        ("name: a\naxes: {values: {days: [1]}}", "axes: must be a list"),
        ("name: a\naxes: [{value: {days: [1]}, range: {}}]", "axes.0.range: dictionary should have at least 1 item"),
        ("name: a\naxes: [{values: {days: [2020-01-01]}}]", "axes.0.values.days.0: must be a finite number, a text"),
        ("name: a\naxes: [{values: {1: [1]}}]", "axes.0.values.1.[key]: input should be a valid string, got 1"),
        ("name: a\naxes: [{sobol: {count: 3, within: {days: [1, 2]}}}]", "axes.0.sobol: count must be a power of two"),
        ("name: a\naxes: [{sobol: {count: 4, within: {days: [1, .inf]}}}]", "axes.0.sobol.within.days.1: must be a"),
        ("name: a\nfactors: {x: {paths: [days], chnge: set}}", "factors.x.chnge: unknown key; did you mean 'change'?"),
        (
            "name: a\naxes: [{range: {days: {start: 1, stop: 2, cnt: 3}}}]",
            "axes.0.range.days.cnt: unknown key; did you mean 'count'?",
        ),
        ("name: a\nfactors: {x: {paths: ['fleet.wind.*']}}", "factors.x: a path must not end in *"),
        ("name: a\nfactors: {study: {paths: [days]}}", "factors: 'study' is the base study"),
        ("name: a\nreplications: 0", "replications: input should be greater than or equal to 1, got 0"),
        ("name: a\noutputs: full", "outputs: input should be 'summary', 'hourly' or 'all', got 'full'"),
        ("name: a\nname: b", "can't be read, it is not YAML: key 'name' is given twice"),
        ("name: [", "can't be read, it is not YAML"),
        ("- name", "can't be read, it is not a sweep; it must be a mapping"),
        ("", "can't be read, it is not a sweep; it must be a mapping"),
    ],
)
def test_a_bad_file_is_told_with_its_name_and_the_field(tmp_path, text, told):
    path = tmp_path / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as refusal:
        read_sweep(path)
    lines = str(refusal.value).splitlines()
    assert f"{path}: {told}" in "\n".join(lines)
    assert all(line.startswith(f"{path}: ") for line in lines)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(
        StudyError, match=r"none\.yaml: can't be read, .*give a packaged sweep .* or a YAML file of name"
    ):
        read_sweep(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", packaged_studies())
def test_every_packaged_study_can_be_swept(name):
    plan = plan_of(study=name, set={"uncertainty.scenarios": 4, "uncertainty.keep": 2})
    assert re.fullmatch(r"[0-9a-f]{20}", keys(plan)[0])


def test_what_is_set_is_valid_wherever_it_stands():
    assert set(QUICK) == {"bidding", "policy", "uncertainty.scenarios", "uncertainty.keep"}
