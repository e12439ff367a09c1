"""Files that are damaged, or made to do harm: the readers, and the commands that meet such files, refuse in short."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import pytest
import yaml
from cli import FEW, accepted
from conftest import STUDIES
from swept import AXIS, task_of, write_sweep

from experiments.console.audit import show_audit
from experiments.figures import day_figure, save_figure
from experiments.sweeps.plan import make_plan, read_sweep
from experiments.sweeps.report import write_report
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.tables import cell
from experiments.sweeps.result_store import ResultStore
from experiments.sweeps.results import read_results
from experiments.sweeps.worker import RunProduct, perform
from grids.documents import (
    MOST_BYTES,
    MOST_DEPTH,
    MOST_NODES,
    DocumentError,
    first_few,
    in_short,
    parse_json,
    parse_yaml,
    read_parquet,
    read_text,
    shown,
    write_yaml,
)
from sim.audit import Finding

LONG = "long" * 10_000


def bomb(levels, opened="[", closed="]"):
    lines = [f"a0: &a0 {opened}x: 1{closed}"] if opened == "{" else ["a0: &a0 [x, x, x]"]
    for level in range(1, levels):
        times = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} " + (f"{{<<: [{times}]}}" if opened == "{" else f"[{times}]"))
    return "\n".join(lines)


BAD_YAML = {
    "no date": ("a:\n- 2001-99-99", "'2001-99-99' is no timestamp, line 2"),
    "no truth value": ("!!bool maybe", "'maybe' is no bool, line 1"),
    "no number": ("!!int x", "'x' is no int"),
    "many digits": ("9" * 5000, "is no int"),
    "many hexadecimal digits": ("0x" + "f" * 5000, "more than 128 bits"),
    "many sexagesimal digits": ("1:" * 3000 + "1", "more than 128 bits"),
    "many brackets": ("[" * 3000, f"nested deeper than {MOST_DEPTH}"),
    "many lists": ("- " * 100_000, f"nested deeper than {MOST_DEPTH}"),
    "aliases": (bomb(12), f"more than {MOST_NODES:,} values, with all aliases"),
    "merged aliases": (bomb(12, "{", "}"), f"more than {MOST_NODES:,} values, with all aliases"),
    "a chain of aliases": ("\n".join(f"a{k}: &a{k} [{f'*a{k - 1}' * (k > 0)}]" for k in range(200)), "nested deeper"),
    "itself": ("&a [1, *a]", "an alias stands within what it stands for"),
    "itself as a key": ("&a {*a : 1}", "an alias stands within what it stands for"),
    "an object": ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "half a character": ('"\\ud800"', "half a character"),
    "a key twice": ("a: 1\nb: 2\na: 3", "key 'a' is given twice, line 3"),
    "a list as key": ("{[a]: 1}", "a key must be a word"),
    "an unknown alias": (f"*{LONG}", "undefined alias"),
    "an escape sequence": ("\x1b[2J", "a control character"),
}


@pytest.mark.parametrize(("text", "part"), BAD_YAML.values(), ids=BAD_YAML)
def test_bad_yaml_is_refused_at_once_and_in_a_few_words(text, part):
    start = perf_counter()
    with pytest.raises(DocumentError, match=r"^is not YAML: ") as refused:
        parse_yaml(text)
    assert part in str(refused.value)
    assert len(str(refused.value)) < 200
    assert perf_counter() - start < 5


def test_aliases_and_merged_keys_are_read_where_they_stay_small():
    assert parse_yaml("a: &a {x: 1}\nb: [*a, *a]\nc: {<<: *a, y: 2}") == {
        "a": {"x": 1},
        "b": [{"x": 1}, {"x": 1}],
        "c": {"x": 1, "y": 2},
    }


def test_what_is_written_is_read_again():
    document = {"a": [1, 1.5, 1e-3, 1e300, True, None, "1e-3", "no", "é\u2028", "2001-01-01", {"b": []}], "": {}}
    assert parse_yaml(write_yaml(document)) == document


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[" * 100_000, "nested deeper"),
        ('{"a":' * 100_000, "nested deeper"),
        ("[" * (MOST_DEPTH + 2) + "]" * (MOST_DEPTH + 2), "nested deeper"),
        ("9" * 5000, "a whole number is too large"),
        (f"[{10**100}]", "more than 128 bits"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"\\ud800": 1}', "half a character"),
        (f'["{LONG}', "Unterminated string"),
        ("", "Expecting value"),
    ],
)
def test_bad_json_is_refused_in_a_few_words(text, part):
    with pytest.raises(DocumentError, match=r"^is ") as refused:
        parse_json(text)
    assert part in str(refused.value)
    assert len(str(refused.value)) < 120


def test_no_more_is_read_than_is_allowed(tmp_path):
    for kind, most in (("YAML", "2 MB"), ("CSV", "20 MB"), ("JSON", "50 MB")):
        with (tmp_path / "large").open("wb") as file:
            file.truncate(MOST_BYTES[kind] + 1)
        with pytest.raises(DocumentError, match=f"larger than {most}, the most that is read of {kind}"):
            read_text(tmp_path / "large", kind)
    with pytest.raises(DocumentError, match="larger than 2 MB"):
        read_text(Path("/dev/zero"), "YAML")


def test_a_parquet_file_of_endless_rows_is_refused(tmp_path):
    pd.DataFrame({"a": np.zeros(1000)}).to_parquet(tmp_path / "a.parquet")
    assert len(read_parquet(tmp_path / "a.parquet")) == 1000
    with pytest.raises(DocumentError, match=r"has 1,000 rows, more than the 999 that are read"):
        read_parquet(tmp_path / "a.parquet", most_rows=999)
    with pytest.raises(DocumentError, match="has no column b; it has a"):
        read_parquet(tmp_path / "a.parquet", ["b"])
    pd.DataFrame({"a": [[1], [2]]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DocumentError, match="holds lists in its column a"):
        read_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    with pytest.raises(DocumentError, match="is no readable Parquet table"):
        read_parquet(tmp_path / "a.parquet")


def test_values_are_shown_in_short():
    assert in_short("x" * 41) == f"'{'x' * 40}'..."
    assert in_short(list(range(100)), 5) == "[0, 1..."
    assert shown("a\n\x1b[31m\tb") == "a ?[31m b"
    assert shown(LONG, 8) == "longlong..."
    assert first_few([str(k) for k in range(30)], 2) == ["0", "1", "and 28 more"]


# ---- the commands --------------------------------------------------------------------------------------------


@pytest.fixture
def study_text():
    return (STUDIES / "microgrid33.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "part"), BAD_YAML.values(), ids=BAD_YAML)
def test_a_study_and_a_sweep_of_bad_yaml_are_refused(refused, tmp_path, text, part):
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    for command in ("show", "sweep"):
        message = refused(command, tmp_path / "bad.yaml")
        assert "bad.yaml: can't be read, it is not YAML" in message
        assert len(message) < 500


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (f"policy: {LONG}", ["policy: ", "at most 60 characters, got 'long"]),
        (f"{LONG[:300]}: 1", ["longlong", "unknown key"]),
        (f"market: {{rule: {LONG}}}", ["market.rule: ", "unknown rule 'long"]),
        (f"grid: {{case: {LONG}}}", ["grid.case", "at most 1000 characters"]),
        (f"days: {LONG}", ["days: ", "got 'long"]),
        (f"days: [{LONG}, {LONG}]", ["days: "]),
        (f"market: {{tariff: {{wear_fast: '{LONG}'}}}}", ["wear_fast", "got 'long"]),
        ("grid: {feeders: 99999999}", ["grid.feeders", "less than or equal to 100", "99999999"]),
    ],
)
def test_what_is_wrong_in_a_study_is_quoted_in_a_few_words(refused, tmp_path, study_text, line, parts):
    key = line.partition(":")[0]
    document = {name: value for name, value in yaml.safe_load(study_text).items() if name != key}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(document) + line)
    message = refused("show", tmp_path / "mine.yaml")
    for part in ("mine.yaml: ", *parts):
        assert part in message
    assert len(message) < 1300
    assert LONG[:1100] not in message


def test_of_a_thousand_faults_the_first_are_told(ended, tmp_path, study_text):
    (tmp_path / "mine.yaml").write_text(study_text + "\n".join(f"x{k}: 1" for k in range(1000)))
    status, _, err = ended("show", tmp_path / "mine.yaml")
    assert status == 2
    assert err.count("\n") == 21
    assert "and 980 more" in err


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zip", ".csv.xz", ".csv.bz2", ".csv.zst", ".tar", ".xlsx", ".txt"])
def test_a_profile_is_never_unpacked(refused, tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"day{suffix}").write_bytes(b"x")
    message = refused("bid", "microgrid33", "--set", f"profiles.file=day{suffix}")
    assert "give a file that ends in .csv or .parquet, unpacked" in message


def test_a_profile_too_large_is_refused(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "day.csv").open("wb") as file:
        file.truncate(MOST_BYTES["CSV"] + 1)
    assert "larger than 20 MB" in refused("bid", "microgrid33", "--set", "profiles.file=day.csv")


def test_a_profile_may_be_a_parquet_file(tmp_path, monkeypatch, study33):
    from importlib.resources import files

    monkeypatch.chdir(tmp_path)
    day = pd.read_csv(files("sim").joinpath("data", study33.profiles.file).open("rb"))
    day.to_parquet("day.parquet", index=False)
    own = accepted("bid", "microgrid33", *FEW, "--csv", "--set", "profiles.file=day.parquet")
    assert own == accepted("bid", "microgrid33", *FEW, "--csv")


# ---- run folders ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda study: study["grid"].update(feeders=99_999_999), "grid.feeders: "),
        (lambda study: study.update(fleet=3), "fleet: must be a mapping"),
        (lambda study: study["fleet"].update(battery=[[]]), "fleet.battery.0: must be a mapping"),
        (lambda study: study["market"]["rule"].update(tiers="many"), "market.rule.tiers: must be a list"),
        (lambda study: study.pop("profiles"), "profiles: is missing"),
        (lambda study: study.pop("risk"), "risk is not as a run writes it"),
        (lambda study: study["grid"]["voltage"].pop("max_vm_pu"), "grid.voltage.max_vm_pu is not as a run writes it"),
        (lambda study: study["fleet"]["pv"][0].update(max_s_mva="1"), "fleet.pv is not as a run writes it"),
    ],
)
def test_an_audited_study_of_another_form_is_refused(copied, refused, change, part):
    study = yaml.safe_load((copied / "study.yaml").read_text(encoding="utf-8"))
    change(study)
    (copied / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    message = refused("audit", copied)
    assert "study.yaml: " in message
    assert part in message


def test_what_an_audit_found_is_shown_as_it_is(receding, capsys):
    """What stands in brackets is no markup, no escape sequence reaches the terminal, and names may be long."""
    found = Finding("balance", 1, 2, f"[/bad]\x1b[2J{LONG}", f"[red]\x1b[2J{LONG}")
    report = replace(receding.audit(), findings=(found,), limit_violations=(found,), notes=(found.where,))
    show_audit(report, Path("[/bad]"))
    out = capsys.readouterr().out
    assert out.count("[/bad]") == 4
    assert out.count("[red]") == 2
    assert "\x1b[2J" not in out
    assert LONG[:500] not in out


# ---- trained files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[" * 100_000, "nested deeper than"),
        ('{"kind": "tieline value functions", "slopes_per_mwh": ' + "[" * 100_000, "nested deeper than"),
        ("9" * 5000, "is not JSON"),
        ('{"kind": "tieline value functions", "slopes_per_mwh": {"a": [["' + LONG + '"]]}}', "is damaged"),
    ],
)
def test_a_bad_trained_file_is_refused(refused, tmp_path, text, part):
    (tmp_path / "trained.json").write_text(text)
    message = refused("run", "microgrid33", "--set", f"trained={tmp_path / 'trained.json'}", "--set", "policy=learned")
    for word in ("trained: ", "trained.json", part, "tieline train"):
        assert word in message
    assert LONG[:200] not in message


# ---- sweep folders -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def done_sweep(tmp_path_factory):
    """Return the folder of a small sweep, of which one run failed, and its plan."""
    folder = tmp_path_factory.mktemp("swept")
    path = write_sweep(folder / "tiny.yaml", AXIS, description="See ![a[b]](http://example.org/x.png) and\n\n[c]: d.e")
    plan = make_plan(read_sweep(path), folder)
    store = ResultStore(folder / "swept")
    with store.locked():
        store.prepare(plan)
        done, failed = plan.runs()
        store.keep(done, perform(task_of(done)))
        store.keep(failed, RunProduct(key=failed.key, error=f"[/bad] ![x](http://example.org/y.png) {LONG}"))
    return folder / "swept", plan


@pytest.fixture
def swept(done_sweep, tmp_path):
    return Path(shutil.copytree(done_sweep[0], tmp_path / "swept")), done_sweep[1]


def spoil_table(name, change):
    def _spoil(folder):
        path = next(folder.glob(name))
        frame = pd.read_parquet(path)
        frame = change(frame)
        frame.to_parquet(path, index=False)

    return _spoil


def overwritten(name, content):
    return lambda folder: next(folder.glob(name)).write_bytes(content)


DAMAGED = {
    "plan is garbage": (overwritten("runs.parquet", b"garbage"), "runs.parquet: is damaged"),
    "plan without keys": (spoil_table("runs.parquet", lambda f: f.drop(columns="key")), "runs.parquet: is damaged"),
    "plan without seeds": (spoil_table("runs.parquet", lambda f: f.drop(columns="seed")), "runs.parquet: is damaged"),
    "plan of lists": (spoil_table("runs.parquet", lambda f: f.assign(key=[["a"]] * len(f))), "runs.parquet: is damag"),
    "plan twice": (spoil_table("runs.parquet", lambda f: pd.concat([f, f])), "runs.parquet: is damaged"),
    "result is garbage": (overwritten("results/*", b"garbage"), "results: is damaged"),
    "result of words": (spoil_table("results/*", lambda f: f.assign(profit="much")), "results: is damaged"),
    "result of another": (spoil_table("results/*", lambda f: f.assign(key="other")), "results: is damaged"),
    "failure is a list": (overwritten("failures/*", b"[]"), "is damaged (it holds no error)"),
    "failure too deep": (overwritten("failures/*", b"[" * 100_000), "is damaged (is nested deeper"),
    "no versions": (overwritten("versions.json", b"[1]"), "versions.json: is damaged"),
    "sweep too deep": (overwritten("sweep.yaml", b"[" * 3000), "sweep.yaml: can't be read"),
}


@pytest.mark.parametrize(("damage", "part"), DAMAGED.values(), ids=DAMAGED)
def test_the_report_of_a_damaged_sweep_is_refused(swept, refused, damage, part):
    folder, _ = swept
    damage(folder)
    message = refused("report", folder)
    assert part in message
    assert str(folder) in message


@pytest.mark.parametrize(
    "damage",
    [
        overwritten("runs.parquet", b"garbage"),
        overwritten("results/*", b"garbage"),
        overwritten("timings.csv", b"\xff\xfe\x00garbage,\n\n,,,,,,,\n"),
        spoil_table("results/*", lambda f: f.iloc[:0]),
        spoil_table("results/*", lambda f: f.drop(columns="seed")),
    ],
)
def test_a_damaged_sweep_goes_on(swept, damage):
    folder, plan = swept
    damage(folder)
    store = ResultStore(folder)
    with store.locked():
        store.prepare(plan)
        for run in plan.runs():
            if run.key not in store.done() | store.failed():
                store.keep(run, perform(task_of(run)))
    assert all(math.isfinite(value) for value in read_results(folder).runs["profit"])


def test_a_sweep_with_damaged_versions_is_refused(swept, done_sweep):
    folder, plan = swept
    for content in (b"[1]", b"[" * 100_000, b"\xff"):
        (folder / "versions.json").write_bytes(content)
        with ResultStore(folder).locked(), pytest.raises(ValueError, match="versions"):
            ResultStore(folder).prepare(plan)


def test_a_report_loads_nothing_from_elsewhere(swept):
    folder, _ = swept
    results = read_results(folder)
    assert ReportData.of(results).results.failed["error"].str.len().max() < 500
    write_report(results, folder / "report")
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert "href=" not in page.replace('href="means.csv"', "").replace('href="differences.csv"', "")
    assert "default-src 'none'; img-src data:" in page
    assert "See !\\[a\\[b\\]\\]" in (folder / "report" / "report.md").read_text(encoding="utf-8").replace("]", "\\]")


@pytest.mark.parametrize(
    "text", ["![a[b]](http://x)", "[a](http://x)", "[a][b]", "[a]: http://x", "<http://x>", "[[a]](b)"]
)
def test_no_text_of_a_cell_becomes_a_link(text):
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(f"{cell(text)} word")
    assert "<a" not in html
    assert "<img" not in html


def test_json_of_a_failure_is_told_in_short(swept):
    folder, _ = swept
    stored = json.loads(next((folder / "failures").glob("*.json")).read_text(encoding="utf-8"))
    assert len(stored["error"]) > 10_000
    assert len(read_results(folder).failed["error"].iloc[0]) < 500


def test_what_a_study_says_is_no_formula_in_a_figure(receding, tmp_path):
    study = json.loads(json.dumps(receding.study))
    study["description"] = study["market"]["rule"]["name"] = r"$\frac{x$ and $_{$"
    save_figure(day_figure(receding.tables, study, day=1), tmp_path, "day")
    assert (tmp_path / "day.svg").stat().st_size


def test_an_endless_residual_is_null_in_json(copied, ended):
    buses = pd.read_parquet(copied / "buses.parquet")
    buses.loc[3, "vm_pu"] = 1e300
    buses.to_parquet(copied / "buses.parquet")
    status, out, err = ended("audit", copied, "--json")
    assert (status, err) == (1, "")
    assert None in json.loads(out, parse_constant=pytest.fail)["largest"].values()


def test_lists_in_a_table_of_a_run_are_refused(copied, refused):
    units = pd.read_parquet(copied / "units.parquet")
    units["unit"] = [[1]] * len(units)
    units.to_parquet(copied / "units.parquet")
    assert "units.parquet: can't be read, it holds lists in its column unit" in refused("audit", copied)
