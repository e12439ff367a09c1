"""Table 5: expected revenue, costs and profit of both bidding strategies, by the paper's protocol and two others."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments.confidence import CONFIDENCE
from experiments.reproduce import Item
from experiments.reproduce.beside_paper import DIFFERENCE, compare, document, report_table
from experiments.reproduce.context import Context, Size
from experiments.reproduce.evaluated_bids import Column, EvaluatedBids, evaluated_bids
from experiments.reproduce.item_result import ItemResult, write_tables
from experiments.reproduce.labels import percent
from experiments.reproduce.paper import BASIC, CASES, COLUMNS, STRATEGIES
from sim.audit import counts_in_words


class Protocol(NamedTuple):
    """Protocol by which bids are made and evaluated.

    Attributes
    ----------
    letter : str
        Letter of its table.
    keep : "all" or None
        Scenarios a bid is made from; None for the usual number.
    policy : str
        ANM policy that runs every scenario.
    on : {"kept", "test"}
        Scenarios it is evaluated on: those it is made from, or fresh ones.
    words : str
        All that in words, with the fields of :class:`Size`.
    note : str
        What to know about it.
    """

    letter: str
    keep: str | None
    policy: str
    on: str
    words: str
    note: str

    @property
    def sampled(self) -> bool:
        """True if the scenarios are independent draws, so that means have confidence intervals."""
        return self.on == "test"

    def title(self, size: Size) -> str:
        """Return the title of its table."""
        return f"Expected money of one day [$] beside Table 5 of the paper: {self.words.format(**vars(size))}."


PROTOCOLS = (
    Protocol(
        letter="a",
        keep=None,
        policy="hindsight",
        on="kept",
        words="bids from {keep} of {scenarios:,} scenarios and hindsight ANM in each of these {keep}, as in the paper",
        note="The kept scenarios are chosen and not drawn, so the means have no confidence intervals.",
    ),
    Protocol(
        letter="b",
        keep="all",
        policy="hindsight",
        on="test",
        words="bids from all {scenarios:,} scenarios and hindsight ANM in {test} fresh ones",
        note="A bid promises too much in the scenarios it is made from, so these are fresh ones.",
    ),
    Protocol(
        letter="c",
        keep=None,
        policy="receding",
        on="test",
        words="bids from {keep} of {scenarios:,} scenarios and, in {test} fresh ones, receding ANM without foresight",
        note="The operator knows the hour it is in and the forecasts of those to come.",
    ),
)


def reproduce(context: Context) -> ItemResult:
    """Return Table 5 by every protocol, and write it as CSV, Markdown and LaTeX."""
    tables, found = [], {}
    for number, protocol in enumerate(PROTOCOLS):
        columns = {}
        for place, (rule, strategy) in enumerate(COLUMNS, start=1 + number * len(COLUMNS)):
            study = context.study(rule=rule, bidding=strategy, policy=protocol.policy, keep=protocol.keep)
            which = f"({protocol.letter}) {CASES[rule]} {STRATEGIES[strategy]}"
            title = f"table5, part {place} of {len(PROTOCOLS) * len(COLUMNS)}: {which}, bid and days"
            columns[rule, strategy] = evaluated_bids(context, study, on=protocol.on, title=title)
        found[protocol.letter] = compare(columns, sampled=protocol.sampled)
        table = report_table(
            found[protocol.letter],
            name=context.stem(f"table5{protocol.letter}"),
            number=f"Table 5 ({protocol.letter})",
            title=protocol.title(context.size),
            sampled=protocol.sampled,
            notes=[protocol.note, *_interval_note(protocol), *_quality(columns), context.provenance],
        )
        tables.append(table)
    findings = [line for letter, entries in found.items() for line in _findings(letter, entries)]
    findings.append(_verdict(found["c"]))
    return ItemResult(
        summary={"tables": {letter: document(entries) for letter, entries in found.items()}, "findings": findings},
        files=write_tables(context, "table5", tables, findings),
        tables=tables,
        remarks=findings,
    )


def _interval_note(protocol: Protocol) -> list[str]:
    if not protocol.sampled:
        return []
    return [
        "All bids meet the same scenarios; differences are paired, and ± is half of a confidence interval of"
        f" {percent(CONFIDENCE)}."
    ]


def _quality(columns: dict[Column, EvaluatedBids]) -> list[str]:
    """Return how far the bids are proven, and what is not as it should be."""
    gaps = [gap for column in columns.values() if (gap := column.optimality_gap)]
    lines = [f"Each bid is within {percent(max(gaps), 2)} of the optimum of its own model."] if gaps else []
    for (rule, strategy), column in columns.items():
        remarks = (column.note, counts_in_words(column.limits))
        lines += [f"{CASES[rule]} {STRATEGIES[strategy]}: {remark}." for remark in remarks if remark]
    return lines


def _findings(letter: str, entries: pd.DataFrame) -> list[str]:
    """Return what the proposed bid earns more, in a sentence per case."""
    lines = []
    for rule, case in CASES.items():
        more, basic = entries.loc[(rule, DIFFERENCE, "profit")], entries.loc[(rule, BASIC, "profit")]
        reach = "" if np.isnan(more["reach"]) else f" ± {more['reach']:.2f}"
        lines.append(
            f"({letter}) {case}: the proposed bid earns {more['ours']:.2f}{reach} $ a day more than the basic"
            f" one ({percent(more['ours'] / basic['ours'], 2)}); in the paper {more['paper']:.2f} $"
            f" ({percent(more['paper'] / basic['paper'], 2)})."
        )
    return lines


def _verdict(entries: pd.DataFrame) -> str:
    """Return whether the advantage is there when the operator can't see the future."""
    more = entries.xs((DIFFERENCE, "profit"), level=(1, 2))
    lost = [case for rule, case in CASES.items() if not more.loc[rule, "ours"] > more.loc[rule, "reach"]]
    if not lost:
        return "The advantage survives when the operator can't see the future: both intervals of (c) are above zero."
    return f"Without a view of the future the advantage is not beyond chance in {' and '.join(lost)}: see (c)."


ITEMS = {
    "table5": Item(
        "Table 5: revenue, costs and profit of both strategies, in the paper's protocol and out of sample", reproduce
    )
}
