"""Wind turbines and PV plants: inverters whose available power depends on the weather."""

import math

from agents.der.base import DerAgent, clipped_to_circle
from grids.components import Renewable
from sim.model import MarketModel


class RenewableAgent(DerAgent):
    """A renewable unit that can be curtailed and gives reactive power within its power factor (Eq. 20-22).

    Parameters
    ----------
    unit : Renewable
        Its data.
    """

    def __init__(self, model: MarketModel, *, name: str, position: int, unit: Renewable) -> None:
        super().__init__(model, name=name, kind=self.KIND, position=position)
        self._unit = unit

    KIND = "renewable"

    def clip(self, p_mw: float, q_mvar: float) -> tuple[float, float]:
        """Return output up to what is available, reactive power up to the power-factor limit, both in the circle."""
        p_mw = min(max(p_mw, 0.0), self.report().available_mw)
        limit = p_mw * math.tan(math.acos(self._unit.min_power_factor))
        return clipped_to_circle(p_mw, min(max(q_mvar, -limit), limit), self._unit.max_s_mva)


class WindTurbineAgent(RenewableAgent):
    """A wind turbine."""

    KIND = "wind"


class SolarPlantAgent(RenewableAgent):
    """A PV plant."""

    KIND = "pv"
