"""Table 5 in other interpretations: each changes its own values only, and every figure can be worked out by hand.

The bids of the quick run cost nothing to evaluate (see ``test_reproduce``); what is said of losses and flows is tried
on real ones.
"""

import csv
import fnmatch
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from cli import accepted
from reproduced import cheap_evaluation, evaluated

from experiments.evaluation import evaluate, scenario_set
from experiments.reproduce import evaluated_bids, loss_analysis
from experiments.reproduce.context import FULL, Context
from experiments.reproduce.deviations import Verdict, deviations, improvements, papers_money, sensitivity_cells
from experiments.reproduce.interpretations import (
    BASE,
    CLOSEST,
    COMBINED,
    MORE_WIND,
    NOT_PRINTED,
    PER_UNIT,
    PRINTED,
    QUICK_GROUPS,
    SAME_WORTH,
    Interpretation,
    groups_of,
)
from experiments.reproduce.items import sensitivity
from experiments.reproduce.paper import CASES, COLUMNS, STRATEGIES
from experiments.reproduce.result_cache import ResultCache
from experiments.reproduce.variants import variant_plan
from experiments.sweeps import worker
from sim.instance import Instance
from sim.market.settlement import TERMS
from sim.study import Study

ALTERNATIVES = [one for group in (NOT_PRINTED | COMBINED | PRINTED).values() for one in group]
QUICK_READINGS = {BASE, CLOSEST, *(one for group in QUICK_GROUPS.values() for one in group)}


def context_in(folder, **options):
    return Context(folder=folder, cache=ResultCache(folder / "parts"), workers=1, quiet=True, **options)


def reproduced(folder, *arguments):
    return accepted("reproduce", "sensitivity", "--quick", "--workers", 1, "--out", folder, *arguments)


@pytest.fixture(scope="module")
def cheap():
    """Evaluate bids for nothing; only the columns, not the loss analysis."""
    with cheap_evaluation():
        yield


@pytest.fixture(scope="module")
def quick(cheap, tmp_path_factory):
    """Run the item once at reduced size; return its folder and what it prints."""
    folder = tmp_path_factory.mktemp("sensitivity")
    return folder, reproduced(folder)


def rows_of(path):
    return list(csv.DictReader(path.open(encoding="utf-8")))


# ---- readings ----------------------------------------------------------------------------------------------------


def flat(document, prefix=""):
    """Return a nested document as {dotted key: value}."""
    if not isinstance(document, dict | list | tuple):
        return {prefix.removesuffix("."): document}
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    return {key: value for name, part in pairs for key, value in flat(part, f"{prefix}{name}.").items()}


def named(reading, size, keys):
    """Return the changes a reading names, as {dotted key: value}."""
    changes = dict(override.split("=") for override in reading.overrides)
    said = {key: yaml.safe_load(value) for one, value in changes.items() for key in fnmatch.filter(keys, one)}
    return said | ({"uncertainty.scenarios": size.keep} if reading.unreduced else {})


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Return {(reading, rule, strategy): study} of all readings at full size, as runs of a sweep have them."""
    context = context_in(tmp_path_factory.mktemp("full"), quick=False)
    plan = variant_plan(context, "all", [BASE, *ALTERNATIVES])
    return {tuple(point.values()): Study.model_validate(document) for point, document in plan.arms}


@pytest.mark.parametrize("reading", ALTERNATIVES, ids=lambda reading: reading.name)
def test_a_reading_changes_what_it_names_and_nothing_else(reading, studies):
    for column in COLUMNS:
        before, after = (flat(studies[one.name, *column].model_dump()) for one in (BASE, reading))
        changed = {key: value for key, value in after.items() if before[key] != value}
        assert after.keys() == before.keys()
        assert changed == named(reading, FULL, before)
    Instance.of(studies[reading.name, "case1", "basic"])  # the network can be built and the columns are there


def test_the_base_reading_is_the_papers_protocol(studies, tmp_path):
    context = context_in(tmp_path, quick=False)
    for rule, strategy in COLUMNS:
        assert studies[BASE.name, rule, strategy] == context.study(rule=rule, bidding=strategy, policy="hindsight")


def test_readings_have_names_of_their_own_that_fit():
    names = [one.name for one in [BASE, *ALTERNATIVES]]
    assert len(set(names)) == len(names) > 30
    assert max(map(len, names)) <= 26


def test_what_is_closest_does_not_contradict_the_paper():
    assert CLOSEST in ALTERNATIVES
    against = {one.name for one in [BASE, *ALTERNATIVES] if one.against_print}
    assert not CLOSEST.against_print
    assert {one.name for group in PRINTED.values() for one in group} < against
    assert {"per unit, random", "per unit, must end at 0.95"} < against


def test_more_wind_makes_up_for_the_smaller_sun(studies):
    """All available energy is worth what Table 5 implies, and the inverters never feel that they are larger."""
    worth = {}
    for reading in (BASE, SAME_WORTH):
        instance = Instance.of(studies[reading.name, "case1", "basic"])
        worth[reading] = instance.profiles.price_per_mwh @ instance.forecast.available_mw[0].sum(axis=1)
    assert worth[BASE] == pytest.approx(1728.98 + 110.67 / 0.8, abs=0.1)
    assert worth[SAME_WORTH] == pytest.approx(worth[BASE], rel=1e-4)
    assert instance.grid.renewables[0].max_s_mva == pytest.approx(1.2 * MORE_WIND)
    share = instance.profiles.wind_pu.max() * (1 + 4 * 0.10)  # four standard deviations of the forecast error
    assert share < 0.9  # up to there the power factor limits the reactive power, and not the circle


def test_a_quick_run_takes_a_few_of_them(tmp_path):
    few, many = (groups_of(context_in(tmp_path, quick=quick)) for quick in (True, False))
    assert few == QUICK_GROUPS
    assert sum(map(len, many.values())) >= len(ALTERNATIVES)
    assert {one for group in few.values() for one in group} <= set(ALTERNATIVES)


def test_changes_in_words():
    assert BASE.in_words() == "nothing"
    overrides = ("fleet.wind.*.min_power_factor=0.95", "grid.line_max_s_mva=3.02")
    words = Interpretation(name="x", overrides=overrides, unreduced=True).in_words()
    assert words == "fleet.wind.*.min_power_factor=0.95, grid.line_max_s_mva=3.02, as many scenarios drawn as are kept"


def test_the_notes_tell_of_every_reading_and_of_no_other():
    text = Path(evaluated_bids.__file__).with_name("NOTES.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|*]+?) \|(?: [−\d.]+ \|){11}$", text, flags=re.MULTILINE)
    ours = {"its mean over seeds", "its s.d."}
    assert set(rows) - ours == {one.name for one in [BASE, *ALTERNATIVES]}
    for one in ALTERNATIVES:
        assert f"- {one.name}: `{one.in_words()}`\n" in text


# ---- deviations --------------------------------------------------------------------------------------------------


def scaled(**factors):
    """Return the paper's money with terms multiplied."""
    return papers_money().mul(pd.Series(factors, dtype=float).reindex(TERMS, fill_value=1.0))


def test_the_paper_deviates_from_itself_in_nothing():
    verdict = Verdict(papers_money())
    assert (verdict.mean, verdict.far_terms) == (0.0, [])
    assert len(verdict.deviations) == 2 * 8 + 2 * 7  # wear and the proposed bid's imbalance are below 50 $
    assert len(verdict.holds) == 4
    assert all(verdict.holds.values())
    assert list(verdict.improvements["gain"]) == pytest.approx([0.015, 0.0234], abs=1e-4)
    assert list(verdict.improvements["cut"]) == pytest.approx([1 - 13.10 / 54.04, 1 - 9.55 / 78.44])


def test_deviations_are_relative_and_a_tenth_is_far():
    verdict = Verdict(scaled(loss=0.5, revenue=1.05, load_curtailment=1.1))
    assert verdict.far_terms == ["loss", "load_curtailment"]
    assert verdict.mean == pytest.approx(4 * (0.5 + 0.05 + 0.1) / 30)
    assert deviations(scaled(loss=0.5)).loc[("case2", "basic"), "loss"] == -0.5
    mean, most, others, *_ = sensitivity_cells(scaled(loss=0.5, imbalance=2.0, generation=0.9), "case1")
    assert (most, others) == (pytest.approx(100), pytest.approx(10))
    assert mean == pytest.approx(100 * (2 * 0.5 + 1.0 + 2 * 0.1) / 15)


def test_a_verdict_can_be_against():
    worse = scaled()
    worse.loc[("case2", "anm_aware")] = worse.loc[("case2", "basic")]
    assert not any(Verdict(worse).holds.values())
    assert improvements(scaled(imbalance=0.0)).loc["case1", "cut"] == 0.0


# ---- the run -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_quick_says_so_and_fits_the_screen(quick):
    folder, said = quick
    assert "quick run, not a result" in said.splitlines()[0]
    assert said.count("QUICK RUN at reduced size") == 1
    assert all("-quick." in path.name for path in folder.iterdir() if path.suffix in {".csv", ".md"})
    assert (folder / "sensitivity-quick.md").read_text(encoding="utf-8").count("QUICK RUN") == 1
    for rule in CASES:
        cells = [list(row.values())[2:] for row in rows_of(folder / f"sensitivity_{rule}-quick.csv")]
        assert all(cell in said for row in cells for cell in row)


@pytest.mark.slow
def test_the_tables_fit_100_columns(quick, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    said = reproduced(quick[0])
    assert max(map(len, [line for line in said.splitlines() if re.search(r"\d\.\d +[+-]?\d", line)])) <= 100


@pytest.mark.slow
def test_a_second_run_computes_nothing_and_writes_the_same(quick):
    folder, _ = quick
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    again = json.loads(reproduced(folder, "--json"))
    assert again["parts"]["computed"] == []
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert again["items"]["sensitivity"]["changes"]["errors per unit"] == PER_UNIT.in_words()
    stored = [*(folder / "parts").glob("*.json"), *(folder / "parts").glob("sensitivity*/results/*")]
    assert set(again["parts"]["found"]) == {path.name for path in stored}


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_stopped(cheap, quick, tmp_path, monkeypatch):
    calls = []

    def interrupted(*given, **options):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return evaluated(*given, **options)

    monkeypatch.setattr(worker, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sensitivity.reproduce(context_in(tmp_path, quick=True))
    assert len(list((tmp_path / "parts").glob("sensitivity*/results/*"))) == 5
    goes_on = context_in(tmp_path, quick=True)
    sensitivity.reproduce(goes_on)
    assert len(set(goes_on.cache.found)) >= 5
    name = "sensitivity_case1-quick.csv"
    assert (tmp_path / name).read_bytes() == (quick[0] / name).read_bytes()


def stored_money(folder, reading, seed):
    """Return {(rule, strategy): {term: mean}} of the stored runs of a reading with a seed."""
    runs = pd.concat(map(pd.read_parquet, (folder / "parts").glob("sensitivity*/results/*")))
    runs = runs[(runs["interpretation"] == reading.name) & (runs["seed"] == seed)]
    assert len(runs) == len(COLUMNS)
    return {(run["market.rule"], run["bidding"]): run for run in runs.to_dict(orient="records")}


@pytest.mark.slow
def test_the_deviations_of_a_reading_by_hand(quick):
    folder = quick[0]
    money = stored_money(folder, PER_UNIT, 1)
    assert set(money) == set(COLUMNS)
    printed = {row["term"]: row for row in rows_of(Path(evaluated_bids.__file__).with_name("table5_paper.csv"))}
    for rule in CASES:
        apart = {}
        for strategy in STRATEGIES:
            for term in TERMS:
                paper = float(printed[term][f"{rule} {strategy}"])
                if paper > 50:
                    apart[strategy, term] = 100 * abs(money[rule, strategy][term] - paper) / paper
        others = [share for (_, term), share in apart.items() if term not in {"loss", "imbalance"}]
        basic, proposed = money[rule, "basic"], money[rule, "anm_aware"]
        row = next(row for row in rows_of(folder / f"sensitivity_{rule}-quick.csv") if row["row"] == PER_UNIT.name)
        expected = {
            "dev. % mean": sum(apart.values()) / len(apart),
            "dev. % most": max(apart.values()),
            "dev. % others": max(others),
            "loss $ basic": basic["loss"],
            "loss $ prop.": proposed["loss"],
            "imb. $ basic": basic["imbalance"],
            "imb. $ prop.": proposed["imbalance"],
            "profit $ basic": basic["profit"],
            "profit $ prop.": proposed["profit"],
            "better % imb.": 100 * (1 - proposed["imbalance"] / basic["imbalance"]),
            "better % profit": 100 * (proposed["profit"] / basic["profit"] - 1),
        }
        assert {name: float(row[name]) for name in expected} == pytest.approx(expected, abs=0.51)
        assert list(row) == ["panel", "row", *expected]


@pytest.mark.slow
def test_the_spread_by_hand(quick):
    folder = quick[0]
    by_seed = [stored_money(folder, BASE, seed)["case2", "anm_aware"]["exchange"] for seed in (1, 2)]
    rows = rows_of(folder / "sensitivity_spread-quick.csv")
    row = next(row for row in rows if row["panel"] == "Case II, base reading" and row["row"] == "exchange")
    mean, half = sum(by_seed) / 2, abs(by_seed[1] - by_seed[0]) / 2
    assert float(row["proposed mean"]) == pytest.approx(mean, abs=0.005)
    assert float(row["proposed s.d."]) == pytest.approx(half * np.sqrt(2), abs=0.005)
    assert float(row["proposed off"]) == pytest.approx((mean - 1571.0) / (half * np.sqrt(2)), abs=0.051)


@pytest.mark.slow
def test_every_term_is_in_one_long_table(quick):
    folder = quick[0]
    rows = rows_of(folder / "sensitivity_terms-quick.csv")
    assert len(rows) == (len(QUICK_READINGS) + len({BASE, CLOSEST})) * len(COLUMNS) * len(TERMS)  # two seeds for some
    for row in rows:
        assert float(row["ours_usd"]) / float(row["paper_usd"]) - 1 == pytest.approx(
            float(row["relative_deviation"]), rel=1e-3, abs=1e-4
        )


# ---- losses and imbalance ----------------------------------------------------------------------------------------


@pytest.fixture
def real(monkeypatch, tmp_path):
    """Evaluate bids after all; return the context of a quick run."""
    for name, original in (("evaluate", evaluate), ("scenario_set", scenario_set), ("Instance", Instance)):
        monkeypatch.setattr(evaluated_bids, name, original)
    return context_in(tmp_path, quick=True)


def stored_bids(context):
    """Return the only stored evaluation."""
    (path,) = context.cache.folder.glob("evaluation-*.json")
    return json.loads(path.read_text(encoding="utf-8"))["result"]


def test_the_loss_book_by_hand(instance33):
    hours = np.arange(24.0)
    ours = {"generation": 1000.0, "exchange": 2000.0, "load_curtailment": 30.0}
    book = loss_analysis._losses(instance33, ours, 0.1 * hours, np.full(24, 2.0))
    price = instance33.profiles.price_per_mwh
    assert book.energy_mwh == pytest.approx(27.6)
    assert book.evening == pytest.approx(0.1 * sum(price[14:22] * hours[14:22]))
    assert book.market == pytest.approx(0.1 * sum(price * hours))
    assert book.peak == pytest.approx(67.42 * 27.6)
    assert book.bought == pytest.approx(3000 - 2 * sum(price) + 10)
    assert book.factor == pytest.approx(65.68 / book.market)
    assert (12.66 / book.voltage_kv) ** 2 == pytest.approx(book.factor)
    demand = 3.715 * sum(price * instance33.profiles.demand_pu)
    assert book.bought_in_paper == pytest.approx(1727.69 + 1562.90 - demand + 221.89 / 3, abs=1e-6)


def test_the_losses_are_those_of_a_day(real):
    losses = loss_analysis.analyse_losses(real)
    stored = stored_bids(real)
    by_hour = np.array(stored["probability"]) @ np.array(stored["loss_mw"])
    assert by_hour.shape == (24,)
    assert losses.energy_mwh == pytest.approx(by_hour.sum())
    assert 0.2 < losses.energy_mwh < 3.0
    assert 1500 < np.array(stored["probability"]) @ np.array(stored["money"]["generation"]) < 2000


def test_the_printed_band_by_hand(real, instance33):
    book = loss_analysis.analyse_imbalance(real)
    part = stored_bids(real)
    kept = printed = export = 0.0
    for chance, flows in zip(part["probability"], part["metered_mw"], strict=True):
        for bid, flow, price in zip(part["bid_mw"], flows, instance33.profiles.price_per_mwh, strict=True):
            half = 0.05 * abs(bid)
            charge = chance * 0.5 * price * (max(0, flow - bid - half) + max(0, bid - half - flow))
            kept += charge
            export += charge * (bid < 0)
            printed += chance * 0.5 * price * (max(0, flow - 1.05 * bid) + max(0, 0.95 * bid - flow))
    assert (book.by_rule, book.as_printed, book.export) == pytest.approx((kept, printed, export))
    assert printed > kept  # the basic bid exports, and that would cost more
