"""What figures are computed with: the versions of the libraries, and a hash of our own model."""

import platform
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

VERSIONED = (
    "tieline",
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


SUMMED_UP = ("play.py", "summary.py", "port_summary.py", "sweeps/outputs.py")
"""Where the figures of a run are drawn from its tables."""


@cache
def model_digest() -> str:
    """Return a hash of all code and data that decide figures: what an older model computed is not found again."""
    texts = sha256()
    for package in ("grids", "sim", "agents"):
        folder = Path(str(files(package)))
        for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.csv")]):
            texts.update(path.read_bytes())
    for name in SUMMED_UP:
        texts.update((Path(str(files("experiments"))) / name).read_bytes())
    return texts.hexdigest()[:DIGEST_LENGTH]


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
