"""Read a study from YAML: packaged or the user's own, with overrides, and errors that name field and remedy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from grids.documents import DocumentError, first_few, in_short, parse_yaml, read_yaml, shown, write_yaml
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
        lines = zip(error.errors(), explain(error, Study), strict=True)
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
    return write_document(study.model_dump(mode="json"))


def write_document(document: Mapping[str, Any]) -> str:
    """Return a document as YAML that is read as it was."""
    return write_yaml(document)


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


def change_values(
    document: dict[str, Any], key: str, change: Callable[[Any], Any], *, where: str, complete: bool = False
) -> None:
    """Change in place every value of a document that a key names.

    Parameters
    ----------
    document : dict
        A study, or a part of one.
    key : str
        Such as ``fleet.battery.0.max_e_mwh``; ``*`` stands for every element of a list.
    change : callable
        Returns the new value from the old one, None where there is none.
    where : str
        Beginning of an error message.
    complete : bool
        Whether the document has all keys there are; otherwise, those that are missing are made.

    Raises
    ------
    StudyError
        If the key leads nowhere.
    """
    *parents, last = key.split(".")
    nodes: list[Any] = [document]
    for parent in parents:
        nodes = [child for node in nodes for child in _children(node, parent, where, complete=complete)]
    for node in nodes:
        if isinstance(node, dict):
            if complete:
                _require(node, last, where)
            node[last] = change(node.get(last))
        elif isinstance(node, list):
            for place in _places(node, last, where):
                node[place] = change(node[place])
        else:
            raise StudyError(f"{where}: {in_short('.'.join(parents))} is a value, it has no key {in_short(last)}")


def _require(node: dict[str, Any], key: str, where: str) -> None:
    if key not in node:
        raise StudyError(f"{where}: there is no {in_short(key)}; known are {', '.join(node)}")


def _children(node: Any, key: str, where: str, *, complete: bool) -> list[Any]:
    if isinstance(node, list):
        return [node[place] for place in _places(node, key, where)]
    if not isinstance(node, dict):
        raise StudyError(f"{where}: {in_short(key)} is looked for in a value, which has no keys of its own")
    if complete:
        _require(node, key, where)
    child = node.setdefault(key, {})
    if not isinstance(child, dict | list):
        if key != "rule":
            raise StudyError(f"{where}: {in_short(key)} is a value, it has no keys of its own")
        raise StudyError(f"{where}: the rule is given by name; spell out its tiers in the study file first")
    return [child]


EVERY = "*"
"""Part of a key that stands for every element of a list."""


def _places(node: list[Any], key: str, where: str) -> Sequence[int]:
    if key == EVERY:
        return range(len(node))
    if not key.isdecimal() or int(key) >= len(node):
        raise StudyError(
            f"{where}: {in_short(key)} must be a position 0..{len(node) - 1} in the list, or {EVERY} for all"
        )
    return [int(key)]


_PLAIN_WORDS = {
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "invalid_key": "keys must be words",
}


def explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line for each thing wrong with a document of a model: field, message, remedy."""
    lines = []
    for item in error.errors():
        field = ".".join(shown(str(part), 40) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            lines.append(f"{field}: unknown key{_suggestion(item['loc'], model)}")
        elif item["type"] == "missing":
            lines.append(f"{field}: is missing")
        else:
            message = _PLAIN_WORDS.get(item["type"], item["msg"].removeprefix("Value error, "))
            message = shown(message[:1].lower() + message[1:], 400)
            given = item.get("input")
            got = "" if isinstance(given, dict | list | BaseModel) else f", got {in_short(given)}"
            lines.append(f"{field}: {message}{got}{_unit_hint(item)}")
    return lines


def _unit_hint(item: Any) -> str:
    field, given = str(item["loc"][-1]) if item["loc"] else "", item.get("input")
    if field.endswith("soc") and isinstance(given, int | float) and 1 < given <= 100:
        return f" (a fraction, not percent: {given / 100:g}?)"
    if field.endswith("_mva") and isinstance(given, int | float) and given < 0:
        return " (a capacity in MVA is positive)"
    return ""


def _suggestion(location: tuple[int | str, ...], whole: type[BaseModel]) -> str:
    model: Any = whole
    for part in location[:-1]:
        if model is not None and part in model.model_fields:  # others are positions in a list, or keys of a mapping
            model = _model_inside(model.model_fields[part].annotation)
    if model is None:
        return ""
    known = list(model.model_fields)
    close = get_close_matches(str(location[-1]), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(known)}"


def _model_inside(annotation: Any) -> Any:
    """Return the pydantic model in an annotation such as ``tuple[Battery, ...]``, or None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_inside(part)
        if found is not None:
            return found
    return None
