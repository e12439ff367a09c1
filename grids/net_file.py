"""Read a pandapower net from a JSON file that anybody may have written.

Such a file names the modules and classes that its parts are to become, and pandapower imports what is named. So the
file is parsed as plain JSON first, also the JSON within its texts; what names anything else than `OBJECTS` is refused,
and pandapower gets the parsed text, not the file.
"""

import io
import json
import re
from pathlib import Path
from typing import Any

import pandapower as pp

from grids.documents import DocumentError, in_short, parse_json, read_text, shown
from grids.network import GridError

_TABLE = {"orient", "dtype", "typ", "index_name", "index_names", "column_name", "column_names"}
_FLAGS = {"is_multiindex", "is_multicolumn"}

_TYPE = re.compile(r"[A-Za-z]+(8|16|32|64)?(\[ns\])?")
"""Type of a column. One of texts of a fixed length is none of them: that would be taken up in memory for each row."""

OBJECTS: dict[tuple[str, str], type] = {
    ("pandapower.auxiliary", "pandapowerNet"): dict,
    **{(module, "DataFrame"): str for module in ("pandas", "pandas.core.frame")},
    **{(module, "Series"): str for module in ("pandas", "pandas.core.series")},
    ("numpy", "array"): list,
    **{("numpy", name): object for name in ("bool", "bool_", "int32", "int64", "float32", "float64")},
    **{("builtins", name): list for name in ("tuple", "set", "frozenset")},
    ("builtins", "complex"): str,
}
"""Modules and classes that a net may name, and the types they are written as."""


def read_net(path: Path) -> pp.pandapowerNet:
    """Return the pandapower net in a JSON file.

    Raises
    ------
    GridError
        If the file can't be read, names an object that is not one of `OBJECTS`, or holds no pandapower net.
    """
    where = f"network file '{path}'"
    try:
        return net_from_text(read_text(path, "JSON"), where)
    except DocumentError as error:
        raise GridError(f"{where} is not a pandapower net that can be loaded: it {error}") from None
    except OSError as error:
        raise GridError(f"{where} can't be read ({error.strerror})") from error


def net_from_text(text: str, where: str) -> pp.pandapowerNet:
    """Return the pandapower net in a JSON text.

    Parameters
    ----------
    text : str
        As `pandapower.to_json` writes it.
    where : str
        What holds it, for messages.

    Raises
    ------
    GridError
        If the text names an object that is not one of `OBJECTS`, or holds no pandapower net.
    """
    try:
        net = pp.from_json(io.StringIO(json.dumps(plain_net(parse_json(text)))))
    except (DocumentError, GridError) as error:
        raise GridError(f"{where} is not a pandapower net that can be loaded: it {error}") from None
    except Exception as error:
        raise GridError(f"{where} is not a pandapower net: {shown(str(error), 80)}") from error
    if not isinstance(net, pp.pandapowerNet):
        raise GridError(f"{where} is not a pandapower net; write it with pandapower.to_json")
    return net


def plain_net(value: Any) -> Any:
    """Return a part of a net's JSON as it may be given to pandapower.

    Raises
    ------
    GridError
        If it names what is not one of `OBJECTS`, on the whole or in a part or in JSON within a text.
    """
    if isinstance(value, list):
        return [plain_net(part) for part in value]
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "[", '"'}:
        _check_text(value)
    if not isinstance(value, dict):
        return value
    parts = {name: plain_net(part) for name, part in value.items()}
    return _checked(parts) if {"_module", "_class"} & set(parts) else parts


def _checked(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of an object that may be loaded; the text of a table as JSON that all readers read alike."""
    name = f"{shown(str(parts.get('_module')), 40)}.{shown(str(parts.get('_class')), 40)}"
    kind = OBJECTS.get((str(parts.get("_module")), str(parts.get("_class"))))
    if kind is None:
        raise GridError(f"holds an object '{name}', which is not loaded: of other modules a net may hold tables only")
    table = name.endswith((".DataFrame", ".Series"))
    known = {
        "_module",
        "_class",
        "_object",
        *(("dtype",) if kind is list else ()),
        *(_TABLE | _FLAGS if table else ()),
    }
    types = parts.get("dtype", {})
    sound = all(_TYPE.fullmatch(str(one)) for one in (types.values() if isinstance(types, dict) else [types]))
    if "_object" not in parts or not isinstance(parts["_object"], kind) or not set(parts) <= known or not sound:
        raise GridError(f"holds an object '{name}' that is not written as pandapower.to_json does")
    if table:
        if any(parts.get(flag) for flag in _FLAGS):
            raise GridError("holds a table with an index of several levels, which is not loaded")
        parts["_object"] = json.dumps(plain_net(parse_json(str(parts["_object"]))))
    return parts


def _check_text(text: str) -> None:
    """Refuse JSON within a text that names an object a net may not hold."""
    try:
        inner = parse_json(text)
    except DocumentError as error:
        if any(mark in text for mark in ("_module", "_class", "\\u")):
            raise GridError(f"holds a text that {error}: {in_short(text)}") from None
        return
    plain_net(inner)
