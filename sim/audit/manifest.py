"""Checks of a run folder against its manifest: it is complete, and every file is as it was written."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any

from grids.documents import read_json
from sim.audit.report import Checker
from sim.errors import StudyError, reading

MANIFEST = "manifest.json"

SHOWN = 5
"""Number of files besides the run's own that are named."""


def check_manifest(folder: Path, checker: Checker, *, needed: Iterable[str]) -> list[str]:
    """Check that a folder holds all files that were written last of all into its manifest, unchanged.

    A manifest reveals accidental changes of the files; a person who changes them on purpose can write another.

    Parameters
    ----------
    folder : Path
        The folder.
    checker : Checker
        Takes down the faults.
    needed : iterable of str
        Names of files that every run has.

    Returns
    -------
    list of str
        Notes on what is no fault: files that are none of the run's.

    Raises
    ------
    StudyError
        If the manifest can't be read.
    """
    if not (folder / MANIFEST).exists():
        checker.note(
            "manifest", MANIFEST, "is missing: the run was interrupted, or an older version wrote it; run it again"
        )
        return []
    listed = _listed(read_stored(folder / MANIFEST, read_json))
    present = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    for name in needed:
        if name not in listed:
            checker.note("manifest", name, "is not in the manifest")
    for name, file in listed.items():
        if problem := _problem(present.get(name), file):
            checker.note("manifest", name, problem)
    checker.checks["manifest"] = len(listed)
    extra = sorted(present.keys() - listed.keys() - {MANIFEST})
    more = f" and {len(extra) - SHOWN} more" if len(extra) > SHOWN else ""
    return [f"none of the run's files: {', '.join(extra[:SHOWN])}{more}"] if extra else []


def _listed(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the files of a manifest."""
    files = document.get("files")
    if document.get("format") != 2 or not isinstance(files, dict):
        raise StudyError(f"{MANIFEST}: is not of format 2; audit the run with the version that wrote it")
    return files


def _problem(path: Path | None, file: Any) -> str:
    """Return the fault of a file of the manifest, empty if it has none; None is a file missing in the folder."""
    if path is None:
        return "is missing"
    if path.is_symlink() or not path.is_file():
        return "is no file"
    if isinstance(file, dict) and path.stat().st_size == file.get("bytes"):  # nothing of another size is read
        with path.open("rb") as content:
            if file_digest(content, "sha256").hexdigest() == file.get("sha256"):
                return ""
    return "has changed since it was written"


def read_stored(path: Path, read: Callable[[Path], Any]) -> Any:
    """Return the document in a file of a run.

    Raises
    ------
    StudyError
        If it is missing, too large, or holds something else.
    """
    with reading(path, "give the folder of a finished run, or run the study again"):
        return read(path)
