"""The ANM-aware bid (Eq. 7-31): foresees how active network management will move the tie-line flow."""

from agents.bidding import BidPlan
from agents.dispatch.bundles import BundleSolver
from agents.dispatch.certificate import certify
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import BidRange, bid_range
from agents.dispatch.level_method import LevelMethod
from agents.dispatch.situation import Situation
from grids.batch_power_flow import BatchPlant
from sim.reduction import reduce_scenarios
from sim.scenarios import ScenarioSet

SUMMARY = "foresees curtailment, reactive power and voltage limits of real-time ANM in every scenario (Eq. 7-31)"

WHOLE_MOST = 40
"""Scenarios up to which the problem is solved as a whole; beyond, in bundles that meet in the bids."""

START_SCENARIOS = 20
"""Scenarios of the reduced problem whose bids the bundles are first asked about."""


def bid(dispatcher: Dispatcher, situation: Situation) -> BidPlan:
    """Return the bids that maximise expected profit with ANM on the AC network in every scenario."""
    grid = dispatcher.grid
    within = bid_range(grid, dispatcher.rule, situation.demand_mw, situation.available_mw, network="branch_flow")
    if situation.shape[0] > WHOLE_MOST:
        return _bundled(dispatcher, situation, within)
    plan = dispatcher.plan(situation, within=within)
    return BidPlan.of(plan, situation, certify(plan, BatchPlant(grid)))


def _bundled(dispatcher: Dispatcher, situation: Situation, within: BidRange) -> BidPlan:
    """Return the same for more scenarios than one program should hold."""
    dispatcher.progress("bids of a reduced problem to begin with")
    first = dispatcher.plan(_reduced(situation), within=within)
    method = LevelMethod(
        BundleSolver(dispatcher.grid, dispatcher.tariff, dispatcher.rule),
        situation,
        within,
        progress=dispatcher.progress,
    )
    answer = method.run(first.bid_mw, gap=dispatcher.effort.gap, time_limit_s=dispatcher.effort.time_limit_s)
    return BidPlan(
        bid_mw=answer.bid_mw,
        objective=answer.objective,
        bound=answer.bound,
        battery_p_mw=answer.battery_p_mw,
        certificate=answer.certificate,
        stopped=answer.stopped,
        nodes=first.nodes + answer.nodes,
    )


def _reduced(situation: Situation) -> Situation:
    everything = ScenarioSet(
        demand_mw=situation.demand_mw, available_mw=situation.available_mw, probability=situation.probability
    )
    kept = reduce_scenarios(everything, START_SCENARIOS)
    return situation.with_scenarios(kept.demand_mw, kept.available_mw, kept.probability)
