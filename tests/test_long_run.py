"""Long runs: days are stored as they end, a run that ended early goes on, and nothing of it shows in the results."""

import json
import signal
import time

import numpy as np
import pandas as pd
import pytest
from cli import OPTIONS, QUICK, accepted, begun, process

import tieline as tl
from experiments.long_run import StoredDays, bids_ahead
from experiments.simulate import simulate
from sim.errors import StudyError
from sim.instance import Instance

pytestmark = pytest.mark.usefixtures("in_own_folder")

LONG = ("run", "microgrid33", *OPTIONS, "--days", "16", "--figures", "none")


class StoppedError(Exception):
    """What stops a run in these tests."""


def stopping_before(hour):
    def progress(now):
        if now == hour:
            raise StoppedError

    return progress


def instance_of(name, **options):
    return Instance.of(tl.load_study(name, days=3, **QUICK | options))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("microgrid33", {}),
        pytest.param("networked33", {"policy": "myopic", "coordination": "uncoordinated"}, marks=pytest.mark.long),
    ],
    ids=["microgrid33", "networked33"],
)
def test_a_run_that_stops_goes_on_with_the_same_numbers(tmp_path, name, options):
    instance = instance_of(name, **options)
    for stop in ("day 2, hour 5", "day 3, bidding"):
        with pytest.raises(StoppedError):
            simulate(instance, progress=stopping_before(stop), stored=StoredDays(tmp_path, instance.study))
    stored = StoredDays(tmp_path, instance.study)
    assert len(stored) == 2
    heard = []
    resumed = simulate(instance, progress=heard.append, stored=stored)
    assert (heard[0], len(heard)) == ("day 3, bidding", 24)
    for table, frame in simulate(instance).tables.items():
        pd.testing.assert_frame_equal(resumed.tables[table], frame, check_dtype=len(frame) > 0, check_exact=True)
    assert resumed.audit().clean
    assert resumed.money["profit"] == pytest.approx(simulate(instance).money["profit"], rel=1e-12)


def test_what_a_killed_process_left_of_a_day_does_not_count(tmp_path):
    study = tl.load_study("microgrid33", days=3, **QUICK)
    stored = StoredDays(tmp_path, study)
    for day in ("00001", ".00002", "00004"):
        (tmp_path / "days" / day).mkdir()
    assert len(stored) == 1


def test_days_of_another_study_are_not_resumed(tmp_path):
    study = tl.load_study("microgrid33", days=3, **QUICK)
    StoredDays(tmp_path, study)
    with pytest.raises(StudyError, match=r"another study: market.tariff.wear_fast was 1.0, is 2.0; resume the study"):
        StoredDays(tmp_path, study.change({"market.tariff.wear_fast": 2}))
    begun_by = tmp_path / "days" / "begun.json"
    begun_by.write_text(json.dumps(json.loads(begun_by.read_text()) | {"provenance": {"numpy": "0.1"}}))
    with pytest.raises(StudyError, match=r"another version simulated the days that are there .*instead of 0\.1"):
        StoredDays(tmp_path, study)


def test_resume_needs_the_folder(refused):
    assert "--resume: name the folder" in refused(*LONG, "--resume")


def test_days_that_are_there_are_not_removed_unasked(tmp_path, refused):
    (tmp_path / ".one.unfinished" / "days" / "00001").mkdir(parents=True)
    message = refused(*LONG, "--out", "one")
    assert "finished days of a run that ended early are there (1); go on after them with --resume" in message
    assert (tmp_path / ".one.unfinished" / "days" / "00001").is_dir()


def test_bids_that_start_from_the_pinned_state_need_no_day_before():
    instance = instance_of("microgrid33", policy="myopic", bidding="anm_aware")
    pinned = Instance.of(instance.study.change({"bid_start": "pinned"}))
    runs = [simulate(one).tables["bids"].query("day == 3")["bid_mw"].to_numpy() for one in (instance, pinned)]
    assert (runs[0] != runs[1]).any()
    assert runs[0] == pytest.approx(runs[1], abs=0.02)  # they differ by the wear of the first hour's battery power


def test_bids_are_not_computed_ahead_where_they_depend_on_the_days_before():
    with bids_ahead(instance_of("microgrid33"), 2) as known:
        assert known(2) is None


@pytest.mark.long
def test_workers_do_not_change_a_result():
    instance = Instance.of(instance_of("microgrid33", policy="myopic").study.change({"bid_start": "pinned"}))
    alone = simulate(instance).tables
    with bids_ahead(instance, 3) as known:
        together = simulate(instance, fixed=known).tables
    for table, frame in alone.items():
        pd.testing.assert_frame_equal(together[table], frame, check_exact=True)


@pytest.mark.slow
def test_ctrl_c_keeps_the_days_and_says_so(tmp_path):
    run = begun(*LONG, "--set", "bid_start=pinned", "--workers", "2", "--out", "one", cwd=tmp_path)
    while not (tmp_path / ".one.unfinished" / "days" / "00001").exists() and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate()
    kept = sum(day.is_dir() for day in (tmp_path / ".one.unfinished" / "days").iterdir() if day.name.isdecimal())
    message = f"stopped; --out one: finished days are kept ({kept}), and --resume goes on after them\n"
    assert (run.returncode, err) == (130, message)


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_its_files_are_the_same(tmp_path):
    whole = process(*LONG, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    run = begun(*LONG, "--out", "killed", cwd=tmp_path)
    while not (tmp_path / ".killed.unfinished" / "days" / "00004").exists() and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert not (tmp_path / "killed").exists()
    accepted(*LONG, "--out", "killed", "--resume")
    for file in sorted((tmp_path / "whole").glob("*.parquet")):
        assert (tmp_path / "killed" / file.name).read_bytes() == file.read_bytes()
    assert not (tmp_path / "killed" / "days").exists()
    assert process("audit", "killed", cwd=tmp_path).returncode == 0


def test_a_long_run_is_summed_up_by_month(tmp_path):
    study = tl.load_study("microgrid33", days=34, **QUICK).change({"calendar.first_day": "2016-01-31"})
    run = simulate(Instance.of(study), stored=StoredDays(tmp_path, study))
    months = run.summary["months"]
    assert [(one["month"], one["days"]) for one in months] == [("2016-01", 1), ("2016-02", 29), ("2016-03", 4)]
    for part in ("terms", "energy_mwh"):
        assert {name: sum(one[part][name] for one in months) for name in months[0][part]} == pytest.approx(
            run.summary[part]
        )


@pytest.mark.parametrize("step_h", [1, 0.25])
def test_the_overview_shows_days_of_any_length(step_h):
    calendar = {"calendar.time_zone": "America/Los_Angeles", "calendar.first_day": "2015-10-31"}
    study = tl.load_study("microgrid33", days=2, **QUICK).change(calendar | {"calendar.step_h": step_h})
    run = tl.run(study)
    axes = {str(ax.get_label()): ax for ax in run.plot("overview").axes}
    shown = axes["tie_line"].collections[0].get_array()
    flow = run.tables["settlements"].pivot(index="hour", columns="day", values="metered_mw").to_numpy()
    assert (shown.shape, shown.mask.sum()) == ((25 / step_h, 2), 1 / step_h)  # the first day is an hour shorter
    assert shown.compressed() == pytest.approx(flow[~np.isnan(flow)])


@pytest.mark.parametrize(("step_h", "steps"), [(1, (24, 25)), (0.25, (96, 100))])
def test_the_figure_of_a_day_shows_steps_and_days_of_any_length(step_h, steps):
    calendar = {"calendar.time_zone": "America/Los_Angeles", "calendar.first_day": "2015-10-31"}
    run = tl.run(tl.load_study("microgrid33", days=2, **QUICK).change(calendar | {"calendar.step_h": step_h}))
    for day, count in enumerate(steps, start=1):
        axes = {str(ax.get_label()): ax for ax in run.plot("day", day=day).axes}
        drawn = {artist.get_gid(): artist for ax in axes.values() for artist in ax.get_children()}
        flow = run.tables["settlements"].query("day == @day")["metered_mw"].to_numpy()
        assert drawn["metered"].get_ydata() == pytest.approx(flow.reshape(-1, round(1 / step_h)).mean(axis=1))
        assert axes["voltage"].collections[0].get_array().shape == (33, count)
        assert [len(drawn[name].get_data().edges) for name in ("bid", "served")] == [count + 1, count + 1]
        begin = 0.5 if step_h == 1 else 0.0  # hours stand around their number, shorter steps where they pass
        assert axes["soc"].get_xlim() == (begin, count * step_h + begin)
        assert drawn["metered"].get_xdata()[[0, -1]].tolist() == [begin + 0.5, count * step_h + begin - 0.5]
        changed = "after 2 h the clock went from 02:00 to 01:00" in axes["voltage"].get_xlabel()
        assert changed == (day == 2)
