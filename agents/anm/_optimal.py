"""Shared parts of the optimising policies: the hours in view as a problem, and its first hour as orders."""

import numpy as np

from agents.anm import HourView
from agents.dispatch.certificate import EXACT, VIOLATION_TOLERANCE
from agents.dispatch.connection_problem import StoreValues
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.state_of_charge import required_energy
from grids.power_flow import SetPoints
from sim.instance import Instance
from sim.messages import Decision, Schedule


def plan_ahead(instance: Instance, dispatcher: Dispatcher, view: HourView, values: StoreValues | None = None) -> Plan:
    """Return the optimal plan of the hours in view, with the bids as they were submitted (Eq. 7-31).

    Parameters
    ----------
    instance, dispatcher, view : Instance, Dispatcher, HourView
        The instance, the solver of its problems, and the view of the hours.
    values : StoreValues, optional
        Value of the batteries' energy after the last hour.
    """
    return dispatcher.plan(problem_ahead(instance, view, values))


def problem_ahead(instance: Instance, view: HourView, values: StoreValues | None = None) -> DispatchProblem:
    """Return the hours in view as a dispatch problem, see `plan_ahead`."""
    today, first = view.today or instance, view.period - 1
    hours = slice(first, first + len(view.outlook.demand_mw))
    over, under = today.step_prices
    return DispatchProblem(
        demand_mw=view.outlook.demand_mw[None],
        available_mw=view.outlook.available_mw[None],
        probability=np.ones(1),
        price_per_mwh=today.profiles.price_per_mwh[hours],
        retail_price_per_mwh=view.outlook.retail_price_per_mwh,
        over_price_per_mwh=over[hours],
        under_price_per_mwh=under[hours],
        start_energy_mwh=view.energy_mwh,
        previous_battery_p_mw=view.previous_battery_p_mw,
        required_energy_mwh=required_energy(instance.grid, today.hours_left[hours], today.calendar.step_h),
        bid_mw=view.bid_mw[hours],
        values=values,
        metered_mw=view.metered_mw,
        **today.periods,
    )


def decision(plan: Plan, policy: str, *, at: int = 0) -> Decision:
    """Return hour `at` of a plan as a decision."""
    violation = float(plan.violation[0, at])
    return Decision(
        orders=SetPoints(**{name: array[0, at] for name, array in vars(plan.set_points).items()}),
        policy=policy,
        status=_status(plan, violation, float(plan.inexactness[0, at])),
        reason=plan.stopped and f"{policy}: {plan.stopped}",
        violation=violation,
        planned_tie_p_mw=float(plan.tie_p_mw[0, at]),
        planned_vm_pu=plan.vm_pu[0, at],
        cone_gap=float(plan.cone_gap[0, at]),
        schedule=_schedule(plan, at),
        coordination=plan.coordination,
    )


def _schedule(plan: Plan, at: int) -> Schedule | None:
    """Return the exchange agreed with the microgrids for hour `at` and those after it."""
    if plan.coordination is None:
        return None
    return Schedule(
        p_mw=plan.set_points.exchange_p_mw[0, at:],
        q_mvar=plan.set_points.exchange_q_mvar[0, at:],
        price_per_mwh=plan.exchange_price_per_mwh[0, at:],
    )


def _status(plan: Plan, violation: float, inexactness: float) -> str:
    if violation > VIOLATION_TOLERANCE:
        return "least_violation"
    if inexactness > EXACT:
        return "inexact"
    return "repaired" if plan.repaired else "optimal"
