"""Bad studies, bad options, misuse and faults of the program: the message and the exit status."""

import pytest
from cli import FAST, accepted, assert_one_message, process

import experiments.__main__ as command_line
from agents.anm import policy_names
from agents.bidding import strategy_names
from experiments.catalog import OPTIONS, _option, packaged_studies, packaged_sweeps
from sim.market.imbalance import RULES

pytestmark = pytest.mark.usefixtures("in_own_folder")


# ---- bad studies and options ---------------------------------------------------------------------------------

BAD_STUDY = [
    (("nope",), ["unknown study 'nope'", "microgrid33", "a YAML file", "tieline studies", "tieline new"]),
    (("none.yaml",), ["none.yaml", "can't be read", "tieline new none.yaml"]),
    (("microgrid33", "--set", "uncertainty.kep=3"), ["uncertainty.kep", "unknown key", "did you mean 'keep'"]),
    (("microgrid33", "--set", "wether.sun=3"), ["wether", "unknown key", "known are name"]),
    (("microgrid33", "--set", "keep"), ["--set keep", "key=value"]),
    (("microgrid33", "--set", "days.x=1"), ["--set days.x=1", "'days' is a value"]),
    (("microgrid33", "--set", "fleet.battery.9.bus=1"), ["--set", "'9' must be a position 0..4"]),
    (("microgrid33", "--set", "days=many"), ["days", "integer", "'many'"]),
    (("microgrid33", "--set", "fleet.wind.0.max_s_mva=big"), ["fleet.wind.0.max_s_mva", "number", "'big'"]),
    (("microgrid33", "--set", "fleet.wind=3"), ["fleet.wind", "must be a list"]),
    (("microgrid33", "--set", "fleet.pv.4.max_s_mva=-0.6"), ["fleet.pv.4.max_s_mva", "-0.6", "MVA is positive"]),
    (("microgrid33", "--set", "fleet.battery.2.start_soc=50"), ["fleet.battery.2.start_soc", "50", "percent: 0.5?"]),
    (("microgrid33", "--set", "market.tariff.loss_factor=.nan"), ["market.tariff.loss_factor", "finite", "nan"]),
    (("microgrid33", "--set", "market.rule=case3"), ["market.rule", "unknown rule 'case3'", "caiso"]),
    (("microgrid33", "--set", "bidding=bold"), ["bidding", "unknown 'bold'", *strategy_names()]),
    (("microgrid33", "--set", "policy=lazy"), ["policy", "unknown 'lazy'", *policy_names()]),
    (("microgrid33", "--set", "uncertainty.keep=1001"), ["uncertainty", "keep is 1001", "1000 scenarios", "lower"]),
]


@pytest.mark.parametrize(("arguments", "parts"), BAD_STUDY, ids=lambda value: " ".join(value[-1:]))
def test_bad_study_is_refused(refused, tmp_path, arguments, parts):
    message = refused("run", *arguments)
    for part in parts:
        assert part in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["evaluate", "bid", "show"])
@pytest.mark.parametrize(("arguments", "parts"), [BAD_STUDY[0], BAD_STUDY[2], BAD_STUDY[10]], ids=["0", "2", "10"])
def test_bad_study_is_refused_by_every_command(refused, command, arguments, parts):
    message = refused(command, *arguments)
    for part in parts:
        assert part in message


LONG = "long" * 100


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", LONG),
        ("run", "microgrid33", *FAST, "--out", LONG),
        ("new", f"{LONG}.yaml"),
        ("audit", LONG),
        ("run", "microgrid33", "--set", f"profiles.file={LONG}.csv"),
        ("run", "microgrid33", "--set", f"grid.case={LONG}.json"),
    ],
    ids=["study", "out", "new", "audit", "profiles", "net"],
)
def test_a_name_too_long_for_a_file_is_refused(refused, arguments):
    assert LONG in refused(*arguments)


@pytest.mark.parametrize("target", [".", "folder", "folder.yaml", "runs/"])
def test_a_folder_without_a_study_is_refused(refused, tmp_path, target):
    (tmp_path / target).mkdir(exist_ok=True)
    message = refused("run", target)
    for part in (f"{target}: is a folder without a study.yaml", "give a run folder, a YAML file", "microgrid33"):
        assert part in message


SWEEP, STUDY = packaged_sweeps()["penalty_band"], packaged_studies()["microgrid33"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("run", "penalty_band"), ["penalty_band: is a sweep", "tieline sweep penalty_band"]),
        (("run", SWEEP), [f"{SWEEP}: is a sweep", f"tieline sweep {SWEEP}"]),
        (("sweep", "microgrid33"), ["microgrid33: is a study", "tieline run microgrid33"]),
        (("sweep", STUDY), [f"{STUDY}: is a study", f"tieline run {STUDY}"]),
        (("sweep", "."), [".: is a folder", "penalty_band"]),
    ],
    ids=["packaged sweep", "sweep file", "packaged study", "study file", "folder"],
)
def test_a_sweep_for_a_study_and_the_reverse_are_refused(refused, arguments, parts):
    message = refused(*arguments)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("name: [", ["is not YAML"]),
        ("name: a\nname: b\nfleet: {}\n", ["key 'name' is given twice"]),
        ("- name: a", ["is not a study", "mapping of keys"]),
        ("", ["is not a study"]),
    ],
)
def test_a_file_that_is_no_study_is_refused(refused, tmp_path, text, parts):
    (tmp_path / "mine.yaml").write_text(text)
    message = refused("run", "mine.yaml")
    for part in ("mine.yaml", *parts):
        assert part in message


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--policy", "lazy"), ["policy: unknown 'lazy'", *policy_names()]),
        (("--bidding", "bold"), ["bidding: unknown 'bold'", *strategy_names()]),
        (("--bidding", ""), ["bidding: unknown ''", *strategy_names()]),
        (("--rule", "case3"), ["--rule case3: market.rule", "unknown rule 'case3'", *RULES]),
        (("--rule", ""), ["--rule '': market.rule", "unknown rule ''", *RULES]),
        (("--days", "0"), ["--days 0: days: input should be greater than or equal to 1"]),
        (("--seed", "-1"), ["--seed -1: seed", "greater than or equal to 0", "-1"]),
        (("--seed", str(2**63)), ["seed", "less than"]),
        (
            ("--scenarios", "30", "--keep", "31"),
            ["--scenarios 30, --keep 31: ", "keep is 31", "30 scenarios", "lower keep or raise scenarios"],
        ),
        (("--scenarios", "0"), ["--scenarios 0: uncertainty.scenarios", "greater than or equal to 1"]),
        (("--keep", "0"), ["--keep 0: uncertainty.keep", "greater than or equal to 1"]),
        (("--keep", "few"), ["--keep few: uncertainty.keep", "whole number", "or all"]),
        (("--cvar-weight", "2"), ["--cvar-weight 2.0: risk.cvar_weight", "less than or equal to 1"]),
        (
            ("--set", "fleet.battery.*.start_soc=50"),
            ["--set fleet.battery.*.start_soc=50: fleet.battery.4.start_soc", "percent: 0.5?"],
        ),
        (
            ("--set", "fleet.battery.2.max_soc=0.4"),
            ["--set fleet.battery.2.max_soc=0.4: fleet.battery.2: min_soc <= start_soc <= max_soc"],
        ),
        (("--set", "uncertainty.kep=5"), ["--set uncertainty.kep=5: uncertainty.kep", "did you mean 'keep'"]),
    ],
    ids=lambda value: " ".join(value[-2:]),
)
def test_bad_option_is_refused(ended, tmp_path, options, parts):
    """Options are blamed for what they say, not the packaged file."""
    status, out, message = ended("run", "microgrid33", *options)
    assert (status, out) == (2, "")
    assert message.startswith("tieline: ")
    for part in parts:
        assert part in message
    assert "microgrid33.yaml" not in message
    assert not list(tmp_path.iterdir())


def test_a_file_is_blamed_for_what_no_option_says(refused, tmp_path):
    text = STUDY.read_text(encoding="utf-8").replace("max_e_mwh: 0.36", "max_e_mwh: -1", 1)
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    message = refused("run", "mine.yaml", "--days", "3", "--seed", "4")
    assert message.startswith("tieline: mine.yaml: fleet.battery.0.max_e_mwh: ")


@pytest.mark.parametrize("key", OPTIONS.items(), ids=lambda item: item[0])
def test_messages_name_the_option_that_sets_a_value(key):
    name, path = key
    assert _option(path, "x").given == f"--{name.replace('_', '-')} x"


def test_what_yaml_reads_as_something_else_than_a_word_is_no_policy(refused):
    for value in ("no", "1", "", "[", "~"):
        assert "policy" in refused("run", "microgrid33", "--policy", value)


def test_several_faults_are_all_named_in_one_message(ended):
    status, out, err = ended("run", "microgrid33", "--days", "0", "--seed", "-1")
    assert (status, out) == (2, "")
    assert err.count("tieline: ") == 1
    assert "--days 0: days: " in err
    assert "--seed -1: seed: " in err


def test_bad_input_as_the_shell_sees_it(tmp_path):
    done = process("run", "nope", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_message(done.stderr)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("evaluate", "microgrid33", *FAST, "--on", "monday"), ["--on monday", "kept", "test"]),
        (("bid", "microgrid33", "--json", "--csv"), ["--json and --csv", "choose one"]),
    ],
)
def test_contradictory_choice_is_refused(refused, arguments, parts):
    message = refused(*arguments)
    for part in parts:
        assert part in message


# ---- misuse and help -----------------------------------------------------------------------------------------


@pytest.fixture
def misused(ended):
    """Run the command line in this process with arguments it does not take; return the error shown."""

    def _misused(*arguments):
        status, out, err = ended(*arguments)
        assert status == 2
        assert out == ""
        assert err.count("Error") == 1
        assert "Traceback" not in err
        return err

    return _misused


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("frobnicate",), "frobnicate"),
        (("run",), "study"),
        (("audit",), "run_dir"),
        (("new",), "file"),
        (("run", "microgrid33", "extra"), "extra"),
        (("run", "microgrid33", "--dayz", "3"), "--dayz"),
        (("run", "microgrid33", "--days", "many"), "--days"),
        (("run", "microgrid33", "--seed", "1.5"), "--seed"),
        (("run", "microgrid33", "--seed"), "--seed"),
        (("evaluate", "microgrid33", "--workers", "0"), "--workers"),
        (("evaluate", "microgrid33", "--test-scenarios", "0"), "--test-scenarios"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_misuse_is_refused_by_the_name_of_what_is_wrong(misused, arguments, part):
    assert part.lower() in misused(*arguments).lower()


@pytest.mark.parametrize("command", ["", "run", "evaluate", "bid", "audit", "studies", "show", "new", "bench"])
def test_every_command_has_help(command):
    text = accepted(*command.split(), "--help")
    assert f"tieline {command}" in text or "Usage" in text
    assert "Traceback" not in text


def test_without_a_command_the_help_is_shown(ended):
    _, out, err = ended()
    assert "Commands" in out + err


# ---- what is not the user's fault ----------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch):
    """Make the command line raise an error."""

    def _broken(error):
        def app():
            raise error

        monkeypatch.setattr(command_line, "app", app)

    return _broken


def test_interrupt_ends_with_status_130(broken, ended):
    broken(KeyboardInterrupt())
    assert ended("run", "microgrid33") == (130, "", "")


def test_an_error_of_the_program_is_not_passed_off_as_bad_input(broken):
    broken(ValueError("shapes do not match"))
    with pytest.raises(ValueError, match="shapes do not match"):
        command_line.main()
