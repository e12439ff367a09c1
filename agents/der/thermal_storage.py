"""Stores of heat."""

from agents.der.device import HourPlan, clipped
from agents.der.storage import StorageAgent
from sim.messages import DeviceAction


class ThermalStorageAgent(StorageAgent):
    """A thermal storage (TS), which loses some of its heat to the surroundings."""

    DEVICE = "thermal_storage"

    def order(self, plan: HourPlan) -> tuple[float, ...]:
        """Return its part of a plan: it gives no more heat than is used, and takes no more than can be made."""
        left = max(plan.most_heat_mw - plan.heat_needed_mw, 0.0)
        return (clipped(plan.orders["thermal_storage_p_mw"], -left, plan.heat_needed_mw),)

    def respond(self, heat_mw: float) -> DeviceAction:
        """Give (positive) or take heat for an hour. [MW]"""
        heat_mw = clipped(heat_mw, *self.limits())
        left, wear = self.left_mwh(heat_mw), self.wear(heat_mw)
        return DeviceAction(device=self.DEVICE, heat_mw=heat_mw, energy_mwh=left, cost=wear)
