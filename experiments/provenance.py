"""What figures are computed with: the versions of the libraries, and a hash of our own model."""

import platform
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

VERSIONED = (
    "tieline",
    "casadi",
    "clarabel",
    "mesa",
    "numpy",
    "pandapower",
    "pandas",
    "power-grid-model",
    "pyomo",
    "scipy",
)

DIGEST_LENGTH = 16
"""Characters of a hash of the model."""


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide the figures."""
    return {"python": platform.python_version(), **_installed()}


@cache
def _installed() -> dict[str, str]:
    return {name: version(name) for name in VERSIONED}


PACKAGES = ("grids", "sim", "agents", "experiments")
"""What is installed; all of it counts, so that nothing new can be forgotten, but for what follows."""

SHOWS = ("experiments/figures", "experiments/sweeps/report", "experiments/studies", "experiments/sweeps/files")
"""What shows results that are stored already, and studies and sweeps, which are told apart by what they say."""

CODE_AND_DATA = (".py", ".pyc", ".csv", ".yaml")
"""Suffixes of what counts; compiled code stands for itself where an installation has no other."""


@cache
def model_digest() -> str:
    """Return a hash of all code and data that decide figures: what an older model computed is not found again.

    It takes the installed files as they are, so that a changed comment counts as well: rather once too often computed
    than once found that would come out differently today.
    """
    texts = sha256()
    for package in PACKAGES:
        for name, file in _decisive(files(package), package):
            content = file.read_bytes()
            texts.update(f"{name} {len(content)}\n".encode() + content)
    return texts.hexdigest()[:DIGEST_LENGTH]


def _decisive(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    """Yield the files that count below a folder, or within a zip file, by name and in the order of their names."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{name}/{entry.name}"
        if entry.name.endswith(CODE_AND_DATA):
            yield path, entry
        elif "." not in entry.name and entry.name != "__pycache__" and path not in SHOWS and entry.is_dir():
            yield from _decisive(entry, path)


def digests_of_files(document: Mapping[str, Any], known: dict[str, str] | None = None) -> dict[str, str]:
    """Return hashes of the user's files that a study is made of, by their paths.

    Parameters
    ----------
    document : mapping
        A resolved study: the files it names have absolute paths.
    known : dict, optional
        Hashes of files that were read before, by path; what is read is added.
    """
    known = {} if known is None else known
    names = (document["profiles"]["file"], document["grid"]["case"], document["trained"])
    own = [name for name in names if name is not None and Path(name).is_absolute() and Path(name).is_file()]
    for name in own:
        if name not in known:
            known[name] = sha256(Path(name).read_bytes()).hexdigest()
    return {name: known[name] for name in own}


def provenance() -> dict[str, str]:
    """Return versions and model: where two of these are equal, so are the figures."""
    return versions() | {"model": model_digest()}


def differences(other: Mapping[str, str]) -> str:
    """Return in words where versions and model here are not those of another provenance; nothing if they are."""
    mine = provenance()
    return ", ".join(
        f"{name} {mine.get(name)} instead of {other.get(name)}"
        for name in {**other, **mine}
        if mine.get(name) != other.get(name)
    )
