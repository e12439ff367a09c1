"""The paper's problem in polar AC form: Ipopt and BONMIN agree with the cone program, and mend it where it errs."""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyomo.environ as pyo
import pytest
from feeder5 import FLEET, LOSSY_FLEET, draw_problem, feeder5, settled_cost
from hypothesis import given, settings
from hypothesis import strategies as st

import agents.dispatch.exact
from agents.bid_optimizer import opening_problem
from agents.dispatch.certificate import EXACT, certify
from agents.dispatch.conic_program import InfeasibleError, SolverError
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.exact.ac_case import ACCase
from agents.dispatch.exact.ac_model import ac_model
from agents.dispatch.exact.ac_network import bus_admittance
from agents.dispatch.exact.ac_reference import read_ac_plan, solve_ac
from agents.dispatch.exact.ac_repair import ACRepair
from agents.dispatch.first_stage import bid_bounds
from agents.dispatch.plan import fix_directions
from agents.dispatch.plan_money import plan_money
from agents.dispatch.problem import Directions
from agents.dispatch.search.branch_and_bound import BranchAndBound, Effort
from grids.batch_power_flow import BatchPowerFlow
from sim.errors import StudyError
from sim.instance import Instance
from sim.market.imbalance import RULES
from sim.market.tariff import Tariff
from sim.scenarios import Draw

TARIFF = Tariff(wear_fast=5.0, wear_cycling=3.0)  # enough wear to notice
CLOSE = 1e-4  # relative


def mismatch(grid, plan):
    """Return the largest difference between a plan and the AC power flow of its set points. [MW], [Mvar], [p.u.]"""
    flow = BatchPowerFlow(grid).run(plan.set_points)
    return max(np.abs(getattr(flow, name) - getattr(plan, name)).max() for name in ("tie_p_mw", "tie_q_mvar", "vm_pu"))


def by_cones(grid, rule, problem):
    """Return the best plan of the cone program, and the directions of it."""
    bounds = bid_bounds(grid, rule, problem.demand_mw, problem.available_mw, network="branch_flow")
    horizon = Dispatcher(grid, TARIFF, rule).horizon(replace(problem, bounds=bounds), network="branch_flow")
    search = BranchAndBound(grid, rule, horizon, problem)
    plan = search.run(Effort(gap=1e-7, nodes=200))
    return plan, fix_directions(plan, search.directions)


# ---- the same optimum ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reading", ["import_only", "both_directions"])
@pytest.mark.parametrize("rule", ["shi", "caiso", "case1"])
@pytest.mark.parametrize("fleet", [FLEET, LOSSY_FLEET], ids=["lossless", "lossy"])
def test_ipopt_finds_the_optimum_of_the_cone_program(reading, rule, fleet):
    grid, rule = feeder5(fleet=fleet, reading=reading), RULES[rule]
    problem = draw_problem(grid, rule, np.random.default_rng(1), scenarios=2, hours=3)
    conic, directions = by_cones(grid, rule, problem)
    plan = solve_ac(grid, TARIFF, rule, problem, directions=directions)
    assert plan.objective == pytest.approx(conic.objective, rel=CLOSE)
    assert mismatch(grid, plan) < 1e-6
    assert plan.objective == pytest.approx(settled_cost(grid, plan, problem, TARIFF, rule), abs=1e-4)
    assert plan.bound == -np.inf  # a local optimum proves nothing
    if reading == "import_only":
        assert solve_ac(grid, TARIFF, rule, problem).objective == pytest.approx(plan.objective, rel=1e-6)


@pytest.mark.parametrize("bid_mw", [np.array([0.5, -0.4, 0.0]), None], ids=["given", "decided"])
def test_a_start_changes_nothing(bid_mw):
    grid, rule = feeder5(fleet=LOSSY_FLEET, reading="both_directions"), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(2), scenarios=2, hours=3)
    conic, directions = by_cones(grid, rule, problem)
    given = replace(problem, bid_mw=bid_mw)
    plan = solve_ac(grid, TARIFF, rule, given, directions=directions)
    again = solve_ac(grid, TARIFF, rule, given, directions=directions, start=conic)
    assert again.objective == pytest.approx(plan.objective, rel=1e-6)
    if bid_mw is not None:
        assert plan.bid_mw == pytest.approx(bid_mw)


@pytest.mark.parametrize("reading", ["import_only", "both_directions"])
@pytest.mark.parametrize("rule", ["shi", "case1"])
def test_bonmin_finds_the_directions(reading, rule):
    """The band of a bid and the power factor of every flow, among which wind enough to export."""
    grid, rule = feeder5(reading=reading), RULES[rule]
    problem = draw_problem(grid, rule, np.random.default_rng(4), scenarios=2, hours=2)
    problem = replace(problem, available_mw=1.5 * problem.available_mw, demand_mw=0.5 * problem.demand_mw)
    conic, _ = by_cones(grid, rule, problem)
    plan = solve_ac(grid, TARIFF, rule, problem, solver="bonmin")
    assert plan.objective == pytest.approx(conic.objective, rel=CLOSE)
    assert plan.objective >= conic.bound - CLOSE * abs(conic.bound)
    assert mismatch(grid, plan) < 1e-6
    assert (conic.tie_p_mw < -1e-3).any() == (reading == "both_directions")


@settings(max_examples=25)
@given(price=st.floats(-100, 300), seed=st.integers(0, 2**32 - 1))
def test_the_objective_is_what_the_market_settles_at_any_point(price, seed):
    """Numbers through the terms of the money, as a plan is settled, and the Pyomo expression of Eq. (7)."""
    grid, rule = feeder5(fleet=LOSSY_FLEET), RULES["caiso"]
    rng = np.random.default_rng(seed)
    problem = draw_problem(grid, rule, rng, scenarios=2, hours=2, bid_mw=rng.uniform(-1, 1, 2))
    over, under = rule.step_prices([price, 50.0])
    problem = replace(
        problem, price_per_mwh=np.array([price, 50.0]), over_price_per_mwh=over, under_price_per_mwh=under
    )
    case = ACCase(grid=grid, tariff=TARIFF, rule=rule, problem=problem, directions=Directions.undecided(2, 2))
    model = ac_model(case)
    for variable in model.component_data_objects(pyo.Var):
        if not variable.fixed:
            variable.set_value(rng.uniform(-1, 1), skip_validation=True)
    for at, power in model.throughput_mw.items():
        power.set_value(abs(model.battery_p_mw[at].value), skip_validation=True)
    tie_p_mw = np.array([[model.tie_p_mw[s, t].value for t in range(2)] for s in range(2)])
    for name, energy in zip(("over", "under"), rule.energies(problem.bid_mw, tie_p_mw), strict=True):
        for at, variable in getattr(model, f"{name}_scheduling_mwh").items():
            variable.set_value(energy[at], skip_validation=True)
    profit = plan_money(grid, TARIFF, rule, problem, read_ac_plan(case, model))["profit"]
    assert pyo.value(model.eq7) == pytest.approx(-problem.probability @ profit, rel=1e-9, abs=1e-9)


# ---- refusals --------------------------------------------------------------------------------------------------


def test_an_unknown_solver_is_refused():
    grid, rule = feeder5(), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(0))
    with pytest.raises(StudyError, match=r"no solver 'gurobi'.*ipopt, bonmin"):
        solve_ac(grid, TARIFF, rule, problem, solver="gurobi")


def test_what_can_not_be_met_is_refused():
    grid, rule = feeder5(), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(0))
    full = np.array([[0.95 * 0.4]])
    with pytest.raises(InfeasibleError, match="Infeasible"):
        solve_ac(grid, TARIFF, rule, replace(problem, start_energy_mwh=0.3 * full[0], required_energy_mwh=full))
    with pytest.raises(SolverError, match="ipopt stopped with status Maximum_Iterations"):
        solve_ac(grid, TARIFF, rule, problem, options={"max_iter": 2})


@pytest.mark.parametrize(
    "file", ["ac_case.py", "ac_market.py", "ac_model.py", "ac_network.py", "ac_reference.py", "nl_solver.py"]
)
def test_the_oracle_is_independent(file):
    tree = ast.parse((Path(agents.dispatch.exact.__file__).parent / file).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {"agents.dispatch.hour", "agents.dispatch.network", "agents.dispatch.multi_period_program"}


def test_bus_admittance_by_hand():
    grid = feeder5()
    matrix = bus_admittance(grid)
    assert matrix.sum(axis=0) == pytest.approx(np.zeros(5), abs=1e-12)  # no shunts
    line = 1 / (grid.line_r_pu + 1j * grid.line_x_pu)
    assert matrix[grid.line_from, grid.line_to] == pytest.approx(-line)
    assert matrix[grid.slack, grid.slack] == pytest.approx(line[grid.line_from == grid.slack].sum())


# ---- repair ----------------------------------------------------------------------------------------------------


def relaxed_and_steered(dispatcher, problem):
    """Return the relaxed plan, and one steered back by a price on all losses: exact, and not a very good one."""
    grid, rule = dispatcher.grid, dispatcher.rule
    bounds = bid_bounds(grid, rule, problem.demand_mw, problem.available_mw, network="branch_flow")
    horizon = dispatcher.horizon(replace(problem, bounds=bounds), network="branch_flow")
    directions = Directions(bid=np.ones(problem.shape[1], dtype=int), flow=np.ones(problem.shape, dtype=int))
    relaxed = horizon.solve(problem, directions)
    nothing_flows = replace(relaxed, line_p_mw=0 * relaxed.line_p_mw, line_q_mvar=0 * relaxed.line_q_mvar)
    for price in (1e2, 1e3, 1e4):
        steered = horizon.solve(problem, directions, burning=(np.full(problem.shape[1], price), nothing_flows))
        if steered.inexactness.max() <= EXACT:
            break
    return relaxed, replace(steered, bound=relaxed.bound, repaired=True), directions


def check_repair(dispatcher, problem):
    grid, tariff, rule = dispatcher.grid, dispatcher.tariff, dispatcher.rule
    relaxed, steered, directions = relaxed_and_steered(dispatcher, problem)
    assert relaxed.inexactness.max() > EXACT
    assert mismatch(grid, relaxed) > 1e-3
    repair = ACRepair(grid, tariff, rule, problem)
    plan = repair.repaired(relaxed, directions)
    best = repair.best(relaxed, steered, directions)
    for mended in (plan, best):
        assert mended.repaired
        assert mended.inexactness.max() <= EXACT
        assert mismatch(grid, mended) < 1e-5
        assert mended.vm_pu.min() >= grid.voltage.min_vm_pu
        assert mended.vm_pu.max() <= grid.voltage.max_vm_pu
        assert mended.objective >= mended.bound - 1e-6 * abs(mended.bound)
        cost = settled_cost(grid, mended, problem, tariff, rule)
        assert mended.objective == pytest.approx(cost, abs=1e-6)
    assert plan.bound == relaxed.bound
    assert plan.bid_mw == pytest.approx(relaxed.bid_mw)
    assert best.objective <= min(plan.objective, steered.objective + 1e-6)
    return relaxed, steered, best


@pytest.mark.parametrize("fleet", [FLEET, LOSSY_FLEET], ids=["lossless", "lossy"])
def test_a_plan_that_burns_energy_at_negative_prices_is_repaired(fleet):
    grid, rule = feeder5(fleet=fleet), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(5), scenarios=2, hours=3)
    price = np.array([30.0, -20.0, 40.0])
    over, under = rule.step_prices(price)
    problem = replace(problem, price_per_mwh=price, over_price_per_mwh=over, under_price_per_mwh=under)
    relaxed, _, best = check_repair(Dispatcher(grid, TARIFF, rule), problem)
    gap = (best.objective - best.bound) / abs(best.objective)
    assert relaxed.objective < best.objective  # what the relaxation promised can't be had,
    assert 0.0 < gap < 2.0  # and the bound, being its, says by how much at most


@pytest.mark.parametrize("hours", [1, 3])
def test_hours_of_anm_are_repaired_like_bids(hours):
    """With the bids given: exact, and never dearer than what a price on burnt energy alone makes of it."""
    grid, rule = feeder5(reading="both_directions"), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(5), scenarios=1, hours=hours)
    price = np.array([-20.0, 30.0, 40.0])[:hours]
    over, under = rule.step_prices(price)
    problem = replace(
        problem,
        price_per_mwh=price,
        over_price_per_mwh=over,
        under_price_per_mwh=under,
        bid_mw=np.array([0.3, 0.2, 0.1])[:hours],
    )
    dispatcher = Dispatcher(grid, TARIFF.model_copy(update={"loss_factor": 0.0}), rule)  # burning pays
    plan = dispatcher.plan(problem)
    horizon = dispatcher.horizon(problem, network="branch_flow")
    steered = BranchAndBound(grid, rule, horizon, problem).run(Effort())
    assert plan.repaired
    assert plan.inexactness.max() <= EXACT
    assert mismatch(grid, plan) < 1e-5
    assert plan.bound <= plan.objective <= steered.objective + 1e-6


@pytest.mark.parametrize("fleet", [FLEET, LOSSY_FLEET], ids=["lossless", "lossy"])
@pytest.mark.parametrize("seed", range(4))
def test_a_repaired_bid_is_no_worse_than_what_ipopt_finds(fleet, seed):
    """Where burning energy pays, the plan near physics is at least as good as that of the paper's own equations."""
    grid, rule, tariff = feeder5(fleet=fleet), RULES["case1"], TARIFF.model_copy(update={"loss_factor": 0.0})
    problem = draw_problem(grid, rule, np.random.default_rng(seed), scenarios=2, hours=3)
    price = np.array([30.0, -50.0, -20.0])
    over, under = rule.step_prices(price)
    problem = replace(problem, price_per_mwh=price, over_price_per_mwh=over, under_price_per_mwh=under)
    plan = Dispatcher(grid, tariff, rule).bid(problem)
    assert plan.repaired
    assert certify(plan, problem, grid).status == "repaired"
    directions = fix_directions(plan, Directions.undecided(*problem.shape))
    oracle = solve_ac(grid, tariff, rule, problem, directions=directions)
    assert plan.bound <= oracle.objective + 1e-6
    assert plan.objective <= oracle.objective + 2e-4 * abs(oracle.objective)


def test_a_microgrid_without_batteries_is_repaired(study33):
    """Surplus of wind can't leave with `import_only`, and curtailing it costs: the relaxation burns it."""
    instance = Instance.of(study33.model_copy(update={"fleet": study33.fleet.model_copy(update={"battery": ()})}))
    problem = opening_problem(instance, instance.draw(Draw.TRAINING, 1))
    _, steered, best = check_repair(Dispatcher(instance.grid, instance.tariff, instance.rule), problem)
    assert best.objective < steered.objective - 1e-2
    assert best.objective - best.bound < 0.01 * abs(best.objective)


def test_an_exact_plan_stays_as_it_is():
    grid, rule = feeder5(), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(1), scenarios=2, hours=3)
    conic, directions = by_cones(grid, rule, problem)
    assert ACRepair(grid, TARIFF, rule, problem).repaired(conic, directions) is conic
    profit = plan_money(grid, TARIFF, rule, problem, conic)["profit"]
    assert problem.probability @ profit == pytest.approx(-conic.objective, abs=1e-4)


def test_only_scenarios_that_physics_refuses_are_solved_again():
    grid, rule = feeder5(), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(1), scenarios=2, hours=3)
    conic, directions = by_cones(grid, rule, problem)
    off = np.array([[0.1], [0.0]])  # in the first scenario only
    plan = replace(conic, tie_p_mw=conic.tie_p_mw + off, cone_gap=conic.cone_gap + off)
    late = ACRepair(grid, TARIFF, rule, problem).repaired(plan, directions, time_limit_s=0.0)
    assert late.inexactness.max() > EXACT
    mended = ACRepair(grid, TARIFF, rule, problem).repaired(plan, directions)
    assert mended.tie_p_mw[1].tobytes() == conic.tie_p_mw[1].tobytes()
    assert mended.tie_p_mw[0] == pytest.approx(conic.tie_p_mw[0], abs=1e-3)
    assert mended.objective == pytest.approx(conic.objective, rel=CLOSE)
