"""Server of the teaching page."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
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
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Hosts that stand for all addresses of the machine, and its own address for itself."""

UNREACHABLE = ("127.", "169.254.", "::1", "fe80")
"""Beginnings of addresses that other machines can't open."""

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
    left_out = [error.replace(f"{own_lessons}{os.sep}", "") for error in errors]
    stored = None if run_dir is None else StudyRun.stored(Run.load(run_dir))
    chosen = load_study(study) if stored is None else stored.study
    require_port(host, port)
    runs = Runs()
    Session(runs, chosen, _settings(chosen, stored), stored=stored)  # begin to simulate before anybody asks
    app.add_static_files("/look", STATIC)
    app.on_shutdown(runs.close)

    def page() -> None:
        build_page(runs, chosen, lessons, left_out, stored=stored)

    print("\n".join(welcome(host, port)), flush=True)  # noqa: T201
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


def welcome(host: str, port: int, ips: Sequence[str] | None = None) -> list[str]:
    """Return what is said at the start: addresses that a browser can open, and who can.

    Parameters
    ----------
    host, port : str, int
        Address the server listens on.
    ips : sequence of str, optional
        Addresses of this machine; by default those of its network adapters.
    """
    lines = [f"Tieline teaches at {_url(EVERYWHERE.get(host, host), port)} (Ctrl-C ends it)"]
    if host in EVERYWHERE:
        own = [ip for ip in (_ips() if ips is None else ips) if (":" in ip) == (":" in host)]
        others = [_url(ip, port) for ip in own if not ip.startswith(UNREACHABLE)]
        lines.append(f"From other machines: {', '.join(others) or 'this one seems to have no network'}")
    return lines if host in LOOPBACK else [*lines, "Anyone on the network can use it."]


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _ips() -> list[str]:
    """Return the addresses of this machine."""
    from ifaddr import get_adapters  # comes with NiceGUI

    return [ip.ip if isinstance(ip.ip, str) else ip.ip[0] for adapter in get_adapters() for ip in adapter.ips]


def build_page(
    runs: Runs,
    study: Study,
    lessons: dict[str, Lesson],
    left_out: Sequence[str] = (),
    *,
    stored: StudyRun | None = None,
) -> None:
    """Build the page of one browser tab, with a session of its own that ends with it."""
    from nicegui import ui

    ui.add_css(STATIC / "page.css")
    ui.add_body_html(f"<script>{(STATIC / 'page.js').read_text(encoding='utf-8')}</script>")
    session = Session(runs, study, _settings(study, stored), stored=stored)
    ui.context.client.on_delete(session.close)
    wanted: Any = ui.context.client.request
    lesson = str(wanted.query_params.get("lesson", "")) if wanted is not None else ""
    TeachPage(session, lessons, left_out, lesson)


def _settings(study: Study, stored: StudyRun | None) -> Any:
    """Return the settings with which the page opens; beside a stored run, the same with another bid."""
    if stored is None:
        return DEFAULT
    other = "basic" if study.bidding != "basic" else "anm_aware"
    return DEFAULT.model_copy(update={"first": {}, "second": {"bidding": other}})
