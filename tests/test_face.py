"""The public face, `import tieline`: every name has an example that runs, and bad input is told with its remedy."""

import doctest
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from cli import accepted
from matplotlib.image import imread
from matplotlib.text import Text
from swept import AXIS, Threads, write_sweep

import experiments
import tieline as tl
from experiments.simulate import run
from experiments.sweeps import command as sweep_command

HOME = Path(experiments.__file__).resolve().parent.parent
QUICK = {"bidding": "basic", "policy": "none", "scenarios": 4, "keep": 2}
OPTIONS = [word for name, value in QUICK.items() for word in (f"--{name}", str(value))]
PARTS = {"Run": ("plot", "save", "load"), "Study": ("change",)}
"""Methods with examples of their own."""


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


cached_run = cache(run)


def examples(name):
    whole = getattr(tl, name)
    yield from (part for part in (whole, *(getattr(whole, part) for part in PARTS.get(name, ()))))


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


def python(code, cwd, *paths):
    """Run some lines in a folder, with Python's own search path and perhaps more; return status, output, errors."""
    path = os.pathsep.join(map(str, [*paths, HOME]))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_nothing_heavy_is_imported_before_it_is_used(tmp_path):
    heavy = {"numpy", "pandas", "pyomo", "pandapower", "matplotlib", "pydantic", "rich", "sim", "experiments"}
    code = (
        f"import sys, tieline as tl; print({heavy} & {{*sys.modules}}); tl.TielineError; print('numpy' in sys.modules)"
    )
    assert python(code, tmp_path) == (0, "set()\nFalse\n", "")


def test_the_names_are_all_there():
    assert set(tl.__all__) <= set(dir(tl))
    assert all(getattr(tl, name) is not None for name in tl.__all__)


def test_an_attribute_that_does_not_exist_is_named_with_close_matches():
    with pytest.raises(AttributeError, match="no attribute 'lode_study'; did you mean load_study"):
        _ = tl.lode_study
    with pytest.raises(AttributeError, match="no attribute 'xyz'; it has Decision, "):
        _ = tl.xyz


@pytest.mark.parametrize("name", ["agents", "sim", "experiments"])
def test_a_folder_of_the_users_own_that_hides_ours_is_told(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    status, _, err = python("import tieline", tmp_path)
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
        ("days=2", ["is no mapping of keys to values"]),
        ({1: 2}, ["is no mapping of keys to values"]),
    ],
)
def test_a_wrong_change_is_told_with_its_remedy(study33, values, parts):
    with pytest.raises(tl.TielineError) as told:
        study33.change(values)
    assert all(part in str(told.value) for part in parts)


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


# ---- policies, strategies and rules of one's own -------------------------------------------------------------


class IdleBatteries:
    """Carries out `none` but for the batteries."""

    knowledge = tl.Knowledge.HOUR

    def __init__(self, instance, dispatcher):
        self.none = tl.policy("none")(instance, dispatcher)

    def decide(self, view):
        decision = self.none.decide(view)
        return replace(decision, orders=replace(decision.orders, battery_p_mw=np.zeros(len(view.energy_mwh))))


class OneMegawatt:
    """Bids the same in every hour."""

    def __init__(self, bid_mw=1.0):
        self.bid_mw = bid_mw

    def bid(self, dispatcher, problem):
        return replace(tl.strategy("basic").bid(dispatcher, problem), bid_mw=np.full(24, self.bid_mw))


class Harsh(tl.ImbalanceRule):
    name: str = "harsh"
    tiers: tuple[tl.Tier, ...] = (tl.Tier(over=2, under=2),)


def test_policies_strategies_and_rules_may_be_names_classes_or_instances():
    run = tl.run("microgrid33", **QUICK | {"policy": IdleBatteries, "bidding": OneMegawatt, "rule": Harsh})
    assert (run.study.policy, run.study.bidding, run.study.market.rule.name) == (
        "idle_batteries",
        "one_megawatt",
        "harsh",
    )
    assert run.audit().clean
    assert run.summary["hours"]["fallback"] == run.summary["bid_strategy"]["fallbacks"] == 0
    assert set(run.tables["bids"]["bid_mw"]) == {1.0}
    assert set(run.tables["decisions"]["policy"]) == {"idle_batteries"}
    dispatch = run.tables["dispatch"]
    assert (dispatch.loc[dispatch["kind"] == "battery", "p_mw"] == 0).all()
    two = tl.run("microgrid33", **QUICK | {"bidding": OneMegawatt(2), "policy": tl.policy("none"), "rule": Harsh()})
    assert set(two.tables["bids"]["bid_mw"]) == {2.0}
    assert two.study.policy == "none"


def test_one_instance_of_a_policy_decides_all_hours():
    class Counting:
        knowledge = tl.Knowledge.HOUR

        def __init__(self):
            self.hours = []

        def decide(self, view):
            self.hours.append(view.hour)
            zero = np.zeros(len(view.energy_mwh))
            demand, available = view.outlook.demand_mw[0], view.outlook.available_mw[0]
            return tl.Decision(
                orders=tl.SetPoints(
                    load_p_mw=demand,
                    load_q_mvar=0 * demand,
                    renewable_p_mw=available,
                    renewable_q_mvar=0 * available,
                    battery_p_mw=zero,
                    battery_q_mvar=zero,
                )
            )

    counting = Counting()
    tl.run("microgrid33", **QUICK | {"policy": counting})
    assert counting.hours == list(range(1, 25))


def test_what_is_no_policy_or_has_a_name_that_is_taken_is_told():
    class Myopic(IdleBatteries):
        pass

    class Failing(IdleBatteries):
        def decide(self, view):
            raise KeyError("my slip")

    class NoKnowledge:
        def decide(self, view): ...

    for policy, part in (
        (Myopic, "'myopic': a packaged one has this name"),
        (NoKnowledge(), "'no_knowledge': it has no knowledge"),
        (Failing, "day 1, hour 1: failing failed: KeyError: 'my slip'"),
    ):
        with pytest.raises(tl.TielineError) as told:
            tl.run("microgrid33", **QUICK | {"policy": policy})
        assert part in str(told.value)


def test_an_evaluation_with_a_policy_of_ones_own_stays_in_this_process():
    values = QUICK | {"policy": IdleBatteries}
    found = tl.evaluate("microgrid33", on="test", count=2, workers=2, **values)
    assert len(found.outcomes) == 2


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


# ---- plot ----------------------------------------------------------------------------------------------------


def test_a_stored_run_is_drawn_again_and_stays_as_it_is(copied, tmp_path):
    before = {path.name: path.read_bytes() for path in copied.iterdir()}
    told = json.loads(accepted("plot", copied, "--out", "drawn", "--json"))
    assert {Path(file).name for file in told["files"]} == {"day.png", "day.svg", "network.png", "network.svg"}
    for file in told["files"]:
        assert Path(file).read_bytes() == before[Path(file).name]
    assert {path.name: path.read_bytes() for path in copied.iterdir()} == before


def test_every_panel_is_a_slide_of_1920_by_1080(copied):
    assert "day_tie_line.png" in accepted("plot", copied, "--figure", "day", "--format", "slide")
    slides = sorted(Path("plots", "copied").glob("*.png"))
    panels = ["balance", "money", "price", "soc", "tie_line", "voltage"]
    assert [path.stem for path in slides] == [f"day_{panel}" for panel in panels]
    assert {imread(path).shape[:2] for path in slides} == {(1080, 1920)}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--figure", "dya"), "figure 'dya': use day or network"),
        (("--day", "2"), "day 2: the run has day 1"),
        (("--format", "poster"), "--format poster: use page or slide"),
        (("--out", "copied"), "--out copied: is the folder of a run"),
    ],
)
def test_what_cannot_be_drawn_is_told(copied, refused, arguments, part):
    assert part in refused("plot", copied, *arguments)


def test_a_panel_that_does_not_exist_is_told(copied):
    with pytest.raises(tl.TielineError, match="panel 'tie': use tie_line, price"):
        tl.Run.load(copied).plot("day", panel="tie")


def test_the_folder_of_no_run_is_told(refused):
    assert "is not the folder of a run; tieline run STUDY --out nowhere writes one" in refused("plot", "nowhere")


# ---- compare -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_rules():
    return tl.compare("microgrid33", vary={"rule": ["shi", "nguyen"]}, seeds=2, **QUICK)


def test_runs_are_compared_on_the_same_weather_pair_by_pair(two_rules):
    assert (two_rules.names, two_rules.seeds) == (["rule=shi", "rule=nguyen"], [1, 2])
    profit = two_rules.by_seed["profit"].unstack("seed")
    gaps = (profit.loc["rule=nguyen"] - profit.loc["rule=shi"]).to_numpy()
    found = two_rules.differences["rule=nguyen"]["profit"]
    assert found.mean == pytest.approx(gaps.mean())
    assert found.reach == pytest.approx(12.7062 * gaps.std(ddof=1) / np.sqrt(2), rel=1e-4)  # Student, one degree


def test_the_hours_add_up_to_the_money(two_rules):
    by_hour = two_rules.hours.groupby(["name", "seed"])[list(two_rules.by_seed)].sum()
    assert np.allclose(by_hour.loc[two_rules.by_seed.index], two_rules.by_seed)
    mean = two_rules.hourly_differences.loc["rule=nguyen"]
    assert mean["profit"].sum() == pytest.approx(two_rules.differences["rule=nguyen"]["profit"].mean)


def test_the_figure_shows_all_runs_and_stays_the_same(two_rules, tmp_path):
    for folder in ("one", "two"):
        two_rules.save(folder)
    files = {path.name for path in Path("one").iterdir()}
    assert files == {"comparison.png", "comparison.svg", "comparison.json", "hours.csv"}
    assert all((Path("one") / name).read_bytes() == (Path("two") / name).read_bytes() for name in files)
    figure = two_rules.plot()
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert {"rule=shi", "rule=nguyen", "bid", "tolerance band", "metered flow", "imbalance"} <= set(texts)
    assert all(ax.get_xlabel() or ax.get_ylabel() for ax in figure.axes)
    with pytest.raises(tl.TielineError, match="exists already"):
        two_rules.save("one")


def test_the_command_compares_as_the_script_does(two_rules):
    arguments = ("compare", "microgrid33", *OPTIONS, "--vary", "rule=shi,nguyen", "--seeds", "2")
    assert json.loads(accepted(*arguments, "--json")) == json.loads(json.dumps(two_rules.summary, default=float))
    told = accepted(*arguments, "--out", "compared")
    assert "rule=nguyen more" in told
    assert "Hours that make the difference: rule=nguyen less rule=shi" in told
    assert Path("compared", "comparison.png").is_file()


def test_run_folders_are_compared_as_they_are(copied):
    other = tl.run(copied, rule="nguyen").save("other", figures="none")
    both = tl.compare(copied, other)
    assert both.money["rule=case1"].equals(tl.Run.load(copied).money.rename("rule=case1"))
    assert both.differences["rule=nguyen"]["profit"].mean < 0


def test_of_runs_of_different_length_the_days_are_compared_that_both_have():
    short, long = tl.run("microgrid33", **QUICK), tl.run("microgrid33", rule="nguyen", days=2, **QUICK)
    both = tl.compare(short, long)
    assert (both.names, both.days, len(both.hours)) == (["rule=case1", "rule=nguyen"], 1, 48)
    first = long.tables["settlements"].query("day == 1")
    assert both.money.loc["imbalance", "rule=nguyen"] == pytest.approx(first["penalty"].sum())
    assert len(both.plot().axes) == 6


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


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"seed": 7}, "'microgrid33 (2)' has other weather than 'microgrid33': seed is 7 instead of 1; compare"),
        ({"uncertainty.errors.pv_std": 0.3}, "uncertainty.errors is "),
        ({"profiles.wind_pu": "pv_pu_of_capacity"}, "profiles.wind_pu is pv_pu_of_capacity instead of"),
    ],
)
def test_other_weather_is_told_with_its_remedy(study33, changes, part):
    with pytest.raises(tl.TielineError) as told:
        tl.compare(study33, study33.change(changes))
    assert part in str(told.value)
    assert "study.change({'" in str(told.value)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("microgrid33",), "give two or more studies"),
        (("microgrid33", "--vary", "bidding"), "--vary bidding: write it as key=value, for example bidding=basic"),
        (("microgrid33", "--vary", "biding=basic,anm_aware"), "there is no 'biding'; did you mean 'bidding'?"),
        (("microgrid33", "--vary", "bidding=basic,bold"), "bidding: unknown 'bold'"),
        (("microgrid33", "nope"), "unknown study 'nope'"),
    ],
)
def test_what_cannot_be_compared_is_told(refused, arguments, part):
    assert part in refused("compare", *arguments)


# ---- example scripts -----------------------------------------------------------------------------------------

EXAMPLES = Path(experiments.__file__).parent / "examples"
SLOW = {"change_a_value", "compare_strategies", "networked_microgrids", "sweep_and_plot", "value_of_foresight"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.stem, marks=[pytest.mark.slow] if path.stem in SLOW else [])
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
        status, out, err = python(f"import runpy; runpy.run_path({str(file)!r}, run_name='__main__')", tmp_path)
        assert (status, err) == (0, "")
    else:
        runpy.run_path(str(file), run_name="__main__")
        out = capsys.readouterr().out
    assert out
    if "savefig" in text:
        assert (tmp_path / f"{name}.png").is_file()


def test_there_are_eight_examples():
    assert len(list(EXAMPLES.glob("*.py"))) == 8
