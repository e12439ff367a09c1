"""Checks of limits that an operation may fail to keep: counted, and with their tolerances, here alone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.audit.fleet import Feeders
from sim.audit.physics import slack_bus
from sim.audit.records import Records, number, study_value
from sim.audit.report import Checker, Finding, FloatArray, IntArray, LimitCount, Quantity

VOLTAGE_PU, LOADING_PERCENT, TIE_LINE_MVA, SOC = 1e-6, 1e-3, 1e-5, 1e-6
"""Excess of a limit from which on it counts: a solver's accuracy; of energy as a fraction of capacity."""

EXCHANGE_MW, STORED_MWH = 1e-6, 1e-6
"""The same for the exchange of microgrids, and for the energy of their stores and cars at the end of a day."""

DEVIATION_MVA = 1e-3
"""Difference between order and action that can explain why a limit was not kept; less is round-off. [MVA]"""

VIOLATION, PLANNED = 1e-2, 1e-4
"""Violation of a plan that is no round-off [MWh, p.u.²]; difference up to which a plan was realised [MW], [p.u.]."""

STATUSES = {"optimal": True, "repaired": True, "inexact": False, "least_violation": False, "unplanned": False}
"""Statuses of a decision, and whether each states that its hour keeps all limits."""


class Limit(NamedTuple):
    """Kind of limit: the unit of an excess, the values that are counted, and the checks it comprises."""

    unit: str
    each: str
    checks: tuple[str, ...]


LIMITS = {
    "voltage": Limit("p.u.", "bus-hours", ("voltage_limits",)),
    "line_current": Limit("%", "line-hours", ("loading_limits",)),
    "tie_capacity": Limit("MVA", "hours", ("tie_line_capacity",)),
    "tie_power_factor": Limit("Mvar", "hours", ("tie_line_power_factor",)),
    "device": Limit(
        "MWh",
        "device-hours",
        (
            *("load_limits", "renewable_limits", "renewable_circle", "renewable_power_factor"),
            *("battery_circle", "soc_limits", "end_of_day_soc"),
            *("exchange_limits", "device_limits", "stored_energy_limits", "charging_limits"),
            *("end_of_day_stores", "end_of_day_cars"),
        ),
    ),
}
"""The kinds of limits: Eq. (31), (29), (29), (30), and those of units, microgrids and cars.

The excess of a line is relative to its rating, that of a tie-line flow the reactive power beyond what its active power
allows. A power beyond a device's limit counts as the energy of its hour, so that all of them are in MWh.
"""

CLAIMED = ("voltage_limits", "loading_limits", "tie_line_capacity", "tie_line_power_factor", "end_of_day_soc")
"""Checks of limits that the operator is responsible for; microgrids are responsible for their devices."""


def count_limits(checkers: Iterable[Checker]) -> dict[str, LimitCount]:
    """Return the number of limits of each kind that were not kept, and the worst excess."""
    broken, largest = Counter[str](), dict[str, float]()
    for checker in checkers:
        broken.update(finding.check for finding in checker.findings)
        largest |= checker.largest
    counts = {}
    for name, limit in LIMITS.items():
        seen = [check for check in limit.checks if broken[check]]
        worst = max((largest[check] for check in seen), default=0.0)
        counts[name] = LimitCount(sum(broken[check] for check in seen), worst, limit.unit)
    return counts


def counts_in_words(counts: Mapping[str, int], step_name: str = "hour") -> str:
    """Return the number of limits of each kind that were not kept as a sentence; empty if all were kept."""
    each = {name: limit.each.replace("hour", step_name) for name, limit in LIMITS.items()}
    said = [f"{name} in {count:,} {each[name]}" for name, count in counts.items() if count]
    return f"limits not kept: {', '.join(said)}" if said else ""


def voltages_outside(
    vm_pu: npt.ArrayLike, *, min_vm_pu: npt.ArrayLike, max_vm_pu: npt.ArrayLike
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the masks of voltages below and above their limits, as they are counted; same shape."""
    value = np.asarray(vm_pu, dtype=np.float64)
    low, high = np.asarray(min_vm_pu, dtype=np.float64), np.asarray(max_vm_pu, dtype=np.float64)
    return low - value > VOLTAGE_PU, value - high > VOLTAGE_PU


def voltage_limits(records: Records) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the voltage of every bus: its own, or those of the study, shape (H, B) each. [p.u.]"""
    buses = records["buses"]
    if "min_vm_pu" in buses.frame and "max_vm_pu" in buses.frame:
        return buses.numbers("min_vm_pu"), buses.numbers("max_vm_pu")
    low, high = (np.full(buses.order.shape, records.number(f"grid.voltage.{end}_vm_pu")) for end in ("min", "max"))
    return low, high


def check_network_limits(records: Records, checker: Checker) -> None:
    """Check voltages (Eq. 31) of all buses but the slack, whose voltage is the main grid's, and loadings (Eq. 29)."""
    buses, lines = records["buses"], records["lines"]
    names = [f"bus {name}" for name in buses.names]
    own = np.array([name != f"bus {slack_bus(records)}" for name in names], dtype=bool)
    voltage = Quantity("voltage", "p.u.", [name for name, is_own in zip(names, own, strict=True) if is_own])
    low, high = (limit[:, own] for limit in voltage_limits(records))
    checker.between("voltage_limits", buses.numbers("vm_pu")[:, own], (low, high), voltage, within=VOLTAGE_PU)
    ends = zip(records.branches["from_bus"], records.branches["to_bus"], strict=True)
    loading = Quantity("loading", "%", [f"line {a}-{b}" for a, b in ends])
    checker.at_most("loading_limits", lines.numbers("loading_percent"), 100.0, loading, within=LOADING_PERCENT)


def check_tie_line(records: Records, checker: Checker) -> None:
    """Check capacity (Eq. 29) and power factor (Eq. 30) of the tie line."""
    p_mw, q_mvar = (records["settlements"].numbers(name) for name in ("metered_mw", "metered_q_mvar"))
    apparent = Quantity("apparent power", "MVA", ["tie line"])
    capacity = records.number("grid.tie_line.max_s_mva")
    checker.at_most("tie_line_capacity", np.hypot(p_mw, q_mvar), capacity, apparent, within=TIE_LINE_MVA)
    reading = study_value(records.study, "grid.tie_line.power_factor_reading")
    tan_phi = np.tan(np.arccos(records.number("grid.tie_line.min_power_factor")))
    most = tan_phi * (p_mw if reading == "import_only" else np.abs(p_mw))
    reactive = Quantity(f"reactive power (absolute, {reading})", "Mvar", ["tie line"])
    checker.at_most("tie_line_power_factor", np.abs(q_mvar), most, reactive, within=TIE_LINE_MVA)
    if reading == "import_only" and tan_phi == 0:  # then the line above no longer says that export is forbidden
        export = Quantity("export (import_only)", "MW", ["tie line"])
        checker.at_most("tie_line_power_factor", -p_mw, 0.0, export, within=TIE_LINE_MVA)


def check_end_of_day(records: Records, checker: Checker) -> None:
    """Check that the batteries end every day as full as the study demands: at their start, if it names nothing."""
    last = records.clock.last
    fleet = Feeders(records.study, records.branches).units("battery")
    named = ["start_soc" if battery.get("min_end_soc") is None else "min_end_soc" for battery in fleet]
    least = records.batteries["start_soc"].copy()  # those of the network itself come first
    least[len(least) - len(fleet) :] = [number(battery, name) for battery, name in zip(fleet, named, strict=True)]
    full = records.batteries["max_e_mwh"]
    of = Quantity("stored energy at the end of the day", "MWh", records.batteries.names, last)
    checker.at_least("end_of_day_soc", records.batteries.soc[last] * full, least * full, of, within=SOC * full)


def check_claims(records: Records, broken: Sequence[Finding], checker: Checker) -> None:
    """Check that no decision says that its hour keeps all limits when it does not, or the reverse.

    Unless a unit or microgrid did markedly other than ordered (it says so itself, which is checked elsewhere), the
    set points of such an hour are the operator's own.
    """
    status, before = records["decisions"].values("status")[:, 0], len(checker.findings)
    for hour in np.flatnonzero(~np.isin(status, list(STATUSES))).tolist():
        message = f"status is '{status[hour]}', the audit knows {', '.join(STATUSES)}"
        checker.findings.append(Finding("claims", *records.clock.time(hour), "decision", message))
    deviates = _deviations_mva(records) > DEVIATION_MVA
    for one in broken:
        hour = _step(one, records)
        if one.check in CLAIMED and STATUSES.get(status[hour]) and not deviates[hour]:
            message = f"the decision is recorded as {status[hour]}, but {one.message}"
            checker.findings.append(Finding("claims", one.day, one.hour, one.where, message))
    for hour in _denied(records, {_step(one, records) for one in broken}).tolist():
        message = "the decision is recorded as least_violation, but all limits of the study are kept"
        checker.findings.append(Finding("claims", *records.clock.time(hour), "decision", message))
    checker.checks["claims"], checker.largest["claims"] = len(status), float(len(checker.findings) - before)


def _denied(records: Records, broken: set[int]) -> IntArray:
    """Return the hours whose plan violates limits and was realised, on days that keep all limits afterwards.

    A battery that can't end the day as it should may be short of energy hours before.
    """
    decisions = records["decisions"]
    violated = (decisions.values("status") == "least_violation") & (decisions.numbers("violation") > VIOLATION)
    as_planned = (decisions.numbers("power_flow_mismatch_mw") < PLANNED) & (
        decisions.numbers("power_flow_mismatch_pu") < PLANNED
    )
    hours = np.flatnonzero(violated & as_planned)
    rest = [range(hour, records.clock.last[records.clock.day_of[hour]] + 1) for hour in hours.tolist()]
    return hours[[broken.isdisjoint(later) for later in rest]]


def _deviations_mva(records: Records) -> FloatArray:
    """Return the largest difference between order and action of a unit or connection, shape (H,). [MVA]"""
    apart = [
        np.hypot(*(table.numbers(name) - table.numbers(f"ordered_{name}") for name in ("p_mw", "q_mvar")))
        for table in (records["dispatch"], records["trades"])
    ]
    return np.asarray(np.hstack(apart).max(axis=1, initial=0.0))


def hours_beyond(records: Records, broken: Sequence[Finding]) -> dict[str, int]:
    """Return the number of hours in which the operator did not keep a limit, by the status of the decision."""
    status = records["decisions"].values("status")[:, 0]
    hours = sorted({_step(one, records) for one in broken if one.check in CLAIMED})
    return dict(Counter(str(status[hour]) for hour in hours))


def _step(one: Finding, records: Records) -> int:
    """Return the step of a finding, counted from 0 over the whole run."""
    return records.clock.step(one.day, one.hour)
