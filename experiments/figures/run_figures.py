"""Figures of a run's folder: every day, all days together, or none."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.connection_figures import connection_figures
from experiments.figures.day import day_figure
from experiments.figures.network import network_figure
from experiments.figures.overview import overview_figure
from experiments.figures.style import save_figure
from sim.audit import AuditReport
from sim.errors import StudyError
from sim.instance import Instance

CHOICES = ("daily", "overview", "none")
"""Choices of figures of a run."""

DAILY_MOST = 7
"""Largest number of days with a figure each by default: drawing them takes as long as simulating them."""


def chosen_figures(asked: str | None, days: int) -> str:
    """Return the choice of figures: the one asked for, or the one that suits the number of days.

    Raises
    ------
    StudyError
        If there is no such choice.
    """
    if asked is None:
        return "daily" if days <= DAILY_MOST else "overview"
    if asked not in CHOICES:
        raise StudyError(f"--figures {asked}: use {', '.join(CHOICES[:-1])} or {CHOICES[-1]}")
    return asked


def draw_run(
    folder: Path, instance: Instance, tables: Mapping[str, pd.DataFrame], verdict: AuditReport, *, choice: str
) -> list[str]:
    """Draw a run and return the names of its figures, each a PNG and an SVG file.

    Parameters
    ----------
    folder : Path
        The folder they are written to.
    instance : Instance
        The instance that was run.
    tables : mapping of str to DataFrame
        The ledger of the run.
    verdict : AuditReport
        The audit of the run.
    choice : {"daily", "overview", "none"}
        A figure of every day, and where there are several days one of all of them; only that one (of a single day,
        the day); or nothing.
    """
    names = []
    for name, figure in _figures(instance, tables, verdict, choice):
        save_figure(figure, folder, name)
        names.append(name)
    return names


def _figures(
    instance: Instance, tables: Mapping[str, pd.DataFrame], verdict: AuditReport, choice: str
) -> Iterator[tuple[str, Figure]]:
    """Yield figures by name, one after the other, so that only one is held."""
    if choice == "none":
        return
    document: dict[str, Any] = instance.study.model_dump(mode="json")
    days = instance.study.days
    if days > 1:
        yield "overview", overview_figure(tables, document, verdict=verdict)
    for day in range(1, days + 1) if choice == "daily" or days == 1 else ():
        prefix = "" if days == 1 else f"day{day}_"
        yield prefix.removesuffix("_") or "day", day_figure(tables, document, day=day, verdict=verdict)
        for name, figure in connection_figures(tables, instance, day=day):
            yield f"{prefix}{name}", figure
    yield "network", network_figure(instance.grid)
