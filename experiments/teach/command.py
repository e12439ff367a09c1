"""Command ``tieline teach``: the page, or a lesson to print."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from experiments.console import echo
from experiments.teach.handout import write_handout
from sim.errors import StudyError


def teach(
    run_dir: Path | None,
    *,
    port: int,
    host: str,
    study: str,
    own_lessons: Path | None,
    handout: str | None,
    out: Path | None,
) -> None:
    """Serve the page until Ctrl-C, or write a lesson to print.

    Raises
    ------
    StudyError
        If the page's libraries are not installed, the port is in use, or something given is wrong.
    """
    if handout is not None:
        echo(f"wrote {write_handout(handout, out or Path(f'{handout}.html'), own_lessons)}")
        return
    if out is not None:
        raise StudyError("--out: goes with --handout NAME, the lesson to print")
    if find_spec("nicegui") is None:
        raise StudyError("teach: NiceGUI is not installed; pip install 'tieline[teach]' installs it")
    from experiments.teach.server import serve

    serve(host=host, port=port, study=study, run_dir=run_dir, own_lessons=own_lessons)
