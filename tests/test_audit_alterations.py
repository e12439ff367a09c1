"""The audit of runs that somebody altered on purpose, with all that follows from it made to fit and stored anew."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
import pytest
from altered import charged, edited, flowed, settled, stored
from audited import Run, simulate

from sim.audit.schema import OPERATOR, SYSTEM_OPERATOR


class Alteration(NamedTuple):
    """Alteration of a run, and the check that finds it.

    Attributes
    ----------
    run : str
        Fixture.
    change : callable
        Returns the altered run.
    told : str
        Check that finds it, or name under which the audit says that it takes such things as given.
    summary : callable
        Changes the figures of the summary.
    """

    run: str
    change: Callable[[Run], Run]
    told: str
    summary: Callable[[dict[str, Any]], dict[str, Any]] = lambda figures: figures


@pytest.fixture(scope="session")
def least_violation() -> Run:
    """A study whose voltage limits can't be kept."""
    return simulate("microgrid33", "policy=myopic", "bidding=basic", "grid.voltage.min_vm_pu=1.01")


@pytest.fixture(scope="session")
def uncoordinated() -> Run:
    return simulate("networked33", "policy=myopic", "bidding=basic", "coordination=uncoordinated")


# ---- alterations -----------------------------------------------------------------------------------------


def times(factor: float, column: str) -> Callable[[pd.DataFrame], Any]:
    return lambda rows: factor * rows[column]


def plus(amount: float, column: str) -> Callable[[pd.DataFrame], Any]:
    return lambda rows: rows[column] + amount


def nothing(run: Run) -> Run:
    return run


def bids_as_metered(decimals: int) -> Callable[[Run], Run]:
    def change(run: Run) -> Run:
        metered = run.tables["settlements"]["metered_mw"].to_numpy().round(decimals)
        return settled(edited(run, "bids", bid_mw=metered))

    return change


def five_mw(run: Run) -> Run:
    return settled(edited(run, "dispatch", "unit == 'wind_6'", available_mw=5.0))


def more_wind(run: Run) -> Run:
    wind = "kind == 'wind' and available_mw < 0.5"
    return settled(edited(run, "dispatch", wind, available_mw=times(1.1, "available_mw")))


def more_demand(run: Run) -> Run:
    more = {name: times(1.2, name) for name in ("forecast_mw", "available_mw")}
    return settled(edited(run, "dispatch", "kind == 'load'", **more))


def other_demand(run: Run) -> Run:
    columns = ("forecast_mw", "available_mw", "ordered_p_mw", "ordered_q_mvar", "p_mw", "q_mvar")
    return settled(flowed(edited(run, "dispatch", "kind == 'load'", **{name: times(0.9, name) for name in columns})))


def ratings(run: Run) -> Run:
    run = edited(run, "branches", max_i_pu=times(3.0, "max_i_pu"))
    return edited(run, "lines", loading_percent=times(1 / 3, "loading_percent"))


def prices(factor: float, column: str) -> Callable[[Run], Run]:
    def change(run: Run) -> Run:
        run = edited(run, "market", **{column: times(factor, column)})
        if column == "retail_price_per_mwh":
            run = edited(run, "settlements", **{column: times(factor, column)})
        return settled(run)

    return change


def impedances(run: Run) -> Run:
    half = {name: times(0.5, name) for name in ("r_pu", "x_pu")}
    return settled(flowed(edited(run, "branches", **half)))


def load_moved(run: Run) -> Run:
    return settled(flowed(edited(run, "units", "unit == 'load_18'", bus=2)))


def load_renamed(run: Run) -> Run:
    for table, column in (("units", "unit"), ("dispatch", "unit"), ("payments", "payer"), ("payments", "payee")):
        run = edited(run, table, f"{column} == 'load_18'", **{column: "load_19.2"})
    return run


def half_served(**columns: Any) -> Callable[[Run], Run]:
    """Shed half of a load at noon, for which its own limits are blamed."""

    def change(run: Run) -> Run:
        half = {name: times(0.5, name) for name in ("p_mw", "q_mvar")}
        run = edited(run, "dispatch", "unit == 'load_5' and hour == 12", clipped=True, **half, **columns)
        return settled(flowed(run))

    return change


def done(where: str, follow_up: Callable[[Run], Run] = lambda run: run, **columns: Any) -> Callable[[Run], Run]:
    """Return a change to other actions of units, with orders to match."""

    def change(run: Run) -> Run:
        ordered = {f"ordered_{name}": value for name, value in columns.items()}
        return settled(flowed(follow_up(edited(run, "dispatch", where, **columns, **ordered))))

    return change


def full_batteries(run: Run) -> Run:
    return charged(edited(run, "units", "kind == 'battery'", start_soc=0.9))


def metered(run: Run) -> Run:
    run = edited(run, "settlements", metered_mw=plus(-0.1, "metered_mw"))
    return settled(edited(run, "decisions", planned_tie_p_mw=plus(-0.1, "planned_tie_p_mw")))


def rebate(run: Run) -> Run:
    row = {"day": 1, "hour": 12, "term": "imbalance", "payer": SYSTEM_OPERATOR, "payee": OPERATOR, "amount": 100.0}
    payments = run.tables["payments"]
    return run.changed("payments", pd.concat([payments, pd.DataFrame([row])], ignore_index=True))


def refused(run: Run) -> Run:
    return settled(edited(run, "bids", bid_mw=0.0, accepted=False, reason="late: gate closure has passed"))


def planned_as_metered(run: Run) -> Run:
    run = edited(run, "decisions", planned_tie_p_mw=run.tables["settlements"]["metered_mw"].to_numpy())
    return edited(run, "decisions", power_flow_mismatch_mw=0.0, power_flow_mismatch_pu=0.0)


def setting(path: str, value: Any, follow_up: Callable[[Run], Run] = lambda run: run) -> Callable[[Run], Run]:
    return lambda run: follow_up(run.with_instance(path, value))


def of_device(device: str, **columns: Any) -> Callable[[Run], Run]:
    return lambda run: settled(edited(run, "devices", f"device == '{device}'", **columns))


def agreed_price(run: Run) -> Run:
    return settled(edited(run, "trades", price_per_mwh=plus(10.0, "price_per_mwh")))


def more_exchange(run: Run) -> Run:
    more = {name: plus(1e-3, "p_mw") for name in ("p_mw", "ordered_p_mw")}
    return settled(flowed(edited(run, "trades", **more)))


def retail_as_it_came(run: Run) -> Run:
    for table in ("settlements", "trades"):
        run = edited(run, table, retail_price_per_mwh=times(1.05, "retail_price_per_mwh"))
    return settled(run)


def less_heat(run: Run) -> Run:
    run = edited(run, "devices", "device == 'heat_load'", available_mw=times(0.8, "available_mw"))
    return edited(run, "devices", "device == 'heat_load'", heat_mw=times(0.8, "heat_mw"))


def cars_leave_later(run: Run) -> Run:
    """Change the departure of full cars that leave after the run; nothing else follows from that."""
    sessions = f"departure_h > {24 * run.study['days']} and full == 1"
    return edited(run, "cars", sessions, departure_h=plus(0.01, "departure_h"))


def one_car_less(run: Run) -> Run:
    cars, charging = run.tables["cars"], run.tables["charging"]
    last = (cars["connection"] == "microgrid_9") & (
        cars["stay"] == cars[cars["connection"] == "microgrid_9"]["stay"].max()
    )
    car = int(cars[last]["car"].iloc[0])
    run = run.changed("cars", cars[~last].reset_index(drop=True))
    rest = (charging["connection"] == "microgrid_9") & (charging["car"] == car) & (charging["day"] == 2)
    return run.changed("charging", charging[~(rest & (charging["hour"] >= 12))].reset_index(drop=True))


def figures(path: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Change a figure of the summary."""

    def change(summary: dict[str, Any]) -> dict[str, Any]:
        *parents, last = path.split(".")
        node = summary
        for name in parents:
            node = node[name]
        node[last] = value(node[last]) if callable(value) else value
        return summary

    return change


def richer(summary: dict[str, Any]) -> dict[str, Any]:
    summary["terms"]["revenue"] += 1000.0
    summary["terms"]["profit"] += 1000.0
    return summary


ONE, MANY = "receding", "networked"
NOON = "hour == 12"

FOUND = {
    # the summary
    "profit x 10": Alteration(ONE, nothing, "summary", figures("terms.profit", lambda profit: 10 * profit)),
    "revenue and profit + 1,000 $": Alteration(ONE, nothing, "summary", richer),
    "gap of the summary 0": Alteration(ONE, nothing, "summary", figures("certificate.optimality_gap", 0.0)),
    "violations left out": Alteration("least_violation", nothing, "summary", figures("limits.voltage.count", 0)),
    "a figure nobody knows": Alteration(ONE, nothing, "summary", figures("green_mwh", 99.0)),
    "costs of all x 0.9": Alteration(MANY, nothing, "summary", figures("costs.total", lambda cost: 0.9 * cost)),
    "a microgrid's fuel 0": Alteration(MANY, nothing, "summary", figures("microgrids.microgrid_9.fuel", 0.0)),
    "all cars left full": Alteration(MANY, nothing, "summary", figures("cars.left_short", -1)),
    # bids and settlement
    "bids as metered": Alteration(ONE, bids_as_metered(9), "certificate"),
    "refused, but counted": Alteration(ONE, lambda run: edited(run, "bids", accepted=False), "refused_bid"),
    "metered 0.1 MW less": Alteration(ONE, metered, "active_balance"),
    "penalties of one hour left out": Alteration(
        ONE, lambda run: edited(run, "settlements", "penalty == penalty.max()", penalty=0.0), "penalty"
    ),
    "rebate of 100 $": Alteration(ONE, rebate, "completeness"),
    "imbalance paid to oneself": Alteration(
        ONE, lambda run: edited(run, "payments", "term == 'imbalance'", payee=OPERATOR), "completeness"
    ),
    "revenue + 1 $ in an hour": Alteration(
        ONE,
        lambda run: edited(
            run, "payments", f"term == 'revenue' and payer == 'load_5' and {NOON}", amount=plus(1.0, "amount")
        ),
        "payments",
    ),
    # what the run began with
    "5 MW available on 1.2 MVA": Alteration(ONE, five_mw, "renewable_limits"),
    "wind available x 1.1": Alteration(ONE, more_wind, "availability"),
    "demand and its forecast x 1.2": Alteration(ONE, more_demand, "forecasts"),
    "demand x 0.9 with its flows": Alteration(ONE, other_demand, "availability"),
    "forecast x 3": Alteration(
        ONE,
        lambda run: edited(run, "dispatch", "kind != 'battery'", forecast_mw=times(3.0, "forecast_mw")),
        "forecasts",
    ),
    "price x 1.5 with payments": Alteration(ONE, prices(1.5, "price_per_mwh"), "prices"),
    "retail price x 1.1 with payments": Alteration(ONE, prices(1.1, "retail_price_per_mwh"), "prices"),
    "seed relabelled": Alteration(ONE, setting("seed", 2), "availability"),
    "days relabelled": Alteration(ONE, setting("days", 2), "completeness"),
    "errors of the forecast relabelled": Alteration(ONE, setting("uncertainty.errors.pv_std", 0.1), "availability"),
    "another profile": Alteration(ONE, setting("profiles.wind_pu", "wind_published_shape"), "forecasts"),
    # the network
    "ratings x 3": Alteration(ONE, ratings, "ratings"),
    "impedances x 0.5 with flows": Alteration(ONE, impedances, "network"),
    "a load at another bus, with flows": Alteration(ONE, load_moved, "network"),
    "a load renamed": Alteration(ONE, load_renamed, "network"),
    "all angles + 30 degrees": Alteration(
        ONE, lambda run: edited(run, "buses", va_degree=plus(30.0, "va_degree")), "slack_voltage"
    ),
    "the lowest voltage lifted": Alteration(
        ONE, lambda run: edited(run, "buses", "vm_pu == vm_pu.min()", vm_pu=0.96), "active_balance"
    ),
    "losses x 0.5": Alteration(
        ONE, lambda run: settled(edited(run, "lines", loss_mw=times(0.5, "loss_mw"))), "line_loss"
    ),
    # units
    "half a load shed, called clipped": Alteration(ONE, half_served(), "clipped"),
    "the same, ordered to serve double": Alteration(ONE, half_served(ordered_p_mw=times(2.0, "p_mw")), "clipped"),
    "output above what is available": Alteration(
        ONE, done(f"unit == 'pv_9' and {NOON}", p_mw=plus(0.1, "available_mw")), "renewable_limits"
    ),
    "more served than demanded": Alteration(
        ONE, done(f"unit == 'load_5' and {NOON}", p_mw=times(1.1, "available_mw")), "load_limits"
    ),
    "a battery beyond its converter": Alteration(
        ONE, done(f"unit == 'battery_2' and {NOON}", charged, p_mw=0.15, q_mvar=0.15), "battery_circle"
    ),
    "a battery beyond its energy": Alteration(ONE, done("unit == 'battery_2'", charged, p_mw=0.1), "soc_limits"),
    "batteries that begin full": Alteration(ONE, full_batteries, "fleet"),
    "batteries full again every hour": Alteration(
        ONE, lambda run: edited(run, "dispatch", "kind == 'battery'", soc=0.9), "soc"
    ),
    # who decided, and what they say of limits
    "policy relabelled": Alteration(ONE, setting("policy", "hindsight"), "deciders"),
    "bidding relabelled": Alteration(ONE, setting("bidding", "basic"), "bidding"),
    "coordination relabelled": Alteration(MANY, setting("coordination", "transactive"), "deciders"),
    "broken limits called optimal": Alteration(
        "least_violation", lambda run: edited(run, "decisions", status="optimal", violation=0.0), "claims"
    ),
    "limits widened after they were broken": Alteration(
        "least_violation", setting("grid.voltage.min_vm_pu", 0.9), "claims"
    ),
    # microgrids and cars
    "a microgrid's sun x 0.9": Alteration(
        MANY, of_device("output", p_mw=times(0.9, "p_mw"), available_mw=times(0.9, "available_mw")), "availability"
    ),
    "heat load x 0.8": Alteration(MANY, less_heat, "availability"),
    "heat not served, and not said": Alteration(
        MANY, of_device("heat_load", heat_mw=times(0.5, "heat_mw")), "shortfall"
    ),
    "diesel at half the cost": Alteration(MANY, of_device("diesel", cost=times(0.5, "cost")), "device_costs"),
    "cars' baseline x 1.1": Alteration(MANY, of_device("ev", available_mw=times(1.1, "available_mw")), "uncontrolled"),
    "cars leave later": Alteration(MANY, cars_leave_later, "cars_drawn"),
    "a car less": Alteration(MANY, one_car_less, "cars_drawn"),
    "retail price x 1.05 as it came": Alteration(MANY, retail_as_it_came, "prices"),
    "exchange + 1 kW": Alteration(MANY, more_exchange, "connection_balance"),
    "price of exchange without coordination": Alteration("uncoordinated", agreed_price, "retail_price"),
}
"""Alterations that the audit finds."""

GIVEN = {
    "bids as metered, in watts": Alteration(ONE, bids_as_metered(6), "bids"),
    "all bids refused": Alteration(ONE, refused, "bids"),
    "optimality gap 0": Alteration(ONE, lambda run: edited(run, "bids", optimality_gap=0.0), "optimality"),
    "cone gap 0": Alteration(ONE, lambda run: edited(run, "decisions", cone_gap=0.0), "optimality"),
    "planned as metered": Alteration(ONE, planned_as_metered, "plan"),
    "renewables curtailed by order": Alteration(
        ONE, done("unit == 'wind_6' and hour == 4", p_mw=times(0.9, "p_mw")), "orders"
    ),
    "voltage limits widened": Alteration(ONE, setting("grid.voltage.max_vm_pu", 1.1), "study"),
    "ratings x 3 in the study, too": Alteration(ONE, setting("grid.line_max_s_mva", 18.0, ratings), "study"),
    "tariff x 0.5 with payments": Alteration(
        ONE, setting("market.tariff.generation_curtailment_factor", 0.4, settled), "study"
    ),
    "name of the study": Alteration(ONE, setting("name", "another"), "study"),
    "agreed price + 10 $/MWh": Alteration(MANY, agreed_price, "agreement"),
    "rounds of coordination": Alteration(MANY, lambda run: edited(run, "decisions", iterations=99), "agreement"),
}
"""Alterations that nothing in the records tells: the audit passes them, and says so by name."""


# ---- what the audit says -------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", ["receding", "least_violation", "networked", "uncoordinated"])
def test_what_follows_is_made_to_fit(run, request, tmp_path):
    again = settled(flowed(charged(request.getfixturevalue(run))))
    assert stored(again, tmp_path).findings == ()


@pytest.mark.parametrize("what", FOUND)
def test_an_alteration_is_found(what, request, tmp_path):
    alteration = FOUND[what]
    changed = alteration.change(request.getfixturevalue(alteration.run))
    report = stored(changed, tmp_path, summary=alteration.summary)
    found = [finding for finding in report.findings if not finding.where.startswith("summary.json: audit")]
    assert alteration.told in {finding.check for finding in found}
    assert "manifest" not in {finding.check for finding in found}


@pytest.mark.parametrize("what", GIVEN)
def test_what_is_not_found_is_said_to_be_taken_as_given(what, request, tmp_path):
    alteration = GIVEN[what]
    before = request.getfixturevalue(alteration.run)
    after = alteration.change(before)
    other = [name for name, frame in after.tables.items() if not frame.equals(before.tables[name])]
    assert other or after.study != before.study
    report = stored(after, tmp_path)
    assert report.findings == ()
    assert alteration.told in report.taken_as_given
