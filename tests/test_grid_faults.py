"""Networks, units and files that no grid can be built from: all faults are refused by name."""

import numpy as np
import pandapower as pp
import pytest
from bare_grid import grid_of
from pandapower.toolbox import drop_lines

from grids.fleet import Fleet
from grids.network import GridError


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
