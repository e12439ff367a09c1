"""Threads of numeric libraries: one for each process, where there are several processes."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

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
    """Make processes that are started meanwhile keep their numeric libraries to one thread."""
    with environment(dict.fromkeys(THREADS, "1")):
        yield


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
