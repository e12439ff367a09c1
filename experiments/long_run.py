"""Long runs: every day is stored as it ends, so that memory stays as it is and a run that was killed goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agents.bid_optimizer import pinned_submission
from agents.bidding import STRATEGIES
from agents.dispatch.kept import Shared
from experiments.executors.engines import LocalProcesses
from experiments.executors.workers import opened
from experiments.provenance import differences, digests_of_files, provenance
from experiments.whole import DAYS, write_whole
from grids.documents import read_json, shown
from sim.errors import StudyError
from sim.ledger import TABLES, read_tables, write_tables

if TYPE_CHECKING:
    from sim.instance import Instance
    from sim.messages import Submission
    from sim.model import MarketModel
    from sim.study import Study

TOGETHER = 30
"""Days whose rows stand together in the tables of a long run, as one row group."""

AHEAD = 2
"""Days for each process of which bids are computed ahead."""

BEGUN, STATE = "begun.json", "state.json"


class StoredDays:
    """Finished days of a run that is being simulated: a folder each with its tables, and the state it ended in.

    A day's folder has its name when all of it is there: what a killed process left of a day does not count.

    Parameters
    ----------
    folder : Path
        Folder in which the run is written.
    study : Study
        The study.

    Raises
    ------
    StudyError
        If the days that are there are those of another study or version.
    """

    def __init__(self, folder: Path, study: Study) -> None:
        self._folder, self._days = folder, folder / DAYS
        document = study.model_dump(mode="json")
        mine = {"study": document, "files": digests_of_files(document, {}), "provenance": provenance()}
        if (self._days / BEGUN).is_file():
            _require_same(read_json(self._days / BEGUN), mine)
        else:
            self._days.mkdir(exist_ok=True)
            write_whole(self._days / BEGUN, json.dumps(mine).encode())

    def __len__(self) -> int:
        return next(day for day in count() if not self._day(day + 1).is_dir())

    def _day(self, day: int) -> Path:
        return self._days / f"{day:05d}"

    def resume(self, model: MarketModel) -> None:
        """Let a new model go on after the last finished day, if there is one."""
        if done := len(self):
            ended = read_json(self._day(done) / STATE)
            model.ledger.take()  # units and lines, which the first day has
            model.resume(done + 1, ended["state"])
            model.seconds.update(ended["seconds"])

    def store(self, day: int, model: MarketModel) -> None:
        """Store a day that has ended: its rows leave the model's ledger."""
        frames = {name: frame for name, frame in model.ledger.take().items() if day == 1 or len(frame)}
        unfinished = self._days / f".{day:05d}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        write_tables(frames, unfinished)
        ended = {"state": model.state(), "seconds": model.seconds}
        (unfinished / STATE).write_text(json.dumps(ended), encoding="utf-8")
        unfinished.rename(self._day(day))
        (self._day(day - 1) / STATE).unlink(missing_ok=True)

    def join(self) -> Mapping[str, pd.DataFrame]:
        """Put the tables of all days into the run's folder, some days at a time, and return them."""
        days = len(self)
        for name in TABLES:
            files = [file for day in range(1, days + 1) if (file := self._day(day) / f"{name}.parquet").is_file()]
            schema = pa.unify_schemas([pq.read_schema(file) for file in files], promote_options="permissive")
            with (
                (self._folder / f"{name}.parquet").open("wb") as target,
                pq.ParquetWriter(target, schema, compression="zstd") as writer,
            ):
                for first in range(0, len(files), TOGETHER):
                    parts = [pq.ParquetFile(file).read() for file in files[first : first + TOGETHER]]
                    writer.write_table(pa.concat_tables(parts, promote_options="permissive").cast(schema))
        return read_tables(self._folder)

    def remove(self) -> None:
        """Remove the days, whose tables are in the run's folder."""
        shutil.rmtree(self._days)


def _require_same(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    """Refuse to go on with days of another study or version.

    Raises
    ------
    StudyError
        If something is different.
    """
    what = _first_difference(mine["study"], theirs["study"], "")
    if what is None and mine["files"] != theirs["files"]:
        what = "a file it names has changed"
    remedy = "resume the study that was begun, or give another --out"
    if what is not None:
        raise StudyError(f"--resume: the days that are there belong to another study: {what}; {remedy}")
    if version := differences(theirs["provenance"]):
        raise StudyError(f"--resume: another version simulated the days that are there ({version}); {remedy}")


def _first_difference(mine: Any, theirs: Any, key: str) -> str | None:
    """Return the first value that two studies do not share, in words; None if they are the same."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        keys = dict.fromkeys([*mine, *theirs])
        found = (_first_difference(mine.get(k), theirs.get(k), f"{key}.{k}".lstrip(".")) for k in keys)
        return next((one for one in found if one is not None), None)
    return None if mine == theirs else f"{key} was {shown(str(theirs))}, is {shown(str(mine))}"


@contextmanager
def bids_ahead(instance: Instance, workers: int, *, after: int = 0) -> Iterator[Callable[[int], Submission | None]]:
    """Yield a function that returns the bids of a day, which other processes compute while earlier days are simulated.

    It has none of the first day, which costs no more than to start the processes; nor of any other day where bids
    depend on the days before: they start from the actual state of the batteries, or those of microgrids.

    Parameters
    ----------
    instance : Instance
        The instance.
    workers : int
        Number of processes, of which this is one.
    after : int
        Number of days that are there already.
    """
    study, first = instance.study, after + 1
    own = STRATEGIES.is_own(study.bidding)  # no other process knows it
    if workers == 1 or study.days == first or study.bid_start == "actual" or instance.grid.connections or own:
        yield lambda day: None
        return
    shared = Shared(instance)
    with opened(LocalProcesses(workers - 1)) as executor:
        upcoming = {
            day: executor.submit(_pinned_bids, shared, day)
            for day in range(first + 1, min(first + 1 + AHEAD * workers, study.days + 1))
        }

        def of(day: int) -> Submission | None:
            if day == first:
                return None
            further = day + AHEAD * workers
            if further <= study.days:
                upcoming[further] = executor.submit(_pinned_bids, shared, further)
            return upcoming.pop(day).result()

        yield of


def _pinned_bids(shared: Shared, day: int) -> Submission:
    return pinned_submission(shared.instance, day)
