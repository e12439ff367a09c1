"""Outcome of fixed bids in one scenario, simulated through the whole market loop or planned with hindsight.

A scenario that is simulated goes through agents, AC power flow and settlement, with the study's policy. One that is
planned is dispatched as is best for it, with hindsight, and settled as planned: the plan's flow is taken for the
metered one; it is that of an AC power flow of the same set points but for the solver's round-off, so that the money is
the same to a few cents, in a fraction of the time.
"""

from dataclasses import dataclass, replace

import numpy as np

from agents.bid_optimizer import opening_problem
from agents.dispatch.certificate import EXACT, VIOLATION_TOLERANCE
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan_money import plan_money
from agents.dispatch.submission import expected_profit
from experiments.simulate import simulate
from experiments.summary import certificate, energy, money_terms
from grids.network import FloatArray
from sim.audit import LimitCount, limits_not_kept
from sim.instance import Instance
from sim.messages import Submission
from sim.scenarios import ScenarioSet


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """Outcome of fixed bids in one scenario.

    Attributes
    ----------
    terms : dict of str to float
        Every term of the money. [$]
    energy_mwh : dict of str to float
        Energies of the day: ``bid``, ``metered``, ``imbalance`` (magnitude of their hourly difference),
        ``load_curtailed`` and ``generation_curtailed``. [MWh]
    metered_mw, loss_mw : array, shape (T,)
        Tie-line flow, positive for import, and losses of all lines. [MW]
    vm_pu : array, shape (T, B)
        Voltages. [p.u.]
    limits : dict of str to LimitCount
        Limits not kept, as the audit counts them; a plan is not audited.
    certificate : dict
        Worst proofs of bids and dispatch, see :func:`experiments.summary.worst`.
    within_limits, exact : bool
        Whether all limits are kept, and whether the plan is physically exact.
    planned_profit : float
        Profit that the planning model expects, without its cost of violated limits. [$]
    """

    terms: dict[str, float]
    energy_mwh: dict[str, float]
    metered_mw: FloatArray
    loss_mw: FloatArray
    vm_pu: FloatArray
    limits: dict[str, LimitCount]
    certificate: dict[str, float | None]
    within_limits: bool = True
    exact: bool = True
    planned_profit: float = np.nan


ENERGIES = ("bid", "metered", "imbalance", "load_curtailed", "generation_curtailed")
"""Energies of an outcome."""


def simulated(
    instance: Instance, submission: Submission, day: ScenarioSet, dispatcher: Dispatcher, network: str = ""
) -> Outcome:
    """Return the outcome of bids in a day of one scenario, simulated through the whole market loop."""
    tables = simulate(instance, actual=[day], fixed=submission, dispatcher=dispatcher).tables
    metered_mw = tables["settlements"]["metered_mw"].to_numpy()
    imbalance_mw = metered_mw - tables["settlements"]["bid_mw"].to_numpy()
    step_h = instance.calendar.step_h
    energies = energy(tables, step_h) | {"imbalance": step_h * float(np.abs(imbalance_mw).sum())}
    limits, proof = limits_not_kept(tables, instance.study.model_dump(mode="json")), certificate(tables)
    return Outcome(
        terms=money_terms(tables),
        energy_mwh={name: energies[name] for name in ENERGIES},
        metered_mw=metered_mw,
        loss_mw=tables["lines"].groupby("hour")["loss_mw"].sum().to_numpy(),
        vm_pu=tables["buses"]["vm_pu"].to_numpy().reshape(len(metered_mw), -1),
        limits=limits,
        certificate=proof,
        within_limits=not any(one.count for one in limits.values()),
        exact=(proof["cone_gap"] or 0.0) <= EXACT,
    )


def planned(
    instance: Instance, submission: Submission, day: ScenarioSet, dispatcher: Dispatcher, network: str
) -> Outcome:
    """Return the outcome of bids in a day of one scenario, planned with hindsight."""
    problem = replace(opening_problem(instance, day), bid_mw=submission.bid_mw)
    plan = dispatcher.plan(problem, network=network)
    points = plan.set_points
    money = plan_money(instance.grid, instance.tariff, instance.rule, problem, plan)
    energies = {
        "bid": plan.bid_mw.sum(),
        "metered": plan.tie_p_mw.sum(),
        "imbalance": np.abs(plan.tie_p_mw - plan.bid_mw).sum(),
        "load_curtailed": (problem.demand_mw - points.load_p_mw).sum(),
        "generation_curtailed": (problem.available_mw - points.renewable_p_mw).sum(),
    }
    return Outcome(
        terms={term: float(amount[0]) for term, amount in money.items()},
        energy_mwh={name: problem.step_h * float(amount) for name, amount in energies.items()},
        metered_mw=plan.tie_p_mw[0],
        loss_mw=plan.losses_mw[0],
        vm_pu=plan.vm_pu[0],
        limits={},
        certificate={"cone_gap": float(plan.cone_gap.max())},
        within_limits=bool(plan.violation.max() <= VIOLATION_TOLERANCE),
        exact=bool(plan.inexactness.max() <= EXACT),
        planned_profit=expected_profit(plan, day.probability, problem.step_h),
    )
