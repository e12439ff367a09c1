"""The command line run as a process of its own or in this one, and the form of its error messages.

Tests of exit status and streams as a shell sees them run it as a process (some four seconds of start-up each);
all others run in this one.
"""

import os
import signal
import subprocess
import sys

from typer.testing import CliRunner

import experiments.__main__ as command_line

FEW = ("--scenarios", "30", "--keep", "2")
FAST = (*FEW, "--policy", "myopic")

QUICK = {"bidding": "basic", "policy": "none", "scenarios": 4, "keep": 2}
OPTIONS = [word for name, value in QUICK.items() for word in (f"--{name}", str(value))]
"""Options with which a day takes a fifth of a second, of `tieline.run` and of the command line."""

LONG = "long" * 10_000
"""What a message must not repeat in full."""


def process(*arguments, cwd):
    """Run the command line as a process of its own."""
    command = [sys.executable, "-m", "experiments", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)


def python(code, *, cwd=None, timeout_s=None, **environment):
    """Run some lines of Python as a process of their own; return status, standard output and error."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=os.environ | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    return done.returncode, done.stdout, done.stderr


def hear_ctrl_c():
    """Undo what a shell does to a command in the background, these tests for one: it has that ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begun(*arguments, **options):
    """Begin the command line as a process of its own that hears Ctrl-C; return it with pipes for its streams."""
    command = [sys.executable, "-m", "experiments", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    return subprocess.Popen(command, **pipes, preexec_fn=hear_ctrl_c, **options)


def accepted(*arguments):
    """Run the command line in this process; return what it prints when it ends with status 0."""
    done = CliRunner().invoke(command_line.app, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    return done.stdout


def assert_one_message(err):
    assert "Traceback" not in err
    assert err.startswith("tieline: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
