"""ANM-aware bid (Eq. 7-31): foresees the effect of active network management on the tie-line flow."""

from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.problem import DispatchProblem
from agents.dispatch.search.scenario_decomposition import ScenarioDecomposition
from agents.dispatch.submission import submission_of
from grids.network import Grid
from sim.errors import StudyError
from sim.messages import Submission

SUMMARY = "foresees curtailment, reactive power and voltage limits of real-time ANM in every scenario (Eq. 7-31)"

WHOLE_MOST = 40
"""Scenarios up to which the problem is solved as a whole; beyond, in bundles that share the bids."""


def bid(dispatcher: Dispatcher, problem: DispatchProblem) -> Submission:
    """Return the bids that maximise expected profit, or its risk-adjusted value in a study averse to risk, with ANM.

    The AC network is foreseen in every scenario and hour.
    """
    refuse_bundles(dispatcher.grid, problem.shape[0], averse=dispatcher.risk.averse)
    if problem.shape[0] > WHOLE_MOST or dispatcher.risk.averse:
        return ScenarioDecomposition(dispatcher, problem, dispatcher.bid_bounds(problem, "branch_flow")).run()
    return submission_of(dispatcher.bid(problem), problem, dispatcher.grid)


def refuse_bundles(grid: Grid, scenarios: int, *, averse: bool) -> None:
    """Refuse bids that would have to be solved in bundles and can't: with microgrids, or on a network that is meshed.

    Parameters
    ----------
    grid : Grid
        The network.
    scenarios : int
        Scenarios the bid is computed from.
    averse : bool
        Whether the study is averse to risk.

    Raises
    ------
    StudyError
        If there are too many scenarios, or risk counts.
    """
    if (scenarios > WHOLE_MOST or averse) and (grid.connections or not grid.is_radial):
        where = "with microgrids" if grid.connections else "on a network that is not radial"
        raise StudyError(
            f"{where}, bids are solved as a whole: set uncertainty.keep to at most {WHOLE_MOST} and"
            " risk.cvar_weight to 0"
        )
