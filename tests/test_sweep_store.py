"""The store of a sweep: one file of one row group for each run, exactly the runs of the plan, and results."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from swept import AXIS, FACTOR, contents, keys, plan_at, plan_of, rows, stored, sweep_of, write_sweep

from experiments.sweeps import result_store as store_module
from experiments.sweeps.outputs import HOURLY, OUTPUTS
from experiments.sweeps.plan import read_sweep
from experiments.sweeps.result_store import MORE, ResultStore, labels_of
from experiments.sweeps.results import read_results
from experiments.sweeps.sweep_file import SweepFile
from experiments.sweeps.worker import RunProduct
from sim.errors import StudyError
from sim.ledger import TABLES

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
    assert [*found] == [*labels, *(output.name for output in OUTPUTS), "bidding_used"]
    expected = {run.key: labels_of(run) for run in plan.runs()}
    assert {row["key"]: row for row in found[labels].to_dict("records")} == expected
    hours = rows(tmp_path / "out", "hourly")
    assert [*hours] == [*labels, "day", "hour", *HOURLY]
    assert hours.groupby("key")["hour"].apply(list).to_dict() == {key: [*range(1, 25)] for key in expected}


def test_a_row_counts_limits_not_kept_and_names_the_strategy_that_was_used(tmp_path, filled):
    filled(tmp_path / "out", plan_of())
    (row,) = rows(tmp_path / "out").to_dict("records")
    assert row["violations"] > 50  # nothing is managed in these runs
    assert 0.01 < row["worst_voltage"] < 0.05
    assert row["tie_power_factor_violations"] > 10
    assert row["line_current_violations"] == row["worst_line_current"] == row["tie_capacity_violations"] == 0
    assert (row["bid_fallbacks"], row["bidding_used"]) == (0, "basic")


def test_results_that_an_earlier_version_did_not_have_are_missing(tmp_path, filled):
    filled(tmp_path / "out", plan_of())
    (path,) = (tmp_path / "out" / "results").glob("*.parquet")
    table = pq.ParquetFile(path).read()
    pq.write_table(table.drop_columns(["worst_voltage", "bidding_used"]), path)
    (run,) = read_results(tmp_path / "out").runs.to_dict("records")
    assert np.isnan(run["worst_voltage"])
    assert run["violations"] > 50


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
    store = ResultStore(tmp_path / "out")
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
    store = ResultStore(folder)
    plan = plan_of(
        {"values": {"study": ["microgrid33", "networked33"]}},
        outputs="all",
        set={"policy": "myopic", "coordination": "uncoordinated", "uncertainty.scenarios": 4, "uncertainty.keep": 2},
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


def test_more_replications_simulate_only_what_is_missing(tmp_path, filled):
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
    """A value that becomes 2.0 for another that is not whole, a new factor, a text: nothing is simulated again."""
    plans = [
        plan_of(AXIS, outputs="hourly"),
        plan_of({"values": {FACTOR: [1, 2, 2.5]}}, outputs="hourly"),
        plan_of({"values": {FACTOR: [1, 2, 2.5], "market.rule": ["case1"]}}, outputs="hourly"),
        plan_of({"values": {"x": [2, 1]}}, factors={"x": {"paths": [FACTOR]}}, outputs="hourly"),
        plan_of({"values": {FACTOR: [1, 2], "uncertainty.keep": [2]}}, {"values": {"days": [1]}}, outputs="hourly"),
    ]
    simulated = [filled(tmp_path / "out", plan) for plan in plans[:1]]
    for number, plan in enumerate(plans[1:]):
        simulated.append(filled(tmp_path / "out", plan))
        filled(tmp_path / f"fresh{number}", plan)
        assert contents(tmp_path / "out") == contents(tmp_path / f"fresh{number}")
    assert simulated == [2, 1, 0, 0, 0]


def test_outputs_can_be_asked_for_later(tmp_path, filled):
    for outputs in ("summary", "hourly", "all"):
        plan = plan_of(AXIS, outputs=outputs)
        assert filled(tmp_path / "out", plan) == 2
        assert ResultStore(tmp_path / "out").done(outputs) == keys(plan)
    for outputs in ("summary", "hourly", "all"):
        assert filled(tmp_path / "out", plan_of(AXIS, outputs=outputs)) == 0
    filled(tmp_path / "fresh", plan_of(AXIS, outputs="all"))
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


# ---- failures ----------------------------------------------------------------------------------------------------


def test_a_failure_is_kept_until_it_is_forgiven_or_the_run_succeeds(tmp_path, products):
    plan = plan_of({"values": {"study": ["microgrid33"]}}, replications=2)
    store = ResultStore(tmp_path / "out")
    first, second = plan.runs()
    with store.locked():
        store.prepare(plan)
        for run in (first, second):
            store.keep(
                run, RunProduct(key=run.key, error="ValueError: no", traceback="Traceback ...", worker="host:1")
            )
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
        store.clear_failures(plan)
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
    store, (first, second, *_) = ResultStore(tmp_path / "out"), plan.runs()
    with store.locked():
        store.prepare(plan)
        results = read_results(tmp_path / "out")
        assert (len(results.runs), results.planned, len(results.failed)) == (0, 4, 0)
        assert {FACTOR, "replication", "profit", "total_s"} <= set(results.runs)
        store.keep(second, products(second, "summary"))
        store.keep(first, RunProduct(key=first.key, error="ValueError: no"))
        results = read_results(tmp_path / "out")
    assert [*results.runs["key"]] == [second.key]
    assert results.failed[["key", FACTOR, "error"]].to_dict("records") == [
        {"key": first.key, FACTOR: 1, "error": "ValueError: no"}
    ]


def test_a_folder_without_a_sweep_has_no_results(tmp_path):
    with pytest.raises(StudyError, match=r": is not the folder of a sweep; tieline sweep FILE --out .* makes one"):
        read_results(tmp_path)
