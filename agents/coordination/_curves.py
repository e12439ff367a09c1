"""Agreement on a single hour in one to four rounds: microgrids submit demand curves, the network clears them.

A curve is the power the microgrid takes at each of some prices, nothing else. The network's optimum with these curves
gives every connection a price; further rounds ask for the curves more finely around these prices. The agreed exchange
lies between quantities a microgrid offered, so its devices can provide it. Where a price jumps to and fro between
steps of the curves, more rounds do not end it: the last plan is carried out, with a note.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from agents.coordination._priced import MicrogridAnswers, marginal_prices, not_agreed
from agents.dispatch.connection_problem import Curves
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.networked_microgrid import NetworkedMicrogrid
from grids.network import FloatArray
from sim.messages import Coordination

WIDE = np.array([-1000, -200, -80, -40, -20, -10, -5, -2, 0, 2, 5, 10, 20, 40, 80, 200, 1000], dtype=np.float64)
"""Prices of the first round, around those of the hour before or the day-ahead price. [$/MWh]"""

NARROW = np.array([-1000, -40, -10, -4, -2, -1, -0.5, -0.2, 0, 0.2, 0.5, 1, 2, 4, 10, 40, 1000], dtype=np.float64)
"""Prices of later rounds, around those of the round before. [$/MWh]"""

MOST_ROUNDS, TOLERANCE_PER_MWH = 4, 0.5


def agree_on_curves(
    dispatcher: Dispatcher,
    microgrids: Sequence[NetworkedMicrogrid],
    answers: MicrogridAnswers,
    problem: DispatchProblem,
    last: Plan | None,
    standing_mw: FloatArray,
    *,
    network: str,
) -> Plan:
    """Return the operator's plan of one hour on the microgrids' demand curves.

    Parameters
    ----------
    dispatcher, microgrids, answers : Dispatcher, sequence of NetworkedMicrogrid, MicrogridAnswers
        The operator's solver, the microgrids, and their answers to its questions.
    problem : DispatchProblem
        One scenario, one hour.
    last : Plan, optional
        Plan last agreed on curves, with whose prices this one begins.
    standing_mw : array, shape (M,)
        Exchange agreed for this hour, or else last, for microgrids that give no answer. [MW]
    network : str
        AC network or one bus.

    Raises
    ------
    SolverError
        If the operator's solver gives no answer.
    """
    count = len(microgrids)
    price = np.full(count, problem.price_per_mwh[0]) if last is None else last.exchange_price_per_mwh[0, -1]
    notes: dict[str, None] = {}
    change, rounds, offsets = np.inf, 0, WIDE
    while rounds < MOST_ROUNDS and change > TOLERANCE_PER_MWH:
        rounds += 1
        prices = price[:, None] + offsets
        quantities, failed = _ask(microgrids, answers, prices, standing_mw)
        notes |= dict.fromkeys(failed)
        plan = dispatcher.plan(replace(problem, offers=_steps(prices, quantities)), network=network)
        agreed = marginal_prices(problem, plan)[0, 0]
        change, price, offsets = float(np.abs(agreed - price).max(initial=0.0)), agreed, NARROW
    apart_mw = _outside(plan.set_points.exchange_p_mw[0, 0], price, prices, quantities)
    if change > TOLERANCE_PER_MWH:
        notes[not_agreed(rounds, apart_mw, change)] = None
    return replace(
        plan,
        exchange_price_per_mwh=price[None, None, :],
        coordination=Coordination(
            mode="transactive",
            iterations=rounds,
            primal_residual_mw=apart_mw,
            dual_residual_per_mwh=change,
            note="; ".join(notes),
        ),
    )


def _ask(
    microgrids: Sequence[NetworkedMicrogrid],
    answers: MicrogridAnswers,
    prices_per_mwh: FloatArray,
    last_mw: FloatArray,
) -> tuple[FloatArray, list[str]]:
    """Return the power every microgrid takes at each of its prices, shape (M, K), and failures. [MW]"""
    questions = [partial(one.demand, row) for one, row in zip(microgrids, prices_per_mwh, strict=True)]
    steps = prices_per_mwh.shape[1]
    kept = np.broadcast_to(last_mw, (steps, 1, len(last_mw)))
    taken, notes = answers.ask(questions, kept)
    falling: FloatArray = np.minimum.accumulate(taken[:, 0].T, axis=1)  # round-off must not make a curve rise
    return falling, notes


def _outside(agreed_mw: FloatArray, price_per_mwh: FloatArray, prices: FloatArray, quantities: FloatArray) -> float:
    """Return the distance of the agreed power from the curves within the tolerance of its price. [MW]"""
    far = 0.0
    for agreed, price, row, curve in zip(agreed_mw, price_per_mwh, prices, quantities, strict=True):
        least, most = (
            float(np.interp(price + tolerance, row, curve)) for tolerance in (TOLERANCE_PER_MWH, -TOLERANCE_PER_MWH)
        )
        far = max(far, least - agreed, agreed - most)
    return far


def _steps(prices_per_mwh: FloatArray, quantities_mw: FloatArray) -> Curves:
    """Return the curves as steps from the highest price down, each at the mean of its two prices."""
    price, quantity = prices_per_mwh[:, ::-1], quantities_mw[:, ::-1]
    return Curves(
        least_mw=quantity[:, 0],
        width_mw=np.diff(quantity, axis=1),
        price_per_mwh=(price[:, 1:] + price[:, :-1]) / 2,
    )
