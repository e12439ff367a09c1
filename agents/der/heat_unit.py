"""The units that make the heat of microgrids."""

from agents.der.device import HourPlan, MicrogridDevice, clipped
from grids.components import HeatUnit
from sim.messages import DeviceAction
from sim.model import MarketModel


class HeatUnitAgent(MicrogridDevice):
    """A combined heat and power unit or an electric heater (RC); surplus heat is vented.

    Parameters
    ----------
    unit : HeatUnit
        Its data.
    """

    DEVICE = "heat_unit"

    def __init__(self, model: MarketModel, connection: str, unit: HeatUnit) -> None:
        super().__init__(model, connection)
        self.unit = unit

    @property
    def sign(self) -> int:
        """Sign of its electric power: 1 if it is injected, -1 if it is consumed."""
        return 1 if self.unit.reading == "combined_heat_and_power" else -1

    def order(self, plan: HourPlan) -> tuple[float, ...]:
        """Return its part of a plan for an hour; it comes last and closes the balance of heat."""
        power = max(plan.orders["heat_unit_p_mw"], plan.heat_needed_mw / self.unit.heat_ratio)
        return power, plan.heat_needed_mw

    def respond(self, p_mw: float, heat_mw: float) -> DeviceAction:
        """Run for an hour.

        Parameters
        ----------
        p_mw : float
            Electric power, made or used, positive in both cases. [MW]
        heat_mw : float
            Heat to be given. [MW]
        """
        unit = self.unit
        p_mw = clipped(p_mw, 0.0, unit.max_p_mw)
        heat_mw = clipped(heat_mw, 0.0, unit.heat_ratio * p_mw)
        return DeviceAction(device=self.DEVICE, p_mw=self.sign * p_mw, heat_mw=heat_mw, cost=unit.cost_per_mwh * p_mw)
