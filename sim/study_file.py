"""Read a study from YAML: packaged or the user's own, with overrides, and errors that name field and remedy."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from grids.documents import DocumentError, first_few, parse_yaml, read_yaml, shown, write_yaml
from sim.changes import EVERY, change_values, explain, faults_in
from sim.errors import StudyError, reading
from sim.study import Study, anchor_paths


class Change(NamedTuple):
    """Change of a value of a study: its key, the new value, and the option that asked for it."""

    key: str
    value: Any
    given: str

    def concerns(self, location: Sequence[int | str]) -> bool:
        """Return whether the value at a location was changed, or one that contains it, or a part of it."""
        return all(part in {EVERY, str(place)} for part, place in zip(self.key.split("."), location, strict=False))


def read_study(path: Path, changes: Iterable[str | Change] = ()) -> Study:
    """Return the study in a YAML file.

    Parameters
    ----------
    path : Path
        The file.
    changes : iterable of str or Change
        Such as ``uncertainty.keep=20``, ``fleet.battery.0.max_e_mwh=1`` or ``fleet.battery.*.start_soc=1``; errors
        they make name them, not the file.

    Raises
    ------
    StudyError
        If the file can't be read, or a key or value is wrong.
    """
    with reading(path, f"tieline new {path.name} writes a study to start from (name, fleet, profiles ...)"):
        document = read_yaml(path, "a study")
    if "study" in document and "fleet" not in document:
        raise StudyError(f"{path}: is a sweep, not a study; tieline sweep {path} simulates it")
    changed = [_change(change) if isinstance(change, str) else change for change in changes]
    for change in changed:
        _set(document, change)
    try:
        study = Study.model_validate(document)
    except ValidationError as error:
        lines = zip(faults_in(error), explain(error, Study), strict=True)
        sourced = [f"{_source(path, item['loc'], changed)}: {line}" for item, line in lines]
        raise StudyError("\n".join(first_few(sourced))) from None
    return anchor_paths(study, path.parent)


def _source(path: Path, location: Sequence[int | str], changes: Iterable[Change]) -> str:
    """Return the source of the value at a location: the changes that concern it, or else the file."""
    return ", ".join(change.given for change in changes if change.concerns(location)) or str(path)


def require_resolved(path: Path) -> None:
    """Refuse a file that is not a study with every value spelled out, as :func:`write_study` writes it.

    Raises
    ------
    StudyError
        If it is not: a key or value is wrong, or left to its default.
    """
    with reading(path, "give the folder of a finished run"):
        document = read_yaml(path, "a study")
    study = read_study(path)
    different = _difference(document, study.model_dump(mode="json"))
    if different:
        raise StudyError(f"{path}: {different} is not as a run writes it; run the study again")


def _difference(one: Any, other: Any) -> str:
    """Return the key of the first value in which two documents differ, or nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            if key not in one or key not in other:
                return shown(str(key), 40)
            if one[key] != other[key]:
                return ".".join(filter(None, (shown(str(key), 40), _difference(one[key], other[key]))))
    return ""


def write_study(study: Study) -> str:
    """Return the study as YAML with every value spelled out."""
    return write_yaml(study.model_dump(mode="json"))


def _change(override: str) -> Change:
    key, sign, text = override.partition("=")
    if not sign or not key.strip():
        raise StudyError(f"--set {shown(override)}: write it as key=value, for example uncertainty.keep=20")
    try:
        return Change(key.strip(), parse_yaml(text), f"--set {shown(override)}")
    except DocumentError as error:
        raise StudyError(f"--set {shown(override)}: the value can't be read, it {error}") from None


def _set(document: dict[str, Any], change: Change) -> None:
    change_values(document, change.key, lambda _: change.value, where=change.given)
