"""Folders and files that are there whole or not at all: two at once, killed, interrupted, a full disk."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from cli import FEW, assert_one_message, begun, process

from experiments.whole import MANIFEST, TakenError, new_file, new_folder
from sim.errors import StudyError

pytestmark = pytest.mark.usefixtures("in_own_folder")

TINY = ("run", "microgrid33", "--bidding", "basic", "--policy", "none", *FEW, "--out", "one")

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")


def fill(path):
    """Write what stands for a run: some files, the manifest last."""
    (path / "tables").mkdir()
    for name in ("tables/a", "summary.json", MANIFEST):
        (path / name).write_text(name)


def make(target, write=fill):
    """Make a folder and return what it holds."""
    with new_folder(target) as path:
        write(path)
    return sorted(file.relative_to(target).as_posix() for file in target.rglob("*"))


WHOLE = [MANIFEST, "summary.json", "tables", "tables/a"]


def test_a_folder_has_its_name_only_once_it_is_whole(tmp_path):
    with new_folder(tmp_path / "deep" / "one") as path:
        fill(path)
        assert path.name.startswith(".")
        assert not (tmp_path / "deep" / "one").exists()
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["one"]


def test_an_empty_folder_will_do_and_is_filled_from_within(tmp_path):
    (tmp_path / "empty").mkdir()
    inode = (tmp_path / "empty").stat().st_ino
    assert make(tmp_path / "empty") == WHOLE
    assert (tmp_path / "empty").stat().st_ino == inode  # it may be a mount point, or somebody's working directory


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    with new_file(tmp_path / "one.json") as path:
        path.write_text("whole")
        assert not (tmp_path / "one.json").exists()
        with pytest.raises(StudyError, match="another process is writing it"), new_file(tmp_path / "one.json"):
            pass
    with pytest.raises(StudyError, match="exists already"), new_file(tmp_path / "one.json"):
        pass
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("one.json", "whole")]


@pytest.mark.parametrize("error", [StudyError("the network would collapse"), OSError(28, "No space left on device")])
def test_nothing_is_left_of_what_failed(tmp_path, error):
    def fail(path):
        fill(path)
        raise error

    with pytest.raises(StudyError, match=r"would collapse|^--out .*one: the disk is full; nothing is left of it"):
        make(tmp_path / "deep" / "one", fail)
    assert not [*tmp_path.iterdir()]


def test_what_somebody_else_puts_there_in_the_meantime_stays(tmp_path):
    def meanwhile(path):
        fill(path)
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "precious").touch()

    with pytest.raises(StudyError, match=r"--out .*one: can't be written"):
        make(tmp_path / "one", meanwhile)
    assert [file.name for file in tmp_path.rglob("*")] == ["one", "precious"]


# ---- killed ----------------------------------------------------------------------------------------------------


def killed_at(moment, target):
    """Make a folder in a process that is killed at one of its changes to the disk; return whether it got so far."""
    child = os.fork()
    if child == 0:
        left = [moment]

        def dying(original):
            def step(*given, **named):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*given, **named)

            return step

        try:
            for name in ("mkdir", "rename", "rmdir", "unlink", "write_text"):
                setattr(Path, name, dying(getattr(Path, name)))
            make(target)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@needs_fork
@pytest.mark.parametrize("empty", [False, True], ids=["new", "empty"])
def test_killed_at_any_moment_it_leaves_nothing_that_looks_finished_and_is_in_nobodys_way(tmp_path, empty, capsys):
    told = set()
    for moment in count(1):
        target = tmp_path / str(moment) / "one"
        target.parent.mkdir()
        if empty:
            target.mkdir()
        if not killed_at(moment, target):
            break
        whole = (target / MANIFEST).is_file()
        if whole:
            assert {*WHOLE} <= {file.relative_to(target).as_posix() for file in target.rglob("*")}
        with suppress(TakenError):  # it may have been whole when it was killed
            make(target)
        files = {file.relative_to(target).as_posix() for file in target.rglob("*") if not file.name.startswith(".")}
        assert files == {*WHOLE}
        assert {file.name for file in target.parent.iterdir()} - {".one.lock"} == {"one"}
        told |= {line.split(" ")[0] for line in capsys.readouterr().err.splitlines()}
    assert moment > 8
    assert told == {"removed", "--out"}  # what a killed run left, and what it had finished


@needs_fork
def test_a_killed_run_keeps_no_lock(tmp_path):
    script = "import sys, time\nfrom pathlib import Path\nfrom experiments.whole import new_folder\n" + (
        "with new_folder(Path('one')):\n    print('writing', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=tmp_path)
    assert holder.stdout.readline() == b"writing\n"
    with pytest.raises(StudyError, match="another process is writing it; wait for it, or give another folder"):
        make(Path("one"))
    holder.kill()
    holder.wait()
    assert make(Path("one")) == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


# ---- the commands ------------------------------------------------------------------------------------------------


def with_folder(cwd, folder):
    """Begin a run as a process of its own; return it when it has its folder."""
    run = begun(*TINY, cwd=cwd)
    while not folder.exists() and run.poll() is None:
        time.sleep(0.02)
    return run


@pytest.mark.slow
@needs_fork
def test_of_two_runs_into_one_folder_one_is_refused_and_the_other_written(tmp_path):
    first = with_folder(tmp_path, tmp_path / ".one.unfinished")
    os.kill(first.pid, signal.SIGSTOP)  # so that it does not finish before the other begins
    second = process(*TINY, cwd=tmp_path)
    os.kill(first.pid, signal.SIGCONT)
    out, _ = first.communicate()
    assert (first.returncode, second.returncode, second.stdout) == (0, 2, "")
    assert "written to one" in out
    assert_one_message(second.stderr)
    assert "another process is writing it" in second.stderr
    assert process("audit", "one", cwd=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.slow
@needs_fork
def test_an_interrupted_run_leaves_nothing_and_says_so(tmp_path):
    run = with_folder(tmp_path, tmp_path / ".one.unfinished")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate()
    assert (run.returncode, out, err) == (130, "", "stopped; nothing is left of --out one\n")
    assert not [*tmp_path.iterdir()]


FULL = {
    "run": (0, TINY),
    "train": (
        254,
        ("train", "microgrid33", "--samples", "4", "--rounds", "1", "--set", "bidding=basic", "--out", "one"),
    ),
    "new": (254, ("new", "one.yaml")),
    "sweep": (252, ("sweep", "what_matters", "--out", "one")),
    "reproduce": (200, ("reproduce", "fig4", "--quick", "--out", "one")),
}
"""Commands that are run on a disk of a quarter of a megabyte, and the KiB of it that are taken."""


@pytest.mark.parametrize("command", FULL)
def test_a_full_disk_is_told_in_one_message_and_no_stub_is_left(small_disk, refused, command):
    taken, arguments = FULL[command]
    (small_disk / "full").write_bytes(b"x" * 1024 * taken)
    assert "the disk is full" in refused(*arguments[:-1], small_disk / arguments[-1])
    left = {path for path in small_disk.rglob("*") if path.is_file()} - {small_disk / "full"}
    if command in ("run", "train", "new"):
        assert not left
    assert not [path for path in left if path.name != ".lock" and path.stat().st_size == 0]
