"""The command ``value``: study in; tables on the terminal, one JSON object, or a folder with figure and data out."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.markup import escape
from rich.table import Table

from experiments import console
from experiments.commands import instance_of, print_json
from experiments.confidence import CONFIDENCE, PLUS_MINUS, Estimate
from experiments.stochastic_value import Comparison
from experiments.value_report import SolutionValue, Trial, ValueReport
from experiments.whole import new_folder
from sim.study import Study
from sim.study_file import write_study

CENT = 0.005
"""Gaps below half a cent are the solver's round-off. [$]"""


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
        print_json(summary)
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


def show_value(report: ValueReport) -> None:
    """Print the value of information, of the stochastic bid, and of keeping more scenarios."""
    study, kept, count = report.study, report.reference.contender.keep, len(report.reference.profits)
    out = console.out
    out.print(
        f"[bold]{study.name}[/bold]: bidding {study.bidding}, rule {escape(study.market.rule.name)},"
        f" {kept} of {study.uncertainty.scenarios} scenarios kept, seed {study.seed}"
    )
    out.print(_solution_table(report.solution, f"Profit of one day, expected over the {kept} kept"))
    out.print(_trial_table(report, f"Profit of one day in {count} fresh test scenarios, the same for all bids"))
    out.print(
        "In $. own: expected over the scenarios a bid is made from; worst: mean of the worst test scenarios (CVaR).\n"
        f"Differences are paired, with {100 * CONFIDENCE:.0f} % confidence intervals; * marks those beyond chance.\n"
        "Every scenario is dispatched as is best for it (hindsight ANM on the AC network)."
    )
    for line in _remarks(report):
        out.print(f"[yellow]{line}[/yellow]")


def _solution_table(solution: SolutionValue, title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("what")
    table.add_column("$", justify="right")
    table.add_column("is")
    table.add_row("WS", _money(solution.ws), "wait and see: every scenario with a bid of its own")
    table.add_row("RP", _money(solution.rp), "the study's bid")
    table.add_row("EEV", _money(solution.eev), "the bid that is best for the forecast")
    table.add_section()
    table.add_row("EVPI", _money(solution.evpi), "WS - RP: the value of perfect information", style="bold")
    table.add_row("VSS", _money(solution.vss), "RP - EEV: the value of bidding with scenarios", style="bold")
    return table


def _trial_table(report: ValueReport, title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("bid from")
    worst = f"worst {100 * (1 - report.study.risk.cvar_level):g} %"
    for column in ("own", f"test {PLUS_MINUS}", worst, "over the study's"):
        table.add_column(column, justify="right")
    for trial in report.trials:
        mine = trial is report.reference
        table.add_row(
            report.label(trial),
            _money(trial.training),
            f"{_money(trial.test.mean)} ± {_money(trial.test.reach)}",
            _money(report.tail(trial)),
            "the study's" if mine else _difference(report.difference(trial)),
            style="bold" if mine else None,
        )
    return table


def _difference(estimate: Estimate) -> str:
    star = "*" if estimate.beyond_chance else " "
    return f"{estimate.mean:+,.2f} ± {estimate.reach:,.2f} {star}"


def _money(amount: float) -> str:
    return f"{round(amount, 2) + 0.0:,.2f}"


def _remarks(report: ValueReport) -> list[str]:
    """Return how far the bids are proven, and where a profit is not one that the network can earn."""
    lines = []
    unproven = [f"{report.label(trial)} by ${trial.gap:,.2f}" for trial in report.trials if trial.gap >= CENT]
    if unproven:
        lines.append(
            f"Not proven to the cent; may fall short of the best bid for the same scenarios: {'; '.join(unproven)}."
            " A lower search.gap proves more."
        )
    beyond, inexact = (max(getattr(trial, name) for trial in report.trials) for name in ("beyond_limits", "inexact"))
    if beyond:
        lines.append(
            f"In up to {beyond} test scenario(s) no dispatch meets all limits and the least violation is carried out:"
            " these profits are not ones the network can earn."
        )
    if inexact:
        lines.append(f"In up to {inexact} test scenario(s) the conic relaxation is not exact.")
    return lines
