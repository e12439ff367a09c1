"""A distribution network with its fleet, as plain arrays that a reader, an optimiser and an audit can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from grids.components import Battery, Renewable, TieLine, Voltage
from grids.errors import TielineError
from grids.fleet import Microgrid

if TYPE_CHECKING:
    from pandapower import pandapowerNet

    from grids.net_units import Carried

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ComplexArray = npt.NDArray[np.complex128]

Net = Any
"""A pandapower net, or the tables of one (:class:`grids.cases.Tables`)."""

BASE_MVA = 1.0
"""Base power; with 1 MVA a power in p.u. and in MW is the same number."""


BARE = {
    "line_ratio": 1.0,
    "line_shift_degree": 0.0,
    "line_g_from_pu": 0.0,
    "line_b_from_pu": 0.0,
    "line_g_to_pu": 0.0,
    "line_b_to_pu": 0.0,
    "line_max_i_to_pu": np.inf,
    "bus_g_pu": 0.0,
    "bus_b_pu": 0.0,
    "given_p_mw": 0.0,
    "given_q_mvar": 0.0,
    "own_min_vm_pu": 0.0,
    "own_max_vm_pu": np.inf,
}
"""Value of a branch or bus in a network of bare lines, for each array of a Grid that need not be given."""

_ELECTRIC = [name for name in BARE if name not in {"line_max_i_to_pu", "own_min_vm_pu", "own_max_vm_pu"}]

_NOTHING_GIVEN: FloatArray = np.zeros(0)


def _not_given() -> FloatArray:
    """Return the mark of an array that is not given."""
    return _NOTHING_GIVEN


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
    """A network, its limits, and its loads, units and connections.

    Buses and lines are positions 0..B-1 and 0..L-1 in the arrays; `bus_ids` holds the numbers people use. A line is
    any branch, a transformer too. Those of a radial network point away from the slack bus. Impedances and admittances
    are in p.u. on `BASE_MVA` and the bus voltage. Where a network has nothing but bare lines, what a branch or bus may
    have besides is left to its default: zeros, ratios of 1.

    A branch is a two-port: at its sending end an ideal transformer, which divides the voltage by `line_ratio` and
    turns it back by `line_shift_degree`; after it the admittance g + jb of the sending side, the series impedance, and
    the admittance of the receiving side.

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
        Limit of the current into the sending end, equal to the limit in MVA at nominal voltage. [p.u.]
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
    line_kinds : tuple of str
        "line" or "trafo". (L,)
    line_ratio, line_shift_degree : array, shape (L,)
        Voltage ratio and phase shift of the ideal transformer at the sending end. [-], [degree]
    line_g_from_pu, line_b_from_pu, line_g_to_pu, line_b_to_pu : array, shape (L,)
        Shunt admittance g + jb of the sending side, after the ideal transformer, and of the receiving side. [p.u.]
    line_max_i_to_pu : array, shape (L,)
        Limit of the current at the receiving end; infinite where it can't bind before that of the sending end. [p.u.]
    bus_g_pu, bus_b_pu : array, shape (B,)
        Shunts at the buses; they draw P = g·v², Q = -b·v². [p.u.]
    given_p_mw, given_q_mvar : array, shape (B,)
        Injections that nobody decides, generation positive. [MW], [Mvar]
    own_min_vm_pu, own_max_vm_pu : array, shape (B,)
        Voltage limits the network itself gives to buses; 0 and infinite where it gives none. [p.u.]
    held_bus : array, shape (H,)
        Positions of buses whose voltage generators hold, whatever Q that takes; their P is in `given_p_mw`.
    held_vm_pu : array, shape (H,)
        The voltages they hold. [p.u.]
    is_radial : bool
        Whether there is one path from the slack to every bus and no voltage but that of the slack is held; the conic
        model needs it. The lines of another network keep the direction they have in the data.
    fused : mapping of int to int
        Number of each bus that goes by the number of another, to which closed switches join it, and that number.
    line_elements : tuple of tuple
        Table and row of the elements of a pandapower net that each branch stands for.
    net_rows : mapping of str to tuple of int
        Row in `tables` of each "load", "renewable" and "battery" of a pandapower net; -1 of what is not from there.
    report : tuple of Carried
        What became of each element of a pandapower net, see :class:`grids.net_units.Carried`.
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
    line_kinds: tuple[str, ...] = ()
    line_ratio: FloatArray = field(default_factory=_not_given)
    line_shift_degree: FloatArray = field(default_factory=_not_given)
    line_g_from_pu: FloatArray = field(default_factory=_not_given)
    line_b_from_pu: FloatArray = field(default_factory=_not_given)
    line_g_to_pu: FloatArray = field(default_factory=_not_given)
    line_b_to_pu: FloatArray = field(default_factory=_not_given)
    line_max_i_to_pu: FloatArray = field(default_factory=_not_given)
    bus_g_pu: FloatArray = field(default_factory=_not_given)
    bus_b_pu: FloatArray = field(default_factory=_not_given)
    given_p_mw: FloatArray = field(default_factory=_not_given)
    given_q_mvar: FloatArray = field(default_factory=_not_given)
    own_min_vm_pu: FloatArray = field(default_factory=_not_given)
    own_max_vm_pu: FloatArray = field(default_factory=_not_given)
    held_bus: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    held_vm_pu: FloatArray = field(default_factory=lambda: np.zeros(0))
    is_radial: bool = True
    fused: Mapping[int, int] = field(default_factory=dict)
    line_elements: tuple[tuple[tuple[str, int], ...], ...] = ()
    net_rows: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    report: tuple[Carried, ...] = ()

    def __post_init__(self) -> None:
        for name, value in BARE.items():
            if getattr(self, name) is _NOTHING_GIVEN:
                count = len(self.line_from) if name.startswith("line") else len(self.bus_ids)
                object.__setattr__(self, name, np.full(count, value))
        if not self.line_kinds:
            object.__setattr__(self, "line_kinds", ("line",) * len(self.line_from))

    @cached_property
    def is_bare(self) -> bool:
        """True if its branches are series impedances and its buses have loads, units and connections only."""
        bare = ((getattr(self, name) == BARE[name]).all() for name in _ELECTRIC)
        return self.is_radial and all(bare)

    @cached_property
    def bus_min_vm_pu(self) -> FloatArray:
        """Lower voltage limits of the buses: the network's own, or that of the study, shape (B,). [p.u.]"""
        return np.where(self.own_min_vm_pu > 0, self.own_min_vm_pu, self.voltage.min_vm_pu)

    @cached_property
    def bus_max_vm_pu(self) -> FloatArray:
        """Upper voltage limits of the buses, likewise, shape (B,). [p.u.]"""
        return np.where(np.isfinite(self.own_max_vm_pu), self.own_max_vm_pu, self.voltage.max_vm_pu)

    @cached_property
    def net(self) -> pandapowerNet:
        """The same network with its fleet as a pandapower net, for the metered power flow."""
        from grids.build import connected_net

        return connected_net(self)

    def position(self, bus_id: int) -> int:
        """Return the position of a bus number in the bus arrays."""
        return int(np.flatnonzero(self.bus_ids == self.fused.get(bus_id, bus_id))[0])

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
