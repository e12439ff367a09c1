"""The report of a sweep: statistics against formulas of their own, sentences, files, and what is refused."""

import base64
import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from markdown_it import MarkdownIt
from scipy import stats
from synthetic import BIDDINGS, CASES, FACTORS, PENALTIES, VERSIONS, grid, hypercube, results_of

from experiments.sweeps.report import write_report
from experiments.sweeps.report.amounts import Amounts, correlation, counted, listed
from experiments.sweeps.report.content import blocks_of, markdown
from experiments.sweeps.report.estimates import COUNT, ERROR, HIGH, LOW, MEAN, POINTS, estimates
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.findings import findings_of
from experiments.sweeps.report.front import not_dominated
from experiments.sweeps.report.levels import OUTPUT, VALUE, split_unit
from experiments.sweeps.report.pairs import RATIO
from experiments.sweeps.report.ranks import CHANCE, FACTOR, RHO, SAMPLE
from experiments.sweeps.report.sheets import differences_csv, means_csv
from experiments.sweeps.report.tables import cell, narrowing
from sim.errors import StudyError


def report_of(results) -> str:
    return markdown(blocks_of(Evidence.of(results)))


def means_of(results) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(means_csv(Evidence.of(results)))))


def differences_of(results) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(differences_csv(Evidence.of(results)))))


def student(values) -> tuple[float, float]:
    """Ends of the 95 % interval, as scipy has it."""
    return stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))


# ---- means ---------------------------------------------------------------------------------------------------


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
    pd.testing.assert_frame_equal(Evidence.of(results).arms, Evidence.of(twice).arms)


def test_long_tables_are_cut_and_say_where_the_rest_is():
    results = CASES["three_hundred_arms"]()
    text = report_of(results)
    means = text.split("## Means")[1].split("## ")[0]
    assert sum(line.startswith("|") for line in means.splitlines()) == 40 + 2
    assert "The first 40 of 300 rows; all of them are in [means.csv](means.csv)." in means
    assert len(means_of(results)) == 2 * 300


def test_a_factor_may_have_any_name():
    names = ["mean", "count", "output", "value", "first", "low"]
    results = grid({name: ["a", "b"] if name == "first" else [1, 2] for name in names}, replications=3)
    assert "With b, profit" in report_of(results) or "Between b and a" in report_of(results)
    assert len(Evidence.of(results).arms) == 2 * 2**6


# ---- pairs ---------------------------------------------------------------------------------------------------


def by_hand(values: dict[tuple[str, int], list[float]], **said):
    """Results with given profits: by bidding and penalty, one for each replication; None for a run that is missing."""
    points = [{"bidding": bidding, "penalty": penalty} for bidding, penalty in values]

    def broken(point, replication):
        return "missing" if values[point["bidding"], point["penalty"]][replication - 1] is None else ""

    def bring(point, weather, noise):
        return {"profit": 0.0, "imbalance": 0.0}

    most = max(map(len, values.values()))
    axes = [{"values": {"bidding": ["basic", "anm_aware"]}}, {"values": {"penalty": [1, 2, 3]}}]
    results = results_of(points, replications=most, bring=bring, broken=broken, axes=axes, **said)
    runs = results.runs
    runs["profit"] = [values[row["bidding"], row["penalty"]][row["replication"] - 1] for _, row in runs.iterrows()]
    return results


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
    evidence = Evidence.of(results)
    row = evidence.differences("profit").iloc[3]
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


# ---- samples -------------------------------------------------------------------------------------------------


def test_rank_correlations_are_spearmans():
    results = CASES["sample"]()
    for _, row in Evidence.of(results).ranks().iterrows():
        found = stats.spearmanr(results.runs[row[FACTOR]], results.runs[row[OUTPUT]])
        assert (row[RHO], row[CHANCE]) == pytest.approx(tuple(found))
        assert row[SAMPLE] == 64


def test_a_sample_is_told_by_ranks_instead_of_a_table_of_points():
    text = report_of(CASES["sample_and_words"]())
    assert "## Means" not in text
    assert "Spearman's rank correlation" in text
    assert "On average over the sample, profit is" in text
    assert len(text.splitlines()) < 60


def test_a_factor_that_stands_out_of_many_by_chance_is_not_named():
    found = findings_of(Evidence.of(CASES["sample_of_many_factors"]()))
    assert found[0].startswith("On average over the sample, profit is")
    assert not any(" follows " in text for text in found)  # nothing depends on these factors


def test_pooled_differences_are_over_points():
    results = CASES["sample_and_words"]()
    table = results.runs.pivot_table(index="penalty", columns="bidding", values="profit")  # means of replications
    gaps = (table["anm_aware"] - table["basic"]).to_numpy()
    pooled = Evidence.of(results).pooled()
    found = pooled[pooled[OUTPUT] == "profit"].iloc[0]
    assert (found[LOW], found[HIGH]) == pytest.approx(student(gaps))


def test_points_of_a_csv_file_that_fill_a_box_are_a_sample():
    sample = hypercube(40, {"penalty": (0, 2), "band": (0, 0.2)}, factors=FACTORS)
    from_file = sample.sweep.model_copy(update={"axes": ()})
    assert Evidence.of(replace(sample, sweep=from_file)).roles.sampled == ("penalty", "band")
    assert Evidence.of(CASES["two_numbers_and_words"]()).roles.sampled == ()


# ---- what was found ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_findings_are_two_to_six_sentences(case):
    found = findings_of(Evidence.of(CASES[case]()))
    assert 2 <= len(found) <= 6
    assert all(text[0].isupper() and text.endswith(".") and "nan" not in text for text in found)
    assert len(set(found)) == len(found)


def test_findings_say_how_much_where_and_what_is_chance():
    rng = np.random.default_rng(5)
    weather = rng.normal(0, 30, 20)
    quiet = weather + rng.normal(0, 4, 20)
    values = {("basic", 1): list(weather), ("basic", 2): list(weather)}
    values |= {("anm_aware", 1): list(quiet - (quiet - weather).mean()), ("anm_aware", 2): list(quiet + 84.1)}
    first = findings_of(Evidence.of(by_hand(values)))[0]
    low, high = student(quiet + 84.1 - weather)
    size = f"{(low + high) / 2:.1f} ± {(high - low) / 2:.1f} $"
    assert first == (
        f"With anm_aware, profit is {size} higher than with basic at penalty 2, the largest difference"
        " (95 %, 20 pairs); at penalty 1 the difference is within chance."
    )


def test_where_nothing_is_compared_the_extent_is_said():
    results = grid({"penalty": [0, 1]}, replications=3, factors=FACTORS, report={"outputs": ["load_curtailed_mwh"]})
    undirected = results.sweep.model_copy(
        update={"report": results.sweep.report.model_copy(update={"outputs": ("min_vm_pu",)})}
    )
    (text, *_) = findings_of(Evidence.of(replace(results, sweep=undirected)))
    assert re.fullmatch(
        r"Lowest voltage goes from [\d.]+ ± [\d.]+ p\.u\. at penalty \d+ % of price to [\d.]+ ± [\d.]+ p\.u\. at .*",
        text,
    )


def test_a_few_of_many_may_be_chance():
    rng = np.random.default_rng(11)
    values = {(bidding, k): list(rng.normal(0, 1, 10)) for bidding in BIDDINGS for k in range(40)}
    text = findings_of(Evidence.of(by_hand(values)))[0]
    assert "the largest of 40 may be as large by chance" in text or "within chance at all" in text


def test_the_other_way_counts_only_if_it_is_none_of_many_by_chance():
    rng = np.random.default_rng(2)
    base = list(rng.normal(0, 1, 8))
    values = {("basic", k): base for k in range(10)}
    values |= {("anm_aware", k): list(np.array(base) + 50 + rng.normal(0, 1, 8)) for k in range(8)}
    wobble = rng.normal(0, 1, 8)
    wobble = (wobble - wobble.mean()) / stats.sem(wobble)
    values[("anm_aware", 8)] = list(np.array(base) - 2.6 + wobble)  # p = 3.5 %, of ten
    values[("anm_aware", 9)] = list(np.array(base) - 20 + wobble)
    text = findings_of(Evidence.of(by_hand(values)))[0]
    assert "at penalty 9 it is lower, by 20.00 $ and at penalty 8 the difference is within chance" in text


def test_what_is_the_same_in_all_pairs_is_said():
    same = {("basic", 1): [0.1, 0.2], ("anm_aware", 1): [0.1 * (1 + 1e-14), 0.2]}
    assert findings_of(Evidence.of(by_hand(same)))[0] == (
        "There is no difference in profit between anm_aware and basic in any pair."
    )


# ---- the front -----------------------------------------------------------------------------------------------


@given(arrays(float, st.tuples(st.integers(1, 12), st.just(2)), elements=st.integers(0, 5).map(float)))
def test_the_front_is_what_no_point_beats(gains):
    front = not_dominated(gains)
    assert front.any()
    for place, row in enumerate(gains):
        beaten = any((other >= row).all() and (other > row).any() for other in gains)
        assert front[place] != beaten


def test_the_front_heeds_which_way_is_better():
    text = report_of(CASES["pareto"]())
    means = CASES["pareto"]().runs.groupby(["penalty", "band"])[["profit", "load_curtailed_mwh"]].mean()
    gains = means.to_numpy() * [1, -1]
    assert f"On the front, {not_dominated(gains).sum()} points of 49:" in text


# ---- values of all kinds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([None, 0.1, 0.5], ["none", "0.1", "0.5"]),
        ([True, False], ["yes", "no"]),
        (["all", "10", "2"], ["all", "10", "2"]),
        ([3, 1, 2], ["1", "2", "3"]),
        ([1e-6, 1.0, 12345.678], ["1e−06", "1", "12,346"]),
        ([1 / 3, 2 / 3], ["0.3333", "0.6667"]),
        ([100.0001, 100.0002], ["100.0001", "100.0002"]),
    ],
)
def test_values_as_they_are_shown(values, texts):
    results = grid({"x": values}, replications=3)
    assert list(Evidence.of(results).levels["x"].texts) == texts
    assert all(f"| {text} |" in report_of(results) for text in texts)


def test_replications_done_at_different_points_give_no_interval():
    results = grid({"x": [1, 2]}, replications=2, broken=lambda point, r: "" if r == point["x"] else "missing")
    text = report_of(results)
    assert "One replication: there is no interval" in text
    assert "Of 4 planned runs, 2 not done yet" in text


def test_many_outputs_are_drawn_on_several_sheets(tmp_path):
    outputs = [
        "profit",
        "imbalance",
        "revenue",
        "load_curtailed_mwh",
        "losses_mwh",
        "min_vm_pu",
        "cone_gap",
        "total_s",
    ]
    paths = write_report(grid({"x": [1, 2, 3]}, replications=2, report={"outputs": outputs}), tmp_path)
    assert [path.name for path in paths if path.suffix == ".png"] == ["means-1.png", "means-2.png"]


# ---- what is missing -----------------------------------------------------------------------------------------


def test_missing_and_failed_runs_are_said_on_top():
    results = CASES["failed"]()
    text = report_of(results)
    head = text.split("## ")[0]
    missing = results.planned - len(results.runs) - len(results.failed)
    assert f"Of 112 planned runs, {len(results.failed)} runs failed and {missing} not done yet" in head
    failures = text.split("## Failed runs")[1]
    assert r"the solver gave up in hour 17 \| try --gap 0.01" in failures
    assert "| basic | 50 | 7 | 7 |" in failures  # as shown, in percent


def test_outputs_without_a_value_are_left_out_and_said():
    assert "left out: total_cost." in report_of(CASES["long_labels"]())


def swept_with(**report):
    return grid({"bidding": BIDDINGS, "penalty": PENALTIES}, replications=2, factors=FACTORS, report=report)


@pytest.mark.parametrize(
    ("results", "parts"),
    [
        (lambda: swept_with(outputs=["gain"]), ["report.outputs", "'gain'", "profit, revenue", "total_s"]),
        (lambda: swept_with(outputs=["total_cost"]), ["report.outputs", "total_cost", "no value"]),
        (lambda: swept_with(along="policy"), ["report.along", "'policy'", "bidding, penalty"]),
        (lambda: swept_with(compare="rule"), ["report.compare", "'rule'", "bidding, penalty"]),
        (lambda: swept_with(compare="bidding", along="bidding"), ["report.along", "another factor"]),
        (lambda: swept_with(heat_map=["penalty", "band"]), ["report.heat_map", "'band'"]),
        (lambda: swept_with(heat_map=["penalty", "penalty"]), ["report.heat_map", "twice"]),
        (lambda: swept_with(pareto=["profit", "gain"]), ["report.pareto", "'gain'"]),
        (lambda: swept_with(pareto=["profit", "bid_mwh"]), ["report.pareto", "'bid_mwh'", "profit"]),
        (lambda: swept_with(pareto=["profit", "total_cost"]), ["report.pareto", "total_cost", "no value"]),
        (
            lambda: hypercube(64, {"penalty": (0, 2), "band": (0, 0.2)}, report={"compare": "penalty"}),
            ["report.compare", "64 values", "at most 24"],
        ),
        (
            lambda: grid({"penalty": [1]}, broken=lambda point, replication: "failed"),
            ["none of 1", "1 failed", "run the sweep"],
        ),
    ],
)
def test_what_cannot_be_reported_is_refused_before_anything_is_written(results, parts, tmp_path):
    with pytest.raises(StudyError) as error:
        write_report(results(), tmp_path / "report")
    message = str(error.value)
    assert "\n" not in message
    assert all(part in message for part in parts), message
    assert not (tmp_path / "report").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="can't be written"):
        write_report(CASES["one_point"](), tmp_path / "file" / "report")


# ---- files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["twenty", "sample_and_words", "failed"])
def test_same_results_same_bytes(case, tmp_path):
    first, second = (write_report(CASES[case](), tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == [path.name for path in second]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))


class Page(HTMLParser):
    """What a page consists of, and whether all that is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.sources, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "img", "br", "hr"}:
            self.open.append(tag)
        self.sources += [value for name, value in attrs if name in {"src", "href"}]
        if tag == "img":
            assert dict(attrs)["alt"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("case", ["one_point", "failed", "long_labels", "pareto", "sample_and_words", "zipped"])
def test_the_page_needs_no_other_file(case, tmp_path):
    paths = write_report(CASES[case](), tmp_path)
    html = (tmp_path / "report.html").read_text()
    page = Page()
    page.feed(html)
    assert not page.open
    pictures = [source for source in page.sources if source.startswith("data:image/svg+xml;base64,")]
    assert len(pictures) == sum(path.suffix == ".svg" for path in paths)
    assert all(b"<svg" in base64.b64decode(one.partition(",")[2]) for one in pictures)
    assert set(page.sources) - set(pictures) <= {"means.csv", "differences.csv"}
    assert "url(" not in html
    assert "@import" not in html
    assert "viewport" in html
    assert not re.search(r"\*\*|\\[_*|]", "".join(page.texts).split("</style>")[-1])


def test_all_files_are_returned_and_linked(tmp_path):
    paths = write_report(CASES["twenty"](), tmp_path)
    assert set(paths) == set(tmp_path.iterdir())
    text = (tmp_path / "report.md").read_text()
    linked = set(re.findall(r"\]\((\w+\.png)\)", text))
    assert linked == {path.name for path in paths if path.suffix == ".png"}


def test_figures_of_an_earlier_report_do_not_stay(tmp_path):
    write_report(CASES["two_numbers_and_words"](), tmp_path)
    (tmp_path / "mine.png").write_bytes(b"")
    paths = write_report(CASES["one_factor_once"](), tmp_path)
    assert set(tmp_path.iterdir()) == {*paths, tmp_path / "mine.png"}


def test_provenance_is_there():
    results = CASES["twenty"]()
    described = results.sweep.model_copy(update={"description": "What the penalty does."})
    text = report_of(replace(results, sweep=described))
    assert text.startswith(
        "# swept\n\nWhat the penalty does.\n\nStudy microgrid33; 20 replications; runs: 280 done of"
    )
    assert all(f"{name} {number}" in text for name, number in VERSIONS.items())
    assert "Not complete" not in text


@pytest.mark.parametrize("text", ["a|b", "_x_", "anm_aware", "a*b*c", "[x](http://y)", "<b>", "`c`", "&lt;", "a\\b"])
def test_words_of_the_user_stay_as_they_are(text):
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    html = reader.render(f"| {cell(text)} |\n| --- |\n")
    page = Page()
    page.feed(html)
    assert "".join(page.texts).strip() == text
    assert "<b>" not in html
    assert "<a" not in html


# ---- amounts -------------------------------------------------------------------------------------------------


def amounts(mean, reach, output="profit") -> Amounts:
    return Amounts.of(output, pd.DataFrame({MEAN: [mean], LOW: [mean - reach], HIGH: [mean + reach]}))


@pytest.mark.parametrize(
    ("mean", "reach", "output", "text"),
    [
        (84.06, 3.21, "profit", "84.1 ± 3.2 $"),
        (2889.93, 4.39, "profit", "2,889.9 ± 4.4 $"),
        (-2889.93, 43.9, "profit", "−2,890 ± 44 $"),
        (0.95132, 0.00041, "min_vm_pu", "0.95132 ± 0.00041 p.u."),
        (6.13e-5, 5.2e-6, "cone_gap", "(6.13 ± 0.52)·10⁻⁵"),
        (7.0, 0.0, "violations", "7 ± 0"),
        (0.0, 0.0, "profit", "0 ± 0 $"),
        (2889.93, np.nan, "profit", "2,890 $"),
    ],
)
def test_amounts_have_as_many_digits_as_their_interval_bears(mean, reach, output, text):
    assert amounts(mean, reach, output).said(mean, mean - reach, mean + reach) == text


def test_small_words():
    assert [narrowing(ratio) for ratio in (1.0, 25.0, 14400.0, np.inf, np.nan)] == ["1.0", "5.0", "120", "∞", ""]
    assert [correlation(rho) for rho in (0.5, -0.25, -0.001)] == ["+0.50", "−0.25", "0.00"]
    assert split_unit("penalty [% of price]") == ("penalty", "% of price")
    assert split_unit("rounds [1]") == ("rounds", "")
    assert split_unit("keep") == ("keep", "")
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert counted(1, "run") == "1 run"
    assert counted(2000, "run") == "2,000 runs"
