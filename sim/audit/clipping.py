"""Clipped orders: largest deviation from an order that the limits of a unit explain."""

import numpy as np

from sim.audit.records import Records
from sim.audit.report import FloatArray
from sim.audit.schema import RENEWABLE_KINDS

Answer = tuple[FloatArray, FloatArray]
"""Active and reactive power of an order within the limits. [MW], [Mvar]"""


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
    most = units["efficiency"] * units["max_e_mwh"] * np.maximum(soc - units["min_soc"], 0.0)
    least = -units["max_e_mwh"] * np.maximum(units["max_soc"] - soc, 0.0) / units["efficiency"]
    return _in_circle(np.clip(p_mw, least, most), q_mvar, units["max_s_mva"])


def _in_circle(p_mw: FloatArray, q_mvar: FloatArray, max_s_mva: FloatArray) -> Answer:
    """Return the nearest power in a converter's circle."""
    share = max_s_mva / np.maximum(np.hypot(p_mw, q_mvar), max_s_mva)
    return share * p_mw, share * q_mvar


def soc_from_power(records: Records) -> FloatArray:
    """Return the states of charge at the end of every hour, carried over all days (Eq. 24-25), shape (H, U)."""
    units = records.batteries
    efficiency = units["efficiency"]
    drawn_mwh = np.where(units.p_mw > 0, units.p_mw / efficiency, units.p_mw * efficiency)
    left: FloatArray = units["start_soc"] - np.cumsum(drawn_mwh, axis=0) / units["max_e_mwh"]
    return left
