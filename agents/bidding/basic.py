"""The basic bid (Eq. 1-6): no network and no ANM; all demand is served, all renewable output is taken."""

from agents.bidding import BidPlan
from agents.dispatch.certificate import certify
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_range
from agents.dispatch.search.bundled_search import BundledSearch
from agents.dispatch.situation import Situation

SUMMARY = "bids as if the network were a copper plate and nothing were curtailed (Eq. 1-6)"


def bid(dispatcher: Dispatcher, situation: Situation) -> BidPlan:
    """Return the bids that maximise expected profit, or what the study's aversion to risk makes of it, on one bus."""
    within = bid_range(
        dispatcher.grid, dispatcher.rule, situation.demand_mw, situation.available_mw, network="copper_plate"
    )
    if dispatcher.risk.averse:
        return BidPlan.of_bundles(BundledSearch(dispatcher, situation, within, network="copper_plate").run())
    plan = dispatcher.plan(situation, network="copper_plate", within=within)
    return BidPlan.of(plan, situation, certify(plan, situation, None))
