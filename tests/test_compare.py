"""Runs drawn and compared: figures of stored runs, and runs side by side on the same weather."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli import OPTIONS, QUICK, accepted
from matplotlib.image import imread
from matplotlib.text import Text

import tieline as tl

pytestmark = pytest.mark.usefixtures("in_own_folder")


# ---- plot ----------------------------------------------------------------------------------------------------


def test_a_stored_run_is_drawn_again_and_stays_as_it_is(copied, tmp_path):
    before = {path.name: path.read_bytes() for path in copied.iterdir()}
    told = json.loads(accepted("plot", copied, "--out", "drawn", "--json"))
    assert {Path(file).name for file in told["files"]} == {"day.png", "day.svg", "network.png", "network.svg"}
    for file in told["files"]:
        assert Path(file).read_bytes() == before[Path(file).name]
    assert {path.name: path.read_bytes() for path in copied.iterdir()} == before


@pytest.mark.slow
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
    assert repr(two_rules) == "<Comparison of rule=shi | rule=nguyen; seed(s) 1, 2>"
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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", [", ".join(f"max_e_mwh={k}.25" for k in range(8)), 120 * "x"])
def test_long_names_are_wrapped_and_leave_the_panels_their_room(two_rules, name):
    renamed = {f"{first}{name}": runs for first, runs in zip("ab", two_rules.runs.values(), strict=True)}
    short, long = two_rules.plot(), type(two_rules)(runs=renamed).plot()
    long.draw_without_rendering()
    for before, after in zip(short.axes, long.axes, strict=True):
        sizes = [ax.get_window_extent().size / figure.dpi for ax, figure in ((before, short), (after, long))]
        assert sizes[1] == pytest.approx(sizes[0], rel=0.1)
    width = long.get_window_extent().width
    texts = [one for one in long.findobj(Text) if name[:9] in one.get_text()]
    assert [one.get_text() for one in texts if one.get_window_extent().x1 > width + 1] == []
    title = next(one for one in long.findobj(Text) if one.get_text().startswith("a"))
    assert not long.axes[0].get_legend().get_window_extent().overlaps(title.get_window_extent())


def test_the_command_compares_as_the_script_does(two_rules):
    arguments = ("compare", "microgrid33", *OPTIONS, "--vary", "rule=shi,nguyen", "--seeds", "2", "--workers", "1")
    assert json.loads(accepted(*arguments, "--json")) == json.loads(json.dumps(two_rules.summary, default=float))
    assert "--out FOLDER writes the figure" in accepted(*arguments)
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


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"calendar.step_h": 0.5}, "'step_h=0.5' has other weather than 'step_h=1.0': calendar.step_h is 0.5 instead"),
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
