"""What modes share: prices from a plan, and answers of microgrids that may fail."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np

from agents.dispatch.plan import Plan
from agents.dispatch.situation import Situation
from agents.microgrid_planner import Answer
from grids.network import FloatArray


def marginal_prices(situation: Situation, plan: Plan) -> FloatArray:
    """Return the marginal cost of serving every port, shape (S, T, M); where unknown, the day-ahead price. [$/MWh]"""
    shape = plan.set_points.exchange_p_mw.shape
    if plan.prices is None or plan.prices.exchange_per_mwh.shape != shape:
        return np.broadcast_to(situation.price_per_mwh[None, :, None], shape)
    weight = np.maximum(situation.probability, 1e-12)[:, None, None]
    prices: FloatArray = plan.prices.exchange_per_mwh / weight
    return prices


def gather(
    executor: Executor,
    questions: Sequence[Callable[[], Answer]],
    names: Sequence[str],
    last: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray, list[str]]:
    """Return all answers, asked side by side; who gives none, or none that is finite, is taken at the last known one.

    Parameters
    ----------
    executor : Executor
        Where the questions are asked.
    questions : sequence of callables
        One for each microgrid. (M,)
    names : sequence of str
        Names of the microgrids.
    last : two arrays, shape (S, T, M)
        Quantities to fall back on. [MW], [Mvar]

    Returns
    -------
    array, array
        Active and reactive quantities, shape (S, T, M). [MW], [Mvar]
    list of str
        What went wrong.
    """
    active, reactive = last[0].copy(), last[1].copy()
    notes = []
    for m, (name, future) in enumerate(zip(names, [executor.submit(ask) for ask in questions], strict=True)):
        try:
            answer = future.result(timeout=PATIENCE_S)
        except Exception as error:  # a foreign agent may fail in any way, and the operator must carry on
            notes.append(f"{name} did not answer ({type(error).__name__}): its last schedule is kept")
            continue
        if answer.p_mw.shape != active.shape[:2] or not np.isfinite([answer.p_mw, answer.q_mvar]).all():
            notes.append(f"{name} answered with what is not a number: its last schedule is kept")
            continue
        active[..., m], reactive[..., m] = answer.p_mw, answer.q_mvar
    return active, reactive, notes


PATIENCE_S = 60.0
"""Seconds the operator waits for an answer. [s]"""
