"""What all devices behind a microgrid's port have in common."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import mesa

from sim.messages import DeviceAction
from sim.model import MarketModel

ROUND_OFF_MW = 1e-7
"""Load not served below which it is a solver's round-off. [MW]"""


@dataclass(kw_only=True)
class HourPlan:
    """What a microgrid has planned for an hour, as its devices read it one after the other.

    Attributes
    ----------
    orders : mapping of str to float
        Planned powers by the names of :mod:`agents.dispatch.microgrid_hour`. [MW], [Mvar]
    load_mw, heat_mw, output_mw : float
        Electric and heat load as demanded, renewable output as available. [MW]
    most_heat_mw : float
        Heat that can be made. [MW]
    heat_needed_mw : float
        Heat that the devices asked so far use and nobody gives yet. [MW]
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


class MicrogridDevice(mesa.Agent):  # type: ignore[misc]
    """A device that does what its microgrid asks, within its own physical limits; an hour is Δt = 1 h.

    Every device has a method ``carry_out``, which clips what it is asked for, changes the device's state, and returns
    a :class:`sim.messages.DeviceAction` with what it did and what that cost. Its method ``obey`` reads from a plan
    what it is asked for.

    Parameters
    ----------
    model : MarketModel
        The stage.
    port : str
        Name of the port behind which it is.
    """

    DEVICE: ClassVar[str]
    """What it is called in the records."""

    def __init__(self, model: MarketModel, port: str) -> None:
        super().__init__(model)
        self.port = port

    @abstractmethod
    def obey(self, plan: HourPlan) -> DeviceAction:
        """Do its part of a plan for an hour."""


def clipped(value: float, least: float, most: float) -> float:
    """Return a value within limits."""
    return min(max(float(value), least), most)
