"""The store of a sweep: files whole or not there, exactly the runs that are asked for, and what a full disk does."""

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from swept import FACTOR, contents, plan_at, plan_of, sweep_of, task_of, write_sweep

from experiments.sweeps import store as store_module
from experiments.sweeps.outputs import HOURLY, OUTPUTS
from experiments.sweeps.plan import read_sweep
from experiments.sweeps.results import read_results
from experiments.sweeps.store import MORE, Store, labels_of
from experiments.sweeps.sweep_file import SweepFile
from experiments.sweeps.worker import Product, parquet, perform
from sim.errors import StudyError
from sim.ledger import TABLES

AXIS = {"values": {FACTOR: [1, 2]}}


@pytest.fixture(scope="module")
def products():
    """Play every run that is asked for once; return what comes of it by key and outputs."""
    played = {}

    def _product(run, outputs):
        kept = played.get(run.key)
        if kept is None:
            kept = played[run.key] = perform(task_of(run, "all"))
            assert kept.error == "", kept.traceback
        labelled = {name: part for name, part in kept.parts.items() if name == "results" or name in MORE[outputs]}
        return Product(key=run.key, parts=labelled, seconds=kept.seconds, memory_gb=1.0, worker="here")

    return _product


@pytest.fixture
def filled(products):
    """Fill a folder as a sweep does, with what is not there yet; return how many runs that were."""

    def _filled(folder, plan):
        store = Store(folder)
        with store.locked():
            store.prepare(plan)
            left = [run for run in plan.runs() if run.key not in store.done(plan.sweep.outputs) | store.failed()]
            for run in left:
                product = products(run, plan.sweep.outputs)
                fresh = {**product.parts, "results": relabelled(product.parts["results"], run)}
                if "hourly" in fresh:
                    fresh["hourly"] = relabelled(fresh["hourly"], run)
                store.keep(run, Product(key=run.key, parts=fresh, seconds=product.seconds))
        return len(left)

    return _filled


def relabelled(content, run):
    """Return a file as a worker makes it for a run of another sweep with the same key."""
    frame = pq.read_table(pa.BufferReader(content)).to_pandas()
    figures = frame.iloc[:, list(frame.columns).index("seed") + 1 :]
    labels = pd.DataFrame({name: [value] * len(frame) for name, value in labels_of(run).items()})
    return parquet(pd.concat([labels, figures], axis=1))


def keys(plan):
    return {run.key for run in plan.runs()}


def stored(folder, name="results"):
    return {path.stem for path in (folder / name).glob("*.parquet")}


def rows(folder, name="results"):
    return pd.read_parquet(folder / name)


# ---- what lies in the folder -------------------------------------------------------------------------------------


def test_there_is_one_row_and_one_row_group_for_every_run(tmp_path, filled):
    plan = plan_of(AXIS, replications=2, outputs="all")
    filled(tmp_path / "out", plan)
    for name in ("results", *MORE["all"]):
        files = [pq.ParquetFile(path) for path in (tmp_path / "out" / name).glob("*.parquet")]
        assert len(files) == plan.count
        assert {file.metadata.num_row_groups for file in files} == {1}, name
    assert len(rows(tmp_path / "out")) == plan.count


def test_a_row_says_which_run_it_is_of_and_has_every_output(tmp_path, filled):
    plan = plan_of(AXIS, replications=2, outputs="hourly")
    filled(tmp_path / "out", plan)
    labels = ["key", FACTOR, "replication", "seed"]
    found = rows(tmp_path / "out")
    assert [*found] == [*labels, *(output.name for output in OUTPUTS)]
    expected = {run.key: labels_of(run) for run in plan.runs()}
    assert {row["key"]: row for row in found[labels].to_dict("records")} == expected
    hours = rows(tmp_path / "out", "hourly")
    assert [*hours] == [*labels, "day", "hour", *HOURLY]
    assert hours.groupby("key")["hour"].apply(list).to_dict() == {key: [*range(1, 25)] for key in expected}


def test_hours_add_up_to_the_row(tmp_path, filled):
    filled(tmp_path / "out", plan_of(outputs="hourly"))
    (row,) = rows(tmp_path / "out").to_dict("records")
    hours = rows(tmp_path / "out", "hourly")
    assert row["bid_mwh"] == pytest.approx(hours["bid_mw"].sum())
    assert row["metered_mwh"] == pytest.approx(hours["metered_mw"].sum())
    assert row["losses_mwh"] == pytest.approx(hours["loss_mw"].sum())
    assert row["load_curtailed_mwh"] == pytest.approx(hours["load_curtailed_mw"].sum())
    assert row["generation_mwh"] == pytest.approx(hours["generation_mw"].sum())
    assert row["generation_curtailed_mwh"] == pytest.approx(hours["generation_curtailed_mw"].sum())
    assert row["outside_band_mwh"] == pytest.approx((hours["over_mwh"] + hours["under_mwh"]).sum())
    assert row["imbalance"] == pytest.approx(hours["imbalance"].sum())
    assert (row["min_vm_pu"], row["max_vm_pu"]) == (hours["min_vm_pu"].min(), hours["max_vm_pu"].max())


def test_the_folder_says_what_was_asked_for_and_with_what_it_was_computed(tmp_path, filled):
    sweep = sweep_of(AXIS, set={"grid.line_max_s_mva": None, "bidding": "basic", "policy": "none"}, replications=2)
    assert sweep.set["grid.line_max_s_mva"] is None
    store = Store(tmp_path / "out")
    plan = plan_of(AXIS, set=sweep.set, replications=2)
    with store.locked():
        store.prepare(plan)
    assert read_sweep(tmp_path / "out" / "sweep.yaml") == sweep
    assert "clarabel" in json.loads((tmp_path / "out" / "versions.json").read_text(encoding="utf-8"))
    listed = pd.read_parquet(tmp_path / "out" / "runs.parquet").to_dict("records")
    assert listed == [labels_of(run) for run in plan.runs()]


@pytest.mark.parametrize(
    "axis",
    [
        {"values": {"search.time_limit_s": [None, 3]}},
        {"range": {"days": {"start": 1, "stop": 2, "count": 2}}},
        {"latin_hypercube": {"count": 3, "within": {"days": [1, 3], FACTOR: [1.0, 2.0]}}},
        {"csv": "points.csv"},
        {"values": {"market.rule": ["case1"], "x": [[1, {"a": None}]]}},
    ],
)
def test_a_sweep_s_file_is_written_as_it_was_read(axis):
    sweep = sweep_of(axis, report={"along": "days"})
    assert store_module._document(sweep).count("name:") == 1
    import yaml

    assert SweepFile.model_validate(yaml.safe_load(store_module._document(sweep))) == sweep


def test_pandas_arrow_duckdb_and_polars_read_it_as_it_stands(tmp_path, filled):
    plan = plan_of(AXIS, replications=2, outputs="all")
    filled(tmp_path / "out", plan)
    expected = rows(tmp_path / "out").sort_values("key").reset_index(drop=True)
    import pyarrow.dataset as ds

    arrow = ds.dataset(tmp_path / "out" / "results").to_table().to_pandas().sort_values("key")
    pd.testing.assert_frame_equal(arrow.reset_index(drop=True), expected)
    assert len(rows(tmp_path / "out", "hourly")) == 24 * plan.count


@pytest.mark.parametrize("name", ["results", "hourly", *(f"tables/{table}" for table in TABLES)])
def test_other_programs_read_every_data_set_of_different_studies(name, mixed):
    expected = rows(mixed, name)
    duckdb = pytest.importorskip("duckdb")
    found = duckdb.sql(f"select * from '{mixed}/{name}/*.parquet'").df()
    assert ([*found], len(found)) == ([*expected], len(expected))
    polars = pytest.importorskip("polars")
    found = polars.read_parquet(mixed / name / "*.parquet")
    assert (found.columns, len(found)) == ([*expected], len(expected))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, products):
    """Return the folder of a sweep over a study without and one with microgrids."""
    folder = tmp_path_factory.mktemp("mixed") / "out"
    store = Store(folder)
    plan = plan_of(
        {"values": {"study": ["microgrid33", "networked33"]}},
        outputs="all",
        set={
            "policy": "myopic",
            "coordination": "uncoordinated",
            "uncertainty.scenarios": 4,
            "uncertainty.keep": 2,
        },
    )
    with store.locked():
        store.prepare(plan)
        for run in plan.runs():
            store.keep(run, products(run, "all"))
    assert store.done("all") == keys(plan)
    return folder


def test_a_figure_of_microgrids_is_missing_where_there_are_none(mixed):
    found = rows(mixed).set_index("study")
    assert found["total_cost"].isna().to_dict() == {"microgrid33": True, "networked33": False}


# ---- the file of the sweep changes -------------------------------------------------------------------------------


def test_more_replications_play_only_what_is_missing(tmp_path, filled):
    assert filled(tmp_path / "out", plan_of(AXIS)) == 2
    before = contents(tmp_path / "out", "results")
    assert filled(tmp_path / "out", plan_of(AXIS, replications=2)) == 2
    assert before.items() < contents(tmp_path / "out", "results").items()
    assert filled(tmp_path / "out", plan_of(AXIS, replications=2)) == 0


def test_other_values_put_runs_aside_and_back_again(tmp_path, filled):
    one, two = plan_of(AXIS, outputs="all"), plan_of({"values": {FACTOR: [2, 3]}}, outputs="all")
    filled(tmp_path / "out", one)
    before = contents(tmp_path / "out")
    assert filled(tmp_path / "out", two) == 1
    assert stored(tmp_path / "out") == stored(tmp_path / "out", "hourly") == keys(two)
    assert (
        stored(tmp_path / "out" / "aside")
        == stored(tmp_path / "out" / "aside", "tables/buses")
        == keys(one) - keys(two)
    )
    assert filled(tmp_path / "out", one) == 0
    assert contents(tmp_path / "out") == before


def test_mended_labels_are_the_bytes_of_an_undisturbed_sweep(tmp_path, filled):
    """A value that becomes 2.0 for another that is no whole number, a new factor, a text: nothing is played again."""
    plans = [
        plan_of(AXIS, outputs="hourly"),
        plan_of({"values": {FACTOR: [1, 2, 2.5]}}, outputs="hourly"),
        plan_of({"values": {FACTOR: [1, 2, 2.5], "market.rule": ["case1"]}}, outputs="hourly"),
        plan_of({"values": {"x": [2, 1]}}, factors={"x": {"paths": [FACTOR]}}, outputs="hourly"),
        plan_of({"values": {FACTOR: [1, 2], "uncertainty.keep": [2]}}, {"values": {"days": [1]}}, outputs="hourly"),
    ]
    played = [filled(tmp_path / "out", plan) for plan in plans[:1]]
    for number, plan in enumerate(plans[1:]):
        played.append(filled(tmp_path / "out", plan))
        filled(tmp_path / f"fresh{number}", plan)
        assert contents(tmp_path / "out") == contents(tmp_path / f"fresh{number}")
    assert played == [2, 1, 0, 0, 0]


def test_outputs_can_be_asked_for_later(tmp_path, filled):
    for outputs in ("summary", "hourly", "all"):
        plan = plan_of(AXIS, outputs=outputs)
        assert filled(tmp_path / "out", plan) == 2
        assert Store(tmp_path / "out").done(outputs) == keys(plan)
    for outputs in ("summary", "hourly", "all"):
        assert filled(tmp_path / "out", plan_of(AXIS, outputs=outputs)) == 0
    filled(tmp_path / "fresh", plan_of(AXIS, outputs="all"))
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


# ---- what a killed sweep leaves behind ---------------------------------------------------------------------------


def test_a_run_without_its_row_does_not_count_and_is_dropped(tmp_path, filled):
    plan = plan_of(AXIS, outputs="all")
    filled(tmp_path / "out", plan)
    before = contents(tmp_path / "out")
    (lost,) = [run.key for run in plan.runs()][:1]
    (tmp_path / "out" / "results" / f"{lost}.parquet").unlink()
    assert lost not in Store(tmp_path / "out").done("all")
    store = Store(tmp_path / "out")
    with store.locked():
        store.prepare(plan)
    assert lost not in stored(tmp_path / "out", "hourly") | stored(tmp_path / "out", "tables/buses")
    assert filled(tmp_path / "out", plan) == 1
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["results", "hourly", "tables/buses"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda content: content[: len(content) // 2],
        lambda _: b"PAR1 no PAR1",
        lambda content: content[:60] + bytes([content[60] ^ 1]) + content[61:],
    ],
    ids=["empty", "half", "text", "one bit"],
)
def test_a_damaged_file_is_made_again(tmp_path, filled, name, spoil):
    plan = plan_of(AXIS, outputs="all")
    filled(tmp_path / "out", plan)
    before = contents(tmp_path / "out")
    path = sorted((tmp_path / "out" / name).glob("*.parquet"))[0]
    path.write_bytes(spoil(path.read_bytes()))
    assert filled(tmp_path / "out", plan) == 1
    assert contents(tmp_path / "out") == before


def test_whatever_is_unfinished_goes(tmp_path, filled):
    plan = plan_of(AXIS)
    filled(tmp_path / "out", plan)
    before = contents(tmp_path / "out")
    (tmp_path / "out" / "unfinished" / "abc.parquet.123").write_bytes(b"PAR1")
    assert filled(tmp_path / "out", plan) == 0
    assert [*(tmp_path / "out" / "unfinished").iterdir()] == []
    assert contents(tmp_path / "out") == before


STEPS = ["mkdir", "replace", "write_bytes", "touch"]


@pytest.mark.parametrize("moment", range(1, 26))
def test_a_sweep_killed_as_it_begins_can_be_started_again(tmp_path, filled, moment, monkeypatch):
    """Stopped at every one of the first changes to the disk, as by a kill: nothing after it is done."""
    plan = plan_of(AXIS, outputs="all")
    left = [moment]

    class Killed(BaseException):
        pass

    def dying(original):
        def step(self, *given, **named):
            left[0] -= 1
            if left[0] <= 0:
                raise Killed
            return original(self, *given, **named)

        return step

    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(Path, name, dying(getattr(Path, name)))
        with pytest.raises(Killed):
            filled(tmp_path / "out", plan)
    filled(tmp_path / "out", plan)
    assert Store(tmp_path / "out").done("all") == keys(plan)


def test_torn_timings_are_mended(tmp_path, filled):
    plan = plan_of(AXIS)
    filled(tmp_path / "out", plan)
    store = Store(tmp_path / "out")
    timings = tmp_path / "out" / "timings.csv"
    whole = timings.read_text(encoding="utf-8")
    for torn in (whole[:-5], whole + "abc,1", whole[:7], ""):
        timings.write_text(torn, encoding="utf-8")
        store.timings.mend()
        for run in plan.runs():
            store.timings.add(Product(key=run.key, seconds={"total": 1.5}))
        found = store.timings.frame()
        assert set(found.index) == keys(plan)
        assert set(found["total_s"]) == {1.5}


def test_there_are_no_times_before_the_first_run(tmp_path):
    timings = Store(tmp_path).timings
    assert len(timings.frame()) == 0
    timings.path.touch()
    assert len(timings.frame()) == 0


# ---- whose folder it is ------------------------------------------------------------------------------------------


def test_another_sweep_s_folder_is_refused_and_stays_as_it_is(tmp_path, filled):
    filled(tmp_path / "out", plan_of(AXIS))
    before = contents(tmp_path / "out")
    with pytest.raises(StudyError, match=r"^--out .* holds the sweep 'tiny', not 'other'; give another folder"):
        filled(tmp_path / "out", plan_of(name="other"))
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["notes.txt", "sweep.yaml", "results"])
def test_a_folder_that_holds_something_else_is_refused(tmp_path, filled, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(StudyError, match=r"^--out .*: holds something else than a sweep; give another folder"):
        filled(tmp_path / "out", plan_of(AXIS))
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
    assert (tmp_path / "out" / name).read_text() == "mine"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, filled):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(StudyError, match=r"^--out .*: holds something else"):
        filled(tmp_path / "out", plan_of(AXIS))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda versions: json.dumps(versions | {"clarabel": "0.0.1"}), r"was computed with clarabel 0\.0\.1 \(now "),
        (lambda versions: json.dumps({**versions, "model": "x"}), r"was computed with model x \(now "),
        (lambda versions: json.dumps({name: versions[name] for name in list(versions)[1:]}), r"python None \(now "),
        (lambda _: "{", r"versions\.json can't be read, so it isn't known what this was computed with"),
    ],
)
def test_what_was_computed_with_other_versions_is_not_gone_on_with(tmp_path, filled, spoil, told):
    filled(tmp_path / "out", plan_of(AXIS))
    versions = tmp_path / "out" / "versions.json"
    versions.write_text(spoil(json.loads(versions.read_text(encoding="utf-8"))), encoding="utf-8")
    for path in (tmp_path / "out" / "results").iterdir():  # what is aside counts as well
        path.replace(tmp_path / "out" / "aside" / path.name)
    with pytest.raises(StudyError, match=told):
        filled(tmp_path / "out", plan_of(AXIS))


def test_the_second_of_two_is_refused_and_the_first_goes_on(tmp_path, filled):
    store, other = Store(tmp_path / "out"), Store(tmp_path / "out")
    with store.locked():
        with (
            pytest.raises(StudyError, match=r"^--out .*: another sweep is at work in this folder; wait for it"),
            other.locked(),
        ):
            pass
        store.prepare(plan_of(AXIS))
        with pytest.raises(StudyError, match="another sweep is at work"), other.locked():
            pass
    with other.locked():
        pass


# ---- failures ----------------------------------------------------------------------------------------------------


def test_a_failure_is_kept_until_it_is_forgiven_or_the_run_succeeds(tmp_path, products):
    plan = plan_of({"values": {"study": ["microgrid33"]}}, replications=2)
    store = Store(tmp_path / "out")
    first, second = plan.runs()
    with store.locked():
        store.prepare(plan)
        for run in (first, second):
            store.keep(run, Product(key=run.key, error="ValueError: no", traceback="Traceback ...", worker="host:1"))
        assert (store.done(), store.failed()) == (set(), {first.key, second.key})
        told = json.loads((store.folder / "failures" / f"{first.key}.json").read_text(encoding="utf-8"))
        assert told == labels_of(first) | {
            "error": "ValueError: no",
            "traceback": "Traceback ...",
            "worker": "host:1",
            "document": first.document,
        }
        store.keep(first, products(first, "summary"))
        assert (store.done(), store.failed()) == ({first.key}, {second.key})
        store.forgive(plan)
        assert store.failed() == set()


# ---- the results, read again -------------------------------------------------------------------------------------


def test_results_are_read_in_the_order_of_the_plan_wherever_the_sweep_s_file_is(tmp_path, filled):
    """Also if CSV and study lay beside the file, and are gone."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "points.csv").write_text(f"{FACTOR},days\n3,1\n1,1\n2,1\n", encoding="utf-8")
    shutil.copy(Path(store_module.__file__).parents[1] / "studies" / "microgrid33.yaml", home / "own.yaml")
    plan = plan_at(write_sweep(home / "tiny.yaml", {"csv": "points.csv"}, study="own.yaml", replications=2))
    filled(tmp_path / "out", plan)
    shutil.rmtree(home)
    results = read_results(tmp_path / "out")
    assert results.factors == (FACTOR, "days")
    assert results.planned == len(results.runs) == 6
    assert [*results.runs[FACTOR]] == [3, 3, 1, 1, 2, 2]
    assert [*results.runs["replication"]] == [1, 2] * 3
    assert [*results.runs["key"]] == [run.key for run in plan.runs()]
    assert results.runs["total_s"].notna().all()
    assert len(results.failed) == 0


def test_results_are_read_while_the_sweep_is_at_work(tmp_path, products):
    plan = plan_of(AXIS, replications=2)
    store, (first, second, *_) = Store(tmp_path / "out"), plan.runs()
    with store.locked():
        store.prepare(plan)
        results = read_results(tmp_path / "out")
        assert (len(results.runs), results.planned, len(results.failed)) == (0, 4, 0)
        assert {FACTOR, "replication", "profit", "total_s"} <= set(results.runs)
        store.keep(second, products(second, "summary"))
        store.keep(first, Product(key=first.key, error="ValueError: no"))
        results = read_results(tmp_path / "out")
    assert [*results.runs["key"]] == [second.key]
    assert results.failed[["key", FACTOR, "error"]].to_dict("records") == [
        {"key": first.key, FACTOR: 1, "error": "ValueError: no"}
    ]


def test_a_folder_without_a_sweep_has_no_results(tmp_path):
    with pytest.raises(StudyError, match=r": is not the folder of a sweep; tieline sweep FILE --out .* makes one"):
        read_results(tmp_path)


# ---- a full disk -------------------------------------------------------------------------------------------------


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def half_written(original):
    def write_bytes(path, content):
        original(path, content[: len(content) // 2])
        full()

    return write_bytes


def disk_full_at(patch, moment):
    """Have the disk be full at one of the following writes; return how many are left until then."""
    left = [moment]

    def at(step, broken):
        original = getattr(Path, step)

        def failing(self, *given, **named):
            if step == "open" and (given or ("r",))[0] not in {"a", "w"}:
                return original(self, *given, **named)
            left[0] -= 1
            return (original if left[0] else broken)(self, *given, **named)

        patch.setattr(Path, step, failing)

    for step, broken in {
        "write_bytes": half_written(Path.write_bytes),
        "replace": full,
        "open": full,
        "mkdir": full,
    }.items():
        at(step, broken)
    return left


@pytest.mark.parametrize("outputs", ["summary", "hourly", pytest.param("all", marks=pytest.mark.slow)])
def test_a_disk_that_is_full_at_any_write_leaves_nothing_that_counts_by_half(tmp_path, filled, outputs, monkeypatch):
    plan = plan_of(AXIS, outputs=outputs)
    filled(tmp_path / "fresh", plan)
    moment = 0
    while True:
        moment += 1
        with monkeypatch.context() as patch:
            left = disk_full_at(patch, moment)
            try:
                filled(tmp_path / "out", plan)
            except StudyError as error:
                told = str(error)
            if left[0] > 0:
                break
        assert "the disk is full" in told or "can't be written (No space" in told
        assert "\n" not in told
        if (tmp_path / "out" / "results").is_dir():
            for path in (tmp_path / "out").rglob("*.parquet"):
                pq.read_table(path)
            assert Store(tmp_path / "out").done(outputs) == stored(tmp_path / "out")
        filled(tmp_path / "out", plan)
        assert contents(tmp_path / "out") == contents(tmp_path / "fresh")
        shutil.rmtree(tmp_path / "out")
    assert moment > 2 * len(MORE[outputs]) + 8


def test_a_full_disk_takes_nothing_from_a_run_that_counted_before(tmp_path, filled, monkeypatch):
    filled(tmp_path / "out", plan_of(AXIS))
    before = contents(tmp_path / "out", "results")
    plan = plan_of(AXIS, outputs="all")
    with Store(tmp_path / "out").locked():
        Store(tmp_path / "out").prepare(plan)
    with monkeypatch.context() as patch:
        left = disk_full_at(patch, 40)
        with pytest.raises(StudyError, match="the disk is full"):
            filled(tmp_path / "out", plan)
    assert left[0] <= 0
    assert contents(tmp_path / "out", "results") == before


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of its own of a quarter of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting is not permitted")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full_is_told_and_gone_on_from(small_disk, filled):
    plan = plan_of({"values": {FACTOR: [*range(1, 5)]}}, outputs="all")
    with pytest.raises(StudyError, match="the disk is full; what is stored is whole: free some space") as refusal:
        filled(small_disk / "out", plan)
    assert "\n" not in str(refusal.value)
    for path in (small_disk / "out").rglob("*.parquet"):
        pq.read_table(path)
    done = Store(small_disk / "out").done("all")
    assert done == stored(small_disk / "out")
    assert 0 < len(done) < plan.count
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert filled(small_disk / "out", plan) == plan.count - len(done)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may write everywhere")
def test_a_folder_that_can_not_be_written_is_told(tmp_path, filled):
    tmp_path.chmod(0o500)
    with pytest.raises(StudyError, match=r"^--out .* can't be written"):
        filled(tmp_path / "out", plan_of(AXIS))
