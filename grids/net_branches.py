"""Branches, buses and shunts of a pandapower net as two-ports: pandapower's own numbers, read from its matrices.

Pandapower turns lines, transformers (with taps, model "t" or "pi"), closed and open switches and elements out of
service into branches between fused buses. What it makes of them is what its power flow, the plant, calculates with, so
it is taken from there and not made a second time.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grids.network import BASE_MVA, BoolArray, ComplexArray, FloatArray, GridError, IntArray

if TYPE_CHECKING:
    from pandapower import pandapowerNet

Element = tuple[str, int]
"""Table of a net, and row."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A two-port from one bus to another, in p.u. on `BASE_MVA`; see :class:`grids.network.Grid`.

    Attributes
    ----------
    sending, receiving : int
        Bus positions.
    series, shunt_from, shunt_to : complex
        Series impedance, and admittances on both sides behind the ideal transformer at the sending end.
    ratio, shift_degree : float
        Ideal transformer.
    max_i_pu, max_i_to_pu : float
        Limits of the current at both ends, infinite without a rating.
    elements : tuple of Element
        Lines, transformers or switches that it stands for: several if they are equal and parallel.
    """

    sending: int
    receiving: int
    series: complex
    shunt_from: complex
    shunt_to: complex
    ratio: float
    shift_degree: float
    max_i_pu: float
    max_i_to_pu: float
    elements: tuple[Element, ...]

    def reversed(self) -> Branch:
        """Return the same branch seen from its other end, where its ideal transformer then stands."""
        squared = self.ratio**2
        return replace(
            self,
            sending=self.receiving,
            receiving=self.sending,
            series=self.series * squared,
            shunt_from=self.shunt_to / squared,
            shunt_to=self.shunt_from / squared,
            ratio=1 / self.ratio,
            shift_degree=-self.shift_degree,
            max_i_pu=self.max_i_to_pu,
            max_i_to_pu=self.max_i_pu,
        )

    def seen_from_one_bus(self) -> complex:
        """Return its admittance at the sending end if the other is open, or comes back to the same bus."""
        ideal, through = self.ratio * cmath.exp(1j * math.radians(self.shift_degree)), 1 / self.series
        if self.receiving == self.sending:
            back = self.shunt_to + through - through / ideal - through / ideal.conjugate()
            return (self.shunt_from + through) / self.ratio**2 + back
        beyond = self.shunt_to * through / (self.shunt_to + through)
        return (self.shunt_from + beyond) / self.ratio**2

    def joined(self, other: Branch) -> Branch:
        """Return this branch and an equal one beside it as one; each carries its part of the current."""
        both = 1 / self.series + 1 / other.series
        times = min(abs(both * self.series), abs(both * other.series))
        return replace(
            self,
            series=1 / both,
            shunt_from=self.shunt_from + other.shunt_from,
            shunt_to=self.shunt_to + other.shunt_to,
            max_i_pu=min(self.max_i_pu, other.max_i_pu) * times,
            max_i_to_pu=min(self.max_i_to_pu, other.max_i_to_pu) * times,
            elements=self.elements + other.elements,
        )

    def is_parallel_to(self, other: Branch) -> bool:
        """Return whether the other, beside this one, divides the current with it by their impedances alone."""
        same = np.isclose([self.ratio, self.shift_degree], [other.ratio, other.shift_degree], rtol=1e-12, atol=1e-12)
        return bool(same.all()) and bool(np.isclose(self.series, other.series, rtol=1e-9))


@dataclass(frozen=True, kw_only=True)
class Topology:
    """Buses and branches of a net that are in service.

    Attributes
    ----------
    bus_ids : array, shape (B,)
        Number of each bus; of several that closed switches join, the first.
    fused : dict
        Number of each bus that goes by another's, and that other.
    unsupplied : list of int
        Buses in service without a path to the main grid.
    slack : int
        Position of the bus at the main grid.
    branches : list of Branch
        Pointing away from the slack where `is_tree` holds.
    shunt_pu : array, shape (B,)
        Admittance of shunts, and of lines that are open at their other end.
    hanging : dict
        Branches that are open at one end, or go back to the bus they come from, and the position of that bus; they
        are part of its shunt.
    is_tree : bool
        Whether there is one path from the slack to every bus.
    """

    bus_ids: IntArray
    fused: dict[int, int]
    unsupplied: list[int]
    slack: int
    branches: list[Branch]
    shunt_pu: ComplexArray
    hanging: dict[Element, int]
    is_tree: bool


def topology(net: pandapowerNet) -> Topology:
    """Return the buses and branches of a net that :func:`grids.net_check.net_problems` finds nothing wrong with.

    Raises
    ------
    GridError
        If pandapower can't make its matrices.
    """
    ppc, lookup = _matrices(net)
    bus, rows = ppc["bus"], ppc["branch"]
    served = bus[:, 1] != 4  # buses out of service, or without a path to the main grid, are of type 4
    groups: dict[int, list[int]] = {}
    main_grid = lookup[net.ext_grid.bus[net.ext_grid.in_service]]
    for number in net.bus.index:
        at = int(lookup[number])
        if net.bus.in_service.at[number] and served[at]:
            groups.setdefault(int(main_grid[0]) if at in main_grid else at, []).append(int(number))
    position = np.full(len(bus), -1)
    for place, at in enumerate(groups):
        position[at] = place
    position[main_grid] = position[main_grid[0]]  # main grids of one voltage are one
    shunt = np.zeros(len(groups), dtype=np.complex128)
    np.add.at(shunt, position[position >= 0], (bus[position >= 0, 4] + 1j * bus[position >= 0, 5]) / BASE_MVA)
    live = (rows[:, 10].real > 0) & served[rows[:, 0].real.astype(int)] & served[rows[:, 1].real.astype(int)]
    branches, hanging = [], {}
    for row, element in _elements(net):
        if not live[row]:
            continue
        branch = _branch(net, ppc, row, element, position)
        if branch.sending < 0:
            branch = branch.reversed()
        if branch.sending >= 0 and branch.receiving not in (-1, branch.sending):
            branches.append(branch)
        elif branch.sending >= 0:
            hanging[element] = branch.sending
            shunt[branch.sending] += branch.seen_from_one_bus()
    slack = int(position[main_grid[0]])
    branches, is_tree = _oriented(_merged(branches), slack, len(groups))
    return Topology(
        bus_ids=np.array([numbers[0] for numbers in groups.values()], dtype=np.int64),
        fused={number: numbers[0] for numbers in groups.values() for number in numbers[1:]},
        unsupplied=[int(number) for number in net.bus.index[net.bus.in_service] if not served[lookup[number]]],
        slack=slack,
        branches=branches,
        shunt_pu=shunt,
        hanging=hanging,
        is_tree=is_tree,
    )


def _matrices(net: pandapowerNet) -> tuple[dict[str, Any], IntArray]:
    """Return pandapower's matrices of a net, and the row of each bus number in that of the buses."""
    from pandapower.auxiliary import _add_ppc_options
    from pandapower.pd2ppc import _pd2ppc

    options = {"calculate_voltage_angles": True, "check_connectivity": True, "mode": "pf", "switch_rx_ratio": 2}
    options |= {"enforce_q_lims": False, "enforce_p_lims": False, "recycle": None, "voltage_depend_loads": False}
    try:
        net["_options"] = {}
        model = net.user_pf_options.get("trafo_model", "t")
        _add_ppc_options(net, trafo_model=model, init_vm_pu="flat", init_va_degree="flat", **options)
        ppc, _ = _pd2ppc(net)
    except Exception as error:
        raise GridError(f"pandapower can't calculate with it: {str(error).strip() or type(error).__name__}") from error
    base = float(ppc["baseMVA"]) / BASE_MVA
    ppc["branch"][:, [2, 3]] /= base
    ppc["branch"][:, [4, 23, 24, 25]] *= base
    return ppc, net._pd2ppc_lookups["bus"]


def _elements(net: pandapowerNet) -> list[tuple[int, Element]]:
    """Return the rows of pandapower's branches, and what stands for each."""
    places = net._pd2ppc_lookups["branch"]
    switches = net.switch.index[np.asarray(net["_impedance_bb_switches"], dtype=bool)] if "switch" in places else []
    rows = {"line": net.line.index, "trafo": net.trafo.index, "switch": switches}
    return [
        (row, (kind, int(number)))
        for kind, (first, last) in places.items()
        if kind in rows
        for row, number in zip(range(first, last), rows[kind], strict=True)
    ]


def _branch(net: pandapowerNet, ppc: dict[str, Any], row: int, element: Element, position: IntArray) -> Branch:
    values = ppc["branch"][row].real
    ends = values[0].astype(int), values[1].astype(int)
    max_i_pu = _limits(net, element, *(float(ppc["bus"][end, 9]) for end in ends))
    return Branch(
        sending=int(position[ends[0]]),
        receiving=int(position[ends[1]]),
        series=complex(values[2], values[3]),
        shunt_from=complex(values[23], values[4]) / 2,
        shunt_to=complex(values[23] + values[24], values[4] + values[25]) / 2,
        ratio=float(values[8]) or 1.0,
        shift_degree=float(values[9]),
        max_i_pu=max_i_pu[0],
        max_i_to_pu=max_i_pu[1],
        elements=(element,),
    )


def _limits(net: pandapowerNet, element: Element, from_kv: float, to_kv: float) -> tuple[float, float]:
    """Return the limits of the current at both ends of an element, infinite without a rating. [p.u.]"""
    kind, number = element
    if kind == "line":
        line = net.line.loc[number]
        limit = float(line.max_i_ka) * line.parallel * line.df * np.sqrt(3) / BASE_MVA
        limits = limit * from_kv, limit * to_kv
    elif kind == "trafo":
        trafo = net.trafo.loc[number]
        limit = float(trafo.sn_mva) * trafo.parallel * trafo.df / BASE_MVA
        limits = limit * from_kv / trafo.vn_hv_kv, limit * to_kv / trafo.vn_lv_kv
    else:
        limits = np.inf, np.inf
    return tuple(float(limit) if limit > 0 else np.inf for limit in limits)  # type: ignore[return-value]


def _merged(branches: list[Branch]) -> list[Branch]:
    """Return the branches with each group of equal, parallel ones as one, at the place of its first."""
    at: dict[tuple[int, int], list[Branch]] = {}
    for branch in branches:
        beside = at.setdefault((min(branch.sending, branch.receiving), max(branch.sending, branch.receiving)), [])
        for place, other in enumerate(beside):
            turned = branch if branch.sending == other.sending else branch.reversed()
            if other.is_parallel_to(turned):
                beside[place] = other.joined(turned)
                break
        else:
            beside.append(branch)
    return [branch for beside in at.values() for branch in beside]


def _oriented(branches: list[Branch], slack: int, buses: int) -> tuple[list[Branch], bool]:
    """Return the branches pointing away from the slack, in the order they had, and whether they form a tree."""
    if len(branches) != buses - 1:
        return branches, False
    near: list[list[int]] = [[] for _ in range(buses)]
    for place, branch in enumerate(branches):
        near[branch.sending].append(place)
        near[branch.receiving].append(place)
    reached: BoolArray = np.zeros(buses, dtype=np.bool_)
    reached[slack], queue, oriented = True, [slack], list(branches)
    for bus in queue:
        for place in near[bus]:
            branch = oriented[place] if oriented[place].sending == bus else oriented[place].reversed()
            if not reached[branch.receiving]:
                reached[branch.receiving] = True
                oriented[place] = branch
                queue.append(branch.receiving)
    return oriented, bool(reached.all())


def branch_arrays(branches: list[Branch]) -> dict[str, Any]:
    """Return branches as the arrays of a Grid."""

    def each(name: str) -> Any:
        return np.array([getattr(branch, name) for branch in branches])

    series, first, second = each("series"), each("shunt_from"), each("shunt_to")
    floats: dict[str, FloatArray] = {
        "line_r_pu": series.real,
        "line_x_pu": series.imag,
        "line_max_i_pu": each("max_i_pu"),
        "line_max_i_to_pu": each("max_i_to_pu"),
        "line_ratio": each("ratio"),
        "line_shift_degree": each("shift_degree"),
        "line_g_from_pu": first.real,
        "line_b_from_pu": first.imag,
        "line_g_to_pu": second.real,
        "line_b_to_pu": second.imag,
    }
    return {
        "line_from": each("sending").astype(np.int64),
        "line_to": each("receiving").astype(np.int64),
        "line_kinds": tuple("trafo" if branch.elements[0][0] == "trafo" else "line" for branch in branches),
        "line_elements": tuple(branch.elements for branch in branches),
        **{name: np.ascontiguousarray(values, dtype=np.float64) for name, values in floats.items()},
    }
