"""The ANM-aware bid (Eq. 7-31): foresees how active network management will move the tie-line flow."""

from agents.bidding import BidPlan
from agents.dispatch.certificate import certify
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_range
from agents.dispatch.search.bundled_search import BundledSearch
from agents.dispatch.situation import Situation
from sim.errors import StudyError

SUMMARY = "foresees curtailment, reactive power and voltage limits of real-time ANM in every scenario (Eq. 7-31)"

WHOLE_MOST = 40
"""Scenarios up to which the problem is solved as a whole; beyond, in bundles that meet in the bids."""


def bid(dispatcher: Dispatcher, situation: Situation) -> BidPlan:
    """Return the bids that maximise expected profit, or what the study's aversion to risk makes of it, with ANM.

    The AC network is foreseen in every scenario and hour.
    """
    grid = dispatcher.grid
    within = bid_range(grid, dispatcher.rule, situation.demand_mw, situation.available_mw, network="branch_flow")
    if grid.ports:
        refuse_bundles(situation.shape[0], averse=dispatcher.risk.averse)
    if situation.shape[0] > WHOLE_MOST or dispatcher.risk.averse:
        return BidPlan.of_bundles(BundledSearch(dispatcher, situation, within).run())
    plan = dispatcher.plan(situation, within=within)
    return BidPlan.of(plan, situation, certify(plan, situation, grid))


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
