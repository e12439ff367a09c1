"""Warnings about values that hardly any case has; they are not refused, for the case may be a strange one."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sim.instance import Instance

DEMAND_MOST = 2.0
"""Demand, as a multiple of the nominal one, above which it is strange."""

CAPACITY_MOST = 20.0
"""Power of a unit, as a multiple of the nominal demand of the network, above which it is strange."""

STORAGE_H = (0.05, 100.0)
"""Least and most hours of full power that fill a store; others are strange. [h]"""

PRICES_PER_MWH = (1.0, 10_000.0)
"""Least and most of the largest magnitude of prices; others are strange. [$/MWh]"""

POWERS = {"max_s_mva": "MVA", "max_p_mw": "MW", "max_exchange_mw": "MW", "max_load_mw": "MW", "max_output_mw": "MW"}
"""Fields that hold the power of a unit, and their units."""


def implausible(instance: Instance) -> list[str]:
    """Return a sentence for each value of a study that hardly any case has.

    Parameters
    ----------
    instance : Instance
        The built study.
    """
    study = instance.study
    tie_line = {"grid": {"tie_line": study.grid.tie_line.model_dump()}}
    nominal_mw = float(instance.grid.load_p_mw.sum())
    return [
        *_profiles(instance),
        *_units({"fleet": study.fleet.model_dump(mode="json"), **tie_line}, "", nominal_mw),
    ]


def _profiles(instance: Instance) -> Iterator[str]:
    demand = instance.profiles.demand_pu
    if demand.max() > DEMAND_MOST:
        hour = int(demand.argmax()) + 1
        yield f"profiles.demand_pu is {demand.max():g} in hour {hour}: so many times the nominal demand of the network"
    for name in ("price_per_mwh", "retail_price_per_mwh"):
        largest = float(np.abs(getattr(instance.profiles, name)).max())
        if 0 < largest < PRICES_PER_MWH[0]:
            yield f"profiles.{name} is at most {largest:g} $/MWh: is it in $/kWh?"
        elif largest > PRICES_PER_MWH[1]:
            yield f"profiles.{name} reaches {largest:g} $/MWh"


def _units(node: Any, key: str, nominal_mw: float) -> Iterator[str]:
    """Yield a sentence for each strange value of the units in a part of a study's document."""
    if isinstance(node, list):
        for number, part in enumerate(node):
            yield from _units(part, f"{key}.{number}", nominal_mw)
    if not isinstance(node, dict):
        return
    for name, unit in POWERS.items():
        times = node.get(name, 0.0) / nominal_mw if nominal_mw > 0 else 0.0
        if times > CAPACITY_MOST:
            of_nominal = f"{times:,.0f}" if times < 1e6 else f"{times:.0e}"
            yield f"{key}.{name} is {node[name]:g} {unit}, {of_nominal} times the nominal demand of the network"
    energy, power = node.get("max_e_mwh"), node.get("max_s_mva", node.get("max_p_mw"))
    if energy is not None and power is not None and not STORAGE_H[0] <= energy / power <= STORAGE_H[1]:
        yield f"{key}.max_e_mwh is {energy:g} MWh, {energy / power:.3g} hours of its full power"
    for name, part in node.items():
        yield from _units(part, f"{key}.{name}" if key else name, nominal_mw)
