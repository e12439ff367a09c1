"""Findings of the sensitivity, in sentences that follow from its figures."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.reproduce.deviations import CLOSE, WORTH, Money, Verdict, papers_money
from experiments.reproduce.interpretations import BASE, CLOSEST, Interpretation
from experiments.reproduce.labels import percent
from experiments.reproduce.loss_analysis import ImbalanceAnalysis, LossAnalysis
from experiments.reproduce.paper import BASIC, CASES, PROPOSED, STRATEGIES

Spread = Mapping[Interpretation, Sequence[Money]]
"""Money of a reading, once for every seed."""


def findings_of(
    results: Mapping[Interpretation, Money],
    spread: Spread,
    losses: LossAnalysis,
    imbalance: ImbalanceAnalysis,
) -> list[str]:
    """Return the findings.

    Parameters
    ----------
    results : mapping
        Money of every reading, with the first seed.
    spread : mapping
        Money of some readings with several seeds.
    losses : LossAnalysis
        Losses of the base reading.
    imbalance : ImbalanceAnalysis
        Imbalance cost of the basic bid in the base reading.
    """
    return [
        *(_verdict(one.name, Verdict(results[one])) for one in (BASE, CLOSEST)),
        _ranking(results),
        *(_chance(one.name, list(spread[one])) for one in (BASE, CLOSEST)),
        *(_movers(results, term, strategy) for term in ("loss", "imbalance") for strategy in (BASIC, PROPOSED)),
        *_losses(losses),
        f"Of the {imbalance.by_rule:.1f} $ that the basic bid pays for imbalance in Case I, {imbalance.export:.1f} $"
        " fall in hours in which it offers an export that the tie line does not carry. With the band as printed,"
        f" (1 ± b)·B, the same flows would cost {imbalance.as_printed:.1f} $; the proposed bid never exports.",
    ]


def _verdict(name: str, verdict: Verdict) -> str:
    """Return how much of Table 5 a reading reproduces."""
    count = len(verdict.deviations)
    far = ", ".join(term.replace("_", " ") for term in verdict.far_terms) or "none"
    better = " and ".join(
        f"{percent(one['cut'])} less imbalance cost, {percent(one['gain'], 2)} more profit in {CASES[rule]}"
        for rule, one in verdict.improvements.iterrows()
    )
    said = ", ".join(f"{what} {'holds' if holds else 'does not hold'}" for what, holds in verdict.holds.items())
    return (
        f"{name.capitalize()}: {count - len(verdict.far)} of {count} figures above {WORTH:.0f} $ come within"
        f" {percent(CLOSE)} of Table 5; farther off: {far}. The proposed bid has {better}: {said}."
    )


def _ranking(results: Mapping[Interpretation, Money]) -> str:
    """Return which readings that do not contradict the paper are nearest to Table 5."""
    means = {one: Verdict(money).mean for one, money in results.items() if not one.against_print}
    best = sorted(means, key=lambda one: means[one])[:4]
    said = ", ".join(f"{one.name} ({percent(means[one], 1)})" for one in best)
    return f"Least mean deviation from Table 5, of {len(means)} readings that do not contradict the paper: {said}."


def _chance(name: str, samples: list[Money]) -> str:
    """Return how the verdict holds over seeds."""
    verdicts = [Verdict(money) for money in samples]
    far = sorted({term.replace("_", " ") for verdict in verdicts for term in verdict.far_terms})
    gains = [100 * gain for verdict in verdicts for gain in verdict.improvements["gain"]]
    mean = np.mean([verdict.mean for verdict in verdicts])
    return (
        f"{name.capitalize()} over {len(samples)} seeds: mean deviation {percent(float(mean), 1)}; terms"
        f" {percent(CLOSE)} off or more with any of them: {', '.join(far) or 'none'}; profit gains of"
        f" {min(gains):.1f} to {max(gains):.1f} %."
    )


def _movers(results: Mapping[Interpretation, Money], term: str, strategy: str) -> str:
    """Return which readings bring a term closest to the paper's in Case I."""
    rule = next(iter(CASES))
    paper = papers_money().loc[(rule, strategy), term]
    ours = {reading: money.loc[(rule, strategy), term] for reading, money in results.items()}
    nearest = sorted((one for one in ours if one != BASE), key=lambda one: abs(ours[one] - paper))[:3]
    said = ", ".join(f"{one.name} ({ours[one]:.1f} $)" for one in nearest)
    return (
        f"The {term} cost of the {STRATEGIES[strategy]} bid in {CASES[rule]} is {ours[BASE]:.1f} $,"
        f" in the paper {paper:.1f} $. Nearest to that come {said}."
    )


def _losses(book: LossAnalysis) -> list[str]:
    """Return what could make the paper's loss cost of ours, and what its own books say."""
    return [
        f"The paper's loss cost is {book.factor:.2f} times ours: {book.energy_mwh:.2f} MWh are worth"
        f" {book.market:.1f} $ at the market price, {book.peak:.1f} $ at the day's peak price and {book.retail:.1f} $"
        f" at the retail price; at {book.voltage_kv:.1f} kV the same power would lose as much as the paper's."
        f" {percent(book.evening / book.market)} of the value at the market price is lost in hours ending 15 to 22.",
        f"Generation and exchange cost {book.bought_in_paper:.1f} $ more than the load they serve in the paper and"
        f" {book.bought:.1f} $ in ours, all at the market price. The paper's losses are then power that was paid for,"
        " and no factor in the books, if its prices and demand are ours within a percent.",
    ]
