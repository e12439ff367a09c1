"""Agreement of the operator with the microgrids, in the mode of the study."""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np

from agents.coordination import mode_class
from agents.coordination.uncoordinated import Mode as Alone
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.networked_microgrid import NetworkedMicrogrid
from sim.messages import Coordination, Schedule


class Agreement:
    """Plans that operator and microgrids agree to.

    Parameters
    ----------
    dispatcher : Dispatcher
        The operator's own.
    mode : str
        How they agree, see :mod:`agents.coordination`.
    microgrids : sequence of NetworkedMicrogrid
        The microgrids, in the order of the grid's connections.
    executor : Executor, optional
        Where microgrids are asked side by side; by default two threads.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        mode: str,
        microgrids: Sequence[NetworkedMicrogrid],
        executor: Executor | None = None,
    ) -> None:
        executor = executor or ThreadPoolExecutor(max_workers=2)
        self._name, self._microgrids = mode, microgrids
        self._mode = mode_class(mode)(dispatcher, microgrids, executor)
        self._alone = Alone(dispatcher, microgrids, executor)

    def renewed(self, dispatcher: Dispatcher) -> "Agreement":
        """Return another one for another dispatcher; an agent that was given up may still use this one."""
        return Agreement(dispatcher, self._name, self._microgrids)

    def plan(self, problem: DispatchProblem, *, network: str) -> Plan:
        """Return the plan agreed on; the microgrids must have looked at the same hours.

        Raises
        ------
        SolverError
            If there is no answer.
        """
        return self._mode.agree(problem, network=network)

    def retail_schedule(self) -> tuple[Schedule, Coordination]:
        """Return the exchange of uncoordinated microgrids at the retail price, and its record."""
        price = self._alone.retail_per_mwh
        wanted, record = self._alone.ask((price.shape[0], price.shape[1]))
        return Schedule(p_mw=wanted[0], q_mvar=np.zeros_like(wanted[0]), price_per_mwh=price[0]), record
