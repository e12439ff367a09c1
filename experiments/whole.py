"""Folders and files written whole or not at all: under a hidden name by one process, then renamed."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from experiments import console
from sim.errors import StudyError

MANIFEST = "manifest.json"
"""Name of the file written last into a folder, which marks it as complete."""

LOCK, UNFINISHED = "lock", "unfinished"

DAYS = "days"
"""Name of the folder of a run's finished days in its draft: a draft that has one is kept, for the run to go on."""

REMEDY = "choose a folder with --out, or mend its permissions"


class TakenError(StudyError):
    """A file or folder of that name exists already, or another process is writing it."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A folder or file that is being written.

    Attributes
    ----------
    path : Path
        Hidden name under which it is written.
    target : Path
        Final name once it is complete.
    """

    path: Path
    target: Path

    @property
    def is_inside(self) -> bool:
        """True if the target is an empty folder that was there, perhaps a mount point: it is filled from within."""
        return self.path.parent == self.target

    @property
    def days(self) -> int:
        """Number of finished days in the draft of a long run, 0 for all else."""
        return sum(day.is_dir() for day in (self.path / DAYS).glob("[0-9]*"))

    @property
    def left(self) -> str:
        """Remains of an interruption, in words."""
        if not self.days:
            return "nothing is left of it"
        return f"finished days are kept ({self.days}), and --resume goes on after them"

    def publish(self) -> None:
        """Give it its own name; nothing is overwritten, and a manifest comes last."""
        if self.is_inside:
            for path in sorted(self.path.iterdir(), key=lambda one: (one.name == MANIFEST, one.name)):
                path.rename(self.target / path.name)
            self.path.rmdir()
        elif self.path.is_dir() or not self.target.exists():
            self.path.rename(self.target)  # a folder is never renamed onto one that holds something
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.target))

    def remove(self) -> None:
        """Remove what is written so far."""
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)


def new_folder(target: Path, *, resume: bool = False) -> AbstractContextManager[Path]:
    """Make a folder: write to the path that is yielded; in the end it has its own name, or nothing is left of it.

    Of a draft with finished `DAYS` of a run nothing is lost: it stays if the run ends early.

    Parameters
    ----------
    target : Path
        The folder, which must not exist, or be empty.
    resume : bool
        Whether to go on with the finished days of a run that ended early, if there are any.

    Raises
    ------
    StudyError
        If it holds something, another process is about to write it, it can't be written, or there are finished days
        that are not to be resumed.
    """
    return _draft(target, f"--out {target}", "folder", resume=resume)


def new_file(target: Path, *, name: str = "") -> AbstractContextManager[Path]:
    """Make a file in the same way.

    Parameters
    ----------
    target : Path
        The file, which must not exist.
    name : str
        Name in messages, such as ``--out FILE``; by default the path.

    Raises
    ------
    StudyError
        If it exists, another process is about to write it, or it can't be written.
    """
    return _draft(target, name or str(target), "file")


@contextmanager
def _draft(target: Path, name: str, kind: str, *, resume: bool = False) -> Iterator[Path]:
    inside = kind == "folder" and target.is_dir()
    lock, path = (
        target / f".{end}" if inside else target.with_name(f".{target.name}.{end}") for end in (LOCK, UNFINISHED)
    )
    draft = Draft(path=path, target=target)
    _require_free(draft, name, kind)
    with _parents(target if kind == "folder" else None, name), _locked(lock, name, kind):
        try:
            with told(name, lambda: draft.left):
                _take_over(draft, name, kind, resume=resume)
                yield path
                draft.publish()
        except KeyboardInterrupt:
            left = f"{name}: {draft.left}" if draft.days else f"nothing is left of {name}"
            console.err.print(f"stopped; {left}", markup=False, soft_wrap=True)
            raise
        finally:
            with suppress(OSError):
                if not draft.days:
                    draft.remove()


@contextmanager
def _parents(folder: Path | None, name: str) -> Iterator[None]:
    """Make the folders above one; those that were not there go again if nothing is put into them."""
    above = [] if folder is None else [path for path in folder.parents if not path.exists()]
    try:
        if folder is not None:
            with told(name, REMEDY):
                folder.parent.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in above:
            with suppress(OSError):
                path.rmdir()


@contextmanager
def _locked(path: Path, name: str, kind: str) -> Iterator[None]:
    """Keep other processes from writing the same; the lock goes with the process, however that ends."""
    lock = FileLock(path)
    with told(name, REMEDY):
        path.parent.stat()  # some versions of the lock would make it
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise TakenError(f"{name}: another process is writing it; wait for it, or give another {kind}") from None
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)  # while it is held: who waits for this file finds that it is gone
        lock.release()


def _take_over(draft: Draft, name: str, kind: str, *, resume: bool) -> None:
    """Remove an unfinished draft that a killed process left; put in place one that it had finished."""
    if (draft.path / MANIFEST).is_file():
        draft.publish()
        console.err.print(f"{name}: put in place what a killed run had finished", markup=False, soft_wrap=True)
    elif draft.days and resume:
        return
    elif draft.days:
        raise TakenError(
            f"{name}: finished days of a run that ended early are there ({draft.days}); go on after them with"
            f" --resume, or remove {draft.path}"
        )
    elif draft.path.exists():
        draft.remove()
        console.err.print(f"removed {draft.path}, which a killed run left", markup=False, soft_wrap=True)
    _require_free(draft, name, kind)
    if kind == "folder":
        draft.path.mkdir()
    else:
        draft.path.touch()


def _require_free(draft: Draft, name: str, kind: str) -> None:
    """Refuse a target that holds something which no killed process was about to put there."""
    taken = draft.target.exists()
    if draft.is_inside:
        own = {f".{LOCK}", draft.path.name}
        taken = not (draft.path / MANIFEST).is_file() and any(one.name not in own for one in draft.target.iterdir())
    if taken:
        raise TakenError(f"{name}: exists already; nothing is overwritten, give another {kind}")


@contextmanager
def told(name: str, remedy: str | Callable[[], str]) -> Iterator[None]:
    """Turn errors of writing into one message: name, cause and remedy.

    Parameters
    ----------
    name : str
        Name of the file or folder, such as ``--out FOLDER``.
    remedy : str or callable
        Remedy, or the state that is left, or what returns it.

    Raises
    ------
    StudyError
        In place of an error of the system.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        left = remedy if isinstance(remedy, str) else remedy()
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StudyError(f"{name}: the disk is full; {left}; free some space first") from error
        raise StudyError(f"{name}: can't be written ({error.strerror or error}); {left}") from error


def open_folder(folder: Path) -> Path:
    """Return a folder to write to, made if it is not there; its contents may stay.

    Raises
    ------
    StudyError
        If it can't be made or written to.
    """
    with told(f"--out {folder}", REMEDY):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    return folder


def write_whole(path: Path, content: bytes, *, by_way_of: Path | None = None) -> None:
    """Write a file under another name first: under its own there is never half of one.

    Parameters
    ----------
    path : Path
        The file; it is replaced if it is there.
    content : bytes
        Contents.
    by_way_of : Path, optional
        Folder on the same disk for unfinished files; by default that of the file.
    """
    folder = by_way_of or path.parent
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{path.name}.{os.getpid()}.tmp"
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
