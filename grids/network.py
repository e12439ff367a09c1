"""A distribution network with its fleet, as plain arrays that a reader, an optimiser and an audit can use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from grids.components import Battery, Renewable, TieLine, Voltage
from grids.errors import TielineError
from grids.fleet import Microgrid

if TYPE_CHECKING:
    from pandapower import pandapowerNet

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ComplexArray = npt.NDArray[np.complex128]

Net = Any
"""A pandapower net, or the tables of one (:class:`grids.cases.Tables`)."""

BASE_MVA = 1.0
"""Base power; with 1 MVA a power in p.u. and in MW is the same number."""


class GridError(TielineError, ValueError):
    """The network is not one that can be simulated; the message lists every reason."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The one bus through which a microgrid, or a fleet of cars, exchanges power with the network.

    Attributes
    ----------
    name : str
        Such as ``microgrid_9`` or ``ev_aggregator_3``.
    kind : str
        ``microgrid``, or ``ev_aggregator`` for the operator's own fleets.
    bus : int
        Bus number.
    microgrid : Microgrid
        The microgrid, or the fleet of cars as one; of the operator's decisions only the central benchmark reads it.
    """

    name: str
    kind: str
    bus: int
    microgrid: Microgrid

    def exchange_limits(self) -> tuple[float, float]:
        """Return the limits known to the operator: largest P both ways, and largest Q given. [MW], [Mvar]"""
        diesel = self.microgrid.diesel
        return self.microgrid.max_exchange_mw, 0.0 if diesel is None else diesel.max_q_mvar


@dataclass(frozen=True, eq=False, kw_only=True)
class Grid:
    """A radial network, its limits, and its loads, units and connections.

    Buses and lines are positions 0..B-1 and 0..L-1 in the arrays; `bus_ids` holds the numbers people use.
    Every line points away from the slack bus. Impedances are in p.u. on `BASE_MVA` and the bus voltage.

    Attributes
    ----------
    name : str
        Name of the case.
    tables : pandapowerNet or Tables
        The same network, without fleet, under pandapower's names.
    bus_ids : array, shape (B,)
        Bus numbers as in the data.
    slack : int
        Position of the bus at the main grid.
    line_from, line_to : array, shape (L,)
        Bus positions of the sending (nearer to the slack) and receiving end.
    line_r_pu, line_x_pu : array, shape (L,)
        Series impedance. [p.u.]
    line_max_i_pu : array, shape (L,)
        Thermal limit, equal to the limit in MVA at nominal voltage. [p.u.]
    load_names : tuple of str
        Name of each load, such as ``load_18``. (D,)
    load_bus : array, shape (D,)
        Bus position of each load.
    load_p_mw, load_q_mvar : array, shape (D,)
        Demand at the peak hour; the ratio q/p is kept at all times (Eq. 19). [MW], [Mvar]
    renewable_names, renewable_kinds : tuple of str
        Name and kind ("wind" or "pv") of each renewable unit. (G,)
    renewables : tuple of Renewable
        Their data, in the same order.
    battery_names : tuple of str
        Name of each battery. (U,)
    batteries : tuple of Battery
        Their data, in the same order.
    tie_line : TieLine
        Capacity and power factor of the connection to the main grid.
    voltage : Voltage
        Slack voltage and limits.
    connections : tuple of Connection
        Connections of microgrids and fleets of cars. (M,)
    """

    name: str
    tables: Net
    bus_ids: IntArray
    slack: int
    line_from: IntArray
    line_to: IntArray
    line_r_pu: FloatArray
    line_x_pu: FloatArray
    line_max_i_pu: FloatArray
    load_names: tuple[str, ...]
    load_bus: IntArray
    load_p_mw: FloatArray
    load_q_mvar: FloatArray
    renewable_names: tuple[str, ...]
    renewable_kinds: tuple[str, ...]
    renewables: tuple[Renewable, ...]
    battery_names: tuple[str, ...]
    batteries: tuple[Battery, ...]
    tie_line: TieLine
    voltage: Voltage
    connections: tuple[Connection, ...] = ()

    @cached_property
    def net(self) -> pandapowerNet:
        """The same network with its fleet as a pandapower net, for the metered power flow."""
        from grids.build import connected_net

        return connected_net(self)

    def position(self, bus_id: int) -> int:
        """Return the position of a bus number in the bus arrays."""
        return int(np.flatnonzero(self.bus_ids == bus_id)[0])

    @cached_property
    def renewable_bus(self) -> IntArray:
        """Bus positions of the renewables, shape (G,)."""
        return np.array([self.position(unit.bus) for unit in self.renewables], dtype=np.int64)

    @cached_property
    def battery_bus(self) -> IntArray:
        """Bus positions of the batteries, shape (U,)."""
        return np.array([self.position(unit.bus) for unit in self.batteries], dtype=np.int64)

    @cached_property
    def connection_bus(self) -> IntArray:
        """Bus positions of the connections, shape (M,)."""
        return np.array([self.position(connection.bus) for connection in self.connections], dtype=np.int64)

    @property
    def load_tan_phi(self) -> FloatArray:
        """Reactive per active demand of each load, kept under curtailment (Eq. 19), shape (D,)."""
        return self.load_q_mvar / self.load_p_mw
