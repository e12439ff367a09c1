"""Figures of the microgrids and fleets of cars of a run."""

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.cars import cars_figure
from experiments.figures.devices import devices_figure
from experiments.figures.exchange import exchange_figure
from experiments.figures.heat import heat_connections, heat_figure
from sim.instance import Instance


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
    connections = instance.grid.connections
    if not connections or not (tables["trades"]["day"] == day).any():
        return
    yield "exchange", exchange_figure(tables, instance, day=day)
    yield "devices", devices_figure(tables, instance, day=day)
    if any(connection.microgrid.ev for connection in connections):
        yield "cars", cars_figure(tables, instance, day=day)
    if heat_connections(instance):
        yield "heat", heat_figure(tables, instance, day=day)
