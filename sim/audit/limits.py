"""Limits of network and day that an operation may fail to keep, honestly: voltages, lines, tie line, last SOC."""

import numpy as np

from sim.audit.fleet import Feeders
from sim.audit.layout import HOURS_PER_DAY
from sim.audit.records import Records, number, setting
from sim.audit.report import Sheet, Subject

VOLTAGE_PU, LOADING_PERCENT, TIE_LINE_MVA, SOC = 1e-6, 1e-3, 1e-5, 1e-6
"""By how much a limit may be exceeded before it counts as violated: a solver's accuracy."""


def check_network_limits(records: Records, sheet: Sheet) -> None:
    """Check voltages (Eq. 31) and line loadings (Eq. 29)."""
    buses, lines = records["buses"], records["lines"]
    voltage = Subject("voltage", "p.u.", [f"bus {name}" for name in buses.names])
    least, most = records.number("grid.voltage.min_vm_pu"), records.number("grid.voltage.max_vm_pu")
    sheet.at_least("voltage_limits", buses.numbers("vm_pu"), least, voltage, within=VOLTAGE_PU)
    sheet.at_most("voltage_limits", buses.numbers("vm_pu"), most, voltage, within=VOLTAGE_PU)
    ends = zip(records.branches["from_bus"], records.branches["to_bus"], strict=True)
    loading = Subject("loading", "%", [f"line {a}-{b}" for a, b in ends])
    sheet.at_most("loading_limits", lines.numbers("loading_percent"), 100.0, loading, within=LOADING_PERCENT)


def check_tie_line(records: Records, sheet: Sheet) -> None:
    """Check capacity (Eq. 29) and power factor (Eq. 30) of the tie line."""
    p_mw, q_mvar = (records["settlements"].numbers(name) for name in ("metered_mw", "metered_q_mvar"))
    apparent = Subject("apparent power", "MVA", ["tie line"])
    capacity = records.number("grid.tie_line.max_s_mva")
    sheet.at_most("tie_line_capacity", np.hypot(p_mw, q_mvar), capacity, apparent, within=TIE_LINE_MVA)
    reading = setting(records.study, "grid.tie_line.power_factor_reading")
    tan_phi = np.tan(np.arccos(records.number("grid.tie_line.min_power_factor")))
    most = tan_phi * (p_mw if reading == "import_only" else np.abs(p_mw))
    reactive = Subject(f"reactive power (absolute, {reading})", "Mvar", ["tie line"])
    sheet.at_most("tie_line_power_factor", np.abs(q_mvar), most, reactive, within=TIE_LINE_MVA)
    if reading == "import_only" and tan_phi == 0:  # then the line above no longer says that export is forbidden
        export = Subject("export (import_only)", "MW", ["tie line"])
        sheet.at_most("tie_line_power_factor", -p_mw, 0.0, export, within=TIE_LINE_MVA)


def check_end_of_day(records: Records, sheet: Sheet) -> None:
    """Check that the batteries end every day as full as the study demands: at their start, if it names nothing."""
    last = np.arange(HOURS_PER_DAY - 1, records.days * HOURS_PER_DAY, HOURS_PER_DAY)
    fleet = Feeders(records.study, records.branches).units("battery")
    named = ["start_soc" if battery.get("min_end_soc") is None else "min_end_soc" for battery in fleet]
    least = [number(battery, name) for battery, name in zip(fleet, named, strict=True)]
    of = Subject("state of charge at the end of the day", "", records.batteries.names, last)
    sheet.at_least("end_of_day_soc", records.batteries.soc[last], least, of, within=SOC)
