"""Sensitivity of Table 5 to what the paper leaves open: one change at a time, beside the spread over seeds."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.reproduce.context import Context
from experiments.reproduce.deviations import Money, papers_money
from experiments.reproduce.interpretations import BASE, CLOSEST, Interpretation, groups_of
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.loss_analysis import analyse_imbalance, analyse_losses
from experiments.reproduce.paper import CASES
from experiments.reproduce.sensitivity_findings import findings_of
from experiments.reproduce.sensitivity_tables import sensitivity_table, spread_table
from experiments.reproduce.variants import Sample, evaluate_variants
from experiments.tables import ReportTable
from experiments.whole import write_whole
from sim.market.settlement import TERMS

SUMMARY = "Table 5 in other readings of the paper, one change at a time, and its spread over seeds"

SEEDS, QUICK_SEEDS = 5, 2
"""Seeds that show how much of a deviation is chance."""


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
        *(sensitivity_table(context.stem(f"sensitivity_{rule}"), rule, groups, results, spread) for rule in CASES),
        spread_table(context.stem("sensitivity_spread"), spread),
    ]
    findings = [*findings_of(results, spread, losses, imbalance), *remarks]
    data = pd.DataFrame(_rows(samples))
    return ItemResult(
        summary={
            "terms": data.to_dict(orient="list"),
            "changes": {reading.name: reading.in_words() for reading in results},
            "losses": asdict(losses),
            "imbalance": asdict(imbalance),
            "findings": findings,
        },
        files=_write(context, tables, data, results, findings),
        tables=tables,
        remarks=[*findings, context.provenance],
    )


def _rows(samples: Mapping[Sample, Money]) -> Iterator[dict[str, Any]]:
    """Yield one row per reading, seed, column and term. [$]"""
    paper = papers_money()
    for (reading, seed), money in samples.items():
        for (rule, strategy), terms in money.items():
            for term in TERMS:
                theirs = paper[rule, strategy][term]
                yield {
                    "reading": reading.name,
                    "changes": reading.in_words(),
                    "seed": seed,
                    "rule": rule,
                    "bidding": strategy,
                    "term": term,
                    "ours_usd": terms[term],
                    "paper_usd": theirs,
                    "relative_deviation": terms[term] / theirs - 1,
                }


def _write(
    context: Context,
    tables: list[ReportTable],
    data: pd.DataFrame,
    readings: Mapping[Interpretation, Money],
    findings: list[str],
) -> list[Path]:
    """Write every table as CSV, all money in one more, and everything together as Markdown; return the files."""
    changes = [f"- {one.name}: `{one.in_words()}`" for one in readings if one != BASE]
    text = [
        *(table.as_markdown() for table in tables),
        "**What each reading changes** in the study, as `--set` takes it.",
        "",
        *changes,
        "",
        "**What follows.**",
        "",
        *(f"- {line}" for line in findings),
        "",
        context.provenance,
        "",
    ]
    texts = {context.folder / f"{table.name}.csv": table.as_csv() for table in tables}
    texts[context.path("sensitivity_terms", ".csv")] = data.to_csv(
        index=False, lineterminator="\n", float_format="%.6g"
    )
    texts[context.path("sensitivity", ".md")] = "\n".join(text)
    for path, content in texts.items():
        write_whole(path, content.encode())
    return list(texts)
