"""The bare solver on the bidding problem's matrices: what the benchmark measures the bid against."""

from time import perf_counter

import clarabel

from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_range
from agents.dispatch.program import solver_settings
from agents.dispatch.situation import Signs, Situation


def clarabel_alone(dispatcher: Dispatcher, situation: Situation, *, tuned: bool) -> float:
    """Return the seconds Clarabel takes to set up and solve the ANM-aware bid, given its matrices.

    Parameters
    ----------
    dispatcher, situation : Dispatcher, Situation
        The bidding problem.
    tuned : bool
        With our settings, or with Clarabel's defaults.
    """
    within = bid_range(
        dispatcher.grid, dispatcher.rule, situation.demand_mw, situation.available_mw, network="branch_flow"
    )
    horizon = dispatcher.horizon(situation, network="branch_flow", within=within)
    values = horizon.values(situation, Signs.unsettled(*horizon.shape))
    P, A, cones = horizon.program.matrices()
    q, b, _ = horizon.program.vectors(values)
    settings = solver_settings(careful=not tuned)
    start = perf_counter()
    clarabel.DefaultSolver(P, q, A, b, cones, settings).solve()
    return perf_counter() - start
