"""Changes of a study's values by their keys, and errors of values in words: field, message, remedy."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from grids.documents import in_short, shown
from sim.errors import StudyError

EVERY = "*"
"""Part of a key that stands for every element of a list."""


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
        close = get_close_matches(key, node, n=1)
        meant = f"; did you mean '{close[0]}'?" if close else "; known are " + ", ".join(node)
        raise StudyError(f"{where}: there is no {in_short(key)}{meant}")


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


def faults_in(error: ValidationError) -> list[Any]:
    """Return what is wrong with a document, without lists too short only because some of their elements are wrong."""
    faults = error.errors()
    inside = {item["loc"][:depth] for item in faults for depth in range(len(item["loc"]))}
    return [item for item in faults if item["type"] != "too_short" or item["loc"] not in inside]


def explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line for each thing wrong with a document of a model: field, message, remedy."""
    lines = []
    for item in faults_in(error):
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
