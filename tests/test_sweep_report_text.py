"""The report of a sweep as it is read: sentences, missing and refused runs, files, and the format of amounts."""

import base64
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
from synthetic import BIDDINGS, CASES, FACTORS, PENALTIES, VERSIONS, by_hand, grid, hypercube, report_of, student

from experiments.sweeps.report import write_report
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.findings import findings_of
from experiments.sweeps.report.front import not_dominated
from experiments.sweeps.report.numbers import Amounts, counted, listed, number_text, split_unit
from experiments.sweeps.report.statistics import MEAN, REACH
from experiments.sweeps.report.tables import cell, narrowing
from sim.errors import StudyError

# ---- what was found ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_findings_are_two_to_six_sentences(case):
    found = findings_of(ReportData.of(CASES[case]()))
    assert 2 <= len(found) <= 6
    assert all(text[0].isupper() and text.endswith(".") and "nan" not in text for text in found)
    assert len(set(found)) == len(found)


def test_findings_say_how_much_where_and_what_is_chance():
    rng = np.random.default_rng(5)
    weather = rng.normal(0, 30, 20)
    quiet = weather + rng.normal(0, 4, 20)
    values = {("basic", 1): list(weather), ("basic", 2): list(weather)}
    values |= {("anm_aware", 1): list(quiet - (quiet - weather).mean()), ("anm_aware", 2): list(quiet + 84.1)}
    first = findings_of(ReportData.of(by_hand(values)))[0]
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
    (text, *_) = findings_of(ReportData.of(replace(results, sweep=undirected)))
    assert re.fullmatch(
        r"Lowest voltage goes from [\d.]+ ± [\d.]+ p\.u\. at penalty \d+ % of price to [\d.]+ ± [\d.]+ p\.u\. at .*",
        text,
    )


def test_a_few_of_many_may_be_chance():
    rng = np.random.default_rng(11)
    values = {(bidding, k): list(rng.normal(0, 1, 10)) for bidding in BIDDINGS for k in range(40)}
    text = findings_of(ReportData.of(by_hand(values)))[0]
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
    text = findings_of(ReportData.of(by_hand(values)))[0]
    assert "at penalty 9 it is lower, by 20.00 $ and at penalty 8 the difference is within chance" in text


def test_what_is_the_same_in_all_pairs_is_said():
    same = {("basic", 1): [0.1, 0.2], ("anm_aware", 1): [0.1 * (1 + 1e-14), 0.2]}
    assert findings_of(ReportData.of(by_hand(same)))[0] == (
        "There is no difference in profit between anm_aware and basic in any pair."
    )


# ---- the front ---------------------------------------------------------------------------------------------------


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


# ---- values of all kinds -----------------------------------------------------------------------------------------


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
    assert list(ReportData.of(results).levels["x"].texts) == texts
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


# ---- what is missing ---------------------------------------------------------------------------------------------


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


# ---- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["twenty", "sample_and_words", "failed"])
def test_same_results_same_bytes(case, tmp_path):
    first, second = (write_report(CASES[case](), tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == [path.name for path in second]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))


class Page(HTMLParser):
    """Parser of a page: its parts, and whether every opened element is closed."""

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


# ---- amounts -----------------------------------------------------------------------------------------------------


def amounts(mean, reach, output="profit") -> Amounts:
    return Amounts.of(output, pd.DataFrame({MEAN: [mean], REACH: [reach]}))


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
    assert amounts(mean, reach, output).with_unit(mean, reach) == text


def test_small_words():
    assert [narrowing(ratio) for ratio in (1.0, 25.0, 14400.0, np.inf, np.nan)] == ["1.0", "5.0", "120", "∞", ""]
    assert [number_text(rho, 2, signed=True) for rho in (0.5, -0.25, -0.001)] == ["+0.50", "−0.25", "0.00"]
    assert split_unit("penalty [% of price]") == ("penalty", "% of price")
    assert split_unit("rounds [1]") == ("rounds", "")
    assert split_unit("keep") == ("keep", "")
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert counted(1, "run") == "1 run"
    assert counted(2000, "run") == "2,000 runs"


# ---- fallbacks ---------------------------------------------------------------------------------------------------


def test_a_comparison_of_fallbacks_says_so():
    results = grid({"bidding": BIDDINGS}, replications=10, report={"compare": "bidding"})
    assert "allback" not in report_of(results)
    runs = results.runs.copy()
    runs.loc[runs.index[:3], ["bid_fallbacks", "bidding_used"]] = [[1, "forecast"], [2, "forecast"], [1, "basic"]]
    runs.loc[runs.index[5:7], "hours_fallback"] = 4
    report = report_of(replace(results, runs=runs))
    said = (
        "Of 20, 3 runs with bids of another strategy than asked for (forecast: 2, basic: 1) and 2 runs with hours"
        " decided by a fallback policy"
    )
    assert f"> **Fallbacks.** {said}" in report
    assert f"The differences mix in fallbacks. {said}." in report
