"""Provenance of computed results: the versions of the libraries, and a hash of our own code and data."""

import json
import platform
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from experiments.installation import PACKAGES

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

KEY_LENGTH = 20
"""Characters of a key of results."""


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide the figures."""
    return {"python": platform.python_version(), **_installed()}


@cache
def _installed() -> dict[str, str]:
    return {name: version(name) for name in VERSIONED}


SHOWS = (
    "experiments/examples",
    "experiments/figures",
    "experiments/sweeps/report",
    "experiments/studies",
    "experiments/sweeps/files",
)
"""Folders that don't count, where all else in our packages does, so that no new file is forgotten: figures and reports
of stored results, and studies and sweeps, which have own hashes."""

CODE_AND_DATA = (".py", ".pyc", ".csv", ".yaml")
"""Suffixes of files that count; compiled code stands for itself where an installation has no other."""


@cache
def model_digest() -> str:
    """Return a hash of all code and data that decide results, so that those of an older model are not reused.

    It takes the installed files as they are, so that a changed comment counts as well: one computation too many
    is better than a result that would be another one today.
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


def digests_of_files(document: Mapping[str, Any], known: dict[str, str]) -> dict[str, str]:
    """Return hashes of the user's files that a study is made of, by their paths.

    Parameters
    ----------
    document : mapping
        A resolved study: the files it names have absolute paths.
    known : dict
        Hashes of files that were read before, by path; new ones are added.
    """
    names = (document["profiles"]["file"], document["grid"]["case"], document["trained"])
    own = [name for name in names if name is not None and Path(name).is_absolute() and Path(name).is_file()]
    for name in own:
        if name not in known:
            known[name] = sha256(Path(name).read_bytes()).hexdigest()
    return {name: known[name] for name in own}


def key_of(document: Mapping[str, Any], known: dict[str, str], *more: Any) -> str:
    """Return the hash of everything in a study that decides its results: the content of its files, not their place.

    Parameters
    ----------
    document : mapping
        A resolved study: the files it names have absolute paths.
    known : dict
        Hashes of files that were read before, by path; new ones are added.
    *more : object
        Everything else that decides the results, as plain JSON.
    """
    decides = json.dumps({name: value for name, value in document.items() if name != "description"}, sort_keys=True)
    for name, digest in digests_of_files(document, known).items():
        decides = decides.replace(json.dumps(name), digest)
    decides += "".join(_code_of_own(document))
    decides += "".join(json.dumps(one, sort_keys=True) for one in more if one is not None)
    return sha256(decides.encode()).hexdigest()[:KEY_LENGTH]


def _code_of_own(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield hashes of the modules of the user's own strategies, policies and modes: their names alone don't decide."""
    from agents.anm import POLICIES
    from agents.bidding import STRATEGIES
    from agents.coordination import MODES

    for field, registry in (("bidding", STRATEGIES), ("policy", POLICIES), ("coordination", MODES)):
        if registry.is_own(document[field]):
            own = registry.find(document[field])
            module = sys.modules.get((own if isinstance(own, type) else type(own)).__module__)
            file = getattr(module, "__file__", None)
            yield sha256(Path(file).read_bytes()).hexdigest() if file else ""


def provenance() -> dict[str, str]:
    """Return versions and model; where two of these are equal, so are the results."""
    return versions() | {"model": model_digest()}


def differences(other: Mapping[str, str]) -> str:
    """Return the differences of versions and model from another provenance in words; empty if there are none."""
    mine = provenance()
    return ", ".join(
        f"{name} {mine.get(name)} instead of {other.get(name)}"
        for name in {**other, **mine}
        if mine.get(name) != other.get(name)
    )
