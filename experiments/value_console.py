"""The command ``value``: study in; tables on the terminal, one JSON object, or a folder with figure and data out."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.markup import escape

from experiments import console
from experiments.commands import instance_of
from experiments.confidence import CONFIDENCE
from experiments.console.value import show_value
from experiments.stochastic_value import Comparison
from experiments.value_report import Trial, ValueReport
from experiments.whole import new_folder
from sim.study import Study
from sim.study_file import write_study


def value_study(
    study: Study,
    *,
    sizes: Sequence[int],
    test_count: int,
    out: Path | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Print what the study's bid is worth; with `out`, write figure, data and study into that folder."""
    start = perf_counter()
    study.refuse_microgrids("tieline value")
    instance = instance_of(study)
    comparison = Comparison.of(instance, sizes=sizes, test_count=test_count)
    with nullcontext() if out is None else new_folder(out) as unfinished:
        with console.progress("comparing bids", total=comparison.steps, quiet=as_json) as tick:
            report = comparison.run(workers=workers, progress=tick)
        summary = value_summary(report) | {"seconds": {"total": perf_counter() - start}}
        if unfinished is not None:
            with console.status("drawing", quiet=as_json):
                _write(unfinished, report, summary)
    if as_json:
        console.print_json(summary)
        return
    show_value(report)
    console.out.print(f"{summary['seconds']['total']:.1f} s")
    if out is not None:
        console.out.print(f"written to [bold]{escape(str(out))}[/bold] (value.png, value.svg, value.json)")


def _write(folder: Path, report: ValueReport, summary: dict[str, Any]) -> None:
    from experiments.figures import save_figure
    from experiments.figures.value import value_figure

    (folder / "study.yaml").write_text(write_study(report.study), encoding="utf-8")
    (folder / "value.json").write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    save_figure(value_figure(report), folder, "value")


def value_summary(report: ValueReport) -> dict[str, Any]:
    """Return the report as ``--json`` prints it; all money in $ for one day."""
    study, solution = report.study, report.solution
    return {
        "study": study.name,
        "seed": study.seed,
        "bidding": study.bidding,
        "rule": study.market.rule.name,
        "risk": study.risk.model_dump(),
        "scenarios": study.uncertainty.scenarios,
        "keep": report.reference.contender.keep,
        "solution": {
            "ws": solution.ws,
            "rp": solution.rp,
            "eev": solution.eev,
            "evpi": solution.evpi,
            "vss": solution.vss,
            "rp_gap": solution.rp_gap,
        },
        "test_scenarios": len(report.reference.profits),
        "confidence": CONFIDENCE,
        "bids": [_trial_summary(trial, report) for trial in report.trials],
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
