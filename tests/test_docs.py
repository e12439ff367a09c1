"""Documentation: its examples and code blocks run, its links lead somewhere, what is generated is complete."""

import ast
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import experiments.__main__ as command_line
import tieline as tl
from experiments.catalog import packaged_studies
from experiments.sweeps.plan import make_plan, sweep_from
from grids.documents import parse_yaml

HOME = Path(__file__).resolve().parent.parent
DOCS = HOME / "docs"
if not DOCS.is_dir():
    pytest.skip("not a checkout", allow_module_level=True)
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if not {"_generated", "_build"} & set(page.parts)]
PAGES += [HOME / "README.md", HOME / "CONTRIBUTING.md"]
GENERATED = {"gallery", "checks", "_generated"}
"""Folders that exist when the documentation is built."""

SLOW = {"check_oracle", "check_proof", "own_sweep"}


@pytest.fixture(scope="module")
def generated():
    """Return the extension that makes pages; it needs no Sphinx for that."""
    return runpy.run_path(str(DOCS / "_ext" / "generated.py"))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.stem, marks=[pytest.mark.slow] if path.stem in SLOW else [])
        for path in sorted((DOCS / "examples").glob("*.py"))
    ],
)
def test_an_example_of_the_documentation_runs(name, tmp_path, monkeypatch, capsys):
    file = DOCS / "examples" / f"{name}.py"
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    if name == "own_sweep":  # starts processes, which must not run the script again
        environment = {**os.environ, "PYTHONPATH": str(HOME)}
        done = subprocess.run([sys.executable, file], cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        out = done.stdout
    else:
        runpy.run_path(str(file), run_name="__main__")
        out = capsys.readouterr().out
    assert out
    assert bool(list(tmp_path.glob("*.png"))) == ("savefig" in file.read_text(encoding="utf-8"))


RUNNABLE = re.compile(r"<!-- run -->\n```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", [page.stem for page in PAGES if RUNNABLE.search(page.read_text(encoding="utf-8"))])
def test_the_code_blocks_of_a_page_run_one_after_the_other(page, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in RUNNABLE.findall((DOCS / f"{page}.md").read_text(encoding="utf-8")):
        exec(compile(code, f"{page}.md", "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(HOME).as_posix())
def test_every_link_and_every_piece_of_code_is_there(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    links += re.findall(r"\{(?:image|literalinclude|include)\} (\S+)", text)
    lost = [
        link
        for link in links
        if not GENERATED & set(Path(link).parts)
        if not (page.parent / link).exists() and not (page.parent / f"{link}.md").exists()
    ]
    assert lost == []
    for file, start in re.findall(r"\{literalinclude\} (\S+\.py)\n:start-at: (.+)", text):
        assert start in (page.parent / file).read_text(encoding="utf-8"), f"{file} has no {start}"
    for file, name in re.findall(r"\{literalinclude\} (\S+\.py)\n:pyobject: (\S+)", text):
        tree = ast.parse((page.parent / file).read_text(encoding="utf-8"))
        for part in name.split("."):
            tree = next((node for node in tree.body if getattr(node, "name", "") == part), None)
            assert tree is not None, f"{file} has no {name}"


def test_the_sweep_that_is_shown_is_one():
    text = (HOME / "experiments" / "sweeps" / "sweeps.md").read_text(encoding="utf-8")
    shown = parse_yaml(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    assert make_plan(sweep_from(shown, "sweep"), Path()).count == 2 * 3 * 2 * 10


def test_every_command_and_option_is_in_the_reference(generated):
    text = generated["command_reference"]()
    group = typer.main.get_command(command_line.app)
    for name, command in group.commands.items():
        _, _, section = text.partition(f"## tieline {name}\n")
        section = section.partition("\n## ")[0]
        assert command.help.splitlines()[0] in section
        for option in command.params:
            assert option.opts[0] in section or option.metavar in section, f"{name}: {option.opts}"


def test_what_a_command_prints_stands_below_that_command(generated):
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"_generated/printed/(\w+)\.txt", text):
            assert f"tieline {generated['PRINTED'][name]}\n" in text.replace("`", "\n"), f"{page.name}: {name}"


def test_every_assumption_of_the_study_files_is_in_the_table(generated):
    rows = generated["value_table"]().splitlines()
    for name in ("microgrid33", "networked33"):
        lines = packaged_studies()[name].read_text(encoding="utf-8").splitlines()
        noted = [line for line in lines if "[assumed" in line and not line.lstrip().startswith("#")]
        assert len([row for row in rows if f"| `{name}` |" in row and "**[assumed" in row]) == len(noted) > 5


def test_every_symbol_of_the_model_is_in_the_nomenclature():
    model, listed = ((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("model", "nomenclature"))
    equations = " ".join(re.findall(r":::\{math\}\n(.*?):::", model, re.DOTALL))
    symbols = set(re.findall(r"[A-Za-z]\^\{(?:\\text\{\w+\}|\w)\}", equations))
    symbols |= set(re.findall(r"\\(?:gamma_\w|[a-z]?eta|alpha|lambda|mu|pi|rho|sigma|theta|varepsilon)\b", equations))
    written = {"\\eta": "η", "\\sigma": "σ"}
    assert len(symbols) > 30
    assert {one for one in symbols if one not in listed and written.get(one, one) not in listed} == set()


def test_every_public_name_is_in_the_reference():
    listed = re.findall(r"^   ~tieline\.(\w+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(tl.__all__)


def test_every_page_is_in_the_table_of_contents():
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("index.md", "extend/index.md"))
    listed = set(re.findall(r"^(?:[^\n<]*<)?([\w/]+)>?$", text, re.MULTILINE))
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES if page.is_relative_to(DOCS)}
    assert {page.removeprefix("extend/") for page in pages} - {"index"} <= listed


def test_the_documentation_asks_no_other_host():
    text = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert "intersphinx" not in text
    assert "mathjax" not in text
