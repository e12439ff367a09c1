"""No coordination: every microgrid answers the retail price alone, and ANM mends what breaks."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import ClassVar

import numpy as np

from agents.coordination._priced import gather
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import BidRange
from agents.dispatch.plan import Plan
from agents.dispatch.situation import Situation
from agents.microgrid import MicrogridAgent
from sim.messages import Coordination


class Mode:
    """Takes what the microgrids do for granted."""

    summary: ClassVar[str] = "every microgrid answers the retail price alone; ANM mends what breaks"

    def __init__(self, dispatcher: Dispatcher, microgrids: Sequence[MicrogridAgent], executor: Executor) -> None:
        self._dispatcher, self._microgrids, self._executor = dispatcher, microgrids, executor

    def agree(self, situation: Situation, *, network: str, within: BidRange | None) -> Plan:
        """Return the operator's best plan around what the microgrids do at the retail price."""
        nothing = np.zeros((*situation.shape, len(self._microgrids)))
        questions = [microgrid.answer_retail for microgrid in self._microgrids]
        names = [microgrid.name for microgrid in self._microgrids]
        active, reactive, notes = gather(self._executor, questions, names, (nothing, nothing))
        given = replace(situation, exchange_p_mw=active, exchange_q_mvar=reactive)
        plan = self._dispatcher.plan(given, network=network, within=within)
        retail = np.stack([microgrid.retail_per_mwh for microgrid in self._microgrids], axis=2)
        return replace(
            plan,
            exchange_price_per_mwh=retail,
            coordination=Coordination(mode="uncoordinated", iterations=1, note="; ".join(notes)),
        )
