"""Checks of units: limits are kept, orders are followed, and the batteries' energy adds up."""

import numpy as np

from sim.audit.fleet import Feeders
from sim.audit.records import Records, number, numbers
from sim.audit.report import ONCE, Checker, FloatArray, Quantity
from sim.audit.schema import RENEWABLE_KINDS, UNIT_NUMBERS

POWER_MVA = 1e-9
"""Round-off of powers that units keep exactly. [MVA]"""

ORDER_MVA = 1e-6
"""Difference between order and action from which on a unit must say that it clipped the order. [MW], [Mvar]"""

SOC = 1e-6
"""Tolerance of states of charge, as a fraction of the capacity."""

Answer = tuple[FloatArray, FloatArray]
"""Active and reactive power of an order within the limits. [MW], [Mvar]"""


def check_units(records: Records, checker: Checker) -> None:
    """Check fleet, loads, renewables, batteries, orders and states of charge."""
    _check_fleet(records, checker)
    _check_loads(records, checker)
    _check_renewables(records, checker)
    _check_batteries(records, checker)
    _check_orders(records, checker)
    _check_soc(records, checker)


def _check_fleet(records: Records, checker: Checker) -> None:
    """Check that the units are those of the study, in its order."""
    feeders = Feeders(records.study, records.branches)
    if not feeders.lists_all_units:
        return  # the inputs say what the network brings
    for kind in (*RENEWABLE_KINDS, "battery"):
        group, fleet = records.units[records.units["kind"] == kind], feeders.units(kind)
        for column in UNIT_NUMBERS[kind]:
            expected = [number(unit, column) for unit in fleet]
            of = Quantity(column, "", list(group["unit"]), ONCE)
            checker.equal("fleet", numbers(group, column), expected, of, within=0.0)


def _check_loads(records: Records, checker: Checker) -> None:
    """Check 0 <= p <= demand and q = p·tan φ (Eq. 18-19)."""
    loads = records.loads
    checker.at_least("load_limits", loads.available_mw, 0.0, Quantity("demand", "MW", loads.names), within=0.0)
    served = Quantity("served load", "MW", loads.names)
    checker.between("load_limits", loads.p_mw, (0.0, loads.available_mw), served, within=POWER_MVA)
    of = Quantity("reactive load", "Mvar", loads.names)
    checker.equal("load_power_factor", loads.q_mvar, loads["tan_phi"] * loads.p_mw, of, within=POWER_MVA)


def _check_renewables(records: Records, checker: Checker) -> None:
    """Check 0 <= p <= available <= capacity, the inverter's circle and its power factor (Eq. 20-22)."""
    units = records.renewables
    available = Quantity("what is available", "MW", units.names)
    checker.at_least("renewable_limits", units.available_mw, 0.0, available, within=0.0)
    checker.at_most("renewable_limits", units.available_mw, units["max_s_mva"], available, within=POWER_MVA)
    output = Quantity("output", "MW", units.names)
    checker.between("renewable_limits", units.p_mw, (0.0, units.available_mw), output, within=POWER_MVA)
    apparent = Quantity("apparent power", "MVA", units.names)
    s_mva = np.hypot(units.p_mw, units.q_mvar)
    checker.at_most("renewable_circle", s_mva, units["max_s_mva"], apparent, within=POWER_MVA)
    reactive = Quantity("reactive power (absolute)", "Mvar", units.names)
    most = units.p_mw * np.tan(np.arccos(units["min_power_factor"]))
    checker.at_most("renewable_power_factor", np.abs(units.q_mvar), most, reactive, within=POWER_MVA)


def _check_batteries(records: Records, checker: Checker) -> None:
    """Check the converter's circle (Eq. 23), and that it reports its capacity."""
    units = records.batteries
    apparent = Quantity("apparent power", "MVA", units.names)
    s_mva = np.hypot(units.p_mw, units.q_mvar)
    checker.at_most("battery_circle", s_mva, units["max_s_mva"], apparent, within=POWER_MVA)
    capacity = Quantity("reported capacity", "MVA", units.names)
    checker.equal("battery_capacity", units.available_mw, units["max_s_mva"], capacity, within=POWER_MVA)


def _check_orders(records: Records, checker: Checker) -> None:
    """Check that every unit did as ordered, unless it says that it clipped the order and its limits explain that."""
    dispatch, names = records["dispatch"], list(records.units["unit"])
    clipped = dispatch.values("clipped").astype(bool)
    moved = []
    for column, unit in (("p_mw", "MW"), ("q_mvar", "Mvar")):
        done, ordered = dispatch.numbers(column), dispatch.numbers(f"ordered_{column}")
        of = Quantity(f"{column} (not said to be clipped)", unit, names)
        checker.equal("orders", done, np.where(clipped, done, ordered), of, within=ORDER_MVA)
        moved.append(np.abs(done - ordered))
    of = Quantity("distance of a clipped order and what was done", "MVA", names)
    checker.at_most(
        "clipped", np.where(clipped, np.hypot(*moved), 0.0), clipping_by_limits(records), of, within=ORDER_MVA
    )
    followed = clipped & (np.maximum(*moved) < ORDER_MVA - POWER_MVA)
    checker.equal(
        "clipped", followed, 0, Quantity("clipped although it did as ordered (1: yes)", "", names), within=0.0
    )


def _check_soc(records: Records, checker: Checker) -> None:
    """Check states of charge against the start and the energy charged and discharged since, and their limits."""
    units = records.batteries
    checker.equal("soc", units.soc, soc_from_power(records), Quantity("state of charge", "", units.names), within=SOC)
    stored, full = Quantity("stored energy", "MWh", units.names), units["max_e_mwh"]
    limits = units["min_soc"] * full, units["max_soc"] * full
    checker.between("soc_limits", units.soc * full, limits, stored, within=SOC * full)


def clipping_by_limits(records: Records) -> FloatArray:
    """Return the distance by which limits alone move the order of every unit, shape (H, U). [MVA]"""
    kind, dispatch = records.units["kind"], records["dispatch"]
    moved = np.zeros_like(dispatch.numbers("ordered_p_mw"))
    for kinds, limited in ((("load",), _loads), (RENEWABLE_KINDS, _renewables), (("battery",), _batteries)):
        chosen = np.asarray(kind.isin(kinds))
        p_mw, q_mvar = (dispatch.numbers(name)[:, chosen] for name in ("ordered_p_mw", "ordered_q_mvar"))
        p, q = limited(records, p_mw, q_mvar)
        moved[:, chosen] = np.hypot(p - p_mw, q - q_mvar)
    return moved


def _loads(records: Records, p_mw: FloatArray, q_mvar: FloatArray) -> Answer:
    """Return the load that is served: up to the demand, at their own power factor (Eq. 18-19)."""
    served = np.clip(p_mw, 0.0, records.loads.available_mw)
    return served, records.loads["tan_phi"] * served


def _renewables(records: Records, p_mw: FloatArray, q_mvar: FloatArray) -> Answer:
    """Return the output of inverters, up to what is available and within circle and power factor (Eq. 20-22)."""
    units = records.renewables
    tan_phi = np.tan(np.arccos(units["min_power_factor"]))
    given = np.clip(p_mw, 0.0, units.available_mw)
    return _in_circle(given, np.clip(q_mvar, -tan_phi * given, tan_phi * given), units["max_s_mva"])


def _batteries(records: Records, p_mw: FloatArray, q_mvar: FloatArray) -> Answer:
    """Return the power of batteries, within their energy and the converter's circle (Eq. 23-25)."""
    units = records.batteries
    soc = np.vstack([units["start_soc"], soc_from_power(records)[:-1]])
    size_mw = units["max_e_mwh"] / records.step_h
    most = units["efficiency"] * size_mw * np.maximum(soc - units["min_soc"], 0.0)
    least = -size_mw * np.maximum(units["max_soc"] - soc, 0.0) / units["efficiency"]
    return _in_circle(np.clip(p_mw, least, most), q_mvar, units["max_s_mva"])


def _in_circle(p_mw: FloatArray, q_mvar: FloatArray, max_s_mva: FloatArray) -> Answer:
    """Return the nearest power in a converter's circle."""
    share = max_s_mva / np.maximum(np.hypot(p_mw, q_mvar), max_s_mva)
    return share * p_mw, share * q_mvar


def soc_from_power(records: Records) -> FloatArray:
    """Return the states of charge at the end of every step, carried over all days (Eq. 24-25), shape (H, U)."""
    units = records.batteries
    efficiency = units["efficiency"]
    drawn_mwh = np.where(units.p_mw > 0, units.p_mw / efficiency, units.p_mw * efficiency) * records.step_h
    left: FloatArray = units["start_soc"] - np.cumsum(drawn_mwh, axis=0) / units["max_e_mwh"]
    return left
