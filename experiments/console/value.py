"""Value of a bid on the terminal: of information, of scenarios, and of keeping more of them."""

from rich.markup import escape
from rich.table import Table

from experiments.confidence import CONFIDENCE, PLUS_MINUS
from experiments.console import money, out
from experiments.tables import rich_table
from experiments.value_report import SolutionValue, ValueReport

CENT = 0.005
"""Gap from which on a bid counts as not proven; less than half a cent is the solver's round-off. [$]"""


def show_value(report: ValueReport) -> None:
    """Print the value of information, of the stochastic bid, and of keeping more scenarios."""
    study, kept, count = report.study, report.reference.contender.keep, len(report.reference.profits)
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
    rows = [
        ("WS", money(solution.ws), "wait and see: every scenario with a bid of its own"),
        ("RP", money(solution.rp), "the study's bid"),
        ("EEV", money(solution.eev), "the bid that is best for the forecast"),
        ("EVPI", money(solution.evpi), "WS - RP: the value of perfect information"),
        ("VSS", money(solution.vss), "RP - EEV: the value of bidding with scenarios"),
    ]
    return rich_table(("what", "$", "is"), rows, "lrl", title=title, bold={"EVPI", "VSS"}, sections={"EEV"})


def _trial_table(report: ValueReport, title: str) -> Table:
    rows = [
        (
            report.label(trial),
            money(trial.training),
            f"{money(trial.test.mean)} ± {money(trial.test.reach)}",
            money(report.tail(trial)),
            "the study's" if trial is report.reference else report.difference(trial).difference,
        )
        for trial in report.trials
    ]
    worst = f"worst {100 * (1 - report.study.risk.cvar_level):g} %"
    heads = ("bid from", "own", f"test {PLUS_MINUS}", worst, "over the study's")
    return rich_table(heads, rows, "lrrrr", title=title, bold={report.label(report.reference)})


def _remarks(report: ValueReport) -> list[str]:
    """Return remarks on unproven bids, and on profits that the network can't earn."""
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
