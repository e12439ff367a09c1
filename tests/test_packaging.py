"""Installation: names of our own, data within reach, a help that does not wait for the numeric libraries, words."""

import ast
import csv
import os
import re
import shutil
import subprocess
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib.metadata import entry_points, metadata, version
from importlib.resources import files
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from cli import python

import experiments
import experiments.__main__ as command_line
from experiments.installation import fault_of_installation

PACKAGES = ("grids", "sim", "agents", "experiments")
HOME = Path(experiments.__file__).resolve().parent.parent
REPOSITORY = Path(__file__).resolve().parent.parent
HEAVY = ("pandapower", "pyomo", "pandas", "numpy", "matplotlib", "scipy", "mesa", "clarabel", "pyarrow")


@pytest.fixture(scope="module")
def tracked():
    """Return the names of the files in the repository."""
    if shutil.which("git") is None:
        pytest.skip("no git")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout:
        pytest.skip("not a git checkout")
    return done.stdout.rstrip("\0").split("\0")


@pytest.fixture(scope="module")
def setup_cfg():
    if not (REPOSITORY / "setup.cfg").is_file():
        pytest.skip("not a checkout")
    config = ConfigParser()
    config.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return config


# ---- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PACKAGES)
def test_the_top_level_names_are_ours(name):
    spec = find_spec(name)
    assert spec is not None
    assert Path(spec.origin).resolve() == HOME / name / "__init__.py"


def test_our_own_packages_are_not_called_foreign():
    assert fault_of_installation() == ""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a folder of installed packages, and a function that installs another one or takes it away."""
    home = tmp_path / "site-packages"
    monkeypatch.setattr("experiments.installation._elsewhere", lambda *_: "")

    def _install(name, files, *, away=False):
        for file, text in files.items():
            path = home / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if away:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")
        record = home / f"{name}.dist-info" / "RECORD"
        record.parent.mkdir(exist_ok=True)
        record.write_text("".join(f"{file},sha256=x,{len(text)}\n" for file, text in files.items()) + "x/RECORD,,\n")
        if away:
            record.unlink()

    _install("tieline-1.0", {f"{name}/{file}": "ours" for name in PACKAGES for file in ("__init__.py", "a/b.py")})
    return home, _install


STRANGER = {"agents/__init__.py": "theirs", "agents/run.py": "theirs", "other/x.py": ""}


def test_files_merged_into_our_packages_are_named_with_the_remedy(installed):
    home, install = installed
    assert fault_of_installation(home) == ""
    install("unrelated-3", {"sim2/__init__.py": ""})
    assert fault_of_installation(home) == ""
    install("open_agents-0.2", STRANGER)
    fault = fault_of_installation(home)
    assert "open-agents 0.2 has put its own files into our packages: agents/__init__.py, agents/run.py;" in fault
    assert "uninstall that" in fault
    assert "--force-reinstall" in fault
    install("open_agents-0.2", STRANGER, away=True)
    fault = fault_of_installation(home)
    assert f"files of ours are missing in {home}: agents/__init__.py;" in fault
    assert "--force-reinstall" in fault
    assert "open" not in fault.replace(str(home), "")


def test_a_file_of_ours_that_another_package_wrote_over_is_told(installed):
    home, install = installed
    install("open_agents-0.2", {"agents/__init__.py": "their own"})
    assert "open-agents 0.2" in fault_of_installation(home)


def test_modules_that_the_user_added_or_changed_are_no_fault(installed):
    home, _ = installed
    (home / "agents" / "my_policy.py").write_text("")
    (home / "sim" / "__init__.py").write_text("changed by hand")
    (home / "sim" / "__pycache__").mkdir()
    assert fault_of_installation(home) == ""


def test_an_install_without_a_list_of_files_needs_its_packages(installed):
    home, _ = installed
    (home / "tieline-1.0.dist-info" / "RECORD").unlink()
    assert fault_of_installation(home) == ""
    (home / "sim" / "__init__.py").unlink()
    assert "missing" in fault_of_installation(home)


RUN_HELP = "import sys; sys.argv = ['tieline', '--help']; from experiments.__main__ import main; main()"


@pytest.mark.parametrize("name", ["agents", "sim", "grids"])
@pytest.mark.parametrize("regular", [True, False], ids=["package", "folder"])
def test_a_foreign_package_of_the_same_name_is_reported(tmp_path, name, regular):
    foreign = tmp_path / "elsewhere" / name
    foreign.mkdir(parents=True)
    (foreign / ("__init__.py" if regular else "notes.txt")).write_text("")
    path = os.pathsep.join([str(foreign.parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    _, found, _ = python(f"import {name}; print(*{name}.__path__)", cwd=tmp_path, PYTHONPATH=path)
    if str(foreign) not in found:
        assert not regular
        pytest.skip("a plain folder does not hide an installed package")
    status, out, err = python(RUN_HELP, cwd=tmp_path, PYTHONPATH=path)
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    for words in ("another package hides ours", f"{name} (", str(foreign), "virtual environment"):
        assert words in err


# ---- start-up ------------------------------------------------------------------------------------------------


def test_help_imports_no_numeric_library(tmp_path):
    code = f"""
import sys
from experiments.__main__ import main
for command in " run evaluate value bid audit studies show new reproduce bench".split(" "):
    sys.argv = ["tieline", *command.split(), "--help"]
    try:
        main()
    except SystemExit as end:
        assert not end.code, command
print(*sorted({set(HEAVY)!r} & set(sys.modules)), file=sys.stderr)
"""
    status, out, err = python(code, cwd=tmp_path)
    assert (status, err.split()) == (0, [])
    assert out.count("Usage:") == 11


def test_looking_up_imports_numpy_at_most(tmp_path):
    code = f"""
import sys
from experiments.__main__ import app
for command in ("studies", "show networked33", "show microgrid33 --set days=2", "new mine.yaml"):
    app(command.split(), standalone_mode=False)
print(*sorted({set(HEAVY)!r} & set(sys.modules)), file=sys.stderr)
"""
    status, _, err = python(code, cwd=tmp_path)
    assert (status, err.split()) == (0, ["numpy"])


# ---- metadata ------------------------------------------------------------------------------------------------


def test_version(setup_cfg):
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", version("tieline"))
    assert version("tieline") == setup_cfg["metadata"]["version"]
    assert f"## [{version('tieline')}]" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_metadata():
    about = metadata("tieline")
    assert about["Requires-Python"] == ">=3.11"
    assert about["License"] == "MIT" or about["License-Expression"] == "MIT"
    assert "test" in about.get_all("Provides-Extra")
    needed = {re.split(r"[^\w-]", need)[0].lower() for need in about.get_all("Requires-Dist") if "extra" not in need}
    assert {"mesa", "pandapower", "numpy", "pandas", "pyomo", "matplotlib"} <= needed


def test_command_is_installed():
    (command,) = entry_points(group="console_scripts", name="tieline")
    assert command.value == "experiments.__main__:main"
    assert command.load() is command_line.main


def test_what_is_imported_is_declared():
    """The distributions that versions.json lists are among the dependencies."""
    from experiments.provenance import VERSIONED

    needed = {re.split(r"[^\w-]", need)[0].lower() for need in metadata("tieline").get_all("Requires-Dist")}
    assert set(VERSIONED) - {"tieline"} <= needed


# ---- data ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_are_typed(name):
    assert files(name).joinpath("py.typed").is_file()


def test_packaged_day_is_within_reach():
    text = files("sim").joinpath("data", "microgrid33_day.csv").read_text(encoding="utf-8")
    assert len(list(csv.DictReader(text.splitlines()))) == 24


@pytest.mark.parametrize("name", ["microgrid33", "microgrid33-export"])
def test_packaged_studies_are_within_reach(name):
    text = files("experiments").joinpath("studies", f"{name}.yaml").read_text(encoding="utf-8")
    assert f"\nname: {name}\n" in text


def test_every_file_that_is_not_python_is_packaged(tracked, setup_cfg):
    """What a package holds besides Python is in no wheel unless it is declared; pictures are for the README."""
    declared = {
        f"{package}/{pattern.strip()}"
        for package, patterns in setup_cfg["options.package_data"].items()
        for pattern in patterns.split(",")
    }
    data = [file for file in tracked if file.startswith(tuple(f"{name}/" for name in PACKAGES))]
    lost = [
        file
        for file in data
        if not file.endswith((".py", ".png")) and not any(fnmatch(file, pattern) for pattern in declared)
    ]
    assert lost == []


def test_the_repository_holds_what_it_should_at_the_top(tracked):
    top = {file.split("/")[0] for file in tracked}
    assert {name for name in top if not name.startswith(".")} == {
        "agents",
        "experiments",
        "grids",
        "sim",
        "tests",
        "setup.cfg",
        "tieline.py",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "CONTRIBUTING.md",
        "docs",
        "pyproject.toml",
    }


# ---- words ---------------------------------------------------------------------------------------------------

RIDDLE = re.compile(r"(What|How|Who|Whose|Where|Which|That|Say|It|Whether|Why)\b")
"""Openings of a docstring that does not name its thing."""


def docstrings(tree):
    """Yield name and docstring of a module and of all classes, functions and values in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield getattr(node, "name", "module"), ast.get_docstring(node) or ""
        if isinstance(node, ast.Module | ast.ClassDef):
            for value, text in pairwise(node.body):
                if isinstance(value, ast.Assign | ast.AnnAssign) and isinstance(text, ast.Expr):
                    name = ast.unparse(value.target if isinstance(value, ast.AnnAssign) else value.targets[0])
                    yield name, str(getattr(text.value, "value", "")).strip()


@pytest.mark.parametrize("package", [*PACKAGES, "tieline"])
def test_the_first_line_of_a_docstring_names_its_thing(package):
    riddles = [
        f"{path.relative_to(HOME)}: {name}: {text.splitlines()[0]}"
        for path in [*sorted((HOME / package).rglob("*.py")), *HOME.glob(f"{package}.py")]
        for name, text in docstrings(ast.parse(path.read_text(encoding="utf-8")))
        if not name.startswith("_") and RIDDLE.match(text)
    ]
    assert riddles == []
