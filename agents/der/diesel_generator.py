"""Diesel generators."""

from agents.der.device import HourPlan, MicrogridDevice, clipped
from grids.components import DieselGenerator
from sim.messages import DeviceAction
from sim.model import MarketModel


class DieselGeneratorAgent(MicrogridDevice):
    """A diesel generator (DG).

    Parameters
    ----------
    unit : DieselGenerator
        Its data.
    """

    DEVICE = "diesel"

    def __init__(self, model: MarketModel, connection: str, unit: DieselGenerator) -> None:
        super().__init__(model, connection)
        self.unit = unit

    def order(self, plan: HourPlan) -> tuple[float, ...]:
        """Return its part of a plan for an hour."""
        return plan.orders["diesel_p_mw"], -plan.orders["exchange_q_mvar"]

    def respond(self, p_mw: float, q_mvar: float) -> DeviceAction:
        """Give active and reactive power for an hour. [MW], [Mvar]"""
        p_mw = clipped(p_mw, 0.0, self.unit.max_p_mw)
        q_mvar = clipped(q_mvar, 0.0, self.unit.max_q_mvar)
        return DeviceAction(device=self.DEVICE, p_mw=p_mw, q_mvar=q_mvar, cost=self.unit.fuel_cost(p_mw))
