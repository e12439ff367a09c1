"""The one-line diagram of networks with microgrids and cars: nothing missing, nothing unreadable."""

import numpy as np
import pytest
from readable import unreadable

from experiments.catalog import find_study
from experiments.figures import network_figure
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
