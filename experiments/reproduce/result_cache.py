"""Results that need not be computed again: one JSON file each, found by all that decides its figures."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

from experiments.provenance import key_of, provenance
from experiments.whole import write_whole
from grids.documents import parse_json, read_text
from sim.study import Study

Record = dict[str, Any]
"""Content of a result: plain JSON."""


class ResultCache:
    """Results in a folder, each found again by all that decides its figures, and written whole or not at all.

    Parameters
    ----------
    folder : Path
        Where they are; made when the first is stored.

    Attributes
    ----------
    folder : Path
        Where they are.
    found, computed : list of str
        File names of the results that were there, and of those that were not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: list[str] = []
        self.computed: list[str] = []

    def result(self, study: Study, parameters: Mapping[str, Any], compute: Callable[[], Record]) -> Record:
        """Return a result as it is stored; compute and store it if it is missing or damaged.

        Parameters
        ----------
        study : Study
            What it is computed from, resolved.
        parameters : mapping
            What else decides it; ``kind`` names it.
        compute : callable
            Returns it.
        """
        asked = {"study": study.model_dump(mode="json"), "parameters": dict(parameters), "provenance": provenance()}
        key = key_of(asked["study"], {}, asked["parameters"], asked["provenance"])
        path = self.folder / f"{parameters['kind']}-{key}.json"
        stored = _read(path, key)
        if stored is not None:
            self.found.append(path.name)
            return stored
        start = perf_counter()
        result: Record = json.loads(json.dumps(compute(), allow_nan=False))  # as it will be read again
        about = {"key": key, "identity": asked, "digest": _digest(result), "seconds": perf_counter() - start}
        write_whole(path, json.dumps(about | {"result": result}, indent=1).encode())
        self.computed.append(path.name)
        return result


def _digest(record: Record) -> str:
    return sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _read(path: Path, key: str) -> Record | None:
    """Return a stored result, or None if it is missing, damaged or another one."""
    try:
        document = parse_json(read_text(path, "JSON"))
        result: Record = document["result"]
        intact = document["key"] == key and document["digest"] == _digest(result)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if intact else None
