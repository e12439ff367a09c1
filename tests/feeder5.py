"""A feeder of five buses, hours drawn at random for it, and the cost of a plan when it is settled again."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandapower as pp

from agents.dispatch.problem import DispatchProblem
from grids.build import build_grid
from grids.components import Battery, Renewable, TieLine, Voltage
from grids.fleet import Fleet
from sim.market.settlement import price_parts, terms

FLEET = Fleet(
    wind=(Renewable(bus=4, max_s_mva=1.0),),
    pv=(Renewable(bus=5, max_s_mva=0.6),),
    battery=(Battery(bus=3, max_s_mva=0.2, max_e_mwh=0.4),),
)
LOSSY_FLEET = FLEET.model_copy(
    update={"battery": (*FLEET.battery, Battery(bus=5, max_s_mva=0.1, max_e_mwh=0.3, efficiency=0.9, wear_per_mwh=4))}
)


@cache
def feeder5(*, fleet=FLEET, reading="import_only", max_s_mva=3.0):
    """Return the grid of a tree 1-2-3-4 with a branch 2-5, made with pandapower and read back from its json file."""
    net = pp.create_empty_network(sn_mva=1.0)
    for bus in range(1, 6):
        pp.create_bus(net, vn_kv=12.66, index=bus)
    pp.create_ext_grid(net, 1)
    for a, b, r, x in ((1, 2, 0.4, 0.3), (2, 3, 0.9, 0.5), (3, 4, 1.1, 0.9), (2, 5, 0.8, 0.7)):
        pp.create_line_from_parameters(
            net, a, b, length_km=1.0, r_ohm_per_km=r, x_ohm_per_km=x, c_nf_per_km=0.0, max_i_ka=0.3
        )
    for bus, p_mw, q_mvar in ((2, 0.2, 0.1), (3, 0.4, 0.2), (4, 0.5, 0.2), (5, 0.3, 0.15)):
        pp.create_load(net, bus, p_mw=p_mw, q_mvar=q_mvar)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "feeder5.json"
        pp.to_json(net, str(file))
        return build_grid(
            str(file),
            fleet=fleet,
            tie_line=TieLine(max_s_mva=max_s_mva, power_factor_reading=reading),
            voltage=Voltage(),
        )


def draw_problem(grid, rule, rng, *, scenarios=1, hours=1, bid_mw=None) -> DispatchProblem:
    """Return random scenarios, prices and stores; import and export are about as likely."""
    price = rng.uniform(20, 80, hours)
    over, under = rule.step_prices(price)
    energy = np.array([unit.max_e_mwh for unit in grid.batteries])
    capacity = np.array([unit.max_s_mva for unit in grid.renewables])
    required = np.zeros((hours, len(energy)))
    required[-1] = 0.4 * energy
    probability = rng.uniform(0.5, 1.5, scenarios)
    return DispatchProblem(
        demand_mw=rng.uniform(0.3, 1.0, (scenarios, hours, 1)) * grid.load_p_mw,
        available_mw=rng.uniform(0.0, 1.0, (scenarios, hours, len(capacity))) * capacity,
        probability=probability / probability.sum(),
        price_per_mwh=price,
        retail_price_per_mwh=rng.uniform(40, 190, hours),
        over_price_per_mwh=over,
        under_price_per_mwh=under,
        start_energy_mwh=rng.uniform(0.3, 0.7, len(energy)) * energy,
        previous_battery_p_mw=rng.uniform(-0.1, 0.1, len(energy)),
        required_energy_mwh=required,
        bid_mw=bid_mw,
    )


def losses(grid, plan):
    """Return the losses of lines and transformers by energy balance, shape (S, T). [MW]"""
    points = plan.set_points
    supply = points.renewable_p_mw.sum(axis=2) + points.battery_p_mw.sum(axis=2)
    at_buses = grid.given_p_mw.sum() - plan.vm_pu**2 @ grid.bus_g_pu
    return plan.tie_p_mw + supply + at_buses - points.load_p_mw.sum(axis=2)


def settled_cost(grid, plan, problem, tariff, rule):
    """Return expected cost minus revenue of a plan, settled scenario by scenario and hour by hour."""
    points, losses_mw, expected = plan.set_points, losses(grid, plan), 0.0
    for s, weight in enumerate(problem.probability):
        penalty = rule.penalty(plan.bid_mw, plan.tie_p_mw[s], rule.step_prices(problem.price_per_mwh))
        before = problem.previous_battery_p_mw
        for t in range(problem.shape[1]):
            money = terms(
                tariff,
                **price_parts(problem.price_per_mwh[t]),
                retail_price_per_mwh=problem.retail_price_per_mwh[t],
                penalty=penalty[t],
                metered_mw=plan.tie_p_mw[s, t],
                losses_mw=losses_mw[s, t],
                demand_mw=problem.demand_mw[s, t],
                load_p_mw=points.load_p_mw[s, t],
                available_mw=problem.available_mw[s, t],
                renewable_p_mw=points.renewable_p_mw[s, t],
                battery_p_mw=points.battery_p_mw[s, t],
                previous_battery_p_mw=before,
                battery_throughput_mw=np.abs(points.battery_p_mw[s, t]),
                wear_per_mwh=np.array([unit.wear_per_mwh for unit in grid.batteries]),
            )
            before = points.battery_p_mw[s, t]
            expected -= weight * money.totals()["profit"]
    return expected


def objective_of(submission):
    """Return the (risk-adjusted) expected cost minus revenue of a submission's bids. [$]"""
    return -submission.search["incumbent"]


def bound_of(submission):
    """Return the proven lower bound on the cost minus revenue of any bids. [$]"""
    return -submission.search["bound"]
