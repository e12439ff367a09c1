"""Comparison of runs on the terminal: money side by side, and the hours that make the difference."""

from rich.markup import escape

from experiments.compare import DIFFERENCES, RunComparison
from experiments.confidence import PLUS_MINUS
from experiments.console import money, out
from experiments.tables import rich_table, text_of
from sim.recorder import OPERATOR

HOURS_SHOWN = 8
"""Number of hours that are printed of every study; all are in the JSON and in ``hours.csv``."""


def show_comparison(comparison: RunComparison) -> None:
    """Print the money of all studies, the differences to the first, and the hours in which they arise."""
    baseline, *others = comparison.names
    differences, several = comparison.differences, len(comparison.seeds) > 1
    rows = [
        (term, *map(money, values), *(differences[name][term].difference for name in others))
        for term, values in zip(comparison.money.index, comparison.money.to_numpy(), strict=True)
    ]
    weather = f"mean of {len(comparison.seeds)} seeds" if several else f"seed {comparison.seeds[0]}"
    heads = ("term", *map(escape, comparison.names), *(escape(f"{name} more") for name in others))
    title = f"Money of {OPERATOR} on the same weather, {weather} [$]"
    out.print(rich_table(heads, rows, "l" + "r" * (len(heads) - 1), title=title, bold={"profit"}))
    if several:
        out.print(f"differences are paired, {PLUS_MINUS} (Student); * marks those beyond chance")
    for name, count in comparison.beyond_limits.items():
        if count:
            times = f"{count:,} time{'s' * (count > 1)}"
            out.print(
                f"[yellow]{escape(name)}: limits of the network not kept {times}: it can't earn this profit[/yellow]"
            )
    for name in others:
        table = comparison.hourly_differences.loc[name]
        largest = table["profit"].abs().sort_values(ascending=False, kind="stable").index[:HOURS_SHOWN]
        lines = [
            (
                f"{day}",
                f"{hour:.5g}",
                *(text_of(value, "+.3f") for value in values[:-2]),
                *(text_of(value, "+.2f") for value in values[-2:]),
            )
            for (day, hour), values in zip(largest, table.loc[largest, list(DIFFERENCES)].to_numpy(), strict=True)
        ]
        heads = ("day", "hour", "bid", "metered", "load cut", "generation cut", "imbalance [$]", "profit [$]")
        title = escape(
            f"{comparison.calendar.step_name.capitalize()}s that make the difference: {name} less {baseline} [MW]"
        )
        out.print(rich_table(heads, lines, "r" * len(heads), title=title))
