"""Bounds on flows and currents: they hold for all that an AC power flow can come to, and cut off what it can't."""

from dataclasses import replace

import numpy as np
import pytest
from feeder5 import FLEET, draw_situation, feeder5

from agents.dispatch.dispatcher import PEAK_STEP, Dispatcher
from agents.dispatch.flow_bounds import flow_bounds
from agents.dispatch.search.branching import DirectionSearch, Effort
from agents.dispatch.situation import Signs
from grids.power_flow import Plant, SetPoints
from sim.imbalance import RULES
from sim.setting import Setting
from sim.settlement import Tariff

PEAK = 1.25


def draw_points(grid, rng):
    """Return set points anywhere within the units' limits."""
    loads, batteries = grid.load_p_mw * rng.uniform(0, PEAK, len(grid.load_p_mw)), grid.batteries
    output = np.array([unit.max_s_mva for unit in grid.renewables]) * rng.uniform(0, 0.9, len(grid.renewables))
    angle, reach = rng.uniform(0, 2 * np.pi, len(batteries)), np.array([unit.max_s_mva for unit in batteries])
    return SetPoints(
        load_p_mw=loads,
        load_q_mvar=loads * grid.load_tan_phi,
        renewable_p_mw=output,
        renewable_q_mvar=output * np.tan(np.arccos(0.9)) * rng.uniform(-1, 1, len(output)),
        battery_p_mw=reach * np.cos(angle),
        battery_q_mvar=reach * np.sin(angle),
    )


@pytest.mark.parametrize("network", ["five buses", "33 buses"])
def test_no_power_flow_within_limits_breaks_the_bounds(network, study33):
    grid = feeder5(fleet=FLEET) if network == "five buses" else Setting.of(study33).grid
    low, high = flow_bounds(grid, PEAK)
    plant, rng, seen = Plant(grid), np.random.default_rng(0), 0
    for _ in range(60):
        flow = plant.run(draw_points(grid, rng))
        if flow.vm_pu.min() < grid.voltage.min_vm_pu:
            continue  # the bounds count on the lowest voltage allowed
        seen += 1
        sent = np.stack([flow.line_p_mw, flow.line_q_mvar], axis=1)
        assert (sent >= low - 1e-9).all()
        assert (sent <= high + 1e-9).all()
        squared_current = (sent**2).sum(axis=1) / flow.vm_pu[grid.line_from] ** 2
        secant = ((low + high) * sent - low * high).sum(axis=1) / grid.voltage.min_vm_pu**2
        assert (squared_current <= secant + 1e-9).all()
    assert seen > 10


def test_they_sharpen_the_bound_at_negative_prices_and_change_nothing_else():
    grid, rule = feeder5(reading="both_directions"), RULES["case1"]
    situation = draw_situation(grid, rule, np.random.default_rng(5), scenarios=1, hours=2)
    situation = replace(situation, bid_mw=np.array([0.3, 0.2]))
    dispatcher = Dispatcher(grid, Tariff(), rule)
    assert dispatcher.demand_peak(situation, "branch_flow") is None
    plain = dispatcher.horizon(situation, network="branch_flow", within=None)
    price = np.array([-20.0, -30.0])
    over, under = rule.step_prices(price)
    negative = replace(situation, price_per_mwh=price, over_price_per_mwh=over, under_price_per_mwh=under)
    peak = dispatcher.demand_peak(negative, "branch_flow")
    largest = (situation.demand_mw / grid.load_p_mw).max()
    assert largest <= peak < largest + PEAK_STEP
    tight = dispatcher.horizon(negative, network="branch_flow", within=None)
    assert tight is not plain
    unsettled = Signs.unsettled(1, 2)
    assert tight.solve(negative, unsettled).bound > plain.solve(negative, unsettled).bound + 1e-3
    exact = DirectionSearch(grid, rule, plain, situation).run(Effort())
    same = DirectionSearch(grid, rule, tight, situation).run(Effort())
    assert same.objective == pytest.approx(exact.objective, rel=1e-6)
