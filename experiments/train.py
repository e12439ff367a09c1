"""Training of value functions for the policy ``learned``, and its comparison with the others on fresh days."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.kept import kept_dispatchers
from agents.participants import opening_bids
from agents.value_functions.functions import DOES_NOT_MATTER
from agents.value_functions.training import Trainer
from experiments import console
from experiments.catalog import has_own, load_study
from experiments.commands import instance_of
from experiments.confidence import Estimate
from experiments.console.bids import show_training
from experiments.executors.workers import Workers
from experiments.simulate import simulate
from experiments.summary import bid_strategy, strategy_of, summarise
from experiments.whole import new_file
from sim.errors import StudyError
from sim.instance import Instance
from sim.study import Study

COMPARED = ("hindsight", "receding", "learned", "myopic")
"""Policies that are compared, the one with perfect knowledge first."""


def train(
    study: str | Path | Study,
    *,
    out: str | Path,
    samples: int = 60,
    rounds: int = 2,
    test_days: int = 0,
    workers: int | None = None,
    dask: str | None = None,
    quiet: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """Train value functions of stored energy for the policy ``learned``, and write them.

    Parameters
    ----------
    study : str, Path or Study
        Name of a packaged study, YAML file, run folder, or a study that is there already.
    out : str or Path
        JSON file, which must not exist; ``tl.run(study, policy="learned", trained=out)`` uses it.
    samples : int
        Problems solved for each hour and round, four or more.
    rounds : int
        Passes over the day; the best is kept.
    test_days : int
        Fresh days to compare it on with myopic, receding and hindsight.
    workers, dask : int, str, optional
        Threads for training and processes for test days, by default one per core, or the address of a Dask scheduler.
        The result does not depend on them.
    quiet : bool
        Whether no progress is shown on a terminal.
    **options
        Options of `load_study`: ``rule``, ``seed``, ...

    Returns
    -------
    dict
        Summary, as ``tieline train --json`` prints it.

    Raises
    ------
    StudyError
        If something is wrong in the study, or the file can't be written.

    Examples
    --------
    >>> import tieline as tl
    >>> done = tl.train("microgrid33", out="value.json", samples=4, rounds=1, bidding="basic", scenarios=5, keep=2)
    >>> done["stores"], done["samples"]
    (5, 4)
    """
    out, chosen, spread = Path(out), load_study(study, **options), Workers(workers, dask)
    if not out.parent.is_dir():
        raise StudyError(f"--out {out}: there is no folder {out.parent}")
    instance = instance_of(chosen.model_copy(update={"days": 1}))
    start = perf_counter()
    with new_file(out, name=f"--out {out}") as unfinished:
        with console.status("bidding", quiet=quiet):
            submission = opening_bids(instance, Dispatcher.of(instance, threads=spread.threads))
        steps = rounds * (instance.steps - 1)
        with spread.executor() as executor, console.progress("training", total=steps, quiet=quiet) as report:
            trainer = Trainer(instance, submission.bid_mw, samples=samples, rounds=rounds, executor=executor)
            functions = trainer.train(report)
        seconds = {"train": perf_counter() - start}
        provenance = {"tieline": version("tieline"), "does_not_matter": [*DOES_NOT_MATTER], **functions.provenance}
        replace(functions, provenance=provenance).write(unfinished)
    summary: dict[str, Any] = {
        "study": chosen.name,
        "seed": chosen.seed,
        "bid_strategy": strategy_of(submission),
        "file": str(out),
        "stores": len(functions.slopes),
        "samples": samples,
        "rounds": rounds,
        "seconds": seconds,
    }
    if test_days:
        with console.progress("judging", total=test_days, quiet=quiet) as report:
            summary["judged"], summary["test_bid_strategy"] = judge(instance, out, test_days, report, spread)
        seconds["judge"] = perf_counter() - start - seconds["train"]
    return summary


def train_study(study: Study, *, as_json: bool, **options: Any) -> None:
    """Train, write and test the value functions as `train` does, and print the results."""
    summary = train(study, quiet=as_json, **options)
    console.warn_of_fallback(summary["bid_strategy"], "bids trained with")
    if "test_bid_strategy" in summary:
        console.warn_of_fallback(summary["test_bid_strategy"], "bids of the test days")
    if as_json:
        console.print_json(summary)
    else:
        show_training(summary)


def judge(
    instance: Instance, trained: Path, days: int, progress: Callable[[str], None], workers: Workers | int = 1
) -> tuple[dict[str, dict[str, float | None]], dict[str, Any]]:
    """Return the cost of every policy on fresh days, its paired difference to hindsight, and the bidding strategy.

    Differences are ± 95 % (Student).
    Every test day has a seed of its own: other weather, other cars, and bids that know these cars, the same for all
    policies.

    Parameters
    ----------
    instance : Instance
        The built study.
    trained : Path
        The value functions.
    days : int
        Test days.
    progress : callable
        Called after every day.
    workers : Workers or int
        Processes, or a Dask cluster; the costs do not depend on it.
    """
    cost, seconds, strategies = np.empty((len(COMPARED), days)), np.zeros(len(COMPARED)), []
    study = instance.study.model_copy(update={"trained": str(trained.resolve())})
    if has_own(study, "bidding", "coordination"):
        workers = 1
    for day, judged_day in enumerate(Workers.of(workers).map(partial(_judged_day, study), range(1, days + 1))):
        strategy, cost[:, day], day_seconds = judged_day
        strategies.append((day + 1, *strategy))
        seconds += day_seconds
        progress(f"day {day + 1}")
    more = [Estimate.of(gap) for gap in cost - cost[0]]
    judged = {
        policy: {
            "cost": float(cost[k].mean()),
            "gap": more[k].mean,
            "gap_95": more[k].reach if days > 1 else None,
            "gap_percent": 100 * more[k].mean / abs(float(cost[0].mean())),
            "seconds_per_hour": float(seconds[k] / (days * instance.steps)),
        }
        for k, policy in enumerate(COMPARED)
    }
    return judged, bid_strategy(strategies)


def _judged_day(study: Study, day: int) -> tuple[tuple[str, str, str], list[float], list[float]]:
    """Return the strategy of a fresh day's bids, and the cost [$] and seconds of dispatch of every policy."""
    study = study.model_copy(update={"seed": study.seed + day})
    instance = Instance.of(study)
    dispatcher = kept_dispatchers.of(instance)
    submission = opening_bids(instance, dispatcher)
    costs, seconds = [], []
    for policy in COMPARED:
        chosen = Instance.of(study.model_copy(update={"policy": policy}))
        run = simulate(chosen, fixed=submission, dispatcher=dispatcher)
        costs.append(cost_of(summarise(run)))
        seconds.append(run.seconds["dispatch"])
    used = submission.strategy
    return (submission.asked or used, used, submission.reason), costs, seconds


def cost_of(summary: dict[str, Any]) -> float:
    """Return the cost of a run to operator and microgrids together, between whom transfers cancel. [$]"""
    if "costs" in summary:
        return float(summary["costs"]["total"])
    return float(summary["terms"]["revenue"] - summary["terms"]["profit"])
