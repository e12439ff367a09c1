"""What fixed bids come to when every kept scenario is dispatched as is best for it, in energy and in money.

The paper's protocol without the market model: the plan of a day with the bids fixed, settled hour by hour. The plan's
flow is taken for the metered one; it is that of an AC power flow of the same set points but for the solver's
round-off, so that the money is that of :func:`experiments.evaluation.evaluate` to a few cents, in a fraction of the
time.
"""

from dataclasses import dataclass, replace

import numpy as np

from agents.bid_optimizer import compute_submission, opening_problem
from agents.dispatch.certificate import EXACT, VIOLATION_TOLERANCE
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from agents.dispatch.plan_money import plan_money
from agents.dispatch.problem import DispatchProblem
from grids.network import FloatArray
from sim.instance import Instance
from sim.messages import Submission

Amounts = dict[str, float]
"""Amounts of one day: every term of Table 5 [$], and every energy of `ENERGIES` [MWh]."""

ENERGIES = ("bid_mwh", "metered_mwh", "imbalance_mwh", "load_curtailed_mwh", "generation_curtailed_mwh")
"""Energies of one day: bid, metered, magnitude of their hourly difference, curtailed load and renewable output."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """What fixed bids come to.

    Attributes
    ----------
    expected : dict of str to float
        Probability-weighted mean of every term [$] and energy [MWh].
    metered_mw : array, shape (S, 24)
        Tie-line flow in every scenario, positive for import. [MW]
    beyond_limits, inexact : int
        Scenarios in which no dispatch met all limits, and in which physics can't do what was planned.
    """

    expected: Amounts
    metered_mw: FloatArray
    beyond_limits: int
    inexact: int


class Hindsight:
    """The kept scenarios of a study, ready to have bids tried in them.

    Parameters
    ----------
    instance : Instance
        The built study; its policy is of no account, the operator knows the day in advance.

    Attributes
    ----------
    kept : ScenarioSet
        The scenarios that its bids are made from.
    """

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._dispatcher = Dispatcher.of(instance)
        self.kept = instance.kept_scenarios()

    def submission(self) -> Submission:
        """Return the bids of the study's strategy, made from the kept scenarios."""
        return compute_submission(self._dispatcher, self._instance, opening_problem(self._instance, self.kept))

    def outcome(self, bid_mw: FloatArray) -> Outcome:
        """Return what bids come to.

        Parameters
        ----------
        bid_mw : array, shape (24,)
            Bids, positive for import. [MW]
        """
        days = [self.kept.subset(k) for k in range(len(self.kept))]
        problems = [replace(opening_problem(self._instance, day), bid_mw=bid_mw) for day in days]
        plans = [self._dispatcher.plan(problem) for problem in problems]
        amounts = [self._amounts(problem, plan) for problem, plan in zip(problems, plans, strict=True)]
        weights = self.kept.probability
        return Outcome(
            expected={name: float(weights @ np.array([one[name] for one in amounts])) for name in amounts[0]},
            metered_mw=np.array([plan.tie_p_mw[0] for plan in plans]),
            beyond_limits=sum(bool(plan.violation.max() > VIOLATION_TOLERANCE) for plan in plans),
            inexact=sum(bool(plan.inexactness.max() > EXACT) for plan in plans),
        )

    def _amounts(self, problem: DispatchProblem, plan: Plan) -> Amounts:
        """Return terms and energies of a day of one scenario."""
        points = plan.set_points
        instance = self._instance
        money = plan_money(instance.grid, instance.tariff, instance.rule, problem, plan)
        energies = (
            plan.bid_mw.sum(),
            plan.tie_p_mw.sum(),
            np.abs(plan.tie_p_mw - plan.bid_mw).sum(),
            (problem.demand_mw - points.load_p_mw).sum(),
            (problem.available_mw - points.renewable_p_mw).sum(),
        )
        terms = {term: float(amount[0]) for term, amount in money.items()}
        return terms | {name: float(energy) for name, energy in zip(ENERGIES, energies, strict=True)}
