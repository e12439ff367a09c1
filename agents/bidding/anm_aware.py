"""ANM-aware bid (Eq. 7-31): foresees the effect of active network management on the tie-line flow."""

from agents.bidding import BidPlan
from agents.dispatch.certificate import certify
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_bounds
from agents.dispatch.problem import DispatchProblem
from agents.dispatch.search.scenario_decomposition import ScenarioDecomposition
from sim.errors import StudyError

SUMMARY = "foresees curtailment, reactive power and voltage limits of real-time ANM in every scenario (Eq. 7-31)"

WHOLE_MOST = 40
"""Scenarios up to which the problem is solved as a whole; beyond, in bundles that share the bids."""


def bid(dispatcher: Dispatcher, problem: DispatchProblem) -> BidPlan:
    """Return the bids that maximise expected profit, or its risk-adjusted value in a study averse to risk, with ANM.

    The AC network is foreseen in every scenario and hour.
    """
    grid = dispatcher.grid
    bounds = bid_bounds(grid, dispatcher.rule, problem.demand_mw, problem.available_mw, network="branch_flow")
    if grid.connections:
        refuse_bundles(problem.shape[0], averse=dispatcher.risk.averse)
    if problem.shape[0] > WHOLE_MOST or dispatcher.risk.averse:
        return BidPlan.of_bundles(ScenarioDecomposition(dispatcher, problem, bounds).run())
    plan = dispatcher.plan(problem, bounds=bounds)
    return BidPlan.of(plan, problem, certify(plan, problem, grid))


def refuse_bundles(scenarios: int, *, averse: bool) -> None:
    """Refuse bids with microgrids that would have to be solved in bundles.

    Parameters
    ----------
    scenarios : int
        Scenarios the bid is computed from.
    averse : bool
        Whether the study is averse to risk.

    Raises
    ------
    StudyError
        If there are too many scenarios, or risk counts.
    """
    if scenarios > WHOLE_MOST or averse:
        raise StudyError(
            f"with microgrids, bids are solved as a whole: set uncertainty.keep to at most {WHOLE_MOST} and"
            " risk.cvar_weight to 0"
        )
