"""Engines, and that on processes of this machine.

Each gives a ``concurrent.futures`` executor, and another when that one breaks.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol


class Engine(Protocol):
    """Engine that does pieces of work.

    Attributes
    ----------
    name : str
        Name in messages.
    workers : int
        Number of pieces of work done at a time.
    """

    name: str

    @property
    def workers(self) -> int:
        """Number of pieces of work done at a time."""

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


class ThisProcess(Executor):
    """Executor that does everything here and at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do a call; an error of it is raised at once."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class LocalProcesses:
    """Processes of this machine, one thread each, that end with the one that started them.

    Parameters
    ----------
    workers : int
        Number of processes.
    """

    def __init__(self, workers: int) -> None:
        self.name, self.workers = f"{workers} process{'es' if workers > 1 else ''}", workers
        self._pool: ProcessPoolExecutor | None = None

    def open(self) -> Executor:
        """Return a pool of fresh processes."""
        self.abandon()
        context = multiprocessing.get_context("spawn")
        self._pool = _Pool(self.workers, context, initializer=_begin)
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
        """Return False: a broken pool raises an error for all its work."""
        return False


class _Pool(ProcessPoolExecutor):
    """A pool whose processes keep their numeric libraries to one thread, never get a Ctrl-C, and run no script again.

    No Ctrl-C even while they start: they inherit that it is held back.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a call; processes are started here."""
        with environment(dict.fromkeys(THREADS, "1")), _ctrl_c_held_back(), _script_hidden():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def _script_hidden() -> Iterator[None]:
    """Keep processes that are started meanwhile from importing what was started as a program.

    Python does so for classes that may be in it, and none of ours is; a user's script that does not ask for
    ``__name__ == "__main__"`` would start processes of its own.
    """
    main = vars(sys.modules["__main__"])
    before: dict[str, Any] = {name: main[name] for name in ("__spec__", "__file__") if name in main}
    main.update(dict.fromkeys(before))
    try:
        yield
    finally:
        main.update(before)


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Environment variables that limit the threads of numeric libraries."""


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Give processes that are started meanwhile some variables in their environment."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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
