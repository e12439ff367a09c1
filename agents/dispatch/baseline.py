"""Bare solver on the bidding problem's matrices, against which the benchmark measures the bid."""

from dataclasses import replace
from time import perf_counter

import clarabel

from agents.dispatch.conic_program import solver_settings
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.problem import Directions, DispatchProblem


def clarabel_alone(dispatcher: Dispatcher, problem: DispatchProblem, *, tuned: bool) -> float:
    """Return the seconds Clarabel takes to set up and solve the ANM-aware bid, given its matrices.

    Parameters
    ----------
    dispatcher, problem : Dispatcher, DispatchProblem
        The bidding problem.
    tuned : bool
        Whether with our settings, or with Clarabel's defaults.
    """
    problem = replace(problem, bounds=dispatcher.bid_bounds(problem, "branch_flow"))
    horizon = dispatcher.horizon(problem, network="branch_flow")
    values = horizon.values(problem, Directions.undecided(*horizon.shape))
    P, A, cones = horizon.program.matrices()
    q, b, _ = horizon.program.vectors(values)
    settings = solver_settings(careful=not tuned)
    start = perf_counter()
    clarabel.DefaultSolver(P, q, A, b, cones, settings).solve()
    return perf_counter() - start
