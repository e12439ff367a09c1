"""Microgrids on the terminal: exchange, money, cars, and their coordination."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from experiments.tables import rich_table

ROWS_MOST = 12
"""Largest number of microgrids with a row each; more are added up by kind."""

COLUMNS = {
    "import_mwh": "import",
    "export_mwh": "export",
    "trade": "trade",
    "fuel": "fuel",
    "wear": "wear",
    "discomfort": "discom-\nfort",
    "ev_revenue": "ev_\nrevenue",
    "cost": "cost",
}
"""Columns of the table of microgrids, by their names in the summary."""

SIGN_NOTE = "cost = trade + fuel + wear + discomfort - ev_revenue; a negative cost is income"

NOTES_MOST = 5


def connections_table(microgrids: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table of the exchange, payments and costs of microgrids and fleets of cars."""
    rows, digits = (microgrids, 2) if len(microgrids) <= ROWS_MOST else (_by_kind(microgrids), 0)
    return rich_table(
        ["connection", *COLUMNS.values()],
        ([name, *(f"{one[column]:,.{digits}f}" for column in COLUMNS)] for name, one in rows.items()),
        "l" + "r" * len(COLUMNS),
        title="Microgrids and fleets of cars: import and export [MWh], money [$]",
        caption=SIGN_NOTE,
        narrow=True,
    )


def _by_kind(microgrids: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the sums over all connections of a kind."""
    sums: dict[str, dict[str, float]] = {}
    for kind in dict.fromkeys(one["kind"] for one in microgrids.values()):
        own = [one for one in microgrids.values() if one["kind"] == kind]
        sums[f"{len(own)} x {kind}"] = {column: sum(one[column] for one in own) for column in COLUMNS}
    return sums


def connection_sentences(summary: Mapping[str, Any], step_name: str) -> list[str]:
    """Return the costs and coordination of operator and microgrids in sentences."""
    agreed, costs, cars = summary["coordination"], summary["costs"], summary["cars"]
    rounds = agreed["iterations"]
    article = "an" if step_name == "hour" else "a"
    lines = [
        f"cost of operator and microgrids together: {costs['total']:,.2f} $ = operator {costs['operator']:,.2f} $ +"
        f" microgrids {costs['microgrids']:,.2f} $ (a negative cost is income; trade between them, and what consumers"
        " and owners of cars pay, is left out)",
        f"{agreed['mode']} coordination: {rounds['total']} rounds, at most {rounds['max']} for {article} {step_name}",
    ]
    if agreed["mode"] == "transactive":
        lines[-1] += (
            f"; they disagreed by at most {agreed['primal_residual_mw']:.1e} MW when prices moved by at most"
            f" {agreed['dual_residual_per_mwh']:.2f} $/MWh"
        )
    if cars["stays"]:
        lines.append(
            f"{cars['count']:,} cars: {cars['left_full']:,} stays ended as full as asked,"
            f" {cars['left_short']:,} were too short for that"
        )
    short = {name: one["shortfall_mwh"] for name, one in summary["microgrids"].items() if one["shortfall_mwh"] > 0}
    for name, missing in list(short.items())[:NOTES_MOST]:
        lines.append(
            f"[yellow]{name}: {missing:.4f} MWh of load could not be served, which is the least; raise"
            " max_exchange_mw or give it more devices.[/yellow]"
        )
    lines += [f"[yellow]{escape(note)}[/yellow]" for note in agreed["notes"][:NOTES_MOST]]
    hidden = max(len(short) - NOTES_MOST, 0) + max(len(agreed["notes"]) - NOTES_MOST, 0)
    return [*lines, f"[yellow]and {hidden} more, see summary.json[/yellow]"] if hidden else lines
