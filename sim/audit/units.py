"""Units: nobody does what it can't do, orders are followed, and the batteries' energy adds up."""

import numpy as np

from sim.audit.clipping import clipping_by_limits, soc_from_power
from sim.audit.fleet import Feeders
from sim.audit.layout import RENEWABLE_KINDS, UNIT_NUMBERS
from sim.audit.records import Records, number, numbers
from sim.audit.report import ONCE, Sheet, Subject

POWER_MVA = 1e-9
"""Round-off of powers that units keep exactly. [MVA]"""

ORDER_MVA = 1e-6
"""Difference between order and deed from which on a unit must say that it clipped the order. [MW], [Mvar]"""

SOC = 1e-6
"""Tolerance of states of charge, as a fraction of the capacity."""


def check_units(records: Records, sheet: Sheet) -> None:
    """Check fleet, loads, renewables, batteries, orders and states of charge."""
    _check_fleet(records, sheet)
    _check_loads(records, sheet)
    _check_renewables(records, sheet)
    _check_batteries(records, sheet)
    _check_orders(records, sheet)
    _check_soc(records, sheet)


def _check_fleet(records: Records, sheet: Sheet) -> None:
    """Check that the units are those of the study, in its order."""
    feeders = Feeders(records.study, records.branches)
    for kind in (*RENEWABLE_KINDS, "battery"):
        group, fleet = records.units[records.units["kind"] == kind], feeders.units(kind)
        for column in UNIT_NUMBERS[kind]:
            expected = [number(unit, column) for unit in fleet]
            of = Subject(column, "", list(group["unit"]), ONCE)
            sheet.equal("fleet", numbers(group, column), expected, of, within=0.0)


def _check_loads(records: Records, sheet: Sheet) -> None:
    """Check 0 <= p <= demand and q = p·tan φ (Eq. 18-19)."""
    loads = records.loads
    demand = Subject("demand", "MW", loads.names)
    sheet.at_least("load_limits", loads.available_mw, 0.0, demand, within=0.0)
    served = Subject("served load", "MW", loads.names)
    sheet.at_least("load_limits", loads.p_mw, 0.0, served, within=POWER_MVA)
    sheet.at_most("load_limits", loads.p_mw, loads.available_mw, served, within=POWER_MVA)
    of = Subject("reactive load", "Mvar", loads.names)
    sheet.equal("load_power_factor", loads.q_mvar, loads["tan_phi"] * loads.p_mw, of, within=POWER_MVA)


def _check_renewables(records: Records, sheet: Sheet) -> None:
    """Check 0 <= p <= available <= capacity, the inverter's circle and its power factor (Eq. 20-22)."""
    units = records.renewables
    available = Subject("what is available", "MW", units.names)
    sheet.at_least("renewable_limits", units.available_mw, 0.0, available, within=0.0)
    sheet.at_most("renewable_limits", units.available_mw, units["max_s_mva"], available, within=POWER_MVA)
    output = Subject("output", "MW", units.names)
    sheet.at_least("renewable_limits", units.p_mw, 0.0, output, within=POWER_MVA)
    sheet.at_most("renewable_limits", units.p_mw, units.available_mw, output, within=POWER_MVA)
    apparent = Subject("apparent power", "MVA", units.names)
    s_mva = np.hypot(units.p_mw, units.q_mvar)
    sheet.at_most("renewable_circle", s_mva, units["max_s_mva"], apparent, within=POWER_MVA)
    reactive = Subject("reactive power (absolute)", "Mvar", units.names)
    most = units.p_mw * np.tan(np.arccos(units["min_power_factor"]))
    sheet.at_most("renewable_power_factor", np.abs(units.q_mvar), most, reactive, within=POWER_MVA)


def _check_batteries(records: Records, sheet: Sheet) -> None:
    """Check the converter's circle (Eq. 23), and that it reports its capacity."""
    units = records.batteries
    apparent = Subject("apparent power", "MVA", units.names)
    s_mva = np.hypot(units.p_mw, units.q_mvar)
    sheet.at_most("battery_circle", s_mva, units["max_s_mva"], apparent, within=POWER_MVA)
    capacity = Subject("reported capacity", "MVA", units.names)
    sheet.equal("battery_capacity", units.available_mw, units["max_s_mva"], capacity, within=POWER_MVA)


def _check_orders(records: Records, sheet: Sheet) -> None:
    """Check that every unit did as ordered, unless it says that it clipped the order and its limits explain that."""
    dispatch, names = records["dispatch"], list(records.units["unit"])
    clipped = dispatch.values("clipped").astype(bool)
    moved = []
    for column, unit in (("p_mw", "MW"), ("q_mvar", "Mvar")):
        done, ordered = dispatch.numbers(column), dispatch.numbers(f"ordered_{column}")
        of = Subject(f"{column} (not said to be clipped)", unit, names)
        sheet.equal("orders", done, np.where(clipped, done, ordered), of, within=ORDER_MVA)
        moved.append(np.abs(done - ordered))
    of = Subject("distance of a clipped order and what was done", "MVA", names)
    sheet.at_most(
        "clipped", np.where(clipped, np.hypot(*moved), 0.0), clipping_by_limits(records), of, within=ORDER_MVA
    )
    followed = clipped & (np.maximum(*moved) < ORDER_MVA - POWER_MVA)
    sheet.equal("clipped", followed, 0, Subject("clipped although it did as ordered (1: yes)", "", names), within=0.0)


def _check_soc(records: Records, sheet: Sheet) -> None:
    """Check states of charge against the start and what was charged and discharged since, and their limits."""
    units = records.batteries
    of = Subject("state of charge", "", units.names)
    sheet.equal("soc", units.soc, soc_from_power(records), of, within=SOC)
    stored, full = Subject("stored energy", "MWh", units.names), units["max_e_mwh"]
    sheet.at_least("soc_limits", units.soc * full, units["min_soc"] * full, stored, within=SOC * full)
    sheet.at_most("soc_limits", units.soc * full, units["max_soc"] * full, stored, within=SOC * full)
