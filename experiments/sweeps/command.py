"""Commands ``sweep`` and ``report``."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from agents.anm import POLICIES
from agents.bidding import STRATEGIES
from agents.coordination import MODES
from experiments import console
from experiments.catalog import ADD, sweep_path, values_of
from experiments.console import sweep as sweep_console
from experiments.executors.dask_cluster import DaskCluster
from experiments.executors.engines import Engine, LocalProcesses
from experiments.executors.workers import Workers
from experiments.provenance import provenance
from experiments.sweeps.estimate import seconds_per_run, total_seconds
from experiments.sweeps.plan import PlannedRun, SweepPlan, make_plan, read_sweep, sweep_from
from experiments.sweeps.result_store import ResultStore, task_of
from experiments.sweeps.results import SweepResults, read_results
from experiments.sweeps.runner import Runner
from experiments.sweeps.worker import RunProduct
from grids.documents import in_short
from sim.errors import StudyError
from sim.market.imbalance import ImbalanceRule

Own = dict[tuple[str, str], type]
"""The user's own classes, by field and name."""


def sweep(
    file: str | Path | Mapping[str, Any],
    *,
    workers: int | None = None,
    dask: str | None = None,
    out: str | Path | None = None,
    retry_failed: bool = False,
    **options: Any,
) -> SweepResults:
    """Simulate all runs of a sweep that are not in its folder yet, and return its results.

    Parameters
    ----------
    file : str, Path or mapping
        Packaged sweep, YAML file, or what such a file says.
    workers : int, optional
        Processes; by default one per core. The result does not depend on it.
    dask : str, optional
        Address of a Dask scheduler, to simulate them there.
    out : str or Path, optional
        Folder, gone on with if it is there; by default ``sweeps/NAME``.
    retry_failed : bool
        Also simulate those that failed before.
    **options
        Options of `load_study` for all runs, such as ``policy``. There, and in a mapping, a strategy, policy or mode
        may be a class, which the workers import: it must be in a module, not in a script.

    Returns
    -------
    SweepResults
        ``results`` is one tidy DataFrame, a row for each run; ``failed`` those that failed.

    Raises
    ------
    StudyError
        If something is wrong in the sweep or its folder.

    Examples
    --------
    >>> import tieline as tl
    >>> quick = {"bidding": "basic", "policy": "none", "uncertainty.scenarios": 4, "uncertainty.keep": 2}
    >>> done = tl.sweep({"name": "rules", "set": quick, "axes": [{"values": {"market.rule": ["shi", "caiso"]}}]})
    >>> done.results.groupby("market.rule")["profit"].mean().idxmax()
    'shi'
    """
    own: Own = {}
    values = _with_names(values_of(options, "set changes"), own)
    plan, store = _plan_and_store(_with_names(file, own), workers, dask, out, values)
    _require_known_to_workers(plan, own)
    summary = _run(plan, store, Workers(workers, dask), retry_failed=retry_failed, quiet=True, own=own)
    return read_results(Path(summary["out"]))


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
    """Simulate a sweep and print its progress; the exit status is 1 if some runs failed.

    Parameters
    ----------
    reference : str
        Packaged sweep, or file.
    workers, dask, out, retry_failed
        As `sweep` takes them.
    dry_run : bool
        Only print the number of runs and the time they would take.
    as_json : bool
        Print one JSON object and nothing else.
    """
    plan, store = _plan_and_store(reference, workers, dask, out)
    if dry_run:
        _estimate(plan, store, workers, dask, retry_failed=retry_failed, as_json=as_json)
        return
    summary = _run(plan, store, Workers(workers, dask), retry_failed=retry_failed, quiet=as_json)
    if as_json:
        console.print_json(summary)
    else:
        sweep_console.show_summary(summary)
    if summary["failed"]:
        sys.exit(1)


def _with_names(given: Any, own: Own, field: str = "") -> Any:
    """Return a sweep in plain values: rules as mappings, and names of the user's classes, which go into `own`."""
    if isinstance(given, Mapping):
        return {key: _with_names(part, own, key) for key, part in given.items()}
    if isinstance(given, list | tuple):
        return [_with_names(part, own, field) for part in given]
    if isinstance(given, ImbalanceRule):
        return given.model_dump(mode="json")
    if field not in ADD or isinstance(given, str | float | int | None):
        return given
    name = getattr(given, "__qualname__", type(given).__qualname__)
    home = getattr(given, "__module__", "__main__")
    found = home != "__main__" and getattr(sys.modules.get(home), name, None) is given
    if not found or not isinstance(given, type):
        raise StudyError(
            f"{field}: the workers of a sweep can't import {name}; give a class (not an object of one) that is in a"
            " module of its own, outside the script, and imported from there"
        )
    known = ADD[field](given)
    own[field, known] = given
    return known


def _require_known_to_workers(plan: SweepPlan, own: Own) -> None:
    """Refuse names of the user's own strategies, policies and modes without their classes: workers don't know them."""
    for field, registry in (("bidding", STRATEGIES), ("policy", POLICIES), ("coordination", MODES)):
        for name in sorted({document[field] for _, document in plan.arms}):
            if registry.is_own(name) and (field, name) not in own:
                raise StudyError(f"{field}: '{name}' is known in this process alone; give its class")


def _plan_and_store(
    sweep: str | Path | Mapping[str, Any],
    workers: int | None,
    dask: str | None,
    out: str | Path | None,
    values: Mapping[str, Any] | None = None,
) -> tuple[SweepPlan, ResultStore]:
    """Return the plan of a sweep, with values for all runs, and the store of its results."""
    Workers(workers, dask)  # not both
    if isinstance(sweep, Mapping):
        read, folder = sweep_from(sweep, "sweep"), Path()
    else:
        if not isinstance(sweep, str | Path):
            raise StudyError(f"sweep: {in_short(sweep)} is none; give a packaged one's name, a YAML file or a mapping")
        path = sweep_path(str(sweep))
        read, folder = read_sweep(path), path.parent
    if values:
        read = read.model_copy(update={"set": {**read.set, **values}})
    plan = make_plan(read, folder)
    return plan, ResultStore(Path("sweeps") / plan.sweep.name if out is None else Path(out))


def _run(
    plan: SweepPlan, store: ResultStore, workers: Workers, *, retry_failed: bool, quiet: bool, own: Own | None = None
) -> dict[str, Any]:
    """Simulate all runs that are left; return the state of the sweep."""
    if any(document["search"]["time_limit_s"] is not None for _, document in plan.arms):
        console.err.print(
            "search.time_limit_s is set: bids, and so the results, depend on how busy the machine is", markup=False
        )
    simulated, failed, seconds = simulate_runs(
        plan, store, workers=workers, retry_failed=retry_failed, quiet=quiet, own=own
    )
    state = State.of(plan, store)
    return {
        "sweep": plan.sweep.name,
        "out": str(store.folder),
        "runs": plan.count,
        "done": len(state.done),
        "failed": len(state.failed),
        "played_now": simulated,
        "failed_now": failed,
        "seconds": seconds,
    }


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


def simulate_runs(
    plan: SweepPlan,
    store: ResultStore,
    *,
    workers: Workers | int | None,
    retry_failed: bool = False,
    quiet: bool = False,
    own: Own | None = None,
) -> tuple[int, int, float]:
    """Simulate the runs that a store lacks; return their number, the number that failed, and the seconds it took.

    Parameters
    ----------
    plan : SweepPlan
        All runs.
    store : ResultStore
        Their results.
    workers : Workers, int or None
        Processes, by default one per core, or a Dask cluster.
    retry_failed : bool
        Also simulate those that failed before.
    quiet : bool
        Show no progress.
    own : mapping of (str, str) to type, optional
        The user's own classes, by field and name.
    """
    spread = Workers.of(workers)
    cluster = None if spread.dask is None else DaskCluster(spread.dask)  # before anything is written
    with store.locked():
        store.prepare(plan)
        if retry_failed:
            store.clear_failures(plan)
        left, tally = State.of(plan, store).left, Counter[str]()
        engine = cluster or LocalProcesses(spread.at_most(len(left)))
        task, start = partial(task_of, outputs=plan.sweep.outputs, versions=provenance(), own=own), perf_counter()
        bar = sweep_console.bar(plan.sweep.name, total=plan.count, done=plan.count - len(left), quiet=quiet)
        with _released(engine, tally), bar as tick:

            def keep(run: PlannedRun, product: RunProduct) -> None:
                store.keep(run, product)
                tally["simulated"] += 1
                tally["failed"] += bool(product.error)
                tick(tally["failed"])

            if left:
                Runner(engine, task, keep).simulate(left)
        return tally["simulated"], tally["failed"], perf_counter() - start


@contextmanager
def _released(engine: Engine, tally: Counter[str]) -> Iterator[None]:
    """Release an engine's workers at the end, after an error or Ctrl-C at once."""
    try:
        yield
    except BaseException as stopped:
        engine.abandon()
        if isinstance(stopped, KeyboardInterrupt):
            simulated = tally["simulated"]
            console.err.print(f"stopped; {simulated:,} runs simulated now are stored: start the sweep again to go on")
        raise
    engine.close()


def _estimate(
    plan: SweepPlan, store: ResultStore, workers: int | None, dask: str | None, *, retry_failed: bool, as_json: bool
) -> None:
    """Print the number of runs and the time they take; write nothing."""
    state = State.of(plan, store)
    left = [run for run in plan.runs() if run.key in state.failed] + state.left if retry_failed else state.left
    count = Workers(workers).at_most(len(left)) if dask is None else _workers_at(dask)
    with console.status("simulating a few runs to see how long they take", quiet=as_json):
        per_run, based_on = seconds_per_run(left, store.timings)
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
        "seconds_per_run": per_run,
        "seconds": total_seconds(len(left), per_run, count),
        "based_on": based_on,
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


def report(folder: str | Path, *, quiet: bool = True) -> list[Path]:
    """Write tables and figures of a sweep into its folder ``report``, and return the files.

    Parameters
    ----------
    folder : str or Path
        Folder written by `sweep`.
    quiet : bool
        Whether no progress is shown on a terminal.

    Raises
    ------
    StudyError
        If it is none of a sweep.

    Examples
    --------
    >>> import tieline as tl
    >>> quick = {"bidding": "basic", "policy": "none", "uncertainty.scenarios": 4, "uncertainty.keep": 2}
    >>> _ = tl.sweep({"name": "rules", "set": quick, "axes": [{"values": {"market.rule": ["shi", "caiso"]}}]})
    >>> "report.html" in [file.name for file in tl.report("sweeps/rules")]
    True
    """
    from experiments.sweeps.report import write_report

    with console.status("drawing", quiet=quiet):
        return write_report(read_results(Path(folder)), Path(folder) / "report")


def report_sweep(folder: Path, *, as_json: bool) -> None:
    """Write the report of a sweep's folder into its folder ``report``, and say where it is."""
    written = report(folder, quiet=as_json)
    results = read_results(folder)
    if as_json:
        files = [str(path) for path in written]
        console.print_json(
            {"sweep": results.sweep.name, "runs": len(results.runs), "planned": results.planned, "files": files}
        )
    else:
        console.echo(
            f"report on {len(results.runs):,} of {results.planned:,} runs: {folder / 'report' / 'report.html'}"
        )
