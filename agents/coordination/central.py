"""Central coordination: one optimisation that sees all devices; the benchmark."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import ClassVar

from agents.coordination._priced import marginal_prices
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.networked_microgrid import NetworkedMicrogrid
from sim.messages import Coordination

FREE_PER_MWH = 0.01
"""Price around zero at which energy is free, for all that a solver can tell. [$/MWh]"""


class Mode:
    """Mode that decides for all; a microgrid pays the marginal cost of serving it."""

    summary: ClassVar[str] = "one optimisation that sees all devices (the benchmark)"

    def __init__(self, dispatcher: Dispatcher, microgrids: Sequence[NetworkedMicrogrid], executor: Executor) -> None:
        self._dispatcher, self._microgrids = dispatcher, microgrids

    def agree(self, problem: DispatchProblem, *, network: str) -> Plan:
        """Return the plan that is best for all together.

        Where energy has a price below zero at a connection, stores would charge more than fits: it is ruled out.
        """
        together = replace(problem, community=tuple(microgrid.reveal() for microgrid in self._microgrids))
        plan = self._dispatcher.plan(together, network=network)
        prices = marginal_prices(problem, plan)
        if prices.min(initial=0.0) < -FREE_PER_MWH:
            plan = self._dispatcher.plan(replace(together, fits=True), network=network)
            prices = marginal_prices(problem, plan)
        return replace(
            plan,
            exchange_price_per_mwh=prices,
            coordination=Coordination(mode="central", iterations=1),
        )
