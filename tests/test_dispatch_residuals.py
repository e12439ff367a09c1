"""A day of the 33-bus microgrid, bid and dispatched: its results put back into the model's equations."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandapower as pp
import pytest
from feeder5 import settled_cost

from agents.bid_optimizer import compute_submission, opening_problem
from agents.bidding import strategy
from agents.dispatch.certificate import certify
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.first_stage import bid_bounds
from agents.dispatch.problem import Directions
from agents.participants import create_agents
from grids.batch_power_flow import BatchPowerFlow
from grids.cases.microgrid33 import tables
from grids.components import Battery, Voltage
from grids.optimal_power_flow import OptimalPowerFlow
from grids.power_flow import injection
from sim.instance import Instance
from sim.market.imbalance import ImbalanceRule, Tier
from sim.market.tariff import Tariff
from sim.messages import Submission
from sim.model import MarketModel
from sim.scenarios import Draw
from sim.study import Market

TOLERANCE = 1e-5  # MW, Mvar, MWh, p.u.


def changed(study, *, grid=None, tie_line=None, **changes):
    """Return the instance of a study with other values."""
    tie = study.grid.tie_line.model_copy(update=tie_line or {})
    spec = study.grid.model_copy(update={"tie_line": tie, **(grid or {})})
    return Instance.of(study.model_copy(update={"grid": spec, **changes}))


def solved_day(instance):
    """Return an instance with two scenarios of its day, the ANM-aware bid, and the dispatch behind it."""
    dispatcher = Dispatcher(instance.grid, instance.tariff, instance.rule)
    problem = opening_problem(instance, instance.draw(Draw.TRAINING, 2))
    plan = dispatcher.bid(problem)
    return SimpleNamespace(
        instance=instance,
        grid=instance.grid,
        dispatcher=dispatcher,
        problem=problem,
        certificate=certify(plan, problem, instance.grid),
        plan=plan,
        points=plan.set_points,
    )


def with_lossy_batteries(fleet):
    lossy = tuple(unit.model_copy(update={"efficiency": 0.9}) for unit in fleet.battery)
    return fleet.model_copy(update={"battery": lossy})


@pytest.fixture(scope="module", params=["import_only", "both_directions", "lossy_batteries"])
def day(study33, request):
    if request.param == "lossy_batteries":
        return solved_day(changed(study33, fleet=with_lossy_batteries(study33.fleet)))
    return solved_day(changed(study33, tie_line={"power_factor_reading": request.param}))


# ---- units -----------------------------------------------------------------------------------------------------


def test_loads_are_served_up_to_demand_at_their_power_factor(day):
    load = day.points.load_p_mw
    assert load.min() >= -TOLERANCE
    assert (load - day.problem.demand_mw).max() <= TOLERANCE
    assert day.points.load_q_mvar * day.grid.load_p_mw == pytest.approx(load * day.grid.load_q_mvar, abs=TOLERANCE)


def test_renewables_stay_within_availability_circle_and_power_factor(day):
    p, q = day.points.renewable_p_mw, day.points.renewable_q_mvar
    units = day.grid.renewables
    assert p.min() >= -TOLERANCE
    assert (p - day.problem.available_mw).max() <= TOLERANCE
    assert (np.hypot(p, q) - [unit.max_s_mva for unit in units]).max() <= TOLERANCE
    cosine = np.array([unit.min_power_factor for unit in units])
    assert (cosine * np.hypot(p, q) - p).max() <= TOLERANCE


def test_batteries_stay_within_their_circle(day):
    power = np.hypot(day.points.battery_p_mw, day.points.battery_q_mvar)
    assert (power - [unit.max_s_mva for unit in day.grid.batteries]).max() <= TOLERANCE


def test_state_of_charge(day):
    units = day.grid.batteries
    capacity = np.array([unit.max_e_mwh for unit in units])
    efficiency = np.array([unit.efficiency for unit in units])
    power = day.points.battery_p_mw
    taken_out = np.where(power > 0, power / efficiency, power * efficiency)
    stored = np.array([unit.start_soc for unit in units]) * capacity - taken_out.cumsum(axis=1)
    assert day.plan.end_energy_mwh == pytest.approx(stored, abs=1e-4)
    assert (stored / capacity).min() >= 0.20 - 1e-4
    assert (stored / capacity).max() <= 0.95 + 1e-4
    assert (stored[:, -1] / capacity).min() >= 0.50 - 1e-4


# ---- network ---------------------------------------------------------------------------------------------------


def test_voltage_limits(day):
    assert day.plan.vm_pu.min() >= 0.95 - TOLERANCE
    assert day.plan.vm_pu.max() <= day.grid.voltage.max_vm_pu + TOLERANCE
    assert day.plan.vm_pu[..., day.grid.slack] == pytest.approx(1.0)


def test_tie_line_power_factor(day):
    flow = np.hypot(day.plan.tie_p_mw, day.plan.tie_q_mvar)
    both = day.grid.tie_line.power_factor_reading == "both_directions"
    active = np.abs(day.plan.tie_p_mw) if both else day.plan.tie_p_mw
    assert (active - 0.95 * flow).min() >= -TOLERANCE
    assert flow.max() <= day.grid.tie_line.max_s_mva + TOLERANCE


def test_only_one_reading_of_the_power_factor_exports(day):
    exports = day.grid.tie_line.power_factor_reading == "both_directions"
    for least in (day.plan.tie_p_mw.min(), day.plan.bid_mw.min()):
        assert least < -0.1 if exports else least >= -TOLERANCE


def test_branch_flow_equations(day):
    """Bus balances, voltage drops and currents of the relaxation, written out with the loads and units of each bus."""
    grid, problem = day.grid, day.problem
    bounds = bid_bounds(grid, day.instance.rule, problem.demand_mw, problem.available_mw, network="branch_flow")
    horizon = day.dispatcher.horizon(replace(problem, bounds=bounds), network="branch_flow")
    x = horizon.program.solve(horizon.values(problem, Directions.undecided(*horizon.shape))).x
    hours = horizon.program.model_blocks[0]
    read = {name: x[hours.columns(name)] for name in hours.model.variables}
    flow = read["line_p_mw"] + 1j * read["line_q_mvar"]
    current, voltage = read["squared_current"], read["squared_voltage"]
    impedance = grid.line_r_pu + 1j * grid.line_x_pu
    points = SimpleNamespace(
        exchange_p_mw=np.zeros(0),
        exchange_q_mvar=np.zeros(0),
        load_p_mw=read["load_p_mw"],
        load_q_mvar=read["load_p_mw"] * grid.load_q_mvar / grid.load_p_mw,
        **{
            f"{kind}_{part}": read[f"{kind}_{part}"]
            for kind in ("renewable", "battery")
            for part in ("p_mw", "q_mvar")
        },
    )
    balance = injection(grid, points)
    balance[:, grid.slack] += (read["tie_p_mw"] + 1j * read["tie_q_mvar"])[:, 0]
    np.subtract.at(balance.T, grid.line_from, flow.T)
    np.add.at(balance.T, grid.line_to, (flow - impedance * current).T)
    assert np.abs(balance).max() <= TOLERANCE
    sending, receiving = voltage[:, grid.line_from], voltage[:, grid.line_to]
    drop = 2 * (flow * impedance.conj()).real - np.abs(impedance) ** 2 * current
    assert receiving == pytest.approx(sending - drop, abs=TOLERANCE)
    assert np.abs(current * sending - np.abs(flow) ** 2).max() <= 1e-4  # tight: the relaxation is exact
    assert (np.sqrt(current.max(axis=0)) - grid.line_max_i_pu).max() <= TOLERANCE


def test_ac_power_flow_of_the_set_points(day):
    flow = BatchPowerFlow(day.grid).run(day.points)
    assert flow.tie_p_mw == pytest.approx(day.plan.tie_p_mw, abs=1e-4)
    assert flow.tie_q_mvar == pytest.approx(day.plan.tie_q_mvar, abs=1e-4)
    assert flow.vm_pu == pytest.approx(day.plan.vm_pu, abs=1e-6)
    assert day.certificate.power_flow_mismatch_mw <= 1e-4
    assert day.certificate.power_flow_mismatch_pu <= 1e-6
    assert day.certificate.limit_excess_pu <= 1e-5
    assert day.plan.cone_gap.max() <= 0.01


# Where energy costs nothing, is to be got rid of, or can't leave, the relaxation need not be exact. The plan must then
# be mended, and the record must say so.
INEXACT = {
    "negative_price": {"price": -20.0},
    "negative_price_and_lossy_batteries": {"price": -20.0, "fleet": with_lossy_batteries},
    "free_energy": {"price": 0.0},
    "no_batteries": {"fleet": lambda fleet: fleet.model_copy(update={"battery": ()})},
    "dear_curtailment": {
        "tie_line": {"power_factor_reading": "both_directions"},
        "grid": {"voltage": Voltage(max_vm_pu=1.005)},
        "market": Market(tariff=Tariff(generation_curtailment_factor=5)),
    },
}


@pytest.fixture(scope="module", params=INEXACT)
def inexact(study33, request):
    """Return an instance in which a plain relaxation is not exact: another price in hours 9-14, another fleet, ..."""
    changes = dict(INEXACT[request.param])
    price, fleet = changes.pop("price", None), changes.pop("fleet", lambda fleet: fleet)
    uncertainty = study33.uncertainty.model_copy(update={"scenarios": 2, "keep": 2})
    instance = changed(study33, fleet=fleet(study33.fleet), uncertainty=uncertainty, policy="myopic", **changes)
    if price is None:
        return instance
    prices = instance.profiles.price_per_mwh.copy()
    prices[8:14] = price
    return replace(instance, profiles=replace(instance.profiles, price_per_mwh=prices))


TIGHTER = {
    "voltage": lambda grid, flow: {"voltage": grid.voltage.model_copy(update={"max_vm_pu": flow.vm_pu.max() - 0.01})},
    "line current": lambda grid, flow: {
        "line_max_i_pu": np.full_like(grid.line_max_i_pu, flow.line_i_pu.max() - 0.01)
    },
    "tie-line capacity": lambda grid, flow: {
        "tie_line": grid.tie_line.model_copy(
            update={"max_s_mva": float(np.hypot(flow.tie_p_mw, flow.tie_q_mvar).max()) - 0.01}
        )
    },
    "battery": lambda grid, flow: {
        "batteries": tuple(u.model_copy(update={"max_s_mva": u.max_s_mva - 0.01}) for u in grid.batteries)
    },
    "renewable": lambda grid, flow: {
        "renewables": tuple(u.model_copy(update={"min_power_factor": 0.999}) for u in grid.renewables)
    },
}


@pytest.mark.parametrize("limit", TIGHTER)
def test_the_certificate_looks_at_every_limit_of_the_metered_state(study33, limit):
    """A plan made for wider limits is not called exact under tighter ones, and the certificate says by how much."""
    instance = changed(study33, uncertainty=study33.uncertainty.model_copy(update={"scenarios": 1, "keep": 1}))
    problem = opening_problem(instance, instance.kept_scenarios())
    plan = Dispatcher.of(instance).bid(problem)
    flow = BatchPowerFlow(instance.grid).run(plan.set_points)
    assert certify(plan, problem, instance.grid).status == "exact"
    tighter = replace(instance.grid, **TIGHTER[limit](instance.grid, flow))
    found = certify(plan, problem, tighter)
    assert found.status == "inexact"
    if limit == "renewable":
        assert found.limit_excess_pu > 0.01
    else:
        assert found.limit_excess_pu == pytest.approx(0.01, abs=1e-5)


@pytest.mark.slow
def test_a_bid_that_ac_physics_refuses_is_mended(inexact):
    """A bid whose relaxation is not exact is repaired into an AC-feasible one, and says so."""
    day = solved_day(inexact)
    flow = BatchPowerFlow(day.grid).run(day.points)
    assert flow.tie_p_mw == pytest.approx(day.plan.tie_p_mw, abs=1e-3)
    assert flow.vm_pu == pytest.approx(day.plan.vm_pu, abs=1e-4)
    test_voltage_limits(day)
    test_tie_line_power_factor(day)
    test_renewables_stay_within_availability_circle_and_power_factor(day)
    if len(day.grid.batteries):
        test_state_of_charge(day)
    assert day.plan.bound <= day.plan.objective


def test_an_hour_that_ac_physics_refuses_is_mended_and_says_so(inexact):
    frames = operated_day(inexact, np.zeros(24)).ledger.frames()
    decisions, buses = frames["decisions"], frames["buses"]
    silent = decisions[decisions.status.isin(["optimal", "repaired"]) & (decisions.reason == "")]
    assert silent.power_flow_mismatch_mw.max() <= 1e-3
    limits = inexact.grid.voltage
    vm_pu = buses[buses.hour.isin(silent.hour)].vm_pu
    assert vm_pu.between(limits.min_vm_pu - TOLERANCE, limits.max_vm_pu + TOLERANCE).all()


@pytest.mark.slow
def test_a_mended_bid_says_so(study33):
    fleet = study33.fleet.model_copy(update={"battery": ()})
    instance = changed(study33, fleet=fleet)
    dispatcher = Dispatcher(instance.grid, instance.tariff, instance.rule)
    problem = opening_problem(instance, instance.draw(Draw.TRAINING, 2))
    assert dispatcher.bid(problem).repaired
    assert compute_submission(dispatcher, instance, problem).note


def operated_day(instance, bid_mw, actual=None):
    """Return the model after a day with given bids."""
    schedule = np.zeros((24, len(instance.grid.batteries)))
    fixed = Submission(bid_mw=bid_mw, strategy="fixed", battery_p_mw=schedule)
    model = MarketModel(instance, partial(create_agents, fixed=fixed), actual)
    model.run_days(1)
    return model


# ---- optimality ------------------------------------------------------------------------------------------------


def test_objective_is_the_profit_settled_again(day):
    cost = settled_cost(day.grid, day.plan, day.problem, day.instance.tariff, day.instance.rule)
    assert day.plan.objective == pytest.approx(cost, abs=1e-3)
    assert day.plan.bound <= day.plan.objective


def test_no_other_bid_is_better(day):
    """The bids of other strategies, the expected flow, and bids moved at random."""
    rng = np.random.default_rng(1)
    others = [
        strategy("basic").bid(day.dispatcher, day.problem).bid_mw,
        day.plan.tie_p_mw.mean(axis=0),
        np.zeros(24),
        *(day.plan.bid_mw + rng.normal(0, 0.1, (4, 24))),
    ]
    for bid in others:
        other = day.dispatcher.plan(replace(day.problem, bid_mw=bid))
        assert other.objective >= day.plan.bound - 1e-3
        if day.grid.tie_line.power_factor_reading == "import_only":  # convex: the bid is proven optimal
            assert other.objective >= day.plan.objective - 1e-3


def test_no_myopic_day_is_better(study33):
    """Scenario by scenario, the best dispatch of the day costs no more than a day simulated hour by hour."""
    instance = changed(study33, policy="myopic")
    day = solved_day(instance)
    scenarios = instance.draw(Draw.TRAINING, 2)
    for s in range(2):
        best = day.dispatcher.plan(
            replace(
                day.problem,
                demand_mw=scenarios.demand_mw[[s]],
                available_mw=scenarios.available_mw[[s]],
                probability=np.ones(1),
                bid_mw=day.plan.bid_mw,
            )
        )
        frames = operated_day(instance, day.plan.bid_mw, [scenarios.subset(s)]).ledger.frames()
        cash = frames["payments"].groupby("term").amount.sum()
        cost = cash.drop("revenue").sum() + frames["books"].amount.sum() - cash["revenue"]
        assert best.objective <= cost + 1e-3


@pytest.mark.parametrize("hour", [13, 15, 17])
def test_pandapowers_optimal_power_flow_agrees(study33, tmp_path, hour):
    """Where nothing but import and output matters: free imbalances and losses, still batteries, loads without Q.

    (pandapower can't keep a load's power factor, so the loads of this net draw no reactive power.)
    """
    net = tables().to_net()
    net.load["q_mvar"] = 0.0
    pp.to_json(net, str(tmp_path / "no_q.json"))
    free = ImbalanceRule(name="free", tiers=(Tier(over=0, under=0),))
    still = (Battery(bus=2, max_s_mva=1e-6, max_e_mwh=1e-6),)
    base = changed(
        study33,
        fleet=study33.fleet.model_copy(update={"battery": still}),
        grid={"case": str(tmp_path / "no_q.json")},
        tie_line={"min_power_factor": 0.1},
    )
    dispatcher = Dispatcher(base.grid, Tariff(loss_factor=0), free)
    now, price = hour - 1, float(base.profiles.price_per_mwh[hour - 1])
    demand, available = base.forecast.demand_mw[0, now], base.forecast.available_mw[0, now]
    over, under = free.step_prices(base.profiles.price_per_mwh)
    problem = opening_problem(base, base.forecast)
    this_hour = replace(
        problem,
        demand_mw=demand[None, None],
        available_mw=available[None, None],
        price_per_mwh=np.array([price]),
        retail_price_per_mwh=np.zeros(1),
        over_price_per_mwh=over[:1],
        under_price_per_mwh=under[:1],
        required_energy_mwh=np.zeros((1, 1)),
        bid_mw=np.zeros(1),
    )
    plan = dispatcher.plan(this_hour)
    # Output is paid λ and its curtailment 0.8 λ, so an MWh of output costs 0.2 λ more than none; a load is worth 3 λ.
    flow = OptimalPowerFlow(base.grid).run(
        demand_mw=demand,
        available_mw=available,
        price_per_mwh=price,
        output_price_per_mwh=0.2 * price,
        load_value_per_mwh=3.0 * price,
    )
    assert plan.set_points.load_p_mw[0, 0] == pytest.approx(demand, abs=1e-4)
    assert flow.load_p_mw == pytest.approx(demand, abs=1e-4)
    assert plan.tie_p_mw[0, 0] == pytest.approx(flow.tie_p_mw, rel=1e-3)
    assert plan.set_points.renewable_p_mw[0, 0].sum() == pytest.approx(flow.renewable_p_mw.sum(), rel=1e-3)
    assert plan.objective - price * (0.8 * available.sum() + 3.0 * demand.sum()) == pytest.approx(flow.cost, rel=1e-3)
