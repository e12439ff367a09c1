"""What the terminal shows about microgrids: exchange, money, cars, and how they were coordinated."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

ROWS_MOST = 12
"""Microgrids that get a row each; more are added up by kind."""

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
"""What is shown of every microgrid, by its name in the summary."""

DIRECTIONS = "profit = income - cost; a negative cost is income, a negative income a cost"
CONNECTION_SIGNS = "cost = trade + fuel + wear + discomfort - ev_revenue; a negative cost is income"
"""What is said of signs under the tables of money."""

NOTES_MOST = 5

PROFIT_OF = {
    "central": "operator and microgrids together",
    "transactive": "the operator for the exchange agreed on, before what microgrids pay for it",
    "uncoordinated": "the operator for the exchange microgrids decided on, before what they pay for it",
}
"""Whose expected profit the search for bids states, by mode: what it decides for, and what it is given."""


def goal(profit_of: str | None, search: Mapping[str, float], gap: float | None) -> str:
    """Return what the search for bids found, and what is proven about it.

    Parameters
    ----------
    profit_of : str or None
        Whose profit it is, where there are microgrids.
    search : mapping of str to float
        ``incumbent`` and ``bound`` [$], ``nodes``; ``cvar_profit`` with aversion to risk.
    gap : float or None
        Relative optimality gap.
    """
    name = "risk-adjusted profit" if "cvar_profit" in search else "expected profit"
    whose = "" if profit_of is None else f" of {profit_of}:"
    found = f"{name}{whose} ${search['incumbent']:,.2f}"
    if profit_of not in (None, PROFIT_OF["central"]):  # the bound is one for the same exchange
        return f"{found}; another exchange may earn more"
    proof = f" (gap {100 * (gap or 0.0):.4f} %, {search['nodes']:,} nodes)"
    return f"{found}, proven to be at most ${search['bound']:,.2f}{proof}"


def connections_table(microgrids: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table of what microgrids and fleets of cars exchanged, paid and spent."""
    table = Table(
        title="Microgrids and fleets of cars: import and export [MWh], money [$]",
        caption=CONNECTION_SIGNS,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("connection", no_wrap=True)
    for heading in COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    rows, digits = (microgrids, 2) if len(microgrids) <= ROWS_MOST else (_by_kind(microgrids), 0)
    for name, one in rows.items():
        table.add_row(name, *(f"{one[column]:,.{digits}f}" for column in COLUMNS))
    return table


def _by_kind(microgrids: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the sums over all connections of a kind."""
    sums: dict[str, dict[str, float]] = {}
    for kind in dict.fromkeys(one["kind"] for one in microgrids.values()):
        own = [one for one in microgrids.values() if one["kind"] == kind]
        sums[f"{len(own)} x {kind}"] = {column: sum(one[column] for one in own) for column in COLUMNS}
    return sums


def connection_story(summary: Mapping[str, Any]) -> list[str]:
    """Return what happened between operator and microgrids, in sentences."""
    agreed, costs, cars = summary["coordination"], summary["costs"], summary["cars"]
    rounds = agreed["iterations"]
    lines = [
        f"cost of operator and microgrids together: {costs['total']:,.2f} $ = operator {costs['operator']:,.2f} $ +"
        f" microgrids {costs['microgrids']:,.2f} $ (a negative cost is income; trade between them, and what consumers"
        " and owners of cars pay, is left out)",
        f"{agreed['mode']} coordination: {rounds['total']} rounds, at most {rounds['max']} for an hour",
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
