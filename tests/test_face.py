"""The public face, `import tieline`: every name has an example that runs, and bad input is told with its remedy."""

import doctest
import json
import re
import runpy
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from cli import OPTIONS, QUICK, accepted, python
from swept import AXIS, Threads, write_sweep
from test_own_policies import IdleBatteries

import experiments
import tieline as tl
from experiments.simulate import run
from experiments.sweeps import command as sweep_command

HOME = Path(experiments.__file__).resolve().parent.parent
PARTS = {"Run": ("plot", "save", "load"), "Study": ("change",)}
"""Methods with examples of their own."""

pytestmark = pytest.mark.usefixtures("in_own_folder")


cached_run = cache(run)


def examples(name):
    whole = getattr(tl, name)
    return [whole, *(getattr(whole, part) for part in PARTS.get(name, ()))]


@pytest.mark.parametrize("name", tl.__all__)
def test_the_examples_of_a_public_name_run(name, monkeypatch):
    monkeypatch.setattr(tl, "run", cached_run, raising=False)
    monkeypatch.setattr(sweep_command, "LocalProcesses", lambda workers: Threads())
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for thing in examples(name):
        found = finder.find(thing, name, globs={"__name__": "__main__"})
        assert any(one.examples for one in found), f"{name} has no example"
        for one in found:
            assert runner.run(one).failed == 0


# ---- what it is ----------------------------------------------------------------------------------------------


def test_nothing_heavy_is_imported_before_it_is_used(tmp_path):
    heavy = {"numpy", "pandas", "pyomo", "pandapower", "matplotlib", "pydantic", "rich", "sim", "experiments"}
    code = (
        f"import sys, tieline as tl; print({heavy} & {{*sys.modules}}); tl.TielineError; print('numpy' in sys.modules)"
    )
    assert python(code, cwd=tmp_path, PYTHONPATH=HOME) == (0, "set()\nFalse\n", "")


def test_the_names_are_all_there():
    assert set(tl.__all__) <= set(dir(tl))
    assert all(getattr(tl, name) is not None for name in tl.__all__)


def test_an_attribute_that_does_not_exist_is_named_with_close_matches():
    with pytest.raises(AttributeError, match="no attribute 'lode_study'; did you mean load_study"):
        _ = tl.lode_study
    with pytest.raises(AttributeError, match="no attribute 'xyz'; it has Calendar, Decision, "):
        _ = tl.xyz


@pytest.mark.parametrize("file", ["agents/__init__.py", "sim/__init__.py", "experiments/__init__.py", "sim.py"])
def test_a_folder_or_file_of_the_users_own_that_hides_ours_is_told(tmp_path, file):
    name = Path(file).parts[0].removesuffix(".py")
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("")
    status, _, err = python("import tieline", cwd=tmp_path, PYTHONPATH=HOME)
    assert status == 1
    assert f"what lies beside your script hides our packages: {name} ({tmp_path / name}" in err.splitlines()[-1]
    assert "rename it, or move the script elsewhere" in err.splitlines()[-1]


# ---- study and options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"days": "two"}, ["days: input should be a valid integer", "got 'two'"]),
        ({"dayz": 2}, ["there is no 'dayz'; did you mean 'days'?"]),
        ({"market.tarif.loss_factor": 1}, ["there is no 'tarif'; did you mean 'tariff'?"]),
        ({"fleet.battery.9.max_e_mwh": 1}, ["fleet.battery.9", "position 0..4", "* for all"]),
        ({"fleet.battery.0.start_soc": 50}, ["fleet.battery.0.start_soc", "not percent: 0.5?"]),
        ({"days.of": 1}, ["'days' is a value"]),
        ({"market.rule": "soft"}, ["unknown rule 'soft': use one of shi"]),
        ({"market.rule.tiers.0.over": "x"}, ["market.rule.tiers.0.over: input should be a valid number"]),
        ({"market.rule": tl.ImbalanceRule}, ["market.rule: ImbalanceRule needs values: name: is missing"]),
        ({"policy": object()}, ["policy: change takes a name", "load_study(study, policy=...)"]),
        ({"": 1}, ["'': there is no ''; known are name"]),
        ("days=2", ["is no mapping of keys to values"]),
        ({1: 2}, ["is no mapping of keys to values"]),
    ],
)
def test_a_wrong_change_is_told_with_its_remedy(study33, values, parts):
    with pytest.raises(tl.TielineError) as told:
        study33.change(values)
    assert all(part in str(told.value) for part in parts)
    assert "\n" not in str(told.value)


def test_a_value_that_is_set_in_place_is_told_how_to_change_it(study33):
    with pytest.raises(tl.TielineError, match=r"^days: a study stays as it is; study.change\({'days': ...}\)"):
        study33.days = 3


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda study: tl.load_study(None), "study: None is none; give a name, a path or a Study"),
        (lambda study: tl.run([study, study]), "is none; give a name, a path or a Study"),
        (lambda study: tl.load_study(""), "unknown study '': use one of"),
        (lambda study: tl.sweep(study), "is none; give a packaged one's name, a YAML file or a mapping"),
        (lambda study: tl.compare([study, study]), "give runs and studies one by one"),
        (lambda study: tl.compare(study, 3), "study: 3 is none"),
        (lambda study: tl.compare(study, vary="policy=none,myopic"), "give values by key, such as {'bidding'"),
        (lambda study: tl.compare(study, study, seeds=[1, 2]), "seeds [1, 2]: give a whole number, 1 or more"),
        (lambda study: tl.compare(study, study, workers=0), "--workers 0: give a whole number, 1 or more"),
        (lambda study: tl.bid(study, workers="x"), "--workers 'x': give a whole number"),
        (lambda study: tl.evaluate(study, on="test", count=0), "count 0: give a whole number"),
        (lambda study: tl.evaluate(study, on="test", count="4"), "count '4': give a whole number"),
        (lambda study: tl.value(study, sizes=3), "sizes 3: give a list of whole numbers"),
        (lambda study: tl.value(study, sizes=["a"]), "--compare-keep 'a': use 1 to "),
        (lambda study: tl.value(study, count=None), "--out-of-sample None: use 2 or more"),
        (lambda study: tl.policy([]), "policy: unknown [], use one of"),
        (lambda study: tl.Run.load("my runs"), "tieline run STUDY --out 'my runs' writes one"),
    ],
)
def test_what_a_function_cannot_take_is_told(study33, call, part):
    with pytest.raises(tl.TielineError) as told:
        call(study33)
    assert part in str(told.value)


def test_values_that_are_compared_may_be_an_array(study33):
    values = {"market.tariff.loss_factor": np.array([0.5, 1.0])}
    both = tl.compare(study33, vary=values, **QUICK)
    assert both.names == ["loss_factor=0.5", "loss_factor=1.0"]


def test_a_change_takes_what_python_has_and_leaves_the_study_as_it_is(study33, tmp_path):
    before = study33.model_dump()
    rule = tl.ImbalanceRule(name="flat", tiers=(tl.Tier(over=0.1, under=0.2),))
    own = tmp_path / "own.json"
    own.write_text("{}")
    changed = study33.change(
        {"market.rule": rule, "days": np.int64(3), "trained": own.name, "fleet.wind.*.max_s_mva": np.float64(0.5)}
    )
    assert (changed.market.rule, changed.days, changed.trained) == (rule, 3, str(own))
    assert {unit.max_s_mva for unit in changed.fleet.wind} == {0.5}
    assert study33.model_dump() == before


def test_a_policy_or_strategy_that_does_not_exist_is_told():
    for find in (tl.policy, tl.strategy):
        with pytest.raises(tl.TielineError, match="unknown 'lazy', use one of"):
            find("lazy")


def test_an_option_that_does_not_exist_is_told(study33):
    with pytest.raises(tl.TielineError, match="'polcy' is no option, did you mean policy"):
        tl.load_study(study33, polcy="none")
    with pytest.raises(tl.TielineError, match="policy: unknown 'lazy', use one of hindsight"):
        tl.run(study33, policy="lazy")


# ---- runs ----------------------------------------------------------------------------------------------------


def test_a_run_is_the_same_by_script_and_by_command(tmp_path):
    day = tl.run("microgrid33", **QUICK)
    summary = json.loads(accepted("run", "microgrid33", *OPTIONS, "--json", "--out", "command", "--figures", "none"))
    assert day.save("script", figures="none") == Path("script")
    assert {**day.summary, "seconds": 0, "run_dir": ""} == {**summary, "seconds": 0, "run_dir": ""}
    assert day.money.to_dict() == summary["terms"]
    for file in Path("command").glob("*.parquet"):
        assert file.read_bytes() == (Path("script") / file.name).read_bytes()
    again = tl.Run.load("command")
    assert again.money.equals(day.money)
    assert again.summary == summary
    assert again.audit().clean
    assert again.save("again", figures="none").is_dir()
    with pytest.raises(tl.TielineError, match="exists already"):
        day.save("script")


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda folder: (folder / "bids.parquet").unlink(), "bids.parquet: can't be read, it is missing"),
        (lambda folder: (folder / "bids.parquet").write_bytes(b"PAR1"), "bids.parquet"),
        (lambda folder: shutil.copy(folder / "books.parquet", folder / "bids.parquet"), "is damaged (bids.parquet"),
        (lambda folder: (folder / "manifest.json").unlink(), "is damaged (manifest.json is missing"),
        (lambda folder: (folder / "study.yaml").unlink(), "is not the folder of a run"),
        (lambda folder: (folder / "summary.json").write_text("[]"), "summary.json"),
    ],
)
def test_a_damaged_folder_is_told_with_its_remedy(copied, spoil, part):
    spoil(copied)
    with pytest.raises(tl.TielineError) as told:
        tl.Run.load(copied)
    assert part in str(told.value)
    assert "run" in str(told.value)


def test_results_are_shown_in_one_line(study33):
    shown = [
        repr(tl.bid(study33, **QUICK)),
        repr(tl.evaluate(study33, on="test", count=2, **QUICK)),
        repr(tl.value(study33, sizes=[1], count=2, **QUICK)),
    ]
    assert shown[0].startswith("<Submission of basic: ")
    assert shown[1].startswith("<Evaluation on 2 scenarios: profit $")
    assert shown[2].startswith("<Value of the bid of microgrid33: VSS $")
    assert all("\n" not in text and len(text) < 300 for text in shown)


# ---- example scripts -----------------------------------------------------------------------------------------

EXAMPLES = Path(experiments.__file__).parent / "examples"
FAST = {"first_run", "own_rule"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.stem, marks=[] if path.stem in FAST else [pytest.mark.slow])
        for path in sorted(EXAMPLES.glob("*.py"))
    ],
)
def test_an_example_script_runs_and_imports_our_face_only(name, tmp_path, monkeypatch, capsys):
    file = EXAMPLES / f"{name}.py"
    text = file.read_text(encoding="utf-8")
    assert 10 <= len(text.splitlines()) <= 40
    imported = re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)
    assert set(imported) <= {"dataclasses", "matplotlib", "numpy", "pandas", "tieline"}
    monkeypatch.setenv("MPLBACKEND", "Agg")
    if name == "sweep_and_plot":  # starts processes, which must not run the script again
        code = f"import runpy; runpy.run_path({str(file)!r}, run_name='__main__')"
        status, out, err = python(code, cwd=tmp_path, PYTHONPATH=HOME)
        assert (status, err) == (0, "")
    else:
        runpy.run_path(str(file), run_name="__main__")
        out = capsys.readouterr().out
    assert out
    if "savefig" in text:
        assert (tmp_path / f"{name}.png").is_file()


def test_there_are_eight_examples():
    assert len(list(EXAMPLES.glob("*.py"))) == 8


TEN_LINES = """
import tieline as tl

study = tl.load_study("microgrid33")                       # packaged name, path, or a Study
cheap = study.change({"market.tariff.load_curtailment_factor": 1, "days": 2})   # checked; returns a new study
a, b = tl.run(study), tl.run(cheap, policy=MyPolicy)       # a policy, strategy, rule by name, instance or class
a.money, a.summary, a.tables["dispatch"], a.audit()        # Series, dict, DataFrames, findings
a.plot("day"), a.save("runs/a"), tl.compare(a, b).plot()
tl.evaluate(study, on="test", count=40).terms              # means and standard errors
tl.sweep("penalty_band.yaml").results                      # tidy DataFrame
"""


@pytest.mark.slow
def test_the_ten_lines_of_the_architecture_run_as_written(monkeypatch):
    monkeypatch.setattr(sweep_command, "LocalProcesses", lambda workers: Threads())
    write_sweep(Path("penalty_band.yaml"), AXIS)
    exec(compile(TEN_LINES, "ten lines", "exec"), {"MyPolicy": IdleBatteries})
    assert Path("runs", "a", "manifest.json").is_file()
