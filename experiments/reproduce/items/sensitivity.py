"""Sensitivity of Table 5 to what the paper leaves open: one change at a time, beside the spread over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from experiments.reproduce import Item
from experiments.reproduce.context import Context
from experiments.reproduce.deviations import (
    DISPUTED,
    SENSITIVITY_COLUMNS,
    WORTH,
    Money,
    papers_money,
    sensitivity_cells,
)
from experiments.reproduce.interpretations import BASE, CLOSEST, Interpretation, groups_of
from experiments.reproduce.item_result import ItemResult, csv_of, write_texts
from experiments.reproduce.loss_analysis import analyse_imbalance, analyse_losses
from experiments.reproduce.paper import CASES, STRATEGIES
from experiments.reproduce.sensitivity_findings import Spread, findings_of
from experiments.reproduce.variants import Sample, evaluate_variants
from experiments.tables import Cells, ReportTable
from sim.market.settlement import TERMS

SEEDS, QUICK_SEEDS = 5, 2
"""Seeds that show how much of a deviation is chance."""

SPREAD_COLUMNS = {"mean": ".2f", "s.d.": ".2f", "paper": ".2f", "off": "+.1f"}


def reproduce(context: Context) -> ItemResult:
    """Return the sensitivity tables and what follows from them, and write them as CSV and Markdown."""
    first = context.study().seed
    seeds = range(first, first + (QUICK_SEEDS if context.quick else SEEDS))
    groups = groups_of(context)
    once = [one for group in groups.values() for one in group if one not in (BASE, CLOSEST)]
    samples, remarks = evaluate_variants(context, once=once, repeated=(BASE, CLOSEST), seeds=len(seeds))
    losses, imbalance = analyse_losses(context), analyse_imbalance(context)

    spread = {one: [samples[one, seed] for seed in seeds] for one in (BASE, CLOSEST)}
    results = {reading: money for (reading, seed), money in samples.items() if seed == first}
    tables = [
        *(_table(context.stem(f"sensitivity_{rule}"), rule, groups, results, spread) for rule in CASES),
        _spread_table(context.stem("sensitivity_spread"), spread),
    ]
    findings = [*findings_of(results, spread, losses, imbalance), *remarks]
    data = _terms(samples)
    text = [
        *(table.as_markdown() for table in tables),
        "**What each reading changes** in the study, as `--set` takes it.",
        "",
        *(f"- {one.name}: `{one.in_words()}`" for one in results if one != BASE),
        "",
        "**What follows.**",
        "",
        *(f"- {line}" for line in findings),
        "",
        context.provenance,
        "",
    ]
    texts = {f"{table.name}.csv": table.as_csv() for table in tables}
    texts |= {f"{context.stem('sensitivity_terms')}.csv": csv_of(data)}
    texts |= {f"{context.stem('sensitivity')}.md": "\n".join(text)}
    return ItemResult(
        summary={
            "terms": data.to_dict(orient="list"),
            "changes": {reading.name: reading.in_words() for reading in results},
            "losses": asdict(losses),
            "imbalance": asdict(imbalance),
            "findings": findings,
        },
        files=write_texts(context, texts),
        tables=tables,
        remarks=[*findings, context.provenance],
    )


def _terms(samples: Mapping[Sample, Money]) -> pd.DataFrame:
    """Return one row per reading, seed, column and term. [$]"""
    columns = {
        (reading.name, reading.in_words(), seed): money.stack(future_stack=True)
        for (reading, seed), money in samples.items()
    }
    ours = pd.concat(columns, names=["reading", "changes", "seed"]).rename("ours_usd").reset_index()
    paper = papers_money().stack(future_stack=True).rename("paper_usd")
    rows = ours.join(paper, on=["rule", "bidding", "term"])
    return rows.assign(relative_deviation=rows["ours_usd"] / rows["paper_usd"] - 1)


def _table(
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

    def rows(panel: str, reading: Interpretation) -> dict[tuple[str, str], Cells]:
        seeds = np.array([sensitivity_cells(money, rule) for money in spread[reading]])
        return {
            (panel, reading.name): sensitivity_cells(results[reading], rule),
            (panel, "its mean over seeds"): seeds.mean(axis=0).tolist(),
            (panel, "its s.d."): seeds.std(axis=0, ddof=1).tolist(),
        }

    ours = "the paper and ours"
    return ReportTable.of(
        {(ours, "Table 5"): [None, None, None, *sensitivity_cells(papers_money(), rule)[3:]]}
        | rows(ours, BASE)
        | {
            (title, one.name): sensitivity_cells(results[one], rule)
            for title, group in groups.items()
            for one in group
        }
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


def _spread_table(name: str, spread: Spread) -> ReportTable:
    """Return the mean and standard deviation of every term over the seeds, beside the paper."""

    def cells(reading: Interpretation, rule: str, term: str) -> list[float | None]:
        row: list[float | None] = []
        for strategy in STRATEGIES:
            ours = pd.Series([money.loc[(rule, strategy), term] for money in spread[reading]])
            paper = papers_money().loc[(rule, strategy), term]
            row += [ours.mean(), ours.std(), paper, (ours.mean() - paper) / ours.std() if ours.std() else None]
        return row

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
        title=f"Mean and standard deviation over {len(spread[BASE])} seeds of every term of Table 5 [$], in two"
        " readings.",
        notes=["off: how many standard deviations the mean is from the paper's figure, itself one sample."],
    )


ITEMS = {
    "sensitivity": Item(
        "Table 5 in other readings of the paper, one change at a time, and its spread over seeds", reproduce
    )
}
