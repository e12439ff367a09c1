"""Batteries of microgrids."""

from agents.der.base import clipped
from agents.der.device import HourPlan
from agents.der.storage import StorageAgent
from sim.messages import Action, Order


class ElectricStorageAgent(StorageAgent):
    """A battery."""

    kind = "battery"

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan for an hour."""
        return Order(p_mw=plan.orders["battery_p_mw"])

    def respond(self, order: Order) -> Action:
        """Discharge (positive) or charge for an hour."""
        p_mw = clipped(order.p_mw, *self.limits())
        return Action(device=self.kind, p_mw=p_mw, energy_mwh=self.left_mwh(p_mw), cost=self.wear(p_mw))
