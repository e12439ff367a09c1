"""Networks as they come: pandapower's own, SimBench's, files and nets from Python, beside an untouched power flow."""

import json
from pathlib import Path

import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest
from bare_grid import set_points
from cli import accepted, assert_one_message, process

from experiments.catalog import load_study
from experiments.simulate import run
from grids.batch_power_flow import BatchPowerFlow
from grids.components import Battery, Renewable, TieLine, VoltageLimits
from grids.fleet import Fleet
from grids.net_compare import deviation
from grids.net_grid import build_net_grid
from grids.net_source import NETWORKS, NetSource, net_content
from grids.network import GridError
from grids.power_flow import PowerFlow
from sim.errors import StudyError
from sim.instance import Instance
from sim.study import Study

NET = VoltageLimits(slack_vm_pu=None, min_vm_pu=None, max_vm_pu=None)


def grid_of(net, fleet=None, voltage=NET, **options):
    """Return the grid of a net: an object, or kind and value such as ``network:cigre_lv``."""
    source = NetSource(*net.split(":")) if isinstance(net, str) else NetSource("pandapower", net_content(net))
    fleet = fleet or Fleet(from_net=True)
    return build_net_grid(source, fleet=fleet, tie_line=TieLine(max_s_mva=1000), voltage=voltage, **options)


QUICK = (
    *("cigre_mv_pv_wind", "cigre_mv_all", "cigre_lv", "case33bw", "kerber_landnetz_freileitung_1", "case9"),
    *("kerber_vorstadtnetz_kabel_1", "simple_four_bus"),
)
LONG = ("network:oberrhein", "network:oberrhein_generation", "network:cigre_hv", "network:case118")
SIMBENCH = ("1-MV-rural--0-sw", "1-MV-semiurb--0-sw", "1-MV-urban--0-sw", "1-MV-comm--0-sw", "1-LV-rural1--0-sw")


def as_pandapower_has_it(grid):
    """Check voltages and flows against an untouched power flow, and one power flow against the other."""
    far = deviation(grid)
    assert max(far.vm_pu, far.va_degree / 57) < 1e-8
    assert max(far.p_mw, far.q_mvar, far.loss_mw) < 1e-6
    points = set_points(grid, 0.5)
    one, batch = PowerFlow(grid).run(points), BatchPowerFlow(grid).run(points)
    assert batch.vm_pu == pytest.approx(one.vm_pu, abs=1e-8)
    assert [batch.tie_p_mw, batch.tie_q_mvar] == pytest.approx([one.tie_p_mw, one.tie_q_mvar], abs=1e-6)
    loading = np.maximum(batch.line_i_pu / grid.line_max_i_pu, batch.line_i_to_pu / grid.line_max_i_to_pu)
    assert 100 * loading == pytest.approx(one.line_loading_percent, abs=1e-5)


@pytest.mark.parametrize("name", QUICK)
def test_networks_of_pandapower_have_the_power_flow_of_the_unchanged_net(name):
    as_pandapower_has_it(grid_of(f"network:{name}"))


@pytest.mark.long
@pytest.mark.parametrize("source", [*LONG, *(f"simbench:{code}" for code in SIMBENCH)])
def test_larger_networks_too(source):
    if source.startswith("simbench"):
        pytest.importorskip("simbench")
    as_pandapower_has_it(grid_of(source))


def test_which_networks_are_conic():
    radial = {name: grid_of(f"network:{name}").is_radial for name in ("cigre_mv", "cigre_lv", "case33bw", "case9")}
    assert radial == {"cigre_mv": True, "cigre_lv": True, "case33bw": True, "case9": False}
    assert grid_of("network:case33bw").is_bare


def test_all_names_are_functions_of_pandapower():
    assert all(callable(getattr(nw, function)) for function, _ in NETWORKS.values())


# ---- a net with everything that is carried ---------------------------------------------------------------------


def every_element():
    """Return a net of three levels with each kind of element that is carried, in and out of service."""
    net = pp.create_empty_network(sn_mva=7.0, f_hz=50)
    kv = [110, 20, 20, 20, 20, 20, 0.4, 0.4, 20, 20]
    pp.create_buses(net, len(kv), kv, index=range(0, 3 * len(kv), 3))
    pp.create_ext_grid(net, 0, vm_pu=1.02)
    for _ in range(2):  # two equal transformers side by side, on busbars that a switch joins
        pp.create_transformer(net, 0, 3, "25 MVA 110/20 kV", tap_pos=-2)
    line = {"r_ohm_per_km": 0.3, "x_ohm_per_km": 0.12, "c_nf_per_km": 250.0, "max_i_ka": 0.3}
    pp.create_line_from_parameters(net, 3, 6, 4.0, **line, g_us_per_km=2.0, parallel=2, df=0.9)
    pp.create_switch(net, 6, 9, et="b")
    pp.create_switch(net, 9, 24, et="b", z_ohm=0.1)
    pp.create_line_from_parameters(net, 12, 24, 3.0, **line)  # pointing towards the slack
    ring = pp.create_line_from_parameters(net, 12, 6, 5.0, **line)
    pp.create_switch(net, 6, ring, et="l", closed=False)
    pp.create_line_from_parameters(net, 12, 15, 2.0, **line, in_service=False)
    pp.create_transformer(net, 12, 15 + 3, "0.63 MVA 20/0.4 kV", tap_pos=1, parallel=2)
    pp.create_line_from_parameters(net, 18, 21, 0.1, 0.2, 0.08, 300.0, 0.4)
    net.bus.loc[[15, 27], "in_service"] = False
    pp.create_load(net, 9, p_mw=2.0, q_mvar=0.5, scaling=0.8)
    pp.create_load(net, 21, p_mw=0.2, q_mvar=0.05)
    pp.create_load(net, 12, p_mw=-0.3, q_mvar=0.1, name="feeds in")
    pp.create_load(net, 12, p_mw=0.0, q_mvar=0.2, name="compensation")
    pp.create_load(net, 12, p_mw=3.0, in_service=False)
    pp.create_sgen(net, 12, p_mw=0.5, q_mvar=0.1, sn_mva=0.6, type="PV", scaling=0.5)
    pp.create_sgen(net, 6, p_mw=1.0, type="WP")
    pp.create_sgen(net, 24, p_mw=0.4, type="CHP")
    pp.create_storage(net, 21, p_mw=0.05, max_e_mwh=0.4, sn_mva=0.1, soc_percent=70, min_e_mwh=0.04)
    pp.create_shunt(net, 12, q_mvar=-0.4, p_mw=0.01, step=2)
    net.bus["min_vm_pu"], net.bus["max_vm_pu"] = np.nan, 1.1
    net.bus.loc[18, "min_vm_pu"] = 0.92
    return net


@pytest.mark.parametrize("from_net", [True, False])
@pytest.mark.parametrize("model", [None, "pi"])
def test_every_element_is_carried(from_net, model):
    net = every_element()
    if model is not None:
        net.user_pf_options["trafo_model"] = model
    grid = grid_of(net, Fleet(from_net=from_net))
    assert grid.is_radial
    as_pandapower_has_it(grid)


def test_report_names_every_element_and_what_became_of_it():
    net = every_element()
    grid = grid_of(net)
    became = {(one.element, one.row): one.became for one in grid.report}
    tables = ("bus", "line", "trafo", "load", "sgen", "storage", "ext_grid", "shunt", "switch")
    assert set(became) == {(table, row) for table in tables for row in net[table].index}
    assert became["bus", 9] == became["bus", 6] == "bus 6"
    assert became["bus", 15] == became["line", 3] == became["load", 4] == "out of service"
    assert became["trafo", 0] == became["trafo", 1] == "line 3"
    assert became["line", 2] == "shunt at bus 12"
    assert became["load", 2] == "given 0.3 MW"
    assert became["sgen", 2] == "given 0.4 MW"
    assert [became["sgen", row] for row in (0, 1)] == ["pv_12", "wind_6"]
    assert became["storage", 0] == "battery_21"
    assert became["switch", 2] == "open"


def test_units_of_the_net_keep_their_data():
    grid = grid_of(every_element())
    wind, pv = grid.renewables
    assert (wind.bus, wind.max_s_mva, pv.bus, pv.max_s_mva) == (6, 1.0, 12, 0.6)
    battery = grid.batteries[0]
    assert (battery.max_e_mwh, battery.max_s_mva) == (0.4, 0.1)
    assert (battery.min_soc, battery.start_soc) == pytest.approx((0.1, 0.7))


def test_limits_are_those_of_the_net_unless_the_study_gives_them():
    net = every_element()
    grid, own = grid_of(net), grid_of(net, voltage=VoltageLimits(slack_vm_pu=1.0, min_vm_pu=0.97, max_vm_pu=None))
    at = grid.position(18)
    assert grid.bus_min_vm_pu[at] == 0.92
    assert own.bus_min_vm_pu[at] == 0.97
    assert (grid.voltage.slack_vm_pu, own.voltage.slack_vm_pu) == (1.02, 1.0)
    assert own.bus_max_vm_pu[at] == grid.voltage.max_vm_pu == 1.1
    line = next(k for k, elements in enumerate(grid.line_elements) if elements == (("line", 0),))
    assert grid.line_max_i_pu[line] == pytest.approx(np.sqrt(3) * 20 * 0.3 * 2 * 0.9)
    assert grid.line_max_i_pu[3] == pytest.approx(50.0)  # of both transformers
    assert grid_of(net, line_max_s_mva=4.0).line_max_i_pu[[3, line]] == pytest.approx([50.0, 4.0])


def test_fleet_on_top_of_the_net_stands_at_its_buses_and_in_proportion_to_load():
    fleet = Fleet.model_validate(
        {"from_net": True, "pv": {"share_of_load": 0.5}, "wind": [{"bus": 9, "max_s_mva": 2}]}
    )
    grid = grid_of(every_element(), fleet)
    assert grid.renewable_names == ("wind_6", "wind_6.2", "pv_12", "pv_6", "pv_21")
    assert [unit.max_s_mva for unit in grid.renewables] == pytest.approx([1.0, 2.0, 0.6, 0.8, 0.1])
    assert grid.net_rows["renewable"] == (1, -1, 0, -1, -1)
    assert len(grid.net.sgen) == 6  # three of the net, three new ones
    PowerFlow(grid).run(set_points(grid))


def test_share_of_load_also_in_a_list_and_in_a_case(study33):
    fleet = {"battery": [], "wind": [], "pv": [{"share_of_load": 0.25}, {"bus": 6, "max_s_mva": 1.0}]}
    grid = Instance.of(study33.change({"fleet": Fleet.model_validate(fleet).model_dump(mode="json")})).grid
    assert len(grid.renewables) == 33
    assert sum(unit.max_s_mva for unit in grid.renewables) == pytest.approx(1 + 0.25 * grid.load_p_mw.sum())


def test_main_grids_of_one_voltage_are_one_tie_line():
    grid = grid_of("network:oberrhein")
    assert grid.is_radial
    assert grid.fused == {318: 58}


def test_generators_hold_voltages_of_a_net_that_is_not_conic():
    grid = grid_of("network:case9")
    assert grid.bus_ids[grid.held_bus].tolist() == [1, 2]
    assert grid.held_vm_pu.tolist() == [1.0, 1.0]
    assert grid.given_p_mw.sum() == pytest.approx(248.0)


# ---- where nets come from --------------------------------------------------------------------------------------


@pytest.fixture
def own_study(study33):
    return study33.change({"fleet": {"from_net": True}, "grid.network": "cigre_mv_pv_wind"})


def test_a_study_holds_a_net_object_itself(own_study):
    net = nw.create_cigre_network_mv(with_der="pv_wind")
    held = own_study.change({"grid.pandapower": net})
    again = Study.model_validate(json.loads(held.model_dump_json()))
    one, other = (Instance.of(study).grid for study in (own_study, again))
    assert held.grid.network is None
    assert one.line_r_pu == pytest.approx(other.line_r_pu, rel=1e-12)
    assert one.renewables == other.renewables


def test_a_file_is_found_beside_the_study(tmp_path, own_study):
    pp.to_json(every_element(), str(tmp_path / "mine.json"))
    document = own_study.model_dump(mode="json")
    document["grid"] |= {"network": None, "pandapower": "mine.json"}
    (tmp_path / "study.yaml").write_text(json.dumps(document), encoding="utf-8")
    facts = json.loads(accepted("show", tmp_path / "study.yaml", "--grid", "--json"))
    assert (facts["network"], facts["formulation"], facts["transformers"]) == ("mine", "conic", 2)
    assert facts["deviation"]["vm_pu"] < 1e-8
    assert {one["became"] for one in facts["elements"]} >= {"out of service", "open", "shunt at bus 12"}


def test_another_network_brings_its_own_limits(study33):
    changed = study33.change({"grid.network": "cigre_lv", "fleet": {}})
    assert changed.grid.line_max_s_mva is None
    assert changed.grid.voltage == NET
    assert changed.change({"grid.case": "microgrid33"}).grid == study33.grid.model_copy(
        update={"tie_line": changed.grid.tie_line}
    )


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"case": "microgrid33", "network": "cigre_mv"}, "give one of case, .* found case and network"),
        ({"network": "cigre_nv"}, "no network 'cigre_nv'; did you mean cigre_mv"),
        ({"pandapower": "nowhere.json"}, "grid.pandapower: .*'nowhere.json' does not exist"),
        ({"pandapower": "net.xlsx"}, "no .json file; write the net with pandapower.to_json"),
        ({"network": "cigre_mv", "feeders": 2}, "feeders repeats a case only"),
        ({"case": None}, "give one of case"),
    ],
)
def test_sources_that_are_wrong_are_named(study33, grid, words):
    document = study33.model_dump(mode="json") | {"grid": grid}
    with pytest.raises(ValueError, match=words):
        Instance.of(Study.model_validate(document))


def test_simbench_that_is_missing_or_has_no_such_code_is_named(study33, monkeypatch):
    study = study33.change({"grid.simbench": "1-MV-rural--9-sw", "fleet": {}})
    monkeypatch.setitem(__import__("sys").modules, "simbench", None)
    with pytest.raises(StudyError, match=r"grid.simbench: SimBench is not installed: pip install simbench"):
        Instance.of(study)
    monkeypatch.undo()
    pytest.importorskip("simbench")
    with pytest.raises(StudyError, match=r"no network '1-MV-rural--9-sw'; did you mean 1-MV-rural--"):
        Instance.of(study)


# ---- nets that can't be carried --------------------------------------------------------------------------------


def put(table, row, **values):
    """Return a function that overwrites cells of a net's table."""

    def spoil(net):
        for column, value in values.items():
            net[table][column] = net[table][column].astype(object if isinstance(value, str) else type(value))
            net[table].loc[row, column] = value

    return spoil


def island(net):
    bus = pp.create_bus(net, 20.0)
    pp.create_load(net, bus, p_mw=0.1)


FAULTS = {
    "no slack": (
        put("ext_grid", 0, in_service=False),
        "no ext_grid in service: add one with",
    ),
    "two slacks": (lambda net: pp.create_ext_grid(net, 6, vm_pu=1.0), "2 ext_grids of different voltage.*keep one"),
    "island": (island, r"load 5: bus 28 has no path to the main grid \(an island\); close a switch or set"),
    "no impedance": (put("line", 0, r_ohm_per_km=0.0, x_ohm_per_km=0.0), "line 0: has no impedance; join its buses"),
    "no length": (put("line", 0, length_km=0.0), "line 0: length_km must be positive"),
    "vector group": (
        put("trafo", 0, vector_group="Dxn5"),
        "unknown vector group 'Dxn5'; write one such as Dyn5",
    ),
    "no short circuit": (put("trafo", 2, vk_percent=0.0), "trafo 2: vk_percent must be positive"),
    "missing bus": (put("load", 0, bus=77), "load 0: unknown bus 77 in bus"),
    "missing line": (put("switch", 2, element=77), "switch 2: unknown line 77"),
    "two levels": (put("line", 0, to_bus=18), "line 0: joins buses of 20 and 0.4 kV without a transformer"),
    "NaN load": (put("load", 0, p_mw=np.nan), "load 0: p_mw and q_mvar must be numbers"),
    "voltage dependent": (
        put("load", 0, const_z_p_percent=50.0),
        "load 0: voltage-dep.*set const_z_p_percent to 0",
    ),
    "ward": (lambda net: pp.create_ward(net, 6, 1, 0, 0, 0), "of kind 'ward' are not modelled: replace it by a load"),
    "gen at slack": (
        lambda net: pp.create_gen(net, 0, 1.0, vm_pu=1.02),
        "gen 0: stands at the main grid; make it",
    ),
    "options": (lambda net: net.user_pf_options.update(max_iteration=3), "net.user_pf_options.*remove max_iteration"),
    "collapse": (
        put("load", slice(None), p_mw=9000.0),
        "no AC power flow even at a tenth of its load; are its loads in",
    ),
    "no load": (put("load", slice(None), in_service=False), "there is nothing to serve"),
    "no column": (
        lambda net: net.line.drop(columns="r_ohm_per_km", inplace=True),
        "line: column r_ohm_per_km of numbers",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_with_a_remedy(fault):
    spoil, words = FAULTS[fault]
    net = every_element()
    spoil(net)
    with pytest.raises(GridError, match=words):
        grid_of(net)


def test_fleet_at_a_bus_out_of_service_is_named():
    with pytest.raises(GridError, match="bus 15 is out of service"):
        grid_of(every_element(), Fleet(battery=(Battery(bus=15, max_s_mva=1, max_e_mwh=1),)))
    with pytest.raises(GridError, match="unknown bus 16"):
        grid_of(every_element(), Fleet(pv=(Renewable(bus=16, max_s_mva=1),)))


def test_a_fault_ends_the_command_with_status_2(tmp_path):
    net = every_element()
    net.ext_grid = net.ext_grid.iloc[:0]
    pp.to_json(net, str(tmp_path / "net.json"))
    path = Path(tmp_path / "study.yaml")
    path.write_text(
        "name: mine\ngrid: {pandapower: net.json}\nfleet: {}\nprofiles: {file: microgrid33_day.csv,"
        " wind_pu: wind_pu_of_capacity, pv_pu: pv_pu_of_capacity}\n",
        encoding="utf-8",
    )
    done = process("show", path, "--grid", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_message(done.stderr)
    assert "grid.pandapower: network 'net': no ext_grid in service" in done.stderr


# ---- a day -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "fleet", "tie_line"),
    [
        (None, None, {}),
        ("case9", {"from_net": True}, {"max_s_mva": 400, "min_power_factor": 0.1}),
        ("kerber_landnetz_freileitung_1", {"pv": {"share_of_load": 1.5}}, {"max_s_mva": 0.5}),
    ],
)
def test_day_is_audited_clean(source, fleet, tie_line):
    study = load_study("cigre_mv", policy="myopic", bidding="basic", scenarios=10, keep=2)
    if source is not None:
        study = study.change({"grid.network": source, "fleet": fleet})
        study = study.change({f"grid.tie_line.{key}": value for key, value in tie_line.items()})
    day = run(study)
    assert day.audit().clean
    assert day.summary["limits"]["voltage"]["count"] == 0
