"""The paper made again: its figures beside ours. One quick run of all of its items is real."""

import csv
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cli import accepted
from readable import unreadable
from reproduced import ITEMS, assert_drawn, entries_of, results

from experiments import reproduce
from experiments.reproduce import journal
from experiments.reproduce.beside_paper import COLUMNS, DIFFERENCE, compare
from experiments.reproduce.context import Context
from experiments.reproduce.items import fig8
from experiments.reproduce.items import table5 as table5_item
from experiments.reproduce.paper import CASES, STRATEGIES, table5
from experiments.reproduce.result_cache import ResultCache
from sim.market.settlement import COST_TERMS, TERMS

FIGURES = ITEMS[:-1]
GOLDEN = json.loads((Path(__file__).parent / "golden" / "reproduce" / "table5_quick.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def quick(tmp_path_factory, figures):
    """Run the paper's items once at reduced size; return the folder and what --json prints."""
    folder = tmp_path_factory.mktemp("quick")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reproduce, "item_names", lambda: ITEMS)  # the others have tests of their own
        yield folder, json.loads(accepted("reproduce", "all", "--quick", "--json", "--workers", 1, "--out", folder))


# ---- the paper and ours ------------------------------------------------------------------------------------------


def test_the_papers_table_adds_up_to_what_its_text_says():
    paper = table5()
    assert tuple(paper.index) == TERMS
    assert list(paper) == [f"{rule} {strategy}" for rule in CASES for strategy in STRATEGIES]
    costs = paper.loc[list(COST_TERMS)].sum()
    np.testing.assert_allclose(paper.loc["revenue"] - costs, paper.loc["profit"], atol=0.021)
    for rule, gain in (("case1", 41.01), ("case2", 63.48)):
        assert paper.loc["profit", f"{rule} anm_aware"] - paper.loc["profit", f"{rule} basic"] == pytest.approx(
            gain, abs=0.011
        )


@pytest.mark.slow
def test_golden_table(quick):
    assert GOLDEN["origin"]
    found = {" ".join(key): entry["ours"] for key, entry in entries_of(quick[1]).items()}
    assert found == pytest.approx(GOLDEN["ours"], **GOLDEN["tolerance"])


@pytest.mark.slow
def test_ours_stands_beside_the_papers(quick):
    entries, paper = entries_of(quick[1]), table5()
    assert len(entries) == 3 * 2 * 3 * len(TERMS)
    for (_, rule, panel, term), entry in entries.items():
        assert entry["difference"] == entry["ours"] - entry["paper"]
        if panel == DIFFERENCE:
            assert entry["percent"] is None
        else:
            assert entry["paper"] == paper.loc[term, f"{rule} {panel}"]
            assert entry["percent"] == pytest.approx(100 * entry["difference"] / entry["paper"])


@pytest.mark.slow
def test_every_column_adds_up(quick):
    entries = entries_of(quick[1])
    for letter, rule, panel, _ in entries:
        ours = {term: entries[letter, rule, panel, term]["ours"] for term in TERMS}
        assert ours["profit"] == pytest.approx(ours["revenue"] - sum(ours[term] for term in COST_TERMS), abs=1e-6)
    for letter, rule, panel, term in entries:
        if panel == DIFFERENCE:
            basic, proposed = (entries[letter, rule, strategy, term]["ours"] for strategy in STRATEGIES)
            assert entries[letter, rule, panel, term]["ours"] == pytest.approx(proposed - basic, abs=1e-9)


@pytest.mark.slow
def test_only_samples_have_intervals(quick):
    entries = entries_of(quick[1])
    assert {letter for (letter, *_), entry in entries.items() if entry["reach"] is None} == {"a"}


def test_differences_are_paired_scenario_by_scenario():
    """The weather that both bids share cancels: what is left of it is the scatter of 10, 12 and 14 $."""

    def column(*profits):
        return SimpleNamespace(money=pd.DataFrame(dict.fromkeys(TERMS, profits)), probability=np.full(3, 1 / 3))

    both = dict(zip(STRATEGIES, (column(100.0, 500.0, 900.0), column(110.0, 512.0, 914.0)), strict=True))
    columns = {(rule, name): bids for rule in CASES for name, bids in both.items()}
    difference = compare(columns, sampled=True).loc[("case1", DIFFERENCE, "profit")]
    assert difference["ours"] == pytest.approx(12.0)
    assert difference["reach"] == pytest.approx(4.302653 * 2 / np.sqrt(3), rel=1e-6)  # Student, 2 degrees


@pytest.mark.slow
def test_fig7_names_the_buses(quick):
    caption = quick[1]["items"]["fig7"]["caption"]
    voltages = quick[1]["items"]["fig7"]["data"]
    low = [bus for bus, vm_pu in zip(voltages["bus"], voltages["no_ANM_basic_bid_vm_pu"], strict=True) if vm_pu < 0.95]
    assert set(range(10, 19)) | set(range(28, 34)) <= set(low)  # those of the paper
    assert "buses 10-18, 28-33 below" in caption
    assert re.search(rf"buses {low[0]}-18, {low[low.index(18) + 1]}-33 are outside the limits", caption)
    assert min(voltages["ANM_basic_bid_vm_pu"] + voltages["ANM_proposed_bid_vm_pu"]) > 0.95 - 1e-6


def test_imbalance_over_the_bid_by_hand():
    flows = SimpleNamespace(
        bid_mw=np.array([2.0, -0.5, 0.0, 0.0]),
        metered_mw=np.array([[1.0, 0.0, 0.0, 0.1], [2.5, 0.0, 1e-7, 0.1]]),
        probability=np.array([0.5, 0.5]),
    )
    assert fig8.normalised(flows).tolist() == [0.375, 1.0, 0.0, np.inf]
    assert fig8.mean_imbalance_mw(flows).tolist() == pytest.approx([-0.25, 0.5, 0.0, 0.1], abs=1e-6)


@pytest.mark.parametrize(
    ("reach", "words"), [(4.0, "The advantage survives"), (6.0, "not beyond chance in Case I and")]
)
def test_verdict(reach, words):
    index = pd.MultiIndex.from_product([CASES, [DIFFERENCE], ["profit"]])
    assert words in table5_item._verdict(pd.DataFrame([[5.0, reach, 4.0, 1.0, np.nan]] * 2, index, COLUMNS))


# ---- figures -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_read_and_has_units(quick, figures, name):
    figure = figures[f"{name}-quick"]
    assert unreadable(figure) == []
    assert all(re.search(r"\[.+\]", ax.get_ylabel()) for ax in figure.axes)
    assert re.search(r"\[.+\]", figure.axes[-1].get_xlabel())
    assert_drawn(quick[0] / f"{name}-quick")


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_caption_and_data_lie_beside_the_figure(quick, name):
    folder, summary = quick
    text = (folder / f"{name}-quick.md").read_text(encoding="utf-8")
    assert text.startswith(f"![Figure {name[3:]}]({name}-quick.png)\n\n**Figure {name[3:]}.** ")
    assert summary["items"][name]["caption"] in text
    assert summary["items"][name]["original"] in text
    rows = list(csv.DictReader((folder / f"{name}-quick.csv").open(encoding="utf-8")))
    assert list(rows[0]) == list(summary["items"][name]["data"])
    assert len(rows) == {"fig7": 33, "fig8": 96}.get(name, 24)


def test_a_bid_of_nothing_is_shown_and_stored_as_beyond_all_scales(tmp_path, figures):
    flows = SimpleNamespace(bid_mw=np.zeros(24), metered_mw=np.full((1, 24), 0.1), probability=np.ones(1))
    figure = fig8._figure({(rule, strategy): flows for rule in CASES for strategy in STRATEGIES})
    beyond = [line for line in figure.axes[0].lines if str(line.get_gid()).endswith("-beyond")]
    assert [len(line.get_xdata()) for line in beyond] == [24, 24]
    context = Context(folder=tmp_path, cache=ResultCache(tmp_path), quick=False)
    data = fig8._rows(flows, "case1", "basic")
    product = journal.publish(context, "fig8", figure, caption="", original="", data=data)
    assert json.loads(json.dumps(product.summary, allow_nan=False))["data"]["normalised_percent"] == [None] * 24
    assert {path.name for path in product.files} == {path.name for path in tmp_path.iterdir()}


# ---- quick, again, and damaged -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_quick_says_so_everywhere_and_never_takes_the_name_of_a_full_result(quick):
    folder, summary = quick
    assert summary["quick"] is True
    assert all("-quick." in name for name in results(folder))
    for path in [*folder.glob("*.md"), *folder.glob("*.tex")]:
        text = path.read_text(encoding="utf-8")
        assert text.count("QUICK RUN at reduced size, not a result") == (3 if path.stem.startswith("table5") else 1)
    for path in folder.glob("*.svg"):
        assert "quick run, not a result" in path.read_text(encoding="utf-8")


def test_quick_parts_are_not_those_of_a_full_run(tmp_path):
    cache = ResultCache(tmp_path)
    studies = [Context(folder=tmp_path, cache=cache, quick=quick).study() for quick in (True, False)]
    found = [cache.result(study, {"kind": "x"}, lambda: {"of": 1}) for study in studies]
    assert found == [{"of": 1}] * 2
    assert (len(cache.found), len(cache.computed)) == (0, 2)


@pytest.mark.slow
def test_a_second_run_computes_nothing_and_damage_is_repaired(quick):
    """One part is cut short: it alone is computed again, to the same bytes."""
    folder, before = quick[0], results(quick[0])
    texts = {path: path.read_text(encoding="utf-8") for path in (folder / "parts").glob("evaluation-*")}
    damaged = next(path for path, text in texts.items() if '"anm_aware"' in text and '"kept"' in text)
    damaged.write_text(texts[damaged][:-40], encoding="utf-8")
    said = json.loads(accepted("reproduce", "all", "--quick", "--json", "--workers", 1, "--out", folder))
    assert said["parts"]["computed"] == [damaged.name]
    assert {*said["parts"]["found"], damaged.name} == set(quick[1]["parts"]["computed"])  # some serve several items
    assert said["items"] == quick[1]["items"]
    assert results(folder) == before
