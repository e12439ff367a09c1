"""Figures of the microgrids and fleets of cars of a run."""

from collections.abc import Callable, Iterator, Mapping

import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.cars import cars_figure
from experiments.figures.devices import devices_figure
from experiments.figures.exchange import exchange_figure
from experiments.figures.heat import heat_connections, heat_figure
from sim.instance import Instance

CONNECTION_FIGURES: dict[str, Callable[..., Figure]] = {
    "exchange": exchange_figure,
    "devices": devices_figure,
    "cars": cars_figure,
    "heat": heat_figure,
}
"""Function that draws a day's tables and instance, by the name of the figure."""


def connection_figure_names(tables: Mapping[str, pd.DataFrame], instance: Instance, *, day: int = 1) -> list[str]:
    """Return the names of the figures of a day that there is something to show in."""
    connections = instance.grid.connections
    if not connections or not (tables["trades"]["day"] == day).any():
        return []
    cars = any(connection.microgrid.ev for connection in connections)
    return ["exchange", "devices", *(["cars"] if cars else []), *(["heat"] if heat_connections(instance) else [])]


def connection_figures(
    tables: Mapping[str, pd.DataFrame], instance: Instance, *, day: int = 1
) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of a day that have something to show, with their names.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger of the run.
    instance : Instance
        Of the run.
    day : int
        Market day, counted from 1.
    """
    for name in connection_figure_names(tables, instance, day=day):
        yield name, CONNECTION_FIGURES[name](tables, instance, day=day)
