"""Table 1: the market rules, what both strategies make of them, and whether it pays to misbid under any of them."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pandas as pd

from experiments.reproduce import Item
from experiments.reproduce.context import Context
from experiments.reproduce.evaluated_bids import ENERGIES, Column, EvaluatedBids, evaluated_bids
from experiments.reproduce.item_result import ItemResult, write_tables
from experiments.reproduce.journal import publish
from experiments.reproduce.labels import number, percent
from experiments.reproduce.paper import BASIC, CASES, PROPOSED, STRATEGIES
from experiments.reproduce.strategic_bid_figure import strategic_bid_figure
from experiments.reproduce.strategic_bids import FAMILIES, Incentives, honest_bid, incentives, try_family
from experiments.tables import Cells, ReportTable
from sim.market.imbalance import RULES
from sim.market.settlement import TERMS

NAMES = {"shi": "Shi", "nguyen": "Nguyen", "caiso": "CAISO", **CASES}
"""Names of the rules."""
Points = dict[Column, EvaluatedBids]
"""Bids by rule and strategy."""
MATTERS_MWH = 0.005
"""Changes of the imbalance below this are none. [MWh]"""

TOTALS = {
    "bid energy [MWh]": "bid_mwh",
    "mean imbalance [MWh]": "imbalance_mwh",
    "penalty [$]": "imbalance",
    "profit [$]": "profit",
}
"""Rows of the table for every bid."""

INCENTIVES: dict[str, Callable[[Incentives], float]] = {
    "gain [$]": lambda found: found.best["gain"],
    "  by less penalty [$]": lambda found: found.best["saved"],
    "  by everything else [$]": lambda found: found.best["elsewhere"],
    "no bid gains more than [$]": lambda found: found.most,
    "gain of best (1 + k)·B_h [$]": lambda found: found.family("factor")["gain"].max(),
    "gain of best B_h + c [$]": lambda found: found.family("shift")["gain"].max(),
    "lost to penalties by B_h [$]": lambda found: found.headroom,
    "misbid, net [MWh]": lambda found: found.best["bid_mwh"] - found.honest["bid_mwh"],
    "misbid, hourly magnitudes [MWh]": lambda found: abs(found.best["bid_mw"] - found.honest["bid_mw"]).sum(),
    "change of mean imbalance [MWh]": lambda found: found.best["imbalance_mwh"] - found.honest["imbalance_mwh"],
}
"""Rows of the table for the best deviation."""

TRIED = {
    **{name: name for name in ("rule", "family", "size", "unit")},
    **{"profit": "profit_usd", "gain": "gain_usd", "saved": "less_penalty_usd", "elsewhere": "everything_else_usd"},
    **{name: name for name in ("bid_mwh", "imbalance_mwh")},
}
"""Columns of the bids tried, and their names in the CSV file."""

MEANING = (
    "The imbalance is the magnitude of flow minus bid, inside the band or not: what the system operator has to"
    " balance. B_h, the honest bid, is the expected flow of the hindsight dispatch with an imbalance price of zero,"
    " the same under all rules. A deviation is any other bid; its gain is what it earns more in the same scenarios."
    " The best is that of all bids tried: the optimised (proposed) one, which is made for these very scenarios, and"
    " two families around B_h. Nothing is paid for a bid at the day-ahead price, only the metered flow is: a bid can't"
    " sell energy that is never delivered. All it moves is the penalty and, to dodge that, the dispatch. A gain from"
    " less penalty is hedging; a gain from everything else comes of a dispatch less bent by penalties. Both together"
    " can't exceed what B_h loses to penalties."
)


def reproduce(context: Context) -> ItemResult:
    """Return the day under every rule with the incentives of each, as table and figure."""
    points, by_rule = _computed(context)
    table = _table(context, points, by_rule)
    findings = [*(_finding(rule, found) for rule, found in by_rule.items()), _verdict(by_rule)]
    drawn = publish(
        context,
        "table1_misbids",
        strategic_bid_figure(by_rule, NAMES),
        title="Profit of misbids",
        caption=_caption(context),
        data=_tried_rows(by_rule),
    )
    return ItemResult(
        summary={"rules": _document(points, by_rule), "findings": findings, "figure": drawn.summary},
        files=[*write_tables(context, "table1", [table], findings), *drawn.files],
        tables=[table],
        remarks=findings,
    )


def _computed(context: Context) -> tuple[Points, dict[str, Incentives]]:
    """Return both strategies' bids under every rule, and whether it rewards misbidding."""
    points: Points = {}
    by_rule: dict[str, Incentives] = {}
    place, parts = count(1), 1 + len(RULES) * (len(STRATEGIES) + len(FAMILIES))

    def title(what: str) -> str:
        return f"table1, part {next(place)} of {parts}: {what}"

    honest_mw, undistorted = honest_bid(context, context.study(policy="hindsight"), title=title("honest bid"))
    for rule in RULES:
        rows = []
        for strategy, name in STRATEGIES.items():
            study = context.study(rule=rule, bidding=strategy, policy="hindsight")
            what = title(f"{NAMES[rule]}, {name} bid")
            points[rule, strategy] = evaluated_bids(context, study, by="plan", title=what)
        for name, family in FAMILIES.items():
            study, what = context.study(rule=rule, policy="hindsight"), title(f"{NAMES[rule]}, bids {family.formula}")
            rows += try_family(context, study, honest_mw, name, title=what)
        by_rule[rule] = incentives(rows, points[rule, PROPOSED], undistorted)
    return points, by_rule


def _table(context: Context, points: Points, by_rule: Mapping[str, Incentives]) -> ReportTable:
    def totals(panel: str, of: Callable[[str], Mapping[str, float] | pd.Series]) -> dict[tuple[str, str], Cells]:
        return {(panel, label): [of(rule)[name] for rule in RULES] for label, name in TOTALS.items()}

    size = context.size
    rules = [f"{NAMES[name]}: {rule.in_words()}." for name, rule in RULES.items()]
    gap = max(point.gap for point in points.values())
    proof = f"Every optimised bid is within {gap:.2f} $ of the optimum of its own model."
    best = "rule audit: best deviation from B_h"
    return ReportTable.of(
        totals("basic bidding", lambda rule: points[rule, BASIC].expected)
        | totals("proposed bidding", lambda rule: points[rule, PROPOSED].expected)
        | totals("honest bid B_h", lambda rule: by_rule[rule].honest)
        | {(best, label): [amount(by_rule[rule]) for rule in RULES] for label, amount in INCENTIVES.items()},
        {("rule", name): ".2f" for name in NAMES.values()},
        name=context.stem("table1"),
        number="Table 1",
        title=(
            "One day under every imbalance rule: expected energy [MWh] and money [$] of bids from"
            f" {size.keep} of {size.scenarios:,} scenarios with hindsight ANM in these {size.keep}, and whether"
            " misbidding pays."
        ),
        notes=[*rules, MEANING, proof, *_flaws(points), context.provenance],
    )


def _flaws(points: Points) -> list[str]:
    """Return what is not as it should be."""
    return [
        f"{NAMES[rule]} {STRATEGIES[strategy]}: {point.note or 'not all scenarios are within limits and exact'}."
        for (rule, strategy), point in points.items()
        if point.note or point.beyond_limits or point.inexact
    ]


def _finding(rule: str, found: Incentives) -> str:
    best, honest = found.best, found.honest
    return (
        f"{NAMES[rule]}: the best deviation ({best['name']}) gains {number(best['gain'])} $ a day,"
        f" {percent(best['gain'] / honest['profit'], 2)} of the honest profit, and no bid gains more than"
        f" {number(found.most)} $. {number(best['saved'], '+.2f')} $ of it is less penalty,"
        f" {number(best['elsewhere'], '+.2f')} $ everything else. It bids"
        f" {number(best['bid_mwh'] - honest['bid_mwh'], '+.2f')} MWh net on the honest {number(honest['bid_mwh'])}"
        f" MWh; the mean imbalance goes from {number(honest['imbalance_mwh'])} to {number(best['imbalance_mwh'])} MWh."
    )


def _verdict(by_rule: Mapping[str, Incentives]) -> str:
    """Return whether any rule can be gamed."""
    gains = {rule: found.best["gain"] for rule, found in by_rule.items()}
    worst = max(gains, key=gains.__getitem__)
    more = {rule: found.best["imbalance_mwh"] - found.honest["imbalance_mwh"] for rule, found in by_rule.items()}
    burdened = " and ".join(NAMES[rule] for rule, amount in more.items() if amount > MATTERS_MWH)
    burden = (
        f"Under {burdened} it leaves the system operator more to balance than the honest bid."
        if burdened
        else "Under no rule does it leave the system operator more to balance than the honest bid."
    )
    return (
        f"Misbidding pays most under {NAMES[worst]} ({number(gains[worst])} $). As only the metered flow is paid for,"
        f" no rule lets a bid earn by itself: what is gained is what B_h had lost to penalties. {burden}"
    )


def _caption(context: Context) -> str:
    return (
        "(a) Expected profit of a day with the honest bid B_h, the expected flow of the dispatch that no penalty"
        " distorts, times 1 + k in every hour, under all imbalance rules; (b) what these bids gain over B_h, near it;"
        " (c) what is gained by shifting B_h by c in every hour. Larger losses are off the scale. Dotted lines are the"
        " gains of the best bid there is, as the optimiser proves within its gap. Hindsight ANM in"
        f" {context.size.keep} kept scenarios, the same for all bids; k > 0 and c > 0 bid more import than is"
        " expected. Only the metered flow is paid for, so that a misbid changes the penalty and the dispatch that"
        " minds it, and nothing else."
    )


def _tried_rows(by_rule: Mapping[str, Incentives]) -> pd.DataFrame:
    """Return every bid tried as a row."""
    tried = pd.concat([found.gains.assign(rule=rule) for rule, found in by_rule.items()])
    tried = tried[tried["family"].isin(FAMILIES)]
    units = tried["family"].map({name: family.unit for name, family in FAMILIES.items()})
    return tried.assign(unit=units).rename(columns=TRIED)[[*TRIED.values()]]


def _document(points: Points, by_rule: Mapping[str, Incentives]) -> dict[str, Any]:
    """Return everything as ``--json`` prints it."""
    return {
        rule: {
            **{name: (point := points[rule, name]).expected | {"gap": point.gap} for name in STRATEGIES},
            "honest": found.honest[[*TERMS, *ENERGIES]].to_dict(),
            "best": found.best["name"],
            "audit": {label.strip(): amount(found) for label, amount in INCENTIVES.items()},
        }
        for rule, found in by_rule.items()
    }


ITEMS = {
    "table1": Item("Table 1: the same day under every imbalance rule, and an audit: does it pay to misbid?", reproduce)
}
