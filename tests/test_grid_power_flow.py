"""Both power flows against plain pandapower, against each other, and without a solution."""

from copy import deepcopy
from dataclasses import fields

import numpy as np
import pandapower as pp
import pytest
from bare_grid import set_points
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pandapower import networks
from pandapower.pypower.newtonpf import newtonpf

from experiments.catalog import find_study
from grids import newton
from grids import power_flow as power_flow_module
from grids.batch_power_flow import BatchPowerFlow
from grids.power_flow import PowerFlow, PowerFlowError, SetPoints, shared_power_flow
from sim.instance import Instance


class Reference:
    """pandapower as its tutorials use it: the untouched case, every unit a generator, a fresh power flow."""

    def __init__(self, grid):
        self.net = networks.case33bw()
        self.net.line["max_i_ka"] = 6 / (np.sqrt(3) * 12.66)
        for unit in (*grid.renewables, *grid.batteries):
            pp.create_sgen(self.net, unit.bus - 1, p_mw=0)

    def run(self, points):
        net = self.net
        net.load["p_mw"], net.load["q_mvar"] = points.load_p_mw, points.load_q_mvar
        net.sgen["p_mw"] = np.concatenate([points.renewable_p_mw, points.battery_p_mw])
        net.sgen["q_mvar"] = np.concatenate([points.renewable_q_mvar, points.battery_q_mvar])
        pp.runpp(net, tolerance_mva=1e-9)
        return net


@pytest.fixture(scope="module")
def reference(grid33):
    return Reference(grid33)


# 32 loads, 10 renewables, 5 batteries; MW and Mvar beyond what the fleet can do, short of a voltage collapse.
any_set_points = st.builds(
    SetPoints,
    load_p_mw=arrays(float, 32, elements=st.floats(0, 0.2)),
    load_q_mvar=arrays(float, 32, elements=st.floats(-0.05, 0.1)),
    renewable_p_mw=arrays(float, 10, elements=st.floats(0, 1)),
    renewable_q_mvar=arrays(float, 10, elements=st.floats(-0.3, 0.3)),
    battery_p_mw=arrays(float, 5, elements=st.floats(-0.3, 0.3)),
    battery_q_mvar=arrays(float, 5, elements=st.floats(-0.3, 0.3)),
)


@given(points=any_set_points)
def test_power_flow_agrees_with_plain_pandapower(power_flow33, reference, points):
    flow, net = power_flow33.run(points), reference.run(points)
    in_service = net.line.in_service
    line, bus, tie = net.res_line[in_service], net.res_bus, net.res_ext_grid.iloc[0]
    assert flow.tie_p_mw == pytest.approx(tie.p_mw, abs=1e-7)
    assert flow.tie_q_mvar == pytest.approx(tie.q_mvar, abs=1e-7)
    assert flow.vm_pu == pytest.approx(bus.vm_pu.to_numpy(), abs=1e-7)
    assert flow.va_degree == pytest.approx(bus.va_degree.to_numpy(), abs=1e-6)
    assert flow.line_p_mw == pytest.approx(line.p_from_mw.to_numpy(), abs=1e-7)
    assert flow.line_q_mvar == pytest.approx(line.q_from_mvar.to_numpy(), abs=1e-7)
    assert flow.line_loss_mw == pytest.approx(line.pl_mw.to_numpy(), abs=1e-7)
    assert flow.line_loading_percent == pytest.approx(line.loading_percent.to_numpy(), abs=1e-5)


@given(hours=st.lists(any_set_points, min_size=2, max_size=4))
def test_batch_power_flow_agrees_with_power_flow(power_flow33, batch33, hours):
    stacked = SetPoints(**{f.name: np.array([getattr(hour, f.name) for hour in hours]) for f in fields(SetPoints)})
    batch = batch33.run(stacked)
    for k, hour in enumerate(hours):
        flow = power_flow33.run(hour)
        assert batch.tie_p_mw[k] == pytest.approx(flow.tie_p_mw, abs=1e-6)
        assert batch.tie_q_mvar[k] == pytest.approx(flow.tie_q_mvar, abs=1e-6)
        assert batch.vm_pu[k] == pytest.approx(flow.vm_pu, abs=1e-6)


@pytest.mark.parametrize("load", [0.0, 0.5, 1.0, 2.5])
def test_prepared_newton_is_pandapowers_to_the_last_bit(grid33, load):
    net = deepcopy(grid33.net)
    pp.runpp(net, tolerance_mva=newton.TOLERANCE)
    inside, order = net._ppc["internal"], net._pd2ppc_lookups["bus"][grid33.bus_ids]
    first, then = np.zeros((2, len(order)), dtype=complex)
    first[order] = power_flow_module.injection(grid33, set_points(grid33))
    then[order] = power_flow_module.injection(grid33, set_points(grid33, load=load))
    parts = {name: inside[name] for name in ("bus", "gen", "branch")}
    whole = newtonpf(
        *(inside["Ybus"], then / inside["baseMVA"], inside["V"].copy(), inside["ref"], inside["pv"], inside["pq"]),
        *(net._ppc | parts | {"internal": {}}, net._options),
    )
    assert (newton.newton(net, first)(then) == whole[0]).all()


def test_power_flow_agrees_with_plain_pandapower_on_a_networked_grid():
    grid = Instance.of(find_study("networked66")).grid
    power_flow, rng, net = PowerFlow(grid), np.random.default_rng(5), deepcopy(grid.net)
    for _ in range(20):
        points = random_points(grid, rng)
        net.load["p_mw"] = np.concatenate([points.load_p_mw, points.exchange_p_mw])
        net.load["q_mvar"] = np.concatenate([points.load_q_mvar, points.exchange_q_mvar])
        net.sgen["p_mw"], net.sgen["q_mvar"] = points.renewable_p_mw, points.renewable_q_mvar
        net.storage["p_mw"], net.storage["q_mvar"] = -points.battery_p_mw, -points.battery_q_mvar
        pp.runpp(net, init="flat", tolerance_mva=1e-9)
        flow = power_flow.run(points)
        assert flow.tie_p_mw == pytest.approx(net.res_ext_grid.p_mw.item(), abs=1e-7)
        assert flow.vm_pu == pytest.approx(net.res_bus.vm_pu.to_numpy(), abs=1e-7)
        assert flow.line_p_mw == pytest.approx(net.res_line.p_from_mw.to_numpy(), abs=1e-7)
        assert flow.line_loss_mw == pytest.approx(net.res_line.pl_mw.to_numpy(), abs=1e-7)


def random_points(grid, rng):
    """Set points within what the units of a grid can do, drawn at random."""
    sizes = {
        "load": grid.load_bus,
        "renewable": grid.renewable_bus,
        "battery": grid.battery_bus,
        "exchange": grid.connection_bus,
    }
    points = {}
    for kind, buses in sizes.items():
        low = 0.0 if kind in ("load", "renewable") else -0.1
        points[f"{kind}_p_mw"] = rng.uniform(low, 0.15, len(buses))
        points[f"{kind}_q_mvar"] = rng.uniform(-0.05, 0.08, len(buses))
    return SetPoints(**points)


@given(points=any_set_points)
@settings(max_examples=10)
def test_without_the_parts_of_pandapower_a_plain_runpp_answers(grid33, power_flow33, points):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(power_flow_module, "newton", lambda *_: None)
        plain = PowerFlow(grid33)
    flow, wanted = plain.run(points), power_flow33.run(points)
    assert flow.tie_p_mw == pytest.approx(wanted.tie_p_mw, abs=1e-7)
    assert flow.vm_pu == pytest.approx(wanted.vm_pu, abs=1e-9)
    with pytest.raises(PowerFlowError, match="no solution"):
        plain.run(set_points(grid33, load=10))
    assert plain.run(points).tie_p_mw == flow.tie_p_mw


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net._ppc["internal"].pop("Ybus"),
        lambda net: net._ppc["internal"].update(V=net._ppc["internal"]["V"] * 1.01),
        lambda net: net._ppc["internal"].update(baseMVA=100.0),
        lambda net: net._ppc.pop("internal"),
    ],
)
def test_parts_of_pandapower_that_are_not_as_expected_are_not_used(grid33, change):
    net = deepcopy(grid33.net)
    pp.runpp(net)
    order = net._pd2ppc_lookups["bus"][grid33.bus_ids]
    injected = np.zeros(len(order), dtype=complex)
    injected[order] = power_flow_module.injection(grid33, set_points(grid33))
    assert newton.newton(net, injected) is not None
    change(net)
    assert newton.newton(net, injected) is None


def test_power_flow_of_a_grid_is_made_once(grid33):
    assert shared_power_flow(grid33) is shared_power_flow(grid33)


def test_batch_power_flow_keeps_all_leading_axes(grid33, batch33):
    scale = np.array([[0.2, 0.4, 0.6], [0.8, 1.0, 1.2]])[..., None]
    zeros = np.zeros((2, 3, 1))
    batch = batch33.run(
        SetPoints(
            load_p_mw=scale * grid33.load_p_mw,
            load_q_mvar=scale * grid33.load_q_mvar,
            renewable_p_mw=zeros + np.zeros(10),
            renewable_q_mvar=zeros + np.zeros(10),
            battery_p_mw=zeros + np.zeros(5),
            battery_q_mvar=zeros + np.zeros(5),
        )
    )
    assert batch.tie_p_mw.shape == batch.tie_q_mvar.shape == (2, 3)
    assert batch.vm_pu.shape == (2, 3, 33)
    assert (np.diff(batch.tie_p_mw.ravel()) > 0).all()
    assert batch.tie_p_mw[1, 1] == pytest.approx(batch33.run(set_points(grid33)).tie_p_mw, abs=1e-9)


def test_discharge_lowers_the_import_and_charging_raises_it(grid33, power_flow33, batch33):
    for power_flow in (power_flow33, batch33):
        rest, discharge, charge = (
            float(power_flow.run(set_points(grid33, battery_p_mw=np.array([p, 0, 0, 0, 0]))).tie_p_mw)
            for p in (0.0, 0.1, -0.1)
        )
        assert discharge == pytest.approx(rest - 0.1, abs=5e-3)  # bus 2 is next to the main grid: little loss
        assert charge == pytest.approx(rest + 0.1, abs=5e-3)


def test_surplus_is_exported(grid33, power_flow33, batch33):
    sunny = set_points(grid33, load=0.1, renewable_p_mw=np.full(10, 0.5))
    assert power_flow33.run(sunny).tie_p_mw == pytest.approx(0.3715 - 5, abs=0.3)
    assert power_flow33.run(sunny).tie_p_mw > 0.3715 - 5  # the losses are not exported
    assert float(batch33.run(sunny).tie_p_mw) == pytest.approx(power_flow33.run(sunny).tie_p_mw, abs=1e-6)


def test_hour_does_not_depend_on_the_hours_before(grid33):
    power_flow, light, heavy = PowerFlow(grid33), set_points(grid33, 0.2), set_points(grid33, 1.5)
    first = power_flow.run(light)
    power_flow.run(heavy)
    again = power_flow.run(light)
    assert again.tie_p_mw == first.tie_p_mw
    assert (again.vm_pu == first.vm_pu).all()


@pytest.mark.parametrize("kind", [PowerFlow, BatchPowerFlow])
def test_voltage_collapse_is_an_error_and_the_next_hour_is_not(grid33, kind):
    power_flow = kind(grid33)
    before = power_flow.run(set_points(grid33))
    for _ in range(2):  # also twice in a row
        with pytest.raises(PowerFlowError, match="no solution"):
            power_flow.run(set_points(grid33, load=10))
    assert power_flow.run(set_points(grid33)).tie_p_mw == pytest.approx(before.tie_p_mw, abs=1e-8)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::scipy.sparse.linalg.MatrixRankWarning")
@pytest.mark.parametrize("kind", [PowerFlow, BatchPowerFlow])
def test_set_point_that_is_no_number_is_an_error(grid33, kind):
    points = set_points(grid33)
    points.load_p_mw[3] = np.nan
    with pytest.raises(PowerFlowError):
        kind(grid33).run(points)
