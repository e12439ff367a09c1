"""Networks other than the feeder: saved, unusual, with many units at a bus, and every packaged one."""

from dataclasses import fields

import numpy as np
import pandapower as pp
import pytest
from bare_grid import grid_of, set_points
from pandapower.toolbox import reindex_buses

from grids.batch_power_flow import BatchPowerFlow
from grids.build import build_grid
from grids.cases import case_names
from grids.components import Battery, Renewable, TieLine, Voltage
from grids.fleet import Fleet
from grids.power_flow import PowerFlow, SetPoints


def assert_same_grid(grid, other):
    for field in fields(grid):
        ours, theirs = getattr(grid, field.name), getattr(other, field.name)
        if isinstance(ours, np.ndarray):
            assert np.array_equal(ours, theirs), field.name
        elif field.name not in ("name", "tables"):
            assert ours == theirs, field.name


def test_json_copy_gives_the_same_grid(saved, grid33, study33):
    copy = build_grid(
        str(saved()),
        fleet=study33.fleet,
        tie_line=study33.grid.tie_line,
        voltage=study33.grid.voltage,
        line_max_s_mva=study33.grid.line_max_s_mva,
    )
    assert copy.name == "net"
    assert_same_grid(grid33, copy)


def half_scaling(net):
    net.load["scaling"] = 0.5


def parallel_lines(net):
    net.line["parallel"], net.line["df"], net.line["max_i_ka"] = 2, 0.8, 0.3


def kilometres(net):
    net.line["length_km"] = 0.5


def turned_lines(net):
    net.line.loc[[1, 7, 20], ["from_bus", "to_bus"]] = net.line.loc[[1, 7, 20], ["to_bus", "from_bus"]].to_numpy()


def new_numbers(net):
    reindex_buses(net, {bus: 1000 - 7 * bus for bus in net.bus.index})


def shuffled_tables(net):
    rng = np.random.default_rng(0)
    net.bus, net.line, net.load = (table.iloc[rng.permutation(len(table))] for table in (net.bus, net.line, net.load))


def two_loads_at_a_bus(net):
    pp.create_load(net, 18, p_mw=0.05, q_mvar=0.02)


def load_at_the_slack(net):
    pp.create_load(net, 1, p_mw=0.5, q_mvar=0.2)


@pytest.mark.parametrize(
    "change",
    [
        half_scaling,
        parallel_lines,
        kilometres,
        turned_lines,
        new_numbers,
        shuffled_tables,
        two_loads_at_a_bus,
        load_at_the_slack,
    ],
)
def test_unusual_net_flows_as_pandapower_says(saved, change):
    plain = pp.from_json(str(saved(change)))
    pp.runpp(plain)
    grid = grid_of(saved(change))
    flow, batch = PowerFlow(grid).run(set_points(grid)), BatchPowerFlow(grid).run(set_points(grid))
    vm_pu = plain.res_bus.vm_pu.loc[grid.bus_ids].to_numpy()
    assert flow.vm_pu == pytest.approx(vm_pu, abs=1e-7)
    assert flow.tie_p_mw == pytest.approx(plain.res_ext_grid.p_mw.item(), abs=1e-7)
    assert flow.line_loading_percent == pytest.approx(plain.res_line.loading_percent.to_numpy(), rel=1e-6)
    assert batch.vm_pu == pytest.approx(vm_pu, abs=1e-6)
    assert batch.tie_p_mw == pytest.approx(plain.res_ext_grid.p_mw.item(), abs=1e-6)
    assert len({*grid.load_names}) == len(grid.load_names)


def test_parallel_and_derated_lines_carry_what_they_are_rated_for(saved):
    """Two systems of 0.3 kA, derated by 0.8, at 12.66 kV; and 6 MVA where the study says so, whatever they are."""
    rated = 0.3 * 2 * 0.8 * np.sqrt(3) * 12.66
    assert grid_of(saved(parallel_lines)).line_max_i_pu == pytest.approx(np.full(32, rated))
    assert grid_of(saved(parallel_lines), line_max_s_mva=6.0).line_max_i_pu == pytest.approx(np.full(32, 6.0))


def test_units_at_the_same_bus_have_unique_names_and_all_count():
    units = [Renewable(bus=6, max_s_mva=1)] * 3
    batteries = [Battery(bus=1, max_s_mva=1, max_e_mwh=1), *[Battery(bus=6, max_s_mva=1, max_e_mwh=1)] * 2]
    grid = grid_of("microgrid33", Fleet(wind=units, pv=units[:2], battery=batteries))
    assert len({*grid.renewable_names, *grid.battery_names}) == 8
    # One after another, and all at once, the same as one big unit (the first battery sits at the tie line).
    apart = set_points(grid, renewable_p_mw=np.full(5, 0.1), battery_p_mw=np.array([0.3, 0.05, -0.15]))
    at_once = set_points(grid, renewable_p_mw=np.array([0.4, 0, 0, 0, 0]), battery_p_mw=np.array([0.3, 0, 0]))
    for kind in (PowerFlow, BatchPowerFlow):
        assert kind(grid).run(apart).tie_p_mw == pytest.approx(kind(grid).run(at_once).tie_p_mw, abs=1e-8)
    bare = grid_of("microgrid33")
    without = set_points(bare)
    without.load_p_mw[bare.load_names.index("load_6")] -= 0.4
    assert PowerFlow(grid).run(apart).tie_p_mw == pytest.approx(PowerFlow(bare).run(without).tie_p_mw - 0.3, abs=1e-8)


@pytest.mark.parametrize("case", case_names())
def test_every_packaged_network_is_sound_and_has_a_power_flow(case):
    grid = build_grid(case, fleet=Fleet(), tie_line=TieLine(), voltage=Voltage(), line_max_s_mva=100.0)
    assert len(grid.line_from) == len(grid.bus_ids) - 1
    nothing = np.zeros(0)
    flow = PowerFlow(grid).run(
        SetPoints(
            load_p_mw=0.5 * grid.load_p_mw,
            load_q_mvar=0.5 * grid.load_q_mvar,
            renewable_p_mw=nothing,
            renewable_q_mvar=nothing,
            battery_p_mw=nothing,
            battery_q_mvar=nothing,
        )
    )
    assert flow.tie_p_mw == pytest.approx(0.5 * grid.load_p_mw.sum() + flow.line_loss_mw.sum(), abs=1e-6)
