"""Batteries of microgrids."""

from agents.der.device import HourPlan, clipped
from agents.der.storage import StorageAgent
from sim.messages import DeviceAction


class ElectricStorageAgent(StorageAgent):
    """A battery."""

    DEVICE = "battery"

    def order(self, plan: HourPlan) -> tuple[float, ...]:
        """Return its part of a plan for an hour."""
        return (plan.orders["battery_p_mw"],)

    def respond(self, p_mw: float) -> DeviceAction:
        """Discharge (positive) or charge for an hour. [MW]"""
        p_mw = clipped(p_mw, *self.limits())
        return DeviceAction(device=self.DEVICE, p_mw=p_mw, energy_mwh=self.left_mwh(p_mw), cost=self.wear(p_mw))
