"""The store of a sweep where things go wrong: killed sweeps, damaged files, others in the folder, a full disk."""

import errno
import json
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from swept import AXIS, FACTOR, contents, keys, plan_of, stored

from experiments.sweeps.result_store import MORE, ResultStore
from experiments.sweeps.worker import RunProduct
from sim.errors import StudyError

# ---- what a killed sweep leaves behind ---------------------------------------------------------------------------


def test_a_run_without_its_row_does_not_count_and_is_dropped(tmp_path, filled):
    plan = plan_of(AXIS, outputs="all")
    filled(tmp_path / "out", plan)
    before = contents(tmp_path / "out")
    (lost,) = [run.key for run in plan.runs()][:1]
    (tmp_path / "out" / "results" / f"{lost}.parquet").unlink()
    assert lost not in ResultStore(tmp_path / "out").done("all")
    store = ResultStore(tmp_path / "out")
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
    assert ResultStore(tmp_path / "out").done("all") == keys(plan)


def test_torn_timings_are_mended(tmp_path, filled):
    plan = plan_of(AXIS)
    filled(tmp_path / "out", plan)
    store = ResultStore(tmp_path / "out")
    timings = tmp_path / "out" / "timings.csv"
    whole = timings.read_text(encoding="utf-8")
    for torn in (whole[:-5], whole + "abc,1", whole[:7], ""):
        timings.write_text(torn, encoding="utf-8")
        store.timings.mend()
        for run in plan.runs():
            store.timings.add(RunProduct(key=run.key, seconds={"total": 1.5}))
        found = store.timings.frame()
        assert set(found.index) == keys(plan)
        assert set(found["total_s"]) == {1.5}


def test_there_are_no_times_before_the_first_run(tmp_path):
    timings = ResultStore(tmp_path).timings
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
        (
            lambda versions: json.dumps(versions | {"clarabel": "0.0.1"}),
            r"other versions \(here is clarabel .+ instead of 0\.0\.1\)",
        ),
        (lambda versions: json.dumps({**versions, "model": "x"}), r"other versions \(here is model .+ instead of x\)"),
        (
            lambda versions: json.dumps({name: versions[name] for name in list(versions)[1:]}),
            r"other versions \(here is python .+ instead of None\)",
        ),
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
    store, other = ResultStore(tmp_path / "out"), ResultStore(tmp_path / "out")
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


@pytest.mark.parametrize("outputs", ["summary", "hourly", pytest.param("all", marks=pytest.mark.long)])
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
            assert ResultStore(tmp_path / "out").done(outputs) == stored(tmp_path / "out")
        filled(tmp_path / "out", plan)
        assert contents(tmp_path / "out") == contents(tmp_path / "fresh")
        shutil.rmtree(tmp_path / "out")
    assert moment > 2 * len(MORE[outputs]) + 8


def test_a_full_disk_takes_nothing_from_a_run_that_counted_before(tmp_path, filled, monkeypatch):
    filled(tmp_path / "out", plan_of(AXIS))
    before = contents(tmp_path / "out", "results")
    plan = plan_of(AXIS, outputs="all")
    with ResultStore(tmp_path / "out").locked():
        ResultStore(tmp_path / "out").prepare(plan)
    with monkeypatch.context() as patch:
        left = disk_full_at(patch, 40)
        with pytest.raises(StudyError, match="the disk is full"):
            filled(tmp_path / "out", plan)
    assert left[0] <= 0
    assert contents(tmp_path / "out", "results") == before


def test_a_disk_that_is_really_full_is_told_and_gone_on_from(small_disk, filled):
    plan = plan_of({"values": {FACTOR: [*range(1, 5)]}}, outputs="all")
    with pytest.raises(StudyError, match="the disk is full; what is stored is whole: free some space") as refusal:
        filled(small_disk / "out", plan)
    assert "\n" not in str(refusal.value)
    for path in (small_disk / "out").rglob("*.parquet"):
        pq.read_table(path)
    done = ResultStore(small_disk / "out").done("all")
    assert done == stored(small_disk / "out")
    assert 0 < len(done) < plan.count
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert filled(small_disk / "out", plan) == plan.count - len(done)


def test_a_folder_that_can_not_be_written_is_told(locked, filled):
    with pytest.raises(StudyError, match=r"^--out .* can't be written"):
        filled(locked / "out", plan_of(AXIS))
