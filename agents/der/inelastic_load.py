"""Consumers of electricity who do not respond to prices."""

from agents.der.device import HourPlan, MicrogridDevice, clipped
from sim.messages import DeviceAction


class InelasticLoadAgent(MicrogridDevice):
    """An electric load, served up to the demand."""

    DEVICE = "load"

    def order(self, plan: HourPlan) -> tuple[float, ...]:
        """Return its part of a plan for an hour."""
        return plan.load_mw - plan.unserved("load"), plan.load_mw

    def respond(self, served_mw: float, available_mw: float) -> DeviceAction:
        """Take power for an hour.

        Parameters
        ----------
        served_mw, available_mw : float
            Power served and demanded, positive. [MW]
        """
        served_mw = clipped(served_mw, 0.0, available_mw)
        return DeviceAction(device=self.DEVICE, p_mw=-served_mw, available_mw=available_mw)
