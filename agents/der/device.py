"""Base of all devices of a microgrid."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.der.base import DerAgent
from sim.messages import Order
from sim.model import MarketModel

ROUND_OFF_MW = 1e-7
"""Load not served below which it is a solver's round-off. [MW]"""

ROUND_OFF_MWH = 1e-9
"""Difference between the energy a device holds and what its actions leave that is round-off. [MWh]"""


@dataclass(kw_only=True)
class HourPlan:
    """Plan of a microgrid for an hour, as its devices read it one after the other.

    Attributes
    ----------
    orders : mapping of str to float
        Planned powers by the names of :mod:`agents.dispatch.microgrid_hour`. [MW], [Mvar]
    load_mw, heat_mw, output_mw : float
        Electric and heat load as demanded, renewable output as available. [MW]
    most_heat_mw : float
        Heat that can be made. [MW]
    heat_needed_mw : float
        Heat that the devices asked so far use and none gives yet. [MW]
    """

    orders: Mapping[str, float]
    load_mw: float
    heat_mw: float
    output_mw: float
    most_heat_mw: float = 0.0
    heat_needed_mw: float = 0.0

    def unserved(self, kind: str) -> float:
        """Return the part of a load, ``load`` or ``heat``, that can't be served. [MW]"""
        unserved = self.orders.get(f"unserved_{kind}_mw", 0.0)
        return unserved if unserved > ROUND_OFF_MW else 0.0


class MicrogridDevice(DerAgent):
    """A device of a microgrid, which reads its order from the microgrid's plan.

    Parameters
    ----------
    unit : DieselGenerator, HeatUnit or Storage, optional
        Its data, if it has any.
    """

    def __init__(self, model: MarketModel, name: str, unit: Any = None) -> None:
        super().__init__(model, name)
        self.unit = unit

    def state(self) -> dict[str, Any]:
        """Return what it keeps from day to day, as plain JSON; most devices keep nothing."""
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from what it kept at the end of a day."""

    @abstractmethod
    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan for an hour."""
