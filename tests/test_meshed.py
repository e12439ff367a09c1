"""Networks without conic form, a ring and buses whose voltage is held: the exact AC model decides bids and hours."""

from dataclasses import fields, replace

import numpy as np
import pandapower as pp
import pytest
from feeder5 import FLEET, draw_problem, feeder5, settled_cost

from agents.bidding.anm_aware import WHOLE_MOST, refuse_bundles
from agents.dispatch.certificate import VIOLATION_TOLERANCE
from agents.dispatch.connection_problem import StoreValues
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.exact.ac_reference import solve_ac
from agents.dispatch.plan import TIE_EXCESS_MVAR
from agents.dispatch.problem import Directions
from agents.dispatch.submission import submission_of
from grids.network import Grid
from sim.errors import StudyError
from sim.market.imbalance import RULES
from sim.market.tariff import Tariff

TARIFF, RULE = Tariff(), RULES["case1"]
CLOSING = {"line_from": 4, "line_to": 3, "line_r_pu": 0.005, "line_x_pu": 0.004, "line_max_i_pu": 6.0}
"""A line from the fifth bus to the fourth, which makes a ring of the feeder."""


def ring(*, reading="import_only", **more):
    """Return the five buses with a ring, and whatever else is given."""
    feeder = feeder5(reading=reading)
    known = {f.name: getattr(feeder, f.name) for f in fields(Grid) if not f.name.startswith("line_")}
    lines = {name: np.append(getattr(feeder, name), value) for name, value in CLOSING.items()}
    return Grid(**{**known, **lines, "is_radial": False, **more})


def as_net(grid, plan, s, t):
    """Return the ring as a pandapower net with the set points of an hour."""
    net, base_ohm = pp.create_empty_network(sn_mva=1.0), 12.66**2
    for _ in grid.bus_ids:
        pp.create_bus(net, vn_kv=12.66)
    pp.create_ext_grid(net, grid.slack, vm_pu=grid.voltage.slack_vm_pu)
    for i, j, r, x in zip(grid.line_from, grid.line_to, grid.line_r_pu, grid.line_x_pu, strict=True):
        given = {"r_ohm_per_km": r * base_ohm, "x_ohm_per_km": x * base_ohm, "c_nf_per_km": 0.0, "max_i_ka": 1.0}
        pp.create_line_from_parameters(net, i, j, length_km=1.0, **given)
    points = plan.set_points
    for buses, kind, sign in (
        (grid.load_bus, "load", 1),
        (grid.renewable_bus, "renewable", -1),
        (grid.battery_bus, "battery", -1),
    ):
        p_mw, q_mvar = (getattr(points, f"{kind}_{power}")[s, t] for power in ("p_mw", "q_mvar"))
        for bus, p, q in zip(buses, p_mw, q_mvar, strict=True):
            pp.create_load(net, bus, p_mw=sign * p, q_mvar=sign * q)
    for bus, p in enumerate(grid.given_p_mw):
        pp.create_sgen(net, bus, p_mw=p, q_mvar=0.0)
    for bus, vm_pu in zip(grid.held_bus, grid.held_vm_pu, strict=True):
        pp.create_gen(net, bus, p_mw=0.0, vm_pu=vm_pu)
    pp.runpp(net, tolerance_mva=1e-10, numba=False)
    return net


def problem_of(grid, *, bid_mw=None, scenarios=2, hours=3, seed=1):
    return draw_problem(grid, RULE, np.random.default_rng(seed), scenarios=scenarios, hours=hours, bid_mw=bid_mw)


HELD = {"held_bus": np.array([3]), "held_vm_pu": np.array([0.998]), "given_p_mw": np.array([0, 0, 0, 0.1, 0.0])}


@pytest.mark.parametrize("more", [{}, HELD], ids=["ring", "held"])
@pytest.mark.parametrize("reading", ["import_only", "both_directions"])
def test_a_bid_is_a_power_flow_of_the_ring(reading, more):
    grid = ring(reading=reading, **more)
    problem = problem_of(grid)
    plan = Dispatcher(grid, TARIFF, RULE).bid(problem)
    for s, t in np.ndindex(problem.shape):
        net = as_net(grid, plan, s, t)
        assert plan.vm_pu[s, t] == pytest.approx(net.res_bus.vm_pu.to_numpy(), abs=1e-6)
        assert plan.tie_p_mw[s, t] == pytest.approx(net.res_ext_grid.p_mw.iat[0], abs=1e-6)
        assert plan.losses_mw[s, t] == pytest.approx(net.res_line.pl_mw.sum(), abs=1e-6)
    assert plan.objective == pytest.approx(settled_cost(grid, plan, problem, TARIFF, RULE), abs=1e-4)
    assert plan.violation.max() == 0


def test_nothing_is_proven_about_other_bids():
    grid = ring()
    problem = problem_of(grid)
    plan = Dispatcher(grid, TARIFF, RULE).bid(problem)
    submission = submission_of(plan, problem, None)
    assert submission.certificate["optimality_gap"] is None
    assert "bound" not in submission.search
    assert "nothing is proven" in submission.note


def test_the_ring_earns_more_than_the_feeder():
    """Closing a line of no charging widens what can be done; the feeder's proven optimum is below."""
    problem = problem_of(ring())
    radial = Dispatcher(feeder5(), TARIFF, RULE).bid(problem)
    assert Dispatcher(ring(), TARIFF, RULE).bid(problem).objective < radial.objective


def test_a_direction_that_holds_the_tie_line_at_zero_is_turned():
    grid = ring(reading="both_directions")
    problem = problem_of(grid)
    plan = Dispatcher(grid, TARIFF, RULE).bid(problem)
    wrong = Directions(bid=np.ones(3, dtype=int), flow=np.ones((2, 3), dtype=int))
    assert (plan.tie_p_mw < -1e-2).any()
    assert plan.objective < solve_ac(grid, TARIFF, RULE, problem, directions=wrong).objective - 0.1


def test_limits_that_can_not_be_met_are_violated_as_little_as_can_be():
    """Nothing lifts the voltage above 1.01 but batteries and renewables, which have too little."""
    grid = ring(own_min_vm_pu=np.full(5, 1.01))
    problem = problem_of(grid, bid_mw=np.full(3, 0.5))
    plan = Dispatcher(grid, TARIFF, RULE).plan(problem)
    assert plan.violation.min() > VIOLATION_TOLERANCE
    lacking = np.maximum(1.01 - np.delete(plan.vm_pu, grid.slack, axis=2), 0).sum(axis=2)
    tan_phi = np.tan(np.arccos(grid.tie_line.min_power_factor))
    excess = np.maximum(np.abs(plan.tie_q_mvar) - tan_phi * plan.tie_p_mw, 0)
    assert plan.violation == pytest.approx(lacking + excess / TIE_EXCESS_MVAR, abs=1e-4)
    at_rest = Dispatcher(ring(), TARIFF, RULE).plan(problem)
    assert lacking.max() < (1.01 - np.delete(at_rest.vm_pu, grid.slack, axis=2)).sum(axis=2).max()


def test_energy_is_worth_what_it_is_said_to_be():
    """A value of stored energy above any price keeps the battery from discharging; one of nothing lets it."""
    grid = ring()
    problem = problem_of(grid, bid_mw=np.array([0.8]), scenarios=1, hours=1)
    size = np.array([unit.max_e_mwh for unit in grid.batteries])
    left = []
    for slope in (0.0, 1000.0):
        values = StoreValues(slopes=np.full((1, 4), slope), least_mwh=0.2 * size, width_mwh=0.75 * size / 4)
        plan = Dispatcher(grid, TARIFF, RULE).plan(replace(problem, values=values))
        left.append(plan.end_energy_mwh[0, 0, 0])
    assert left[0] < problem.start_energy_mwh[0] < left[1]


def test_many_scenarios_are_refused():
    with pytest.raises(StudyError, match=r"not radial.*uncertainty\.keep"):
        refuse_bundles(ring(), WHOLE_MOST + 1, averse=False)
    refuse_bundles(feeder5(fleet=FLEET), WHOLE_MOST + 1, averse=True)
