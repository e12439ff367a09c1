"""Run on the terminal: money, physics, proof, events, and the verdict of the audit."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from experiments.confidence import PLUS_MINUS
from experiments.console import money, out, ranges, strategy_in_words
from experiments.console.audit import show_limits, show_verdict
from experiments.console.microgrids import connection_sentences, connections_table
from experiments.tables import MONTH_HEADS, month_rows, rich_table
from sim.audit import AuditReport
from sim.calendar import Calendar
from sim.instance import Instance
from sim.market.settlement import COST_TERMS
from sim.recorder import OPERATOR, SYSTEM_OPERATOR

SIGN_NOTE = "profit = income - cost; a negative cost is income, a negative income a cost"

PARTIES = {
    "revenue": "from load_*",
    "trade": "from microgrid_*, ev_aggregator_*",
    "exchange": f"to {SYSTEM_OPERATOR}",
    "imbalance": f"to {SYSTEM_OPERATOR}",
    "loss": "valued, not paid",
    "wear": "valued, not paid",
    "generation": "to wind_*, pv_*",
    "generation_curtailment": "to wind_*, pv_*",
    "load_curtailment": "to load_*",
}
"""Parties that pay the operator or are paid by it, named as in the payments."""


def show_run(summary: Mapping[str, Any], instance: Instance, verdict: AuditReport, figures: Sequence[str]) -> None:
    """Print money, physics and proof of a run, and the names of its figures."""
    days = summary["days"]
    period = "one day" if days == 1 else f"{days} days"
    out.print(
        f"[bold]{summary['study']}[/bold]: {period}, bidding {escape(strategy_in_words(summary['bid_strategy']))},"
        f" policy {summary['policy']}, rule {escape(summary['rule'])}, seed {summary['seed']}"
    )
    out.print(money_table(summary["terms"], period))
    if "months" in summary:
        out.print(_months_table(summary["months"]))
    out.print(_physics_table(summary, instance))
    show_limits(summary["limits"], summary["hours_beyond_limits"], step_name=instance.calendar.step_name)
    if "microgrids" in summary:
        out.print(connections_table(summary["microgrids"]))
    for line in [
        *_sentences(summary, instance.calendar),
        *(connection_sentences(summary, instance.calendar.step_name) if "microgrids" in summary else []),
    ]:
        out.print(line)
    show_verdict(verdict)
    seconds = summary["seconds"]
    out.print(
        f"bid {seconds['bid']:.2f} s, dispatch {seconds['dispatch']:.2f} s, power flow {seconds['power_flow']:.2f} s,"
        f" in all {seconds['total']:.2f} s; figures {seconds['figures']:.2f} s"
    )
    shown = _figures(figures, days)
    out.print(f"written to [bold]{escape(summary['run_dir'])}[/bold] ({shown}; tieline audit checks it)")


def _figures(drawn: Sequence[str], days: int) -> str:
    """Return a sentence on the figures there are, and on how to get the others."""
    if not drawn:
        return "no figures were drawn"
    if "day" in drawn:
        of_connections = [name for name in drawn if name not in {"day", "network"}]
        connections = " and ".join(filter(None, [", ".join(of_connections[:-1]), *of_connections[-1:]]))
        return "day.png shows the day" + (f", {connections} the microgrids" if of_connections else "")
    if "day1" in drawn:
        return f"overview.png shows all days, day1.png to day{days}.png each of them"
    return "overview.png shows all days; --figures daily draws each of them"


def money_table(terms: Mapping[str, float], period: str, reach: Mapping[str, float | None] | None = None) -> Table:
    """Return the operator's money by the names of the records; costs are positive, as in the JSON."""

    def cells(term: str) -> list[str]:
        amounts = ["", money(terms[term])] if term in COST_TERMS else [money(terms[term]), ""]
        if reach is not None:
            amounts.append("" if reach[term] is None else f"{reach[term]:,.2f}")
        return [term, *amounts, PARTIES.get(term, "")]

    interval = [] if reach is None else [PLUS_MINUS]
    return rich_table(
        ["term", "income", "cost", *interval, "paid"],
        map(cells, terms),
        "lrr" + "r" * len(interval) + "l",
        title=f"Money of {OPERATOR}, {period} [$]",
        caption=SIGN_NOTE,
        bold={"profit"},
        sections={"load_curtailment"},
    )


MONTH_SHOWN = ("month", "days", "profit", "exchange", "imbalance", "net import", "off band", "curtailed")
"""Columns of the table of months that a terminal of 80 characters has room for."""


def _months_table(months: Sequence[Mapping[str, Any]]) -> Table:
    """Return the table of months, without some of its columns; all are in the figure and in the JSON."""
    chosen = [k for k, head in enumerate(MONTH_HEADS) if head.split(" [")[0] in MONTH_SHOWN]
    rows = [[row[k] for k in chosen] for row in month_rows(months)]
    heads = [escape(MONTH_HEADS[k]).replace(" ", "\n") for k in chosen]
    title = "Months: costs positive, net import is import less export, off band is beyond the tolerance"
    return rich_table(heads, rows, "l" + "r" * (len(chosen) - 1), title=title, bold={"all"})


def _physics_table(summary: Mapping[str, Any], instance: Instance) -> Table:
    volts, energy, limits = summary["voltage"], summary["energy_mwh"], instance.grid.voltage
    proof = summary["certificate"]

    def pair(first: str, second: str) -> str:
        return f"{energy[first]:.2f} / {energy[second]:.2f} MWh"

    rows = {
        "lowest / highest voltage": f"{volts['min_pu']:.4f} / {volts['max_pu']:.4f} p.u.",
        "limits": f"{limits.min_vm_pu:.3f} / {limits.max_vm_pu:.3f} p.u.",
        "buses below the limit": ranges(volts["buses_below"]),
        "buses above the limit": ranges(volts["buses_above"]),
        "line losses": f"{energy['losses']:.3f} MWh",
        "renewable output / curtailed": pair("generation", "generation_curtailed"),
        "load served / curtailed": pair("load_served", "load_curtailed"),
        "tie line: bid / metered": pair("bid", "metered"),
    }
    if proof["power_flow_mismatch_mw"] is not None:
        rows["optimiser against power flow"] = f"{proof['power_flow_mismatch_mw']:.1e} MW"
    if proof["optimality_gap"] is not None:
        rows["optimality gap of the bid"] = f"{100 * proof['optimality_gap']:.4f} %"
    told = [row for row in rows.items() if row[1]]
    return rich_table(["", ""], told, "lr", title="Physics (AC power flow)")


def _sentences(summary: Mapping[str, Any], calendar: Calendar) -> list[str]:
    """Return the events of a run in sentences."""
    hours, energy, terms = summary["hours"], summary["energy_mwh"], summary["terms"]
    left = (
        f"{hours['penalised']} hour(s) left the tolerance band by {energy['outside_band']:.3f} MWh in all,"
        f" which cost ${terms['imbalance']:.2f}."
    )
    remarks = (
        (hours["bids_refused"], f"{hours['bids_refused']} hourly bids were refused by the system operator."),
        (
            hours["least_violation"],
            f"{hours['least_violation']} hour(s) had no dispatch within all limits;"
            " the least violation was carried out.",
        ),
        (
            hours["repaired"] + hours["inexact"],
            f"In {hours['repaired'] + hours['inexact']} hour(s) the conic relaxation was not exact;"
            f" {hours['repaired']} were repaired, {hours['inexact']} could not be.",
        ),
        (
            any(one["count"] for name, one in summary["limits"].items() if name != "device"),
            "Limits of the network were not kept: it can't earn this profit.",
        ),
        (hours["fallback"], f"{hours['fallback']} hour(s) were decided by a fallback policy; see decisions."),
        (
            hours["remarks"],
            f"In {hours['remarks']} hour(s) a unit failed or a time limit was reached; see decisions.",
        ),
    )
    told = [left, *(f"[yellow]{text}[/yellow]" for true, text in remarks if true)]
    if calendar.is_hourly:
        return told
    told[0] = left.replace("hour(s)", "settlement period(s)")
    return [text.replace("hour(s)", "step(s)").replace("hourly bids", "bids") for text in told]
