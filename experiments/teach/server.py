"""Server of the teaching page."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any

from experiments.catalog import load_study
from experiments.simulate import Run
from experiments.streams import say
from experiments.teach.lesson import Lesson, read_lessons
from experiments.teach.page import TeachPage
from experiments.teach.runs import Runs, StudyRun
from experiments.teach.session import DEFAULT, Session
from sim.errors import StudyError
from sim.study import Study

STATIC = Path(__file__).parent / "static"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

RECONNECT_S = 20.0
"""Time for which a browser that was cut off, or a machine that is busy, keeps its session. [s]"""


def require_port(host: str, port: int) -> None:
    """Refuse a port that is in use, or a host that is none of this machine.

    Raises
    ------
    StudyError
        If the server could not listen there.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            message = f"--host {host}: is no address of this machine; use 127.0.0.1, or 0.0.0.0 for all"
        else:
            other = port % 60000 + 1
            message = (
                f"--port {port}: can't listen on {host} ({error.strerror}); choose another, such as --port {other}"
            )
        raise StudyError(message) from None


def serve(*, host: str, port: int, study: str, run_dir: Path | None, own_lessons: Path | None) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    host, port : str, int
        Address to listen on.
    study : str
        Study that is shown first.
    run_dir : Path, optional
        Folder of a run to replay.
    own_lessons : Path, optional
        Folder with further lessons.

    Raises
    ------
    StudyError
        If study, run or lessons can't be used, or the port is in use.
    """
    from nicegui import app, ui

    lessons, errors = read_lessons(own_lessons)
    for error in errors:
        say(f"this lesson is left out: {error}")
    stored = None if run_dir is None else StudyRun.stored(Run.load(run_dir))
    chosen = load_study(study) if stored is None else stored.study
    require_port(host, port)
    runs = Runs()
    Session(runs, chosen, _settings(chosen, stored), stored=stored)  # begin to simulate before anybody asks
    app.add_static_files("/look", STATIC)
    app.on_shutdown(runs.close)

    def page() -> None:
        build_page(runs, chosen, lessons, stored=stored)

    shown_host = f"[{host}]" if ":" in host else host
    print(f"Tieline teaches at http://{shown_host}:{port}/ (Ctrl-C ends it)", flush=True)  # noqa: T201
    if host not in LOOPBACK:
        print("Anyone on the network can use it.", flush=True)  # noqa: T201
    ui.run(
        page,
        host=host,
        port=port,
        title="Tieline",
        reload=False,
        show=False,
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_S,
        ws_per_message_deflate=False,  # it takes more time than it saves on a local network
        favicon="⚡",
    )


def build_page(runs: Runs, study: Study, lessons: dict[str, Lesson], *, stored: StudyRun | None = None) -> None:
    """Build the page of one browser tab, with a session of its own that ends with it."""
    from nicegui import ui

    ui.add_css(STATIC / "page.css")
    ui.add_body_html(f"<script>{(STATIC / 'keys.js').read_text(encoding='utf-8')}</script>")
    session = Session(runs, study, _settings(study, stored), stored=stored)
    ui.context.client.on_delete(session.close)
    wanted: Any = ui.context.client.request
    TeachPage(session, lessons, str(wanted.query_params.get("lesson", "")) if wanted is not None else "")


def _settings(study: Study, stored: StudyRun | None) -> Any:
    """Return the settings with which the page opens; beside a stored run, the same with another bid."""
    if stored is None:
        return DEFAULT
    other = "basic" if study.bidding != "basic" else "anm_aware"
    return DEFAULT.model_copy(update={"first": {}, "second": {"bidding": other}})
