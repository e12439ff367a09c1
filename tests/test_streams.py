"""Standard streams and Ctrl-C as a shell has them: plain encodings, closed pipes, a full disk, a key pressed early."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cli import FEW, begun, python

COMMAND = (sys.executable, "-m", "experiments")

PRINTING = """
import experiments.__main__ as command_line
from experiments import console

def app():
    console.out.print("operator → main grid: −1.5 ± 0.1, Ωß\\udc80")
    raise SystemExit(0)

command_line.app = app
command_line.main()
"""


def ended(*command, cwd, encoding=None, **options):
    """Run a process to its end; return its status, and what it wrote where that is not redirected."""
    environment = {**os.environ, **({} if encoding is None else {"PYTHONIOENCODING": encoding})}
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, check=False, **given)
    return done.returncode, *((part or b"").decode(encoding or "utf-8") for part in (done.stdout, done.stderr))


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "operator -> main grid: -1.5 +/- 0.1, ???"),
        ("cp1252", "operator -> main grid: -1.5 ± 0.1, ?ß?"),
        ("utf-8", "operator → main grid: −1.5 ± 0.1, Ωß?"),
    ],
)
def test_letters_that_the_terminal_has_not_are_written_plainly(tmp_path, encoding, shown):
    assert ended(sys.executable, "-c", PRINTING, cwd=tmp_path, encoding=encoding) == (0, f"{shown}\n", "")


@pytest.mark.slow
def test_a_run_is_shown_and_written_whatever_letters_there_are(tmp_path):
    chosen = ("--bidding", "basic", "--policy", "none", *FEW, "--out", "größe")
    status, out, err = ended(*COMMAND, "run", "microgrid33", *chosen, cwd=tmp_path, encoding="ascii")
    assert (status, err) == (0, "")
    assert "written to gr??e" in out
    assert (tmp_path / "größe" / "manifest.json").is_file()


def test_a_study_is_shown_with_escapes_so_that_it_can_be_run(tmp_path):
    status, out, _ = ended(
        *COMMAND, "show", "microgrid33", "--set", "description=Größe", cwd=tmp_path, encoding="ascii"
    )
    assert status == 0
    assert yaml.safe_load(out)["description"] == "Größe"


def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.skipif(os.name == "nt", reason="pipes close otherwise there")
@pytest.mark.parametrize("arguments", [("studies",), ("--help",)], ids=" ".join)
def test_a_pipe_that_nobody_reads_ends_it_quietly_as_the_signal_would(tmp_path, arguments):
    pipe = closed_pipe()
    assert ended(*COMMAND, *arguments, cwd=tmp_path, stdout=pipe) == (141, "", "")
    os.close(pipe)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
@pytest.mark.parametrize("arguments", [("studies",), ("--help",)], ids=" ".join)
def test_output_to_a_full_disk_ends_in_one_message(tmp_path, arguments):
    with Path("/dev/full").open("w") as full:
        status, _, err = ended(*COMMAND, *arguments, cwd=tmp_path, stdout=full)
        assert (status, err) == (1, "tieline: standard output can't be written: No space left on device\n")
    if arguments == ("--help",):
        with Path("/dev/full").open("w") as full:
            assert ended(*COMMAND, *arguments, cwd=tmp_path, stdout=full, stderr=full) == (1, "", "")


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise there")
@pytest.mark.parametrize("slow", ["typer", "mesa", "pandapower"])
def test_ctrl_c_while_modules_load_ends_it_quietly(tmp_path, slow):
    """A package that takes long to load, and makes an error of its own of Ctrl-C, as some numeric libraries do.

    pandapower is loaded while the bid is computed already.
    """
    loading = "import time\nprint('loading', flush=True)\ntry:\n    time.sleep(60)\n"
    loading += "except KeyboardInterrupt:\n    raise ImportError('no C extensions')\n"
    (tmp_path / slow).mkdir()
    (tmp_path / slow / "__init__.py").write_text(loading, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    home = Path(__file__).parent.parent
    with begun("run", "microgrid33", "--out", tmp_path / "run", cwd=home, env=environment) as loader:
        assert loader.stdout.readline() == "loading\n"
        loader.send_signal(signal.SIGINT)
        out, err = loader.communicate()
    told = f"stopped; nothing is left of --out {tmp_path / 'run'}\n" if slow == "pandapower" else ""
    assert (loader.returncode, out, err) == (130, "", told)


def test_who_was_given_up_is_not_waited_for_in_the_end(tmp_path):
    script = """
import time
import experiments.__main__ as command_line
from concurrent.futures import ThreadPoolExecutor
from sim.time_limit import NoAnswerError, answer_within, given_up

def app():
    stuck = ThreadPoolExecutor(1).submit(time.sleep, 60)
    while not stuck.running():
        time.sleep(0.01)
    given_up.append(stuck.running)
    try:
        answer_within(0.1, lambda: time.sleep(60))
    except NoAnswerError:
        print("done")
    raise SystemExit(3)

command_line.app = app
command_line.main()
"""
    assert python(script, cwd=tmp_path, timeout_s=40) == (3, "done\n", "")


def test_a_thread_in_compiled_code_does_not_take_the_process_down_in_the_end(tmp_path):
    script = """
import time
from threading import Thread
import highspy
import experiments.__main__ as command_line

def solve():
    solver = highspy.Highs()
    solver.silent()
    while True:
        highspy._core._Highs.run(solver)  # waits for the interpreter where C++ may raise no error

def app():
    Thread(target=solve, daemon=True).start()
    time.sleep(0.2)
    raise KeyboardInterrupt

command_line.app = app
command_line.main()
"""
    assert python(script, cwd=tmp_path, timeout_s=40) == (130, "", "")
