"""The ANM-aware bid (Eq. 7-31): foresees how active network management will move the tie-line flow."""

from agents.bidding import BidPlan
from agents.dispatch.certificate import certify
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_range
from agents.dispatch.situation import Situation
from grids.batch_power_flow import BatchPlant

SUMMARY = "foresees curtailment, reactive power and voltage limits of real-time ANM in every scenario (Eq. 7-31)"


def bid(dispatcher: Dispatcher, situation: Situation) -> BidPlan:
    """Return the bids that maximise expected profit with ANM on the AC network in every scenario."""
    grid = dispatcher.grid
    within = bid_range(grid, dispatcher.rule, situation.demand_mw, situation.available_mw, network="branch_flow")
    plan = dispatcher.plan(situation, within=within)
    return BidPlan(plan=plan, certificate=certify(plan, BatchPlant(grid)))
