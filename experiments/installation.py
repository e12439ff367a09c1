"""Check of the installation: packages of other origin may bear our generic names, and hide or overwrite ours.

An installer merges packages of one name into one folder without a word, and takes the files of both away with one.
The files of an installed distribution are listed in its RECORD. An editable install has none, but nothing
is merged into it either: there, another package can only hide ours.
"""

import csv
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("grids", "sim", "agents", "experiments")

HOME = Path(__file__).resolve().parent.parent
"""Folder of our packages."""

REINSTALL = "install tieline anew (python -m pip install --force-reinstall --no-deps, and where it came from)"


def fault_of_installation(home: Path = HOME) -> str:
    """Return the fault of our installed files and its remedy; empty if there is none.

    Parameters
    ----------
    home : Path
        Folder in which our packages are.
    """
    recorded = _recorded(home)
    present = dict(_present(home))
    needed = set(recorded) or {f"{package}/__init__.py" for package in PACKAGES}
    if recorded != present:
        strangers = [stranger for path in home.glob("*.dist-info/RECORD") if (stranger := _stranger(path, present))]
        if strangers:
            return f"{'; '.join(strangers)}; uninstall that, then {REINSTALL}; or give each an environment of its own"
    missing = sorted(needed - set(present))
    if missing:
        return (
            f"files of ours are missing in {home}: {_listed(missing)}; they may have gone with another package that"
            f" had files of these names; {REINSTALL}"
        )
    hidden = {package: place for package in PACKAGES if (place := _elsewhere(package, home))}
    if hidden:
        named = ", ".join(f"{package} ({place})" for package, place in hidden.items())
        here = Path(sys.path[0] or Path.cwd()).resolve()  # the folder of the script, or the current one
        places = {package: Path(place) for package, place in hidden.items()}
        if all(here / name in (one, one.parent, one.with_suffix("")) for name, one in places.items()):
            return f"what lies beside your script hides our packages: {named}; rename it, or move the script elsewhere"
        return f"another package hides ours: {named}; install tieline in a virtual environment of its own"
    return ""


def _recorded(home: Path) -> dict[str, int]:
    """Return size by name of the files that were installed as ours; none in an editable install."""
    for path in home.glob("tieline-*.dist-info/RECORD"):
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if len(row) == 3 and row[0].endswith(".py") and row[2]]
        return {name: int(size) for name, _, size in rows if name.startswith(tuple(f"{one}/" for one in PACKAGES))}
    return {}


def _present(home: Path) -> Iterator[tuple[str, int]]:
    """Yield name and size of the modules in our packages, of whatever origin."""
    folders = list(PACKAGES)
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(home / folder))
        except OSError:  # it is missing, or no folder
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}"
            if entry.name.endswith(".py"):
                yield name, entry.stat().st_size
            elif entry.name != "__pycache__" and entry.is_dir():
                folders.append(name)


def _stranger(record: Path, present: dict[str, int]) -> str:
    """Return a message on the files that another distribution has put into our packages, or nothing."""
    name, _, version = record.parent.name.removesuffix(".dist-info").rpartition("-")
    if name == "tieline":
        return ""
    with record.open(newline="", encoding="utf-8", errors="replace") as file:
        own = sorted(row[0] for row in csv.reader(file) if row and row[0] in present)
    return f"{name.replace('_', '-')} {version} has put its own files into our packages: {_listed(own)}" if own else ""


def _listed(names: list[str]) -> str:
    """Return names in words, of many the first."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _elsewhere(package: str, home: Path) -> str:
    """Return the place where Python finds a package of ours, empty if it is ours."""
    spec = find_spec(package)
    if spec is not None and spec.origin is not None and Path(spec.origin).resolve().parent.parent == home:
        return ""
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec else ["not found"]
    return str(next(filter(None, places)))
