"""The commands ``studies``, ``show`` and ``new``: the choices there are, and a study to start from."""

from importlib.metadata import version

import pytest
import yaml
from cli import accepted, assert_one_message

import experiments.__main__ as command_line
from agents.anm import policy_class, policy_names
from agents.bidding import strategy, strategy_names
from agents.coordination import mode_class, mode_names
from experiments import console
from experiments.catalog import find_study, packaged_studies, packaged_sweeps
from experiments.sweeps.plan import read_sweep
from sim.market.imbalance import RULES
from sim.study_file import read_study

pytestmark = pytest.mark.usefixtures("in_own_folder")


def test_studies_lists_everything_there_is_to_choose_from():
    text = accepted("studies")
    for name in (*packaged_studies(), *strategy_names(), *policy_names(), *RULES):
        assert f" {name} " in text


def test_studies_says_of_each_what_its_module_says(monkeypatch):
    """The summaries are read from the sources, for importing the modules would take seconds."""
    monkeypatch.setattr(console.out, "_width", 300)
    lines = accepted("studies").splitlines()
    summaries = {
        **{name: read_study(path).description for name, path in packaged_studies().items()},
        **{name: read_sweep(path).description for name, path in packaged_sweeps().items()},
        **{name: strategy(name).SUMMARY for name in strategy_names()},
        **{name: policy_class(name).summary for name in policy_names()},
        **{name: mode_class(name).summary for name in mode_names()},
    }
    for name, summary in summaries.items():
        assert any(name in line.split() and summary in line for line in lines), name


def test_help_names_all_strategies_policies_modes_and_rules_there_are(monkeypatch):
    """What is found is listed, also where importing it would take seconds; see the test of what help imports."""
    monkeypatch.setenv("COLUMNS", "300")
    text = accepted("run", "--help")
    for option, names in (
        ("--bidding", strategy_names()),
        ("--policy", policy_names()),
        ("--coordination", mode_names()),
        ("--rule", [*RULES]),
    ):
        (line,) = [line for line in text.splitlines() if f"│ {option} " in line]
        assert f"{', '.join(names[:-1])} or {names[-1]}." in line


@pytest.mark.parametrize("folder", ["agents/bidding", "agents/anm", "agents/coordination"])
def test_a_module_of_ones_own_is_named(folder, monkeypatch, tmp_path):
    (tmp_path / folder).mkdir(parents=True)
    for name in ("mine", "yours", "_shared"):
        (tmp_path / folder / f"{name}.py").touch()
    monkeypatch.setattr(command_line, "HOME", tmp_path)
    assert command_line._found(folder) == "mine or yours"


def test_version_is_that_of_the_package():
    assert accepted("--version") == f"tieline {version('tieline')}\n"


@pytest.mark.parametrize("name", packaged_studies())
def test_show_prints_a_study_that_reads_back(name, tmp_path):
    (tmp_path / "shown.yaml").write_text(accepted("show", name), encoding="utf-8")
    assert read_study(tmp_path / "shown.yaml") == find_study(name)


def test_show_applies_changes_and_reads_run_folders(run_dir):
    shown = yaml.safe_load(
        accepted("show", "microgrid33", "--set", "market.rule=caiso", "--set", "fleet.battery.0.max_e_mwh=1")
    )
    assert shown["market"]["rule"]["name"] == "caiso"
    assert shown["fleet"]["battery"][0]["max_e_mwh"] == 1.0
    assert accepted("show", run_dir) == (run_dir / "study.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("like", packaged_studies())
def test_new_writes_a_commented_study_that_show_reads(like, tmp_path):
    text = accepted("new", "mine.yaml", "--like", like)
    assert "tieline run mine.yaml" in text
    written = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert written.count("#") > 5
    assert written.startswith(f"# mine: began as a copy of the packaged study {like}.\n#   tieline run mine.yaml\n")
    title, *notes = packaged_studies()[like].read_text(encoding="utf-8").partition("name: ")[0].splitlines()
    assert title not in written
    assert notes == written.partition("name: ")[0].splitlines()[2:]
    shown = yaml.safe_load(accepted("show", "mine.yaml"))
    assert shown["name"] == "mine"
    assert shown | {"name": like} == yaml.safe_load(accepted("show", like))


@pytest.mark.parametrize("like", packaged_sweeps())
def test_new_writes_a_commented_sweep_that_speaks_of_itself(like, tmp_path):
    assert "tieline sweep mine.yaml" in accepted("new", "mine.yaml", "--like", like)
    written = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert written.startswith(f"# mine: began as a copy of the packaged sweep {like}.\n#   tieline sweep mine.yaml\n")
    assert written.count(like) == 1
    packaged, mine = read_sweep(packaged_sweeps()[like]), read_sweep(tmp_path / "mine.yaml")
    assert mine == packaged.model_copy(update={"name": "mine"})


@pytest.mark.parametrize("stem", ["2026", "on", "null", "1e3", "my study", ".mine", "größer"])
def test_new_writes_no_study_that_cannot_be_read(stem, ended, tmp_path):
    """A file name may be no name of a study, or something else than a word to YAML."""
    status, _, err = ended("new", f"{stem}.yaml")
    assert status in (0, None, 2)
    if status == 2:
        assert_one_message(err)
        assert not (tmp_path / f"{stem}.yaml").exists()
    else:
        assert yaml.safe_load(accepted("show", f"{stem}.yaml"))["fleet"]


def test_new_never_overwrites(refused, tmp_path):
    (tmp_path / "mine.yaml").write_text("precious")
    assert "nothing is overwritten" in refused("new", "mine.yaml")
    assert (tmp_path / "mine.yaml").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("mine.txt",), ["mine.txt", "ends in .yaml"]),
        (("mine.yaml", "--like", "theirs"), ["--like theirs", "microgrid33"]),
        (("no/such/folder/mine.yaml",), ["no/such/folder/mine.yaml", "can't be written"]),
        (("file/mine.yaml",), ["file/mine.yaml", "can't be written"]),
    ],
)
def test_new_refuses(refused, tmp_path, arguments, parts):
    (tmp_path / "file").write_text("in the way")
    message = refused("new", *arguments)
    for part in parts:
        assert part in message
    assert not list(tmp_path.rglob("mine*"))


def test_options_reach_the_study_and_win_over_set():
    study = find_study("microgrid33", overrides=["seed=5", "days=4"], options={"seed": 7, "days": None})
    assert (study.seed, study.days) == (7, 4)
