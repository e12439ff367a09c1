"""Reason why one run earns more than the other, in one sentence made from the terms that differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.teach.day import Day, gain
from experiments.teach.formulas import money, number
from sim.market.settlement import COST_TERMS

SMALLEST = 0.01
"""Amount that counts as a difference. [$]"""

ENOUGH = 0.8
"""Share of the difference that the terms named should explain."""

ENERGIES = {
    "imbalance": ("outside_mwh", "outside the band"),
    "exchange": ("metered_mw", "imported, net"),
    "load_curtailment": ("load_curtailed_mw", "of load curtailed"),
    "generation_curtailment": ("generation_curtailed_mw", "of wind and sun curtailed"),
    "generation": ("generation_mw", "of wind and sun used"),
    "loss": ("losses_mw", "lost in the lines"),
    "revenue": ("load_mw", "of load served"),
}
"""Energy behind a term: column of the hour table, and its name."""


def reason(first: Day, second: Day, names: Sequence[str] = ("first run", "second run")) -> str:
    """Return who has earned more by the hour shown, and mainly why.

    Parameters
    ----------
    first, second : Day
        The two runs.
    names : sequence of str
        Their names.
    """
    names = [_with_article(name) for name in names]
    if not first.hour:
        return "Gate closure: the bids are known, the day has not begun."
    gains = {term: gain(term, second.money[term] - first.money[term]) for term in first.terms[:-1]}
    total = second.money["profit"] - first.money["profit"]
    if abs(total) < SMALLEST:
        return f"By hour {first.hour} both have earned the same."
    better, worse = (1, 0) if total > 0 else (0, 1)
    sign = 1 if total > 0 else -1
    helps = _largest({term: sign * amount for term, amount in gains.items()}, abs(total))
    days = (first, second)
    parts = [_part(term, gains[term], days[better], days[worse]) for term in helps]
    sentence = f"By hour {first.hour} {names[better]} has earned {money(abs(total))} more: {' and '.join(parts)}"
    against = max(gains, key=lambda term: -sign * gains[term])
    if -sign * gains[against] > (1 - ENOUGH) * abs(total):
        sentence += f", although its {_name(against)} {_verb(against)} {money(abs(gains[against]))} {_worse(against)}"
    return f"{sentence}."


def _with_article(name: str) -> str:
    """Return the name of a run as it stands in a sentence."""
    return f"the {name}" if name.endswith((" bid", " run")) else f"the run with {name}"


def _largest(gains: Mapping[str, float], total: float) -> list[str]:
    """Return the terms, two at most, that explain most of a difference."""
    order = sorted((term for term in gains if gains[term] > 0), key=lambda term: -gains[term])
    return order[:1] if gains[order[0]] >= ENOUGH * total or len(order) == 1 else order[:2]


def _part(term: str, amount: float, better: Day, worse: Day) -> str:
    text = f"its {_name(term)} {_verb(term)} {money(abs(amount))} {'less' if term in COST_TERMS else 'more'}"
    if term not in ENERGIES:
        return text
    column, what = ENERGIES[term]
    energy, instead = (float(day.hours[column].sum()) for day in (better, worse))
    return f"{text} ({number(energy, 2)} MWh {what} instead of {number(instead, 2)})"


def _name(term: str) -> str:
    return term.replace("_", " ")


def _verb(term: str) -> str:
    return "costs" if term in COST_TERMS else "brings"


def _worse(term: str) -> str:
    return "more" if term in COST_TERMS else "less"
