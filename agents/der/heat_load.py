"""Consumers of heat."""

from agents.der.device import HourPlan, MicrogridDevice, clipped
from sim.messages import DeviceAction


class HeatLoadAgent(MicrogridDevice):
    """A heat load, served up to the demand."""

    DEVICE = "heat_load"

    def order(self, plan: HourPlan) -> tuple[float, ...]:
        """Return its part of a plan for an hour."""
        return plan.heat_mw - plan.unserved("heat"), plan.heat_mw

    def respond(self, served_mw: float, available_mw: float) -> DeviceAction:
        """Take heat for an hour.

        Parameters
        ----------
        served_mw, available_mw : float
            Heat served and demanded, positive. [MW]
        """
        served_mw = clipped(served_mw, 0.0, available_mw)
        return DeviceAction(device=self.DEVICE, heat_mw=-served_mw, available_mw=available_mw)
