"""Pages made when the documentation is built: commands and what they print, values of studies, tables, examples."""

import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pyarrow.parquet as pq
import typer
import yaml

from experiments.__main__ import app as tieline
from experiments.catalog import packaged_studies
from experiments.teach.lesson import read_lessons
from sim.ledger import TABLES

if TYPE_CHECKING:  # the tests read this module without Sphinx
    from sphinx.application import Sphinx

HOME = Path(__file__).resolve().parents[2]
BASES = {
    "microgrid33-export": "microgrid33",
    "microgrid33-year": "microgrid33",
    "networked66": "networked33",
    "networked330": "networked33",
}
"""Studies that are told by what they have other than another one."""


# ---- commands ----


def command_reference() -> str:
    """Return a table of all commands and a section for each, from the objects that parse the command line."""
    group = typer.main.get_command(tieline)
    context = click.Context(group, info_name="tieline")
    commands = sorted(group.commands.items())
    rows = [f"| [{name}](#tieline-{name}) | {(one.help or '').splitlines()[0]} |" for name, one in commands]
    sections = [_command(name, one, context) for name, one in commands]
    return "\n".join(["| command | does |", "| --- | --- |", *rows, "", *sections])


def _command(name: str, command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"## tieline {name}\n", inspect.cleandoc(command.help or ""), "", f"```text\n{usage}\n```\n"]
    rows = [row for row in (_parameter(one, context) for one in command.get_params(context)) if row]
    return "\n".join([*lines, "| argument or option | is |\n| --- | --- |", *rows, ""])


def _parameter(one: click.Parameter, context: click.Context) -> str:
    if isinstance(one, click.Argument):
        record = (one.make_metavar(context), getattr(one, "help", "") or "")
    else:
        record = one.get_help_record(context) or ("", "")
    term, text = (re.sub(r"\s+", " ", part).replace("|", "\\|") for part in record)
    return f"| `{term.strip()}` | {text} |" if term and "--help" not in term else ""


# ---- values of the studies ----


def values_of(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield key, value and remark for every line of a study file that has a remark."""
    text = path.read_text(encoding="utf-8")
    at_line: dict[int, tuple[str, yaml.Node]] = {}
    for key, line, node in _entries(yaml.compose(text), ""):
        at_line.setdefault(line, (key, node))
    for number, line in enumerate(text.splitlines()):
        remark = re.search(r"\s#\s(.*)$", line)
        if remark and number in at_line:
            key, node = at_line[number]
            spelled_out = isinstance(node, yaml.ScalarNode) or node.flow_style
            value = text[node.start_mark.index : node.end_mark.index] if spelled_out else ""
            yield key, value, remark[1]


def _entries(node: yaml.Node, path: str) -> Iterator[tuple[str, int, yaml.Node]]:
    """Yield path, line and node of everything in a document, the outermost of a line first."""
    children: list[tuple[str, int, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        children = [(f"{path}.{key.value}".lstrip("."), key.start_mark.line, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(f"{path}.{k}", value.start_mark.line, value) for k, value in enumerate(node.value)]
    for child in children:
        yield child
        yield from _entries(child[2], child[0])


def value_table() -> str:
    """Return one table of the values that the studies remark upon; what the source does not print is marked."""
    lines = ["| study | value | is | remark |", "| --- | --- | --- | --- |"]
    for name, path in sorted(packaged_studies().items()):
        if name in BASES:
            lines += [
                f"| `{name}` | `{key}` | `{new}` | where `{BASES[name]}` has `{old}` |"
                for key, old, new in _changes(name)
            ]
            continue
        for key, value, remark in values_of(path):
            shown = f"`{value[:70]}{'…' * (len(value) > 70)}`" if value else ""
            marked = re.sub(r"\[(assumed[^]]*)\]", r"**[\1]**", remark).replace("|", "\\|")
            lines.append(f"| `{name}` | `{key}` | {shown} | {marked} |")
    return "\n".join(lines) + "\n"


def _changes(name: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield what a study has other than its base."""
    import tieline as tl

    old, new = (_flat(tl.load_study(one).model_dump(mode="json")) for one in (BASES[name], name))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) and key not in {"name", "description"}:
            yield key, old.get(key), new.get(key)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: one for part, inner in items for key, one in _flat(inner, f"{path}.{part}").items()}
    return {path.lstrip("."): value}


# ---- what commands print, and the tables they store ----

PRINTED = {
    "run": "run microgrid33 --out runs/first",
    "none": "run microgrid33 --policy none --out runs/none",
    "compare": "compare microgrid33 --vary bidding=basic,anm_aware --out runs/why",
    "bid": "bid microgrid33",
    "audit": "audit runs/first",
    "studies": "studies",
}
"""Commands whose output stands on a page."""


def print_commands(folder: Path) -> None:
    """Write what each command prints into a file; remove the folder to have them run again."""
    folder.mkdir(parents=True, exist_ok=True)
    if all((folder / f"{name}.txt").exists() for name in PRINTED):
        return
    shutil.rmtree(folder / "runs", ignore_errors=True)
    for name, arguments in PRINTED.items():
        command = [sys.executable, "-m", "experiments", *arguments.split()]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"tieline {arguments}: status {done.returncode}: {done.stderr}")
        (folder / f"{name}.txt").write_text(done.stdout.strip("\n") + "\n", encoding="utf-8")


def table_reference(run: Path) -> str:
    """Return a table of the stored tables and their columns, from a stored run."""
    lines = ["| table | holds | columns |", "| --- | --- | --- |"]
    for name, text in TABLES.items():
        columns = ", ".join(f"`{column}`" for column in pq.read_schema(run / f"{name}.parquet").names)
        lines.append(f"| `{name}` | {text} | {columns} |")
    return "\n".join(lines) + "\n"


def lesson_table() -> str:
    """Return a table of the packaged lessons of the teaching page."""
    rows = [f"| `{name}` | {one.title} | {one.summary} |" for name, one in read_lessons()[0].items()]
    return "\n".join(["| lesson | title | is about |", "| --- | --- | --- |", *rows, ""])


# ---- files of the repository's top ----

HAS_PAGE = {
    "CHANGELOG.md": "changelog.md",
    "experiments/reproduce/NOTES.md": "reproduction.md",
    "experiments/studies/networked.md": "networked.md",
    "experiments/sweeps/sweeps.md": "sweeps.md",
}
"""Files that are a page, or in one."""


def top_file(name: str) -> str:
    """Return a Markdown file of the repository's top, with links as a page of the documentation needs them."""
    text = (HOME / name).read_text(encoding="utf-8")
    return re.sub(r"]\((?!https?:|#)([^)]+)\)", lambda link: f"]({HAS_PAGE.get(link[1], f'../{link[1]}')})", text)


# ---- examples ----


def copy_examples(target: Path) -> None:
    """Copy the example scripts: what they write stays out of their folders; unchanged ones are not run again."""
    for name, source, title in (
        ("examples", HOME / "experiments" / "examples", "Examples"),
        ("checks", HOME / "docs" / "examples", "Checks, made by scripts"),
    ):
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "GALLERY_HEADER.rst").write_text(f"{title}\n{'=' * len(title)}\n\n{_HEADS[name]}\n")
        for script in source.glob("*.py" if name == "examples" else "check_*.py"):
            text = _with_title(script.read_text(encoding="utf-8"))
            copy = folder / script.name
            if not copy.exists() or copy.read_text(encoding="utf-8") != text:
                copy.write_text(text, encoding="utf-8")


def _with_title(script: str) -> str:
    """Return a script whose one-line docstring, "Title: what it does.", has its title in a line of its own."""
    title, rest = re.match(r'"""(.*?): (.*?)"""', script, re.DOTALL).groups()  # type: ignore[union-attr]
    body = script.partition('"""')[2].partition('"""')[2]
    end = "\n# %%\n# The names used here are in the :doc:`Python API </api>`.\n"  # with it, code comes before output
    return f'"""\n{title}\n{"=" * len(title)}\n\n{rest[0].upper()}{rest[1:]}\n"""{body}{end}'


_HEADS = {
    "examples": "Short scripts, each with what it prints and draws; every page offers the script and a notebook.",
    "checks": "Scripts that check the results by other means; each is run when this documentation is built.",
}
_ORDER = ("first_run", "change_a_value", "compare_strategies", "value_of_foresight", "sweep_and_plot", "own_policy")
_seen: dict[Path, float] = {}


def gallery_place(file: str) -> tuple[int, str]:
    """Return the place of an example in its gallery: first what a newcomer runs first."""
    name = Path(file).stem
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER)), name


def show_images(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Show the PNG files that a script has written."""
    from matplotlib import pyplot as plt
    from sphinx_gallery.scrapers import figure_rst

    plt.close("all")
    images = []
    for file in sorted(Path(block_vars["src_file"]).parent.rglob("*.png")):
        if _seen.get(file) != file.stat().st_mtime:
            _seen[file] = file.stat().st_mtime
            images.append(next(block_vars["image_path_iterator"]))
            shutil.copy(file, images[-1])
    return "".join(figure_rst([image], gallery_conf["src_dir"]) for image in images)  # one below the other


def _get_sg_image_scraper() -> Any:
    return show_images


def setup(app: "Sphinx") -> dict[str, bool]:
    """Make the pages before anything is read."""
    target = Path(app.srcdir) / "_generated"
    for written in [*target.glob("examples/*"), *target.glob("checks/*")]:
        if written.is_dir():  # the scripts write it anew
            shutil.rmtree(written)
        elif written.suffix != ".py":
            written.unlink()
    copy_examples(target)
    print_commands(target / "printed")
    pages = {
        "commands": command_reference(),
        "values": value_table(),
        "lessons": lesson_table(),
        "tables": table_reference(target / "printed" / "runs" / "first"),
        "changelog": top_file("CHANGELOG.md"),
        "contributing": top_file("CONTRIBUTING.md"),
    }
    for name, text in pages.items():
        (target / f"{name}.md").write_text(text, encoding="utf-8")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
