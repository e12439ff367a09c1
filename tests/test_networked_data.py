"""The data of the networked microgrids against the tables, and the uncertainty of microgrids."""

from dataclasses import fields
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from agents.participants import create_agents
from experiments.catalog import find_study
from grids.cases.networked33 import tables
from sim.errors import StudyError
from sim.instance import Instance
from sim.messages import Knowledge, Outlook
from sim.model import MarketModel
from sim.profiles import load_profiles
from sim.reduction import distances, reduce_scenarios
from sim.scenarios import Draw, ForecastErrors, ScenarioSet, draw_scenarios

STUDIES = ("networked33", "networked66", "networked330")
CONNECTION_FIELDS = ("connection_load_mw", "connection_heat_mw", "connection_output_mw")


@pytest.fixture(scope="module")
def day():
    """The packaged day, by hour ending."""
    with files("sim").joinpath("data", "networked_day.csv").open("rb") as file:
        return pd.read_csv(file).set_index("hour_ending", drop=False)


@pytest.fixture(scope="module")
def table2():
    with files("grids").joinpath("data", "networked_table2.csv").open("rb") as file:
        return pd.read_csv(file).set_index("bus").load_ratio


@pytest.fixture(scope="module")
def instance():
    return Instance.of(find_study("networked33"))


@pytest.fixture(scope="module")
def draw(instance):
    def _draw(count=4, seed=1, grid=instance.grid, **errors):
        return draw_scenarios(
            grid, instance.profiles, ForecastErrors(**errors), count=count, seed=seed, purpose=Draw.TRAINING
        )

    return _draw


# ---- the tables ------------------------------------------------------------------------------------------------

TYPED = {
    # slot: Table 1 kW and kvar, Table 3 DSO and MG, Table 5, Table 6 electric and thermal; typed by hand
    1: (720.2, 338.7, 50, 10, 0.0891, 17.26, 14.67),
    4: (870.3, 409.2, 150, 30, 0.1585, 18.77, 16.54),
    6: (840.3, 395.1, 150, 35, 0.1721, 18.47, 15.82),
    12: (737.1, 346.6, 75, 5, 0.1669, 17.43, 14.98),
    13: (732.3, 344.3, 75, 0, 0.1689, 17.38, 14.67),
    17: (480.2, 225.8, 110, 0, 0.1387, 14.84, 10.93),
    18: (420.2, 197.6, 130, 0, 0.1238, 14.23, 10.62),
    22: (600.4, 282.2, 110, 0, 0.0731, 16.05, 12.36),
    24: (690.3, 324.6, 50, 0, 0.0844, 16.96, 13.74),
}
TABLE_COLUMNS = [
    *("dso_load_kw", "dso_load_kvar", "dso_res_kw", "mg_res_kw", "rtp_usd_per_kwh"),
    *("mg_load_kw", "mg_heat_load_kw"),
]


@pytest.mark.parametrize("slot", TYPED)
def test_day_holds_the_tables(day, slot):
    (row,) = day[day.slot == slot][TABLE_COLUMNS].to_numpy()
    assert tuple(row) == TYPED[slot]


def test_slot_1_is_hour_ending_8(day):
    assert day.hour_ending.tolist() == list(range(1, 25))
    assert day.slot.tolist() == [*range(18, 25), *range(1, 18)]
    assert day.mg_res_kw.idxmax() == 13  # sun: slot 6
    assert day.rtp_usd_per_kwh.idxmin() == 5  # slot 22
    assert (day.mg_res_kw[[*range(1, 8), *range(20, 25)]] == 0).all()  # no sun from 19 to 7 o'clock


def test_columns_of_the_study_are_made_from_those_of_the_tables(day):
    assert day.demand_pu.to_numpy() == pytest.approx(day.dso_load_kw / 1000, abs=1e-12)
    for fraction, kw, peak in (
        ("wind_pu", "dso_res_kw", 165),
        ("microgrid_output_pu", "mg_res_kw", 35),
        ("microgrid_load_pu", "mg_load_kw", 18.84),
        ("microgrid_heat_pu", "mg_heat_load_kw", 16.54),
    ):
        assert day[kw].max() == peak
        assert peak * day[fraction].to_numpy() == pytest.approx(day[kw].to_numpy(), abs=1e-9)
        assert day[fraction].max() == 1
    assert day.price_per_mwh.to_numpy() == pytest.approx(1000 * day.rtp_usd_per_kwh, abs=1e-9)
    assert (day.retail_price_per_mwh == day.price_per_mwh).all()


def test_grid_and_day_hold_the_same_table_1(day):
    with files("grids").joinpath("data", "networked_table1.csv").open("rb") as file:
        table1 = pd.read_csv(file)
    ours = day.sort_values("slot")
    assert table1.slot.tolist() == list(range(1, 25))
    assert table1.p_kw.tolist() == ours.dso_load_kw.tolist()
    assert table1.q_kvar.tolist() == ours.dso_load_kvar.tolist()


def test_table_2_takes_load_out_of_six_buses_of_the_33_bus_case(table2, good_net):
    typed = {1: 0.0, 2: 0.0269, 3: 0.0142, 9: 0.0102, 16: 0.0082, 24: 0.1131, 31: 0.0204, 32: 0.0565, 33: 0.0102}
    assert {bus: table2[bus] for bus in typed} == typed
    assert table2.sum() == pytest.approx(0.9404)
    full = good_net.load.set_index("bus").p_mw / 3.715
    reduced = [bus for bus in full.index if table2[bus] < full[bus] - 1e-3]
    assert reduced == [3, 9, 16, 18, 31, 33]
    others = full.index.difference(reduced)
    assert table2[others].to_numpy() == pytest.approx(full[others].to_numpy(), abs=6e-5)


def test_loads_are_table_2_of_1_mw_with_the_power_factor_of_table_1(table2, day, good_net):
    net = tables().to_net()
    assert net.load.bus.tolist() == list(range(2, 34))  # bus 1 has none
    assert net.load.p_mw.tolist() == table2[table2 > 0].tolist()
    tan_phi = (net.load.q_mvar / net.load.p_mw).to_numpy()
    assert tan_phi == pytest.approx(0.4702, abs=5e-5)
    # kvar are given to a tenth: the one ratio holds in every hour but for rounding, by a quarter of a kvar at most.
    assert day.dso_load_kvar.to_numpy() == pytest.approx(tan_phi[0] * day.dso_load_kw, abs=0.25)
    branches = ["from_bus", "to_bus", "r_ohm_per_km", "x_ohm_per_km"]
    pd.testing.assert_frame_equal(net.line[branches], good_net.line[branches])


# ---- the studies -----------------------------------------------------------------------------------------------


def test_studies_differ_in_feeders_and_tie_line_alone():
    documents = [find_study(name).model_dump() for name in STUDIES]
    grids = [document.pop("grid") for document in documents]
    for document in documents:
        document.pop("name")
        document.pop("description")
    assert documents[0] == documents[1] == documents[2]
    assert [grid.pop("feeders") for grid in grids] == [1, 2, 10]
    assert [grid["tie_line"].pop("max_s_mva") for grid in grids] == [10, 20, 100]
    assert grids[0] == grids[1] == grids[2]


@pytest.mark.parametrize(
    ("name", "buses", "microgrids", "cars"),
    [("networked33", 33, 5, 350), ("networked66", 65, 10, 700), ("networked330", 321, 50, 3500)],
)
def test_sizes(name, buses, microgrids, cars):
    grid = Instance.of(find_study(name)).grid
    assert len(grid.bus_ids) == buses
    assert sum(connection.kind == "microgrid" for connection in grid.connections) == microgrids
    assert sum(connection.microgrid.ev.cars for connection in grid.connections) == cars


def test_devices_are_those_of_tables_7_to_12(instance):
    battery, (wind,) = instance.grid.batteries[0], instance.grid.renewables
    assert (battery.max_s_mva, battery.max_e_mwh, battery.efficiency, battery.wear_per_mwh) == (0.1, 0.3, 0.95, 0.1)
    assert (battery.min_soc, battery.max_soc, wind.max_s_mva) == (0, 1, 0.165)
    microgrid = instance.grid.connections[0].microgrid
    store, heat = microgrid.battery, microgrid.thermal_storage
    assert (store.max_p_mw, store.max_e_mwh, store.efficiency, store.wear_per_mwh) == (0.03, 0.09, 0.95, 0.1)
    assert store.standing_efficiency == 1
    assert (heat.max_p_mw, heat.max_e_mwh, heat.efficiency, heat.standing_efficiency) == (0.03, 0.1, 0.95, 0.99)
    diesel, unit = microgrid.diesel, microgrid.heat_unit
    # 100 kW for an hour cost 0.001·100² + 0.08·100 = 18 $ (Table 11), 150 kW of RC 15 $ (Table 10).
    assert diesel.cost_per_mw2h * 0.1**2 + diesel.cost_per_mwh * 0.1 == pytest.approx(18)
    assert (diesel.max_p_mw, diesel.max_q_mvar) == (0.1, 0.1)
    assert unit.cost_per_mwh * unit.max_p_mw == pytest.approx(15)
    assert (unit.max_p_mw, unit.heat_ratio, unit.reading) == (0.15, 0.8, "combined_heat_and_power")
    # 10 kW away from what the owners want cost 0.001·10² = 0.1 $ (Table 12).
    assert microgrid.ev.discomfort_per_mw2h * 0.01**2 == pytest.approx(0.1)
    assert microgrid.max_exchange_mw == 0.2


# ---- profiles --------------------------------------------------------------------------------------------------

COLUMNS = {name: name for name in ("demand_pu", "price_per_mwh", "retail_price_per_mwh", "wind_pu")} | {
    "pv_pu": "microgrid_output_pu"
}


def test_profiles_of_microgrids_may_be_left_out():
    profiles = load_profiles("networked_day.csv", COLUMNS)
    assert profiles.microgrid_load_pu.tolist() == [0.0] * 24
    given = load_profiles("networked_day.csv", COLUMNS | {"microgrid_heat_pu": "microgrid_heat_pu"})
    assert given.microgrid_heat_pu.max() == 1
    assert given.microgrid_output_pu.tolist() == [0.0] * 24


@pytest.mark.parametrize("field", ["microgrid_load_pu", "microgrid_heat_pu", "microgrid_output_pu"])
@pytest.mark.parametrize("value", [1.001, -0.1])
def test_profile_that_is_no_fraction_is_refused(day, tmp_path, field, value):
    day.assign(own=day.wind_pu.mask(day.hour_ending == 7, value)).to_csv(tmp_path / "own.csv")
    with pytest.raises(
        StudyError, match=rf"profiles\.{field}: column 'own'.*{value} in hour 7.*microgrid's max_.*0 and 1"
    ):
        load_profiles("own.csv", COLUMNS | {field: "own"}, folder=tmp_path)


def test_column_that_is_not_there_is_refused():
    with pytest.raises(
        StudyError, match=r"profiles\.microgrid_heat_pu: column 'heat'.*does not exist.*mg_heat_load_kw"
    ):
        load_profiles("networked_day.csv", COLUMNS | {"microgrid_heat_pu": "heat"})


@pytest.mark.parametrize("what", ["load", "heat", "output"])
def test_microgrid_without_a_profile_is_refused(what):
    missing = f"profiles.microgrid_{what}_pu=null"
    with pytest.raises(StudyError, match=rf"profiles\.microgrid_{what}_pu: is missing.*microgrid\.0\.max_{what}_mw"):
        Instance.of(find_study("networked33", overrides=[missing]))
    without = Instance.of(find_study("networked33", overrides=[missing, f"fleet.microgrid.0.max_{what}_mw=0"]))
    assert (getattr(without.forecast, f"connection_{what}_mw") == 0).all()


# ---- forecast and scenarios ------------------------------------------------------------------------------------


def test_forecast_is_the_tables(instance, day):
    forecast = instance.forecast
    for name, column in zip(CONNECTION_FIELDS, ("mg_load_kw", "mg_heat_load_kw", "mg_res_kw"), strict=True):
        expected = getattr(forecast, name)
        assert expected.shape == (1, 24, 6)
        assert 1000 * expected[0, :, :5] == pytest.approx(np.repeat(day[[column]].to_numpy(float), 5, axis=1))
        assert (expected[0, :, 5] == 0).all()  # cars have no load but their charging, which is decided
    assert forecast.retail_price_per_mwh[0] == pytest.approx(1000 * day.rtp_usd_per_kwh)
    assert 1000 * forecast.demand_mw[0].sum(axis=1) == pytest.approx(0.9404 * day.dso_load_kw)
    assert 1000 * forecast.available_mw[0, :, 0] == pytest.approx(day.dso_res_kw)


def test_without_microgrids_there_are_no_connections_and_one_retail_price(instance33):
    for drawn in (instance33.forecast, instance33.draw(Draw.TRAINING, 3)):
        assert all(getattr(drawn, name).shape == (len(drawn), 24, 0) for name in CONNECTION_FIELDS)
        assert (drawn.retail_price_per_mwh == instance33.profiles.retail_price_per_mwh).all()
        assert drawn.retail_price_per_mwh.shape == (len(drawn), 24)


@pytest.mark.parametrize("sharing", ["per_kind", "per_unit"])
def test_microgrids_and_prices_change_no_other_random_number(instance33, draw, sharing):
    """Two studies with the same loads and units, one of them with connections and uncertain prices."""
    lonely = find_study("networked33")
    lonely = lonely.model_copy(
        update={"fleet": lonely.fleet.model_copy(update={"microgrid": (), "ev_aggregator": ()})}
    )
    without = draw(grid=Instance.of(lonely).grid, sharing=sharing)
    connected, priced = draw(sharing=sharing), draw(sharing=sharing, retail_price_std=0.1)
    for drawn in (connected, priced):
        assert np.array_equal(drawn.demand_mw, without.demand_mw)
        assert np.array_equal(drawn.available_mw, without.available_mw)
    assert all(np.array_equal(getattr(connected, name), getattr(priced, name)) for name in CONNECTION_FIELDS)
    assert not np.array_equal(connected.retail_price_per_mwh, priced.retail_price_per_mwh)


def test_random_numbers_of_the_33_bus_study_are_those_there_have_always_been(instance33):
    drawn = instance33.draw(Draw.TRAINING, 5)
    seed = np.random.SeedSequence(instance33.study.seed, spawn_key=(0, 0))
    errors = np.random.default_rng(seed).standard_normal((5, 24, 3))
    forecast = instance33.forecast
    assert np.array_equal(drawn.demand_mw, forecast.demand_mw * (1 + 0.02 * errors[..., :1]))
    sun = instance33.grid.renewable_kinds.index("pv")
    capacity = instance33.grid.renewables[sun].max_s_mva
    raw = forecast.available_mw[..., sun] * (1 + 0.20 * errors[..., 2])
    assert np.array_equal(drawn.available_mw[..., sun], np.clip(raw, 0, capacity))


def test_errors_behind_connections_are_as_large_as_specified_and_independent(draw, instance):
    stds = {"microgrid_load_std": 0.01, "microgrid_heat_std": 0.02, "microgrid_output_std": 0.03}
    drawn = draw(count=2000, retail_price_std=0.04, **stds)
    noon = 11  # hour ending 12: sun, and its cap 5 deviations away
    parts = [getattr(drawn, name)[:, noon, 0] for name in CONNECTION_FIELDS] + [drawn.retail_price_per_mwh[:, noon]]
    expected = [getattr(instance.forecast, name)[0, noon, 0] for name in CONNECTION_FIELDS]
    expected += [instance.forecast.retail_price_per_mwh[0, noon]]
    errors = np.array(parts) / np.array(expected)[:, None] - 1
    assert errors.std(axis=1) == pytest.approx(np.array([0.01, 0.02, 0.03, 0.04]), rel=5 / np.sqrt(2 * 2000))
    assert errors.mean(axis=1) / errors.std(axis=1) == pytest.approx(0, abs=5 / np.sqrt(2000))
    others = [drawn.demand_mw[:, noon, 0], drawn.available_mw[:, noon, 0], drawn.connection_load_mw[:, noon + 1, 0]]
    correlation = np.corrcoef([*errors, *others])[np.triu_indices(7, 1)]
    assert correlation == pytest.approx(0, abs=5 / np.sqrt(2000))


@pytest.mark.parametrize(("sharing", "shared"), [("per_kind", True), ("per_unit", False)])
def test_sharing_of_microgrids(draw, instance, sharing, shared):
    drawn = draw(sharing=sharing)
    for name in CONNECTION_FIELDS:
        factor = getattr(drawn, name)[:, 11, :5] / getattr(instance.forecast, name)[:, 11, :5]
        assert np.allclose(factor, factor[:, :1], rtol=1e-12) == shared
        assert (getattr(drawn, name)[..., 5] == 0).all()


def test_wild_errors_are_clipped_of_microgrids(draw, instance):
    drawn = draw(count=200, microgrid_load_std=2, microgrid_heat_std=2, microgrid_output_std=2)
    assert all(getattr(drawn, name).min() == 0 for name in CONNECTION_FIELDS)
    for (
        name
    ) in CONNECTION_FIELDS:  # forecasts are multiplied, so that none gets beyond 1 + 6 standard deviations of them
        assert (getattr(drawn, name) <= 13 * getattr(instance.forecast, name)).all()
    assert drawn.connection_output_mw.max() == 0.035
    assert (drawn.connection_output_mw[:, :7] == 0).all()  # no sun at night


def test_chosen_scenarios_keep_what_is_of_microgrids(draw):
    drawn = draw(count=6, retail_price_std=0.1)
    for chosen in (drawn.subset(np.array([4, 1])), reduce_scenarios(drawn, 2), drawn.subset(3)):
        assert chosen.probability.sum() == pytest.approx(1)
        for k in range(len(chosen)):
            same = [s for s in range(6) if np.array_equal(drawn.demand_mw[s], chosen.demand_mw[k])]
            assert len(same) == 1
            for name in (*CONNECTION_FIELDS, "retail_price_per_mwh"):
                assert np.array_equal(getattr(chosen, name)[k], getattr(drawn, name)[same[0]])


def test_distance_counts_what_connections_take_together(draw):
    drawn = draw(count=5, microgrid_load_std=0.5)
    net = (drawn.connection_load_mw - drawn.connection_output_mw).sum(axis=2)
    points = np.concatenate([drawn.demand_mw.sum(axis=2), drawn.available_mw[..., 0], net], axis=1)
    naive = np.array([[np.linalg.norm(a - b) for b in points] for a in points])
    assert distances(drawn) == pytest.approx(naive, abs=1e-7)


def test_what_a_set_leaves_out_is_as_forecast(instance, draw):
    drawn = draw(count=3)
    bare = ScenarioSet(demand_mw=drawn.demand_mw, available_mw=drawn.available_mw, probability=drawn.probability)
    for done in (bare.completed(instance.forecast), bare.subset(np.array([2, 0])).completed(instance.forecast)):
        for name in (*CONNECTION_FIELDS, "retail_price_per_mwh"):
            expected = getattr(instance.forecast, name)
            assert np.array_equal(getattr(done, name), np.repeat(expected, len(done), axis=0))
    assert drawn.completed(instance.forecast).connection_load_mw is drawn.connection_load_mw


# ---- what a policy may know ------------------------------------------------------------------------------------


@pytest.mark.parametrize("knowledge", Knowledge)
@pytest.mark.parametrize("hour", [1, 4, 24])
def test_outlook_is_realised_as_far_as_known_and_then_forecast(instance, knowledge, hour):
    model = MarketModel(instance, create_agents)
    model._steps_passed = hour - 1
    actual, outlook = instance.draw(Draw.ACTUAL, 1), model.outlook(knowledge)
    for part in fields(Outlook):
        true, expected, seen = (getattr(source, part.name) for source in (actual, instance.forecast, outlook))
        length = 1 if knowledge is Knowledge.HOUR else 25 - hour
        assert len(seen) == length, part.name
        assert np.array_equal(seen[0], true[0, hour - 1])
        later = true if knowledge is Knowledge.FUTURE else expected
        assert np.array_equal(seen[1:], later[0, hour : hour + length - 1])
        assert seen.shape[1:] == true.shape[2:]
