"""No coordination: every microgrid responds to the retail price alone, and ANM restores violated limits."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import ClassVar

import numpy as np

from agents.coordination._priced import MicrogridAnswers, still_standing
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.networked_microgrid import NetworkedMicrogrid
from grids.network import FloatArray
from sim.messages import Coordination


class Mode:
    """Mode that takes the exchange of the microgrids as given."""

    summary: ClassVar[str] = "every microgrid responds to the retail price alone; ANM restores violated limits"

    def __init__(self, dispatcher: Dispatcher, microgrids: Sequence[NetworkedMicrogrid], executor: Executor) -> None:
        self._dispatcher, self._microgrids = dispatcher, microgrids
        self._answers = MicrogridAnswers(executor, dispatcher.grid, microgrids)
        self._last: FloatArray | None = None

    def agree(self, problem: DispatchProblem, *, network: str) -> Plan:
        """Return the operator's best plan around the microgrids' exchange at the retail price."""
        wanted, record = self.ask(problem.shape)
        plan = self._dispatcher.plan(replace(problem, exchange_p_mw=wanted), network=network)
        return replace(plan, exchange_price_per_mwh=self.retail_per_mwh, coordination=record)

    def ask(self, shape: tuple[int, int]) -> tuple[FloatArray, Coordination]:
        """Return the microgrids' exchange at the retail price, shape (S, T, M), and its record. [MW]

        Parameters
        ----------
        shape : (int, int)
            Scenarios S and hours T they have looked at.
        """
        questions = [microgrid.answer_retail for microgrid in self._microgrids]
        last = still_standing(self._last, (*shape, len(self._microgrids)))
        self._last, notes = self._answers.ask(questions, last)
        return self._last, Coordination(mode="uncoordinated", iterations=1, note="; ".join(notes))

    @property
    def retail_per_mwh(self) -> FloatArray:
        """Retail price, shape (S, T, M). [$/MWh]"""
        return np.stack([microgrid.retail_per_mwh for microgrid in self._microgrids], axis=2)
