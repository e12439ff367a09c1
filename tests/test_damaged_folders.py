"""Damaged folders of runs and sweeps, and trained files: the commands that meet them refuse in short."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from cli import LONG
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
from sim.audit import Finding

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
