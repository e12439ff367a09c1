"""Drawing of a run's figures, in a process of its own while this one simulates."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from experiments.executors.engines import LocalProcesses
from experiments.executors.workers import opened

FIGURES = "experiments.figures.run_figures"


class Drawing:
    """Drawing in another process; here, if there is none or it dies.

    Parameters
    ----------
    process : Executor or None
        The process.
    """

    def __init__(self, process: Executor | None = None) -> None:
        self._process = process

    def start(self, function: str, *arguments: Any) -> Callable[[], Any]:
        """Have a function of :mod:`experiments.figures.run_figures` called; return what waits for its result."""
        here = partial(_draw, function, *arguments)
        if self._process is None:
            return here
        try:
            future = self._process.submit(_draw, function, *arguments)
        except BrokenExecutor:
            return here

        def result() -> Any:
            try:
                return future.result()
            except BrokenExecutor:
                return here()

        return result


@contextmanager
def drawing_process(*, wanted: bool) -> Iterator[Drawing]:
    """Yield the drawing, whose process imports matplotlib at once; here, if this process has done so or has one core.

    Parameters
    ----------
    wanted : bool
        Whether there will be anything to draw.
    """
    if not wanted or FIGURES in sys.modules or os.cpu_count() == 1:
        yield Drawing()
        return
    with opened(LocalProcesses(1)) as process:
        process.submit(_prepare)
        yield Drawing(process)


def _prepare() -> None:
    import_module(FIGURES)


def _draw(function: str, *arguments: Any) -> Any:
    return getattr(import_module(FIGURES), function)(*arguments)
