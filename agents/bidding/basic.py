"""Basic bid (Eq. 1-6): no network and no ANM; all demand is served, all renewable output is taken."""

from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.problem import DispatchProblem
from agents.dispatch.search.scenario_decomposition import ScenarioDecomposition
from agents.dispatch.submission import submission_of
from sim.messages import Submission

SUMMARY = "bids as if the network were a copper plate and nothing were curtailed (Eq. 1-6)"


def bid(dispatcher: Dispatcher, problem: DispatchProblem) -> Submission:
    """Return the bids that maximise expected profit, or its risk-adjusted value, on one bus."""
    if dispatcher.risk.averse:
        bounds = dispatcher.bid_bounds(problem, "copper_plate")
        return ScenarioDecomposition(dispatcher, problem, bounds, network="copper_plate").run()
    return submission_of(dispatcher.bid(problem, network="copper_plate"), problem, None)
