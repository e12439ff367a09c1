"""The benchmark on the terminal."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from experiments.console import out


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
