"""Checks of physics: Kirchhoff's laws at every bus and Ohm's law on every line, from the stored voltages."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.audit.fleet import slack_of
from sim.audit.records import Records, numbers, study_value
from sim.audit.report import ONCE, Checker, FloatArray, IntArray, Quantity
from sim.audit.schema import TWO_PORT

ComplexArray = npt.NDArray[np.complex128]

BALANCE_MVA = 1e-5
"""Residual a power flow may leave at a bus. [MVA]"""

OHM_MVA, OHM_PERCENT, SLACK_PU = 1e-7, 1e-5, 1e-9
"""Differences between stored values that follow from each other. [MVA], [%], [p.u.]"""

RATING_PU = 1e-9
"""Round-off of a rating. [p.u.]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class LineFlows:
    """Voltages, and powers and currents at both ends of the lines, p.u. on 1 MVA; buses and lines are positions.

    Attributes
    ----------
    buses : array, shape (B,)
        Bus numbers.
    sending, receiving : array, shape (L,)
        Buses at the ends of the lines.
    slack : int
        Bus of the tie line.
    voltage : array, shape (H, B)
        Bus voltages. [p.u.]
    sent, received : array, shape (H, L)
        Currents that enter the lines at the sending end, and that leave them at the receiving end. [p.u.]
    """

    buses: IntArray
    sending: IntArray
    receiving: IntArray
    slack: int
    voltage: ComplexArray
    sent: ComplexArray
    received: ComplexArray

    @property
    def into_line(self) -> ComplexArray:
        """Power that enters each line at its sending end, shape (H, L). [MVA]"""
        return self.voltage[:, self.sending] * self.sent.conj()

    @property
    def out_of_line(self) -> ComplexArray:
        """Power that leaves each line at its receiving end, shape (H, L). [MVA]"""
        return self.voltage[:, self.receiving] * self.received.conj()


def slack_bus(records: Records) -> int:
    """Return the number of the bus of the tie line."""
    return slack_of(records.branches)


def two_port(records: Records, column: str) -> FloatArray:
    """Return a number of every branch, or what stands for it where lines are bare, shape (L,)."""
    if column in records.branches:
        return numbers(records.branches, column)
    return np.full(len(records.branches), TWO_PORT[column])


def of_buses(records: Records, column: str) -> FloatArray:
    """Return a number of every bus, zero where the network has none, shape (H, B)."""
    buses = records["buses"]
    return buses.numbers(column) if column in buses.frame else np.zeros(buses.order.shape)


def flows_from_voltages(records: Records) -> LineFlows:
    """Return voltages as stored and the currents of the two-ports: an ideal transformer, a shunt, Z, and a shunt."""
    from_bus, to_bus = numbers(records.branches, "from_bus"), numbers(records.branches, "to_bus")
    buses = np.unique([from_bus, to_bus])
    sending, receiving = np.searchsorted(buses, from_bus), np.searchsorted(buses, to_bus)
    angle = np.radians(records["buses"].numbers("va_degree"))
    voltage = np.asarray(records["buses"].numbers("vm_pu") * np.exp(1j * angle), dtype=np.complex128)
    impedance = numbers(records.branches, "r_pu") + 1j * numbers(records.branches, "x_pu")
    ideal = two_port(records, "ratio") * np.exp(1j * np.radians(two_port(records, "shift_degree")))
    of_from, of_to = (two_port(records, f"g_{e}_pu") + 1j * two_port(records, f"b_{e}_pu") for e in ("from", "to"))
    behind, ahead = voltage[:, sending] / ideal, voltage[:, receiving]
    series = (behind - ahead) / impedance
    return LineFlows(
        buses=buses.astype(np.int64),
        sending=sending,
        receiving=receiving,
        slack=int(np.searchsorted(buses, slack_bus(records))),
        voltage=voltage,
        sent=(series + of_from * behind) / ideal.conj(),
        received=series - of_to * ahead,
    )


def check_physics(records: Records, checker: Checker) -> None:
    """Check power balance, line flows, ratings and the slack bus."""
    flows = flows_from_voltages(records)
    _check_balance(records, flows, checker)
    _check_lines(records, flows, checker)
    _check_ratings(records, checker)
    at_slack = records["buses"].numbers("vm_pu")[:, [flows.slack]]
    of = Quantity("slack voltage", "p.u.", [f"bus {flows.buses[flows.slack]}"])
    given = study_value(records.study, "grid.voltage.slack_vm_pu")
    expected = of_buses(records, "min_vm_pu")[:, [flows.slack]] if given is None else given
    checker.equal("slack_voltage", at_slack, expected, of, within=SLACK_PU)


def _check_balance(records: Records, flows: LineFlows, checker: Checker) -> None:
    """Check that the power injected at a bus flows into its lines and its shunt (Eq. 26-28).

    Where the voltage of another bus than the slack is held, a generator gives the reactive power that it takes.
    """
    injected, into_lines = _injections(records, flows), np.zeros_like(flows.voltage)
    np.add.at(into_lines.T, flows.sending, flows.into_line.T)
    np.add.at(into_lines.T, flows.receiving, -flows.out_of_line.T)
    into_lines += np.abs(flows.voltage) ** 2 * (of_buses(records, "g_pu") - 1j * of_buses(records, "b_pu"))
    low, high = (of_buses(records, f"{end}_vm_pu") for end in ("min", "max"))
    held = (low > 0) & (low == high) & (np.arange(len(flows.buses)) != flows.slack)
    injected.imag[held] = into_lines.imag[held]
    where = [f"bus {bus}" for bus in flows.buses]
    for check, unit, stored, expected in (
        ("active_balance", "MW", injected.real, into_lines.real),
        ("reactive_balance", "Mvar", injected.imag, into_lines.imag),
    ):
        checker.equal(check, stored, expected, Quantity("net injection", unit, where), within=BALANCE_MVA)


def _injections(records: Records, flows: LineFlows) -> ComplexArray:
    """Return the net injection of units, connections and tie line, and what is given, at every bus, (H, B). [MVA]"""
    injected = np.asarray(of_buses(records, "given_p_mw") + 1j * of_buses(records, "given_q_mvar"))
    for group, sign in ((records.loads, -1), (records.renewables, 1), (records.batteries, 1)):
        bus = np.searchsorted(flows.buses, group["bus"])
        np.add.at(injected.T, bus, sign * (group.p_mw + 1j * group.q_mvar).T)
    bus, trades = np.searchsorted(flows.buses, numbers(records.lists["connections"], "bus")), records["trades"]
    np.add.at(injected.T, bus, -(trades.numbers("p_mw") + 1j * trades.numbers("q_mvar")).T)
    metered = records["settlements"]
    injected[:, [flows.slack]] += metered.numbers("metered_mw") + 1j * metered.numbers("metered_q_mvar")
    return injected


def _check_lines(records: Records, flows: LineFlows, checker: Checker) -> None:
    """Check stored flows, losses and loadings, of the end nearer to its rating, against Ohm's law."""
    into, loss = flows.into_line, flows.into_line - flows.out_of_line
    sent, received = np.abs(flows.sent) / numbers(records.branches, "max_i_pu"), np.abs(flows.received)
    loading: FloatArray = 100 * np.maximum(sent, received / two_port(records, "max_i_to_pu"))
    ends = zip(flows.buses[flows.sending], flows.buses[flows.receiving], strict=True)
    where = [f"line {a}-{b}" for a, b in ends]
    for check, column, unit, expected, within in (
        ("line_flow", "p_mw", "MW", into.real, OHM_MVA),
        ("line_flow", "q_mvar", "Mvar", into.imag, OHM_MVA),
        ("line_loss", "loss_mw", "MW", loss.real, OHM_MVA),
        ("line_loading", "loading_percent", "%", loading, OHM_PERCENT),
    ):
        checker.equal(check, records["lines"].numbers(column), expected, Quantity(column, unit, where), within=within)


def _check_ratings(records: Records, checker: Checker) -> None:
    """Check the lines' ratings where the study has one for all, in MVA the same number as in p.u. on 1 MVA."""
    if study_value(records.study, "grid.line_max_s_mva") is not None:
        of = Quantity("max_i_pu", "p.u.", [f"line {line}" for line in records.branches["line"]], ONCE)
        expected, stored = records.number("grid.line_max_s_mva"), numbers(records.branches, "max_i_pu")
        if "kind" not in records.branches:
            checker.equal("ratings", stored, expected, of, within=RATING_PU)
            return
        lines = np.asarray(records.branches["kind"] == "line")  # transformers have ratings of their own
        checker.at_most("ratings", np.where(lines, stored, 0.0), expected, of, within=RATING_PU)
