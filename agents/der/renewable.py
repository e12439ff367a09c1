"""Wind turbines and PV plants: inverters whose available power depends on the weather."""

from agents.der.base import OperatorUnit, clipped
from grids.components import Renewable, within_inverter
from sim.messages import Action, Order
from sim.model import MarketModel


class RenewableAgent(OperatorUnit):
    """A renewable unit that can be curtailed and gives reactive power within its power factor (Eq. 20-22).

    Parameters
    ----------
    unit : Renewable
        Its data.
    """

    def __init__(self, model: MarketModel, *, name: str, position: int, unit: Renewable) -> None:
        super().__init__(model, name=name, position=position)
        self._unit = unit

    def respond(self, order: Order) -> Action:
        """Return output up to what is available, reactive power up to the power-factor limit, both in the circle."""
        available_mw = self.report().available_mw
        p_mw, q_mvar = within_inverter(self._unit, clipped(order.p_mw, 0.0, available_mw), order.q_mvar)
        return Action(device=self.kind, p_mw=p_mw, q_mvar=q_mvar, available_mw=available_mw)


class WindTurbineAgent(RenewableAgent):
    """A wind turbine."""

    kind = "wind"


class SolarPlantAgent(RenewableAgent):
    """A PV plant."""

    kind = "pv"
