"""Bids on the terminal: the bids of a day with their proof, and the money they are expected to earn."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from experiments.confidence import PLUS_MINUS
from experiments.console import out, strategy_in_words
from experiments.console.audit import show_limits
from experiments.console.run import money_table
from experiments.tables import rich_table
from sim.instance import Instance

PROFIT_OF = {
    "central": "operator and microgrids together",
    "transactive": "the operator for the exchange agreed on, before what microgrids pay for it",
    "uncoordinated": "the operator for the exchange microgrids decided on, before what they pay for it",
}
"""Owner of the expected profit that the search for bids states, by mode of coordination."""


def show_bids(summary: Mapping[str, Any], instance: Instance) -> None:
    """Print the bids with the day-ahead prices."""
    calendar, steps = instance.calendar, instance.calendar.market_steps
    prices = instance.profiles.price_per_mwh.reshape(-1, steps).mean(axis=1)
    rows = [
        (f"{calendar.hour_of(steps * number):g}", f"{bid:.4f}", f"{price:.2f}")
        for number, (bid, price) in enumerate(zip(summary["bids_mw"][::steps], prices, strict=True), start=1)
    ]
    title = f"Day-ahead bids of {summary['study']} ({escape(strategy_in_words(summary['bid_strategy']))})"
    heads = ("hour ending", "bid [MW]", "price [$/MWh]")
    out.print(rich_table(heads, rows, "rrr", title=title))
    out.print("positive is import")
    proof, search = summary["certificate"], summary["search"]
    if search:
        out.print(_goal(summary.get("profit_of"), search, proof["optimality_gap"]))
    else:
        out.print("nothing is proven about these bids")
    if "cvar_profit" in search:
        level = instance.study.risk.cvar_level
        out.print(
            f"expected profit ${search['expected_profit']:,.2f}, mean of the worst {100 * (1 - level):g} %"
            f" ${search['cvar_profit']:,.2f}"
        )
    if proof.get("cone_gap") is not None:
        out.print(
            f"certificate: {proof['status']}; cone gap {proof['cone_gap']:.1e}, AC mismatch"
            f" {proof['power_flow_mismatch_mw']:.1e} MW and {proof['power_flow_mismatch_pu']:.1e} p.u.,"
            f" limits exceeded by at most {max(proof['limit_excess_pu'], 0.0):.1e} p.u."
        )
    out.print(f"{summary['seconds']['bid']:.2f} s")
    if summary["note"]:
        out.print(f"[yellow]{escape(summary['note'])}[/yellow]")


def _goal(profit_of: str | None, search: Mapping[str, float], gap: float | None) -> str:
    """Return the result of the search for bids and its proof in words.

    Parameters
    ----------
    profit_of : str or None
        Owner of the profit, where there are microgrids.
    search : mapping of str to float
        ``incumbent`` and ``bound`` [$], ``nodes``; ``cvar_profit`` with aversion to risk.
    gap : float or None
        Relative optimality gap.
    """
    name = "risk-adjusted profit" if "cvar_profit" in search else "expected profit"
    whose = "" if profit_of is None else f" of {profit_of}:"
    found = f"{name}{whose} ${search['incumbent']:,.2f}"
    if profit_of not in (None, PROFIT_OF["central"]):  # the bound is one for the same exchange
        return f"{found}; another exchange may earn more"
    if "bound" not in search:
        return found
    proof = f" (gap {100 * (gap or 0.0):.4f} %, {search['nodes']:,} nodes)"
    return f"{found}, proven to be at most ${search['bound']:,.2f}{proof}"


def show_evaluation(summary: Mapping[str, Any], instance: Instance) -> None:
    """Print expected money over a set of scenarios."""
    out.print(
        f"[bold]{summary['study']}[/bold]: bidding {escape(strategy_in_words(summary['bid_strategy']))},"
        f" policy {summary['policy']}, rule {escape(summary['rule'])},"
        f" {summary['scenarios']} {summary['on']} scenarios, seed {summary['seed']}"
    )
    out.print(money_table(summary["terms"], "expected of one day", summary["half_intervals"]))
    out.print(f"[dim]{_interval_in_words(summary)}[/dim]")
    volts, limits = summary["voltage"], instance.grid.voltage
    out.print(
        f"voltage {volts['min_pu']:.4f} to {volts['max_pu']:.4f} p.u. (limits {limits.min_vm_pu:.3f} to"
        f" {limits.max_vm_pu:.3f}); {summary['seconds']['total']:.1f} s"
    )
    show_limits(summary["limits"], {})


def _interval_in_words(summary: Mapping[str, Any]) -> str:
    """Return the meaning of the ± of an evaluation in words."""
    if summary["half_intervals"]["profit"] is None:
        return "no interval: the scenarios are worth less than two of equal probability"
    said = f"{PLUS_MINUS}: half of the confidence interval of the mean (Student)"
    if summary["on"] == "kept":
        return f"{said}; a guide only, for these scenarios were chosen by reduction and not drawn"
    return f"{said} over {summary['scenarios']} scenarios"


def show_training(summary: Mapping[str, Any]) -> None:
    """Print the result of a training of value functions, and the cost of its policy beside the others."""
    out.print(
        f"value functions of {summary['stores']} stores written to {summary['file']}"
        f" ({summary['seconds']['train']:.0f} s); use them with --policy learned --trained {summary['file']}",
        markup=False,
    )
    if "judged" not in summary:
        return
    rows = [
        (
            policy,
            f"{one['cost']:,.2f}",
            f"{one['gap']:.2f}",
            "" if one["gap_95"] is None else f"{one['gap_95']:.2f}",
            f"{one['gap_percent']:.3f}",
            f"{one['seconds_per_hour']:.3f}",
        )
        for policy, one in summary["judged"].items()
    ]
    heads = ("policy", "cost [$]", "more than hindsight [$]", PLUS_MINUS, "[%]", "s for an hour")
    out.print(rich_table(heads, rows, "lrrrrr", title="Fresh days, paired with hindsight"))
