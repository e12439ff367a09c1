"""The one-line diagram of networks: nothing missing, nothing unreadable, no lines that cross."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readable import unreadable

from experiments.catalog import find_study, load_study
from experiments.figures import network_figure
from experiments.figures.tree_layout import meshed_layout, one_line_layout
from grids.components import Battery, Renewable
from sim.instance import Instance


def by_gid(figure, start):
    return figure.findobj(lambda artist: (artist.get_gid() or "").startswith(start))


@pytest.mark.parametrize("name", ["networked33", "networked66", "networked330"])
def test_every_connection_and_bus_is_drawn_and_every_text_can_be_read(name):
    grid = Instance.of(find_study(name)).grid
    figure = network_figure(grid)
    assert unreadable(figure) == []
    assert len(by_gid(figure, "bus_")) == len(grid.bus_ids)
    drawn = {artist.get_gid() for kind in ("microgrid_", "ev_aggregator_") for artist in by_gid(figure, kind)}
    assert drawn == {connection.name for connection in grid.connections}
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    feeders = len(grid.batteries)
    assert f"{5 * feeders} microgrids" in words
    assert f"{350 * feeders:,} EVs" in words
    assert "EV aggregator, 0.3 MW" in words


def test_areas_of_microgrids_are_to_scale():
    study = find_study("networked33")
    (kind,) = study.fleet.microgrid
    small = kind.model_copy(update={"buses": (9,), "max_exchange_mw": 0.05})
    fleet = study.fleet.model_copy(update={"microgrid": (small, kind.model_copy(update={"buses": (31, 33)}))})
    figure = network_figure(Instance.of(study.model_copy(update={"fleet": fleet})).grid)
    sizes = [symbol.get_sizes().item() for symbol in by_gid(figure, "microgrid_")]
    np.testing.assert_allclose(sizes, sizes[1] * np.array([0.25, 1, 1]))


def test_a_network_without_connections_says_nothing_of_them(grid33):
    words = " ".join(text.get_text() for text in network_figure(grid33).axes[0].texts)
    assert not any(word in words for word in ("microgrids", "EV", "cars"))


def test_network_figure_draws_areas_to_scale(grid33):
    figure = network_figure(grid33)
    assert unreadable(figure) == []
    (lines,) = by_gid(figure, "lines")
    assert len(lines.get_segments()) == 32
    assert len(by_gid(figure, "bus_")) == 33
    demand = np.array([disc.get_sizes().item() for disc in by_gid(figure, "demand_")])
    np.testing.assert_allclose(demand / demand.max(), grid33.load_p_mw / grid33.load_p_mw.max())
    wind = np.array([symbol.get_sizes().item() for symbol in by_gid(figure, "wind_")])
    np.testing.assert_allclose(wind / wind.max(), np.array([1.2, 0.6, 0.6, 0.96, 1.2]) / 1.2)
    assert len(by_gid(figure, "battery_")) == len(by_gid(figure, "pv_")) == 5


def test_network_figure_of_tiny_feeders(grid33):
    two = dataclasses.replace(
        grid33,
        name="two",
        bus_ids=np.array([7, 9]),
        line_from=np.array([0]),
        line_to=np.array([1]),
        load_bus=np.array([1]),
        load_p_mw=np.array([2.0]),
        renewable_names=("wind_9", "hydro_9"),
        battery_names=("battery_7",),
        renewable_kinds=("wind", "hydro"),
        renewables=(Renewable(bus=9, max_s_mva=3), Renewable(bus=9, max_s_mva=0.01)),
        batteries=(Battery(bus=7, max_s_mva=1, max_e_mwh=2),),
    )
    bare = dataclasses.replace(
        two, renewable_names=(), battery_names=(), renewable_kinds=(), renewables=(), batteries=()
    )
    assert unreadable(network_figure(two)) == []
    assert unreadable(network_figure(bare)) == []


def test_layout_of_the_33_buses(grid33):
    places = dict(
        zip(grid33.bus_ids, one_line_layout(grid33.slack, grid33.line_from, grid33.line_to).tolist(), strict=True)
    )
    assert [places[bus] for bus in range(1, 19)] == [[column, 0] for column in range(18)]
    for first, last, leaves in ((19, 22, 2), (23, 25, 3), (26, 33, 6)):
        row = places[first][1]
        assert abs(row) == 1
        assert [places[bus] for bus in range(first, last + 1)] == [
            [leaves - 1 + k, row] for k in range(last - first + 1)
        ]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_lines_of_a_layout_never_cross(numbers):
    line_from = np.array([number % (k + 1) for k, number in enumerate(numbers)])
    line_to = np.arange(1, len(numbers) + 1)
    places = [tuple(place) for place in one_line_layout(0, line_from, line_to).tolist()]
    assert len(set(places)) == len(places)
    feeds: dict[tuple[int, int], int] = {}
    for start, end in zip(line_from.tolist(), line_to.tolist(), strict=True):
        (x0, y0), (x1, y1) = places[start], places[end]
        step = 1 if y1 > y0 else -1
        passed = [(x0, y) for y in range(y0, y1, step)] + [(x, y1) for x in range(x0, x1 + 1)]
        for point in passed[1:-1]:
            assert point not in places
        for point in passed[1:]:
            assert feeds.setdefault(point, start) == start


def test_a_loop_is_laid_out_as_the_tree_of_shortest_ways():
    tree = np.array([0, 1, 0, 4]), np.array([1, 2, 3, 3])  # one line is given from its far end
    closed = one_line_layout(0, np.append(tree[0], 2), np.append(tree[1], 4))
    assert closed.tolist() == one_line_layout(0, *tree).tolist()
    assert len({tuple(place) for place in closed.tolist()}) == 5


def _grid_of(network: str):
    changes = {"grid.network": network, "fleet.battery": [], "grid.tie_line.max_s_mva": 500}
    return Instance.of(load_study("cigre_mv").change(changes)).grid


def test_meshed_networks_stand_at_their_own_coordinates_with_straight_lines():
    grid = _grid_of("case9")
    ax = network_figure(grid).axes[0]
    (lines,) = (one for one in ax.collections if one.get_gid() == "lines")
    ends = np.array([segment[[0, -1]] for segment in lines.get_segments()])
    own = np.array([json.loads(text)["coordinates"] for text in grid.tables.bus["geo"].loc[grid.bus_ids]])
    drawn = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    given = np.linalg.norm(own[grid.line_to] - own[grid.line_from], axis=1)
    np.testing.assert_allclose(drawn / drawn.max(), given / given.max())
    assert all(len({tuple(corner) for corner in segment}) == 2 for segment in lines.get_segments())
    without = meshed_layout(grid.bus_ids, grid.line_from, grid.line_to, pd.DataFrame(index=grid.bus_ids))
    assert len(np.unique(without.round(6), axis=0)) == len(grid.bus_ids)


def test_transformers_and_voltage_levels_are_shown():
    grid = _grid_of("cigre_mv_pv_wind")
    figure = network_figure(grid)
    words = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert "15 buses at 110, 20 kV" in words
    assert "two circles: transformer" in words
    assert len(by_gid(figure, "transformer_")) == grid.line_kinds.count("trafo") == 2
    assert unreadable(figure) == []
