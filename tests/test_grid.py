"""The board: the 33-bus feeder, both power flows against plain pandapower, and networks that are refused."""

from copy import deepcopy
from dataclasses import fields

import numpy as np
import pandapower as pp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pandapower import networks
from pandapower.toolbox import drop_lines, reindex_buses

from grids.batch_power_flow import BatchPlant
from grids.build import build_grid
from grids.cases import case_names
from grids.cases.microgrid33 import base_net
from grids.network import GridError
from grids.power_flow import Plant, PowerFlowError, SetPoints
from grids.units import Battery, Fleet, Renewable, TieLine, Voltage


def grid_of(case, fleet=None, **options):
    return build_grid(str(case), fleet=fleet or Fleet(), tie_line=TieLine(), voltage=Voltage(), **options)


@pytest.fixture(scope="module")
def good_net():
    return base_net()


@pytest.fixture
def saved(tmp_path, good_net):
    """Save the feeder, perhaps changed by a function, as JSON and return the path."""

    def _saved(spoil=lambda net: None):
        net = deepcopy(good_net)
        spoil(net)
        path = tmp_path / "net.json"
        pp.to_json(net, str(path))
        return path

    return _saved


def set_points(grid, load=1.0, **changes):
    """Return all loads at a fraction of their peak and no fleet output, but for the changes."""
    renewables, batteries = np.zeros(len(grid.renewables)), np.zeros(len(grid.batteries))
    default = {
        "load_p_mw": load * grid.load_p_mw,
        "load_q_mvar": load * grid.load_q_mvar,
        "renewable_p_mw": renewables,
        "renewable_q_mvar": renewables,
        "battery_p_mw": batteries,
        "battery_q_mvar": batteries,
    }
    return SetPoints(**(default | changes))


# ---- the 33-bus feeder ---------------------------------------------------------------------------------------


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
    flow, batch = Plant(bare33).run(full), BatchPlant(bare33).run(full)
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
    base_net().load["p_mw"] = 0.0
    assert base_net().load.p_mw.sum() == pytest.approx(3.715)


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


# ---- power flow against plain pandapower ---------------------------------------------------------------------


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
def test_plant_agrees_with_plain_pandapower(plant33, reference, points):
    flow, net = plant33.run(points), reference.run(points)
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
def test_batch_plant_agrees_with_plant(plant33, batch33, hours):
    stacked = SetPoints(**{f.name: np.array([getattr(hour, f.name) for hour in hours]) for f in fields(SetPoints)})
    batch = batch33.run(stacked)
    for k, hour in enumerate(hours):
        flow = plant33.run(hour)
        assert batch.tie_p_mw[k] == pytest.approx(flow.tie_p_mw, abs=1e-6)
        assert batch.tie_q_mvar[k] == pytest.approx(flow.tie_q_mvar, abs=1e-6)
        assert batch.vm_pu[k] == pytest.approx(flow.vm_pu, abs=1e-6)


def test_batch_plant_keeps_all_leading_axes(grid33, batch33):
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


def test_discharge_lowers_the_import_and_charging_raises_it(grid33, plant33, batch33):
    for plant in (plant33, batch33):
        rest, discharge, charge = (
            float(plant.run(set_points(grid33, battery_p_mw=np.array([p, 0, 0, 0, 0]))).tie_p_mw)
            for p in (0.0, 0.1, -0.1)
        )
        assert discharge == pytest.approx(rest - 0.1, abs=5e-3)  # bus 2 is next to the main grid: little loss
        assert charge == pytest.approx(rest + 0.1, abs=5e-3)


def test_surplus_is_exported(grid33, plant33, batch33):
    sunny = set_points(grid33, load=0.1, renewable_p_mw=np.full(10, 0.5))
    assert plant33.run(sunny).tie_p_mw == pytest.approx(0.3715 - 5, abs=0.3)
    assert plant33.run(sunny).tie_p_mw > 0.3715 - 5  # the losses are not exported
    assert float(batch33.run(sunny).tie_p_mw) == pytest.approx(plant33.run(sunny).tie_p_mw, abs=1e-6)


def test_hour_does_not_depend_on_the_hours_before(grid33):
    plant, light, heavy = Plant(grid33), set_points(grid33, 0.2), set_points(grid33, 1.5)
    first = plant.run(light)
    plant.run(heavy)
    again = plant.run(light)
    assert again.tie_p_mw == pytest.approx(first.tie_p_mw, abs=1e-8)
    assert again.vm_pu == pytest.approx(first.vm_pu, abs=1e-8)


@pytest.mark.parametrize("kind", [Plant, BatchPlant])
def test_voltage_collapse_is_an_error_and_the_next_hour_is_not(grid33, kind):
    plant = kind(grid33)
    before = plant.run(set_points(grid33))
    for _ in range(2):  # also twice in a row
        with pytest.raises(PowerFlowError, match="no solution"):
            plant.run(set_points(grid33, load=10))
    assert plant.run(set_points(grid33)).tie_p_mw == pytest.approx(before.tie_p_mw, abs=1e-8)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::scipy.sparse.linalg.MatrixRankWarning")
@pytest.mark.parametrize("kind", [Plant, BatchPlant])
def test_set_point_that_is_no_number_is_an_error(grid33, kind):
    points = set_points(grid33)
    points.load_p_mw[3] = np.nan
    with pytest.raises(PowerFlowError):
        kind(grid33).run(points)


# ---- other networks ------------------------------------------------------------------------------------------


def assert_same_grid(grid, other):
    for field in fields(grid):
        ours, theirs = getattr(grid, field.name), getattr(other, field.name)
        if isinstance(ours, np.ndarray):
            assert np.array_equal(ours, theirs), field.name
        elif field.name not in ("name", "net"):
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
    flow, batch = Plant(grid).run(set_points(grid)), BatchPlant(grid).run(set_points(grid))
    vm_pu = plain.res_bus.vm_pu.loc[grid.bus_ids].to_numpy()
    assert flow.vm_pu == pytest.approx(vm_pu, abs=1e-7)
    assert flow.tie_p_mw == pytest.approx(plain.res_ext_grid.p_mw.item(), abs=1e-7)
    assert flow.line_loading_percent == pytest.approx(plain.res_line.loading_percent.to_numpy(), rel=1e-6)
    assert batch.vm_pu == pytest.approx(vm_pu, abs=1e-6)
    assert batch.tie_p_mw == pytest.approx(plain.res_ext_grid.p_mw.item(), abs=1e-6)
    assert len({*grid.load_names}) == len(grid.load_names)


def test_units_at_the_same_bus_have_unique_names_and_all_count():
    units = [Renewable(bus=6, max_s_mva=1)] * 3
    batteries = [Battery(bus=1, max_s_mva=1, max_e_mwh=1), *[Battery(bus=6, max_s_mva=1, max_e_mwh=1)] * 2]
    grid = grid_of("microgrid33", Fleet(wind=units, pv=units[:2], battery=batteries))
    assert len({*grid.renewable_names, *grid.battery_names}) == 8
    # One after another, and all at once, the same as one big unit (the first battery sits at the tie line).
    apart = set_points(grid, renewable_p_mw=np.full(5, 0.1), battery_p_mw=np.array([0.3, 0.05, -0.15]))
    at_once = set_points(grid, renewable_p_mw=np.array([0.4, 0, 0, 0, 0]), battery_p_mw=np.array([0.3, 0, 0]))
    for kind in (Plant, BatchPlant):
        assert kind(grid).run(apart).tie_p_mw == pytest.approx(kind(grid).run(at_once).tie_p_mw, abs=1e-8)
    bare = grid_of("microgrid33")
    without = set_points(bare)
    without.load_p_mw[bare.load_names.index("load_6")] -= 0.4
    assert Plant(grid).run(apart).tie_p_mw == pytest.approx(Plant(bare).run(without).tie_p_mw - 0.3, abs=1e-8)


# ---- refused -------------------------------------------------------------------------------------------------


def put(table, row, **values):
    """Return a function that overwrites cells of a net's table (all rows: slice(None))."""

    def spoil(net):
        for column, value in values.items():
            net[table].loc[row, column] = value

    return spoil


def meshed(net):
    pp.create_line_from_parameters(net, 18, 33, 1, r_ohm_per_km=0.5, x_ohm_per_km=0.5, c_nf_per_km=0, max_i_ka=1)


def split(net):
    drop_lines(net, [7])  # from bus 7 to bus 8


def transformer(net):
    pp.create_bus(net, 0.4, index=34)
    pp.create_transformer_from_parameters(
        net, 18, 34, sn_mva=1, vn_hv_kv=12.66, vn_lv_kv=0.4, vkr_percent=1, vk_percent=6, pfe_kw=0, i0_percent=0
    )


def no_ext_grid(net):
    net.ext_grid = net.ext_grid.iloc[:0]


FAULTS = {
    "meshed": (meshed, "meshed.* 1 line"),
    "split": (split, r"split.*\b8, 9,.* 18\b"),
    "two ext_grids": (lambda net: pp.create_ext_grid(net, 33), "one ext_grid.*found 2"),
    "no ext_grid": (no_ext_grid, "one ext_grid.*found 0"),
    "zero resistance": (put("line", 5, r_ohm_per_km=0.0), "line 5.*r_ohm_per_km.*positive"),
    "negative reactance": (put("line", 5, x_ohm_per_km=-0.1), "line 5.*x_ohm_per_km.*positive"),
    "zero length": (put("line", 5, length_km=0.0), "line 5.*length_km.*positive"),
    "NaN resistance": (put("line", 5, r_ohm_per_km=np.nan), "line 5.*positive"),
    "no rating": (put("line", 5, max_i_ka=np.nan), "line 5.*max_i_ka"),
    "NaN load": (put("load", 3, p_mw=np.nan), "load 3.*p_mw"),
    "NaN reactive load": (put("load", 3, q_mvar=np.nan), "load 3.*q_mvar"),
    "load without p": (put("load", 3, p_mw=0.0), "load 3.*p_mw"),
    "transformer": (transformer, "'trafo'"),
    "generator": (lambda net: pp.create_gen(net, 7, p_mw=1), "'gen'"),
    "static generator": (lambda net: pp.create_sgen(net, 7, p_mw=1), "'sgen'"),
    "shunt": (lambda net: pp.create_shunt(net, 7, q_mvar=1), "'shunt'"),
    "line out of service": (put("line", 5, in_service=False), "out of service"),
    "load out of service": (put("load", 3, in_service=False), "out of service"),
    "bus out of service": (put("bus", 18, in_service=False), "out of service"),
    "open switch": (lambda net: pp.create_switch(net, 5, 5, et="l", closed=False), "open switch"),
    "line charging": (put("line", 5, c_nf_per_km=10.0), "charging.*c_nf_per_km"),
    "two voltage levels": (put("bus", 18, vn_kv=0.4), "vn_kv"),
    "zero voltage level": (put("bus", slice(None), vn_kv=0.0), "vn_kv"),
}

# What plain pandapower would either reject or model while the rest of the program does not.
HIDDEN_FAULTS = {
    "line to an unknown bus": (put("line", 32, to_bus=99), r"\b99\b"),
    "load at an unknown bus": (put("load", 3, bus=99), r"\b99\b"),
    "ext_grid at an unknown bus": (put("ext_grid", 0, bus=99), r"\b99\b"),
    "ext_grid out of service": (put("ext_grid", 0, in_service=False), "ext_grid|out of service"),
    "unbalanced load": (lambda net: pp.create_asymmetric_load(net, 7, p_a_mw=1), "asymmetric_load"),
    "line conductance": (put("line", slice(None), g_us_per_km=5000.0), "g_us_per_km|conductance"),
    "voltage-dependent load": (put("load", slice(None), const_z_p_percent=100.0), "const_z|voltage"),
    "buses joined by a switch": (lambda net: pp.create_switch(net, 5, 20, et="b", closed=True), "switch"),
    "NaN scaling": (put("load", 3, scaling=np.nan), "load 3.*scaling"),
    "zero scaling": (put("load", 3, scaling=0.0), "load 3"),
    "no parallel line": (put("line", 5, parallel=0), "line 5.*parallel"),
    "NaN derating": (put("line", 5, df=np.nan), "line 5.*df"),
}


@pytest.mark.parametrize("fault", [*FAULTS, *HIDDEN_FAULTS])
def test_faulty_net_is_refused_by_name(saved, fault):
    spoil, message = (FAULTS | HIDDEN_FAULTS)[fault]
    path = saved(spoil)
    with pytest.raises(GridError, match=message) as caught:
        grid_of(path)
    assert str(path) in str(caught.value)


def test_all_faults_are_listed_at_once(saved):
    def spoil(net):
        put("line", 5, r_ohm_per_km=0.0)(net)
        put("load", 3, p_mw=np.nan)(net)

    with pytest.raises(GridError, match=r"line 5.*load 3"):
        grid_of(saved(spoil))


@pytest.mark.parametrize("kind", ["wind", "pv", "battery"])
def test_unit_at_an_unknown_bus_is_refused(kind):
    unit = {"bus": 77, "max_s_mva": 1} | ({"max_e_mwh": 1} if kind == "battery" else {})
    with pytest.raises(GridError, match=rf"fleet\.{kind}\.0\.bus: unknown bus 77.*1\.\.33"):
        grid_of("microgrid33", Fleet.model_validate({kind: [unit]}))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("microgrid34", "unknown network 'microgrid34'.*microgrid33.*json"),
        ("net.csv", "unknown network 'net.csv'"),
        ("nowhere.json", "'nowhere.json' does not exist"),
    ],
)
def test_unknown_case_is_refused(case, message):
    with pytest.raises(GridError, match=message):
        grid_of(case)


@pytest.mark.parametrize("text", ['{"a": 1}', "[1, 2]", '"a"', "not json", ""])
def test_json_that_is_not_a_net_is_refused(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(GridError, match=r"other\.json' is not a pandapower net"):
        grid_of(path)


# ---- every packaged network ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", case_names())
def test_every_packaged_network_is_sound_and_has_a_power_flow(case):
    grid = build_grid(case, fleet=Fleet(), tie_line=TieLine(), voltage=Voltage(), line_max_s_mva=100.0)
    assert len(grid.line_from) == len(grid.bus_ids) - 1
    nothing = np.zeros(0)
    flow = Plant(grid).run(
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
