"""Myopic ANM: the best dispatch of hour t, with no thought of the hours after it."""

from typing import ClassVar

from agents.anm import HourView
from agents.anm._optimal import decision, plan_ahead
from agents.dispatch.dispatcher import Dispatcher
from sim.messages import Decision, Knowledge
from sim.setting import Setting


class Policy:
    """Optimises hour t alone."""

    summary: ClassVar[str] = "optimises hour t alone (teaching, a lower bound)"
    knowledge: ClassVar[Knowledge] = Knowledge.HOUR
    fallback: ClassVar[str | None] = "none"

    def __init__(self, setting: Setting, dispatcher: Dispatcher) -> None:
        self._setting, self._dispatcher = setting, dispatcher

    def decide(self, view: HourView) -> Decision:
        """Return the first hour of the optimal plan."""
        return decision(plan_ahead(self._setting, self._dispatcher, view), "myopic")
