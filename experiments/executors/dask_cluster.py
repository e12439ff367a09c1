"""Engine on the workers of a Dask scheduler, and the check that they have our versions."""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from time import monotonic
from typing import Any

from experiments.provenance import differences, provenance
from sim.errors import StudyError

PATIENCE_S = 30.0
"""Time to wait for a scheduler, for its first worker, or for another when the last one is gone. [s]"""


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
        """Number of pieces of work done at a time, by all workers there are now, or were at the last answer."""
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
        """Leave the cluster; work it still does for us is cancelled."""
        self._client.close(timeout=5)

    abandon = close

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


class OtherVersionsError(StudyError):
    """Error of a worker that has other versions than the one that asks it."""


def require_same(expected: Mapping[str, str], worker: str) -> None:
    """Refuse to work with versions other than those expected: figures could differ.

    Raises
    ------
    OtherVersionsError
        If there are any; the message names them, and the worker.
    """
    if different := differences(expected):
        raise OtherVersionsError(f"worker {worker} has {different}")


class SameVersions(Executor):
    """An executor whose workers must have our versions."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self._versions = executor, provenance()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a call."""
        return self._executor.submit(_checked, self._versions, fn, *args, **kwargs)


def _checked(versions: Mapping[str, str], function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    require_same(versions, f"{socket.gethostname()}:{os.getpid()}")
    return function(*args, **kwargs)
