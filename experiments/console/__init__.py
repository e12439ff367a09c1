"""Terminal output: progress on standard error, results on standard output; one module for each command."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

LINE_S = 120.0
"""Time between two lines on progress where there is no terminal. [s]"""

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)


def echo(text: str) -> None:
    """Print a line of plain text to standard output."""
    out.print(text, markup=False)


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON object."""
    echo(json.dumps(document, indent=2, allow_nan=False, default=float))


def print_result(summary: dict[str, Any], *more: Any, show: Callable[..., None], as_json: bool) -> None:
    """Print a summary as one JSON object, or as `show` prints it, which may need more; warn of bids not asked for."""
    warn_of_fallback(summary["bid_strategy"])
    if as_json:
        print_json(summary)
    else:
        show(summary, *more)


@contextmanager
def progress(title: str, *, total: int, quiet: bool, done: int = 0) -> Iterator[Callable[[str], None]]:
    """Show a bar on standard error that moves one step every time the yielded function is called.

    Where standard error is no terminal it is a line every few minutes.

    Parameters
    ----------
    title : str
        What is going on.
    total, done : int
        Number of steps, and those that are done when it begins.
    quiet : bool
        Show nothing.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[now]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    begun = told = monotonic()
    left = total - done

    def tell(now: str) -> None:
        nonlocal told, left
        left -= 1
        if quiet or err.is_terminal or monotonic() - told < LINE_S:
            return
        told = monotonic()
        minutes = [(told - begun) / 60, (told - begun) / 60 * (left + 1) / max(total - done - left - 1, 1)]
        err.print(f"{title} {now}; {minutes[0]:.0f} min so far, about {minutes[1]:.0f} min left", soft_wrap=True)

    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        task = bar.add_task(title, total=total, completed=done, now="")

        def report(now: str) -> None:
            bar.update(task, advance=1, now=now)
            tell(now)

        yield report


@contextmanager
def status(title: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show a spinner on standard error; the yielded function sets its text."""
    if quiet or not err.is_terminal:
        yield lambda now: None
        return
    with err.status(title) as spinner:
        yield lambda now: spinner.update(f"{title}: {now}")


def warn(text: str) -> None:
    """Print a warning to standard error."""
    err.print(f"warning: {text}", markup=False, soft_wrap=True)


def warn_of_fallback(strategy: Mapping[str, Any], bids: str = "bids") -> None:
    """Warn on standard error if bids are not of the strategy asked for, with the reasons."""
    if strategy["fallbacks"]:
        days = f"{strategy['fallbacks']} day(s): {'; '.join(strategy['reasons'][:3])}"
        more = "; ..." if strategy["fallbacks"] > 3 else ""
        warn(f"the {bids} are not those of {strategy['asked']}, as asked for, on {days}{more}")


def strategy_in_words(strategy: Mapping[str, Any]) -> str:
    """Return the bidding strategy that was used, and the one that was asked for where it is another."""
    return f"{strategy['used']} (asked for: {strategy['asked']})" if strategy["fallbacks"] else strategy["used"]


def money(amount: float) -> str:
    """Return an amount in $ to the cent, and no minus before nothing."""
    return f"{round(amount, 2) + 0.0:,.2f}"


def ranges(numbers: list[int]) -> str:
    """Return sorted whole numbers as ranges, such as ``10-18, 28-33``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def show_catalog(catalog: Mapping[str, Mapping[str, str]]) -> None:
    """Print names with one line about each."""
    for title, entries in catalog.items():
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column()
        for name, text in entries.items():
            table.add_row(name, text)
        out.print(table)
