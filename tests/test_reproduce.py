"""The paper made again: its figures beside ours, parts that survive an interruption, and files that agree.

One quick run of everything is real. What is about parts and files alone runs with an evaluation that costs nothing.
"""

import csv
import json
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace

import numpy as np
import pytest
from cli import accepted
from test_figures import unreadable
from typer.testing import CliRunner

import experiments.__main__ as command_line
from experiments import reproduce
from experiments.evaluation import Evaluation, Outcome
from experiments.reproduce import columns, item, items, journal, parts
from experiments.reproduce.beside_paper import DIFFERENCE, PANELS, Entry
from experiments.reproduce.columns import Column
from experiments.reproduce.flows import Flows
from experiments.reproduce.items import fig8
from experiments.reproduce.items import table5 as table5_item
from experiments.reproduce.paper import CASES, STRATEGIES, table5
from experiments.reproduce.parts import PartStore
from experiments.reproduce.report_table import Group, Panel, ReportTable
from experiments.reproduce.workshop import FULL, QUICK, Workshop
from experiments.value_report import Estimate
from sim.errors import StudyError
from sim.messages import Submission
from sim.settlement import COST_TERMS, TERMS

ITEMS = ["fig4", "fig5", "fig6", "fig7", "fig8", "table5"]
FIGURES = ITEMS[:-1]
GOLDEN = json.loads((Path(__file__).parent / "golden" / "reproduce" / "table5_quick.json").read_text(encoding="utf-8"))
RESULTS = {".csv", ".md", ".tex", ".pdf", ".svg", ".png"}


def results(folder):
    """Return the bytes of all tables and figures in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in RESULTS}


@pytest.fixture(scope="module")
def figures():
    """Collect the figures that are saved."""
    saved = {}
    original = journal.save_figure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "save_figure", lambda *given: saved.update({given[2]: given[0]}) or original(*given))
        yield saved


@pytest.fixture(scope="module")
def quick(tmp_path_factory, figures):
    """Run the paper's items once at reduced size; return the folder and what --json prints."""
    folder = tmp_path_factory.mktemp("quick")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reproduce, "item_names", lambda: ITEMS)  # the others have tests of their own
        yield (
            folder,
            json.loads(accepted("reproduce", "all", "--quick", "--json", "--workers", 1, "--out", folder)),
        )


# ---- the paper and ours ------------------------------------------------------------------------------------------


def test_the_papers_table_adds_up_to_what_its_text_says():
    paper = table5()
    assert tuple(paper.index) == TERMS
    assert list(paper) == [f"{rule} {strategy}" for rule in CASES for strategy in STRATEGIES]
    costs = paper.loc[list(COST_TERMS)].sum()
    np.testing.assert_allclose(paper.loc["revenue"] - costs, paper.loc["profit"], atol=0.021)
    for rule, gain in (("case1", 41.01), ("case2", 63.48)):
        assert paper.at["profit", f"{rule} anm_aware"] - paper.at["profit", f"{rule} basic"] == pytest.approx(
            gain, abs=0.011
        )


def entries_of(summary):
    """Return (letter, rule, panel, term): entry of all tables in a summary."""
    tables = summary["items"]["table5"]["tables"]
    return {
        (letter, rule, panel, term): entry
        for letter, rules in tables.items()
        for rule, panels in rules.items()
        for panel, terms in panels.items()
        for term, entry in terms.items()
    }


def test_golden_table(quick):
    assert GOLDEN["origin"]
    found = {" ".join(key): entry["ours"] for key, entry in entries_of(quick[1]).items()}
    assert found == pytest.approx(GOLDEN["ours"], **GOLDEN["tolerance"])


def test_ours_stands_beside_the_papers(quick):
    entries, paper = entries_of(quick[1]), table5()
    assert len(entries) == 3 * 2 * 3 * len(TERMS)
    for (_, rule, panel, term), entry in entries.items():
        assert entry["difference"] == entry["ours"] - entry["paper"]
        if panel == DIFFERENCE:
            assert entry["percent"] is None
        else:
            assert entry["paper"] == paper.at[term, f"{rule} {panel}"]
            assert entry["percent"] == pytest.approx(100 * entry["difference"] / entry["paper"])


def test_every_column_adds_up(quick):
    entries = entries_of(quick[1])
    for letter, rule, panel, _ in entries:
        ours = {term: entries[letter, rule, panel, term]["ours"] for term in TERMS}
        assert ours["profit"] == pytest.approx(ours["revenue"] - sum(ours[term] for term in COST_TERMS), abs=1e-6)
    for letter, rule, panel, term in entries:
        if panel == DIFFERENCE:
            basic, proposed = (entries[letter, rule, strategy, term]["ours"] for strategy in STRATEGIES)
            assert entries[letter, rule, panel, term]["ours"] == pytest.approx(proposed - basic, abs=1e-9)


def test_only_samples_have_intervals(quick):
    entries = entries_of(quick[1])
    assert {letter for (letter, *_), entry in entries.items() if entry["reach"] is None} == {"a"}


def test_differences_are_paired_scenario_by_scenario():
    """The weather that both bids share cancels: what is left of it is the scatter of 10, 12 and 14 $."""

    def column(*profits):
        money = {term: np.array(profits) for term in TERMS}
        return Column(money=money, probability=np.full(3, 1 / 3), violations=0, note="", proof={})

    difference = column(110.0, 512.0, 914.0) - column(100.0, 500.0, 900.0)
    assert difference.mean("profit") == pytest.approx(12.0)
    estimate = difference.estimate("profit")
    assert estimate.high - estimate.mean == pytest.approx(4.302653 * 2 / np.sqrt(3), rel=1e-6)  # Student, 2 degrees


def test_fig7_names_the_buses(quick):
    caption = quick[1]["items"]["fig7"]["caption"]
    voltages = quick[1]["items"]["fig7"]["data"]
    low = [bus for bus, vm_pu in zip(voltages["bus"], voltages["no_ANM_basic_bid_vm_pu"], strict=True) if vm_pu < 0.95]
    assert set(range(10, 19)) | set(range(28, 34)) <= set(low)  # those of the paper
    assert "buses 10-18, 28-33 below" in caption
    assert re.search(rf"buses {low[0]}-18, {low[low.index(18) + 1]}-33 are outside the limits", caption)
    assert min(voltages["ANM_basic_bid_vm_pu"] + voltages["ANM_proposed_bid_vm_pu"]) > 0.95 - 1e-6


def test_imbalance_over_the_bid_by_hand():
    flows = Flows(
        bid_mw=np.array([2.0, -0.5, 0.0, 0.0]),
        metered_mw=np.array([[1.0, 0.0, 0.0, 0.1], [2.5, 0.0, 1e-7, 0.1]]),
        probability=np.array([0.5, 0.5]),
    )
    assert flows.normalised().tolist() == [0.375, 1.0, 0.0, np.inf]
    assert flows.mean_imbalance_mw.tolist() == pytest.approx([-0.25, 0.5, 0.0, 0.1], abs=1e-6)


@pytest.mark.parametrize(
    ("low", "words"), [(1.0, "The advantage survives"), (-1.0, "not beyond chance in Case I and")]
)
def test_verdict(low, words):
    estimate = Estimate(mean=5.0, standard_error=2.0, low=low, high=9.0)
    entry = Entry(ours=5.0, paper=4.0, estimate=estimate, strategy=False)
    assert words in table5_item._verdict({rule: {DIFFERENCE: {"profit": entry}} for rule in CASES})


# ---- figures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_read_and_has_units(quick, figures, name):
    figure = figures[f"{name}-quick"]
    assert unreadable(figure) == []
    assert all(re.search(r"\[.+\]", ax.get_ylabel()) for ax in figure.axes)
    assert re.search(r"\[.+\]", figure.axes[-1].get_xlabel())
    folder = quick[0]
    assert (folder / f"{name}-quick.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / f"{name}-quick.pdf").read_bytes().startswith(b"%PDF")
    ids = re.findall(r'\bid="([^"]*)"', (folder / f"{name}-quick.svg").read_text(encoding="utf-8"))
    assert len(ids) == len(set(ids))


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
    flows = Flows(bid_mw=np.zeros(24), metered_mw=np.full((1, 24), 0.1), probability=np.ones(1))
    figure = fig8._figure({(rule, strategy): flows for rule in CASES for strategy in STRATEGIES})
    beyond = [line for line in figure.axes[0].lines if str(line.get_gid()).endswith("-beyond")]
    assert [len(line.get_xdata()) for line in beyond] == [24, 24]
    workshop = Workshop(folder=tmp_path, store=PartStore(tmp_path), quick=False)
    data = fig8._rows(flows, "case1", "basic")
    product = journal.publish(workshop, "fig8", figure, caption="", original="", data=data)
    assert json.loads(json.dumps(product.summary, allow_nan=False))["data"]["normalised_percent"] == [None] * 24
    assert {path.name for path in product.files} == {path.name for path in tmp_path.iterdir()}


# ---- quick, again, and damaged -----------------------------------------------------------------------------------


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
    store = PartStore(tmp_path)
    studies = [Workshop(folder=tmp_path, store=store, quick=quick).study() for quick in (True, False)]
    found = [store.part(study, {"part": "x"}, lambda: {"of": 1}) for study in studies]
    assert found == [{"of": 1}] * 2
    assert (len(store.found), len(store.computed)) == (0, 2)


def test_a_second_run_computes_nothing_and_damage_is_repaired(quick):
    """One part is cut short: it alone is computed again, to the same bytes."""
    folder, before = quick[0], results(quick[0])
    texts = {path: path.read_text(encoding="utf-8") for path in (folder / "parts").glob("money-*")}
    damaged = next(path for path, text in texts.items() if '"anm_aware"' in text and '"kept"' in text)
    damaged.write_text(texts[damaged][:-40], encoding="utf-8")
    said = json.loads(accepted("reproduce", "all", "--quick", "--json", "--workers", 1, "--out", folder))
    assert said["parts"]["computed"] == [damaged.name]
    assert {*said["parts"]["found"], damaged.name} == set(quick[1]["parts"]["computed"])  # some serve several items
    assert said["items"] == quick[1]["items"]
    assert results(folder) == before


# ---- an evaluation that costs nothing ----------------------------------------------------------------------------


def evaluated(setting, scenarios, *, workers, progress):
    """Return an evaluation whose money hangs on study and scenario alone."""
    seed = int(sha256(setting.study.model_dump_json().encode()).hexdigest()[:8], 16)
    rng, outcomes = np.random.default_rng(seed), []
    for k in range(len(scenarios)):
        terms = dict(zip(TERMS, rng.normal(0, 50, len(TERMS)).tolist(), strict=True))
        proof = {"cone_gap": 1e-6}
        outcomes.append(
            Outcome(
                terms=terms,
                imbalance_mwh=np.zeros(24),
                min_vm_pu=1.0,
                max_vm_pu=1.0,
                violations=1,
                certificate=proof,
            )
        )
        progress(k + 1)
    bids = Submission(bid_mw=np.zeros(24), strategy="x", battery_p_mw=np.zeros((24, 1)), note="went wrong")
    return Evaluation(
        submission=bids,
        terms={},
        standard_errors={},
        outcomes=outcomes,
        probability=np.full(len(scenarios), 1 / len(scenarios)),
    )


@pytest.fixture
def cheap(monkeypatch):
    monkeypatch.setattr(columns, "evaluate", evaluated)
    monkeypatch.setattr(columns, "Setting", SimpleNamespace(of=lambda study: SimpleNamespace(study=study)))
    monkeypatch.setattr(columns, "scenario_set", lambda setting, on, count: np.arange(count))


def reproduced(folder, *arguments):
    return accepted("reproduce", "table5", "--quick", "--out", folder, *arguments)


@pytest.mark.usefixtures("cheap")
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    reproduced(tmp_path / "undisturbed")
    calls = []

    def interrupted(*given, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluated(*given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(columns, "evaluate", interrupted)
        stopped = CliRunner().invoke(
            command_line.app, ["reproduce", "table5", "--quick", "--out", str(tmp_path / "disturbed")]
        )
    assert stopped.exit_code != 0
    assert "the same command goes on" in stopped.stderr
    assert len(list((tmp_path / "disturbed" / "parts").iterdir())) == 1
    assert "11 computed, 1 found in" in reproduced(tmp_path / "disturbed")
    assert "0 computed, 12 found in" in reproduced(tmp_path / "disturbed")
    assert results(tmp_path / "disturbed") == results(tmp_path / "undisturbed")


@pytest.mark.usefixtures("cheap")
def test_the_terminal_shows_what_the_files_hold(tmp_path):
    said = reproduced(tmp_path)
    assert "quick run, not a result" in said.splitlines()[0]
    assert said.count("QUICK RUN at reduced size") == 3
    assert max(map(len, [line for line in said.splitlines() if re.search(r"\d\.\d\d +[+-]\d", line)])) <= 80
    for letter in "abc":
        for row in csv.reader((tmp_path / f"table5{letter}-quick.csv").open(encoding="utf-8")):
            assert all(cell in said for cell in row[2:] if re.fullmatch(r"[+-]?[\d.]+", cell))
    assert "Case I basic: went wrong." in said
    assert "Case I basic: 2 bus-hours outside the voltage limits." in said


@pytest.mark.usefixtures("cheap")
def test_csv_markdown_and_latex_hold_the_same_numbers(tmp_path):
    reproduced(tmp_path)
    rows = [
        row[1:] for letter in "abc" for row in csv.reader((tmp_path / f"table5{letter}-quick.csv").open()) if row[2]
    ]
    rows = [row for row in rows if row[0] != "row"]
    markdown = (tmp_path / "table5-quick.md").read_text(encoding="utf-8").replace("−", "-")
    in_markdown = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines() if "|" in line]
    assert [row for row in in_markdown if row[0].replace(" ", "_") in TERMS] == rows
    latex = (tmp_path / "table5-quick.tex").read_text(encoding="utf-8")
    lines = [line.removesuffix(r" \\") for line in latex.splitlines() if line.count("&") == 8]
    in_latex = [line.replace("$", "").split(" & ") for line in lines]
    assert [row for row in in_latex if row[0].replace(" ", "_") in TERMS] == rows
    assert len(rows) == 3 * len(PANELS) * len(TERMS)
    for name in ("table", "tabular"):
        assert latex.count(rf"\begin{{{name}}}") == latex.count(rf"\end{{{name}}}") == 3
    assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")


@pytest.mark.usefixtures("cheap")
def test_json_is_one_object_and_another_seed_another_result(tmp_path):
    first, second = (json.loads(reproduced(tmp_path, "--json", "--seed", seed)) for seed in (5, 6))
    assert (first["seed"], second["seed"]) == (5, 6)
    assert second["parts"]["found"] == []
    assert entries_of(first) != entries_of(second)
    assert all(Path(file).is_file() for file in second["files"])
    assert "seed 6" in (tmp_path / "table5-quick.md").read_text(encoding="utf-8")


# ---- parts -------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path, study33):
    """Store a part; return its file and a function that asks for it again and says what was computed."""
    PartStore(tmp_path).part(study33, {"part": "sum", "of": 2}, lambda: {"is": (1, 2.5)})

    def again(study=study33, of=2):
        store = PartStore(tmp_path)
        assert store.part(study, {"part": "sum", "of": of}, lambda: {"is": [1, 2.5]}) == {"is": [1, 2.5]}
        return len(store.computed)

    (file,) = tmp_path.iterdir()
    return file, again


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("2.5", "2.6"),
        lambda text: "[]",
        lambda text: "null",
        lambda text: "\udcff",
    ],
    ids=["empty", "cut", "another number", "list", "null", "no text"],
)
def test_a_damaged_part_is_computed_again(stored, damage):
    file, again = stored
    assert again() == 0
    file.write_bytes(damage(file.read_text(encoding="utf-8")).encode(errors="surrogateescape"))
    assert again() == 1
    assert again() == 0


def test_what_decides_a_part_finds_it(stored, study33, monkeypatch):
    _, again = stored
    assert again(study=study33.model_copy(update={"seed": 2})) == 1
    assert again(of=3) == 1
    monkeypatch.setattr(parts, "versions", lambda: {"tieline": "99"})
    assert again() == 1
    assert again() == 0


def test_nothing_is_left_of_a_part_that_was_not_finished(tmp_path, study33, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(parts.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        PartStore(tmp_path).part(study33, {"part": "x"}, dict)
    assert list(tmp_path.iterdir()) == []


# ---- tables ------------------------------------------------------------------------------------------------------


def test_a_small_table_four_ways():
    table = ReportTable(
        name="small",
        number="Table 9",
        title="Cost [$] & share",
        groups=[Group(title="all", columns={"$": ".1f", "%": "+.1f"})],
        panels=[Panel(title="first_one", rows={"a": (-0.04, -3.25), "b": (2.0, None)})],
        notes=["± is said."],
    )
    assert table.as_csv() == "panel,row,all $,all %\nfirst_one,a,0.0,-3.2\nfirst_one,b,2.0,\n"
    assert "| a | 0.0 | −3.2 |\n| b | 2.0 |  |" in table.as_markdown()
    latex = table.as_latex()
    for part in (r"\caption{Cost [\$] \& share}", "a & 0.0 & $-3.2$", "b & 2.0 & ", r"first\_one", r"$\pm$ is said."):
        assert part in latex
    assert table.as_rich().row_count == 3
    with pytest.raises(ValueError, match="zip"):
        replace(table, panels=[Panel(title="", rows={"a": (1.0,)})]).as_csv()


# ---- names -------------------------------------------------------------------------------------------------------


def test_every_item_says_what_it_makes():
    names = sorted(module.name for module in iter_modules(items.__path__))
    assert set(ITEMS) <= set(names)
    for name in names:
        assert re.fullmatch(r"\S[^\n]{10,110}", item(name).SUMMARY)
        assert callable(item(name).reproduce)


def test_an_unknown_item_is_refused_with_those_there_are(refused):
    message = refused("reproduce", "fig9")
    assert "'fig9'" in message
    assert all(name in message for name in [*reproduce.item_names(), "all"])


def test_a_file_is_no_folder(refused, tmp_path):
    (tmp_path / "taken").touch()
    assert "--out" in refused("reproduce", "fig6", "--out", tmp_path / "taken")


def test_a_wrong_seed_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(StudyError, match="seed"):
        Workshop(folder=tmp_path, store=PartStore(tmp_path), quick=True, seed=-1).study()


def test_a_full_run_has_the_papers_size(tmp_path):
    study = Workshop(folder=tmp_path, store=PartStore(tmp_path), quick=False).study()
    assert (study.uncertainty.scenarios, study.uncertainty.keep) == (FULL.scenarios, FULL.keep) == (1000, 10)
    assert max(QUICK.scenarios, QUICK.keep, QUICK.test) < 20
