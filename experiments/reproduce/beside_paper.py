"""Our figures beside the paper's, by case, strategy and term, and the table that shows them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from experiments.confidence import PLUS_MINUS, Estimate
from experiments.reproduce.evaluated_bids import Column, EvaluatedBids
from experiments.reproduce.paper import BASIC, CASES, PROPOSED, STRATEGIES, table5
from experiments.tables import Cells, ReportTable
from sim.market.settlement import TERMS

DIFFERENCE = "difference"
PANELS = {BASIC: "basic bidding", PROPOSED: "proposed bidding", DIFFERENCE: "proposed − basic"}
"""Panels of the table: the strategies, and their difference scenario by scenario."""

EXACT_COLUMNS = {"ours": ".2f", "paper": ".2f", "difference": "+.2f", "percent": "+.1f"}
SAMPLED_COLUMNS = {"ours": ".2f", "reach": ".2f", "paper": ".2f", "difference": "+.2f"}
"""Columns of a table, with the formats of its numbers, without and with intervals."""
HEADS = {"reach": PLUS_MINUS, "difference": "diff. $", "percent": "diff. %"}
"""Headings of columns, where not their names."""

COLUMNS = ("ours", "reach", "paper", "difference", "percent")


def compare(columns: Mapping[Column, EvaluatedBids], *, sampled: bool) -> pd.DataFrame:
    """Return our figures beside the paper's: a row for each rule, panel and term. [$]

    The paper's differences are those of its rounded columns, which may be a cent off what it prints.

    Parameters
    ----------
    columns : mapping
        Our columns by rule and strategy.
    sampled : bool
        Whether their scenarios are independent draws, so that means have intervals.

    Returns
    -------
    DataFrame
        Expected money of one day ``ours`` and of the ``paper``, their ``difference``, this in ``percent`` of the
        paper's figure (NaN where that is zero or itself a difference), and half the interval of ours as ``reach``
        (NaN without one).
    """
    paper, rows = table5(), {}
    for rule in CASES:
        ours = {name: columns[rule, name].money for name in STRATEGIES}
        theirs = {name: paper[f"{rule} {name}"] for name in STRATEGIES}
        for both in (ours, theirs):
            both[DIFFERENCE] = both[PROPOSED] - both[BASIC]
        for panel, money in ours.items():
            for term in TERMS:
                mean, printed = float(columns[rule, BASIC].probability @ money[term]), float(theirs[panel][term])
                reach = Estimate.of(money[term].to_numpy()).reach if sampled else np.nan
                percent = 100 * (mean / printed - 1) if panel != DIFFERENCE and printed else np.nan
                rows[rule, panel, term] = (mean, reach, printed, mean - printed, percent)
    return pd.DataFrame(rows.values(), index=pd.MultiIndex.from_tuples(rows), columns=COLUMNS)


def report_table(entries: pd.DataFrame, *, sampled: bool, **about: Any) -> ReportTable:
    """Return entries as a table: both cases side by side, a panel for each strategy and one for the difference.

    Name, number, title and notes are those of :meth:`ReportTable.of`.
    """
    formats = SAMPLED_COLUMNS if sampled else EXACT_COLUMNS

    def cells(panel: str, term: str) -> Cells:
        return [entries.loc[(rule, panel, term), column] for rule in CASES for column in formats]

    return ReportTable.of(
        {(heading, term.replace("_", " ")): cells(panel, term) for panel, heading in PANELS.items() for term in TERMS},
        {(case, HEADS.get(name, name)): layout for case in CASES.values() for name, layout in formats.items()},
        **about,
    )


def document(entries: pd.DataFrame) -> dict[str, Any]:
    """Return entries as ``--json`` prints them, by rule, panel and term."""
    plain = entries.astype(object).where(entries.notna(), None).to_dict(orient="index")
    return {rule: {panel: {term: plain[rule, panel, term] for term in TERMS} for panel in PANELS} for rule in CASES}
