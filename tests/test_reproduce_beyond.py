"""Beyond the paper: every rule on the same day and whether it can be gamed, and its results as the market changes.

One quick run of the items that are fast is real; tests of files and figures alone run without a solver.
"""

import csv
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cli import accepted
from conftest import STUDIES
from readable import unreadable
from reproduced import assert_drawn

from experiments.catalog import packaged_sweeps
from experiments.evaluation import Evaluator, evaluate, fixed_bids
from experiments.reproduce import item
from experiments.reproduce.context import Context
from experiments.reproduce.curve_figure import ROWS, curve_figure
from experiments.reproduce.curves import curve_plan, points_of
from experiments.reproduce.evaluated_bids import ENERGIES, evaluated_bids
from experiments.reproduce.items import table1
from experiments.reproduce.labels import number
from experiments.reproduce.paper import STRATEGIES
from experiments.reproduce.result_cache import ResultCache
from experiments.reproduce.strategic_bids import FAMILIES, honest_bid, incentives
from experiments.sweeps.plan import read_sweep
from sim.errors import StudyError
from sim.instance import Instance
from sim.market.imbalance import RULES
from sim.market.settlement import COST_TERMS, TERMS
from sim.study_file import read_study

SWEEPS = ["beyond_errors", "beyond_fleet", "beyond_penalty", "beyond_power_factor"]
PLAYED = ["table1", "beyond_penalty", "beyond_errors"]
FIGURES = ["table1_misbids", "beyond_penalty", "beyond_errors"]
CENTS = 0.05


def reproduced(name, folder, *arguments):
    return accepted("reproduce", name, "--quick", "--workers", 1, "--out", folder, *arguments)


@pytest.fixture(scope="module")
def quick(tmp_path_factory, figures):
    """Run some items at reduced size; return the folder and what --json prints of each."""
    folder = tmp_path_factory.mktemp("beyond")
    said_by = {name: json.loads(reproduced(name, folder, "--json")) for name in PLAYED}
    return folder, {name: said["items"][name] for name, said in said_by.items()}


@pytest.fixture
def context(tmp_path):
    return Context(folder=tmp_path, cache=ResultCache(tmp_path / "parts"), quick=True)


def rows(summary):
    """Return the points of a sweep, one dictionary each."""
    data = summary["data"]
    return [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]


def pairs(summary):
    """Return the points of basic and proposed bids side by side."""
    by_key = {(row["axis"], row["value"], row["bidding"]): row for row in rows(summary)}
    return [(row, by_key[axis, value, "anm_aware"]) for (axis, value, who), row in by_key.items() if who == "basic"]


# ---- money -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bidding", STRATEGIES)
def test_the_short_way_comes_to_the_money_of_the_long_one(context, bidding):
    """Plans settled without the market loop, against every scenario simulated through agents and AC power flow."""
    instance = Instance.of(context.study(bidding=bidding, policy="hindsight"))
    kept = instance.kept_scenarios()
    long, short = (evaluate(instance, kept, by=by, workers=1) for by in ("simulation", "plan"))
    assert short.expected == pytest.approx(long.expected, abs=CENTS)
    assert list(short.expected) == [*TERMS, *ENERGIES]
    assert all(outcome.within_limits and outcome.exact for one in (long, short) for outcome in one.outcomes)
    for name in ("metered_mw", "loss_mw", "vm_pu"):
        for mine, theirs in zip(short.outcomes, long.outcomes, strict=True):
            np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), atol=1e-3)


@pytest.mark.long
def test_terms_and_energies_add_up(quick):
    for row in [*rows(quick[1]["beyond_penalty"]), *rows(quick[1]["beyond_errors"])]:
        costs = sum(row[f"{term}_usd"] for term in COST_TERMS)
        assert row["profit_usd"] == pytest.approx(row["revenue_usd"] - costs, abs=1e-6)
        assert row["imbalance_mwh"] >= abs(row["metered_mwh"] - row["bid_mwh"]) - 1e-9
        assert {*ENERGIES} <= set(row)


@pytest.mark.long
def test_without_a_penalty_nothing_is_charged_and_any_bid_earns_the_same(quick):
    free = [
        pair
        for pair in pairs(quick[1]["beyond_penalty"])
        if pair[0]["axis"] == "penalty rate" and not pair[0]["value"]
    ]
    ((basic, proposed),) = free
    assert basic["imbalance_usd"] == proposed["imbalance_usd"] == 0
    assert basic["profit_usd"] == pytest.approx(proposed["profit_usd"], abs=CENTS)


@pytest.mark.long
def test_the_proposed_bid_earns_no_less_than_the_basic_one(quick):
    """Within what it is proven to: it is made for this very model and these scenarios."""
    for name in ("beyond_penalty", "beyond_errors"):
        for basic, proposed in pairs(quick[1][name]):
            assert proposed["profit_usd"] >= basic["profit_usd"] - proposed["proven_gap_usd"] - CENTS


@pytest.mark.long
def test_who_knows_the_day_pays_no_penalty(quick):
    (certain,) = [both for both in pairs(quick[1]["beyond_errors"]) if both[0]["value"] == 0]
    assert certain[1]["imbalance_usd"] == pytest.approx(0, abs=CENTS)


@pytest.mark.long
def test_less_certainty_never_pays(quick):
    profits = [both[1]["profit_usd"] for both in pairs(quick[1]["beyond_errors"])]
    assert profits == sorted(profits, reverse=True)


# ---- strategic bids ----------------------------------------------------------------------------------------------


@pytest.mark.long
def test_no_misbid_beats_the_optimised_one_by_more_than_its_gap(quick):
    for rule, found in quick[1]["table1"]["rules"].items():
        audit = found["audit"]
        assert audit["gain [$]"] <= audit["no bid gains more than [$]"] + CENTS, rule
        families = [audit["gain of best (1 + k)·B_h [$]"], audit["gain of best B_h + c [$]"]]
        assert all(0 <= gain <= audit["no bid gains more than [$]"] + CENTS for gain in families), rule


@pytest.mark.long
def test_gains_are_made_of_their_parts_and_bounded_by_what_was_lost_to_penalties(quick):
    for found in quick[1]["table1"]["rules"].values():
        audit = found["audit"]
        parts = audit["by less penalty [$]"] + audit["by everything else [$]"]
        assert parts == pytest.approx(audit["gain [$]"], abs=1e-9)
        assert audit["gain [$]"] <= audit["lost to penalties by B_h [$]"] + CENTS


def test_the_honest_bid_is_the_expected_flow_that_no_penalty_bends(context):
    """And so it is the same whatever the rule, and whatever is bid where nothing is charged."""
    (bid_mw, undistorted), (other_mw, _) = (
        honest_bid(context, context.study(rule=rule, policy="hindsight"), title="") for rule in ("case1", "nguyen")
    )
    assert bid_mw.tolist() == other_mw.tolist()
    assert len(context.cache.computed) == 1
    free = context.study(policy="hindsight").change({"market.tariff.wear_fast": 1.0})
    market = free.market.model_copy(update={"rule": RULES["case1"].model_copy(update={"tiers": _free_tiers()})})
    instance = Instance.of(free.model_copy(update={"market": market}))
    with Evaluator(instance, by="plan", workers=1) as evaluator:
        found = evaluator.evaluate(fixed_bids(instance, np.full(24, 1.5)), instance.kept_scenarios())
    metered_mw = np.array([outcome.metered_mw for outcome in found.outcomes])
    np.testing.assert_allclose(found.probability @ metered_mw, bid_mw, atol=2e-3)
    assert found.expected["profit"] == pytest.approx(undistorted, abs=CENTS)


def _free_tiers():
    (tier,) = RULES["case1"].tiers
    return (tier.model_copy(update={"over": 0.0, "under": 0.0}),)


def amounts(profit, imbalance):
    return {"profit": profit, "imbalance": imbalance, "bid_mwh": 1.0, "imbalance_mwh": 0.5}


def test_incentives_by_hand():
    def tried(size, profit, imbalance):
        bid = {"family": "factor", "size": size, "name": f"{size}", "bid_mw": np.full(24, 1.0 + size)}
        return bid | amounts(profit, imbalance)

    point = SimpleNamespace(bid_mw=np.full(24, 3.0), expected=amounts(103.0, 8.0), gap=2.0)
    analysis = incentives([tried(0.0, 100.0, 10.0), tried(1.0, 104.0, 7.0)], point, 106.0)
    assert analysis.best["name"] == "1.0"
    assert [amount(analysis) for amount in list(table1.INCENTIVES.values())[:4]] == [4.0, 3.0, 1.0, 5.0]
    assert analysis.headroom == 6.0


def test_families_hold_the_honest_bid_and_both_directions():
    honest = np.array([2.0, 0.0])
    assert FAMILIES["factor"].bid(honest, 10.0).tolist() == pytest.approx([2.2, 0.0])
    assert FAMILIES["shift"].bid(honest, -50.0).tolist() == pytest.approx([1.95, -0.05])
    for family in FAMILIES.values():
        assert family.sizes == tuple(sorted(family.sizes))
        assert family.chosen(quick=True) == (family.sizes[0], 0.0, -family.sizes[0])


# ---- files and figures -------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_read_and_has_units(quick, figures, name):
    figure = figures[f"{name}-quick"]
    assert unreadable(figure) == []
    labels = [label for ax in figure.axes for label in (ax.get_xlabel(), ax.get_ylabel()) if label]
    assert len(labels) >= len(ROWS)
    assert all(re.search(r"\[.+\]$", label) for label in labels)
    assert_drawn(quick[0] / f"{name}-quick")


@pytest.mark.long
def test_table_is_written_in_every_form(quick):
    folder = quick[0]
    cells = [row for row in csv.reader((folder / "table1-quick.csv").open(encoding="utf-8")) if len(row) > 2]
    assert len(cells) == 1 + 3 * len(table1.TOTALS) + len(table1.INCENTIVES)
    markdown = (folder / "table1-quick.md").read_text(encoding="utf-8").replace("−", "-")
    latex = (folder / "table1-quick.tex").read_text(encoding="utf-8")
    for row in cells[1:]:
        assert all(cell in markdown and cell in latex for cell in row[2:])
    assert "|" not in latex
    for rule in RULES.values():
        assert rule.source in markdown


@pytest.mark.long
def test_quick_says_so_everywhere(quick):
    folder = quick[0]
    files = [path for path in folder.iterdir() if path.is_file()]
    assert all("-quick." in path.name for path in files)
    for path in files:
        if path.suffix in {".md", ".tex"}:
            assert path.read_text(encoding="utf-8").count("QUICK RUN at reduced size, not a result") == 1, path.name
        if path.suffix == ".svg":
            assert "quick run, not a result" in path.read_text(encoding="utf-8")


@pytest.mark.long
def test_a_point_that_is_there_is_not_computed_again(quick):
    folder, summaries = quick
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    lost = next((folder / "parts").glob("beyond_penalty-*/results/*.parquet"))
    lost.unlink()
    for name in PLAYED[1:]:
        again = json.loads(reproduced(name, folder, "--json"))
        assert set(again["parts"]["computed"]) <= {lost.name}
        assert again["items"][name] == summaries[name]
    assert lost.is_file()
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def fabricated(plan):
    """Return made-up points of all panels, the first one of the first panel far below all others."""
    points = points_of(plan.sweep, pd.DataFrame([dict.fromkeys(ROWS, 0.0) | point for point, _ in plan.arms]))
    for place, panel in enumerate(panel for _, panel in points.groupby("axis", sort=False)):
        for k, strategy in enumerate(STRATEGIES):
            curve = panel[panel["bidding"] == strategy]
            first = 2450.0 if place else -2600.0 - 400 * k
            points.loc[curve.index, "profit"] = [first, *np.linspace(2500, 3400 - 200 * k, len(curve) - 1)]
    return points


@pytest.mark.parametrize("name", SWEEPS)
def test_every_packaged_sweep_can_be_drawn(tmp_path, name):
    plan = curve_plan(Context(folder=tmp_path, cache=ResultCache(tmp_path), quick=False), name)
    figure = curve_figure(fabricated(plan))
    assert unreadable(figure) == []
    assert figure.axes[0].get_ylim()[0] > 0
    assert {"▼ −2,600", "▼ −3,000"} <= {text.get_text() for text in figure.axes[0].texts}


@pytest.mark.parametrize(("value", "text"), [(-0.001, "0.00"), (-1.5, "−1.50"), (2.0, "2.00")])
def test_numbers_in_words(value, text):
    assert number(value) == text


# ---- study files -------------------------------------------------------------------------------------------------


def studies_of(context, name):
    """Return {(factor, value): study} of a sweep's points, of the proposed bid."""
    arms = curve_plan(context, name).arms
    return {tuple(point.items()): study for point, study in arms if point["bidding"] == "anm_aware"}


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_passes_the_papers_study(context, name):
    """Where all factors are at the paper's value, the study is the paper's but for the name of its rule."""
    single = read_sweep(packaged_sweeps()[name]).axes[-1].one_at_a_time
    plan = curve_plan(context, name)
    for varied, panel in fabricated(plan).groupby("varied"):
        along = next(factor for factor in single.values if plan.sweep.label(factor) == varied)
        listed = [value * plan.sweep.factor(along).shown_times for value in single.values[along]]
        assert {*panel["base"], *panel["value"]} <= {*listed}
        assert listed == sorted(listed)
        assert sorted({*panel["value"]})[::2] == [listed[0], listed[-1]]
    full = replace(context, quick=False)
    paper = full.study(policy="hindsight").model_dump(mode="json")
    arms = curve_plan(full, name).arms
    at_paper = [study for point, study in arms if single.base.items() <= point.items()]
    assert {study["bidding"] for study in at_paper} == {*STRATEGIES}
    for study in at_paper:
        study["market"]["rule"] |= {key: paper["market"]["rule"][key] for key in ("name", "source")}
        study["grid"]["tie_line"]["power_factor_reading"] = "import_only"
        assert study | {"bidding": paper["bidding"]} == paper
    assert item(name).summary.startswith("beyond the paper: ")


def test_batteries_times_nothing_are_none(context):
    fleets = {
        (dict(point)["batteries"], dict(point)["wind and PV"]): study["fleet"]
        for point, study in studies_of(context, "beyond_fleet").items()
    }
    assert fleets[0, 1]["battery"] == []
    assert [unit["max_s_mva"] for unit in fleets[4, 1]["battery"]] == pytest.approx([0.72, 0.24, 0.24, 0.72, 1.2])
    assert len(fleets[1, 0.25]["wind"]) == 5


WEAR = {
    "name": "wear",
    "factors": {"wear rate": {"paths": ["market.tariff.wear_fast"], "label": "wear [$/MW²]"}},
    "axes": [
        {"values": {"bidding": ["basic", "anm_aware"]}},
        {"one_at_a_time": {"base": {"wear rate": 1}, "values": {"wear rate": [1, 2, 3]}}},
    ],
}


def test_the_users_own_file_is_taken_from_the_folder_of_the_results(context):
    own = context.folder / "beyond_errors.yaml"
    own.write_text(json.dumps(WEAR), encoding="utf-8")
    plan = curve_plan(context, "beyond_errors")
    assert plan.folder == context.folder
    studies = studies_of(context, "beyond_errors")
    assert [study["market"]["tariff"]["wear_fast"] for study in studies.values()] == [1, 2, 3]
    assert {study["policy"] for study in studies.values()} == {"hindsight"}
    assert {*fabricated(plan)["axis"]} == {"wear rate"}


def test_another_seed_is_that_of_all_points(tmp_path):
    context = Context(folder=tmp_path, cache=ResultCache(tmp_path), quick=True, seed=7)
    assert {study["seed"] for study in studies_of(context, "beyond_errors").values()} == {7}


def with_factor(**changes):
    return WEAR | {"factors": {"wear rate": {"paths": ["market.tariff.wear_fast"]} | changes}}


def with_values(*values, **more):
    return WEAR | {
        "axes": [
            WEAR["axes"][0],
            {"one_at_a_time": {"base": {"wear rate": 1}, "values": {"wear rate": values}} | more},
        ]
    }


WRONG = {
    "path": (with_factor(paths=["market.rul.tiers"]), ["factors.wear rate.paths.0", "'rul'", "rule"]),
    "place": (
        with_factor(paths=["market.tariff.wear_fast", "fleet.wind.9.bus"]),
        ["factors.wear rate.paths.1", "'9'", "0..4"],
    ),
    "set": (WEAR | {"set": {"market.rule.name.x": 1}}, ["set: market.rule.name.x", "'name' is a value"]),
    "single": (with_values(1), ["axes", "two or more"]),
    "words": (with_values("a", "b"), ["axes", "along numbers"]),
    "bases": (with_values(1, 2, base={"tear": 1}), ["axes.1.one_at_a_time", "the same factors"]),
    "strategies": (WEAR | {"axes": WEAR["axes"][1:]}, ["axes", "add values: {bidding: ['basic', 'anm_aware']}"]),
    "no curve": (WEAR | {"axes": WEAR["axes"][:1], "factors": {}}, ["axes", "one_at_a_time"]),
    "impossible": (with_factor(paths=["grid.tie_line.min_power_factor"]), ["wear rate 2", "min_power_factor"]),
    "unknown": (with_factor(value=1), ["factors.wear rate.value"]),
    "word": (with_factor(paths=["name"], change="times"), ["factors.wear rate.paths.0", "no number"]),
    "star": (with_factor(paths=["fleet.wind.*"], change="times"), ["factors.wear rate", "must not end in *"]),
    "study": (WEAR | {"study": "microgrid3"}, ["microgrid3"]),
    "microgrids": (WEAR | {"study": "networked33"}, ["no microgrids", "tieline run"]),
    "no mapping": ([1], ["mapping"]),
}


@pytest.mark.parametrize(("document", "parts"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_file_is_said_with_file_and_field(refused, tmp_path, document, parts):
    (tmp_path / "beyond_errors.yaml").write_text(json.dumps(document), encoding="utf-8")
    message = refused("reproduce", "beyond_errors", "--quick", "--out", tmp_path)
    assert all(part in message for part in parts), message
    assert "beyond_errors.yaml: " in message


@pytest.mark.parametrize("devices", ["microgrid", "ev_aggregator"])
def test_no_result_is_made_of_a_study_with_microgrids(context, study33, devices):
    """Wherever they come from, such as an axis of a sweep: the plan of a day would leave them out without a word."""
    networked = read_study(STUDIES / "networked33.yaml").fleet
    fleet = study33.fleet.model_copy(update={devices: getattr(networked, devices)})
    with pytest.raises(StudyError, match="tieline reproduce knows no microgrids"):
        evaluated_bids(context, study33.model_copy(update={"fleet": fleet}), title="")
    assert context.cache.found == context.cache.computed == []


def test_verdict_names_the_rules_that_burden_the_system_operator():
    def analysis(more_mwh):
        best = {"gain": 2.0, "imbalance_mwh": 3.0 + more_mwh}
        return SimpleNamespace(best=best, honest={"imbalance_mwh": 3.0})

    assert "Under CAISO it leaves" in table1._verdict({"shi": analysis(0.0), "caiso": analysis(0.1)})
    assert "Under no rule" in table1._verdict({"shi": analysis(0.0), "caiso": analysis(-0.1)})
