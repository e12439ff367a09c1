"""Renewable units of microgrids."""

from agents.der.device import HourPlan, MicrogridDevice, clipped
from sim.messages import DeviceAction


class RenewableOutputAgent(MicrogridDevice):
    """Renewable output that can be curtailed, at no cost."""

    DEVICE = "output"

    def order(self, plan: HourPlan) -> tuple[float, ...]:
        """Return its part of a plan for an hour."""
        return plan.orders["output_p_mw"], plan.output_mw

    def respond(self, p_mw: float, available_mw: float) -> DeviceAction:
        """Give power for an hour.

        Parameters
        ----------
        p_mw, available_mw : float
            Power asked for and available, positive. [MW]
        """
        return DeviceAction(device=self.DEVICE, p_mw=clipped(p_mw, 0.0, available_mw), available_mw=available_mw)
