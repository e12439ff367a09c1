"""Batteries of microgrids."""

from agents.der.device import HourPlan
from agents.der.storage import StorageDevice
from sim.messages import DeviceAction


class ElectricStorage(StorageDevice):
    """A battery."""

    DEVICE = "battery"

    def obey(self, plan: HourPlan) -> DeviceAction:
        """Do its part of a plan for an hour."""
        return self.carry_out(plan.orders["battery_p_mw"])

    def carry_out(self, p_mw: float) -> DeviceAction:
        """Discharge (positive) or charge for an hour. [MW]"""
        p_mw = self.exchange(p_mw)
        return DeviceAction(device=self.DEVICE, p_mw=p_mw, energy_mwh=self.energy_mwh, cost=self.wear(p_mw))
