"""Dispatcher of an operator with microgrids: every plan is one they agree to."""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np

from agents.coordination import mode_class
from agents.coordination.uncoordinated import Mode as Alone
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import BidBounds
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.dispatch.search.branch_and_bound import Effort
from agents.networked_microgrid import NetworkedMicrogrid
from agents.value_functions.functions import ValueFunctions
from sim.messages import Coordination, Knowledge, Schedule
from sim.scenarios import ScenarioSet


class CoordinatedDispatcher(Dispatcher):
    """Dispatcher whose plans operator and microgrids agree to, in the mode of the study.

    It stands in for the :class:`Dispatcher` wherever bids and hours are planned.

    Parameters
    ----------
    dispatcher : Dispatcher
        The operator's own.
    mode : str
        Mode of coordination, see :mod:`agents.coordination`.
    microgrids : sequence of NetworkedMicrogrid
        The microgrids, in the order of the grid's connections.
    executor : Executor, optional
        Executor on which microgrids are asked side by side; by default two threads.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        mode: str,
        microgrids: Sequence[NetworkedMicrogrid],
        executor: Executor | None = None,
    ) -> None:
        super().__init__(
            dispatcher.grid,
            dispatcher.tariff,
            dispatcher.rule,
            effort=dispatcher.effort,
            risk=dispatcher.risk,
            progress=dispatcher.progress,
        )
        self.microgrids = microgrids
        executor = executor or ThreadPoolExecutor(max_workers=2)
        self._own, self._mode_name = dispatcher, mode
        self._mode = mode_class(mode)(dispatcher, microgrids, executor)
        self._alone = Alone(dispatcher, microgrids, executor)

    def renewed(self) -> Dispatcher:
        """Return another one for the same problems; an agent that was given up may still use this one."""
        return CoordinatedDispatcher(self._own.renewed(), self._mode_name, self.microgrids)

    def look_ahead(self, knowledge: Knowledge) -> None:
        """Give every microgrid the outlook on the coming hours of the day."""
        for microgrid in self.microgrids:
            microgrid.look_ahead(knowledge)

    def look_a_day_ahead(self, scenarios: ScenarioSet) -> None:
        """Give every microgrid scenarios of the coming day."""
        for microgrid in self.microgrids:
            microgrid.look_a_day_ahead(scenarios)

    def value_by(self, functions: ValueFunctions | None) -> None:
        """Set the functions by which every microgrid values its stored energy after a single hour; None for none."""
        for microgrid in self.microgrids:
            microgrid.value_by(functions)

    def retail_schedule(self) -> tuple[Schedule, Coordination] | None:
        """Return the exchange of uncoordinated microgrids at the retail price, and its record."""
        price = self._alone.retail_per_mwh
        wanted, record = self._alone.ask((price.shape[0], price.shape[1]))
        return Schedule(p_mw=wanted[0], q_mvar=np.zeros_like(wanted[0]), price_per_mwh=price[0]), record

    def plan(
        self,
        problem: DispatchProblem,
        *,
        network: str = "branch_flow",
        bounds: BidBounds | None = None,
        effort: Effort | None = None,
    ) -> Plan:
        """Return the plan agreed on; the microgrids must have looked at the same hours.

        Raises
        ------
        SolverError
            If there is no answer.
        """
        return self._mode.agree(problem, network=network, bounds=bounds)
