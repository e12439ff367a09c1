"""Compute readings of the paper: four columns for each reading and seed, every one a stored result."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from experiments.reproduce.context import Context
from experiments.reproduce.deviations import Money, money_of
from experiments.reproduce.evaluated_bids import evaluated_bids
from experiments.reproduce.interpretations import COLUMNS, Interpretation
from experiments.reproduce.paper import CASES, STRATEGIES
from sim.audit import counts_in_words


class Sample(NamedTuple):
    """A reading to be computed with a seed."""

    reading: Interpretation
    seed: int


@dataclass(frozen=True, kw_only=True)
class VariantMoney:
    """What came of samples.

    Attributes
    ----------
    money : dict of Sample to Money
        Expected money of every column.
    remarks : list of str
        What was not as it should be.
    """

    money: dict[Sample, Money]
    remarks: list[str]


def evaluate_variants(context: Context, samples: Sequence[Sample]) -> VariantMoney:
    """Return the money of samples, by the paper's protocol: hindsight ANM in the scenarios a bid is made from."""
    result, remarks = {}, []
    count = len(COLUMNS) * len(samples)
    for number, sample in enumerate(samples):
        columns = {}
        for place, (rule, strategy) in enumerate(COLUMNS, start=1 + number * len(COLUMNS)):
            which = f"{sample.reading.name}, seed {sample.seed}, {CASES[rule]} {STRATEGIES[strategy]}"
            study = sample.reading.study(replace(context, seed=sample.seed), rule, strategy)
            title = f"sensitivity, part {place} of {count}: {which}"
            columns[rule, strategy] = evaluated_bids(context, study, title=title)
        result[sample] = money_of(columns)
        outside = sum((Counter(column.limits) for column in columns.values()), Counter[str]())
        notes = dict.fromkeys(column.note for column in columns.values() if column.note)
        if broken := counts_in_words(outside):
            remarks.append(f"{sample.reading.name}: {broken}.")
        remarks += [f"{sample.reading.name}: {note}." for note in notes]
    return VariantMoney(money=result, remarks=[*dict.fromkeys(remarks)])
