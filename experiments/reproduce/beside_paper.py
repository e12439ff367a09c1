"""Our figures beside the paper's: one entry per case, strategy and term, and the table that shows them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.confidence import PLUS_MINUS, Estimate
from experiments.reproduce.evaluated_bids import EvaluatedBids, ScenarioMoney
from experiments.reproduce.paper import CASES, STRATEGIES, table5
from experiments.tables import Cells, ReportTable
from sim.market.settlement import TERMS

BASIC, PROPOSED = STRATEGIES
DIFFERENCE = "difference"
PANELS = {BASIC: "basic bidding", PROPOSED: "proposed bidding", DIFFERENCE: "proposed − basic"}
"""Panels of the table: the strategies, and their difference scenario by scenario."""

EXACT_COLUMNS = {"ours": ".2f", "paper": ".2f", "diff. $": "+.2f", "diff. %": "+.1f"}
SAMPLED_COLUMNS = {"ours": ".2f", PLUS_MINUS: ".2f", "paper": ".2f", "diff. $": "+.2f"}


class Entry(NamedTuple):
    """One figure of ours beside the paper's. [$]

    Attributes
    ----------
    ours, paper : float
        Expected money of one day.
    estimate : Estimate or None
        Ours with its interval, where it is the mean over a sample.
    strategy : bool
        Whether it is that of a strategy, and not a difference between two.
    """

    ours: float
    paper: float
    estimate: Estimate | None
    strategy: bool

    @property
    def reach(self) -> float | None:
        """Half-width of the confidence interval. [$]"""
        return None if self.estimate is None else self.estimate.reach

    @property
    def percent(self) -> float | None:
        """Deviation of ours from the paper's, in percent of it; no use for a difference near zero."""
        return 100 * (self.ours / self.paper - 1) if self.strategy and self.paper else None

    def cells(self) -> Cells:
        """Return the entry as cells of the table."""
        difference = self.ours - self.paper
        if self.estimate is None:
            return self.ours, self.paper, difference, self.percent
        return self.ours, self.reach, self.paper, difference

    def document(self) -> dict[str, float | None]:
        """Return the entry as ``--json`` prints it."""
        return {
            "ours": self.ours,
            "reach": self.reach,
            "paper": self.paper,
            "difference": self.ours - self.paper,
            "percent": self.percent,
        }


Entries = Mapping[str, Mapping[str, Mapping[str, Entry]]]
"""Entries by rule, panel and term."""


def compare(columns: Mapping[str, Mapping[str, EvaluatedBids]], *, sampled: bool) -> Entries:
    """Return all entries of a table.

    The paper's differences are those of its rounded columns, which may be a cent off what it prints.

    Parameters
    ----------
    columns : mapping
        Our columns by rule and strategy.
    sampled : bool
        Whether their scenarios are independent draws, so that means have intervals.
    """
    paper = table5()

    def entries(rule: str, panel: str) -> dict[str, Entry]:
        ours, theirs = columns[rule], {name: paper[f"{rule} {name}"] for name in STRATEGIES}
        column: ScenarioMoney
        if panel == DIFFERENCE:
            column, printed = ours[PROPOSED] - ours[BASIC], theirs[PROPOSED] - theirs[BASIC]
        else:
            column, printed = ours[panel], theirs[panel]
        return {
            term: Entry(
                ours=column.mean(term),
                paper=float(printed[term]),
                estimate=column.estimate(term) if sampled else None,
                strategy=panel != DIFFERENCE,
            )
            for term in TERMS
        }

    return {rule: {panel: entries(rule, panel) for panel in PANELS} for rule in CASES}


def report_table(
    entries: Entries, *, name: str, number: str, title: str, sampled: bool, notes: Sequence[str]
) -> ReportTable:
    """Return entries as a table: both cases side by side, a panel for each strategy and one for the difference."""

    def cells(panel: str, term: str) -> Cells:
        return [cell for rule in CASES for cell in entries[rule][panel][term].cells()]

    formats = SAMPLED_COLUMNS if sampled else EXACT_COLUMNS
    return ReportTable.of(
        {(heading, term.replace("_", " ")): cells(panel, term) for panel, heading in PANELS.items() for term in TERMS},
        {(case, head): layout for case in CASES.values() for head, layout in formats.items()},
        name=name,
        number=number,
        title=title,
        notes=notes,
    )


def document(entries: Entries) -> dict[str, Any]:
    """Return entries as ``--json`` prints them."""
    return {
        rule: {panel: {term: entry.document() for term, entry in terms.items()} for panel, terms in panels.items()}
        for rule, panels in entries.items()
    }
