"""Shared parts of the modes: prices from a plan, and answers of microgrids that may fail."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from time import monotonic

import numpy as np

from agents.dispatch.certificate import VIOLATION_TOLERANCE
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.networked_microgrid import NetworkedMicrogrid
from grids.network import FloatArray, Grid
from sim.time_limit import WrongAnswerError, given_up


def marginal_prices(problem: DispatchProblem, plan: Plan) -> FloatArray:
    """Return the marginal cost of serving every connection, shape (S, T, M). [$/MWh]

    Where it is unknown, or limits are violated and the dual is that of the violation, it is the day-ahead price.
    """
    shape = plan.set_points.exchange_p_mw.shape
    day_ahead: FloatArray = np.broadcast_to(problem.price_per_mwh[None, :, None], shape)
    if plan.prices is None or plan.prices.exchange_per_mwh.shape != shape:
        return day_ahead
    weight = np.maximum(problem.probability, 1e-12)[:, None, None]
    violated = plan.violation[..., None] > VIOLATION_TOLERANCE
    return np.where(violated, day_ahead, plan.prices.exchange_per_mwh / weight)


def not_agreed(rounds: int, apart_mw: float, change_per_mwh: float) -> str:
    """Return a note that the rounds were too few, with the remaining disagreement. [MW], [$/MWh]"""
    left = f"{apart_mw:.4f} MW apart, a price still changed by {change_per_mwh:.2f} $/MWh"
    return f"not agreed within {rounds} rounds: {left}"


class MicrogridAnswers:
    """Answers of microgrids that the operator asks side by side, checked: any of them may fail in any way.

    Parameters
    ----------
    executor : Executor
        Executor on which the questions are asked.
    grid : Grid
        Its connections state the largest active power each microgrid announced.
    microgrids : sequence of NetworkedMicrogrid
        The microgrids. (M,)
    """

    def __init__(self, executor: Executor, grid: Grid, microgrids: Sequence[NetworkedMicrogrid]) -> None:
        self._executor, self._names = executor, [microgrid.name for microgrid in microgrids]
        self._limits_mw = [connection.exchange_limits()[0] for connection in grid.connections]
        self._awaited: dict[int, Future[FloatArray]] = {}

    def ask(self, questions: Sequence[Callable[[], FloatArray]], last: FloatArray) -> tuple[FloatArray, list[str]]:
        """Return all answers; for a missing one, or one without sense, the last known one stands in.

        Parameters
        ----------
        questions : sequence of callables
            One for each microgrid. (M,)
        last : array, shape (S, T, M)
            Quantities to fall back on. [MW]

        Returns
        -------
        array, shape (S, T, M)
            Quantities. [MW]
        list of str
            Failures.
        """
        wanted = last.copy()
        shape, notes, asked = wanted.shape[:2], [], {}
        for m, question in enumerate(questions):
            if m in self._awaited and not self._awaited[m].done():
                notes.append(self._kept(m, "did not answer (still busy)"))  # asking again would block another thread
            else:
                self._awaited.pop(m, None)
                asked[m] = self._executor.submit(question)
        deadline = monotonic() + PATIENCE_S
        for m, future in asked.items():
            try:
                answer = future.result(timeout=max(deadline - monotonic(), 0.0))
                wanted[..., m] = _checked(answer, shape, self._limits_mw[m])
                deadline = monotonic() + PATIENCE_S  # many may be slow; it ends when nothing comes any more
            except WrongAnswerError as error:
                notes.append(self._kept(m, str(error)))
            except Exception as error:  # a foreign agent may fail in any way, and the operator must carry on
                if not future.done() and not future.cancel():
                    self._awaited[m] = future
                    given_up.append(future.running)
                notes.append(self._kept(m, f"did not answer ({type(error).__name__})"))
        return wanted, notes

    def _kept(self, m: int, what: str) -> str:
        return f"{self._names[m]} {what}: its last schedule is kept"


def _checked(answer: FloatArray, shape: tuple[int, ...], limit_mw: float) -> FloatArray:
    """Return the quantities of an answer that makes sense, within the limit the microgrid announced."""
    given = np.asarray(answer, dtype=np.float64)
    if given.shape != shape:
        raise WrongAnswerError(f"answered with {given.size} values instead of {shape[0]} x {shape[1]}")
    if not np.isfinite(given).all():
        raise WrongAnswerError("answered with what is not a number")
    if np.abs(given).max(initial=0.0) > limit_mw + LIMIT_TOLERANCE_MW:
        raise WrongAnswerError("answered with more than it may exchange")
    return given


def still_standing(last: FloatArray | None, shape: tuple[int, int, int]) -> FloatArray:
    """Return the last agreement for the hours in view, shape (S, T, M); zero where there was none. [MW]

    An agreement for one hour more is that of the hour before; other scenarios count by their mean.
    """
    standing = np.zeros(shape)
    if last is not None:
        ahead = last[:, 1:] if last.shape[1] == shape[1] + 1 else last[:, : shape[1]]
        ahead = ahead if len(ahead) == shape[0] else ahead.mean(axis=0, keepdims=True)
        standing[:, : ahead.shape[1]] = ahead
    return standing


PATIENCE_S = 60.0
"""Time the operator waits for the next answer. [s]"""

LIMIT_TOLERANCE_MW = 1e-5
"""Excess of an answer over its limits that is a solver's round-off. [MW]"""
