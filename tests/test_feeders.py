"""Equal feeders from one substation, and the connections of microgrids and cars: numbers, flows, faults."""

from dataclasses import fields

import numpy as np
import pandapower as pp
import pytest
from bare_grid import grid_of, set_points
from feeder5 import feeder5
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pandapower.toolbox import reindex_buses

from experiments.catalog import find_study
from grids.batch_power_flow import BatchPowerFlow
from grids.cases.networked33 import tables
from grids.feeders import Numbering, join_feeders
from grids.fleet import Fleet
from grids.network import GridError
from grids.optimal_power_flow import OptimalPowerFlow
from grids.power_flow import PowerFlow, PowerFlowError, SetPoints
from sim.instance import Instance

CARS = {"cars": 10, "max_p_mw": 0.005}
FLEET = Fleet.model_validate(
    {
        "wind": [{"bus": 3, "max_s_mva": 0.2}],
        "pv": [{"bus": 5, "max_s_mva": 0.1}, {"bus": 5, "max_s_mva": 0.3}],
        "battery": [{"bus": 1, "max_s_mva": 0.1, "max_e_mwh": 0.3}],
        "microgrid": [
            {"buses": [18, 9], "max_exchange_mw": 0.2, "max_load_mw": 0.02},
            {"buses": [4], "max_exchange_mw": 0.1, "ev": CARS},
        ],
        "ev_aggregator": [{"bus": 3, "ev": CARS}],
    }
)


@pytest.fixture(scope="module")
def three():
    return grid_of("networked33", FLEET, feeders=3)


@pytest.fixture(scope="module")
def power_flows(three):
    return PowerFlow(three), BatchPowerFlow(three)


# ---- numbers and names -----------------------------------------------------------------------------------------


def test_three_feeders_share_bus_1_and_count_on_by_33(three):
    assert three.bus_ids.tolist() == [*range(1, 34), *range(35, 67), *range(68, 100)]
    assert three.bus_ids[three.slack] == 1
    heads = three.bus_ids[three.line_to[three.line_from == three.slack]]
    assert heads.tolist() == [2, 35, 68]
    line = dict(zip(three.bus_ids[three.line_to], three.bus_ids[three.line_from], strict=True))
    assert [line[bus] for bus in (19, 19 + 33, 19 + 66, 26 + 66)] == [2, 35, 68, 72]
    assert three.load_names[31:34] == ("load_33", "load_35", "load_36")
    assert three.net.bus.name.tolist() == [f"bus {bus}" for bus in three.bus_ids]
    for table in (three.net.bus, three.net.line, three.net.load):
        assert table.index.is_unique


def test_the_fleet_is_repeated_kind_by_kind_and_feeder_by_feeder(three):
    assert three.renewable_names == (
        *("wind_3", "wind_36", "wind_69"),
        *("pv_5", "pv_5.2", "pv_38", "pv_38.2", "pv_71", "pv_71.2"),
    )
    assert [unit.max_s_mva for unit in three.renewables] == [0.2] * 3 + [0.1, 0.3] * 3
    assert three.battery_names == ("battery_1", "battery_1.2", "battery_1.3")  # all at the shared bus
    assert [connection.name for connection in three.connections] == [
        *("microgrid_18", "microgrid_9", "microgrid_4"),
        *("microgrid_51", "microgrid_42", "microgrid_37"),
        *("microgrid_84", "microgrid_75", "microgrid_70"),
        *("ev_aggregator_3", "ev_aggregator_36", "ev_aggregator_69"),
    ]
    assert [connection.kind for connection in three.connections] == ["microgrid"] * 9 + ["ev_aggregator"] * 3


def test_a_connection_holds_what_is_behind_it_and_that_alone(three):
    for connection in three.connections:
        assert connection.microgrid.buses == (connection.bus,)
    assert three.bus_ids[three.connection_bus].tolist() == [connection.bus for connection in three.connections]
    microgrid, cars = three.connections[4].microgrid, three.connections[11].microgrid
    assert (microgrid.max_exchange_mw, microgrid.max_load_mw, microgrid.ev) == (0.2, 0.02, None)
    assert cars.ev == FLEET.ev_aggregator[0].ev
    assert cars.max_exchange_mw == pytest.approx(10 * 0.005)
    assert cars.max_load_mw == cars.max_output_mw == 0


def test_a_connection_is_a_load_to_pandapower_and_no_load_to_anyone_else(three):
    assert len(three.load_names) == len(three.load_p_mw) == 3 * 32
    assert len(three.net.load) == 3 * 32 + 12
    assert three.net.load.name.iloc[-12:].tolist() == [connection.name for connection in three.connections]
    assert (three.net.load.iloc[-12:][["p_mw", "q_mvar"]] == 0).all(axis=None)
    assert np.isfinite(three.load_tan_phi).all()


def test_microgrid66_is_microgrid33_twice():
    twice, case = grid_of("microgrid33", feeders=2), grid_of("microgrid66")
    for field in fields(case):
        ours, theirs = getattr(twice, field.name), getattr(case, field.name)
        if isinstance(ours, np.ndarray):
            assert np.array_equal(ours, theirs), field.name
        elif field.name not in ("name", "tables"):
            assert ours == theirs, field.name
    assert (twice.name, case.name) == ("microgrid33 x 2", "microgrid66")


def test_joining_leaves_the_next_one_to_read_the_case_alone():
    join_feeders(tables().to_net(), 4)
    assert len(tables().to_net().bus) == 33
    assert join_feeders(tables().to_net(), 1).name == "networked33"


@given(
    numbers=st.lists(st.integers(0, 10**6), min_size=2, max_size=8, unique=True),
    feeders=st.integers(2, 6),
    data=st.data(),
)
def test_no_two_buses_ever_get_the_same_number(numbers, feeders, data):
    slack = data.draw(st.sampled_from(numbers))
    numbering = Numbering(slack=slack, size=max(numbers) - min(numbers) + 1)
    given_out = [numbering.bus(bus, feeder) for feeder in range(feeders) for bus in numbers if bus != slack]
    assert len({*given_out, slack}) == feeders * (len(numbers) - 1) + 1


# ---- flows -----------------------------------------------------------------------------------------------------


def new_numbers(net):
    reindex_buses(net, {bus: 1000 - 7 * bus for bus in net.bus.index})


def shared_load(net):
    pp.create_load(net, 1, p_mw=0.5, q_mvar=0.2)


def closed_switch(net):
    pp.create_switch(net, 5, 5, et="l", closed=True)


@pytest.mark.parametrize("change", [lambda net: None, new_numbers, shared_load, closed_switch])
@pytest.mark.parametrize("feeders", [2, 4])
def test_every_feeder_flows_as_if_it_were_alone(saved, change, feeders):
    """The main grid holds the voltage of the shared bus, so feeders don't feel each other."""
    one, many = grid_of(saved(change)), grid_of(saved(change), feeders=feeders)
    alone, flow = PowerFlow(one).run(set_points(one)), PowerFlow(many).run(set_points(many))
    assert flow.tie_p_mw == pytest.approx(feeders * alone.tie_p_mw, abs=1e-8)
    assert flow.tie_q_mvar == pytest.approx(feeders * alone.tie_q_mvar, abs=1e-8)
    own = np.delete(alone.vm_pu, one.slack)
    assert np.delete(flow.vm_pu, many.slack) == pytest.approx(np.tile(own, feeders), abs=1e-9)
    assert flow.line_loading_percent == pytest.approx(np.tile(alone.line_loading_percent, feeders), abs=1e-6)


def with_exchange(grid, p_mw, q_mvar, **changes):
    return set_points(grid, exchange_p_mw=np.asarray(p_mw), exchange_q_mvar=np.asarray(q_mvar), **changes)


@given(
    p=arrays(float, 12, elements=st.floats(-0.2, 0.2)),
    q=arrays(float, 12, elements=st.floats(-0.1, 0.1)),
    load=st.floats(0, 1.2),
)
def test_power_flow_and_batch_agree_on_what_connections_take(three, power_flows, p, q, load):
    points = with_exchange(three, p, q, load=load)
    flow, batch = (power_flow.run(points) for power_flow in power_flows)
    assert batch.tie_p_mw == pytest.approx(flow.tie_p_mw, abs=1e-6)
    assert batch.tie_q_mvar == pytest.approx(flow.tie_q_mvar, abs=1e-6)
    assert batch.vm_pu == pytest.approx(flow.vm_pu, abs=1e-6)
    supplied = load * three.load_p_mw.sum() + p.sum() + flow.line_loss_mw.sum()
    assert flow.tie_p_mw == pytest.approx(supplied, abs=1e-7)


def test_what_a_connection_takes_is_demand_at_its_bus(three):
    place = [connection.name for connection in three.connections].index("microgrid_84")
    p, q = np.zeros(12), np.zeros(12)
    p[place], q[place] = 0.15, 0.06
    more = set_points(three, exchange_p_mw=np.zeros(12), exchange_q_mvar=np.zeros(12))
    at_bus = three.load_names.index("load_84")
    more.load_p_mw[at_bus] += 0.15
    more.load_q_mvar[at_bus] += 0.06
    taken, demanded = PowerFlow(three).run(with_exchange(three, p, q)), PowerFlow(three).run(more)
    assert taken.vm_pu == pytest.approx(demanded.vm_pu, abs=1e-9)
    assert taken.tie_p_mw == pytest.approx(demanded.tie_p_mw, abs=1e-9)
    given_back = PowerFlow(three).run(with_exchange(three, -p, -q))
    assert given_back.vm_pu[three.position(84)] > taken.vm_pu[three.position(84)]


def test_batch_keeps_leading_axes_of_exchanges(three):
    hours = [with_exchange(three, np.full(12, p), np.zeros(12)) for p in (-0.1, 0.0, 0.1)]
    stacked = SetPoints(**{f.name: np.array([[getattr(h, f.name) for h in hours]]) for f in fields(SetPoints)})
    batch = BatchPowerFlow(three).run(stacked)
    assert batch.vm_pu.shape == (1, 3, 97)
    assert (np.diff(batch.tie_p_mw[0]) > 1.1).all()  # 12 connections, 0.1 MW more each, and losses


def test_exchange_beyond_what_the_network_carries_has_no_solution(three):
    for power_flow in (PowerFlow(three), BatchPowerFlow(three)):
        with pytest.raises(PowerFlowError):
            power_flow.run(with_exchange(three, np.full(12, 50.0), np.zeros(12)))
        assert np.isfinite(power_flow.run(with_exchange(three, np.zeros(12), np.zeros(12))).tie_p_mw)


def test_ten_feeders_have_321_buses_60_connections_and_a_power_flow():
    grid = Instance.of(find_study("networked330")).grid
    assert len(grid.bus_ids) == 10 * 32 + 1
    assert grid.bus_ids.max() == 330
    flow = PowerFlow(grid).run(with_exchange(grid, np.full(60, 0.1), np.full(60, 0.02)))
    assert flow.tie_p_mw == pytest.approx(9.404 + 6.0 + flow.line_loss_mw.sum(), abs=1e-6)


def test_optimal_power_flow_lets_nothing_through_the_connections(three):
    bare = grid_of("networked33", FLEET.model_copy(update={"microgrid": (), "ev_aggregator": ()}), feeders=3)
    hour = {"demand_mw": 0.9 * three.load_p_mw, "available_mw": np.full(9, 0.05), "price_per_mwh": 50.0}
    prices = {"output_price_per_mwh": 20.0, "load_value_per_mwh": 300.0}
    connected, plain = (OptimalPowerFlow(grid).run(**hour, **prices) for grid in (three, bare))
    assert connected.load_p_mw == pytest.approx(plain.load_p_mw, abs=1e-6)
    assert connected.tie_p_mw == pytest.approx(plain.tie_p_mw, abs=1e-6)


# ---- refused ---------------------------------------------------------------------------------------------------


def microgrid(*buses):
    return {"buses": buses, "max_exchange_mw": 0.2}


FAULTS = {
    "microgrid at an unknown bus": (
        {"microgrid": [microgrid(9), microgrid(16, 77)]},
        r"fleet\.microgrid\.1\.buses\.1: unknown bus 77.*1\.\.33",
    ),
    "microgrid on the second feeder": ({"microgrid": [microgrid(35)]}, r"unknown bus 35.*1\.\.33"),
    "cars at an unknown bus": (
        {"ev_aggregator": [{"bus": 0, "ev": CARS}]},
        r"fleet\.ev_aggregator\.0\.bus: unknown bus 0",
    ),
    "two microgrids at a bus": (
        {"microgrid": [microgrid(9, 16), microgrid(16)]},
        r"fleet\.microgrid\.1\.buses\.0: bus 16 is taken by fleet\.microgrid\.0\.buses\.1;.*move one",
    ),
    "a bus given twice": (
        {"microgrid": [microgrid(9, 16, 9)]},
        r"fleet\.microgrid\.0\.buses\.2: bus 9 is taken by fleet\.microgrid\.0\.buses\.0",
    ),
    "microgrid and cars at a bus": (
        {"microgrid": [microgrid(9)], "ev_aggregator": [{"bus": 9, "ev": CARS}]},
        r"fleet\.ev_aggregator\.0\.bus: bus 9 is taken by fleet\.microgrid\.0\.buses\.0",
    ),
    "microgrid at the main grid": (
        {"microgrid": [microgrid(9, 1)]},
        r"fleet\.microgrid\.0\.buses\.1: bus 1 is the one at the main grid.*choose a bus of the feeder",
    ),
    "cars at the main grid": (
        {"ev_aggregator": [{"bus": 1, "ev": CARS}]},
        r"fleet\.ev_aggregator\.0\.bus: bus 1 is the one at the main grid",
    ),
}


@pytest.mark.parametrize("feeders", [1, 2])
@pytest.mark.parametrize("fault", FAULTS)
def test_connections_that_cannot_be_are_refused_by_field(fault, feeders):
    fleet, message = FAULTS[fault]
    with pytest.raises(GridError, match=message):
        grid_of("networked33", Fleet.model_validate(fleet), feeders=feeders)


def test_all_faults_of_the_fleet_are_listed_at_once():
    fleet = {"wind": [{"bus": 99, "max_s_mva": 1}], "microgrid": [microgrid(1, 9, 9, 88)]}
    with pytest.raises(GridError, match=r"fleet\.wind\.0.*99.*buses\.3.*88.*buses\.0.*buses\.2"):
        grid_of("networked33", Fleet.model_validate(fleet))


def test_a_faulty_feeder_is_refused_before_it_is_repeated(saved):
    path = saved(lambda net: pp.create_ext_grid(net, 33))
    with pytest.raises(GridError, match=r"one ext_grid.*found 2"):
        grid_of(path, feeders=3)


def test_a_grid_without_microgrids_has_no_connections(grid33):
    assert grid33.connections == feeder5().connections == ()
    assert grid33.connection_bus.shape == (0,)
