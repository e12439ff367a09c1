"""Benchmark on the terminal, line by line as each is measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from experiments.console import out

ROW = {"met": -3, "measured": 10, "target": -9, "what": -47}
CASE = {"case": -25, "gap": 8, "status": -10, "nodes": 6, "time": 8, "/ conic": 7, "turns": 5}
NETWORK = {
    "network": -18,
    "buses": 5,
    "branches": 8,
    "model": -8,
    "p.u.": 7,
    "MW": 7,
    "audit": 5,
    "limits": 6,
    "day": 6,
}
"""Columns and their widths; negative if aligned to the left."""

CASE_NOTE = (
    "/ conic: the time over that of the relaxation solved once; turns: hours in which some scenarios import and"
    " others export; < 0: prices 60 $/MWh lower, in hours 10-16 (noon), 1-6 (night) or all day."
)

NETWORK_NOTE = (
    "p.u., MW: largest differences of voltages, and of P and Q of branches and the tie line, from pandapower.runpp of"
    " the unchanged net; audit: findings on a day (bid of 10 scenarios, 2 kept; myopic policy); limits: kept, or how"
    " often not; day: its time, audit included. Below: what was carried besides lines and loads."
)


def show_row(row: Mapping[str, Any], *, first: bool) -> None:
    """Print a row: its value, its target, and whether that is met; above the first one, the headings."""
    if first:
        _show([f"[bold]{head}[/bold]" for head in ROW], ROW)
    met = "yes" if row["met"] else "[red]no[/red]"
    measured = f"{row['measured']:.3g} {row['unit']}".rstrip()
    _show([met, measured, row["target"], f"{escape(row['name'])}\n[dim]{escape(row['detail'])}[/dim]"], ROW)


def show_hard_case(case: Mapping[str, Any], *, first: bool) -> None:
    """Print the proof of a hard case's bid; above the first one, the headings."""
    if first:
        out.print(f"[bold]Proven bids, 10 scenarios[/bold]\n{CASE_NOTE}\n")
        _show([f"[bold]{head}[/bold]" for head in CASE], CASE)
    cells = [
        case["case"],
        f"{100 * case['gap']:.3f} %",
        case["status"],
        f"{case['nodes']:,}",
        f"{case['seconds']:.1f} s",
        f"{case['seconds'] / case['conic_s']:.1f}",
        "" if case["turning"] is None else f"{case['turning']} h",
    ]
    _show([escape(cell) for cell in cells], CASE)
    if case["oracle_gain"] is not None:
        out.print(
            f"  Ipopt earns {case['oracle_gain']:+.3f} $ compared with this bid, in {case['oracle_s']:.0f} s on the"
            " exact AC equations"
        )
    if case["note"] and case["status"] != "repaired":
        out.print(f"  [yellow]{escape(case['note'])}[/yellow]")


def show_network(row: Mapping[str, Any], *, first: bool) -> None:
    """Print a network: its size, model, differences from pandapower, findings and seconds of its day, what it has."""
    if first:
        out.print(f"[bold]Networks as they come[/bold]\n{NETWORK_NOTE}\n")
        _show([f"[bold]{head}[/bold]" for head in NETWORK], NETWORK)
    beyond = sum(row["beyond_limits"].values())
    cells = [
        row["network"],
        str(row["buses"]),
        str(row["branches"]),
        row["model"],
        f"{row['vm_pu']:.1e}",
        f"{row['flow_mva']:.1e}",
        str(row["findings"] or "clean"),
        str(beyond or "kept"),
        f"{row['seconds']:.1f} s",
    ]
    _show(cells, NETWORK)
    out.print(f"  [dim]{escape(row['carried'])}[/dim]")
    remarks = [f"{limit.replace('_', ' ')} not kept {count} times" for limit, count in row["beyond_limits"].items()]
    if row["fallbacks"]:
        remarks.append(f"{row['fallbacks']} fallbacks")
    if remarks:
        out.print(f"  [yellow]{', '.join(remarks)}[/yellow]")


def _show(cells: Sequence[str], columns: Mapping[str, int]) -> None:
    """Print one line of a table whose columns have fixed widths; the last one takes the rest."""
    table = Table.grid(padding=(0, 1), pad_edge=False)
    *fixed, last = columns.values()
    for width in fixed:
        table.add_column(width=abs(width), justify="left" if width < 0 else "right", no_wrap=True)
    table.add_column(min_width=abs(last), justify="left" if last < 0 else "right")
    table.add_row(*cells)
    out.print(table)
    out.file.flush()
