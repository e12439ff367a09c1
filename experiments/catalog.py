"""Find studies: packaged by name, or the user's own file; apply what the command line changes."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from agents.anm import policy_names
from agents.bidding import strategy_names
from agents.coordination import mode_names
from sim.errors import StudyError
from sim.study import Study
from sim.study_file import read_study


def packaged_studies() -> dict[str, Path]:
    """Return the packaged studies by name."""
    folder = Path(str(files("experiments"))) / "studies"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def packaged_sweeps() -> dict[str, Path]:
    """Return the files of the packaged sweeps by name."""
    folder = Path(str(files("experiments"))) / "sweeps" / "files"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def study_path(reference: str) -> Path:
    """Return the file of a packaged study or of the user's own.

    Raises
    ------
    StudyError
        If there is neither.
    """
    packaged = packaged_studies()
    if reference in packaged:
        return packaged[reference]
    path = Path(reference)
    if path.is_dir() and (path / "study.yaml").is_file():
        return path / "study.yaml"
    if path.suffix in {".yaml", ".yml"} or path.exists():
        return path
    raise StudyError(
        f"unknown study '{reference}': use one of {', '.join(packaged)}, a YAML file, or a run folder"
        " (tieline studies lists them, tieline new FILE writes one)"
    )


def find_study(reference: str, *, overrides: Iterable[str] = (), options: Mapping[str, Any] | None = None) -> Study:
    """Return a study with overrides (``key=value``) and command-line options (None: not given) applied.

    Raises
    ------
    StudyError
        If the study, an override, or a strategy or policy name is wrong.
    """
    given = [f"{key}={value}" for key, value in (options or {}).items() if value is not None]
    study = read_study(study_path(reference), [*map(_anchored, overrides), *map(_anchored, given)])
    check_names(study)
    return study


def base_study(study: Study, reference: str) -> Study | None:
    """Return what a study was changed from: the packaged one of its name, or else its file's; None if that is bad.

    Parameters
    ----------
    study : Study
        The study with all changes.
    reference : str
        How it was asked for.
    """
    with suppress(StudyError):
        return read_study(packaged_studies().get(study.name) or study_path(reference))
    return None  # what is wrong in the file was mended by the changes


def check_names(study: Study, where: str = "") -> None:
    """Refuse a study that names a strategy, policy or mode that does not exist.

    Raises
    ------
    StudyError
        If it does; the message begins with `where`.
    """
    for field, chosen, known in (
        ("bidding", study.bidding, strategy_names()),
        ("policy", study.policy, policy_names()),
        ("coordination", study.coordination, mode_names()),
    ):
        if chosen not in known:
            raise StudyError(f"{where}{field}: unknown '{chosen}', use one of {', '.join(known)}")


def _anchored(override: str) -> str:
    """Return an override with the path of a file made absolute, so that it is found again from anywhere."""
    key, _, value = override.partition("=")
    path = Path(value.strip())
    if key.strip() in {"profiles.file", "grid.case", "trained"} and path.suffix and path.is_file():
        return f"{key}={json.dumps(str(path.resolve()))}"
    return override
