"""One day of a run as far as it is shown: the numbers behind all panels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grids.network import FloatArray, Grid
from sim.market.settlement import COST_TERMS, terms_of

if TYPE_CHECKING:
    from experiments.teach.runs import Records, StudyRun


HOURS = 24
"""Hours of every day on the page: :class:`experiments.teach.runs.StudyRun` refuses others."""


@dataclass(frozen=True, eq=False)
class Day:
    """One day of a run, up to an hour.

    Attributes
    ----------
    run : StudyRun
        The run.
    records : Records
        Its records when this day was looked at.
    day : int
        Market day, counted from 1.
    hour : int
        Last hour that is shown; 0 at gate closure.
    """

    run: StudyRun
    records: Records
    day: int
    hour: int

    @property
    def grid(self) -> Grid:
        """The network."""
        return self.run.instance.grid

    @property
    def terms(self) -> tuple[str, ...]:
        """Terms of the money, in their order; the profit is the last."""
        return terms_of(connections=bool(self.grid.connections))

    @cached_property
    def bid_mw(self) -> FloatArray:
        """Bids of the day, shape (24,). [MW]"""
        bids = self.records.tables["bids"]
        mine: FloatArray = bids.loc[bids["day"] == self.day, "bid_mw"].to_numpy()
        return mine

    @cached_property
    def band_mw(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper limit of the tolerance band, shape (24,) each. [MW]"""
        lower, upper = self.run.instance.rule.limits(self.bid_mw)
        return lower[:, 0], upper[:, 0]

    @cached_property
    def hours(self) -> pd.DataFrame:
        """Hours that are shown, indexed by hour, see :func:`experiments.teach.hour_table.hour_table`."""
        table = self.records.hourly.loc[self.day]
        return table[table.index <= self.hour]

    @cached_property
    def money(self) -> dict[str, float]:
        """Every term of the money so far on this day. [$]"""
        return {term: float(self.hours[term].sum()) if term in self.hours else 0.0 for term in self.terms}

    def table(self, name: str, hour: int | None = None) -> pd.DataFrame:
        """Return the rows of a table in one hour, by default the last shown (the first at gate closure)."""
        rows = self.records.tables[name]
        if "day" not in rows:
            return rows
        return rows[(rows["day"] == self.day) & (rows["hour"] == (hour or max(self.hour, 1)))]

    def shown(self, values: Any) -> list[float | None]:
        """Return values of the hours shown as a list of 24, rounded, with nothing where the day has not come to."""
        known = [None if pd.isna(value) else round(float(value), 5) + 0.0 for value in np.asarray(values)]
        return (known + [None] * HOURS)[:HOURS]

    def part(self, table: str, column: str, name: object) -> pd.DataFrame:
        """Return the hours shown of one bus, line, unit or connection, indexed by hour."""
        rows = self.records.tables[table]
        rows = rows[(rows["day"] == self.day) & (rows["hour"] <= self.hour) & (rows[column] == name)]
        return rows.set_index("hour")

    @cached_property
    def trouble(self) -> list[str]:
        """Remarks on the last hour shown: least violations, fallbacks, refused bids, limits not kept."""
        if not self.hour:
            return []
        decision = self.table("decisions").iloc[0]
        bids = self.records.tables["bids"]
        bid = bids[bids["day"] == self.day].iloc[0]
        words = []
        if decision["status"] == "least_violation":
            words.append(f"no dispatch keeps all limits: the least violation is shown ({decision['violation']:.3g})")
        elif decision["status"] in ("repaired", "inexact"):
            words.append(f"the plan was {decision['status']}")
        if decision["reason"]:
            words.append(str(decision["reason"]))
        if not bid["accepted"]:
            words.append(f"the bid was refused: {bid['reason']}")
        if bid["fallback_reason"]:
            words.append(f"bids of {bid['strategy']}: {bid['fallback_reason']}")
        limits = self.grid.voltage
        vm_pu = self.table("buses")["vm_pu"]
        outside = int(((vm_pu < limits.min_vm_pu - 1e-4) | (vm_pu > limits.max_vm_pu + 1e-4)).sum())
        if outside:
            words.append(f"{outside} bus{'es' * (outside > 1)} outside the voltage limits")
        return words


def gain(term: str, difference: float) -> float:
    """Return by how much a difference in a term raises the profit: less of a cost is a gain. [$]"""
    return -difference if term in COST_TERMS else difference
