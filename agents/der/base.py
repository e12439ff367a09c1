"""Base of all DER agents."""

import math

import mesa

from sim.messages import Action, Order, Report
from sim.model import MarketModel

CLIP_TOLERANCE_MW = 1e-6
"""Difference between order and action that counts as clipping; below it is a solver's round-off."""


class DerAgent(mesa.Agent):  # type: ignore[misc]
    """Agent of a unit that follows orders within its own physical limits.

    Parameters
    ----------
    model : MarketModel
        The market model.
    name, kind : str
        Name and kind of the unit.
    position : int
        Its place in the grid's arrays of loads, renewables or batteries.
    """

    def __init__(self, model: MarketModel, *, name: str, kind: str, position: int) -> None:
        super().__init__(model)
        self.name, self.kind, self.position = name, kind, position

    def report(self) -> Report:
        """Return this hour's demand or available output."""
        return Report(available_mw=self.model.actual_mw(self.kind, self.position))

    def respond(self, order: Order) -> Action:
        """Return the order, clipped to the unit's limits."""
        p_mw, q_mvar = self.clip(order.p_mw, order.q_mvar)
        far = max(abs(p_mw - order.p_mw), abs(q_mvar - order.q_mvar)) > CLIP_TOLERANCE_MW
        return Action(p_mw=p_mw, q_mvar=q_mvar, clipped=far)

    def clip(self, p_mw: float, q_mvar: float) -> tuple[float, float]:
        """Return the feasible set point that answers an order. [MW], [Mvar]"""
        raise TypeError(f"{type(self).__name__} does not state its unit's limits")

    def commit(self, action: Action) -> None:
        """Update the state at the end of the hour; most units keep none."""


def clipped_to_circle(p_mw: float, q_mvar: float, max_s_mva: float) -> tuple[float, float]:
    """Return the set point, or the nearest one inside an apparent-power circle. [MW], [Mvar]

    Cutting Q alone would turn a solver's round-off in P into its square root in Q.
    """
    apparent = math.hypot(p_mw, q_mvar)
    share = max_s_mva / apparent if apparent > max_s_mva else 1.0
    return share * p_mw, share * q_mvar
