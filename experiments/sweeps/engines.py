"""Engines that simulate runs. Each gives a ``concurrent.futures`` executor, and another when that one breaks."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from experiments.threads import environment
from sim.errors import StudyError

PATIENCE_S = 30.0
"""Time to wait for a scheduler, for its first worker, or for another when the last one is gone. [s]"""


class Engine(Protocol):
    """Engine on which runs are simulated.

    Attributes
    ----------
    name : str
        Name in messages.
    workers : int
        Number of runs simulated at a time.
    """

    name: str

    @property
    def workers(self) -> int:
        """Number of runs simulated at a time."""

    def open(self) -> Executor:
        """Return a new executor in place of an earlier one."""

    def close(self) -> None:
        """Release the workers, which have nothing left to do."""

    def abandon(self) -> None:
        """Release the workers at once, whatever they are doing."""

    def lost(self) -> str:
        """Return the reason why no more results can come, or an empty text."""

    def worker_died(self, error: Exception) -> bool:
        """Return whether an error means that workers died while they had a run, which need not be its fault."""


class LocalProcesses:
    """Processes of this machine, one thread each, that end with the one that started them.

    Parameters
    ----------
    workers : int
        Number of processes.
    """

    def __init__(self, workers: int) -> None:
        self.name, self._workers = f"{workers} process{'es' if workers > 1 else ''}", workers
        self._pool: ProcessPoolExecutor | None = None

    @property
    def workers(self) -> int:
        """Number of runs simulated at a time."""
        return self._workers

    def open(self) -> Executor:
        """Return a pool of fresh processes."""
        self.abandon()
        context = multiprocessing.get_context("spawn")
        self._pool = _Pool(self._workers, context, initializer=_begin)
        return self._pool

    def close(self) -> None:
        """Wait for the processes to end."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def abandon(self) -> None:
        """Kill the processes."""
        if self._pool is not None:
            processes = list((self._pool._processes or {}).values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()
            self._pool.shutdown()  # cleans up after the killed ones
            self._pool = None

    def lost(self) -> str:
        """Return an empty text: a broken pool raises an error itself."""
        return ""

    def worker_died(self, error: Exception) -> bool:
        """Return False: a broken pool raises an error for all its runs."""
        return False


class _Pool(ProcessPoolExecutor):
    """A pool whose processes never get a Ctrl-C, not even while they start: they inherit that it is held back."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a call; processes are started here."""
        if not hasattr(signal, "pthread_sigmask"):  # Windows
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_tracker() -> None:
    """Start the process that cleans up after killed ones, without its messages.

    It must be ours: the first library that makes a lock while it is imported starts one too.
    """
    if os.name == "posix":
        from multiprocessing import resource_tracker

        with environment({"PYTHONWARNINGS": "ignore:resource_tracker:UserWarning"}):
            resource_tracker.ensure_running()


def _begin() -> None:
    """Prepare a process: leave Ctrl-C to the one that started it, and end when that one does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


class DaskCluster:
    """The workers of a Dask scheduler.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    StudyError
        If Dask is not installed, or no scheduler or worker answers.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ImportError:
            raise StudyError("--dask: Dask is not installed; pip install 'tieline[cluster]'") from None
        _silence()
        self.name, self._address = f"Dask at {address}", address
        self._threads, self._seen = 1, monotonic()
        try:
            connect: Any = distributed.Client
            self._client = connect(address, timeout=PATIENCE_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise StudyError(
                f"--dask {address}: no scheduler answers ({error}); start one with: dask scheduler"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE_S)
        except TimeoutError:
            self.close()
            raise StudyError(
                f"--dask {address}: the scheduler has no workers; start some with: dask worker {address} --nthreads 1"
            ) from None

    @property
    def workers(self) -> int:
        """Number of runs simulated at a time, by all workers there are now, or were at the last answer."""
        self._count()
        return self._threads

    def _count(self) -> None:
        with suppress(Exception):  # whatever it is, `lost` reports it
            if threads := sum(self._client.nthreads().values()):
                self._threads, self._seen = threads, monotonic()

    def open(self) -> Executor:
        """Return an executor on the cluster."""
        executor: Executor = self._client.get_executor(pure=False)
        return executor

    def close(self) -> None:
        """Leave the cluster."""
        self._client.close(timeout=5)

    def abandon(self) -> None:
        """Leave the cluster; runs it still simulates for us are cancelled."""
        self.close()

    def lost(self) -> str:
        """Return the reason why no more results can come, or an empty text."""
        if self._client.status != "running":
            return "the scheduler does not answer any more"
        self._count()
        return "all workers are gone" if monotonic() - self._seen > PATIENCE_S else ""

    def worker_died(self, error: Exception) -> bool:
        """Return whether Dask has given up a run whose workers died several times: they had other runs as well."""
        return type(error).__name__ == "KilledWorker"


LOGGERS = {"distributed", "tornado"}
"""Libraries whose loggers write to the terminal when a scheduler is gone."""


def _silence() -> None:
    """Silence Dask: failures are reported by us. Some of its loggers have a level of their own."""
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] in LOGGERS]:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
