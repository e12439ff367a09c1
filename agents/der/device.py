"""Base of all devices of a microgrid."""

from abc import abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import mesa
import numpy as np

from sim.messages import DeviceAction
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


class MicrogridDevice(mesa.Agent):  # type: ignore[misc]
    """A device that does what its microgrid asks, within its own physical limits; an hour is Δt = 1 h.

    Its method ``order`` reads from a plan what it is asked for, ``respond`` clips that and returns what it would do
    and what that costs, and ``commit`` changes its state accordingly. A device that fails is taken to do just that.

    Parameters
    ----------
    model : MarketModel
        The market model.
    connection : str
        Name of the microgrid's connection.
    """

    DEVICE: ClassVar[str]
    """Name in the records."""

    def __init__(self, model: MarketModel, connection: str) -> None:
        super().__init__(model)
        self.connection = connection

    def act(self, plan: HourPlan) -> DeviceAction:
        """Do its part of a plan for an hour."""
        return self.actuate(*self.order(plan))

    def actuate(self, *order: float) -> DeviceAction:
        """Do for an hour what it is asked for, as far as it can: see ``respond``."""
        action = self.respond(*order)
        self.commit(action)
        return action

    @abstractmethod
    def order(self, plan: HourPlan) -> tuple[float, ...]:
        """Return its part of a plan for an hour, as ``respond`` takes it."""

    @abstractmethod
    def respond(self, *order: Any, **more: Any) -> DeviceAction:
        """Return its action on an order within its limits."""

    def commit(self, action: DeviceAction) -> None:
        """Update the state at the end of the hour; most devices keep none."""

    def energy_after(self, action: DeviceAction) -> float:
        """Return the energy an action must leave, as its record counts it; NaN for devices without any. [MWh]"""
        return np.nan

    def has_done(self, action: DeviceAction) -> bool:
        """Return whether its state is the one that an action of this hour leaves."""
        return True

    def as_it_is(self) -> Self:
        """Return a copy of its state now."""
        return copy(self)


def clipped(value: float, least: float, most: float) -> float:
    """Return a value within limits."""
    return min(max(float(value), least), most)
