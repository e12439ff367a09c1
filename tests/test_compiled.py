"""The compiled matrices against Pyomo's own evaluation of the same model."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import numpy as np
import pyomo.environ as pyo
import pytest
from conftest import STUDIES
from feeder5 import LOSSY_FLEET, draw_problem, feeder5
from pyomo.core.base.block import BlockData

from agents.dispatch import compiled as compiled_module
from agents.dispatch.compiled import compile_model, compiled, compiled_once
from agents.dispatch.conic_program import ConicProgram
from agents.dispatch.connection_blocks import ExchangeBlocks, ExchangeModel, compiled_microgrid
from agents.dispatch.exact.ac_reference import solve_ac
from agents.dispatch.first_stage import bid_model
from agents.dispatch.hour import hour_model
from agents.dispatch.microgrid_hour import curve_model, reactive_model
from agents.dispatch.multi_period_program import MultiPeriodProgram
from agents.dispatch.problem import BidBounds
from agents.dispatch.search.hour_subproblem import HourSubproblem
from agents.dispatch.value_blocks import value_model
from sim.instance import Instance
from sim.market.imbalance import RULES
from sim.market.settlement import price_parts
from sim.market.tariff import Tariff
from sim.study_file import read_study

VARIANTS = [
    (network, elastic, reading)
    for network in ("branch_flow", "copper_plate")
    for elastic in (False, True)
    for reading in ("import_only", "both_directions")
]


def point(compiled, model, rng):
    """Give every Pyomo variable a random value; return the same values in the order of the columns."""
    z = rng.uniform(-2, 2, compiled.columns)
    for name, columns in (compiled.variables | compiled.data).items():
        for member, value in zip(getattr(model, name).values(), z[columns], strict=True):
            member.set_value(float(value), skip_validation=True)
    return z


def pyomo_slacks(model):
    """Return by how much Pyomo says each constraint and bound holds: equations (absolute), linear, quadratic."""
    data = {id(member) for name in model.data_names for member in getattr(model, name).values()}
    equal, linear, quadratic = [], [], []

    def sort_in(body, lower, upper, inequalities):
        if lower is not None and lower == upper:
            equal.append(abs(body - lower))
            return
        inequalities.extend([upper - body] if upper is not None else [])
        inequalities.extend([body - lower] if lower is not None else [])

    for variable in model.component_data_objects(pyo.Var):
        if id(variable) not in data:
            sort_in(pyo.value(variable), variable.lb, variable.ub, linear)
    for constraint in model.component_data_objects(pyo.Constraint, active=True):
        kind = linear if constraint.body.polynomial_degree() == 1 else quadratic
        scale = 4 if constraint.parent_component().local_name == "current" else 1  # (ℓ+v)² - (ℓ-v)² is 4ℓv
        sort_in(scale * pyo.value(constraint.body), pyo.value(constraint.lower), pyo.value(constraint.upper), kind)
    return equal, linear, quadratic


def compiled_slacks(compiled, z):
    """Return the same of the compiled rows; a cone counts as its first element squared less the others squared."""
    s = compiled.rhs.copy()
    np.subtract.at(s, compiled.rows.row, compiled.rows.value * z[compiled.rows.column])
    found = {"zero": [], "nonnegative": [], "second_order": []}
    at = 0
    for kind, size in compiled.cones:
        part, at = s[at : at + size], at + size
        found[kind].extend([part[0] ** 2 - (part[1:] ** 2).sum()] if kind == "second_order" else part)
    assert at == len(s)
    return np.abs(found["zero"]), found["nonnegative"], found["second_order"]


def assert_same_model(model, rng):
    """Assert that Pyomo and the compiled matrices agree at random points."""
    compiled = compile_model(model)
    quadratic = compiled.quadratic
    for _ in range(3):
        z = point(compiled, model, rng)
        objective = (
            (quadratic.value * z[quadratic.row] * z[quadratic.column]).sum() + compiled.linear @ z + compiled.constant
        )
        (cost,) = model.component_data_objects(pyo.Objective, active=True)
        assert objective == pytest.approx(pyo.value(cost), rel=1e-12, abs=1e-9)
        for ours, theirs in zip(compiled_slacks(compiled, z), pyomo_slacks(model), strict=True):
            assert np.sort(ours) == pytest.approx(np.sort(theirs), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("rule", ["caiso", "nguyen"])
@pytest.mark.parametrize(("network", "elastic", "reading"), VARIANTS)
def test_rows_and_objective_are_pyomos(network, elastic, reading, rule):
    grid = feeder5(fleet=LOSSY_FLEET, reading=reading)
    model = hour_model(grid, Tariff(wear_cycling=0.5), RULES[rule], network=network, elastic=elastic)
    assert_same_model(model, np.random.default_rng(1))


def test_the_33_bus_hour_is_pyomos(instance33):
    model = hour_model(instance33.grid, instance33.tariff, instance33.rule, network="copper_plate")
    assert_same_model(model, np.random.default_rng(2))


def test_first_stage_is_pyomos():
    assert_same_model(bid_model(BidBounds(np.array([-2.0, 0, -1]), np.array([3.0, 2, 0]))), np.random.default_rng(3))


# ---- what may be compiled --------------------------------------------------------------------------------------


def small_model(constraint=None, objective=None, sense=pyo.minimize):
    m = pyo.ConcreteModel()
    m.data_names = ["d"]
    m.x, m.u, m.d = pyo.Var(), pyo.Var(bounds=(None, 3)), pyo.Var(initialize=0.0)
    m.y, m.w = pyo.Var(domain=pyo.NonNegativeReals), pyo.Var(bounds=(0, 5))
    if constraint:
        m.c = pyo.Constraint(expr=constraint(m))
    m.o = pyo.Objective(expr=objective(m) if objective else m.x + m.d, sense=sense)
    return m


REFUSED = {
    "outside of a circle": lambda m: m.x**2 + m.u**2 >= 1,
    "rim of a circle": lambda m: m.x**2 + m.u**2 == 1,
    "hyperbola": lambda m: m.x**2 - m.u**2 <= 1,
    "indefinite product": lambda m: m.x * m.u <= 1,
    "product of the wrong sign": lambda m: m.x**2 + m.y * m.w <= 0,
    "square below a square": lambda m: m.x**2 <= m.y**2,
    "product with a constant": lambda m: m.x**2 <= m.y * m.w + 1,
    "two products": lambda m: m.x**2 <= m.y * m.w + m.y * m.u,
    "parabola": lambda m: m.x**2 <= m.y,
    "circle with a shifted centre": lambda m: m.x**2 + m.x + m.u**2 <= 4,
    "circle without radius": lambda m: m.x**2 + m.u**2 <= -1,
    "decision times data": lambda m: m.x * m.d <= 1,
    "cube": lambda m: m.x**3 <= 1,
    "exponential": lambda m: pyo.exp(m.x) <= 1,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_cone_is_refused(name):
    with pytest.raises(ValueError, match=r"^c is "):
        compile_model(small_model(REFUSED[name]))


ACCEPTED = {
    "circle": lambda m: m.x**2 + 2 * m.u**2 <= 4,
    "rotated cone": lambda m: 3 * m.x**2 + m.u**2 <= 2 * m.y * m.w,
    "range": lambda m: (-1, m.x + m.u - 2 * m.d, 1),
    "greater": lambda m: m.x + 1 >= m.u - m.d,
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_point_is_feasible_for_both_or_for_neither(name):
    model = small_model(ACCEPTED[name])
    compiled, rng = compile_model(model), np.random.default_rng(4)
    feasible = []
    for _ in range(300):
        z = point(compiled, model, rng)
        _, linear, cones = compiled_slacks(compiled, z)
        body, lower, upper = (pyo.value(part) for part in (model.c.body, model.c.lower, model.c.upper))
        theirs = (lower is None or body >= lower) and (upper is None or body <= upper)
        theirs = theirs and model.y.value >= 0 and 0 <= model.w.value <= 5 and model.u.value <= 3
        assert (min([*linear, *cones]) >= 0) == theirs
        feasible.append(theirs)
    assert 0 < sum(feasible) < len(feasible)


@pytest.mark.parametrize("objective", [lambda m: m.x**3 + m.y, lambda m: pyo.exp(m.x)], ids=["cubic", "exponential"])
def test_an_objective_that_would_be_lost_is_refused(objective):
    with pytest.raises(ValueError):  # noqa: PT011 - any message, as long as the term is not dropped in silence
        compile_model(small_model(objective=objective))


def test_an_objective_to_be_maximised_is_refused():
    with pytest.raises(ValueError, match=r"^o must be linear or quadratic, and minimised$"):
        compile_model(small_model(objective=lambda m: m.x, sense=pyo.maximize))


# ---- data are numbers or links ---------------------------------------------------------------------------------

LINKED = ("demand_mw", "available_mw", "bid_mw", "bid_magnitude_mw", "start_energy_mwh", "required_energy_mwh")
NUMBERS = ("retail_price_per_mwh", "over_price_per_mwh", "under_price_per_mwh", "previous_battery_p_mw")


@pytest.mark.parametrize("network", ["branch_flow", "copper_plate"])
@pytest.mark.parametrize("seed", range(3))
def test_data_as_links_and_as_numbers_give_the_same_optimum(network, seed):
    grid, rule, rng = feeder5(), RULES["caiso"], np.random.default_rng(seed)
    problem = draw_problem(grid, rule, rng, bid_mw=rng.uniform(-1, 1, 1))
    hour = compile_model(hour_model(grid, Tariff(), rule, network=network))
    numbers = {name: np.ravel(getattr(problem, name)) for name in (*LINKED, *NUMBERS) if hasattr(problem, name)}
    numbers |= price_parts(problem.price_per_mwh)
    numbers |= {"bid_magnitude_mw": np.abs(problem.bid_mw), "import_slack_mvar": np.zeros(1)}
    alone = ConicProgram()
    given = alone.add(hour, 1)
    direct = alone.solve([numbers])

    constants = pyo.ConcreteModel()
    constants.data_names = []
    for name in LINKED:
        values = np.atleast_1d(numbers[name])
        setattr(constants, name, pyo.Var(range(len(values)), bounds=lambda m, i, v=values: (v[i], v[i])))
    constants.nothing = pyo.Objective(expr=0.0)
    linked = ConicProgram()
    group, source = linked.add(hour, 1), linked.add(compile_model(constants), 1)
    for name in LINKED:
        group.link(name, source.columns(name))
    through = linked.solve([{name: value for name, value in numbers.items() if name not in LINKED}, {}])

    assert through.objective == pytest.approx(direct.objective, abs=1e-5)
    assert through.x[group.columns("tie_p_mw")] == pytest.approx(direct.x[given.columns("tie_p_mw")], abs=1e-4)


# ---- several threads -------------------------------------------------------------------------------------------


def builders(connection):
    """Return what builds Pyomo models, each as a function of nothing: all kinds of them, and none kept from before."""
    grid, rule = feeder5(), RULES["case1"]
    problem = draw_problem(grid, rule, np.random.default_rng(0))
    bounds = BidBounds(np.array([-1.0]), np.array([1.0]))
    hour = compiled(hour_model, grid, Tariff(), rule)
    kind = connection.microgrid.model_copy(update={"name": "built by nobody before"}).model_dump_json()
    return [
        lambda: compiled(hour_model, grid, Tariff(), rule),
        lambda: compiled(hour_model, grid, Tariff(), rule, network="copper_plate"),
        lambda: MultiPeriodProgram(grid, hour, scenarios=1, hours=1, bounds=bounds).move(bounds),
        lambda: HourSubproblem(grid, hour, scenarios=1, opens=False),
        lambda: compiled_microgrid(kind, proximal=0.0, scheduled=False, fits=True),
        lambda: ExchangeBlocks(
            ConicProgram(), [connection], ExchangeModel("offers", proximal=1.0), scenarios=1, hours=1
        ),
        lambda: compiled_once.__wrapped__(reactive_model),
        lambda: compiled_once.__wrapped__(curve_model, 3),
        lambda: compiled_once.__wrapped__(value_model, 3),
        lambda: solve_ac(grid, Tariff(), rule, problem),
    ]


def test_models_are_built_one_at_a_time_whoever_builds_them(monkeypatch):
    """Every step of a thread gives way to the others; still no model's steps lie among those of another."""
    (connection, *_) = Instance.of(read_study(STUDIES / "networked33.yaml")).grid.connections
    tasks, steps, own = builders(connection), [], threading.local()
    add, represent = BlockData.add_component, compiled_module.generate_standard_repn

    def adding(model, *given):
        own.model = model
        steps.append(model)
        time.sleep(1e-4)
        return add(model, *given)

    def representing(*given, **options):
        steps.append(own.model)
        time.sleep(1e-5)
        return represent(*given, **options)

    monkeypatch.setattr(BlockData, "add_component", adding)
    monkeypatch.setattr(compiled_module, "generate_standard_repn", representing)
    together = threading.Barrier(len(tasks))
    with ThreadPoolExecutor(len(tasks)) as pool:
        done = [pool.submit(lambda task: (together.wait(30), task()), task) for task in tasks]
    assert not [work.exception() for work in done if work.exception()]
    models = [model for model, _ in groupby(steps, key=id)]
    assert len(models) >= len(tasks)
    assert len(models) == len(set(models))
