"""Folder of a run: resolved study, versions, tables, figures, summary, manifest. Nothing is ever overwritten."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import file_digest
from itertools import count
from pathlib import Path
from shlex import quote
from time import perf_counter
from typing import TYPE_CHECKING, Any

from experiments.export import write_exports
from experiments.provenance import versions
from experiments.whole import MANIFEST, TakenError, new_folder
from grids.documents import read_json, shown
from sim.audit import audit_folder
from sim.errors import StudyError
from sim.ledger import read_tables, write_tables
from sim.study import Study
from sim.study_file import read_study, require_resolved, write_study

if TYPE_CHECKING:
    from experiments.long_run import StoredDays
    from experiments.simulate import Run

FIGURES = ("daily", "overview", "none")
"""Choices of figures of a run."""

DAILY_MOST = 7
"""Largest number of days with a figure each by default: drawing them takes as long as simulating them."""


@contextmanager
def new_run(
    out: Path | None, study: Study, base: Study | None = None, *, resume: bool = False
) -> Iterator[tuple[Path, Path]]:
    """Make the folder of a run; yield the path to write to, and its final name.

    Parameters
    ----------
    out : Path or None
        The folder, which must not exist (or be empty); by default one under ``runs/`` named after study
        and changes, and numbered if taken.
    study, base : Study
        The study that is run, and the one before its changes, which the default name lists.
    resume : bool
        Whether to go on with the finished days of a run that ended early.

    Raises
    ------
    StudyError
        If the folder holds something already, another process is writing it, or it can't be written; or there is none
        to resume.
    """
    if resume and out is None:
        raise StudyError("--resume: name the folder of the run that ended early, with --out")
    with ExitStack() as stack:
        for folder in _free(run_name(study, base)) if out is None else [out]:
            try:
                path = stack.enter_context(new_folder(folder, resume=resume))
            except TakenError:
                if out is not None:
                    raise
            else:
                yield path, folder
                return


def _free(name: str) -> Iterator[Path]:
    """Yield the folders under ``runs/`` that a run may have by default and that are not there yet."""
    for number in count(1):
        folder = Path("runs") / (name if number == 1 else f"{name}-{number}")
        if not folder.exists():
            yield folder


NAMED = {"name", "description", "bidding", "policy", "coordination", "days", "seed"}
"""Values of a study that the name of its run contains in any case, or need not contain."""

CHANGES_MOST, NAME_LENGTH = 3, 150
"""Largest number of changed values that a name spells out, and of its characters."""


def run_name(study: Study, base: Study | None = None) -> str:
    """Return the name of a run: study, strategy, policy, rule, days, seed, and changes.

    Parameters
    ----------
    study : Study
        The study that is run.
    base : Study, optional
        The study before its changes.

    Examples
    --------
    >>> from experiments.catalog import find_study
    >>> run_name(find_study("microgrid33", overrides=["days=3", "uncertainty.keep=5"]), find_study("microgrid33"))
    'microgrid33-anm_aware-receding-case1-3days-seed1-keep=5'
    """
    networked = study.fleet.microgrid or study.fleet.ev_aggregator
    policy = f"{study.policy}-{study.coordination}" if networked else study.policy
    days = [f"{study.days}days"] if study.days > 1 else []
    changes = [] if base is None else list(dict.fromkeys(_changes(study, base)))
    more = [f"and_{len(changes) - CHANGES_MOST}_more"] if len(changes) > CHANGES_MOST else []
    rule = study.market.rule.name
    parts = [study.name, study.bidding, policy, rule, *days, f"seed{study.seed}", *changes[:CHANGES_MOST], *more]
    return "-".join(re.sub(r"[^A-Za-z0-9_.=-]+", "_", part) for part in parts)[:NAME_LENGTH]


def _changes(study: Study, base: Study) -> Iterator[str]:
    """Yield ``key=value`` for every value that is not as in the base and not in a run's name anyway."""
    if study.market.rule.name != base.market.rule.name:
        base = base.model_copy(update={"market": base.market.model_copy(update={"rule": study.market.rule})})
    return _differences(study.model_dump(mode="json", exclude=NAMED), base.model_dump(mode="json", exclude=NAMED), "")


def _differences(value: Any, base: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(base, dict):
        for name, part in value.items():
            yield from _differences(part, base.get(name), name)
    elif isinstance(value, list) and isinstance(base, list) and len(value) == len(base):
        for part, other in zip(value, base, strict=True):
            yield from _differences(part, other, key)
    elif value != base:  # of a list, and of values that the base does not have, only the number
        yield f"{key}={len(value)}" if isinstance(value, list | dict) else f"{key}={Path(str(value)).name}"


def write_run(
    run: Run,
    folder: Path,
    name: Path,
    figures: str,
    *,
    stored: StoredDays | None = None,
    export: Sequence[str] = (),
) -> list[str]:
    """Write a run: study, versions, tables, figures, summary and, last of all, the manifest that says it is whole.

    Parameters
    ----------
    run : Run
        The run; its summary then says where it is, and how long the figures took.
    folder, name : Path
        Path to write to, and its final name.
    figures : {"daily", "overview", "none"}
        Figures that are drawn.
    stored : StoredDays, optional
        The days of a long run, whose tables are in the folder already.
    export : sequence of str
        What is also written for other programs, see :mod:`experiments.export`.

    Returns
    -------
    list of str
        Names of the figures.
    """
    (folder / "study.yaml").write_text(write_study(run.study), encoding="utf-8")
    _write_json(folder / "versions.json", versions())
    if stored is None:
        write_tables(run.tables, folder)
    start = perf_counter()
    drawn = _draw(folder, run, figures) if figures != "none" else []
    seconds = {**run.seconds, "figures": perf_counter() - start}
    run.summary.update(run_dir=str(name), seconds=seconds)
    _write_json(folder / "summary.json", run.summary)
    if export:
        (folder / "export").mkdir(exist_ok=True)
        write_exports(run, folder / "export", export)
    if stored is not None:
        stored.remove()
    write_manifest(folder)
    return drawn


def _draw(folder: Path, run: Run, figures: str) -> list[str]:
    from experiments.figures.run_figures import draw_run

    return draw_run(folder, run, figures)


def read_run(folder: Path) -> tuple[Study, dict[str, Any], dict[str, float]]:
    """Return study, tables and seconds of a run from its folder.

    Raises
    ------
    StudyError
        If it is no folder of a run, or a file in it is missing or not as it was written.
    """
    name = quote(str(folder))
    if not (folder / "study.yaml").is_file():
        raise StudyError(f"{folder}: is not the folder of a run; tieline run STUDY --out {name} writes one")
    require_resolved(folder / "study.yaml")
    damage = [one for one in audit_folder(folder).findings if one.check in {"manifest", "completeness"}]
    if damage:
        more = f" and {len(damage) - 1} more" if len(damage) > 1 else ""
        raise StudyError(
            f"{folder}: is damaged ({shown(damage[0].where)} {shown(damage[0].message)}{more}); tieline audit"
            f" {name} lists it all, tieline run {name} --out FOLDER runs it again"
        )
    seconds = read_json(folder / "summary.json").get("seconds", {})
    return read_study(folder / "study.yaml"), read_tables(folder), seconds


def write_manifest(folder: Path) -> None:
    """Write size and SHA-256 of every file of a folder, by which `tieline audit` knows that it is whole and untouched.

    The file is ``{"format": 2, "files": {"<relative posix name>": {"sha256": "<hex>", "bytes": n}}}``.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / MANIFEST:
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
            files[path.relative_to(folder).as_posix()] = {"sha256": digest, "bytes": path.stat().st_size}
    _write_json(folder / MANIFEST, {"format": 2, "files": files})


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def chosen_figures(asked: str | None, days: int) -> str:
    """Return the choice of figures: the one asked for, or the one that suits the days.

    Raises
    ------
    StudyError
        If there is no such choice.
    """
    if asked is None:
        return "daily" if days <= DAILY_MOST else "overview"
    if asked not in FIGURES:
        raise StudyError(f"--figures {asked}: use {', '.join(FIGURES[:-1])} or {FIGURES[-1]}")
    return asked
