"""Figures of networked microgrids show what the tables hold, can be read, and are drawn only of devices that exist."""

import dataclasses
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import STUDIES
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from readable import unreadable

from agents.participants import create_agents
from experiments.figures import day_figure, save_figure
from experiments.figures.cars import cars_figure
from experiments.figures.connection_day import ConnectionDay
from experiments.figures.exchange import exchange_figure
from experiments.figures.fleet_record import fleets_of_day, together
from experiments.figures.heat import heat_figure
from experiments.figures.run_figures import CONNECTION_FIGURES, connection_figure_names
from experiments.figures.slides import slide_of
from grids.network import Connection
from sim.instance import Instance
from sim.model import MarketModel
from sim.study_file import read_study

FEW = ("uncertainty.scenarios=20", "uncertainty.keep=1", "bidding=basic", "policy=myopic")
BARE = ("ev", "thermal_storage", "heat_unit", "battery", "diesel")
PROBLEMS = {
    "two_days": (*FEW, "days=2", "coordination=uncoordinated"),
    "look_ahead": (*FEW, "days=2", "policy=receding", "coordination=uncoordinated"),
    "central": FEW,
    "two_feeders": (*FEW, "coordination=uncoordinated", "grid.feeders=2"),
    "no_cars": (*FEW, "fleet.microgrid.0.ev=null", "fleet.ev_aggregator=[]"),
    "no_heat": (
        *FEW,
        *(f"fleet.microgrid.0.{key}" for key in ("heat_unit=null", "thermal_storage=null", "max_heat_mw=0")),
    ),
    "heater": (*FEW, "fleet.microgrid.0.heat_unit.reading=electric_heater"),
    "no_heat_store": (*FEW, "fleet.microgrid.0.thermal_storage=null"),
    "cars_only": (*FEW, "fleet.microgrid=[]"),
    "one_bare": (
        *FEW,
        "fleet.microgrid.0.buses=[18]",
        *(f"fleet.microgrid.0.{key}=null" for key in BARE),
        "fleet.microgrid.0.max_heat_mw=0",
        "fleet.ev_aggregator=[]",
    ),
}
DRAWN = {
    "no_cars": ["exchange", "devices", "heat"],
    "no_heat": ["exchange", "devices", "cars"],
    "cars_only": ["exchange", "devices", "cars"],
    "one_bare": ["exchange", "devices"],
}
SLOW = {"look_ahead", "heater", "no_heat_store", "two_feeders", "no_cars"}
CASES = [pytest.param(one, marks=[pytest.mark.long] * (one in SLOW)) for one in PROBLEMS]
ALL = ["exchange", "devices", "cars", "heat"]


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    tables: dict[str, pd.DataFrame]
    instance: Instance

    @property
    def days(self) -> int:
        return self.instance.study.days

    @cached_property
    def drawn(self) -> dict[str, Figure]:
        """The figures of connections on the last day."""
        return connection_figures(self.tables, self.instance, day=self.days)

    @cached_property
    def day(self) -> Figure:
        """The figure of the last day."""
        return day_figure(self.tables, self.instance.study.model_dump(mode="json"), day=self.days)

    def shown(self, day: int = 1) -> ConnectionDay:
        return ConnectionDay(self.tables, self.instance, day)

    def rows(self, table: str, day: int | None = None) -> pd.DataFrame:
        return self.tables[table].query(f"day == {day or self.days}")


class Runs(dict[str, Run]):
    """Runs of the dispatch problems, each simulated when it is first asked for."""

    def __missing__(self, problem: str) -> Run:
        instance = Instance.of(read_study(STUDIES / "networked33.yaml", PROBLEMS[problem]))
        model = MarketModel(instance, create_agents)
        model.run_days(instance.study.days)
        self[problem] = Run(model.ledger.frames(), instance)
        return self[problem]


@pytest.fixture(scope="module")
def runs() -> Runs:
    return Runs()


@pytest.fixture(scope="module", params=CASES)
def run(request: pytest.FixtureRequest, runs: Runs) -> Run:
    return runs[request.param]


def connection_figures(tables: dict[str, pd.DataFrame], instance: Instance, *, day: int = 1) -> dict[str, Figure]:
    names = connection_figure_names(tables, instance, day=day)
    return {name: CONNECTION_FIGURES[name](ConnectionDay(tables, instance, day)) for name in names}


def panels(figure: Figure) -> dict[str, Axes]:
    return {str(ax.get_label()): ax for ax in figure.axes}


def by_gid(figure: Figure, gid: str) -> Any:
    (found,) = figure.findobj(lambda artist: artist.get_gid() == gid)
    return found


@pytest.mark.parametrize("problem", CASES)
def test_what_is_there_is_drawn_and_can_be_read(runs: Runs, problem: str) -> None:
    run = runs[problem]
    assert list(run.drawn) == DRAWN.get(problem, ALL)
    for name, figure in (run.drawn | {"day": run.day}).items():
        assert unreadable(figure) == [], name
        title = " ".join(text.get_text() for text in figure.texts)
        assert f"{run.instance.study.name}, day {run.days}" in title
        assert f"coordination {run.instance.study.coordination}" in title
        if any("connection" in text.get_text() for text in figure.findobj(Text)):
            assert "connection: point of common coupling" in title


def test_every_axis_has_a_unit(run: Run) -> None:
    for name, figure in run.drawn.items():
        for label, ax in panels(figure).items():
            mapped = any(str(part.get_gid()).endswith("_map") for part in ax.collections)
            if not mapped:
                assert re.search(r"\[.+\]", ax.get_ylabel()), (name, label)
            for inset in ax.child_axes:
                assert re.search(r"\[.+\]", inset.get_ylabel()), (name, label)
        lowest = min(figure.axes, key=lambda ax: ax.get_position().y0)
        assert "[h]" in lowest.get_xlabel()


def test_exchange_shows_the_trades(run: Run) -> None:
    figure = run.drawn["exchange"]
    trades, names = run.rows("trades"), [connection.name for connection in run.instance.grid.connections]
    p_mw = trades.pivot(index="hour", columns="connection", values="p_mw")[names].to_numpy()
    price = trades.pivot(index="hour", columns="connection", values="price_per_mwh")[names].to_numpy()
    ahead = run.tables["market"]["price_per_mwh"].to_numpy()
    np.testing.assert_allclose(by_gid(figure, "sum_line").get_data().values, p_mw.sum(axis=1))
    np.testing.assert_allclose(by_gid(figure, "price_median").get_data().values, np.median(price, axis=1))
    np.testing.assert_allclose(by_gid(figure, "price_range").get_data().values, price.max(axis=1))
    np.testing.assert_allclose(by_gid(figure, "price_range").get_data().baseline, price.min(axis=1))
    np.testing.assert_array_equal(by_gid(figure, "day-ahead").get_data().values, ahead)
    np.testing.assert_allclose(by_gid(figure, "exchange_map").get_array(), p_mw.T)
    np.testing.assert_allclose(by_gid(figure, "difference_map").get_array(), (price - ahead[:, None]).T)


def test_devices_balance_in_every_hour(run: Run) -> None:
    figure = run.drawn["devices"]
    ups = figure.findobj(lambda artist: re.fullmatch(r"all_.+_up", artist.get_gid() or "") is not None)
    downs = figure.findobj(lambda artist: re.fullmatch(r"all_.+_down", artist.get_gid() or "") is not None)
    top = np.max([part.get_data().values for part in ups], axis=0)
    bottom = np.min([part.get_data().values for part in downs], axis=0)
    np.testing.assert_allclose(top, -bottom, atol=1e-6)


@pytest.mark.parametrize(
    ("problem", "day"),
    [("two_days", 1), ("two_days", 2), ("central", 1)]
    + [pytest.param("look_ahead", day, marks=pytest.mark.long) for day in (1, 2)],
)
def test_cars_charge_within_the_envelope(runs: Runs, problem: str, day: int) -> None:
    run = runs[problem]
    figure = cars_figure(run.shown(day))
    rows = run.rows("devices", day).query("device == 'ev'")
    total = rows.groupby("hour")[["p_mw", "available_mw"]].sum()
    charged = by_gid(figure, "energy0_charged").get_ydata()
    np.testing.assert_allclose(np.diff(charged), -total["p_mw"], atol=1e-12)
    np.testing.assert_allclose(by_gid(figure, "power0_uncontrolled").get_data().values, total["available_mw"])
    fleets = fleets_of_day(run.shown(day))
    for fleet in [*fleets.values(), together(list(fleets.values()))]:
        assert (fleet.least_mwh - 1e-6 <= fleet.charged_mwh).all()
        assert (fleet.charged_mwh <= fleet.most_mwh + 1e-6).all()
        assert fleet.least_mwh[-1] <= fleet.due_mwh <= fleet.most_mwh[-1]
        if problem == "look_ahead":
            assert fleet.charged_mwh[-1] >= fleet.due_mwh - 1e-6
        place = fleet.place[np.isfinite(fleet.place)]
        assert (place > -0.01).all()
        assert (place < 1.01).all()
    if day == 1:  # as soon as possible from the start of the run on
        first = together(list(fleets.values()))
        np.testing.assert_allclose(np.diff(first.most_mwh), first.uncontrolled_mw, atol=1e-9)


@pytest.mark.parametrize("problem", ["two_days", "heater", "no_heat_store"])
def test_heat_adds_up(runs: Runs, problem: str) -> None:
    run = runs[problem]
    figure = heat_figure(run.shown(run.days))
    rows = run.rows("devices").groupby(["device", "hour"])["heat_mw"].sum()
    load = by_gid(figure, "balance0_line").get_data().values
    np.testing.assert_allclose(load, -rows["heat_load"])
    given = rows["heat_unit"] + (rows["thermal_storage"] if "thermal_storage" in rows.index else 0)
    np.testing.assert_allclose(given, load, atol=1e-6)
    made, used = (by_gid(figure, f"vented0_{part}").get_data().values for part in ("made", "used"))
    assert (made >= used - 1e-6).all()
    np.testing.assert_allclose(used, rows["heat_unit"])


def test_stores_begin_where_the_day_before_ended(runs: Runs) -> None:
    run = runs["two_days"]
    first, second = (by_gid(heat_figure(run.shown(day)), "stored0_energy").get_ydata() for day in (1, 2))
    what = [connection.microgrid.thermal_storage for connection in run.instance.grid.connections]
    assert first[0] == pytest.approx(sum(store.start_soc * store.max_e_mwh for store in what if store))
    assert second[0] == first[-1]


def test_day_figure_balances_with_connections(run: Run) -> None:
    ax = panels(run.day)["balance"]
    parts = [patch for patch in ax.patches if re.fullmatch(r"balance_.+_(up|down)", patch.get_gid() or "")]
    total = np.sum([part.get_data().values - part.get_data().baseline for part in parts], axis=0)
    dispatch, loss = run.rows("dispatch"), run.rows("lines").groupby("hour")["loss_mw"].sum()
    served = dispatch.query("kind == 'load'").groupby("hour")["p_mw"].sum()
    np.testing.assert_allclose(total, served + loss, atol=1e-6)


def copies(run: Run, count: int) -> Run:
    """The run with every connection so many times, as on a large network."""
    known = run.instance.grid.connections
    names = {connection.name: [f"{connection.name}{k:02d}" for k in range(count)] for connection in known}
    connections = tuple(
        Connection(name=name, kind=connection.kind, bus=connection.bus, microgrid=connection.microgrid)
        for connection in known
        for name in names[connection.name]
    )
    tables = dict(run.tables)
    for table in ("trades", "devices", "cars", "charging"):
        frame = run.tables[table]
        tables[table] = frame.assign(connection=frame["connection"].map(names)).explode(
            "connection", ignore_index=True
        )
    return Run(
        tables, dataclasses.replace(run.instance, grid=dataclasses.replace(run.instance.grid, connections=connections))
    )


@pytest.mark.parametrize("count", [10, pytest.param(50, marks=pytest.mark.long)])
def test_many_connections_can_be_read(runs: Runs, count: int) -> None:
    many = copies(runs["central"], count)
    drawn = connection_figures(many.tables, many.instance)
    assert list(drawn) == ALL
    for name, figure in drawn.items():
        assert unreadable(figure) == [], name
        assert figure.get_figheight() < 20


def test_hours_without_exchange_are_left_out(runs: Runs) -> None:
    run = runs["central"]
    tables = {
        name: frame.query("hour > 2") if name in ("trades", "devices") else frame for name, frame in run.tables.items()
    }
    assert list(connection_figures(tables, run.instance)) == ALL
    shown = by_gid(exchange_figure(ConnectionDay(tables, run.instance)), "exchange_map").get_array()
    assert shown.mask[:, :2].all()
    assert not shown.mask[:, 2:].any()


def test_a_run_without_connections_has_no_such_figures(instance33: Instance, runs: Runs) -> None:
    tables = {name: frame.iloc[:0] for name, frame in runs["central"].tables.items()}
    assert connection_figures(tables, instance33) == {}


def test_what_is_not_there_is_refused(runs: Runs) -> None:
    with pytest.raises(ValueError, match="no connection has cars"):
        cars_figure(runs["no_cars"].shown())
    with pytest.raises(ValueError, match="no connection has heat"):
        heat_figure(runs["no_heat"].shown())
    with pytest.raises(ValueError, match="day 3: no exchange"):
        runs["no_heat"].shown(3)


@pytest.mark.long
def test_same_run_gives_same_bytes_and_unique_names(runs: Runs, tmp_path: Path) -> None:
    run = runs["two_days"]
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        for name, figure in connection_figures(run.tables, run.instance, day=2).items():
            save_figure(figure, folder, name)
    for file in sorted((tmp_path / "first").iterdir()):
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes()
        if file.suffix == ".svg":
            names = re.findall(r'\bid="([^"]*)"', file.read_text(encoding="utf-8"))
            assert len(names) == len(set(names)), file.name
            assert all(re.fullmatch(r"[\w.-]+", name) for name in names), file.name


@pytest.mark.parametrize(
    ("name", "panel", "part"),
    [("cars", "energy2", "charged so far"), ("heat", "vented0", "vented"), ("exchange", "difference", None)],
)
def test_slides_can_be_read_and_have_a_key(runs: Runs, name: str, panel: str, part: str | None) -> None:
    figure = slide_of(CONNECTION_FIGURES[name](runs["central"].shown()), panel)
    assert unreadable(figure) == []
    key = panels(figure)[panel].get_legend()
    texts = [text.get_text() for text in key.get_texts()] if key else []
    assert part in texts if part else not texts
