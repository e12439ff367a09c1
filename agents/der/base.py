"""Base of all DER agents: the operator's units, and the devices of microgrids."""

from abc import abstractmethod
from copy import copy
from typing import Self

import mesa
import numpy as np

from sim.messages import Action, Order, Report
from sim.model import MarketModel


class DerAgent(mesa.Agent):  # type: ignore[misc]
    """Agent of a device that does what its owner asks, within its own physical limits, for a step.

    Its owner calls ``act``. The limits of a kind of device are in ``respond``, which clips an order and returns the
    action with its cost, and its state is changed in ``commit``.

    Parameters
    ----------
    model : MarketModel
        The market model.
    name : str
        Name of the unit, or of its microgrid's connection.
    """

    kind: str
    """Kind in the records."""

    def __init__(self, model: MarketModel, name: str) -> None:
        super().__init__(model)
        self.name = name

    @property
    def step_h(self) -> float:
        """Length of a step. [h]"""
        return float(self.model.step_h)

    def act(self, order: Order) -> Action:
        """Act on an order for a step, within its limits."""
        action = self.respond(order)
        self.commit(action)
        return action

    @abstractmethod
    def respond(self, order: Order) -> Action:
        """Return its action on an order within its limits."""

    def commit(self, action: Action) -> None:
        """Update the state at the end of the step; most devices keep none."""

    def energy_after(self, action: Action) -> float:
        """Return the energy an action must leave, as its record counts it; NaN for devices without any. [MWh]"""
        return np.nan

    def has_done(self, action: Action) -> bool:
        """Return whether its state is the one that an action of this hour leaves."""
        return True

    def as_it_is(self) -> Self:
        """Return a copy of its state now."""
        return copy(self)


class OperatorUnit(DerAgent):
    """Agent of a unit that the operator dispatches itself, and that reports to it.

    Parameters
    ----------
    position : int
        Its place in the grid's arrays of loads, renewables or batteries.
    """

    def __init__(self, model: MarketModel, *, name: str, position: int) -> None:
        super().__init__(model, name)
        self.position = position

    def report(self) -> Report:
        """Return this hour's demand or available output."""
        return Report(available_mw=self.model.actual_mw(self.kind, self.position))


def clipped(value: float, least: float, most: float) -> float:
    """Return a value within limits."""
    return min(max(float(value), least), most)
