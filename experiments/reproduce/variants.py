"""Variants of Table 5: its four columns in each interpretation of the paper and with each seed, as runs of a sweep."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.reproduce.context import Context
from experiments.reproduce.deviations import Money
from experiments.reproduce.interpretations import Interpretation
from experiments.reproduce.paper import CASES, STRATEGIES, STUDY
from experiments.reproduce.sweep_runs import runs_of
from experiments.sweeps.outputs import OUTPUTS
from experiments.sweeps.plan import SweepPlan, make_plan
from experiments.sweeps.sweep_file import Axis, EvaluationSpec, Factor, SweepFile
from sim.audit import counts_in_words
from sim.market.settlement import TERMS

FACTOR, RULE, BIDDING = "interpretation", "market.rule", "bidding"
LIMITS = {output.path[1]: output.name for output in OUTPUTS if output.path[::2] == ("limits", "count")}
"""Columns that count how often limits of each kind were not kept."""

Sample = tuple[Interpretation, int]
"""Interpretation and seed."""


def evaluate_variants(
    context: Context, *, once: Sequence[Interpretation], repeated: Sequence[Interpretation], seeds: int
) -> tuple[dict[Sample, Money], list[str]]:
    """Return the expected money of interpretations, and remarks on limits that were not kept and on bids.

    It is that of the paper's protocol: hindsight ANM in the scenarios a bid is made from.

    Parameters
    ----------
    context : Context
        Size, seed, cache and workers.
    once, repeated : sequence of Interpretation
        Interpretations to be computed with the context's seed, and with several.
    seeds : int
        Number of seeds of the latter, one after another.
    """
    spread = variant_plan(context, "sensitivity_spread", repeated, replications=seeds)
    plans = [spread, variant_plan(context, "sensitivity", once)]
    rows = pd.concat([runs_of(context, plan) for plan in plans], ignore_index=True).rename(columns={RULE: "rule"})
    known = {one.name: one for one in (*repeated, *once)}
    money: dict[Sample, Money] = {}
    remarks = []
    for (name, seed), columns in rows.groupby([FACTOR, "seed"], sort=False):
        terms = columns.set_index(["rule", BIDDING])[[*TERMS]].astype(float)
        money[known[name], int(seed)] = terms.rename_axis(columns="term")
        if broken := counts_in_words({limit: int(columns[column].sum()) for limit, column in LIMITS.items()}):
            remarks.append(f"{name}: {broken}.")
        remarks += [f"{name}: {note}." for note in columns["remarks"].unique() if note]
    return money, [*dict.fromkeys(remarks)]


def variant_plan(
    context: Context, name: str, interpretations: Sequence[Interpretation], *, replications: int = 1
) -> SweepPlan:
    """Return the plan of a sweep over interpretations, rules and strategies, at the context's size and seed."""
    levels = {one.name: one.changes(context.size.keep) for one in interpretations}
    sweep = SweepFile(
        name=name,
        description="Expected money of both strategies and rules in other readings of the paper.",
        study=STUDY,
        set={"policy": "hindsight", **context.size.values},
        factors={FACTOR: Factor(levels=levels, label="reading of the paper")},
        axes=(Axis(values={FACTOR: [*levels]}), Axis(values={RULE: [*CASES], BIDDING: [*STRATEGIES]})),
        replications=replications,
        evaluate=EvaluationSpec(),
    )
    return make_plan(sweep, Path(), seed=context.seed)
