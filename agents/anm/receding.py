"""Receding-horizon ANM: the default operation."""

from typing import ClassVar

from agents.anm import HourView
from agents.anm._optimal import decision, plan_ahead
from agents.dispatch.dispatcher import Dispatcher
from sim.instance import Instance
from sim.messages import Decision, Knowledge


class Policy:
    """Policy that optimises hour t as realised with the forecast of the rest of the day, and carries out hour t."""

    summary: ClassVar[str] = "optimises hour t with the forecasts of the rest of the day (the default operation)"
    knowledge: ClassVar[Knowledge] = Knowledge.FORECAST
    fallback: ClassVar[str | None] = "myopic"

    def __init__(self, instance: Instance, dispatcher: Dispatcher) -> None:
        self._instance, self._dispatcher = instance, dispatcher

    def decide(self, view: HourView) -> Decision:
        """Return the first hour of the optimal plan."""
        return decision(plan_ahead(self._instance, self._dispatcher, view), "receding")
