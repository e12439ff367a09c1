"""Command ``value``: study in; tables on the terminal, one JSON object, or a folder with figure and data out."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.markup import escape

from experiments import console
from experiments.catalog import load_study
from experiments.commands import instance_of
from experiments.confidence import CONFIDENCE
from experiments.console.value import show_value
from experiments.executors.workers import Workers
from experiments.stochastic_value import Comparison
from experiments.value_report import Trial, ValueReport
from experiments.whole import new_folder
from sim.study import Study
from sim.study_file import write_study


def value(
    study: str | Path | Study,
    *,
    sizes: Sequence[int] = (),
    count: int = 100,
    out: str | Path | None = None,
    workers: int | None = None,
    dask: str | None = None,
    quiet: bool = True,
    **options: Any,
) -> ValueReport:
    """Return the value of the study's stochastic bid: VSS, EVPI, and profit by number of kept scenarios.

    Parameters
    ----------
    study : str, Path or Study
        Name of a packaged study, YAML file, run folder, or a study that is there already.
    sizes : sequence of int
        Also bid from so many kept scenarios; by default 1, 5, 10, 20 and 50, as far as they are drawn.
    count : int
        Fresh scenarios every bid is tested on, two or more.
    out : str or Path, optional
        Folder for figure and data, which must not exist.
    workers, dask : int, str, optional
        Threads, by default one per core, or the address of a Dask scheduler; the result does not depend on them.
    quiet : bool
        Whether no progress is shown on a terminal.
    **options
        Options of `load_study`: ``bidding``, ``rule``, ``seed``, ...

    Returns
    -------
    ValueReport
        ``solution`` (``ws``, ``rp``, ``eev``, ``vss``, ``evpi``), ``trials``, ``plot()``.

    Raises
    ------
    StudyError
        If something is wrong in the study, or it has microgrids.

    Examples
    --------
    >>> import tieline as tl
    >>> worth = tl.value("microgrid33", sizes=[1], count=2, scenarios=5, keep=2, bidding="basic")
    >>> worth.solution.evpi > 0
    True
    """
    start, spread = perf_counter(), Workers(workers, dask)
    chosen = load_study(study, **options)
    chosen.refuse_microgrids("tieline value")
    comparison = Comparison.of(instance_of(chosen), sizes=sizes, test_count=count)
    with nullcontext() if out is None else new_folder(Path(out)) as unfinished:
        with console.progress("comparing bids", total=comparison.steps, quiet=quiet) as tick:
            report = comparison.run(workers=spread, progress=tick)
        report.seconds["total"] = perf_counter() - start
        if unfinished is not None:
            with console.status("drawing", quiet=quiet):
                _write(unfinished, report)
    return report


def value_study(study: Study, *, out: Path | None, as_json: bool, **options: Any) -> None:
    """Print the value of the study's bid as `value` finds it; with `out`, where figure, data and study are."""
    report = value(study, out=out, quiet=as_json, **options)
    if as_json:
        console.print_json(value_summary(report))
        return
    show_value(report)
    console.out.print(f"{report.seconds['total']:.1f} s")
    if out is not None:
        console.out.print(f"written to [bold]{escape(str(out))}[/bold] (value.png, value.svg, value.json)")


def _write(folder: Path, report: ValueReport) -> None:
    from experiments.figures import save_figure

    text = json.dumps(value_summary(report), indent=2, allow_nan=False)
    (folder / "study.yaml").write_text(write_study(report.study), encoding="utf-8")
    (folder / "value.json").write_text(text + "\n", encoding="utf-8")
    save_figure(report.plot(), folder, "value")


def value_summary(report: ValueReport) -> dict[str, Any]:
    """Return the report as ``--json`` prints it; all money in $ for one day."""
    study = report.study
    return {
        "study": study.name,
        "seed": study.seed,
        "bidding": study.bidding,
        "rule": study.market.rule.name,
        "risk": study.risk.model_dump(),
        "scenarios": study.uncertainty.scenarios,
        "keep": report.reference.contender.keep,
        "solution": {name: getattr(report.solution, name) for name in ("ws", "rp", "eev", "evpi", "vss", "rp_gap")},
        "test_scenarios": len(report.reference.profits),
        "confidence": CONFIDENCE,
        "bids": [_trial_summary(trial, report) for trial in report.trials],
        "seconds": report.seconds,
    }


def _trial_summary(trial: Trial, report: ValueReport) -> dict[str, Any]:
    return {
        "bidding": trial.contender.strategy,
        "keep": trial.contender.keep,
        "kantorovich_mw": trial.contender.scenarios.kantorovich,
        "gap": trial.gap,
        "training": trial.training,
        "test": vars(trial.test),
        "tail": report.tail(trial),
        "optimism": trial.optimism,
        "difference": vars(report.difference(trial)),
        "beyond_limits": trial.beyond_limits,
        "inexact": trial.inexact,
        "bids_mw": trial.bid_mw.tolist(),
    }
