"""Transactive coordination: operator and microgrids exchange prices and quantities until they agree.

The alternating direction method of multipliers (ADMM; Boyd et al. 2011, https://doi.org/10.1561/2200000016) on the
exchange of every port, hour and scenario. The operator knows of a microgrid how much it may exchange; the microgrid
knows of the network a price and a quantity. Both keep their problems to themselves.

For a single hour a microgrid's answer to all prices is a curve; it hands that in, and one or two rounds are enough
(:mod:`agents.coordination._curves`).
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from agents.coordination._curves import agree_on_curves
from agents.coordination._priced import Audience, still_standing
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import BidRange
from agents.dispatch.plan import Plan, settle_by
from agents.dispatch.port_situation import Offers
from agents.dispatch.port_tiles import exchange_limits
from agents.dispatch.situation import Signs, Situation
from agents.microgrid import MicrogridAgent
from agents.microgrid_planner import Quote
from grids.network import FloatArray
from sim.messages import Coordination

PROXIMAL = 200.0
"""ρ: how much a price changes for a MW of disagreement. [$/MW²h]"""

TOLERANCE_MW, TOLERANCE_PER_MWH = 2e-4, 0.1
"""Disagreement, and change of prices, at which the parties agree. [MW], [$/MWh]"""

LEAST_ROUNDS, MOST_ROUNDS = 3, 60


@dataclass(eq=False)
class _State:
    """Where a negotiation stands: wishes of both sides and prices, shape (S, T, M) each, and directions of flows."""

    wanted: tuple[FloatArray, FloatArray]
    offered: tuple[FloatArray, FloatArray]
    price: tuple[FloatArray, FloatArray]
    signs: Signs

    def an_hour_later(self) -> "_State":
        """Return the same without its first hour."""
        return _State(
            wanted=(self.wanted[0][:, 1:], self.wanted[1][:, 1:]),
            offered=(self.offered[0][:, 1:], self.offered[1][:, 1:]),
            price=(self.price[0][:, 1:], self.price[1][:, 1:]),
            signs=Signs(bid=self.signs.bid[1:], flow=self.signs.flow[:, 1:]),
        )


class Mode:
    """Negotiates; begins with the prices and quantities of the hour before."""

    summary: ClassVar[str] = "operator and microgrids exchange prices and quantities until they agree (ADMM)"

    def __init__(self, dispatcher: Dispatcher, microgrids: Sequence[MicrogridAgent], executor: Executor) -> None:
        self._dispatcher, self._microgrids = dispatcher, microgrids
        limits = np.array([exchange_limits(port) for port in dispatcher.grid.ports])
        self._audience = Audience(executor, [microgrid.name for microgrid in microgrids], limits)
        self._last: _State | None = None
        self._hour_before: Plan | None = None

    def agree(self, situation: Situation, *, network: str, within: BidRange | None) -> Plan:
        """Return the operator's plan for what was agreed: on demand curves for a single hour, else by ADMM."""
        if situation.shape == (1, 1) and within is None:
            self._hour_before = agree_on_curves(
                self._dispatcher, self._microgrids, self._audience, situation, self._hour_before, network=network
            )
            return self._hour_before
        return self._negotiate(situation, network, within)

    def _negotiate(self, situation: Situation, network: str, within: BidRange | None) -> Plan:
        state, stale, remarks = self._begin(situation)
        notes = dict.fromkeys(remarks)
        rounds, primal, dual = 0, np.inf, np.inf
        while rounds < MOST_ROUNDS and (rounds < LEAST_ROUNDS or primal > TOLERANCE_MW or dual > TOLERANCE_PER_MWH):
            rounds += 1
            if rounds > 1 or stale:
                notes |= dict.fromkeys(self._ask_microgrids(state))
            before = state.offered
            plan = self._ask_network(situation, state, network, within)
            state.signs = settle_by(plan, state.signs)  # as the first answer of the network leans
            gap = [wish - offer for wish, offer in zip(state.wanted, state.offered, strict=True)]
            state.price = (state.price[0] + PROXIMAL * gap[0], state.price[1] + PROXIMAL * gap[1])
            primal = max(float(np.abs(part).max(initial=0.0)) for part in gap)
            dual = PROXIMAL * max(
                float(np.abs(now - then).max(initial=0.0)) for now, then in zip(state.offered, before, strict=True)
            )
        self._last = state
        given = replace(situation, exchange_p_mw=state.wanted[0], exchange_q_mvar=state.wanted[1])
        plan = self._dispatcher.plan(given, network=network, within=within)
        return replace(
            plan,
            exchange_price_per_mwh=state.price[0],
            coordination=Coordination(
                mode="transactive",
                iterations=rounds,
                primal_residual_mw=primal,
                dual_residual_per_mwh=dual,
                note="; ".join(notes),
            ),
        )

    def _begin(self, situation: Situation) -> tuple[_State, bool, list[str]]:
        """Return where to begin, whether it is stale, and what went wrong.

        It is what was agreed an hour ago, or day-ahead prices and what the microgrids want at them.
        """
        shape = (*situation.shape, len(self._microgrids))
        if self._last is not None and self._last.price[0].shape == (shape[0], shape[1] + 1, shape[2]):
            return self._last.an_hour_later(), True, []
        price = np.broadcast_to(situation.price_per_mwh[None, :, None], shape).copy()
        questions = [
            partial(microgrid.answer, Quote.plain(price[..., m])) for m, microgrid in enumerate(self._microgrids)
        ]
        last = still_standing(None if self._last is None else self._last.wanted, shape)
        wanted, notes = self._audience.ask(questions, last)
        signs = Signs.unsettled(*situation.shape)
        return _State(wanted=wanted, offered=wanted, price=(price, np.zeros(shape)), signs=signs), False, notes

    def _ask_microgrids(self, state: _State) -> list[str]:
        """Ask every microgrid what it wants at its prices, near what the operator offers; return what went wrong."""
        questions = [
            partial(
                microgrid.answer,
                Quote(
                    p_price_per_mwh=state.price[0][..., m],
                    q_price_per_mvarh=state.price[1][..., m],
                    near_p_mw=state.offered[0][..., m],
                    near_q_mvar=state.offered[1][..., m],
                    proximal=PROXIMAL,
                ),
            )
            for m, microgrid in enumerate(self._microgrids)
        ]
        state.wanted, notes = self._audience.ask(questions, state.wanted)
        return notes

    def _ask_network(self, situation: Situation, state: _State, network: str, within: BidRange | None) -> Plan:
        """Let the operator say what the network would like, near what the microgrids want."""
        offers = Offers(
            p_cost_per_mwh=-state.price[0] - PROXIMAL * state.wanted[0],
            q_cost_per_mvarh=-state.price[1] - PROXIMAL * state.wanted[1],
            proximal=PROXIMAL,
        )
        plan = self._dispatcher.relaxed(replace(situation, offers=offers), state.signs, network=network, within=within)
        points = plan.set_points
        state.offered = (points.exchange_p_mw, points.exchange_q_mvar)
        return plan
