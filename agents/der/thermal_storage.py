"""Stores of heat."""

from agents.der.storage import StorageDevice
from sim.messages import DeviceAction


class ThermalStorage(StorageDevice):
    """A thermal storage (TS), which loses some of its heat to the surroundings."""

    DEVICE = "thermal_storage"

    def carry_out(self, heat_mw: float) -> DeviceAction:
        """Give (positive) or take heat for an hour. [MW]"""
        heat_mw = self.exchange(heat_mw)
        return DeviceAction(device=self.DEVICE, heat_mw=heat_mw, energy_mwh=self.energy_mwh, cost=self.wear(heat_mw))
