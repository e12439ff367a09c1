"""The packaged 33-bus feeder and its fleet: as published, and without the slips of pandapower's case."""

import numpy as np
import pytest
from bare_grid import grid_of, set_points
from pandapower import networks

from grids.batch_power_flow import BatchPowerFlow
from grids.cases.microgrid33 import tables
from grids.power_flow import PowerFlow


@pytest.fixture(scope="module")
def bare33():
    """The feeder without a fleet."""
    return grid_of("microgrid33")


def test_feeder_has_33_buses_and_32_lines(bare33):
    assert bare33.bus_ids.tolist() == list(range(1, 34))
    assert len(bare33.line_from) == len(bare33.load_bus) == 32
    assert bare33.bus_ids[bare33.slack] == 1
    assert bare33.load_p_mw.sum() == pytest.approx(3.715)
    assert bare33.load_q_mvar.sum() == pytest.approx(2.3)
    assert bare33.load_names[0] == "load_2"


def test_published_losses_and_lowest_voltage(bare33):
    # Baran and Wu 1989 and all after them: 0.2027 MW of losses, 0.9131 p.u. at bus 18.
    full = set_points(bare33)
    flow, batch = PowerFlow(bare33).run(full), BatchPowerFlow(bare33).run(full)
    assert flow.line_loss_mw.sum() == pytest.approx(0.2027, abs=5e-5)
    for vm_pu, tie_p_mw in ((flow.vm_pu, flow.tie_p_mw), (batch.vm_pu, batch.tie_p_mw)):
        assert tie_p_mw == pytest.approx(3.715 + 0.2027, abs=5e-5)
        assert vm_pu.min() == pytest.approx(0.9131, abs=5e-5)
        assert bare33.bus_ids[vm_pu.argmin()] == 18


def test_traps_of_case33bw_are_mended(good_net):
    trap, net = networks.case33bw(), good_net
    # The traps are still there; when pandapower mends one, its mending here can go.
    assert trap.bus.index.min() == 0
    assert (~trap.line.in_service).sum() == 5
    assert trap.ext_grid.min_p_mw.item() == 0
    assert len(trap.poly_cost) == 1
    assert trap.line.max_i_ka.min() > 1000
    assert net.bus.index.tolist() == list(range(1, 34))
    assert net.line.in_service.all()
    assert net.line.index.tolist() == list(range(1, 33))
    assert len(net.poly_cost) == 0
    grid = grid_of("microgrid33", line_max_s_mva=6.0)
    assert grid.net.ext_grid.min_p_mw.item() == -10  # export up to the capacity of the tie line
    assert grid.line_max_i_pu == pytest.approx(np.full(32, 6.0))


def test_spoiling_one_net_does_not_spoil_the_next():
    tables().to_net().load["p_mw"] = 0.0
    assert tables().to_net().load.p_mw.sum() == pytest.approx(3.715)


def test_lines_point_away_from_the_slack(bare33):
    assert bare33.line_to.tolist() == sorted(set(range(33)) - {bare33.slack})  # every bus is fed once
    reached = {bare33.slack}
    for _ in range(33):
        reached |= {b for a, b in zip(bare33.line_from, bare33.line_to, strict=True) if a in reached}
    assert len(reached) == 33


def test_fleet_is_that_of_table_2(grid33):
    assert [(unit.bus, unit.max_s_mva) for unit in grid33.renewables[:5]] == [
        (6, 1.2),
        (12, 0.6),
        (18, 0.6),
        (19, 0.96),
        (31, 1.2),
    ]
    assert grid33.renewable_kinds == ("wind",) * 5 + ("pv",) * 5
    assert [unit.bus for unit in grid33.batteries] == [2, 10, 13, 20, 30]
    assert sum(unit.max_e_mwh for unit in grid33.batteries) == pytest.approx(1.56)
    assert grid33.bus_ids[grid33.battery_bus].tolist() == [2, 10, 13, 20, 30]


def test_numbers_are_those_of_pandapower():
    """The feeder stands in a file of ours, so that bids need not wait for pandapower; its closed lines come first."""
    ours, theirs = tables().to_net(), networks.case33bw()
    lines = theirs.line[theirs.line.in_service]
    for column in ("from_bus", "to_bus"):
        assert (ours.line[column].to_numpy() == lines[column].to_numpy() + 1).all()
    for column in ("length_km", "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "g_us_per_km", "parallel", "df"):
        assert (ours.line[column].to_numpy() == lines[column].to_numpy()).all()
    assert (ours.load.bus.to_numpy() == theirs.load.bus.to_numpy() + 1).all()
    for column in ("p_mw", "q_mvar", "scaling"):
        assert (ours.load[column].to_numpy() == theirs.load[column].to_numpy()).all()
    assert (ours.bus.vn_kv.to_numpy() == theirs.bus.vn_kv.to_numpy()).all()
    assert (ours.ext_grid.bus.item(), ours.sn_mva, ours.f_hz) == (
        theirs.ext_grid.bus.item() + 1,
        theirs.sn_mva,
        theirs.f_hz,
    )
