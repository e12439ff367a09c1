"""A day at the connections of a run, which the figures of microgrids and fleets of cars draw from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.page import QUIET, DaySteps, Margins, Page, title_of_day, who_decides
from experiments.figures.style import GREY, LABEL_POINTS
from grids.components import Storage
from grids.network import Connection, FloatArray
from sim.instance import Instance

MARGINS = Margins(left=1.25, top=1.13)
MORE = 0.22
"""More room below named hours. [inch]"""
EXPLAINED = "connection: point of common coupling, where a microgrid or a fleet of cars meets the network  ·  "
"""Begin of a note on figures that speak of connections."""


@dataclass(frozen=True, eq=False)
class ConnectionDay:
    """Day at the connections: the points of common coupling of microgrids and fleets of cars with the network.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The ledger of the run.
    instance : Instance
        Of the run, with at least one connection.
    day : int
        Market day, counted from 1.

    Raises
    ------
    ValueError
        If nothing was exchanged on that day.
    """

    tables: Mapping[str, pd.DataFrame]
    instance: Instance
    day: int = 1

    def __post_init__(self) -> None:
        if self.day not in set(self.tables["trades"]["day"]):
            raise ValueError(f"day {self.day}: no exchange with microgrids is in the tables")

    @cached_property
    def steps(self) -> DaySteps:
        """The day's steps."""
        return DaySteps(self.instance.calendar, self.day)

    @property
    def connections(self) -> Sequence[Connection]:
        """The connections of the network."""
        return self.instance.grid.connections

    @property
    def names(self) -> list[str]:
        """Names of the connections."""
        return [connection.name for connection in self.connections]

    def rows(self, table: str) -> pd.DataFrame:
        """Return the day's rows of a table."""
        return self.tables[table][self.tables[table]["day"] == self.day]

    def exchange(self, column: str, names: Sequence[str] | None = None) -> FloatArray:
        """Return a column of the trades, shape (T, connections); NaN where there is none."""
        return self._by_step(self.rows("trades"), column, names or self.names)

    def of_device(self, device: str, column: str, names: Sequence[str]) -> FloatArray:
        """Return a quantity of a kind of device, shape (T, connections); 0 where there is none."""
        rows = self.rows("devices")
        return np.nan_to_num(self._by_step(rows[rows["device"] == device], column, names))

    def stores(self, device: str) -> dict[str, Storage]:
        """Return the stores of a kind by the names of their connections."""
        there = {connection.name: getattr(connection.microgrid, device) for connection in self.connections}
        return {name: store for name, store in there.items() if store}

    def energy(self, device: str) -> FloatArray:
        """Return the energy of every store at the start of the day and the end of each step, shape (T + 1, stores).

        [MWh]
        """
        stores = self.stores(device)
        rows = self.tables["devices"]
        rows = rows[rows["device"] == device]
        start = np.array([store.start_soc * store.max_e_mwh for store in stores.values()])
        if self.day > 1:
            start = self._by_step(rows[rows["day"] == self.day - 1], "energy_mwh", list(stores), self.day - 1)[-1]
        now = self._by_step(rows[rows["day"] == self.day], "energy_mwh", list(stores))
        return np.concatenate([start[None, :], now])

    def page(self, about: str, note: str, heights: Sequence[float], *, apart: int = 0, gutter: float = 0.85) -> Page:
        """Return an empty page on a subject, with a note and more room above a row, if the one before has hours."""
        page = Page(heights, MARGINS, gutter=gutter, apart={apart: MORE} if apart else {})
        tables = {**self.tables, "bids": self.rows("bids"), "decisions": self.rows("decisions")}
        title = f"{title_of_day(self.instance.study, self.day)}: {about}"
        page.heading(title, who_decides(self.instance.study, tables), (note, QUIET))
        return page

    def _by_step(
        self, rows: pd.DataFrame, column: str, connections: Sequence[str], day: int | None = None
    ) -> FloatArray:
        """Return a column of one row per step and connection, shape (T, connections); NaN where there is no row."""
        table = rows.pivot(index="hour", columns="connection", values=column)
        hours = self.instance.calendar.hour_ending(day or self.day)
        return np.asarray(table.reindex(index=hours, columns=list(connections)), dtype=np.float64)


def same_scale(axes: Mapping[str, Axes]) -> None:
    """Give the panels of connections of one kind the same scale; say where it is not that of the first."""
    groups: dict[str, list[Axes]] = {}
    for connection, ax in axes.items():
        groups.setdefault(connection.rpartition("_")[0], []).append(ax)
    for k, group in enumerate(groups.values()):
        low, high = min(ax.get_ylim()[0] for ax in group), max(ax.get_ylim()[1] for ax in group)
        for ax in group:
            ax.set_ylim(low, high)
            if k and not ax.get_title("right"):
                ax.set_title("other scale", loc="right", fontsize=LABEL_POINTS, color=GREY, pad=5)
