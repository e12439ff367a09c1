"""Networks in files of unknown origin: nothing they name is imported or run, and sound ones load unchanged."""

import json
import sys

import pandapower as pp
import pandapower.networks as pn
import pytest
from pandas.testing import assert_frame_equal

from grids.build import load_base_net
from grids.cases.microgrid33 import tables
from grids.check import base_net_problems
from grids.documents import MOST_BYTES
from grids.network import GridError


@pytest.fixture
def net_file(tmp_path):
    """Write a sound net with a part of it replaced; return the file's name."""

    def _net_file(change):
        document = json.loads(pp.to_json(tables().to_net()))
        changed = change(document)
        path = tmp_path / "net.json"
        path.write_text(json.dumps(document if changed is None else changed), encoding="utf-8")
        return str(path)

    return _net_file


@pytest.fixture
def harm(tmp_path, monkeypatch):
    """Add a module to the path that leaves a file when it is imported, and another when its function runs."""
    folder = tmp_path / "modules"
    folder.mkdir()
    lines = [
        "from pathlib import Path",
        f"here = Path({str(tmp_path)!r})",
        "(here / 'imported').touch()",
        "def run(*_, **__): (here / 'ran').touch()",
        "class Thing:",
        "    def __init__(self, *_, **__): (here / 'ran').touch()",
    ]
    (folder / "harmful.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(folder)
    yield tmp_path
    sys.modules.pop("harmful", None)


def named(module, kind, content="x", **more):
    return {"_module": module, "_class": kind, "_object": content, **more}


def beside(part):
    """Add a part to the net beside its tables."""

    def change(document):
        document["_object"]["note"] = part

    return change


def in_cell(part):
    """Write a part into a cell of the table of buses."""

    def change(document):
        table = document["_object"]["bus"]
        cells = json.loads(table["_object"])
        cells["data"][0][cells["columns"].index("name")] = part
        table["_object"] = json.dumps(cells)

    return change


FUNCTION, CLASS = named("harmful", "function", "run"), named("harmful", "Thing")
COMMAND = named("subprocess", "Popen", ["touch", "ran"])

HARMFUL = {
    "function": beside(FUNCTION),
    "class": beside(CLASS),
    "command": beside(COMMAND),
    "without its content": beside({"_module": "harmful", "_class": "Thing"}),
    "kept as a state": beside({"_module": "harmful", "_class": "Thing", "_state": {}}),
    "in a list": beside([[{"a": FUNCTION}]]),
    "in an array": beside(named("numpy", "array", [FUNCTION])),
    "in a cell": in_cell(FUNCTION),
    "as text in a cell": in_cell(json.dumps(FUNCTION)),
    "as text in a text in a cell": in_cell(json.dumps(json.dumps(FUNCTION))),
    "as escaped text": beside(json.dumps(FUNCTION).replace("_", "\\u005f")),
    "as the whole": lambda _: FUNCTION,
    "as text of the whole": lambda _: named("pandapower.auxiliary", "pandapowerNet", json.dumps(FUNCTION)),
    "beside the text of a table": lambda d: d["_object"]["bus"].update(compression=FUNCTION),
    "submodule of a known one": beside(named("pandapower.auxiliary.harmful", "Thing")),
    "controller": beside(named("pandapower.control.controller.const_control", "ConstControl", "{}")),
    "class that is a list": beside(named(["harmful"], ["Thing"])),
}


@pytest.mark.parametrize("change", HARMFUL.values(), ids=HARMFUL)
def test_what_a_net_names_is_neither_imported_nor_run(net_file, harm, change):
    with pytest.raises(GridError, match=r"net.json' is not a pandapower net that can be loaded: it holds an object '"):
        load_base_net(net_file(change))
    assert "harmful" not in sys.modules
    assert not (harm / "imported").exists()
    assert not (harm / "ran").exists()


def with_bus_table(content, **more):
    return lambda document: document["_object"]["bus"].update(_object=content, **more)


def deep(levels):
    return lambda document: beside(json.loads("[" * levels + "]" * levels))(document)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (with_bus_table("/etc/other.json"), "is not JSON"),
        (with_bus_table("https://example.org/net.json"), "is not JSON"),
        (with_bus_table(["not", "text"]), "not written as pandapower.to_json does"),
        (lambda d: d["_object"]["bus"].update(storage_options={"a": 1}), "not written as pandapower.to_json does"),
        (lambda d: d["_object"]["bus"]["dtype"].update(name="S1000000000"), "not written as pandapower.to_json does"),
        (lambda d: d["_object"]["bus"].update(is_multiindex=True), "index of several levels"),
        (deep(100), "nested deeper than"),
        (beside('{"_module": "harmful", "_class": '), "holds a text that is not JSON"),
        (lambda _: [], "is not a pandapower net"),
        (lambda _: {"a": 1}, "is not a pandapower net"),
    ],
)
def test_a_net_of_another_form_is_refused(net_file, change, part):
    with pytest.raises(GridError, match=r"net.json' ") as refused:
        load_base_net(net_file(change))
    assert part in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, '"\\ud800"', "", "\x00", "\xff"])
def test_a_net_that_is_no_json_is_refused(tmp_path, text):
    (tmp_path / "net.json").write_text(text, encoding="latin-1")
    with pytest.raises(GridError, match=r"it is (not JSON|nested)"):
        load_base_net(str(tmp_path / "net.json"))


def test_a_net_too_large_is_refused(tmp_path):
    with (tmp_path / "net.json").open("wb") as file:
        file.truncate(MOST_BYTES["JSON"] + 1)
    with pytest.raises(GridError, match="larger than 50 MB"):
        load_base_net(str(tmp_path / "net.json"))


def cut(table, column):
    return lambda net: net[table].pop(column)


def set_index(net):
    net.bus.index = [10**15, *net.bus.index[1:]]


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        (cut("line", "length_km"), "line: column length_km of numbers is missing"),
        (cut("load", "in_service"), "load: column in_service"),
        (cut("switch", "closed"), "switch: columns et and closed"),
        (lambda net: net.update(bus=3), "'bus' is no table"),
        (lambda net: net.update(trafo=None), "'trafo' is no table"),
        (lambda net: net.load.__setitem__("p_mw", "much"), "load: column p_mw of numbers"),
        (lambda net: net.load.__setitem__("p_mw", 1j), "load: column p_mw of numbers"),
        (lambda net: net.update(line=net.line.set_index("name")), "line: rows must be numbered"),
        (set_index, "bus numbers must lie between 0 and 100,000"),
        (lambda net: net.user_pf_options.update(tolerance_mva=1e9), "clear net.user_pf_options"),
    ],
)
def test_tables_of_another_form_are_refused_by_name(fault, part):
    net = tables().to_net()
    fault(net)
    assert part in "; ".join(base_net_problems(net))


NETS = {
    "microgrid33": lambda: tables().to_net(),
    "case33bw": pn.case33bw,
    "cigre_lv": pn.create_cigre_network_lv,
    "cigre_mv": lambda: pn.create_cigre_network_mv(with_der="pv_wind"),
    "multivoltage": pn.example_multivoltage,
}


@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
def test_what_pandapower_saves_is_loaded_as_it_was(tmp_path, make):
    """Nets that can't be used are refused for what they hold, as they would be without having been in a file."""
    net = make()
    pp.to_json(net, str(tmp_path / "net.json"))
    loaded = load_base_net(str(tmp_path / "net.json"))
    assert base_net_problems(loaded) == base_net_problems(net)
    for table in ("bus", "line", "load", "ext_grid"):
        assert (loaded[table].index == net[table].index).all()
        numbers = net[table].select_dtypes("number")
        assert_frame_equal(loaded[table][numbers.columns], numbers, check_dtype=False, rtol=1e-14)


def test_a_net_with_results_and_a_fleet_is_loaded(tmp_path):
    net = pn.case33bw()
    pp.create_sgen(net, 5, p_mw=0.1, name='[{"a": "b"}]')
    pp.create_storage(net, 7, p_mw=0.1, max_e_mwh=1.0)
    pp.runpp(net)
    pp.to_json(net, str(tmp_path / "net.json"))
    loaded = load_base_net(str(tmp_path / "net.json"))
    assert loaded.sgen.name.tolist() == ['[{"a": "b"}]']
    assert_frame_equal(loaded.res_bus, net.res_bus, rtol=1e-14, atol=1e-14)
    assert any("storage" in problem for problem in base_net_problems(loaded))
