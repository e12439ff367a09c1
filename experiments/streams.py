"""Standard streams and Ctrl-C in hard cases: plain encodings, closed pipes, a full disk, a key pressed early.

Only the standard library is imported, so that this module is ready before any import that takes time.
"""

import atexit
import codecs
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from threading import enumerate as threads
from typing import NoReturn

INTERRUPTED, PIPE_CLOSED, UNWRITABLE = 130, 141, 1
"""Exit status after Ctrl-C and after a closed pipe, as a shell has them (128 and the signal), and of a full disk."""

PLAIN = {
    **{"→": "->", "−": "-", "–": "-", "—": "-", "±": "+/-", "×": "x", "·": ".", "…": "...", "≤": "<=", "≥": ">="},
    **{"°": " deg", "²": "2", "Δ": "d", "α": "alpha", "β": "beta", "γ": "gamma", "λ": "lambda", "π": "pi", "ρ": "rho"},
}
"""Replacements of letters that an encoding lacks; any other becomes a question mark."""

SHOW_CURSOR = b"\x1b[?25h"


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


codecs.register_error("tieline.plain", _plain)


def write_plainly() -> None:
    """Replace letters that the terminal's encoding lacks by plain ones, so that no output fails for an arrow."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="tieline.plain")


def can_write(text: str) -> bool:
    """Return whether standard output has all letters of a text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def interruptible_at_once() -> Iterator[None]:
    """Have Ctrl-C end the process at once: a library that is being imported may turn it into another error."""
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_: object) -> NoReturn:
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(sys.stderr.fileno(), SHOW_CURSOR + b"\n")
    _end_process(INTERRUPTED)


def _end_process(status: int) -> NoReturn:
    """End the process without waiting for its threads, and end the processes it has started."""
    with suppress(BaseException):
        started = sys.modules.get("multiprocessing.process")
        for child in started.active_children() if started else ():
            child.kill()  # or they are waited for
        atexit._run_exitfuncs()  # semaphores that a library made; their keeper complains about them otherwise
    os._exit(status)


def unwritten(*, probe: str = "") -> OSError | None:
    """Return the error of standard output if it can't be written; unwritten output is dropped then.

    Parameters
    ----------
    probe : str
        Text to be written as a test: earlier failures are not kept, and writing nothing never fails.
    """
    failure = None
    for stream in (sys.stderr, sys.stdout):
        try:
            if stream is not None:
                stream.write(probe if stream is sys.stdout else "")
                stream.flush()
        except OSError as error:
            failure = error if stream is sys.stdout else failure
            with suppress(OSError):  # or the interpreter complains about it in the end
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return failure


def leave(status: int, failure: OSError | None = None) -> NoReturn:
    """End the process; without waiting for a thread that imports a library, or for an agent that was given up.

    An interpreter that ends by itself stops daemon threads wherever they are; in compiled code they take the process
    down with them ("FATAL: exception not rethrown").

    Parameters
    ----------
    status : int
        Exit status, if standard output can be written.
    failure : OSError, optional
        The error if it can't.

    Raises
    ------
    SystemExit
        In all other cases.
    """
    failure = failure or unwritten()
    if isinstance(failure, BrokenPipeError):
        status = PIPE_CLOSED
    elif failure is not None:
        say(f"standard output can't be written: {failure.strerror}")
        status = UNWRITABLE
    time_limit = sys.modules.get("sim.time_limit")
    at_work = time_limit is not None and time_limit.somebody_is_at_work()
    if at_work or any(thread.daemon for thread in threads() if thread is not main_thread()):
        unwritten()
        _end_process(status)
    raise SystemExit(status)


def say(message: str) -> None:
    """Print one message on standard error."""
    with suppress(OSError):
        print(f"tieline: {message}", file=sys.stderr, flush=True)  # noqa: T201
