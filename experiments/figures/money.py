"""Money panel: from the day's revenue, cost by cost, down to the profit."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.figures.style import COLORS, GREY, dollars, headline, ink, zero_line
from sim.market.settlement import COST_TERMS
from sim.recorder import OPERATOR

NAMES = {
    "loss": "loss*",
    "wear": "wear*",
    "generation_curtailment": "generation\ncurtailment",
    "load_curtailment": "load\ncurtailment",
}
"""Names of terms where they differ from the records."""

TERM_COLORS = {
    "revenue": "retail",
    "exchange": "tie_line",
    "imbalance": "penalty",
    "loss": "loss",
    "wear": "battery",
    "load_curtailment": "demand",
    "trade": "microgrid",
    "profit": "profit",
}


def money_of_day(payments: pd.DataFrame, books: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return the operator's money by term and by the kind of unit that pays or gets it.

    Returns
    -------
    DataFrame
        Columns ``term``, ``kind`` ("" where there is no unit) and ``amount``: income positive, costs negative. [$]
    """
    kind_of = dict(zip(units["unit"], units["kind"], strict=True))
    income = payments["payee"] == OPERATOR
    mine = payments[income | (payments["payer"] == OPERATOR)]
    income = income[mine.index]
    partner = mine["payer"].where(income, mine["payee"])
    signed = mine["amount"].where(income, -mine["amount"])
    cash = pd.DataFrame({"term": mine["term"], "kind": partner.map(kind_of).fillna(""), "amount": signed})
    valued = pd.DataFrame({"term": books["term"], "kind": "", "amount": -books["amount"]})
    return pd.concat([cash, valued]).groupby(["term", "kind"], as_index=False)["amount"].sum()


def money_panel(ax: Axes, payments: pd.DataFrame, books: pd.DataFrame, units: pd.DataFrame) -> None:
    """Draw the day's money as a waterfall; costs to wind and sun are split by colour."""
    money = money_of_day(payments, books, units)
    others = sorted(set(money["term"]) - {"revenue", *COST_TERMS})
    terms = ["revenue", *COST_TERMS, *others]
    level, ends = 0.0, []
    for place, term in enumerate(terms):
        start = level
        for kind, amount in money.loc[money["term"] == term, ["kind", "amount"]].itertuples(index=False):
            _bar(ax, place, level, amount, term, kind)
            level += amount
        _write(ax, place, start, level, term)
        ends.append(level)
    _bar(ax, len(terms), 0.0, level, "profit", "")
    _write(ax, len(terms), 0.0, level, "profit")
    left = np.arange(len(terms)) - 0.36
    ax.hlines(ends, left, left + 1, color="#777777", lw=0.7, zorder=0.9)
    zero_line(ax)
    low, high = min(0.0, *ends), max(1.0, *ends)
    ax.set_ylim(low - (0.2 * (high - low) if low < 0 else 0), high + 0.16 * (high - low))
    ax.set_xlim(-0.6, len(terms) + 0.6)
    ax.set_xticks(range(len(terms) + 1), labels=[NAMES.get(term, term) for term in (*terms, "profit")])
    note = "* valued in the operator's books, not paid"
    headline(ax, "(f) From revenue to profit: income goes up, costs go down", note, y="money [$]")


def _bar(ax: Axes, place: int, base: float, amount: float, term: str, kind: str) -> None:
    color = COLORS[TERM_COLORS.get(term, kind if kind in COLORS else "other")]
    curtailed = term.endswith("curtailment")
    look: dict[str, Any] = {"facecolor": "white", "hatch": "/////"} if curtailed else {"facecolor": color}
    gid = f"{term}-{kind}" if kind else term
    ax.bar(place, amount, bottom=base, width=0.72, edgecolor=color, lw=0.7, **look)[0].set_gid(gid)


def _write(ax: Axes, place: int, start: float, end: float, term: str) -> None:
    """Write the amount above the bar, or below one that ends under zero."""
    total = term in ("revenue", "profit")
    amount, below = end - start, min(start, end) < 0
    text = dollars(amount) if total or amount <= 0 else f"+{dollars(amount)}"
    look: dict[str, Any] = {"fontweight": "bold", "color": ink(COLORS["profit"])} if total else {"color": GREY}
    where: dict[str, Any] = {"xytext": (0, -3 if below else 2.5), "va": "top" if below else "bottom", "ha": "center"}
    height = min(start, end) if below else max(start, end)
    ax.annotate(text, (place, height), textcoords="offset points", fontsize=8, **where, **look)
