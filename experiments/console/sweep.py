"""Sweep on the terminal: progress, results, and the time it takes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.console import err, out
from experiments.sweeps.plan import SweepPlan

FEW = 8
"""Largest number of values of a factor that are listed."""


@contextmanager
def bar(title: str, *, total: int, done: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error with rate, time left and failures; the yielded function moves it one run.

    Parameters
    ----------
    title : str
        Title of the bar.
    total, done : int
        Number of runs, and of those that were done before.
    quiet : bool
        Whether to show nothing; nor is anything shown where there is no terminal.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[failed]}", style="red"),
    )
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task(title, total=total, completed=done, rate="starting workers", failed="")

        def tick(failed: int) -> None:
            progress.update(task, advance=1, failed=f"{failed:,} failed" if failed else "")
            progress.update(task, rate=_rate(progress.tasks[0].speed))

        yield tick


def _rate(per_second: float | None) -> str:
    if per_second is None:
        return ""
    return f"{per_second:.1f} runs/s" if per_second >= 1 else f"{60 * per_second:.1f} runs/min"


def show_summary(summary: Mapping[str, Any]) -> None:
    """Print the results of a sweep."""
    folder, simulated, seconds = escape(summary["out"]), summary["played_now"], summary["seconds"]
    out.print(
        f"[bold]{summary['sweep']}[/bold]: {summary['done']:,} of {summary['runs']:,} runs are in {folder}/results"
    )
    out.print(
        f"{simulated:,} simulated now in {told(seconds)} ({_rate(simulated / seconds)})"
        if simulated
        else "none was left to simulate"
    )
    if summary["failed"]:
        out.print(
            f"[red]{summary['failed']:,} failed[/red]: {folder}/failures says why; --retry-failed simulates them again"
        )
    if summary["done"]:
        out.print(f"tieline report {folder} draws and tabulates them")


def show_estimate(summary: Mapping[str, Any], plan: SweepPlan) -> None:
    """Print the number of runs of a sweep, its factors, and the time the runs take."""
    points, replications = summary["points"], summary["replications"]
    out.print(
        f"[bold]{summary['sweep']}[/bold]: {summary['runs']:,} runs ({points:,} point{'s' if points > 1 else ''}"
        f" x {replications:,} replication{'s' if replications > 1 else ''}), kept: {plan.sweep.outputs}"
    )
    for name in plan.factors:
        out.print(f"  {name}: {_values([point[name] for point, _ in plan.arms])}", markup=False)
    out.print(f"{summary['done']:,} done, {summary['failed']:,} failed, {summary['to_play']:,} to be simulated")
    if summary["to_play"]:
        workers = summary["workers"]
        out.print(
            f"about {told(summary['seconds'])} on {workers:,} worker{'s' if workers > 1 else ''}:"
            f" {summary['seconds_per_run']:.2f} s for a run ({summary['based_on']})"
        )


def _values(column: list[Any]) -> str:
    values = list(dict.fromkeys(column))
    if len(values) <= FEW:
        return ", ".join(map(str, values))
    numbers = all(isinstance(value, int | float) for value in values)
    return f"{len(values):,} values" + (f", {min(values)} to {max(values)}" if numbers else "")


def told(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
