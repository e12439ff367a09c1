"""Stores of heat."""

from agents.der.base import clipped
from agents.der.device import HourPlan
from agents.der.storage import StorageAgent
from sim.messages import Action, Order


class ThermalStorageAgent(StorageAgent):
    """A thermal storage (TS), which loses some of its heat to the surroundings."""

    kind = "thermal_storage"

    def order(self, plan: HourPlan) -> Order:
        """Return its part of a plan: it gives no more heat than is used, and takes no more than can be made."""
        left = max(plan.most_heat_mw - plan.heat_needed_mw, 0.0)
        return Order(heat_mw=clipped(plan.orders["thermal_storage_p_mw"], -left, plan.heat_needed_mw))

    def respond(self, order: Order) -> Action:
        """Give (positive) or take heat for an hour."""
        heat_mw = clipped(order.heat_mw, *self.limits())
        left, wear = self.left_mwh(heat_mw), self.wear(heat_mw)
        return Action(device=self.kind, heat_mw=heat_mw, energy_mwh=left, cost=wear)
