"""Independent reference: the paper's problem as printed, in polar AC form, solved as it stands by Ipopt or BONMIN.

The result is a local optimum: both solvers take the problem for convex, which AC power flow is not. So neither
proves a bound, and the plan's bound is -inf; the conic relaxation proves one:
:mod:`agents.dispatch.multi_period_program`.
"""

from dataclasses import replace

import numpy as np

from agents.dispatch.compiled import PYOMO
from agents.dispatch.exact.ac_case import ACCase, Model
from agents.dispatch.exact.ac_model import ac_model, values_of
from agents.dispatch.exact.ac_network import series_impedance, transformed
from agents.dispatch.exact.nl_solver import Options, solve_nl
from agents.dispatch.plan import TIGHTENING_PRICE, Plan, losses, store_path
from agents.dispatch.problem import Directions, DispatchProblem
from grids.network import Grid
from grids.power_flow import SetPoints
from sim.market.imbalance import ImbalanceRule
from sim.market.tariff import Tariff


def solve_ac(
    grid: Grid,
    tariff: Tariff,
    rule: ImbalanceRule,
    problem: DispatchProblem,
    *,
    solver: str = "ipopt",
    directions: Directions | None = None,
    start: Plan | None = None,
    options: Options | None = None,
    elastic: bool = False,
) -> Plan:
    """Return the optimum of Eq. (7)-(31) that a solver finds, feasible for the AC equations as they are.

    The bids are decided if the dispatch problem has none.

    Parameters
    ----------
    grid, tariff, rule, problem : Grid, Tariff, ImbalanceRule, DispatchProblem
        The problem.
    solver : {"ipopt", "bonmin"}
        With directions as they are given, or deciding those that are not fixed.
    directions : Directions, optional
        Directions; Ipopt takes those not fixed for import.
    start : Plan, optional
        Plan from which the search begins.
    options : mapping, optional
        Options by the solver's own names.
    elastic : bool
        Let limits be violated at a price, to find little violation where no plan keeps all of them.

    Raises
    ------
    StudyError
        If there is no such solver.
    InfeasibleError, SolverError
        If it finds no feasible plan, or stops without an answer.
    """
    directions = directions or Directions.undecided(*problem.shape)
    case = ACCase(
        grid=grid,
        tariff=tariff,
        rule=rule,
        problem=problem,
        directions=directions,
        integer=solver == "bonmin",
        elastic=elastic,
    )
    with PYOMO:
        model = ac_model(case)
    if start is not None:
        _begin_at(model, start)
    objective = solve_nl(model, solver, options)
    plan = read_ac_plan(case, model)
    if elastic:  # as the conic hour model counts it
        objective += TIGHTENING_PRICE * float(problem.probability @ plan.losses_mw.sum(axis=1))
    return replace(plan, objective=objective, bound=-np.inf)


def _begin_at(m: Model, start: Plan) -> None:
    """Give the variables the values of a plan; angles are left as they start."""
    arrays = {name: array for name, array in vars(start.set_points).items() if hasattr(m, name)}
    arrays |= {name: getattr(start, name) for name in ("end_energy_mwh", "tie_p_mw", "tie_q_mvar", "vm_pu", "bid_mw")}
    for name, array in arrays.items():
        for variable, value in zip(getattr(m, name).values(), array.ravel().tolist(), strict=True):
            if not variable.fixed:
                variable.set_value(value, skip_validation=True)
    for at, charge in m.charge_mw.items():
        power = m.battery_p_mw[at].value
        charge.set_value(max(-power, 0.0))
        m.discharge_mw[at].set_value(max(power, 0.0))


def read_ac_plan(case: ACCase, m: Model) -> Plan:
    """Return the plan in the values of the model's variables."""
    grid, problem, shape = case.grid, case.problem, case.problem.shape
    load = values_of(m.load_p_mw, *shape, len(grid.load_names))
    battery = values_of(m.battery_p_mw, *shape, len(grid.batteries))
    tie, bid = values_of(m.tie_p_mw, *shape), values_of(m.bid_mw, shape[1])
    stored, beyond = store_path(grid, problem, battery)
    angle = values_of(m.va_rad, *shape, len(grid.bus_ids))
    voltage = values_of(m.vm_pu, *shape, len(grid.bus_ids)) * np.exp(1j * angle)
    sending, receiving = voltage[..., grid.line_from] * transformed(grid), voltage[..., grid.line_to]
    sent = sending * np.conj((sending - receiving) / series_impedance(grid))
    points = SetPoints(
        load_p_mw=load,
        load_q_mvar=load * grid.load_tan_phi,
        renewable_p_mw=values_of(m.renewable_p_mw, *shape, len(grid.renewables)),
        renewable_q_mvar=values_of(m.renewable_q_mvar, *shape, len(grid.renewables)),
        battery_p_mw=battery,
        battery_q_mvar=values_of(m.battery_q_mvar, *shape, len(grid.batteries)),
        exchange_p_mw=np.zeros((*shape, 0)),
        exchange_q_mvar=np.zeros((*shape, 0)),
    )
    return Plan(
        set_points=points,
        end_energy_mwh=stored,
        tie_p_mw=tie,
        tie_q_mvar=values_of(m.tie_q_mvar, *shape),
        vm_pu=np.abs(voltage),
        line_p_mw=sent.real,
        line_q_mvar=sent.imag,
        bid_mw=bid,
        cone_gap=np.zeros(shape),
        spilled=beyond,
        penalty=problem.penalty(case.rule, bid, tie),
        violation=sum((values_of(one, *shape, -1).sum(axis=2) for one in m.violations), np.zeros(shape)),
        losses_mw=losses(grid, points, tie, np.abs(voltage)),
    )
