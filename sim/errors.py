"""Errors a user can mend: one clear message, never a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral

from grids.documents import DocumentError, in_short
from grids.errors import TielineError


class StudyError(TielineError, ValueError):
    """A study can't be run as written; the message names the field and the remedy."""


def require_whole(name: str, value: object, least: int = 1) -> None:
    """Refuse what is no whole number, or less than `least`.

    Raises
    ------
    StudyError
        If it is; the message begins with `name`.
    """
    if not isinstance(value, Integral) or value < least:
        raise StudyError(f"{name} {in_short(value)}: give a whole number, {least} or more")


@contextmanager
def reading(what: object, remedy: str) -> Iterator[None]:
    """Turn an error of reading a file into a message that names the file and the remedy.

    Parameters
    ----------
    what : Path or str
        The file, or the field that names it and the file.
    remedy : str
        Remedy for the message.

    Raises
    ------
    StudyError
        If the file is missing, can't be opened, or is not what it is read as.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise StudyError(f"{what}: can't be read, it is missing; {remedy}") from error
    except OSError as error:
        raise StudyError(f"{what}: can't be read ({error.strerror}); {remedy}") from error
    except DocumentError as error:
        raise StudyError(f"{what}: can't be read, it {error}; {remedy}") from None
