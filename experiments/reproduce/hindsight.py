"""What fixed bids come to when every kept scenario is dispatched as is best for it, in energy and in money.

The paper's protocol without the stage: the plan of a day with the bids fixed, settled hour by hour. The plan's flow is
taken for the metered one; it is that of an AC power flow of the same set points but for the solver's round-off, so
that the money is that of :func:`experiments.evaluation.evaluate` to a few cents, in a fraction of the time.
"""

from dataclasses import dataclass, replace

import numpy as np

from agents.bid_optimizer import compute_submission, opening_situation
from agents.dispatch.certificate import EXACT, VIOLATION_TOLERANCE
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from grids.network import FloatArray
from sim.messages import Submission
from sim.scenarios import ScenarioSet
from sim.setting import Setting
from sim.settlement import TERMS, settle_hour

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
    setting : Setting
        The built study; its policy is of no account, the operator knows the day in advance.

    Attributes
    ----------
    kept : ScenarioSet
        The scenarios that its bids are made from.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._dispatcher = Dispatcher.of(setting)
        self.kept = setting.kept_scenarios()

    def submission(self) -> Submission:
        """Return the bids of the study's strategy, made from the kept scenarios."""
        return compute_submission(self._dispatcher, self._setting, opening_situation(self._setting, self.kept))

    def outcome(self, bid_mw: FloatArray) -> Outcome:
        """Return what bids come to.

        Parameters
        ----------
        bid_mw : array, shape (24,)
            Bids, positive for import. [MW]
        """
        days = [self.kept.subset(k) for k in range(len(self.kept))]
        plans = [self._plan(bid_mw, day) for day in days]
        amounts = [self._amounts(bid_mw, day, plan) for day, plan in zip(days, plans, strict=True)]
        weights = self.kept.probability
        return Outcome(
            expected={name: float(weights @ np.array([one[name] for one in amounts])) for name in amounts[0]},
            metered_mw=np.array([plan.tie_p_mw[0] for plan in plans]),
            beyond_limits=sum(bool(plan.violation.max() > VIOLATION_TOLERANCE) for plan in plans),
            inexact=sum(bool(plan.inexactness.max() > EXACT) for plan in plans),
        )

    def _plan(self, bid_mw: FloatArray, day: ScenarioSet) -> Plan:
        return self._dispatcher.plan(replace(opening_situation(self._setting, day), bid_mw=bid_mw))

    def _amounts(self, bid_mw: FloatArray, day: ScenarioSet, plan: Plan) -> Amounts:
        """Return terms and energies of a day of one scenario."""
        demand_mw, available_mw, metered_mw = day.demand_mw[0], day.available_mw[0], plan.tie_p_mw[0]
        load_mw, renewable_mw = plan.set_points.load_p_mw[0], plan.set_points.renewable_p_mw[0]
        battery_mw = plan.set_points.battery_p_mw[0]
        profiles, tariff = self._setting.profiles, self._setting.tariff
        penalty = self._setting.rule.penalty(bid_mw, metered_mw, price_per_mwh=profiles.price_per_mwh)
        losses_mw = metered_mw + renewable_mw.sum(axis=1) + battery_mw.sum(axis=1) - load_mw.sum(axis=1)
        before_mw = np.vstack([np.zeros_like(battery_mw[:1]), battery_mw[:-1]])
        hours = [
            settle_hour(
                tariff=tariff,
                price_per_mwh=float(profiles.price_per_mwh[t]),
                retail_price_per_mwh=float(profiles.retail_price_per_mwh[t]),
                penalty=float(penalty[t]),
                metered_mw=float(metered_mw[t]),
                losses_mw=float(losses_mw[t]),
                demand_mw=demand_mw[t],
                load_p_mw=load_mw[t],
                available_mw=available_mw[t],
                renewable_p_mw=renewable_mw[t],
                battery_p_mw=battery_mw[t],
                previous_battery_p_mw=before_mw[t],
            ).totals()
            for t in range(len(metered_mw))
        ]
        energies = (
            bid_mw.sum(),
            metered_mw.sum(),
            np.abs(metered_mw - bid_mw).sum(),
            (demand_mw - load_mw).sum(),
            (available_mw - renewable_mw).sum(),
        )
        money = {term: sum(hour[term] for hour in hours) for term in TERMS}
        return money | {name: float(energy) for name, energy in zip(ENERGIES, energies, strict=True)}
