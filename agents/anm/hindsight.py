"""Hindsight: the best dispatch of the day as it will be; the paper's own evaluation, and an upper bound."""

from typing import ClassVar

from agents.anm import HourView
from agents.anm._optimal import decision, plan_ahead
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from sim.instance import Instance
from sim.messages import Decision, Knowledge


class Policy:
    """Policy that plans the whole day in its first hour and carries the plan out."""

    summary: ClassVar[str] = "knows the whole day in advance (the paper's evaluation, an upper bound)"
    knowledge: ClassVar[Knowledge] = Knowledge.FUTURE
    fallback: ClassVar[str | None] = "receding"

    def __init__(self, instance: Instance, dispatcher: Dispatcher) -> None:
        self._instance, self._dispatcher = instance, dispatcher
        self._plan: Plan | None = None
        self._planned_at = 1

    def decide(self, view: HourView) -> Decision:
        """Return hour t of the day's plan, made in the first hour (or when an earlier attempt failed)."""
        if self._plan is None or view.period == 1:
            self._plan, self._planned_at = None, view.period
            self._plan = plan_ahead(self._instance, self._dispatcher, view)
        return decision(self._plan, "hindsight", at=view.period - self._planned_at)
