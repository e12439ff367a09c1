"""Transactive coordination: operator and microgrids exchange prices and quantities until they agree.

The alternating direction method of multipliers (ADMM; Boyd et al. 2011, https://doi.org/10.1561/2200000016) on the
exchange of every connection, hour and scenario. The operator knows of a microgrid how much it may exchange; the
microgrid knows of the network a price and a quantity. Both keep their problems to themselves. Reactive power costs a
microgrid nothing: the operator asks for it as it likes, within the announced limits.

For a single hour a microgrid's answer to all prices is a curve; it submits that, and four rounds at most follow
from it (:mod:`agents.coordination._curves`).
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import numpy as np

from agents.coordination._curves import agree_on_curves
from agents.coordination._priced import MicrogridAnswers, not_agreed, still_standing
from agents.dispatch.connection_problem import Offers
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan, fix_directions
from agents.dispatch.problem import Directions, DispatchProblem, mean_problem
from agents.microgrid_optimizer import Quote
from agents.networked_microgrid import NetworkedMicrogrid
from grids.network import FloatArray
from sim.messages import Coordination

PROXIMAL = 200.0
"""Penalty parameter ρ: change of a price for a MW of disagreement. [$/MW²h]"""

TOLERANCE_MW, TOLERANCE_PER_MWH = 2e-4, 0.1
"""Disagreement, and change of prices, at which the parties agree. [MW], [$/MWh]"""

BID_FACTOR = 5.0
"""Factor of the tolerances day ahead, for every hour is negotiated again when it comes."""

LEAST_ROUNDS, MOST_ROUNDS = 3, 60


@dataclass(eq=False)
class _State:
    """State of a negotiation: quantities of both sides and prices, shape (S, T, M) each, and directions of flows."""

    wanted: FloatArray
    offered: FloatArray
    price: FloatArray
    directions: Directions

    def an_hour_later(self) -> "_State":
        """Return the same without its first hour."""
        return _State(
            wanted=self.wanted[:, 1:],
            offered=self.offered[:, 1:],
            price=self.price[:, 1:],
            directions=Directions(bid=self.directions.bid[1:], flow=self.directions.flow[:, 1:]),
        )


class Mode:
    """Mode that negotiates, beginning with the prices and quantities of the hour before."""

    summary: ClassVar[str] = "operator and microgrids exchange prices and quantities until they agree (ADMM)"

    def __init__(self, dispatcher: Dispatcher, microgrids: Sequence[NetworkedMicrogrid], executor: Executor) -> None:
        self._dispatcher, self._microgrids = dispatcher, microgrids
        self._answers = MicrogridAnswers(executor, dispatcher.grid, microgrids)
        self._last: _State | None = None
        self._hour_before: Plan | None = None
        self._agreed_mw: FloatArray | None = None  # by either method, for microgrids that don't answer

    def agree(self, problem: DispatchProblem, *, network: str) -> Plan:
        """Return the operator's plan for the agreed exchange: on demand curves for a single hour, else by ADMM."""
        if problem.shape == (1, 1) and problem.bounds is None:
            standing = still_standing(self._agreed_mw, (1, 1, len(self._microgrids)))[0, 0]
            plan = self._hour_before = agree_on_curves(
                self._dispatcher,
                self._microgrids,
                self._answers,
                problem,
                self._hour_before,
                standing,
                network=network,
            )
        else:
            plan = self._negotiate(problem, network)
        self._agreed_mw = plan.set_points.exchange_p_mw
        return plan

    def _negotiate(self, problem: DispatchProblem, network: str) -> Plan:
        """Return the operator's plan for the exchange agreed by ADMM.

        With many scenarios the network is asked about their mean first, which costs a fraction and decides most; then
        about all of them.
        """
        state, stale, remarks = self._begin(problem)
        notes = dict.fromkeys(remarks)
        parts = [_Negotiation(mean_problem(problem))] if problem.shape[0] > 1 else []
        parts.append(_Negotiation(problem))
        slack = 1.0 if problem.bounds is None else BID_FACTOR
        for part in parts:
            while not part.is_over(slack):
                if stale or part.rounds > 0:
                    notes |= dict.fromkeys(self._ask_microgrids(state))
                stale = True  # what the microgrids want answers older prices from now on
                self._ask_network(part, problem.probability, state, network)
        last = parts[-1]
        if not last.has_agreed(slack):
            notes[not_agreed(last.rounds, last.primal_mw, last.dual_per_mwh)] = None
        self._last = replace(state, directions=parts[-1].directions)
        given = replace(problem, exchange_p_mw=state.wanted)
        plan = self._dispatcher.plan(given, network=network)
        return replace(
            plan,
            exchange_price_per_mwh=state.price,
            coordination=Coordination(
                mode="transactive",
                iterations=sum(part.rounds for part in parts),
                primal_residual_mw=parts[-1].primal_mw,
                dual_residual_per_mwh=parts[-1].dual_per_mwh,
                note="; ".join(notes),
            ),
        )

    def _begin(self, problem: DispatchProblem) -> tuple[_State, bool, list[str]]:
        """Return the state to begin with, whether it is stale, and failures.

        It is the agreement of an hour ago, or day-ahead prices and the microgrids' quantities at them.
        """
        shape = (*problem.shape, len(self._microgrids))
        if self._last is not None and self._last.price.shape == (shape[0], shape[1] + 1, shape[2]):
            return self._last.an_hour_later(), True, []
        price = np.broadcast_to(problem.price_per_mwh[None, :, None], shape).copy()
        questions = [
            partial(microgrid.answer, Quote.plain(price[..., m])) for m, microgrid in enumerate(self._microgrids)
        ]
        last = still_standing(self._agreed_mw, shape)
        wanted, notes = self._answers.ask(questions, last)
        directions = Directions.undecided(*problem.shape)
        return _State(wanted=wanted, offered=wanted, price=price, directions=directions), False, notes

    def _ask_microgrids(self, state: _State) -> list[str]:
        """Ask every microgrid for its quantities at its prices, near the operator's offer; return failures."""
        questions = [
            partial(
                microgrid.answer,
                Quote(price_per_mwh=state.price[..., m], near_mw=state.offered[..., m], proximal=PROXIMAL),
            )
            for m, microgrid in enumerate(self._microgrids)
        ]
        state.wanted, notes = self._answers.ask(questions, state.wanted)
        return notes

    def _ask_network(self, part: "_Negotiation", probability: FloatArray, state: _State, network: str) -> None:
        """Update the operator's offer, near the microgrids' quantities, and the prices."""
        scenarios = part.problem.shape[0]
        wanted, price = (_over(scenarios, probability, values) for values in (state.wanted, state.price))
        offers = Offers(cost_per_mwh=-price - PROXIMAL * wanted, proximal=PROXIMAL)
        asked = replace(part.problem, offers=offers)
        plan = self._dispatcher.relaxed(asked, part.directions, network=network)
        gap = wanted - plan.set_points.exchange_p_mw
        part.take_note(plan, gap)
        # The network's answer for the mean holds for every scenario's difference from it.
        state.offered = state.wanted - gap
        state.price = state.price + PROXIMAL * gap


@dataclass(eq=False)
class _Negotiation:
    """Part of a negotiation with one problem of the network, and the distance of both sides."""

    problem: DispatchProblem
    rounds: int = 0
    primal_mw: float = np.inf
    dual_per_mwh: float = np.inf
    directions: Directions = field(init=False)
    _offered: FloatArray | None = None

    def __post_init__(self) -> None:
        self.directions = Directions.undecided(*self.problem.shape)

    def is_over(self, slack: float) -> bool:
        """Return whether both sides agree, within the tolerances times `slack`, or have used all rounds."""
        return self.rounds >= MOST_ROUNDS or (self.has_agreed(slack) and self.rounds >= LEAST_ROUNDS)

    def has_agreed(self, slack: float) -> bool:
        """Return whether both sides agree, within the tolerances times `slack`."""
        return self.primal_mw <= slack * TOLERANCE_MW and self.dual_per_mwh <= slack * TOLERANCE_PER_MWH

    def take_note(self, plan: Plan, gap_mw: FloatArray) -> None:
        """Count a round, and measure the distance of both sides."""
        self.rounds += 1
        self.directions = fix_directions(plan, self.directions)  # as in the first answer of the network
        self.primal_mw = float(np.abs(gap_mw).max(initial=0.0))
        offered = plan.set_points.exchange_p_mw
        if self._offered is not None:
            self.dual_per_mwh = PROXIMAL * float(np.abs(offered - self._offered).max(initial=0.0))
        self._offered = offered


def _over(scenarios: int, probability: FloatArray, values: FloatArray) -> FloatArray:
    """Return values of all scenarios, or their mean where the network is asked about that."""
    if scenarios == len(values):
        return values
    mean: FloatArray = np.tensordot(probability, values, axes=1)[None]
    return mean
