"""The commands ``sweep`` and ``report``."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from experiments import console
from experiments.commands import print_json
from experiments.identity import provenance
from experiments.sweeps.engines import DaskCluster, Engine, LocalProcesses, one_thread_each
from experiments.sweeps.estimate import Estimate
from experiments.sweeps.plan import Plan, Run, make_plan, read_sweep
from experiments.sweeps.runner import Runner
from experiments.sweeps.store import Store, labels_of
from experiments.sweeps.worker import Product, Task
from sim.errors import StudyError


def packaged_sweeps() -> dict[str, Path]:
    """Return the packaged sweeps by name."""
    folder = Path(str(files("experiments"))) / "sweeps" / "files"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def run_sweep(
    reference: str,
    *,
    workers: int | None,
    dask: str | None,
    out: Path | None,
    dry_run: bool,
    retry_failed: bool,
    as_json: bool,
) -> None:
    """Play all runs of a sweep that are not in its folder yet; the exit status is 1 if some failed.

    Parameters
    ----------
    reference : str
        Packaged sweep, or file.
    workers : int or None
        Processes; by default one per core.
    dask : str or None
        Address of a Dask scheduler, to play them there.
    out : Path or None
        Folder; by default ``sweeps/NAME``.
    dry_run : bool
        Only say how many runs there are, and how long they would take.
    retry_failed : bool
        Also play those that failed before.
    as_json : bool
        Print one JSON object and nothing else.
    """
    if workers is not None and dask is not None:
        raise StudyError("--workers and --dask: give one of them; a Dask cluster has the workers it was started with")
    path = packaged_sweeps().get(reference, Path(reference))
    plan = make_plan(read_sweep(path), path.parent)
    store = Store(out or Path("sweeps") / plan.sweep.name)
    count = workers or os.cpu_count() or 1
    if dry_run:
        _show_estimate(plan, store, count, retry_failed=retry_failed, as_json=as_json)
        return
    with store.locked(), one_thread_each():
        store.prepare(plan)
        if retry_failed:
            store.forgive(plan)
        todo = _todo(plan, store)
        tally = _play(plan, store, todo, workers=min(count, max(1, len(todo))), dask=dask, quiet=as_json)
    _conclude(plan, store, tally, as_json=as_json)


def _todo(plan: Plan, store: Store) -> list[Run]:
    settled = store.done(plan.sweep.outputs) | store.failed()
    return [run for run in plan.runs() if run.key not in settled]


def _play(
    plan: Plan, store: Store, todo: list[Run], *, workers: int, dask: str | None, quiet: bool
) -> dict[str, float]:
    """Play runs; return how many, how many failed, and the seconds it took."""
    tally: Counter[str] = Counter()
    start = perf_counter()
    if not todo:
        return {"played": 0, "failed": 0, "seconds": 0.0}
    engine: Engine = LocalProcesses(workers) if dask is None else DaskCluster(dask)
    versions = provenance()

    def task(run: Run) -> Task:
        return Task(
            key=run.key,
            document=run.document,
            labels=labels_of(run),
            outputs=plan.sweep.outputs,
            provenance=versions,
        )

    try:
        with _bar(plan.sweep.name, plan.count, plan.count - len(todo), quiet=quiet) as tick:

            def keep(run: Run, product: Product) -> None:
                store.keep(run, product)
                tally["played"] += 1
                tally["failed"] += bool(product.error)
                tick(tally["failed"])

            Runner(engine, task, keep).play(todo)
    except BaseException as stopped:
        engine.abandon()
        if isinstance(stopped, KeyboardInterrupt):
            played = tally["played"]
            console.err.print(f"stopped; {played} runs played now are stored: start the sweep again to go on")
        raise
    engine.close()
    return {"played": tally["played"], "failed": tally["failed"], "seconds": perf_counter() - start}


@contextmanager
def _bar(title: str, total: int, done: int, *, quiet: bool) -> Iterator[Any]:
    """Show a bar on standard error with rate, time left and failures; the yielded function moves it one run."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}", style="red"),
    )
    with Progress(*columns, console=console.err, transient=True, disable=quiet or not console.err.is_terminal) as bar:
        task = bar.add_task(title, total=total, completed=done, rate="starting workers", failed="")

        def tick(failed: int) -> None:
            bar.update(task, advance=1, failed=f"{failed} failed" if failed else "")
            speed = bar.tasks[0].speed
            bar.update(
                task, rate=f"{speed:.1f} runs/s" if speed and speed >= 1 else f"{60 * (speed or 0):.1f} runs/min"
            )

        yield tick


def _conclude(plan: Plan, store: Store, tally: dict[str, float], *, as_json: bool) -> None:
    wanted = {run.key for run in plan.runs()}
    done, failed = store.done(plan.sweep.outputs) & wanted, store.failed() & wanted
    summary = {
        "sweep": plan.sweep.name,
        "out": str(store.folder),
        "runs": plan.count,
        "done": len(done),
        "failed": len(failed - done),
        "played_now": int(tally["played"]),
        "failed_now": int(tally["failed"]),
        "seconds": tally["seconds"],
    }
    if as_json:
        print_json(summary)
    else:
        _show_summary(summary, console.out)
    if summary["failed"]:
        sys.exit(1)


def _show_summary(summary: dict[str, Any], out: Console) -> None:
    folder = escape(summary["out"])
    played, seconds = summary["played_now"], summary["seconds"]
    out.print(
        f"[bold]{summary['sweep']}[/bold]: {summary['done']:,} of {summary['runs']:,} runs are in {folder}/results"
    )
    if played:
        out.print(f"{played:,} played now in {seconds:.1f} s ({played / seconds:.2f} runs/s)")
    else:
        out.print("nothing was left to play")
    if summary["failed"]:
        out.print(
            f"[red]{summary['failed']:,} failed[/red]: {folder}/failures says why; --retry-failed plays them again"
        )
    if summary["done"]:
        out.print(f"tieline report {folder} draws and tabulates them")


def _show_estimate(plan: Plan, store: Store, workers: int, *, retry_failed: bool, as_json: bool) -> None:
    wanted = {run.key for run in plan.runs()}
    done, failed = store.done(plan.sweep.outputs) & wanted, store.failed() & wanted
    left = [run for run in plan.runs() if run.key not in done and (retry_failed or run.key not in failed)]
    with console.status("playing a few runs to see how long they take", quiet=as_json):
        estimate = Estimate.of(left, store.timings)
    summary = {
        "sweep": plan.sweep.name,
        "out": str(store.folder),
        "points": len(plan.arms),
        "replications": plan.sweep.replications,
        "runs": plan.count,
        "done": len(done),
        "failed": len(failed - done),
        "to_play": len(left),
        "workers": workers,
        "seconds_per_run": estimate.seconds_per_run,
        "seconds": estimate.total_s(workers),
        "based_on": estimate.based_on,
    }
    if as_json:
        print_json(summary)
        return
    out = console.out
    out.print(
        f"[bold]{plan.sweep.name}[/bold]: {plan.count:,} runs"
        f" ({len(plan.arms):,} points x {plan.sweep.replications:,} replications), kept: {plan.sweep.outputs}"
    )
    for name in plan.factors:
        values = list(dict.fromkeys(point[name] for point, _ in plan.arms))
        shown = (
            ", ".join(map(str, values))
            if len(values) <= 8
            else f"{len(values)} values, {min(values)} to {max(values)}"
        )
        out.print(f"  {name}: {shown}", markup=False)
    out.print(f"{len(done):,} are done, {len(failed - done):,} failed, {len(left):,} are to be played")
    if left:
        out.print(
            f"about {told(estimate.total_s(workers))} on {workers} process(es): {estimate.seconds_per_run:.2f} s for"
            f" a run ({estimate.based_on})"
        )


def told(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def report_sweep(folder: Path, *, as_json: bool) -> None:
    """Write the report of a sweep's folder into its folder ``report``."""
    from experiments.sweeps.report import write_report
    from experiments.sweeps.results import read_results

    with console.status("drawing", quiet=as_json):
        results = read_results(folder)
        written = write_report(results, folder / "report")
    if as_json:
        print_json({"sweep": results.sweep.name, "runs": len(results.runs), "files": [str(path) for path in written]})
    else:
        console.out.print(
            f"{len(results.runs):,} of {results.planned:,} runs in {escape(str(folder))}/report/report.html"
        )
