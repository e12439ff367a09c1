"""Runs of the page, simulated in other processes and shared by all sessions that look at the same study."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from experiments.executors.engines import LocalProcesses
from experiments.simulate import Run
from experiments.teach import worker
from experiments.teach.day import HOURS
from experiments.teach.hour_table import Tables, hour_table
from sim.errors import StudyError
from sim.instance import Instance
from sim.messages import Submission
from sim.study import Study
from sim.time_limit import in_words

KEPT = 40
"""Number of runs that are remembered."""


@dataclass(frozen=True, eq=False)
class Records:
    """Records of a run as far as it was simulated: the ledger's tables and the number of hours in them."""

    tables: Tables = field(default_factory=dict)
    hours: int = 0

    @cached_property
    def hourly(self) -> pd.DataFrame:
        """One row of numbers for every hour, see :func:`experiments.teach.hour_table.hour_table`."""
        return hour_table(self.tables)


class StudyRun:
    """Run of a study, hour by hour.

    Parameters
    ----------
    study : Study
        The study.

    Attributes
    ----------
    instance : Instance
        The built study: network, forecast, market.
    records : Records
        What was simulated so far; replaced, never changed.
    error : str
        Why it can't go on, or empty.
    viewers : set
        Sessions that look at it; nobody simulates a run at which none does.
    """

    def __init__(self, study: Study) -> None:
        if not (study.calendar.is_hourly and study.calendar.time_zone is None and not study.profiles.is_series):
            raise StudyError(
                "calendar, profiles.time: the teaching page shows a day of 24 hours that repeats; leave them out"
            )
        self.study, self.instance = study, Instance.of(study)
        self.records = Records()
        self.error = ""
        self.viewers: set[object] = set()

    @classmethod
    def stored(cls, run: Run) -> StudyRun:
        """Return a run that was simulated before, to be replayed."""
        replayed = cls(run.study)
        replayed.records = Records(run.tables, run.study.days * HOURS)
        return replayed

    @property
    def length(self) -> int:
        """Number of hours of the whole run."""
        return self.study.days * HOURS

    @property
    def is_done(self) -> bool:
        """True where nothing is left to simulate, also because of an error."""
        return bool(self.error) or self.records.hours >= self.length


class Runs:
    """Runs by their study, simulated by some processes one after another; the last ones are kept.

    Parameters
    ----------
    processes : int, optional
        Number of processes; by default one for each core, two at most.
    """

    def __init__(self, processes: int | None = None) -> None:
        self._runs: OrderedDict[str, StudyRun] = OrderedDict()
        self._bids: OrderedDict[str, Submission] = OrderedDict()
        self._waiting: deque[StudyRun] = deque()
        self._active: set[StudyRun] = set()
        self._changed = threading.Condition()
        self._closed = False
        count = processes or min(2, os.cpu_count() or 1)
        self._engines = [LocalProcesses(1) for _ in range(count)]
        self._threads = [threading.Thread(target=self._work, args=(one,), daemon=True) for one in self._engines]
        for thread in self._threads:
            thread.start()

    def of(self, study: Study, viewer: object) -> StudyRun:
        """Return the run of a study for a session; what is not simulated yet will be.

        Raises
        ------
        StudyError
            If its network or profiles can't be used.
        """
        key = study.model_dump_json(exclude={"name", "description"})
        with self._changed:
            run = self._runs.pop(key, None)
            if run is None or run.error:
                run = StudyRun(study)
            self._runs[key] = run
            run.viewers.add(viewer)
            while len(self._runs) > KEPT:
                self._runs.popitem(last=False)
            self._wait_for(run)
        return run

    def _wait_for(self, run: StudyRun) -> None:
        if run.viewers and not run.is_done and run not in self._waiting and run not in self._active:
            self._waiting.append(run)
            self._changed.notify()

    def leave(self, run: StudyRun, viewer: object) -> None:
        """Have a session look at a run no longer."""
        with self._changed:
            run.viewers.discard(viewer)

    def close(self) -> None:
        """End the processes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for engine in self._engines:
            engine.abandon()

    def _work(self, engine: LocalProcesses) -> None:
        """Simulate what is waiting, in one process that is started anew if it dies."""
        pool: Any = None
        while (run := self._next()) is not None:
            try:
                pool = pool or engine.open()
                self._simulate(pool, run)
            except BrokenProcessPool:
                pool = None
                run.error = "the process that simulated it ended; change a setting to try again"
            except StudyError as error:
                run.error = str(error)
            except Exception as error:  # of whatever kind: the other sessions go on
                run.error = "" if self._closed else f"it failed: {in_words(error)}"
            with self._changed:
                self._active.discard(run)
                self._wait_for(run)  # somebody came back to it

    def _simulate(self, pool: Any, run: StudyRun) -> None:
        key = _bid_key(run.study)
        known = self._bids.get(key)
        pool.submit(worker.begin, run.study, known).result()
        hours, tables = 0, {}
        while hours < run.length and run.viewers and not self._closed:
            tables = pool.submit(worker.simulate_hour).result()
            hours += 1
            if key and known is None:
                known = pool.submit(worker.bids).result()
                self._remember(key, known)
            if hours > run.records.hours:  # it may have been begun, and left, before
                run.records = Records(tables, hours)

    def _remember(self, key: str, bids: Submission) -> None:
        if not bids.reason:  # a strategy that failed may answer the next time
            with self._changed:
                self._bids[key] = bids
                while len(self._bids) > KEPT:
                    self._bids.popitem(last=False)

    def _next(self) -> StudyRun | None:
        with self._changed:
            while not self._closed:
                while self._waiting:
                    run = self._waiting.popleft()
                    if run.viewers and not run.is_done:
                        self._active.add(run)
                        return run
                self._changed.wait()
        return None


def _bid_key(study: Study) -> str:
    """Return all that enters the bids of a study, by which they are known again: not how it is operated.

    Empty where they can't be taken over: those of a second day depend on the first, and operator and microgrids agree
    on the hours from where they agreed on the bids.
    """
    if study.days > 1 or study.fleet.microgrid or study.fleet.ev_aggregator:
        return ""
    return study.model_dump_json(exclude={"name", "description", "policy", "trained"})
