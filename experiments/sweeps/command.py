"""Commands ``sweep`` and ``report``."""

import os
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

from experiments import console
from experiments.catalog import sweep_path
from experiments.console import sweep as sweep_console
from experiments.provenance import provenance
from experiments.sweeps.engines import DaskCluster, Engine, LocalProcesses
from experiments.sweeps.estimate import DurationEstimate
from experiments.sweeps.plan import PlannedRun, SweepPlan, make_plan, read_sweep
from experiments.sweeps.result_store import ResultStore, task_of
from experiments.sweeps.runner import Runner
from experiments.sweeps.worker import RunProduct
from experiments.threads import one_thread_each
from sim.errors import StudyError


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
    """Simulate all runs of a sweep that are not in its folder yet; the exit status is 1 if some failed.

    Parameters
    ----------
    reference : str
        Packaged sweep, or file.
    workers : int or None
        Processes; by default one per core.
    dask : str or None
        Address of a Dask scheduler, to simulate them there.
    out : Path or None
        Folder; by default ``sweeps/NAME``.
    dry_run : bool
        Only print the number of runs and the time they would take.
    retry_failed : bool
        Also simulate those that failed before.
    as_json : bool
        Print one JSON object and nothing else.
    """
    if workers is not None and dask is not None:
        raise StudyError("--workers and --dask: give one of them; a Dask cluster has the workers it was started with")
    path = sweep_path(reference)
    plan = make_plan(read_sweep(path), path.parent)
    store = ResultStore(out or Path("sweeps") / plan.sweep.name)
    if dry_run:
        _estimate(plan, store, workers, dask, retry_failed=retry_failed, as_json=as_json)
        return
    _warn(plan)
    cluster = None if dask is None else DaskCluster(dask)  # before anything is written
    with store.locked(), one_thread_each():
        store.prepare(plan)
        if retry_failed:
            store.clear_failures(plan)
        left = State.of(plan, store).left
        engine = cluster or LocalProcesses(_processes(workers, len(left)))
        simulated, failed, seconds = _simulate(plan, store, left, engine, quiet=as_json)
        state = State.of(plan, store)
    summary = {
        "sweep": plan.sweep.name,
        "out": str(store.folder),
        "runs": plan.count,
        "done": len(state.done),
        "failed": len(state.failed),
        "played_now": simulated,
        "failed_now": failed,
        "seconds": seconds,
    }
    if as_json:
        console.print_json(summary)
    else:
        sweep_console.show_summary(summary)
    if state.failed:
        sys.exit(1)


@dataclass(frozen=True, eq=False, kw_only=True)
class State:
    """State of a sweep: runs that are done, that failed, and that are left.

    Attributes
    ----------
    done, failed : set of str
        Keys of the runs that are stored, and of those that failed.
    left : list of PlannedRun
        The others, in the order they are to be simulated.
    """

    done: set[str]
    failed: set[str]
    left: list[PlannedRun]

    @classmethod
    def of(cls, plan: SweepPlan, store: ResultStore) -> "State":
        """Return the state of the sweep in a store."""
        runs = plan.runs()
        wanted = {run.key for run in runs}
        done = store.done(plan.sweep.outputs) & wanted
        failed = (store.failed() & wanted) - done
        return cls(done=done, failed=failed, left=[run for run in runs if run.key not in done | failed])


def _processes(workers: int | None, runs: int) -> int:
    return max(1, min(workers or os.cpu_count() or 1, runs))


def _warn(plan: SweepPlan) -> None:
    if any(document["search"]["time_limit_s"] is not None for _, document in plan.arms):
        console.err.print(
            "search.time_limit_s is set: bids, and so the results, depend on how busy the machine is", markup=False
        )


def _simulate(
    plan: SweepPlan, store: ResultStore, left: list[PlannedRun], engine: Engine, *, quiet: bool
) -> tuple[int, int, float]:
    """Simulate runs; return their number, the number that failed, and the seconds it took."""
    start, tally = perf_counter(), Counter[str]()
    task = partial(task_of, outputs=plan.sweep.outputs, versions=provenance())
    try:
        with sweep_console.bar(plan.sweep.name, total=plan.count, done=plan.count - len(left), quiet=quiet) as tick:

            def keep(run: PlannedRun, product: RunProduct) -> None:
                store.keep(run, product)
                tally["simulated"] += 1
                tally["failed"] += bool(product.error)
                tick(tally["failed"])

            if left:
                Runner(engine, task, keep).simulate(left)
    except BaseException as stopped:
        engine.abandon()
        if isinstance(stopped, KeyboardInterrupt):
            simulated = tally["simulated"]
            console.err.print(f"stopped; {simulated:,} runs simulated now are stored: start the sweep again to go on")
        raise
    engine.close()
    return tally["simulated"], tally["failed"], perf_counter() - start


def _estimate(
    plan: SweepPlan, store: ResultStore, workers: int | None, dask: str | None, *, retry_failed: bool, as_json: bool
) -> None:
    """Print the number of runs and the time they take; write nothing."""
    state = State.of(plan, store)
    left = [run for run in plan.runs() if run.key in state.failed] + state.left if retry_failed else state.left
    count = _processes(workers, len(left)) if dask is None else _workers_at(dask)
    with console.status("simulating a few runs to see how long they take", quiet=as_json):
        estimate = DurationEstimate.of(left, store.timings)
    summary = {
        "sweep": plan.sweep.name,
        "out": str(store.folder),
        "points": len(plan.arms),
        "replications": plan.sweep.replications,
        "runs": plan.count,
        "done": len(state.done),
        "failed": len(state.failed),
        "to_play": len(left),
        "workers": count,
        "seconds_per_run": estimate.seconds_per_run,
        "seconds": estimate.total_s(count),
        "based_on": estimate.based_on,
    }
    if as_json:
        console.print_json(summary)
    else:
        sweep_console.show_estimate(summary, plan)


def _workers_at(address: str) -> int:
    cluster = DaskCluster(address)
    count = cluster.workers
    cluster.close()
    return count


def report_sweep(folder: Path, *, as_json: bool) -> None:
    """Write the report of a sweep's folder into its folder ``report``."""
    from experiments.sweeps.report import write_report
    from experiments.sweeps.results import read_results

    with console.status("drawing", quiet=as_json):
        results = read_results(folder)
        written = write_report(results, folder / "report")
    if as_json:
        files = [str(path) for path in written]
        console.print_json(
            {"sweep": results.sweep.name, "runs": len(results.runs), "planned": results.planned, "files": files}
        )
    else:
        console.echo(
            f"report on {len(results.runs):,} of {results.planned:,} runs: {folder / 'report' / 'report.html'}"
        )
