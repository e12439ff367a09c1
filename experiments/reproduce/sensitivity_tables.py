"""Tables of the sensitivity: all readings of a case below one another, and the spread of every term over seeds."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.reproduce.deviations import (
    DISPUTED,
    SENSITIVITY_COLUMNS,
    WORTH,
    Money,
    papers_money,
    sensitivity_cells,
)
from experiments.reproduce.interpretations import BASE, CLOSEST, Interpretation
from experiments.reproduce.paper import CASES, STRATEGIES
from experiments.tables import Cells, ReportTable
from sim.market.settlement import TERMS

SPREAD_COLUMNS = {"mean": ".2f", "s.d.": ".2f", "paper": ".2f", "off": "+.1f"}

Spread = Mapping[Interpretation, Sequence[Money]]
"""Money of a reading, once for every seed."""


def sensitivity_table(
    name: str,
    rule: str,
    groups: Mapping[str, Sequence[Interpretation]],
    results: Mapping[Interpretation, Money],
    spread: Spread,
) -> ReportTable:
    """Return the table of a case: the paper, the base reading and its spread, and every alternative.

    Parameters
    ----------
    name : str
        Stem of its file.
    rule : str
        Imbalance rule.
    groups : mapping
        Alternatives under their headings.
    results : mapping
        Money of every reading, with the first seed.
    spread : mapping
        Money of some readings with several seeds.
    """

    def row(reading: Interpretation) -> Cells:
        return sensitivity_cells(results[reading], rule)

    def rows(panel: str, reading: Interpretation) -> dict[tuple[str, str], Cells]:
        seeds = np.array([sensitivity_cells(money, rule) for money in spread[reading]])
        mean, deviation = seeds.mean(axis=0), seeds.std(axis=0, ddof=1)
        spread_of = {"its mean over seeds": mean.tolist(), "its s.d.": deviation.tolist()}
        return {(panel, label): cells for label, cells in ({reading.name: row(reading)} | spread_of).items()}

    paper: Cells = [None, None, None, *sensitivity_cells(papers_money(), rule)[3:]]
    ours = "the paper and ours"
    return ReportTable.of(
        {(ours, "Table 5"): paper}
        | rows(ours, BASE)
        | {(title, one.name): row(one) for title, readings in groups.items() for one in readings}
        | rows("closest, once more", CLOSEST),
        SENSITIVITY_COLUMNS,
        name=name,
        number=CASES[rule],
        title="One reading changed at a time: expected money of one day in the paper's protocol, beside Table 5.",
        notes=[
            "dev.: magnitude of the relative deviation from Table 5, mean and most, of all figures of the case above"
            f" {WORTH:.0f} $ there; others: the most without {' and '.join(DISPUTED)}. better: how far the proposed"
            " bid cuts the imbalance cost of the basic one and raises its profit. s.d.: standard deviation over"
            f" {len(spread[BASE])} seeds; a change of less than two of these may be chance.",
        ],
    )


def spread_table(name: str, spread: Spread) -> ReportTable:
    """Return the mean and standard deviation of every term over the seeds, beside the paper."""

    def cells(reading: Interpretation, rule: str, term: str) -> list[float | None]:
        row: list[float | None] = []
        for strategy in STRATEGIES:
            values = np.array([money[rule, strategy][term] for money in spread[reading]])
            mean, deviation = float(values.mean()), float(values.std(ddof=1))
            paper = papers_money()[rule, strategy][term]
            row += [mean, deviation, paper, (mean - paper) / deviation if deviation else None]
        return row

    count = len(spread[BASE])
    return ReportTable.of(
        {
            (f"{case}, {reading.name}", term.replace("_", " ")): cells(reading, rule, term)
            for reading in spread
            for rule, case in CASES.items()
            for term in TERMS
        },
        {(words, head): layout for words in STRATEGIES.values() for head, layout in SPREAD_COLUMNS.items()},
        name=name,
        number="Sampling spread",
        title=f"Mean and standard deviation over {count} seeds of every term of Table 5 [$], in two readings.",
        notes=["off: how many standard deviations the mean is from the paper's figure, itself one sample."],
    )
