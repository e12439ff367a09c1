"""Audit on the terminal: check by check, findings, and limits that were not kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape

from experiments.console import out
from experiments.summary import limits_in_json
from experiments.tables import rich_table
from grids.documents import shown
from sim.audit import LIMITS, AuditReport

FINDINGS_MOST = 20


def show_limits(
    limits: Mapping[str, Mapping[str, Any]], by_status: Mapping[str, int], *, step_name: str = "hour"
) -> None:
    """Print the numbers of limits not kept, the worst excess, and the statuses of the decisions of these hours.

    Parameters
    ----------
    limits : mapping
        ``count``, ``worst`` and ``unit`` of each kind, as the audit counts them.
    by_status : mapping of str to int
        Hours by the status of the decision; empty where it isn't known.
    step_name : str
        What a step of the run is called.
    """
    rows = [
        (name, f"{one['count']:,} {LIMITS[name].each.replace('hour', step_name)}", f"{one['worst']:.3g} {one['unit']}")
        for name, one in limits.items()
        if one["count"]
    ]
    if not rows:
        out.print(f"limits: all kept ({', '.join(limits)})")
        return
    heads = ("limit", "how often", "worst beyond")
    out.print(rich_table(heads, rows, "lrr", title="Limits not kept", title_style="bold yellow"))
    if by_status:
        said = ", ".join(f"{status} {hours}" for status, hours in by_status.items())
        out.print(f"{sum(by_status.values())} {step_name}(s) in all, whose decisions are recorded as: {said}")


def show_verdict(verdict: AuditReport) -> None:
    """Print the verdict of the audit on the books, and its findings."""
    checked = sum(verdict.checks.values())
    if verdict.clean:
        out.print(f"[green]audit: clean[/green] ({checked:,} values re-derived from the stored tables)")
    else:
        out.print(f"[red]audit: {len(verdict.findings)} finding(s)[/red] in {checked:,} values; not a result")
    for finding in verdict.findings[:FINDINGS_MOST]:
        out.print(
            f"  [red]{finding.check}[/red] day {finding.day} hour {finding.hour} {escape(shown(finding.where))}:"
            f" {escape(shown(finding.message))}"
        )


def show_audit(verdict: AuditReport, folder: Path, step_name: str = "hour") -> None:
    """Print the audit of a run folder, check by check."""
    rows = [
        (check, f"{count:,}", f"{verdict.largest[check]:.1e}" if check in verdict.largest else "")
        for check, count in verdict.checks.items()
    ]
    heads = ("check", "values", "largest residual")
    out.print(rich_table(heads, rows, "lrr", title=escape(f"Audit of {folder}")))
    show_verdict(verdict)
    show_limits(limits_in_json(verdict.limits), verdict.hours_beyond, step_name=step_name)
    for finding in verdict.limit_violations[:FINDINGS_MOST]:
        when = f"day {finding.day} hour {finding.hour}"
        out.print(f"  {finding.check} {when} {shown(finding.where)}: {shown(finding.message)}", markup=False)
    if len(verdict.limit_violations) > FINDINGS_MOST:
        out.print(f"  … and {len(verdict.limit_violations) - FINDINGS_MOST} more")
    for note in verdict.notes:
        out.print(f"[yellow]{escape(shown(note, 400))}[/yellow]")
    out.print("taken as given, for nothing in the records tells:")
    for name, what in verdict.taken_as_given.items():
        out.print(f"  {name}: {escape(what)}")
