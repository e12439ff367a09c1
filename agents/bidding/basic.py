"""Basic bid (Eq. 1-6): no network and no ANM; all demand is served, all renewable output is taken."""

from agents.bidding import BidPlan
from agents.dispatch.certificate import certify
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_bounds
from agents.dispatch.problem import DispatchProblem
from agents.dispatch.search.scenario_decomposition import ScenarioDecomposition

SUMMARY = "bids as if the network were a copper plate and nothing were curtailed (Eq. 1-6)"


def bid(dispatcher: Dispatcher, problem: DispatchProblem) -> BidPlan:
    """Return the bids that maximise expected profit, or its risk-adjusted value, on one bus."""
    bounds = bid_bounds(
        dispatcher.grid, dispatcher.rule, problem.demand_mw, problem.available_mw, network="copper_plate"
    )
    if dispatcher.risk.averse:
        return BidPlan.of_bundles(ScenarioDecomposition(dispatcher, problem, bounds, network="copper_plate").run())
    plan = dispatcher.plan(problem, network="copper_plate", bounds=bounds)
    return BidPlan.of(plan, problem, certify(plan, problem, None))
