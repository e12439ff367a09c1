"""Thousands of spoilt files and values: each is taken, or refused in one message; nothing else happens, and soon.

A few of each kind in every run of the tests, all of them by ``-m fuzz``.
"""

import errno
import random
import shutil
import sys
import traceback
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import STUDIES
from fuzzed import LONG, as_json, parquet_of, spoilt_bytes, spoilt_document, spoilt_table, spoilt_text, within
from swept import AXIS, relabelled, task_of, write_sweep

import experiments
from agents.value_functions.functions import KIND, read_functions, store_names
from experiments import commands
from experiments.catalog import find_study
from experiments.sweeps.design import points
from experiments.sweeps.plan import make_plan, read_sweep
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.findings import findings_of
from experiments.sweeps.report.tables import differences_csv, means_csv
from experiments.sweeps.result_store import ResultStore
from experiments.sweeps.results import read_results
from experiments.sweeps.worker import RunProduct, perform
from sim.calendar import Calendar
from sim.columns import ProfileSpec
from sim.errors import StudyError
from sim.forecasts import SeriesProfiles
from sim.profiles import load_profiles
from sim.study_file import read_study, write_study

COUNTS = {
    "study": 5000,
    "sweep": 4000,
    "set": 4000,
    "csv": 3500,
    "series": 1500,
    "trained": 2000,
    "run folder": 1000,
    "sweep folder": 500,
}
"""Numbers of spoilt inputs of each kind; 21,500 in all."""

SHORT = 60
"""Number of spoilt inputs of which one is tried in every run of the tests."""

SECONDS = 30.0
"""Longest time of an input. [s]"""

HOME = Path(experiments.__file__).parent.parent

SWEEPS = HOME / "experiments" / "sweeps" / "files"


class Trial:
    """Trial of the spoilt inputs of a kind: counts of those taken and refused, and the faults of others."""

    def __init__(self, kind):
        self.kind = kind
        self.tally = Counter()
        self.faults = {}

    def run(self, count, attempt):
        """Call ``attempt(random)`` for every number; keep the first of every sort of fault."""
        for number in range(count):
            try:
                with within(SECONDS):
                    attempt(random.Random(f"{self.kind} {number}"))
                self.tally["taken"] += 1
            except StudyError as error:
                self.tally["refused"] += 1
                if LONG[:300] in str(error) or "\x1b" in str(error):
                    self.faults.setdefault("a message that quotes too much", (number, str(error)[:300]))
            except OSError as error:
                self.tally["refused"] += 1
                if error.errno != errno.ENAMETOOLONG:  # of which the command line makes a message
                    self.faults.setdefault("OSError", (number, str(error)[:300]))
            except SystemExit as end:
                self.tally[f"status {end.code}"] += 1
            except Exception as error:
                self.tally["faults"] += 1
                self.faults.setdefault(f"{type(error).__name__} at {_place(error)}", (number, str(error)[:300]))
        assert not self.faults, "\n".join(f"{sort}: input {where}" for sort, where in self.faults.items())


def _place(error):
    """Return the last line of ours that an error passed through."""
    frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    ours = [frame for frame in frames if frame.startswith(str(HOME)) and "/tests/" not in frame]
    return (ours or frames)[-1]


@pytest.fixture(params=["short", pytest.param("long", marks=pytest.mark.fuzz)])
def tried(request, record_property, capsys):
    """Try spoilt inputs of a kind: a few, or all."""

    def _tried(kind, attempt):
        trial = Trial(kind)
        try:
            trial.run(COUNTS[kind] if request.param == "long" else -(-COUNTS[kind] // SHORT), attempt)
        finally:
            record_property("tally", dict(trial.tally))
            with capsys.disabled():
                if request.param == "long":
                    sys.stdout.write(f"\n{kind}: {dict(trial.tally)}\n")

    return _tried


def spoilt(text, random):
    """Return a YAML text spoilt as such, or as what it says."""
    if random.random() < 0.5:
        return spoilt_text(text, random)
    document = spoilt_document(yaml.safe_load(text), random)
    return random.choice([as_json, lambda it: yaml.safe_dump(it, sort_keys=False)])(document)


def write(path, text):
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


def texts(folder, *names):
    return [(folder / f"{name}.yaml").read_text(encoding="utf-8") for name in names]


def test_studies(tried, tmp_path):
    sources = texts(STUDIES, "microgrid33", "microgrid33-export", "networked33")

    def attempt(random):
        study = find_study(str(write(tmp_path / "study.yaml", spoilt(random.choice(sources), random))))
        assert read_study(write(tmp_path / "again.yaml", write_study(study))) == study

    tried("study", attempt)


def test_sweeps(tried, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.sweeps.plan._require_valid", lambda _: None)
    sources = [path.read_text(encoding="utf-8") for path in sorted(SWEEPS.glob("*.yaml"))]
    (tmp_path / "points.csv").write_text("days,market.rule\n1,case1\n2,case2\n")
    sources.append("name: s\nset: {days: 2}\naxes:\n- csv: points.csv\n- zipped: {seed: [1, 2], policy: [a, none]}\n")
    sources.append("name: s\naxes:\n- sobol: {count: 4, within: {market.tariff.wear_fast: [0, 2]}}\nreplications: 2\n")

    def attempt(random):
        sweep = read_sweep(write(tmp_path / "sweep.yaml", spoilt(random.choice(sources), random)))
        designed = points(sweep, tmp_path)
        if len(designed) * sweep.replications <= 60:
            make_plan(sweep, tmp_path)

    tried("sweep", attempt)


def _keys(node, above=""):
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield f"{above}{key}"
        if isinstance(value, dict | list):
            yield from _keys(value, f"{above}{key}.")


def test_overrides(tried, study33):
    keys = [*_keys(study33.model_dump(mode="json"))]

    def attempt(random):
        overrides = []
        for _ in range(random.choice((1, 1, 2))):
            key = random.choice(keys)
            key = random.choice((key, key, key, spoilt_text(key, random)))
            value = random.choice((as_json(spoilt_document([0], random)[:1])[1:-1], spoilt_text("1.5", random)))
            overrides.append(random.choice((f"{key}={value}",) * 9 + (spoilt_text(f"{key}={value}", random),)))
        write_study(find_study("microgrid33", overrides=overrides))

    tried("set", attempt)


def test_csv_files(tried, tmp_path, study33):
    columns = study33.profiles.columns
    day = files("sim").joinpath("data", "microgrid33_day.csv").read_text(encoding="utf-8")
    table = pd.read_csv(files("sim").joinpath("data", "microgrid33_day.csv").open("rb"))
    axis = "days,market.rule,fleet.battery.*.start_soc\n" + "1,case1,0.5\n2,case2,.7\n"
    sweep = read_sweep(write(tmp_path / "sweep.yaml", "name: s\naxes:\n- csv: points.csv\n"))

    def attempt(random):
        sort = random.randrange(4)
        if sort == 0:
            write(tmp_path / "points.csv", spoilt_text(axis, random))
            points(sweep, tmp_path)
        elif sort == 1:
            content = parquet_of(spoilt_table(table, random))
            (tmp_path / "day.parquet").write_bytes(random.choice((content, spoilt_bytes(content, random))))
            load_profiles("day.parquet", columns, folder=tmp_path)
        else:
            text = spoilt_text(day, random) if sort == 2 else spoilt_table(table, random).to_csv(index=False)
            write(tmp_path / "day.csv", text)
            load_profiles("day.csv", columns, folder=tmp_path)

    tried("csv", attempt)


def test_series_files(tried, tmp_path, grid33):
    index = pd.date_range("2015-10-30", "2015-11-03", freq="h", tz="America/Los_Angeles", inclusive="left")
    names = ("demand_pu", "price_per_mwh", "retail_price_per_mwh", "wind_pu", "pv_pu", "demand_actual_mw")
    good = pd.DataFrame({"time": index} | dict.fromkeys(names, 0.5))
    forms = (index, index.map(pd.Timestamp.isoformat), index.strftime("%Y-%m-%d %H:%M"))
    calendar = Calendar(time_zone="America/Los_Angeles", first_day="2015-10-31", step_h=0.25)

    def attempt(random):
        table, sort = good.assign(time=random.choice(forms)), random.randrange(3)
        path = tmp_path / ("year.parquet" if sort == 0 else "year.csv")
        if sort == 0:
            path.write_bytes(parquet_of(spoilt_table(table, random)))
        else:
            text = table.to_csv(index=False)
            write(path, spoilt_text(text, random) if sort == 1 else spoilt_table(table, random).to_csv(index=False))
        spec = ProfileSpec(file=str(path), time="time", actual={"demand_pu": "demand_actual_mw"}, fill_gaps_h=3)
        series = SeriesProfiles(spec, calendar, grid33)
        series.require_days(2)
        assert len(series.profiles(2).demand_pu) == 100

    tried("series", attempt)


def test_trained_files(tried, tmp_path, study33, grid33):
    names = store_names(grid33)
    document = {
        "kind": KIND,
        "provenance": {"study": study33.model_dump(mode="json")},
        "slopes_per_mwh": {name: np.tile(np.linspace(50, 0, 5), (24, 1)).tolist() for name in names},
    }

    def attempt(random):
        if random.random() < 0.5:
            text = spoilt_text(as_json(document), random)
        else:
            spoilt = dict(document)
            part = random.choice(list(spoilt) * 3 + [""])
            if part:
                spoilt[part] = spoilt_document([document[part]], random)
                spoilt[part] = spoilt[part][0] if spoilt[part] else None
            text = as_json(spoilt if part else spoilt_document(document, random))
        values = read_functions(write(tmp_path / "trained.json", text), study33, grid33)
        values.of(names, 24, np.zeros(len(names)), np.ones(len(names)))

    tried("trained", attempt)


def spoil_folder(folder, originals, random):
    """Spoil one file of a folder, which is a copy of another but for what was spoilt before."""
    for name, content in originals.items():
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    name = random.choice(list(originals))
    path, content, sort = folder / name, originals[name], random.randrange(12)
    if sort == 0:
        path.unlink()
    elif sort == 1:
        path.unlink()
        path.mkdir()
    elif sort == 2:
        path.write_bytes(spoilt_bytes(content, random))
    elif path.suffix == ".parquet":
        path.write_bytes(parquet_of(spoilt_table(pd.read_parquet(path), random)))
    elif path.suffix == ".csv" or sort < 6:
        write(path, spoilt_text(content.decode(), random))
    else:
        write(path, as_json(spoilt_document(yaml.safe_load(content), random)))


def contents(folder):
    """Return the files of a folder that are read, the study several times: most can go wrong there."""
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    read = [name for name in names if name.endswith((".yaml", ".json", ".parquet", ".csv"))]
    return {name: (folder / name).read_bytes() for name in read}


def test_run_folders(tried, copied, capsys, monkeypatch):
    originals = contents(copied)
    inputs_of = commands._inputs_of

    def attempt(random):
        spoil_folder(copied, originals, random)
        anew = random.random() < 0.1  # to draw weather and cars anew takes longer than all the rest
        monkeypatch.setattr(commands, "_inputs_of", inputs_of if anew else lambda _: "not drawn anew")
        try:
            commands.audit_run(copied, as_json=random.random() < 0.7)
        finally:
            capsys.readouterr()

    tried("run folder", attempt)


def test_sweep_folders(tried, tmp_path):
    plan = make_plan(read_sweep(write_sweep(tmp_path / "tiny.yaml", AXIS, replications=2)), tmp_path)
    store = ResultStore(tmp_path / "swept")
    with store.locked():
        store.prepare(plan)
        *done, failed = plan.runs()
        results = perform(task_of(done[0])).parts["results"]
        for run in done:
            store.keep(run, RunProduct(key=run.key, parts={"results": relabelled(results, run)}))
        store.keep(failed, RunProduct(key=failed.key, error="no [/bad] luck"))
    originals = contents(store.folder)

    def attempt(random):
        spoil_folder(store.folder, originals, random)
        if random.random() < 0.5:
            with store.locked():
                store.prepare(plan)
                store.timings.frame()
        data = ReportData.of(read_results(store.folder))
        findings_of(data)
        means_csv(data)
        differences_csv(data)

    tried("sweep folder", attempt)
