"""Threads of numeric libraries: one for each process, where there are several processes."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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
def one_thread_each() -> Iterator[None]:
    """Make processes that are started meanwhile keep their numeric libraries to one thread, and run no script again.

    A process begins by importing what was started as a program, for there could be classes of its own in it; none of
    ours needs it, and a script without ``if __name__ == "__main__"`` would start processes of its own.
    """
    main = sys.modules["__main__"]
    before: dict[str, Any] = {name: vars(main)[name] for name in ("__spec__", "__file__") if name in vars(main)}
    with environment(dict.fromkeys(THREADS, "1")):
        vars(main).update(dict.fromkeys(before))
        try:
            yield
        finally:
            vars(main).update(before)


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
