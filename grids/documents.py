"""Reading YAML, JSON and Parquet files of any origin: within stated limits, and with errors in a few words.

A file may be damaged, or made to do harm: a few lines that unfold to gigabytes, a thousand brackets, a date that is
none, an escape sequence for the terminal. Every such file ends in a :class:`DocumentError`, whose message quotes at
most a few words of it. Nothing that is read here becomes anything but plain numbers, texts, dates, lists and mappings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from grids.errors import CONTROL, TielineError

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = {"YAML": 2_000_000, "CSV": 20_000_000, "Parquet": 2_000_000_000, "JSON": 50_000_000}
"""Largest size of a file of each kind; 50 MB is a pandapower net of some ten thousand buses. [bytes]"""

MOST_DEPTH = 60
"""Largest depth of lists and mappings nested in each other."""

MOST_NODES = 300_000
"""Largest number of values in a YAML file, with its aliases written out."""

MOST_ROWS = 50_000_000
"""Largest number of rows in a Parquet file: repeated values take next to no room in it."""

MOST_BITS = 128
"""Largest size of a whole number. [bits]"""

_LONE = re.compile(r"[\ud800-\udfff]")
"""Halves of characters: an escape can name them, but no file in UTF-8 can hold them."""


class DocumentError(TielineError, ValueError):
    """A file can't be read as what it should be; the message says why, to follow the file's name."""


def in_short(value: object, most: int = 40) -> str:
    """Return a value as an error message shows it: of a long one only the beginning.

    Examples
    --------
    >>> in_short("wind")
    "'wind'"
    >>> in_short([1, 2, 3] * 1000, most=10)
    '[1, 2, 3, ...'
    """
    if isinstance(value, str | bytes):
        return repr(value) if len(value) <= most else f"{value[:most]!r}..."
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def shown(text: str, most: int = 200) -> str:
    """Return a text on one line, without control characters, and of a long one only the beginning."""
    line = CONTROL.sub("?", " ".join(text[: 2 * most].split()))
    return line if len(line) <= most and len(text) <= 2 * most else f"{line[:most]}..."


def first_few(lines: list[str], most: int = 20) -> list[str]:
    """Return lines, of very many only the first, and how many more there are."""
    return lines if len(lines) <= most else [*lines[:most], f"and {len(lines) - most:,} more"]


def read_bytes(path: Path, kind: str) -> bytes:
    """Return the content of a file.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        One of `MOST_BYTES`.

    Raises
    ------
    OSError
        If it can't be opened.
    DocumentError
        If it is too large.
    """
    most = MOST_BYTES[kind]
    with path.open("rb") as file:  # not by its size: a pipe has none, nor has a device that never ends
        content = file.read(most + 1)
    if len(content) > most:
        raise DocumentError(f"is larger than {most / 1e6:g} MB, the most that is read of {kind}")
    return content


def read_text(path: Path, kind: str) -> str:
    """Return the text in a file, see :func:`read_bytes`.

    Raises
    ------
    OSError
        If it can't be opened.
    DocumentError
        If it is too large, or is no text in UTF-8.
    """
    return _decoded(read_bytes(path, kind), kind)


def _decoded(content: bytes, kind: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"is not {kind}: byte {error.start + 1} is no text in UTF-8") from None


# ---- YAML ----------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """A safe YAML loader with limits, which refuses a key given twice, of which YAML would keep the last."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open = self._composed = 0
        self._extents: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node; measured with its aliases written out, before anything is made of them."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark, is_alias = event.start_mark, isinstance(event, yaml.AliasEvent)
        if self._open >= MOST_DEPTH:
            raise _problem(f"nested deeper than {MOST_DEPTH}", mark)
        self._open, self._composed = self._open + 1, self._composed + 1
        node = super().compose_node(parent, index)
        self._open -= 1
        if id(node) not in self._extents:
            if is_alias:
                raise _problem("an alias stands within what it stands for", mark)
            self._extents[id(node)] = self._extent(node)
        values, depth = self._extents[id(node)]
        if max(values, self._composed) > MOST_NODES:
            raise _problem(f"more than {MOST_NODES:,} values, with all aliases written out", mark)
        if depth + self._open > MOST_DEPTH:
            raise _problem(f"nested deeper than {MOST_DEPTH}, with all aliases written out", mark)
        return node

    def _extent(self, node: Any) -> tuple[int, int]:
        """Return the number of values a node unfolds to, and their depth."""
        parts = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in parts for part in pair]
        extents = [self._extents[id(part)] for part in parts]
        return 1 + sum(values for values, _ in extents), 1 + max((depth for _, depth in extents), default=0)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Return the value of a node; what is none of its type is an error of the file."""
        try:
            value = super().construct_object(node, deep=deep)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
            kind = str(node.tag).rpartition(":")[2]
            raise _problem(f"{in_short(node.value)} is no {shown(kind, 20)}", node.start_mark) from None
        if problem := _unreadable(value):
            raise _problem(problem, node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, list | dict | set):
                raise _problem("a key must be a word", key_node.start_mark)
            if key in seen:
                raise _problem(f"key {in_short(key)} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """A safe YAML dumper that quotes texts our loader would take for numbers."""


for _side in (_Loader, _Dumper):  # YAML 1.1 takes 1e-3 for a text, for want of a point
    _side.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
    )


def _problem(what: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=mark)


def parse_yaml(text: str) -> Any:
    """Return the document in a YAML text.

    Raises
    ------
    DocumentError
        If it is not YAML, or passes one of the limits above.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DocumentError(f"is not YAML: {shown(error.problem or 'damaged', 100)}{line}") from None
    except yaml.reader.ReaderError as error:
        raise DocumentError(f"is not YAML: a control character at {error.position + 1}") from None


def read_yaml(path: Path, form: str) -> dict[str, Any]:
    """Return the mapping in a YAML file, or raise an error that names what it should be, such as "a study".

    Raises
    ------
    OSError
        If it can't be opened.
    DocumentError
        If it is too large, is not YAML, or holds something else.
    """
    return _mapping(parse_yaml(read_text(path, "YAML")), f"is not {form}; it must be a mapping of keys to values")


def write_yaml(document: Any) -> str:
    """Return a document as YAML that :func:`parse_yaml` reads as it was."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


# ---- JSON ----------------------------------------------------------------------------------------------------


def parse_json(text: str) -> Any:
    """Return the document in a JSON text.

    Raises
    ------
    DocumentError
        If it is not JSON, or passes one of the limits above.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(f"is not JSON: {shown(error.msg, 60)}, line {error.lineno}") from None
    except ValueError:
        raise DocumentError("is not JSON: a whole number is too large") from None
    except RecursionError:
        raise DocumentError(f"is nested deeper than {MOST_DEPTH}") from None
    level = [document]
    for _ in range(MOST_DEPTH + 1):
        if problem := next(filter(None, (_unreadable(value) for value in level)), ""):
            raise DocumentError(f"is not JSON that can be used: {problem}")
        level = [part for value in level for part in _parts(value)]
        if not level:
            return document
    raise DocumentError(f"is nested deeper than {MOST_DEPTH}")


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; for its errors see :func:`read_yaml`."""
    return _mapping(parse_json(read_text(path, "JSON")), "holds no JSON object")


def _mapping(document: Any, otherwise: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise DocumentError(otherwise)
    return document


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _unreadable(value: Any) -> str:
    """Return the fault of a single value, empty if it has none."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return f"a whole number of more than {MOST_BITS} bits"
    if isinstance(value, str) and _LONE.search(value):
        return f"half a character in {in_short(value, 20)}"
    return ""


# ---- Parquet -------------------------------------------------------------------------------------------------


def read_parquet(path: Path, columns: Sequence[str] | None = None, *, most_rows: int = MOST_ROWS) -> pd.DataFrame:
    """Return the table in a Parquet file, or some columns of it.

    Its own notes on how pandas is to read it are not used: columns have the types that Parquet knows.

    Raises
    ------
    OSError
        If it can't be opened.
    DocumentError
        If it is no Parquet file, is damaged, lacks a column, holds anything but numbers, texts, dates, true and false,
        or is too large.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as file:  # Arrow would take a colon in a path for that of a URI, and a folder for one file
        try:
            source = pq.ParquetFile(file, page_checksum_verification=True)
            rows, known = source.metadata.num_rows, source.schema_arrow.names
            if rows > most_rows:
                raise DocumentError(f"has {rows:,} rows, more than the {most_rows:,} that are read")
            if missing := [name for name in columns or () if name not in known]:
                raise DocumentError(f"has no column {', '.join(missing)}; it has {shown(', '.join(known))}")
            table = source.read(columns=columns)
            if len(set(table.column_names)) < len(table.column_names):
                raise DocumentError("has two columns of one name")
            if nested := [field.name for field in table.schema if pa.types.is_nested(field.type)]:
                raise DocumentError(f"holds lists in its column {shown(nested[0], 40)}")
            frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas()
        except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError) as error:
            if isinstance(error, DocumentError):
                raise
            raise DocumentError(f"is no readable Parquet table ({shown(str(error), 60)})") from None
    return frame
