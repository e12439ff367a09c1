"""Stores of heat."""

from agents.der.device import HourPlan
from agents.der.storage import StorageDevice
from sim.messages import DeviceAction


class ThermalStorage(StorageDevice):
    """A thermal storage (TS), which loses some of its heat to the surroundings."""

    DEVICE = "thermal_storage"

    def obey(self, plan: HourPlan) -> DeviceAction:
        """Do its part of a plan for an hour; it gives no more heat than is used."""
        return self.carry_out(min(plan.orders["thermal_storage_p_mw"], plan.heat_needed_mw))

    def carry_out(self, heat_mw: float) -> DeviceAction:
        """Give (positive) or take heat for an hour. [MW]"""
        heat_mw = self.exchange(heat_mw)
        return DeviceAction(device=self.DEVICE, heat_mw=heat_mw, energy_mwh=self.energy_mwh, cost=self.wear(heat_mw))
