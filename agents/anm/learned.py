"""Learned ANM: hour t alone, with trained values of the energy in the stores at its end."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from agents.anm import HourView
from agents.anm._optimal import decision, plan_ahead
from agents.dispatch.dispatcher import Dispatcher
from agents.value_functions.functions import read_functions
from grids.components import energy_limits
from sim.errors import StudyError
from sim.instance import Instance
from sim.messages import Decision, Knowledge


class Policy:
    """Policy that optimises hour t alone with values of stored energy: nearly as far-sighted as planning the day."""

    summary: ClassVar[str] = "optimises hour t with trained values of stored energy (tieline train)"
    knowledge: ClassVar[Knowledge] = Knowledge.HOUR
    fallback: ClassVar[str | None] = "myopic"

    def __init__(self, instance: Instance, dispatcher: Dispatcher) -> None:
        if instance.study.trained is None:
            raise StudyError(
                "policy: learned needs value functions; make them with tieline train STUDY --out FILE and give"
                " --trained FILE"
            )
        self._instance, self._dispatcher = instance, dispatcher
        self.functions = read_functions(Path(instance.study.trained), instance.study, instance.grid)

    def decide(self, view: HourView) -> Decision:
        """Return the orders of the hour."""
        grid = self._instance.grid
        least, most = np.array([energy_limits(unit) for unit in grid.batteries]).reshape(-1, 2).T
        values = self.functions.of([*grid.battery_names], view.period, least, most)
        return decision(plan_ahead(self._instance, self._dispatcher, view, values), "learned")
