"""Figures show what the tables hold, can be read, and are the same every time."""

import dataclasses
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.figure import Figure
from matplotlib.text import Text
from readable import unreadable

import experiments
from agents.participants import create_agents
from experiments import simulate
from experiments.figures import day_figure, network_figure, overview_figure, save_figure
from experiments.figures.maps import outline
from experiments.figures.money import money_of_day
from experiments.figures.run_figures import draw_run
from experiments.figures.style import dollars, spread
from experiments.run_folder import chosen_figures
from experiments.summary import LONG_DAYS, hourly_money
from grids.network import Grid
from sim.audit import audit
from sim.instance import Instance
from sim.model import MarketModel
from sim.study import Study
from sim.study_file import read_study, write_study

STUDIES = Path(experiments.__file__).parent / "studies"
FEW = ("uncertainty.scenarios=20", "uncertainty.keep=2")
PANELS = ("tie_line", "price", "balance", "soc", "voltage", "money")
PROBLEMS = {
    "import_only": ("microgrid33", *FEW),
    "unmanaged": ("microgrid33-export", *FEW, "bidding=basic", "policy=none"),
    "export_3_days": ("microgrid33-export", *FEW, "policy=myopic", "days=3"),
    "quarter_hours": ("microgrid33-export", *FEW, "policy=none", "bidding=basic", "calendar.step_h=0.25"),
    "25_hours": (
        *("microgrid33-export", *FEW, "policy=none", "bidding=basic"),
        "calendar={time_zone: America/Los_Angeles, first_day: 2015-11-01}",
    ),
    "no_battery": ("microgrid33-export", *FEW, "bidding=basic", "policy=none", "fleet.battery=[]", "market.rule=shi"),
    "no_pv": ("microgrid33-export", *FEW, "bidding=basic", "policy=none", "fleet.pv=[]", "market.rule=caiso"),
    "no_fleet": ("microgrid33-export", *FEW, "bidding=basic", "policy=none", "fleet={}", "market.rule=nguyen"),
}


@dataclasses.dataclass(frozen=True)
class Run:
    tables: dict[str, pd.DataFrame]
    study: dict[str, Any]
    grid: Grid

    @property
    def step_h(self) -> float:
        return Study.model_validate(self.study).calendar.step_h

    def rows(self, table: str, day: int) -> pd.DataFrame:
        return self.tables[table].query("day == @day")


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    def simulate(name: str, *overrides: str) -> Run:
        study = read_study(STUDIES / f"{name}.yaml", overrides)
        model = MarketModel(Instance.of(study), create_agents)
        model.run_days(study.days)
        return Run(model.ledger.frames(), yaml.safe_load(write_study(study)), model.instance.grid)

    return {problem: simulate(*arguments) for problem, arguments in PROBLEMS.items()}


@pytest.fixture(scope="module", params=[(name, 3 if "3_days" in name else 1) for name in PROBLEMS], ids=lambda p: p[0])
def shown(request: pytest.FixtureRequest, runs: dict[str, Run]) -> tuple[Run, int, dict[str, Axes]]:
    problem, day = request.param
    figure = day_figure(runs[problem].tables, runs[problem].study, day=day)
    return runs[problem], day, {str(ax.get_label()): ax for ax in figure.axes}


def by_gid(ax: Axes, gid: str) -> list[Any]:
    """Artists named so, or so and an hour, kind or bus."""
    return ax.findobj(lambda artist: re.fullmatch(rf"{gid}([-_.]\d+)*(-[a-z]+)?", artist.get_gid() or "") is not None)


def heights(ax: Axes, gid: str) -> np.ndarray:
    return np.array([bar.get_height() for bar in by_gid(ax, gid)])


def test_every_day_figure_can_be_read(shown: tuple[Run, int, dict[str, Axes]]) -> None:
    run, day, axes = shown
    assert set(PANELS) <= set(axes)
    for name in PANELS:
        assert re.search(r"\[.+\]", axes[name].get_ylabel()), name
    assert "[h]" in axes["voltage"].get_xlabel()
    figure = axes["money"].figure
    assert isinstance(figure, Figure)
    assert unreadable(figure) == []
    title = " ".join(text.get_text() for text in figure.texts)
    for part in ("name", "bidding", "policy"):
        assert run.study[part] in title
    assert f"day {day}" in title
    assert run.study["market"]["rule"]["name"] in title
    assert f"seed {run.study['seed']}" in title


def test_tie_line_panel_shows_the_settlements(shown: tuple[Run, int, dict[str, Axes]]) -> None:
    run, day, axes = shown
    settlements, ax = run.rows("settlements", day), axes["tie_line"]
    (band,), (bid,), (metered,) = (by_gid(ax, gid) for gid in ("band", "bid", "metered"))
    np.testing.assert_array_equal(band.get_data().values, settlements["upper_mw"])
    np.testing.assert_array_equal(band.get_data().baseline, settlements["lower_mw"])
    np.testing.assert_array_equal(bid.get_data().values, settlements["bid_mw"])
    hour = np.ceil(settlements["hour"])
    flow, penalty = settlements.groupby(hour)["metered_mw"].mean(), settlements.groupby(hour)["penalty"].sum()
    place = flow.index if run.step_h == 1 else flow.index - 0.5
    np.testing.assert_array_equal(metered.get_data(), [place, flow])
    (fined,) = by_gid(ax, "fined")
    np.testing.assert_array_equal(fined.get_xdata(), place[penalty > 0.005])
    written = [text.get_text() for text in ax.texts if re.fullmatch(r"[\d.]+", text.get_text())]
    assert len(written) == (penalty > 0.005).sum()
    in_steps = by_gid(ax, "metered_steps")
    assert len(in_steps) == (run.step_h < 1)
    for line in in_steps:
        np.testing.assert_array_equal(line.get_data().values, settlements["metered_mw"])
        np.testing.assert_array_equal(line.get_data().edges, np.append(0, settlements["hour"]))
    low, high = ax.get_ylim()
    assert low < min(0, settlements["metered_mw"].min())
    assert high > max(0, settlements["metered_mw"].max())


def test_price_panel_shows_the_market(shown: tuple[Run, int, dict[str, Axes]]) -> None:
    run, _, axes = shown
    for gid, column in (("day-ahead", "price_per_mwh"), ("retail", "retail_price_per_mwh")):
        (line,) = by_gid(axes["price"], gid)
        np.testing.assert_array_equal(line.get_data().values, run.tables["market"][column])


def test_balance_panel_adds_up(shown: tuple[Run, int, dict[str, Axes]]) -> None:
    run, day, axes = shown
    dispatch, lines, ax = run.rows("dispatch", day), run.rows("lines", day), axes["balance"]
    by_kind = dispatch.groupby(["kind", "hour"])[["p_mw", "available_mw"]].sum()
    (served,) = by_gid(ax, "served")
    np.testing.assert_allclose(served.get_data().values, by_kind.loc["load", "p_mw"])
    parts = [part.get_data() for part in by_gid(ax, "balance_.+_(up|down)")]
    total = sum(part.values - part.baseline for part in parts)
    np.testing.assert_allclose(total, served.get_data().values + lines.groupby("hour")["loss_mw"].sum(), atol=1e-6)
    for kind, name in (("wind", "wind_curtailed"), ("pv", "PV_curtailed"), ("load", "load_curtailed")):
        if kind in by_kind.index:
            cut = (by_kind.loc[kind, "available_mw"] - by_kind.loc[kind, "p_mw"]).clip(lower=0)
            np.testing.assert_allclose(heights(ax, name), cut[cut > 1e-3], atol=1e-12)


def test_soc_panel_begins_where_the_day_before_ended(shown: tuple[Run, int, dict[str, Axes]]) -> None:
    run, day, axes = shown
    for unit in run.grid.battery_names:
        (line,) = by_gid(axes["soc"], unit)
        soc = run.tables["dispatch"].query("unit == @unit")
        start = 0.5 if day == 1 else soc.query("day == @day - 1 and hour == 24")["soc"].item()
        np.testing.assert_allclose(line.get_ydata(), 100 * np.array([start, *soc.query("day == @day")["soc"]]))
        hours = np.append(0, soc.query("day == @day")["hour"])
        np.testing.assert_array_equal(line.get_xdata(), hours + (0.5 if run.step_h == 1 else 0))
    if not run.grid.battery_names:
        assert "no batteries" in axes["soc"].texts[0].get_text()


def test_voltage_panel_shows_the_buses(shown: tuple[Run, int, dict[str, Axes]]) -> None:
    run, day, axes = shown
    vm_pu = run.rows("buses", day)["vm_pu"].to_numpy().reshape(-1, 33).T
    (mesh,), (frame,) = by_gid(axes["voltage"], "voltage"), by_gid(axes["voltage"], "violations")
    np.testing.assert_array_equal(mesh.get_array(), vm_pu)
    assert mesh.norm.vmin + mesh.norm.vmax == pytest.approx(2.0)
    assert bool(frame.get_segments()) == bool((vm_pu < 0.95 - 1e-6).any())


def test_limits_and_strategy_of_the_page_are_those_of_the_audit_and_the_records(runs: dict[str, Run]) -> None:
    run = runs["unmanaged"]
    broken = [one for one in audit(run.tables, run.study).limit_violations if one.day == 1]
    hours = {check: sum(one.check == check for one in broken) for check in ("voltage_limits", "tie_line_power_factor")}
    bids = run.tables["bids"].assign(strategy="forecast", fallback_reason="no luck")
    figure = day_figure({**run.tables, "bids": bids}, run.study)
    (limits,) = [text for text in figure.texts if text.get_gid() == "limits"]
    assert limits.get_text() == (
        f"limits not kept: voltage in {hours['voltage_limits']} bus-hours,"
        f" tie_power_factor in {hours['tie_line_power_factor']} hours"
    )
    assert f"forecast (asked for: {run.study['bidding']})" in figure.texts[1].get_text()
    panel = next(ax for ax in figure.axes if ax.get_label() == "voltage")
    assert f"framed: {hours['voltage_limits']} of {33 * 24}" in panel.get_title("right")


def test_money_panel_ends_at_the_profit(shown: tuple[Run, int, dict[str, Axes]]) -> None:
    run, day, axes = shown
    payments, books = run.rows("payments", day), run.rows("books", day)
    by_term = payments.groupby("term")["amount"].sum()
    profit = 2 * by_term["revenue"] - by_term.sum() - books["amount"].sum()
    assert heights(axes["money"], "profit") == pytest.approx([profit])
    for term in ("exchange", "generation", "load_curtailment"):
        assert heights(axes["money"], term).sum() == pytest.approx(-by_term.get(term, 0.0))
    money = money_of_day(payments, books, run.tables["units"])
    assert money["amount"].sum() == pytest.approx(profit)


def test_the_problems_are_what_they_stand_for(runs: dict[str, Run]) -> None:
    assert runs["unmanaged"].tables["buses"]["vm_pu"].min() < 0.94
    assert runs["export_3_days"].rows("settlements", 3)["bid_mw"].min() < -0.05
    assert runs["export_3_days"].rows("settlements", 3)["metered_mw"].min() < -0.05


def round_ends(self: RendererBase) -> GraphicsContextBase:
    """Stand for what pandapower makes of matplotlib in a process that imports it."""
    context = GraphicsContextBase()
    context.set_capstyle("round")
    return context


def test_same_run_gives_same_bytes_with_and_without_pandapower(
    runs: dict[str, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, before = runs["export_3_days"], dict(mpl.rcParams)
    for name, context in (("first", lambda _: GraphicsContextBase()), ("second", round_ends)):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(RendererBase, "new_gc", context)
        save_figure(day_figure(run.tables, run.study, day=2), tmp_path / name, "day")
        save_figure(network_figure(run.grid), tmp_path / name, "network")
        save_figure(overview_figure(run.tables, run.study), tmp_path / name, "overview")
    for file in ("day.png", "day.svg", "network.png", "network.svg", "overview.png", "overview.svg"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    assert dict(mpl.rcParams) == before
    assert RendererBase.new_gc is round_ends


def test_names_in_the_svg_are_unique(runs: dict[str, Run], tmp_path: Path) -> None:
    run = runs["import_only"]
    save_figure(day_figure(run.tables, run.study), tmp_path, "day")
    save_figure(network_figure(run.grid), tmp_path, "network")
    longer = prolonged(run, 3)
    save_figure(
        overview_figure(longer.tables, longer.study, verdict=audit(run.tables, run.study)), tmp_path, "overview"
    )
    for file in ("day.svg", "network.svg", "overview.svg"):
        names = re.findall(r'\bid="([^"]*)"', (tmp_path / file).read_text(encoding="utf-8"))
        assert len(names) == len(set(names))
        assert not [name for name in names if " " in name]


def test_a_day_that_was_not_simulated_is_refused(runs: dict[str, Run]) -> None:
    with pytest.raises(ValueError, match="day 4 is not in the tables: they hold days 1 to 3"):
        day_figure(runs["export_3_days"].tables, runs["export_3_days"].study, day=4)


def test_loss_negative_price_and_refused_bid_can_be_read(runs: dict[str, Run]) -> None:
    run = runs["unmanaged"]
    tables = dict(run.tables)
    tables["market"] = tables["market"].assign(price_per_mwh=-tables["market"]["price_per_mwh"])
    payments = tables["payments"]
    tables["payments"] = payments.assign(amount=payments["amount"] * np.where(payments["term"] == "revenue", 0.01, 1))
    tables["bids"] = tables["bids"].assign(accepted=False, reason="above the capacity of the tie line")
    tables["settlements"] = tables["settlements"].assign(penalty=100 * tables["settlements"]["penalty"])
    figure = day_figure(tables, {**run.study, "name": 11 * "long-name", "description": 40 * "long text "})
    assert unreadable(figure) == []
    assert any("refused: above" in text.get_text() for text in figure.findobj(Text))


# ---- all days ------------------------------------------------------------------------------------------------


def prolonged(run: Run, days: int) -> Run:
    """Return a run of more days: those it has, over and over."""
    had = run.study["days"]
    tables = dict(run.tables)
    for name, table in tables.items():
        if "day" in table:
            parts = [table[table["day"] == day % had + 1].assign(day=day + 1) for day in range(days)]
            tables[name] = pd.concat(parts, ignore_index=True)
    return Run(tables, {**run.study, "days": days}, run.grid)


@pytest.mark.parametrize(
    ("problem", "days"),
    [
        ("export_3_days", 3),
        ("export_3_days", 60),
        ("unmanaged", 8),
        ("no_fleet", 2),
        pytest.param("import_only", 365, marks=pytest.mark.long),
    ],
)
def test_overview_shows_all_days_and_can_be_read(runs: dict[str, Run], problem: str, days: int) -> None:
    run = prolonged(runs[problem], days)
    figure = overview_figure(run.tables, run.study, verdict=audit(runs[problem].tables, runs[problem].study))
    assert unreadable(figure) == []
    axes = {str(ax.get_label()): ax for ax in figure.axes}
    assert all(re.search(r"\[.+\]", ax.get_ylabel()) for ax in figure.axes if ax.get_label() != "months")
    assert all(re.search(r"\[.+\]", axes[name].get_xlabel()) for name in ("voltage", "duration"))
    assert ("months" in axes) == (days > LONG_DAYS)
    title = " ".join(text.get_text() for text in figure.texts)
    for part in (run.study["name"], f"{days} days", run.study["bidding"], run.study["policy"], "limits"):
        assert part in title
    settlements, dispatch = run.tables["settlements"], run.tables["dispatch"]
    for panel, gid, values in (
        ("tie_line", "tie_line", settlements["metered_mw"]),
        ("deviation", "deviation", settlements["metered_mw"] - settlements["bid_mw"]),
    ):
        (mesh,) = by_gid(axes[panel], gid)
        np.testing.assert_array_equal(mesh.get_array(), values.to_numpy().reshape(days, 24).T)
    (penalty,) = by_gid(axes["penalty"], "penalty")
    np.testing.assert_allclose(penalty.get_data().values, settlements.groupby("day")["penalty"].sum())
    np.testing.assert_array_equal(penalty.get_data().edges, np.arange(days + 1) + 0.5)
    (cut,) = by_gid(axes["curtailed"], "curtailed-load")
    load = dispatch[dispatch["kind"] == "load"]
    np.testing.assert_allclose(
        cut.get_data().values - cut.get_data().baseline,
        (load["available_mw"] - load["p_mw"]).clip(lower=0).groupby(load["day"]).sum(),
        atol=1e-12,
    )
    for column in ("bid_mw", "metered_mw"):
        (line,) = by_gid(axes["duration"], f"duration-{column}")
        np.testing.assert_array_equal(line.get_data().values, sorted(settlements[column], reverse=True))


def test_overview_of_a_long_run_shows_money_durations_and_months(runs: dict[str, Run]) -> None:
    run = prolonged(runs["export_3_days"], 60)
    study = run.study | {"calendar": {"first_day": "2015-12-02"}}
    figure = overview_figure(
        run.tables, study, verdict=audit(runs["export_3_days"].tables, runs["export_3_days"].study)
    )
    assert unreadable(figure) == []
    axes = {str(ax.get_label()): ax for ax in figure.axes}
    (profit,) = by_gid(axes["profit"], "profit")
    money = hourly_money(run.tables).groupby("day").sum()
    np.testing.assert_allclose(profit.get_ydata(), money["profit"])
    away = run.tables["settlements"].eval("metered_mw - bid_mw")
    (imbalance,) = by_gid(axes["duration_imbalance"], "duration-imbalance")
    np.testing.assert_array_equal(imbalance.get_data().values, sorted(away, reverse=True))
    cells = [text.get_text() for text in axes["months"].texts]
    assert {"2015-12", "2016-01", "all", "30", "60", f"{money['profit'].sum():,.0f}".replace("-", "−")} <= {*cells}
    assert [label.get_text() for label in axes["voltage"].get_xticklabels()] == ["Dec 2015", "Jan 2016"]


def test_overview_shows_profit_storage_and_voltage(runs: dict[str, Run]) -> None:
    run = runs["export_3_days"]
    axes = {str(ax.get_label()): ax for ax in overview_figure(run.tables, run.study).axes}
    (profit,) = by_gid(axes["profit"], "profit")
    expected = [
        money_of_day(run.rows("payments", day), run.rows("books", day), run.tables["units"])["amount"].sum()
        for day in (1, 2, 3)
    ]
    np.testing.assert_allclose(profit.get_ydata(), expected)
    (mesh,) = by_gid(axes["soc"], "soc")
    units = run.tables["units"].set_index("unit")["max_e_mwh"]
    batteries = run.tables["dispatch"].query("kind == 'battery'")
    stored = (batteries["soc"] * batteries["unit"].map(units)).groupby([batteries["hour"], batteries["day"]]).sum()
    np.testing.assert_allclose(mesh.get_array(), 100 * stored.unstack("day") / units.sum())
    (span,) = by_gid(axes["voltage"], "voltage_range")
    buses = run.tables["buses"].query("bus != 1").groupby("day")["vm_pu"]
    np.testing.assert_array_equal(span.get_data().values, buses.max())
    np.testing.assert_array_equal(span.get_data().baseline, buses.min())


@pytest.mark.parametrize(
    ("asked", "days", "choice"),
    [(None, 1, "daily"), (None, 7, "daily"), (None, 8, "overview"), ("daily", 60, "daily"), ("none", 1, "none")],
)
def test_daily_figures_of_more_than_a_week_are_drawn_on_request(asked: str | None, days: int, choice: str) -> None:
    assert chosen_figures(asked, days) == choice


@pytest.mark.parametrize(
    ("problem", "choice", "names"),
    [
        ("export_3_days", "daily", ["overview", "day1", "day2", "day3", "network"]),
        ("export_3_days", "overview", ["overview", "network"]),
        ("import_only", "daily", ["day", "network"]),
        ("import_only", "overview", ["day", "network"]),
    ],
)
def test_what_is_drawn_is_what_was_chosen(
    runs: dict[str, Run],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    problem: str,
    choice: str,
    names: list[str],
) -> None:
    run = runs[problem]
    monkeypatch.setattr(
        "experiments.figures.run_figures.save_figure", lambda figure, folder, name: (folder / f"{name}.png").touch()
    )
    instance = Instance.of(Study.model_validate(run.study))
    drawn = draw_run(tmp_path, simulate.Run(instance=instance, tables=run.tables, seconds={}), choice)
    assert drawn == names
    assert {path.stem for path in tmp_path.iterdir()} == set(names)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=8))
def test_spread_keeps_order_gap_and_limits(wanted: list[float]) -> None:
    placed = spread(np.array(wanted), 1.0, -10.0, 10.0)
    ordered = placed[np.argsort(wanted, kind="stable")]
    assert all(b - a >= 1 - 1e-9 for a, b in pairwise(ordered))
    assert placed.min() >= -10 - 1e-9
    assert placed.max() <= 10 + 1e-9


def test_spread_leaves_labels_with_room_alone() -> None:
    assert spread(np.array([3.0, 0.0]), 1.0, -10.0, 10.0).tolist() == [3.0, 0.0]
    assert spread(np.array([1.0, 1.0]), 1.0, -10.0, 10.0).tolist() == [0.5, 1.5]


def test_outline_is_the_border_of_the_marked_cells() -> None:
    mask = np.zeros((3, 4), dtype=bool)
    mask[1, 1:3] = True
    lines = {tuple(map(tuple, line)) for line in outline(mask, np.arange(0.5, 5.0)).tolist()}
    assert lines == {
        ((1.5, 0.5), (1.5, 1.5)),
        ((3.5, 0.5), (3.5, 1.5)),
        ((1.5, 0.5), (2.5, 0.5)),
        ((2.5, 0.5), (3.5, 0.5)),
        ((1.5, 1.5), (2.5, 1.5)),
        ((2.5, 1.5), (3.5, 1.5)),
    }


@pytest.mark.parametrize(
    ("amount", "text"),
    [(2875.6, "$2,876"), (-0.239, "−$0.24"), (-1e-9, "$0.00"), (99.996, "$100"), (-1540.4, "−$1,540")],
)
def test_dollars(amount: float, text: str) -> None:
    assert dollars(amount) == text
