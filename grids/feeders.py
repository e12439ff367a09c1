"""Several equal feeders at one substation: joining the nets, and numbering buses, lines, loads and units."""

from dataclasses import dataclass

import pandas as pd

from grids.fleet import Fleet
from grids.network import Net


@dataclass(frozen=True, kw_only=True)
class Numbering:
    """Numbers of buses on feeders that share the bus at the main grid.

    Attributes
    ----------
    slack : int
        Number of the shared bus.
    size : int
        Numbers a feeder takes up; with buses numbered without gaps, how many it has.
    """

    slack: int
    size: int

    @classmethod
    def of(cls, net: Net) -> "Numbering":
        """Return the numbering for copies of a feeder."""
        buses = net.bus.index
        return cls(slack=int(net.ext_grid.bus.iloc[0]), size=int(buses.max() - buses.min()) + 1)

    def bus(self, bus: int, feeder: int) -> int:
        """Return the number that a bus of the first feeder has on a feeder, counted from 0."""
        return bus if bus == self.slack else bus + feeder * self.size


def join_feeders(base: Net, count: int) -> Net:
    """Return a net of equal feeders that share the bus at the main grid.

    Bus k of feeder f, counted from 0, has the number k + f·n, where n is the number of buses of a feeder. Numbers of
    lines and loads go on where the feeder before ends. Tables are put one under the other: merging nets with
    pandapower, one by one, takes seconds for ten feeders.

    Parameters
    ----------
    base : pandapowerNet or Tables
        A sound feeder, see :func:`grids.check.base_net_problems`; it is changed.
    count : int
        Number of feeders.
    """
    if count == 1:
        return base
    numbering = Numbering.of(base)
    base.bus = pd.concat([base.bus, *(_bus_copy(base.bus, numbering, feeder) for feeder in range(1, count))])
    for table, ends in (("line", ["from_bus", "to_bus"]), ("load", ["bus"])):
        base[table] = pd.concat([_copy(base[table], ends, numbering, feeder) for feeder in range(count)])
    return base


def _bus_copy(buses: pd.DataFrame, numbering: Numbering, feeder: int) -> pd.DataFrame:
    """Return the buses that a feeder has besides the shared one."""
    own = buses.drop(index=numbering.slack)
    own.index = [numbering.bus(bus, feeder) for bus in own.index]
    own["name"] = [f"bus {bus}" for bus in own.index]
    return own


def _copy(table: pd.DataFrame, ends: list[str], numbering: Numbering, feeder: int) -> pd.DataFrame:
    """Return the lines or loads of a feeder, at its own buses."""
    copy = table.copy()
    copy[ends] = copy[ends].map(numbering.bus, feeder=feeder)
    if len(copy):
        copy.index = copy.index + feeder * (int(copy.index.max() - copy.index.min()) + 1)
    return copy


def repeat_fleet(fleet: Fleet, numbering: Numbering, count: int) -> Fleet:
    """Return the fleet of all feeders, each with the whole of it: kind by kind, feeder by feeder, in its order.

    Parameters
    ----------
    fleet : Fleet
        Fleet of the first feeder.
    numbering : Numbering
        Numbers of the buses on the others.
    count : int
        Number of feeders.
    """
    feeders = range(count)
    at_one_bus = {
        kind: tuple(
            unit.model_copy(update={"bus": numbering.bus(unit.bus, feeder)})
            for feeder in feeders
            for unit in getattr(fleet, kind)
        )
        for kind in ("wind", "pv", "battery", "ev_aggregator")
    }
    microgrids = tuple(
        kind.model_copy(update={"buses": tuple(numbering.bus(bus, feeder) for bus in kind.buses)})
        for feeder in feeders
        for kind in fleet.microgrid
    )
    return Fleet(microgrid=microgrids, **at_one_bus)
