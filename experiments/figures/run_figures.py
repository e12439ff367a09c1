"""Figures of a run by name, and those of its folder: every day, all days together, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.cars import cars_figure
from experiments.figures.connection_day import ConnectionDay
from experiments.figures.day import day_figure
from experiments.figures.devices import devices_figure
from experiments.figures.exchange import exchange_figure
from experiments.figures.heat import heat_connections, heat_figure
from experiments.figures.network import network_figure
from experiments.figures.overview import overview_figure
from experiments.figures.slides import panel_names, slide_of
from experiments.figures.style import save_figure
from grids.documents import in_short
from sim.errors import StudyError
from sim.instance import Instance

if TYPE_CHECKING:
    from experiments.simulate import Run

CONNECTION_FIGURES: dict[str, Callable[[ConnectionDay], Figure]] = {
    "exchange": exchange_figure,
    "devices": devices_figure,
    "cars": cars_figure,
    "heat": heat_figure,
}
"""Functions that draw a day of microgrids and fleets of cars, by the name of the figure."""


def connection_figure_names(tables: Mapping[str, pd.DataFrame], instance: Instance, *, day: int = 1) -> list[str]:
    """Return the names of the figures of microgrids and cars that there is something to show in on a day."""
    if not instance.grid.connections or not (tables["trades"]["day"] == day).any():
        return []
    cars = any(connection.microgrid.ev for connection in instance.grid.connections)
    there = {"cars": cars, "heat": bool(heat_connections(instance))}
    return [name for name in CONNECTION_FIGURES if there.get(name, True)]


def draw_run(folder: Path, run: Run, choice: str) -> list[str]:
    """Draw a run and return the names of its figures, each a PNG and an SVG file.

    Parameters
    ----------
    folder : Path
        The folder they are written to.
    run : Run
        The run.
    choice : {"daily", "overview"}
        A figure of every day, and where there are several days one of all of them; or only that one (of a single day,
        the day).
    """
    drawn = []
    for name, day in _chosen(run, choice):
        file = file_name(name, run, day)
        save_figure(run_figure(name, run, day=day), folder, file)
        drawn.append(file)
    return drawn


def _chosen(run: Run, choice: str) -> Iterator[tuple[str, int]]:
    """Yield the names of the figures that are drawn, each with its day."""
    days = run.study.days
    if days > 1:
        yield "overview", 1
    for day in range(1, days + 1) if choice == "daily" or days == 1 else ():
        for name in ("day", *connection_figure_names(run.tables, run.instance, day=day)):
            yield name, day
    yield "network", 1


def file_name(name: str, run: Run, day: int) -> str:
    """Return the name of the file of a figure: with the day in front where the run has several."""
    if run.study.days == 1 or name in {"overview", "network"}:
        return name
    return f"day{day}" if name == "day" else f"day{day}_{name}"


def draw_again(run: Run, folder: Path, names: Sequence[str], *, day: int, slides: bool) -> list[Path]:
    """Draw figures of a stored run into a folder, as pages or panel by panel as slides; return the files.

    Parameters
    ----------
    run : Run
        The run.
    folder : Path
        Folder they are written to; files of the same names are replaced.
    names : sequence of str
        Names out of `figure_names`; none: all.
    day : int
        Market day, counted from 1.
    slides : bool
        Whether every panel becomes a 16:9 slide, 1920 by 1080 dots.
    """
    files = []
    for name in names or figure_names(run):
        page, file = run_figure(name, run, day=day), file_name(name, run, day)
        panels = panel_names(page) if slides else []
        for panel in panels:
            slide = slide_of(run_figure(name, run, day=day), panel)
            named = file if len(panels) == 1 else f"{file}_{panel}"
            files += save_figure(slide, folder, named, dpi=1920 / slide.get_figwidth())
        if not slides:
            files += save_figure(page, folder, file)
    return files


def figure_names(run: Run) -> list[str]:
    """Return the names of the figures that there are of a run."""
    connections = connection_figure_names(run.tables, run.instance)
    return ["day", *connections, *(["overview"] if run.study.days > 1 else []), "network"]


def run_figure(name: str, run: Run, *, day: int = 1) -> Figure:
    """Return a figure of a run.

    Parameters
    ----------
    name : str
        One of `figure_names`.
    run : Run
        The run.
    day : int
        Market day, counted from 1.

    Raises
    ------
    StudyError
        If the run has no such figure or day.
    """
    known = figure_names(run)
    if name not in known:
        raise StudyError(f"figure {in_short(name)}: use {', '.join(known[:-1])} or {known[-1]}")
    if not isinstance(day, int) or not 1 <= day <= run.study.days:
        raise StudyError(f"day {in_short(day)}: the run has day 1" + f" to {run.study.days}" * (run.study.days > 1))
    if name == "network":
        return network_figure(run.instance.grid)
    if name in CONNECTION_FIGURES:
        return CONNECTION_FIGURES[name](ConnectionDay(run.tables, run.instance, day))
    document: dict[str, Any] = run.study.model_dump(mode="json")
    if name == "overview":
        return overview_figure(run.tables, document, verdict=run.audit())
    return day_figure(run.tables, document, day=day, verdict=run.audit())
