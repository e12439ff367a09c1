"""Reproductions go on where they stopped, and their files agree; their evaluation is a stub that costs nothing."""

import compileall
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from time import process_time

import pytest
from cli import accepted, python
from reproduced import ITEMS, cheap_evaluation, entries_of, evaluated, results
from typer.testing import CliRunner

import experiments.__main__ as command_line
from experiments import provenance, reproduce
from experiments.provenance import model_digest
from experiments.reproduce import evaluated_bids, item
from experiments.reproduce.beside_paper import PANELS
from experiments.reproduce.context import FULL, QUICK, Context
from experiments.reproduce.result_cache import ResultCache
from experiments.tables import ReportTable
from sim.errors import StudyError
from sim.market.settlement import TERMS


@pytest.fixture
def cheap():
    with cheap_evaluation():
        yield


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
        patch.setattr(evaluated_bids, "evaluate", interrupted)
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
    assert "Case I basic: limits not kept: voltage in 2 bus-hours." in said


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
    ResultCache(tmp_path).result(study33, {"kind": "sum", "of": 2}, lambda: {"is": (1, 2.5)})

    def again(study=study33, of=2):
        cache = ResultCache(tmp_path)
        assert cache.result(study, {"kind": "sum", "of": of}, lambda: {"is": [1, 2.5]}) == {"is": [1, 2.5]}
        return len(cache.computed)

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
    monkeypatch.setattr(provenance, "versions", lambda: {"tieline": "99"})
    assert again() == 1
    assert again() == 0


def test_a_part_is_not_found_again_when_a_file_of_the_user_has_changed(stored, study33, tmp_path):
    _, again = stored
    own = tmp_path / "own" / "day.csv"
    own.parent.mkdir()
    own.write_text("hour", encoding="utf-8")
    study = study33.model_copy(update={"profiles": study33.profiles.model_copy(update={"file": str(own)})})
    assert (again(study=study), again(study=study)) == (1, 0)
    own.write_text("hours", encoding="utf-8")
    assert (again(study=study), again(study=study)) == (1, 0)


# ---- the code that parts depend on -------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a copy of our packages in a folder, and return it."""
    for package in provenance.PACKAGES:
        shutil.copytree(
            str(files(package)), tmp_path / "site" / package, ignore=shutil.ignore_patterns("__pycache__", "*.png")
        )
    monkeypatch.setattr(provenance, "files", (tmp_path / "site").joinpath)
    monkeypatch.setattr(provenance, "model_digest", provenance.model_digest.__wrapped__)
    return tmp_path / "site"


@pytest.mark.parametrize(
    "file",
    [
        "grids/build.py",
        "grids/data/networked_table1.csv",
        "sim/data/microgrid33_day.csv",
        "sim/reduction.py",
        "agents/dispatch/search/lagrangian_bound.py",
        "experiments/evaluation.py",
        "experiments/reproduce/evaluated_bids.py",
        "experiments/reproduce/strategic_bids.py",
        "experiments/reproduce/loss_analysis.py",
        "experiments/sweeps/worker.py",
        "experiments/sweeps/outputs.py",
        "experiments/written_tomorrow.py",
    ],
)
def test_a_part_is_not_found_again_when_code_or_data_has_changed(installed, study33, tmp_path, file):
    def computed():
        cache = ResultCache(tmp_path / "parts")
        cache.result(study33, {"kind": "x"}, dict)
        return len(cache.computed)

    assert (computed(), computed()) == (1, 0)
    with (installed / file).open("ab") as stream:
        stream.write(b"\n")
    assert (computed(), computed()) == (1, 0)


@pytest.mark.slow
def test_what_only_shows_results_does_not_count(installed):
    """Of all that computes, nothing is imported from what is left out."""
    before = provenance.model_digest()
    for name in provenance.SHOWS:
        (installed / name / "more.py").touch()
    (installed / "agents" / "__pycache__").mkdir()
    (installed / "agents" / "__pycache__" / "cast.pyc").touch()
    assert provenance.model_digest() == before
    computing = [
        "experiments.sweeps.worker",
        "experiments.evaluation",
        *(
            f"experiments.reproduce.{name}"
            for name in ("evaluated_bids", "strategic_bids", "loss_analysis", "variants")
        ),
    ]
    code = f"import sys, {', '.join(computing)}; print(*sys.modules)"
    loaded = python(code)[1].split()
    left_out = tuple(name.replace("/", ".") for name in provenance.SHOWS)
    assert "experiments.simulate" in loaded
    assert not [name for name in loaded if name.startswith(left_out)]


def test_a_renamed_file_counts_and_the_place_does_not(installed):
    assert provenance.model_digest() == model_digest()
    (installed / "sim" / "risk.py").rename(installed / "sim" / "risks.py")
    assert provenance.model_digest() != model_digest()


def test_packages_in_a_zip_file_and_compiled_ones_have_a_digest(installed, tmp_path, monkeypatch):
    in_folder = provenance.model_digest()
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", installed))
    code = "import experiments.provenance as i; print(i.__file__, i.model_digest())"
    shown = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "PYTHONPATH": str(packed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert shown == [str(packed / "experiments" / "provenance.py"), in_folder]
    assert compileall.compile_dir(installed, quiet=1, legacy=True)
    for source in installed.rglob("*.py"):
        source.unlink()
    compiled = provenance.model_digest()
    (installed / "sim" / "risk.pyc").write_bytes(b"other code")
    assert len({in_folder, compiled, provenance.model_digest()}) == 3


def test_the_digest_takes_no_time():
    def seconds():
        start = process_time()
        model_digest.__wrapped__()
        return process_time() - start

    assert min(seconds() for _ in range(5)) < 0.05


def test_nothing_is_left_of_a_part_that_was_not_finished(tmp_path, study33, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        ResultCache(tmp_path).result(study33, {"kind": "x"}, dict)
    assert list(tmp_path.iterdir()) == []


# ---- tables ------------------------------------------------------------------------------------------------------


def test_a_small_table_four_ways():
    columns = {("all", "$"): ".1f", ("all", "%"): "+.1f"}
    words = {"name": "small", "number": "Table 9", "title": "Cost [$] & share", "notes": ["± is said."]}
    rows = {("first_one", "a"): (-0.04, -3.25), ("first_one", "b"): (2.0, None)}
    table = ReportTable.of(rows, columns, **words)
    assert table.as_csv() == "panel,row,all $,all %\nfirst_one,a,0.0,-3.2\nfirst_one,b,2.0,\n"
    assert "| a | 0.0 | −3.2 |\n| b | 2.0 |  |" in table.as_markdown()
    latex = table.as_latex()
    for part in (r"\caption{Cost [\$] \& share}", "a & 0.0 & $-3.2$", "b & 2.0 & ", r"first\_one", r"$\pm$ is said."):
        assert part in latex
    assert table.as_rich().row_count == 3
    with pytest.raises(ValueError, match="zip"):
        ReportTable.of({("", "a"): (1.0,)}, columns, **words)


# ---- names -------------------------------------------------------------------------------------------------------


def test_every_item_says_what_it_makes():
    names = reproduce.item_names()
    assert set(ITEMS) <= set(names)
    for name in names:
        assert re.fullmatch(r"\S[^\n]{10,110}", item(name).summary)
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
        Context(folder=tmp_path, cache=ResultCache(tmp_path), quick=True, seed=-1).study()


def test_a_full_run_has_the_papers_size(tmp_path):
    study = Context(folder=tmp_path, cache=ResultCache(tmp_path), quick=False).study()
    assert (study.uncertainty.scenarios, study.uncertainty.keep) == (FULL.scenarios, FULL.keep) == (1000, 10)
    assert max(QUICK.scenarios, QUICK.keep, QUICK.test) < 20
