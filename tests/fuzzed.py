"""Spoilt files for the tests: texts, documents and tables with a few random changes, the same for the same number."""

import json
import signal
from contextlib import contextmanager
from copy import deepcopy

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

LONG = "xyz" * 20_000
"""Long text that no error message may quote in full."""

VALUES = [
    *(None, True, False, 0, -1, 1, 3, 25, 101, 99_999_999, 2**31, 2**63, 2**64, 10**30, -(2**63), 10**400),
    *(0.0, -0.0, 0.5, 1e-300, 1e300, -1e300, float("nan"), float("inf"), float("-inf")),
    *(
        "",
        " ",
        "no",
        "~",
        "1",
        "0x1F",
        "nan",
        "2001-99-99",
        "../../etc/passwd",
        "/dev/zero",
        "a\nb",
        "[/bad]",
        "[red]",
    ),
    *("![x](http://example.org/x.png)", "<script>", "$x_{$", "%s{}%d{0}", "key", "all", "x\u2028y", "\ud800", "\x00"),
    *("\x1b[31m", LONG, "microgrid33", "microgrid33_day.csv", "networked33", "*", "seed", "none", "é" * 30),
    *([], {}, [[]], [None], [1, 2, 3], {"a": 1}, {"": {}}, {1: 2}, [{}] * 50, [1.5] * 24, ["a"] * 3, {"bus": 1}),
]
"""Replacements of a value."""

TOKENS = [
    *(
        "",
        "[" * 3000,
        "{" * 200,
        '[{"a":' * 500,
        "]",
        "}",
        ": ",
        "- ",
        "\n",
        "\t",
        "'",
        '"',
        "\\",
        "#",
        "&a ",
        "*a",
        "<<: *a",
    ),
    *(
        "&a [*a]",
        "!!bool maybe",
        "!!python/object/apply:os.getcwd []",
        "!!timestamp x",
        "!!binary x",
        "!!set",
        "!x ",
        "!<",
    ),
    *(
        "2001-99-99",
        "9" * 5000,
        "-" + "9" * 5000,
        "1e999",
        ".nan",
        ".inf",
        "1:60:60",
        "0o9",
        "0x",
        "---\n",
        "...\n",
        "%YAML 9\n",
    ),
    *(
        "NaN",
        "Infinity",
        "null",
        '"\\ud800"',
        "\\u0000",
        "\x00",
        "\x1b[2J",
        "\ufeff",
        "\xff",
        ",",
        ";",
        ",,,",
        '"a\nb"',
        LONG,
    ),
]
"""Texts that may be inserted into a text."""


def spoilt_text(text, random):
    """Return a text with some places cut, doubled, moved or overwritten."""
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        a, b = sorted(random.randrange(len(text) + 1) for _ in range(2))
        b = min(b, a + random.choice((0, 1, 5, 60, 10_000)))
        change = random.randrange(5)
        piece = (random.choice(TOKENS), "", text[a:b] * 2, chr(random.randrange(256)), random.choice(TOKENS))[change]
        text = text[:a] + piece + text[a if change == 0 else b :]
    return text


def spoilt_bytes(content, random):
    """Return bytes of which some are others, or that end too early."""
    content = bytearray(content)
    for _ in range(random.choice((1, 3, 30))):
        if content:
            content[random.randrange(len(content))] = random.randrange(256)
    return bytes(content[: random.choice((len(content), len(content), random.randrange(len(content) + 1)))])


def spoilt_document(document, random):
    """Return a document with some values or keys changed, dropped or put elsewhere."""
    document = deepcopy(document)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        places = [*_places(document)]
        if not places:
            return document
        node, key = random.choice(places)
        change = random.randrange(8)
        if change < 5:
            node[key] = deepcopy(random.choice(VALUES))
        elif change == 5:
            del node[key]
        elif change == 6:
            other, there = random.choice(places)
            node[key] = deepcopy(other[there])
        elif isinstance(node, dict):
            node[random.choice([value for value in VALUES if isinstance(value, str)])] = node.pop(key)
        else:
            node.append(deepcopy(node[key]))
    return document


def _places(node):
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def as_json(document):
    """Return a document as JSON, also where a key or number is none that JSON should have."""
    return json.dumps(document, default=str)


def spoilt_table(frame, random):
    """Return a table with cells, rows or columns changed, dropped or doubled."""
    frame = frame.copy()
    for _ in range(random.choice((1, 1, 2))):
        if frame.empty:
            return frame
        column, change = random.choice(list(frame)), random.randrange(9)
        if change == 0:
            frame = frame.drop(columns=column)
        elif change == 1:
            frame = frame.iloc[: random.randrange(len(frame))]
        elif change == 2:
            frame = pd.concat([frame, frame.sample(random.randrange(1, 4), random_state=0, replace=True)])
        elif change == 3:
            frame = frame.sample(frac=1, random_state=0)
        elif change == 4:
            frame = frame.rename(columns={column: random.choice(["", "x", "key", "seed", "unit", "day", LONG])})
        elif change == 5:
            scalars = [value for value in VALUES if not isinstance(value, list | dict) and value != "\ud800"]
            frame[column] = [str(random.choice(scalars))] * len(frame)
        elif change == 6:
            frame[column] = [random.choice([[1], [[]], ["a", "b"], [None]])] * len(frame)
        elif change == 7:
            frame[column] = random.choice([True, None, np.nan, np.inf, -1, 2**62, 1e300, pd.Timestamp(0)])
        else:
            cells = frame[column].astype(object).tolist()
            sorts = [None, *([f"{cells[0]}x", "[/bad]"] if isinstance(cells[0], str) else [np.nan, -1e300, 1e9, 0])]
            cells[random.randrange(len(cells))] = random.choice(sorts)
            frame[column] = cells
    return frame


def parquet_of(frame):
    """Return a table as a Parquet file, of texts where the cells of a column are of no one kind."""
    sink = pa.BufferOutputStream()
    columns = [_column(frame.iloc[:, place].tolist()) for place in range(frame.shape[1])]
    pq.write_table(pa.Table.from_arrays(columns, names=list(map(str, frame))), sink)
    return sink.getvalue().to_pybytes()


def _column(cells):
    try:
        return pa.array(cells, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return pa.array(list(map(str, cells)))


@contextmanager
def within(seconds):
    """Interrupt what takes longer."""

    def late(*_):
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
