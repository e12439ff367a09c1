"""Store of a sweep: a folder of Parquet data sets, one file of one row group for each run, written whole or not.

``results/`` holds exactly the finished runs of the sweep as its file stands, one row each. Runs that an earlier state
of the file asked for wait in ``unused/`` until they are asked for again. A run counts once its row is in ``results/``:
its other parts are written before. ``runs.parquet`` lists all runs there are to be, in their order.
"""

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from experiments.provenance import differences, provenance
from experiments.sweeps.plan import PlannedRun, SweepPlan, read_sweep
from experiments.sweeps.sweep_file import SweepFile
from experiments.sweeps.timings import Timings
from experiments.sweeps.worker import RunProduct, Task, arrow, parquet, parquet_of
from experiments.whole import open_folder, write_whole
from grids.documents import parse_json, read_text, shown, write_yaml
from sim.errors import StudyError
from sim.ledger import TABLES

RESULTS, UNUSED, FAILURES, UNFINISHED = "results", "aside", "failures", "unfinished"
SWEEP, PROVENANCE, PLANNED = "sweep.yaml", "versions.json", "runs.parquet"

BEGUN = {".lock", ".writable", UNFINISHED, PROVENANCE}
"""Files in a folder in which a sweep was killed as it began."""

MORE = {
    "summary": (),
    "hourly": ("hourly",),
    "all": ("hourly", *(f"tables/{name}" for name in TABLES)),
}
"""Data sets besides the results, by the choice of outputs."""


class ResultStore:
    """Store of a sweep in its folder.

    Parameters
    ----------
    folder : Path
        The folder.

    Attributes
    ----------
    folder : Path
        The folder.
    timings : Timings
        Computing times of the runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.timings = Timings(folder / "timings.csv")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other sweeps out of the folder; the lock goes with the process that holds it, however that ends.

        Raises
        ------
        StudyError
            If another sweep is at work here, or the folder can't be written or holds something else.
        """
        if self.folder.exists() and not self._is_ours():
            raise StudyError(f"--out {self.folder}: holds something else than a sweep; give another folder")
        open_folder(self.folder)
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StudyError(
                f"--out {self.folder}: another sweep is at work in this folder; wait for it, or give another folder"
            ) from None
        except OSError as error:
            raise StudyError(_told(self.folder, error)) from error
        try:
            yield
        finally:
            lock.release()

    def _is_ours(self) -> bool:
        if not self.folder.is_dir():
            return False
        found = {path.name for path in self.folder.iterdir()}
        return found <= BEGUN or {SWEEP, PROVENANCE} <= found

    def prepare(self, plan: SweepPlan) -> None:
        """Make the folder hold the runs of the sweep with their labels; move others to ``unused/``.

        Raises
        ------
        StudyError
            If the results there were computed with other versions, are another sweep's, or can't be written.
        """
        self._require_same_sweep(plan.sweep.name)
        self._require_same_versions()
        try:
            self._arrange(plan)
        except OSError as error:
            raise StudyError(_told(self.folder, error)) from error

    def _arrange(self, plan: SweepPlan) -> None:
        """Write the files that mark the folder as a sweep's; then sort its results."""
        (self.folder / UNFINISHED).mkdir(exist_ok=True)
        for path in (self.folder / UNFINISHED).iterdir():
            path.unlink()
        self._write(self.folder / PROVENANCE, (json.dumps(provenance(), indent=2) + "\n").encode())
        self._write(self.folder / SWEEP, _document(plan.sweep).encode())
        self._write(self.folder / PLANNED, parquet(pd.DataFrame([labels_of(run) for run in plan.runs()])))
        for name in (RESULTS, UNUSED, FAILURES, *MORE[plan.sweep.outputs]):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._sort_out(plan)
        self.timings.mend()

    def _require_same_sweep(self, name: str) -> None:
        if (self.folder / SWEEP).is_file() and read_sweep(self.folder / SWEEP).name != name:
            other = read_sweep(self.folder / SWEEP).name
            raise StudyError(f"--out {self.folder}: holds the sweep '{other}', not '{name}'; give another folder")

    def _require_same_versions(self) -> None:
        """Refuse to go on with other versions: figures of one sweep must be comparable."""
        if not self.done() and not any((self.folder / UNUSED).rglob("*.parquet")):
            return
        try:
            stored = dict(parse_json(read_text(self.folder / PROVENANCE, "JSON")))
        except (OSError, ValueError, TypeError):
            raise StudyError(
                f"--out {self.folder}: {PROVENANCE} can't be read, so it isn't known what this was computed with;"
                " give another folder"
            ) from None
        if different := differences(stored):
            raise StudyError(
                f"--out {self.folder}: was computed with other versions (here is {shown(different, 400)}); figures"
                " could differ. Give another folder, or go on with the versions it was begun with"
            )

    def _sort_out(self, plan: SweepPlan) -> None:
        """Move runs outside the plan to ``unused/``, take back those that are in it, and label all as it does."""
        wanted = {run.key: run for run in plan.runs()}
        sets = [RESULTS, "hourly", *(f"tables/{name}" for name in TABLES)]
        for name in (part for part in sets if (self.folder / part).is_dir()):
            here, there = self.folder / name, self.folder / UNUSED / name
            for path in sorted(here.glob("*.parquet")):
                if path.stem not in wanted:
                    there.mkdir(parents=True, exist_ok=True)
                    path.replace(there / path.name)
            for path in sorted(there.glob("*.parquet")) if there.is_dir() else []:
                if path.stem in wanted:
                    path.replace(here / path.name)
            for path in sorted(here.glob("*.parquet")):
                self._mend(path, name, wanted[path.stem])

    def _mend(self, path: Path, name: str, run: PlannedRun) -> None:
        """Drop a file that can't be read or whose run does not count; give it the labels it has in this plan."""
        has_no_row = name != RESULTS and not (self.folder / RESULTS / path.name).is_file()
        table = None if has_no_row else _read(path)
        has_labels = not name.startswith("tables/")
        if table is None or (has_labels and not (len(table) and {"key", "seed"} <= set(table.column_names))):
            path.unlink()
        elif has_labels:
            labelled = _labelled(table, labels_of(run))
            if labelled is not None:
                self._write(path, parquet_of(labelled))

    def done(self, outputs: str = "summary") -> set[str]:
        """Return the keys of the runs whose outputs are all there."""
        keys = self._keys(RESULTS)
        for name in MORE[outputs]:
            keys &= self._keys(name)
        return keys

    def failed(self) -> set[str]:
        """Return the keys of the runs that failed."""
        folder = self.folder / FAILURES
        return {path.stem for path in folder.glob("*.json")} if folder.is_dir() else set()

    def clear_failures(self, plan: SweepPlan) -> None:
        """Forget failures of the plan's runs, so that they are simulated again."""
        for run in plan.runs():
            (self.folder / FAILURES / f"{run.key}.json").unlink(missing_ok=True)

    def _keys(self, name: str) -> set[str]:
        folder = self.folder / name
        return {path.stem for path in folder.glob("*.parquet")} if folder.is_dir() else set()

    def keep(self, run: PlannedRun, product: RunProduct) -> None:
        """Store the product of a run: its files, or the reason why there are none.

        Raises
        ------
        StudyError
            If the disk is full or can't be written; nothing of the run counts then.
        """
        try:
            if product.error:
                self._keep_failure(run, product)
            else:
                self._keep_parts(product)
        except OSError as error:
            self._forget(product)
            raise StudyError(_told(self.folder, error)) from error

    def _keep_failure(self, run: PlannedRun, product: RunProduct) -> None:
        told = {
            **labels_of(run),
            "error": product.error,
            "traceback": product.traceback,
            "worker": product.worker,
            "document": run.document,
        }
        self._write(self.folder / FAILURES / f"{run.key}.json", (json.dumps(told, indent=2) + "\n").encode())

    def _keep_parts(self, product: RunProduct) -> None:
        self.timings.add(product)
        others = [name for name in product.parts if name != RESULTS]
        for name in (*others, RESULTS):  # the row that makes the run count is last
            self._write(self.folder / name / f"{product.key}.parquet", product.parts[name])
        (self.folder / FAILURES / f"{product.key}.json").unlink(missing_ok=True)

    def _forget(self, product: RunProduct) -> None:
        """Remove the files of a run that does not count; one that counted before keeps its files."""
        if (self.folder / RESULTS / f"{product.key}.parquet").is_file():
            return
        for name in product.parts:
            with suppress(OSError):
                (self.folder / name / f"{product.key}.parquet").unlink(missing_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file of the folder whole or not at all."""
        write_whole(path, content, by_way_of=self.folder / UNFINISHED)


def labels_of(run: PlannedRun) -> dict[str, Any]:
    """Return the columns that identify the run of a row."""
    return {"key": run.key, **run.point, "replication": run.replication, "seed": run.seed}


def task_of(
    run: PlannedRun, *, outputs: str, versions: dict[str, str], own: Mapping[tuple[str, str], type] | None = None
) -> Task:
    """Return the task of a worker for a run, with these versions of model and libraries, and the user's classes."""
    return Task(
        key=run.key,
        document=run.document,
        labels=labels_of(run),
        outputs=outputs,
        evaluation=run.evaluation,
        provenance=versions,
        own=own or {},
    )


def _read(path: Path) -> pa.Table | None:
    """Return the table of a run in a Parquet file, or None if it is damaged."""
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
    except (OSError, ValueError, TypeError, LookupError, pa.ArrowException):
        return None
    names = table.column_names
    return table if len(set(names)) == len(names) else None


def _labelled(table: pa.Table, labels: Mapping[str, Any]) -> pa.Table | None:
    """Return a table with other labels; None if it has just these."""
    own = table.column_names[: table.column_names.index("seed") + 1]
    first = {name: table.column(name)[0].as_py() for name in own}
    if list(first.items()) == list(labels.items()) and all(type(first[name]) is type(labels[name]) for name in own):
        return None
    front, rest = (
        arrow(pd.DataFrame({name: [value] * len(table) for name, value in labels.items()})),
        table.drop_columns(own),
    )
    return pa.table([*front.columns, *rest.columns], names=[*front.column_names, *rest.column_names])


def _document(sweep: SweepFile) -> str:
    return write_yaml(sweep.model_dump(mode="json", exclude_unset=True))


def _told(folder: Path, error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"--out {folder}: the disk is full; what is stored is whole: free some space, and start the sweep again"
    return f"--out {folder}: can't be written ({error.strerror}); start the sweep again when it can"
