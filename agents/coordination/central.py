"""Central coordination: one optimisation that sees all devices; the benchmark."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import ClassVar

from agents.coordination._priced import marginal_prices
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import BidRange
from agents.dispatch.plan import Plan
from agents.dispatch.situation import Situation
from agents.microgrid import MicrogridAgent
from sim.messages import Coordination


class Mode:
    """Decides for everybody; what a microgrid pays is the marginal cost of serving it."""

    summary: ClassVar[str] = "one optimisation that sees all devices (the benchmark)"

    def __init__(self, dispatcher: Dispatcher, microgrids: Sequence[MicrogridAgent], executor: Executor) -> None:
        self._dispatcher, self._microgrids = dispatcher, microgrids

    def agree(self, situation: Situation, *, network: str, within: BidRange | None) -> Plan:
        """Return the plan that is best for all together."""
        community = tuple(microgrid.reveal() for microgrid in self._microgrids)
        plan = self._dispatcher.plan(replace(situation, community=community), network=network, within=within)
        return replace(
            plan,
            exchange_price_per_mwh=marginal_prices(situation, plan),
            coordination=Coordination(mode="central", iterations=1),
        )
