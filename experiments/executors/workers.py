"""Workers as ``--workers`` and ``--dask`` give them, with the same meaning for every command."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import TypeVar

from experiments.executors.dask_cluster import DaskCluster, SameVersions
from experiments.executors.engines import Engine, LocalProcesses, ThisProcess
from sim.errors import StudyError, require_whole

Task = TypeVar("Task")
Result = TypeVar("Result")

one_at_a_time = RLock()
"""Lock of simulations: Mesa and the solvers share state between the threads of a process."""


@dataclass(frozen=True)
class Workers:
    """Number of pieces of work done at a time, on this machine or on a Dask cluster.

    Attributes
    ----------
    count : int or None
        Threads or processes of this machine; by default one per core.
    dask : str or None
        Address of a Dask scheduler, to do the work on its workers.

    Raises
    ------
    StudyError
        If both are given, or the number is none.
    """

    count: int | None = None
    dask: str | None = None

    def __post_init__(self) -> None:
        if self.count is not None and self.dask is not None:
            raise StudyError(
                "--workers and --dask: give one of them; a Dask cluster has the workers it was started with"
            )
        if self.count is not None:
            require_whole("--workers", self.count)

    @classmethod
    def of(cls, given: "Workers | int | None", dask: str | None = None) -> "Workers":
        """Return the workers of a number or an address, or as they are."""
        return given if isinstance(given, Workers) else cls(given, dask)

    def at_most(self, tasks: int) -> int:
        """Return the number of processes of this machine that are used for some tasks."""
        return max(1, min(self.count or os.cpu_count() or 1, tasks))

    @property
    def threads(self) -> int:
        """Most threads of this machine that are used."""
        return self.count or os.cpu_count() or 1

    @contextmanager
    def executor(self) -> Iterator[Executor]:
        """Yield an executor for work outside Python's lock: threads, or the Dask cluster."""
        if self.dask is not None:
            with opened(DaskCluster(self.dask)) as executor:
                yield executor
            return
        threads = ThreadPoolExecutor(self.threads)
        try:
            yield threads
        finally:
            threads.shutdown(cancel_futures=True)

    @contextmanager
    def processes(self) -> Iterator[Executor]:
        """Yield an executor on processes, of which a single one is this process; or on the Dask cluster."""
        if self.dask is None and self.threads == 1:
            yield ThisProcess()
            return
        with opened(LocalProcesses(self.threads) if self.dask is None else DaskCluster(self.dask)) as executor:
            yield executor

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield the result of a function for each task, in their order, from processes or from the Dask cluster."""
        few = self if self.dask else Workers(self.at_most(len(tasks)))
        with few.processes() as executor:
            yield from executor.map(partial(_alone, function), tasks)


def _alone(function: Callable[[Task], Result], task: Task) -> Result:
    with one_at_a_time:
        return function(task)


@contextmanager
def opened(engine: Engine) -> Iterator[Executor]:
    """Yield an engine's executor, and release its workers at the end, also after an error.

    Raises
    ------
    StudyError
        If workers die, or have other versions than we.
    """
    try:
        executor = engine.open()
        yield SameVersions(executor) if isinstance(engine, DaskCluster) else executor
    except BaseException as error:
        broken = isinstance(error, BrokenExecutor | CancelledError)
        reason = engine.lost() or "a worker died (killed, or out of memory)"
        engine.abandon()
        if broken or (isinstance(error, Exception) and engine.worker_died(error)):
            raise StudyError(f"{engine.name}: {reason}; start it again") from error
        raise
    engine.close()
