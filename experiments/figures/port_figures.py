"""All figures about what stands behind the ports of a run."""

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.figure import Figure

from experiments.figures.cars import cars_figure
from experiments.figures.devices import devices_figure
from experiments.figures.exchange import exchange_figure
from experiments.figures.heat import heat_figure, heat_ports
from sim.setting import Setting


def port_figures(
    tables: Mapping[str, pd.DataFrame], setting: Setting, *, day: int = 1
) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of a day that there is something to show in, with their names.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger of the run.
    setting : Setting
        Of the run.
    day : int
        Market day, counted from 1.
    """
    ports = setting.grid.ports
    if not ports or not (tables["trades"]["day"] == day).any():
        return
    yield "exchange", exchange_figure(tables, setting, day=day)
    yield "devices", devices_figure(tables, setting, day=day)
    if any(port.microgrid.ev for port in ports):
        yield "cars", cars_figure(tables, setting, day=day)
    if heat_ports(setting):
        yield "heat", heat_figure(tables, setting, day=day)
