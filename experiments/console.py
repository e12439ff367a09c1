"""What the terminal shows: progress on standard error, results on standard output."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from experiments.confidence import PLUS_MINUS
from experiments.connection_console import DIRECTIONS, connection_story, connections_table, goal
from experiments.summary import limits_in_json
from grids.documents import shown
from sim.audit import LIMITS, AuditReport
from sim.instance import Instance
from sim.recorder import OPERATOR, SYSTEM_OPERATOR
from sim.settlement import COST_TERMS

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)

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
"""Who pays the operator or is paid by it, named as in the payments."""


def echo(text: str) -> None:
    """Print a line of plain text to standard output."""
    out.print(text, markup=False)


@contextmanager
def progress(title: str, *, total: int, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show a bar on standard error that moves one step every time the yielded function is called."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[now]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        task = bar.add_task(title, total=total, now="")
        yield lambda now: bar.update(task, advance=1, now=now)


@contextmanager
def status(title: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show a spinner on standard error; the yielded function says what is going on."""
    if quiet or not err.is_terminal:
        yield lambda now: None
        return
    with err.status(title) as spinner:
        yield lambda now: spinner.update(f"{title}: {now}")


def strategy_in_words(strategy: Mapping[str, Any]) -> str:
    """Return the bidding strategy that was used, and the one that was asked for where it is another."""
    return f"{strategy['used']} (asked for: {strategy['asked']})" if strategy["fallbacks"] else strategy["used"]


def warn(text: str) -> None:
    """Print a warning to standard error."""
    err.print(f"warning: {text}", markup=False, soft_wrap=True)


def warn_of_fallback(strategy: Mapping[str, Any], bids: str = "bids") -> None:
    """Say on standard error that bids are not of the strategy asked for, and why."""
    if strategy["fallbacks"]:
        days = f"{strategy['fallbacks']} day(s): {'; '.join(strategy['reasons'][:3])}"
        more = "; ..." if strategy["fallbacks"] > 3 else ""
        warn(f"the {bids} are not those of {strategy['asked']}, as asked for, on {days}{more}")


def show_run(summary: Mapping[str, Any], instance: Instance, verdict: AuditReport, figures: Sequence[str]) -> None:
    """Print money, physics and proof of a run, and which figures were drawn."""
    days = summary["days"]
    period = "one day" if days == 1 else f"{days} days"
    out.print(
        f"[bold]{summary['study']}[/bold]: {period}, bidding {escape(strategy_in_words(summary['bid_strategy']))},"
        f" policy {summary['policy']}, rule {escape(summary['rule'])}, seed {summary['seed']}"
    )
    out.print(_money_table(summary["terms"], period))
    out.print(_physics_table(summary, instance))
    show_limits(summary["limits"], summary["hours_beyond_limits"])
    if "microgrids" in summary:
        out.print(connections_table(summary["microgrids"]))
    for line in [*_story(summary), *(connection_story(summary) if "microgrids" in summary else [])]:
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
    """Return in words which figures there are, and how to get those there are not."""
    if not drawn:
        return "no figures were drawn"
    if "day" in drawn:
        of_connections = [name for name in drawn if name not in {"day", "network"}]
        connections = ", ".join(of_connections[:-1]) + " and ".join(
            ["", *of_connections[-1:]] if len(of_connections) > 1 else of_connections
        )
        return "day.png shows the day" + (f", {connections} the microgrids" if of_connections else "")
    if "day1" in drawn:
        return f"overview.png shows all days, day1.png to day{days}.png each of them"
    return "overview.png shows all days; --figures daily draws each of them"


def _money_table(terms: Mapping[str, float], period: str, reach: Mapping[str, float | None] | None = None) -> Table:
    """Return the operator's money by the names of the records; costs are positive, as in the JSON."""
    table = Table(
        title=f"Money of {OPERATOR}, {period} [$]",
        caption=DIRECTIONS,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
    )
    table.add_column("term", no_wrap=True)
    for heading in ("income", "cost", *([] if reach is None else [PLUS_MINUS])):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("paid")
    for term, value in terms.items():
        amount = f"{round(value, 2) + 0.0:,.2f}"  # no "-0.00"
        columns = ["", amount] if term in COST_TERMS else [amount, ""]
        if reach is not None:
            columns.append("" if reach[term] is None else f"{reach[term]:,.2f}")
        style = "bold" if term == "profit" else None
        table.add_row(term, *columns, PARTIES.get(term, ""), style=style, end_section=term == "load_curtailment")
    return table


def _physics_table(summary: Mapping[str, Any], instance: Instance) -> Table:
    volts, energy, limits = summary["voltage"], summary["energy_mwh"], instance.grid.voltage
    proof = summary["certificate"]
    table = Table(title="Physics (AC power flow)", title_justify="left", title_style="bold", show_header=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_row("lowest / highest voltage", f"{volts['min_pu']:.4f} / {volts['max_pu']:.4f} p.u.")
    table.add_row("limits", f"{limits.min_vm_pu:.3f} / {limits.max_vm_pu:.3f} p.u.")
    for name, buses in (("below the limit", volts["buses_below"]), ("above the limit", volts["buses_above"])):
        if buses:
            table.add_row(f"buses {name}", ranges(buses))
    table.add_row("line losses", f"{energy['losses']:.3f} MWh")
    table.add_row("renewable output / curtailed", _pair(energy, "generation", "generation_curtailed"))
    table.add_row("load served / curtailed", _pair(energy, "load_served", "load_curtailed"))
    table.add_row("tie line: bid / metered", _pair(energy, "bid", "metered"))
    for name, label, unit in (
        ("power_flow_mismatch_mw", "optimiser against power flow", "MW"),
        ("optimality_gap", "optimality gap of the bid", "%"),
    ):
        if proof[name] is not None:
            shown = f"{100 * proof[name]:.4f}" if unit == "%" else f"{proof[name]:.1e}"
            table.add_row(label, f"{shown} {unit}")
    return table


def show_limits(limits: Mapping[str, Mapping[str, Any]], by_status: Mapping[str, int]) -> None:
    """Print how often limits were not kept, by how much at worst, and what the decisions of these hours say.

    Parameters
    ----------
    limits : mapping
        ``count``, ``worst`` and ``unit`` of each kind, as the audit counts them.
    by_status : mapping of str to int
        Hours by the status of the decision; empty where it isn't known.
    """
    broken = {name: one for name, one in limits.items() if one["count"]}
    if not broken:
        out.print(f"limits: all kept ({', '.join(limits)})")
        return
    table = Table(title="Limits not kept", title_justify="left", title_style="bold yellow")
    table.add_column("limit")
    for heading in ("how often", "worst beyond"):
        table.add_column(heading, justify="right")
    for name, one in broken.items():
        table.add_row(name, f"{one['count']:,} {LIMITS[name].each}", f"{one['worst']:.3g} {one['unit']}")
    out.print(table)
    if by_status:
        said = ", ".join(f"{status} {hours}" for status, hours in by_status.items())
        out.print(f"{sum(by_status.values())} hour(s) in all, whose decisions are recorded as: {said}")


def _pair(energy: Mapping[str, float], first: str, second: str) -> str:
    return f"{energy[first]:.2f} / {energy[second]:.2f} MWh"


def _story(summary: Mapping[str, Any]) -> list[str]:
    """Return what happened, in sentences."""
    hours, energy, terms = summary["hours"], summary["energy_mwh"], summary["terms"]
    lines = [
        f"{hours['penalised']} hour(s) left the tolerance band by {energy['outside_band']:.3f} MWh in all,"
        f" which cost ${terms['imbalance']:.2f}."
    ]
    if hours["bids_refused"]:
        lines.append(f"[yellow]{hours['bids_refused']} hourly bids were refused by the system operator.[/yellow]")
    if hours["least_violation"]:
        lines.append(
            f"[yellow]{hours['least_violation']} hour(s) had no dispatch within all limits;"
            " the least violation was carried out.[/yellow]"
        )
    if hours["repaired"] or hours["inexact"]:
        lines.append(
            f"[yellow]In {hours['repaired'] + hours['inexact']} hour(s) the conic relaxation was not exact;"
            f" {hours['repaired']} were repaired, {hours['inexact']} could not be.[/yellow]"
        )
    if any(one["count"] for name, one in summary["limits"].items() if name != "device"):
        lines.append("[yellow]Limits of the network were not kept: it can't earn this profit.[/yellow]")
    if hours["fallback"]:
        lines.append(f"[yellow]{hours['fallback']} hour(s) were decided by a fallback policy; see decisions.[/yellow]")
    if hours["remarks"]:
        lines.append(
            f"[yellow]In {hours['remarks']} hour(s) a unit failed or a time limit was reached; see decisions.[/yellow]"
        )
    return lines


def show_verdict(verdict: AuditReport) -> None:
    """Print whether the audit found the books in order, and what it found."""
    checked = sum(verdict.checks.values())
    if verdict.clean:
        out.print(f"[green]audit: clean[/green] ({checked:,} values re-derived from the stored tables)")
    else:
        out.print(f"[red]audit: {len(verdict.findings)} finding(s)[/red] in {checked:,} values; not a result")
    for finding in verdict.findings[:20]:
        out.print(
            f"  [red]{finding.check}[/red] day {finding.day} hour {finding.hour} {escape(shown(finding.where))}:"
            f" {escape(shown(finding.message))}"
        )


def show_audit(verdict: AuditReport, folder: Path) -> None:
    """Print the audit of a run folder, check by check."""
    table = Table(title=escape(f"Audit of {folder}"), title_justify="left", title_style="bold")
    table.add_column("check")
    table.add_column("values", justify="right")
    table.add_column("largest residual", justify="right")
    for check, count in verdict.checks.items():
        residual = verdict.largest.get(check)
        table.add_row(check, f"{count:,}", "" if residual is None else f"{residual:.1e}")
    out.print(table)
    show_verdict(verdict)
    show_limits(limits_in_json(verdict.limits), verdict.hours_beyond)
    for finding in verdict.limit_violations[:20]:
        when = f"day {finding.day} hour {finding.hour}"
        out.print(f"  {finding.check} {when} {shown(finding.where)}: {shown(finding.message)}", markup=False)
    if len(verdict.limit_violations) > 20:
        out.print(f"  … and {len(verdict.limit_violations) - 20} more")
    for note in verdict.notes:
        out.print(f"[yellow]{escape(shown(note, 400))}[/yellow]")
    out.print("taken as given, for nothing in the records tells:")
    for name, what in verdict.taken_as_given.items():
        out.print(f"  {name}: {escape(what)}")


def show_evaluation(summary: Mapping[str, Any], instance: Instance) -> None:
    """Print expected money over a set of scenarios."""
    out.print(
        f"[bold]{summary['study']}[/bold]: bidding {escape(strategy_in_words(summary['bid_strategy']))},"
        f" policy {summary['policy']}, rule {escape(summary['rule'])},"
        f" {summary['scenarios']} {summary['on']} scenarios, seed {summary['seed']}"
    )
    out.print(_money_table(summary["terms"], "expected of one day", summary["half_intervals"]))
    out.print(f"[dim]{_interval_in_words(summary)}[/dim]")
    volts, limits = summary["voltage"], instance.grid.voltage
    out.print(
        f"voltage {volts['min_pu']:.4f} to {volts['max_pu']:.4f} p.u. (limits {limits.min_vm_pu:.3f} to"
        f" {limits.max_vm_pu:.3f}); {summary['seconds']['total']:.1f} s"
    )
    show_limits(summary["limits"], {})


def _interval_in_words(summary: Mapping[str, Any]) -> str:
    """Return what stands behind the ± of an evaluation."""
    if summary["half_intervals"]["profit"] is None:
        return "no interval: the scenarios are worth less than two of equal probability"
    said = f"{PLUS_MINUS}: half of the confidence interval of the mean (Student)"
    if summary["on"] == "kept":
        return f"{said}; a guide only, for these scenarios were chosen by reduction and not drawn"
    return f"{said} over {summary['scenarios']} scenarios"


def show_bids(summary: Mapping[str, Any], instance: Instance) -> None:
    """Print the bids with the prices they answer to."""
    table = Table(
        title=f"Day-ahead bids of {summary['study']} ({escape(strategy_in_words(summary['bid_strategy']))})",
        title_justify="left",
    )
    for column in ("hour ending", "bid [MW]", "price [$/MWh]"):
        table.add_column(column, justify="right")
    for hour, value in enumerate(summary["bids_mw"]):
        table.add_row(str(hour + 1), f"{value:.4f}", f"{instance.profiles.price_per_mwh[hour]:.2f}")
    out.print(table)
    out.print("positive is import")
    proof, search = summary["certificate"], summary["search"]
    out.print(
        goal(summary.get("profit_of"), search, proof["optimality_gap"])
        if search
        else "nothing is proven about these bids"
    )
    if "cvar_profit" in search:
        level = instance.study.risk.cvar_level
        out.print(
            f"expected profit ${search['expected_profit']:,.2f}, mean of the worst {100 * (1 - level):g} %"
            f" ${search['cvar_profit']:,.2f}"
        )
    if proof.get("cone_gap") is not None:
        out.print(
            f"certificate: {proof['status']}; cone gap {proof['cone_gap']:.1e}, AC mismatch"
            f" {proof['power_flow_mismatch_mw']:.1e} MW and {proof['power_flow_mismatch_pu']:.1e} p.u.,"
            f" limits exceeded by at most {max(proof['limit_excess_pu'], 0.0):.1e} p.u."
        )
    out.print(f"{summary['seconds']['bid']:.2f} s")
    if summary["note"]:
        out.print(f"[yellow]{escape(summary['note'])}[/yellow]")


def show_catalog(catalog: Mapping[str, Mapping[str, str]]) -> None:
    """Print names with one line about each."""
    for title, entries in catalog.items():
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column()
        for name, text in entries.items():
            table.add_row(name, text)
        out.print(table)


def ranges(numbers: list[int]) -> str:
    """Return sorted whole numbers as ranges, such as ``10-18, 28-33``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def show_training(summary: Mapping[str, Any]) -> None:
    """Print what a training came to."""
    echo(
        f"value functions of {summary['stores']} stores written to {summary['file']}"
        f" ({summary['seconds']['train']:.0f} s); use them with --policy learned --trained {summary['file']}"
    )
    if "judged" not in summary:
        return
    table = Table(title="Fresh days, paired with hindsight", title_justify="left", title_style="bold")
    for heading in ("policy", "cost [$]", "more than hindsight [$]", PLUS_MINUS, "[%]", "s for an hour"):
        table.add_column(heading, justify="left" if heading == "policy" else "right")
    for policy, one in summary["judged"].items():
        table.add_row(
            policy,
            f"{one['cost']:,.2f}",
            f"{one['gap']:.2f}",
            "" if one["gap_95"] is None else f"{one['gap_95']:.2f}",
            f"{one['gap_percent']:.3f}",
            f"{one['seconds_per_hour']:.3f}",
        )
    out.print(table)


def show_proofs(proofs: list[dict[str, Any]]) -> None:
    """Print how far hard cases are proven."""
    table = Table(title="Proven bids, 10 scenarios", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.pad_edge, table.padding = False, (0, 0, 0, 1)
    table.add_column("case", no_wrap=True)
    for column in ("gap", "status", "nodes", "time", "/ conic", "turns"):
        table.add_column(column, justify="left" if column == "status" else "right", no_wrap=True)
    for proof in proofs:
        table.add_row(
            proof["case"],
            f"{100 * proof['gap']:.3f} %",
            proof["status"],
            f"{proof['nodes']:,}",
            f"{proof['seconds']:.1f} s",
            f"{proof['seconds'] / proof['conic_s']:.1f}",
            "" if proof["turning"] is None else f"{proof['turning']} h",
        )
    out.print(table)
    out.print(
        "/ conic: the time over that of the relaxation solved once; turns: hours in which some scenarios import and"
        " others export; < 0: prices 60 $/MWh lower, in hours 10-16 (noon), 1-6 (night) or all day."
    )
    for proof in proofs:
        if proof["oracle_gain"] is not None:
            out.print(
                f"{proof['case']}: Ipopt earns {proof['oracle_gain']:+.3f} $ compared with this bid, in"
                f" {proof['oracle_s']:.0f} s on the exact AC equations"
            )
        if proof["note"] and proof["status"] != "repaired":
            out.print(f"[yellow]{proof['case']}: {escape(proof['note'])}[/yellow]")


def show_benchmark(rows: list[dict[str, Any]]) -> None:
    """Print the benchmark."""
    table = Table(title="Benchmark", title_justify="left", title_style="bold")
    for column in ("what", "measured", "target", "met", "detail"):
        table.add_column(column, justify="right" if column == "measured" else "left")
    for row in rows:
        table.add_row(
            row["name"],
            f"{row['measured']:.3g} {row['unit']}",
            row["target"],
            "yes" if row["met"] else "[red]no[/red]",
            row["detail"],
        )
    out.print(table)
