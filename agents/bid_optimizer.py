"""Bid optimizer: computes the day-ahead bids the operator submits."""

from collections.abc import Callable
from dataclasses import replace

import mesa
import numpy as np

from agents.bidding import STRATEGIES, strategy
from agents.bidding.anm_aware import WHOLE_MOST
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.kept import kept_dispatchers
from agents.dispatch.plan import fix_directions
from agents.dispatch.problem import Directions, DispatchProblem
from agents.dispatch.submission import submission_of
from agents.networked_microgrid import NetworkedMicrogrid
from agents.state_of_charge import required_energy
from grids.network import FloatArray
from sim.errors import StudyError
from sim.instance import Instance
from sim.messages import Submission
from sim.model import MarketModel
from sim.scenarios import ScenarioSet
from sim.time_limit import NoAnswerError, WrongAnswerError, answer_within, in_words

BID_DECIMALS = 6
"""Decimals of a bid in MW: a watt, which removes the solver's round-off."""


def rounded(bid_mw: FloatArray) -> FloatArray:
    """Return bids as they are submitted. [MW]"""
    return np.round(bid_mw, BID_DECIMALS) + 0.0


def bidding_problem(
    instance: Instance, scenarios: ScenarioSet, *, energy_mwh: FloatArray, previous_battery_p_mw: FloatArray
) -> DispatchProblem:
    """Return the dispatch problem at gate closure: the scenarios of the day and the state of the batteries.

    Parameters
    ----------
    instance : Instance
        That of the day, see :meth:`sim.instance.Instance.on`.
    scenarios : ScenarioSet
        Scenarios of the day.
    energy_mwh, previous_battery_p_mw : array, shape (U,)
        Stored energy, and battery power in the last step before the day. [MWh], [MW]
    """
    over, under = instance.step_prices
    return DispatchProblem(
        demand_mw=scenarios.demand_mw,
        available_mw=scenarios.available_mw,
        probability=scenarios.probability,
        price_per_mwh=instance.profiles.price_per_mwh,
        retail_price_per_mwh=instance.profiles.retail_price_per_mwh,
        over_price_per_mwh=over,
        under_price_per_mwh=under,
        start_energy_mwh=energy_mwh,
        previous_battery_p_mw=previous_battery_p_mw,
        required_energy_mwh=required_energy(instance.grid, instance.hours_left, instance.calendar.step_h),
        **instance.periods,
    )


def opening_problem(instance: Instance, scenarios: ScenarioSet) -> DispatchProblem:
    """Return the dispatch problem before the first day: batteries at their start SOC, at rest."""
    energy = np.array([unit.start_soc * unit.max_e_mwh for unit in instance.grid.batteries])
    return bidding_problem(instance, scenarios, energy_mwh=energy, previous_battery_p_mw=np.zeros_like(energy))


def pinned_state(instance: Instance, day: int) -> tuple[FloatArray, FloatArray]:
    """Return the state of the batteries that is known at gate closure: as full as a day must end, and at rest.

    Parameters
    ----------
    instance : Instance
        The instance.
    day : int
        Market day, counted from 1, which begins with the start SOC.

    Returns
    -------
    tuple of array, shape (U,)
        Stored energy [MWh], and battery power in the last hour before the day [MW].
    """
    batteries = instance.grid.batteries
    energy = [(unit.start_soc if day == 1 else unit.end_soc) * unit.max_e_mwh for unit in batteries]
    return np.array(energy, dtype=np.float64), np.zeros(len(batteries))


def pinned_submission(instance: Instance, day: int) -> Submission:
    """Return the bids for a day of a study whose bids start from the pinned state, as its `BidOptimizer` finds them.

    They need no model of the days before, so other processes compute them ahead.
    """
    limit, today = instance.study.search.answer_time_limit_s, instance.on(day)
    energy_mwh, previous_mw = pinned_state(instance, day)
    scenarios = instance.kept_scenarios(day - 1)
    problem = bidding_problem(today, scenarios, energy_mwh=energy_mwh, previous_battery_p_mw=previous_mw)

    def ask(name: str) -> Submission:
        dispatcher = kept_dispatchers.of(instance)
        try:
            return answer_within(limit, lambda: strategy(name).bid(dispatcher, problem))
        except NoAnswerError:
            kept_dispatchers.forget_last()
            raise

    return compute_submission(kept_dispatchers.of(instance), today, problem, ask)


class BidOptimizer(mesa.Agent):  # type: ignore[misc]
    """Agent that draws and reduces scenarios and runs the study's bidding strategy on them.

    Parameters
    ----------
    dispatcher : Dispatcher
        Solves the bidding problem.
    """

    name = "bid_optimizer"

    def __init__(self, model: MarketModel, dispatcher: Dispatcher) -> None:
        super().__init__(model)
        self.dispatcher = dispatcher

    def submit(self, energy_mwh: FloatArray) -> Submission:
        """Return the bids for the day; if the strategy fails in any way, those of the next simpler, and why."""
        instance: Instance = self.model.today
        scenarios = self.model.instance.kept_scenarios(self.model.day - 1)
        self.model.agents.select(agent_type=NetworkedMicrogrid).do("look_a_day_ahead", scenarios)
        previous_mw = self.model.previous_battery_p_mw
        if instance.study.bid_start == "pinned":
            energy_mwh, previous_mw = pinned_state(instance, self.model.day)
        problem = bidding_problem(instance, scenarios, energy_mwh=energy_mwh, previous_battery_p_mw=previous_mw)
        limit = instance.study.search.answer_time_limit_s

        def ask(name: str) -> Submission:
            try:
                return answer_within(limit, lambda: strategy(name).bid(self.dispatcher, problem))
            except NoAnswerError:
                self.renew()
                raise

        return compute_submission(self.dispatcher, instance, problem, ask)

    def renew(self) -> None:
        """Take another dispatcher, for a strategy or policy that was given up may still use this one."""
        self.dispatcher = self.dispatcher.renewed()


def compute_submission(
    dispatcher: Dispatcher,
    instance: Instance,
    problem: DispatchProblem,
    ask: Callable[[str], Submission] | None = None,
) -> Submission:
    """Return the bids of the study's strategy, or of the next simpler one if it fails in any way.

    Parameters
    ----------
    dispatcher, instance, problem : Dispatcher, Instance, DispatchProblem
        Solver, instance, and the problem at gate closure.
    ask : callable, optional
        Returns the proposal of a strategy; by default it is asked and waited for.

    Raises
    ------
    StudyError
        If a strategy of the user's own fails that has no attribute ``fallback``.
    """
    ask = ask or (lambda name: strategy(name).bid(dispatcher, problem))
    asked, failed = instance.study.bidding, list[str]()
    fallback = getattr(strategy(asked), "fallback", None) if STRATEGIES.is_own(asked) else "basic"
    for name in dict.fromkeys((asked, *([fallback, "basic"] if fallback else []))):
        try:
            proposal = ask(name)
            _refuse_wrong(proposal, instance)
            bid_mw = rounded(proposal.bid_mw)
        except (KeyboardInterrupt, StudyError):
            raise
        except BaseException as error:  # a foreign strategy may fail in any way, and the day must go on
            failed.append(f"{name} failed: {in_words(error)}")
            if fallback is None:
                raise StudyError(f"bidding: {failed[-1]}") from error
            continue
        return replace(proposal, bid_mw=bid_mw, strategy=name, asked=asked, reason="; ".join(failed))
    return Submission(
        bid_mw=_forecast_bid(instance),
        strategy="forecast",
        battery_p_mw=np.zeros((instance.steps, len(instance.grid.batteries))),
        asked=asked,
        reason="; ".join(failed),
    )


def exact_submission(dispatcher: Dispatcher, problem: DispatchProblem, solver: str) -> Submission:
    """Return the bids of the paper's own AC formulation, solved as it stands: an independent oracle.

    The solver begins at a flat start. Directions are those of the conic search for Ipopt, and BONMIN's own otherwise.
    Neither proves a bound on a problem that is not convex, so the conic search's bound stands beside their results.

    Parameters
    ----------
    solver : {"ipopt", "bonmin"}
        Solver.

    Raises
    ------
    StudyError
        If there is no such solver, or the study is averse to risk.
    SolverError
        If it gives no answer.
    """
    from agents.dispatch.exact.ac_reference import solve_ac  # CasADi is loaded only where it is needed

    if dispatcher.risk.averse:
        raise StudyError("--formulation ac minimises expected cost: set risk.cvar_weight to 0")
    if not dispatcher.grid.is_radial:  # the conic search has nothing to add
        proposal = submission_of(dispatcher.bid(problem), problem, dispatcher.grid)
        return replace(proposal, bid_mw=rounded(proposal.bid_mw), strategy="anm_aware, exact AC by ipopt")
    directions = None
    if problem.shape[0] > WHOLE_MOST:
        found = strategy("anm_aware").bid(dispatcher, problem).search
        bound, nodes = -found["bound"], int(found["nodes"])
    else:
        conic = dispatcher.bid(problem)
        bound, nodes = conic.bound, conic.nodes
        directions = fix_directions(conic, Directions.undecided(*problem.shape))
    plan = solve_ac(
        dispatcher.grid,
        dispatcher.tariff,
        dispatcher.rule,
        problem,
        solver=solver,
        directions=directions if solver == "ipopt" else None,
    )
    proposal = submission_of(replace(plan, bound=bound, nodes=nodes), problem, dispatcher.grid)
    return replace(proposal, bid_mw=rounded(proposal.bid_mw), strategy=f"anm_aware, exact AC by {solver}")


def _refuse_wrong(proposal: object, instance: Instance) -> None:
    """Refuse a proposal without finite bids for the steps of a day, a battery schedule, certificate and search.

    Raises
    ------
    WrongAnswerError
        If it is one.
    """
    if not isinstance(proposal, Submission):
        remedy = "return a Submission, as tieline.strategy('basic').bid(...) does"
        raise WrongAnswerError(f"a {type(proposal).__name__} is no proposal; {remedy}")
    steps, batteries = instance.steps, len(instance.grid.batteries)
    for name, shape in (("bid_mw", (steps,)), ("battery_p_mw", (steps, batteries))):
        values = np.asarray(getattr(proposal, name), dtype=np.float64)
        if values.shape != shape:
            raise WrongAnswerError(f"{name} has shape {values.shape} instead of {shape}")
        wrong = ~np.isfinite(values)
        if wrong.any():
            hour = instance.calendar.hour_of(int(np.argwhere(wrong)[0][0]) + 1)
            raise WrongAnswerError(f"{name} is {values[wrong][0]:g} in hour {hour:g}")
    for name in ("certificate", "search"):
        if not isinstance(getattr(proposal, name), dict):
            raise WrongAnswerError(f"{name} is a {type(getattr(proposal, name)).__name__}, not a dict")


def _forecast_bid(instance: Instance) -> FloatArray:
    """Return expected demand minus expected output: the last resort."""
    expected = instance.forecast
    net: FloatArray = expected.demand_mw[0].sum(axis=1) - expected.available_mw[0].sum(axis=1)
    capacity, steps = instance.grid.tie_line.max_s_mva, instance.calendar.market_steps
    if steps > 1:
        net = net.reshape(-1, steps).mean(axis=1).repeat(steps)
    return np.clip(net, -capacity, capacity)
