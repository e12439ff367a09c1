"""Myopic ANM: the best dispatch of hour t, without regard to the hours after it."""

from typing import ClassVar

from agents.anm import HourView
from agents.anm._optimal import decision, plan_ahead
from agents.dispatch.dispatcher import Dispatcher
from sim.instance import Instance
from sim.messages import Decision, Knowledge


class Policy:
    """Policy that optimises hour t alone."""

    summary: ClassVar[str] = "optimises hour t alone (teaching, a lower bound)"
    knowledge: ClassVar[Knowledge] = Knowledge.HOUR
    fallback: ClassVar[str | None] = "none"

    def __init__(self, instance: Instance, dispatcher: Dispatcher) -> None:
        self._instance, self._dispatcher = instance, dispatcher

    def decide(self, view: HourView) -> Decision:
        """Return the first hour of the optimal plan."""
        return decision(plan_ahead(self._instance, self._dispatcher, view), "myopic")
