"""The statistics of a sweep's report, against formulas of their own: means, pairs, samples."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic import (
    CASES,
    FACTORS,
    PENALTIES,
    by_hand,
    differences_of,
    grid,
    hypercube,
    means_of,
    one_at_a_time,
    report_of,
    student,
)

from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.findings import findings_of
from experiments.sweeps.report.statistics import (
    COUNT,
    ERROR,
    FACTOR,
    HIGH,
    LOW,
    MEAN,
    OUTPUT,
    P_VALUE,
    POINTS,
    RATIO,
    RHO,
    VALUE,
    estimates,
)

# ---- means -------------------------------------------------------------------------------------------------------


def test_means_and_intervals_are_students():
    results = CASES["twenty"]()
    rows = means_of(results)
    assert len(rows) == 2 * len(PENALTIES) * 4
    for row in rows:
        here = (results.runs["bidding"] == row["bidding"]) & (results.runs["penalty"] == float(row["penalty"]))
        values = results.runs.loc[here, row["output"]]
        assert int(row["count"]) == 20
        assert float(row["mean"]) == pytest.approx(values.mean())
        assert float(row["standard_error"]) == pytest.approx(stats.sem(values))
        assert (float(row["low"]), float(row["high"])) == pytest.approx(student(values))


def test_one_replication_has_no_interval_and_says_so():
    results = CASES["one_factor_once"]()
    text = report_of(results)
    assert "±" not in text
    assert "One replication: there is no interval" in text
    assert "Every point was run once" in text
    assert all(row["low"] == row["high"] == "" for row in means_of(results))


def test_averages_are_made_within_each_replication_first():
    """Two points that share their weather are no more than one point for the interval."""
    rng = np.random.default_rng(1)
    weather = rng.normal(0, 10, 6)
    rows = [
        {"a": a, "b": b, "replication": r, OUTPUT: "profit", VALUE: weather[r] + 3 * b}
        for a in range(2)
        for b in range(4)
        for r in range(6)
    ]
    found = estimates(pd.DataFrame(rows), ["a"])
    assert list(found[POINTS]) == [4, 4]
    assert list(found[COUNT]) == [6, 6]
    low, high = student(weather + 4.5)
    np.testing.assert_allclose(found[[LOW, HIGH]].to_numpy(), [[low, high]] * 2)


def test_a_replication_with_a_missing_point_is_left_out_of_an_average():
    rows = [
        {"b": b, "replication": r, OUTPUT: "profit", VALUE: 10.0 * b + r}
        for b in range(2)
        for r in range(4)
        if (b, r) != (1, 3)
    ]
    found = estimates(pd.DataFrame(rows), []).iloc[0]
    assert found[COUNT] == 3
    assert found[MEAN] == pytest.approx(5 + 1)  # of replications 0, 1, 2


def test_a_point_sampled_twice_counts_once():
    results = CASES["words_only"]()
    twice = replace(results, runs=pd.concat([results.runs, results.runs], ignore_index=True))
    pd.testing.assert_frame_equal(ReportData.of(results).arms, ReportData.of(twice).arms)


def test_long_tables_are_cut_and_say_where_the_rest_is():
    results = CASES["three_hundred_arms"]()
    text = report_of(results)
    means = text.split("## Means")[1].split("## ")[0]
    assert sum(line.startswith("|") for line in means.splitlines()) == 40 + 2
    assert "The first 40 of 300 rows; all of them are in [means.csv](means.csv)." in means
    assert len(means_of(results)) == 2 * 300


def test_an_output_without_a_value_at_the_first_points_has_empty_cells():
    results = grid({"keep": list(range(1, 51))}, replications=2, report={"outputs": ["profit", "losses_mwh"]})
    runs = results.runs.assign(losses_mwh=results.runs["losses_mwh"].where(results.runs["keep"] > 45))
    means = report_of(replace(results, runs=runs)).split("## Means")[1]
    assert means.count(" |  |\n") == 40
    assert "The first 40 of 50 rows" in means


def test_a_factor_may_have_any_name():
    names = ["mean", "count", "output", "value", "first", "low"]
    results = grid({name: ["a", "b"] if name == "first" else [1, 2] for name in names}, replications=3)
    assert "With b, profit" in report_of(results) or "Between b and a" in report_of(results)
    assert len(ReportData.of(results).arms) == 2 * 2**6


# ---- pairs -------------------------------------------------------------------------------------------------------


HAND = {
    ("basic", 1): [100.0, 120.0, 90.0, 110.0],
    ("basic", 2): [50.0, 70.0, None, 60.0],
    ("anm_aware", 1): [110.0, 131.0, 102.0, 119.0],
    ("anm_aware", 2): [80.0, None, 70.0, 92.0],
}


def test_pairs_by_hand():
    results = by_hand(HAND)
    first, second = (row for row in differences_of(results) if row["output"] == "profit")
    gaps = np.array([10.0, 11.0, 12.0, 9.0])
    assert (first["penalty"], first["bidding"], first["minus"]) == ("1", "anm_aware", "basic")
    assert (first["count"], first["incomplete"]) == ("4", "0")
    assert float(first["mean"]) == pytest.approx(10.5)
    assert (float(first["low"]), float(first["high"])) == pytest.approx(student(gaps))
    apart = np.var([100, 120, 90, 110], ddof=1) + np.var([110, 131, 102, 119], ddof=1)
    assert float(first["variance_ratio"]) == pytest.approx(apart / np.var(gaps, ddof=1))
    assert (second["count"], second["incomplete"]) == ("2", "2")
    assert float(second["mean"]) == pytest.approx(31.0)


def test_incomplete_pairs_are_said():
    assert "Incomplete, and left out: 2 pairs" in report_of(by_hand(HAND))


def test_pairing_narrows_as_the_theory_has_it():
    """The interval of the difference against Welch's of unpaired samples, but for the degrees of freedom."""
    results = CASES["twenty"]()
    data = ReportData.of(results)
    row = data.differences("profit").iloc[3]
    sides = [
        results.runs[(results.runs["bidding"] == bidding) & (results.runs["penalty"] == PENALTIES[3])]["profit"]
        for bidding in ("anm_aware", "basic")
    ]
    unpaired = np.hypot(*(stats.sem(side) for side in sides))
    assert np.sqrt(row[RATIO]) == pytest.approx(unpaired / row[ERROR])
    assert row[RATIO] > 4  # the weather is most of it


def test_the_baseline_is_the_first_value_of_the_file_even_if_its_first_runs_are_missing():
    values = {("basic", 1): [None, None], ("anm_aware", 1): [1.0, 2.0], ("basic", 2): [5.0, 6.0]}
    results = by_hand(values | {("anm_aware", 2): [7.0, 9.0]})
    profits = [row for row in differences_of(results) if row["output"] == "profit"]
    assert {row["minus"] for row in profits} == {"basic"}
    assert [row["mean"] for row in profits if row["count"] == "2"] == ["2.5"]


def test_a_baseline_without_runs_is_said():
    results = by_hand({("anm_aware", 1): [1.0, 2.0], ("third", 1): [3.0, 5.0]})
    text = report_of(results)
    assert "The first value, basic, is in no run that is done; the baseline is anm_aware instead." in text
    assert "is in no run" not in report_of(by_hand(HAND))


def test_factors_that_change_together_are_said():
    results = CASES["zipped"]()
    text = report_of(results)
    assert "policy changes together with bidding" in text
    assert {row["count"] for row in differences_of(results)} == {"4"}


def test_without_words_nothing_is_compared_and_the_way_is_said():
    results = CASES["one_factor_once"]()
    text = report_of(results)
    assert "name one under `report.compare`" in text
    assert differences_of(results) == []


def test_numbers_can_be_compared_if_asked_for():
    results = grid({"penalty": [1.0, 0.5, 0.0]}, replications=5, factors=FACTORS, report={"compare": "penalty"})
    text = report_of(results)
    assert "penalty [% of price], minus penalty 100 % of price" in text
    assert [row["penalty"] for row in differences_of(results)][::2] == ["0.0", "0.5"]


def test_what_is_varied_one_at_a_time_is_compared_with_the_base_alone():
    results = CASES["one_at_a_time"]()
    profit = results.runs.set_index(["penalty", "band", "bidding", "replication"])["profit"].sort_index()
    rows = {row["changed value"]: row for row in differences_of(results) if row["output"] == "profit"}
    points = {"penalty 200 % of price": (2, 0.05, "basic"), "half-width of the band 0 % of bid": (0.5, 0, "basic")}
    points["bidding anm_aware"] = (0.5, 0.05, "anm_aware")
    assert len(rows) == 3 + 2 + 1
    for change, point in points.items():
        gaps = profit.loc[point] - profit.loc[0.5, 0.05, "basic"]
        assert float(rows[change]["mean"]) == pytest.approx(gaps.mean())
        assert (float(rows[change]["low"]), float(rows[change]["high"])) == pytest.approx(student(gaps))
        assert rows[change]["minus"] == "the base"
    report = report_of(results)
    assert "The base: penalty 50 % of price, half-width of the band 5 % of bid, bidding basic; from it, one" in report
    assert "than with the base" in findings_of(ReportData.of(results))[0]
    assert "changes together" not in report
    assert "averaged" not in report


def test_without_a_run_of_the_base_nothing_is_compared_and_the_way_is_said():
    base, values = {"penalty": 0.5, "band": 0.05}, {"penalty": [0, 1], "band": [0, 0.1]}
    results = one_at_a_time(base, values, replications=3, factors=FACTORS)
    report = report_of(results)
    assert "No run of it is done: list one of its values among the others" in report
    assert differences_of(results) == []


def test_along_one_of_the_factors_varied_one_at_a_time_the_others_stay_at_their_base():
    asked = CASES["one_at_a_time"]().sweep.report.model_copy(update={"along": "band"})
    results = CASES["one_at_a_time"]()
    data = ReportData.of(replace(results, sweep=results.sweep.model_copy(update={"report": asked})))
    view = data.view(["band"])
    found = data.estimates(data.long, ["band"], view)
    runs = results.runs[(results.runs["penalty"] == 0.5) & (results.runs["bidding"] == "basic")]
    assert (view.kept, view.averaged) == ((), ())
    assert list(found.loc[found[OUTPUT] == "profit", MEAN]) == pytest.approx(
        list(runs.groupby("band")["profit"].mean())
    )
    assert "than with the base" in findings_of(data)[0]


def test_one_of_the_factors_varied_one_at_a_time_is_compared_if_asked_for():
    asked = CASES["one_at_a_time"]().sweep.report.model_copy(update={"compare": "penalty"})
    results = CASES["one_at_a_time"]()
    compared = replace(results, sweep=results.sweep.model_copy(update={"report": asked}))
    profits = [row for row in differences_of(compared) if row["output"] == "profit"]
    assert [(row["penalty"], row["minus"], row["band"]) for row in profits] == [
        (penalty, "0.5", "0.05") for penalty in ("0.0", "1.0", "2.0")
    ]


# ---- samples -----------------------------------------------------------------------------------------------------


def test_rank_correlations_are_spearmans():
    results = CASES["sample"]()
    for _, row in ReportData.of(results).ranks().iterrows():
        found = stats.spearmanr(results.runs[row[FACTOR]], results.runs[row[OUTPUT]])
        assert (row[RHO], row[P_VALUE]) == pytest.approx(tuple(found))
        assert row[COUNT] == 64


def test_a_sample_is_told_by_ranks_instead_of_a_table_of_points():
    text = report_of(CASES["sample_and_words"]())
    assert "## Means" not in text
    assert "Spearman's rank correlation" in text
    assert "On average over the sample, profit is" in text
    assert len(text.splitlines()) < 60


def test_a_factor_that_stands_out_of_many_by_chance_is_not_named():
    found = findings_of(ReportData.of(CASES["sample_of_many_factors"]()))
    assert found[0].startswith("On average over the sample, profit is")
    assert not any(" follows " in text for text in found)  # nothing depends on these factors


def test_pooled_differences_are_over_points():
    results = CASES["sample_and_words"]()
    table = results.runs.pivot_table(index="penalty", columns="bidding", values="profit")  # means of replications
    gaps = (table["anm_aware"] - table["basic"]).to_numpy()
    pooled = ReportData.of(results).pooled()
    found = pooled[pooled[OUTPUT] == "profit"].iloc[0]
    assert (found[LOW], found[HIGH]) == pytest.approx(student(gaps))


def test_points_of_a_csv_file_that_fill_a_box_are_a_sample():
    sample = hypercube(40, {"penalty": (0, 2), "band": (0, 0.2)}, factors=FACTORS)
    from_file = sample.sweep.model_copy(update={"axes": ()})
    assert ReportData.of(replace(sample, sweep=from_file)).sampled == ("penalty", "band")
    assert ReportData.of(CASES["two_numbers_and_words"]()).sampled == ()
