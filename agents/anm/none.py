"""No ANM (Fig. 7a): renewables at full output and unity power factor, batteries by schedule, nothing curtailed."""

from typing import ClassVar

import numpy as np

from agents.anm import HourView
from agents.dispatch.dispatcher import Dispatcher
from grids.power_flow import SetPoints
from sim.instance import Instance
from sim.messages import Decision, Knowledge


class Policy:
    """Policy that regards no limit, as in Fig. 7a."""

    summary: ClassVar[str] = "no ANM: full output, unity power factor, batteries by the day-ahead schedule"
    knowledge: ClassVar[Knowledge] = Knowledge.HOUR
    fallback: ClassVar[str | None] = None

    def __init__(self, instance: Instance, dispatcher: Dispatcher) -> None:
        self._tan_phi = instance.grid.load_tan_phi
        self._dispatcher = dispatcher

    def decide(self, view: HourView) -> Decision:
        """Return the orders: demand, available output, and the day-ahead battery schedule."""
        demand, available = view.outlook.demand_mw[0], view.outlook.available_mw[0]
        battery = view.scheduled_battery_p_mw[view.period - 1]
        agreement = self._dispatcher.agreement
        schedule, record = (None, None) if agreement is None else agreement.retail_schedule()
        return Decision(
            orders=SetPoints(
                load_p_mw=demand,
                load_q_mvar=demand * self._tan_phi,
                renewable_p_mw=available,
                renewable_q_mvar=np.zeros_like(available),
                battery_p_mw=battery,
                battery_q_mvar=np.zeros_like(battery),
                exchange_p_mw=np.zeros(0) if schedule is None else schedule.p_mw[0],
                exchange_q_mvar=np.zeros(0) if schedule is None else schedule.q_mvar[0],
            ),
            policy="none",
            status="unplanned",
            schedule=schedule,
            coordination=record,
        )
