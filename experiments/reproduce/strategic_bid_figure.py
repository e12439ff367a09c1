"""The figure of strategic bids: profit against how far the bid is from the honest one, a line for each rule."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.figures.style import COLORS, Label, headline, ink, margin_labels
from experiments.reproduce.journal import panel_grid
from experiments.reproduce.labels import number
from experiments.reproduce.strategic_bids import Incentives
from grids.network import FloatArray

LINES = {
    "shi": COLORS["tie_line"],
    "nguyen": COLORS["price"],
    "caiso": COLORS["battery"],
    "case1": COLORS["pv"],
    "case2": COLORS["penalty"],
}
"""Colour of each rule."""
NEAR = {"factor": 8.0, "shift": 75.0}
"""Range around the honest bid in which the gain is drawn, in the unit of each family."""


def strategic_bid_figure(by_rule: Mapping[str, Incentives], names: Mapping[str, str]) -> Figure:
    """Return the figure of the incentives under all rules.

    Parameters
    ----------
    by_rule : mapping of str to Incentives
        By rule.
    names : mapping of str to str
        How the rules are labelled.
    """
    figure, ((wide,), (near,), (shifted,)) = panel_grid(3, 1, height=1.75, right=1.16, gap=0.62, own_scales=True)
    for ax, family in ((wide, "factor"), (near, "factor"), (shifted, "shift")):
        _curves(ax, by_rule, family, gain=ax is not wide)
    wide.set_ylabel("expected profit [$]")
    headline(wide, r"(a) Profit of bids $(1+k)\,B_h$", "Bₕ: honest bid, the flow expected free of penalties")
    headline(near, r"(b) Gain of bids $(1+k)\,B_h$ over $B_h$", "dotted: optimised bid, proven the best")
    headline(shifted, "(c) Gain of bids $B_h+c$ over $B_h$", "dotted: optimised bid, proven the best")
    _fit_near(near, by_rule, NEAR["factor"])
    _fit_near(shifted, by_rule, NEAR["shift"])
    wide.set_xlabel("relative misbid $k$ [%]", labelpad=2)
    near.set_xlabel("relative misbid $k$ [%]", labelpad=2)
    shifted.set_xlabel("misbid $c$ in every hour [kW]", labelpad=2)
    for ax in (wide, near, shifted):
        ax.axvline(0, color="#444444", lw=0.8, zorder=1)
        ax.tick_params(labelsize=7.5, length=2.5)
    margin_labels(wide, _ends(wide, by_rule, names))
    for ax in (near, shifted):
        ax.axhline(0, color="#444444", lw=0.8, zorder=1)
        ax.set_ylabel(r"gain over $B_h$ [\$]")
        margin_labels(ax, _optima(by_rule, names))
    return figure


def _curve(found: Incentives, family: str, *, gain: bool) -> tuple[FloatArray, FloatArray]:
    """Return numbers and profits of a family, or what these are more than that of the honest bid."""
    tried = found.families[family]
    honest = found.honest.expected["profit"] if gain else 0.0
    return np.array(list(tried)), np.array([one.expected["profit"] - honest for one in tried.values()])


def _curves(ax: Axes, by_rule: Mapping[str, Incentives], family: str, *, gain: bool) -> None:
    for rule, found in by_rule.items():
        sizes, heights = _curve(found, family, gain=gain)
        gid = f"{rule}-{family}-{'gain' if gain else 'profit'}"
        ax.plot(sizes, heights, "o-", ms=2.4, lw=1.2, color=LINES[rule], zorder=3, gid=gid)
        if gain:
            best = found.more(found.best, "profit")
            ax.axhline(best, color=LINES[rule], lw=0.9, ls=(0, (1, 1.6)), zorder=2, gid=f"{gid}-best")
    ax.margins(x=0.02)


def _fit_near(ax: Axes, by_rule: Mapping[str, Incentives], reach: float) -> None:
    """Show the gains of small deviations and of the best ones; what loses more than they gain runs off below."""
    best = max(0.1, *(found.more(found.best, "profit") for found in by_rule.values()))
    ax.set_ylim(-1.6 * best, 1.18 * best)
    ax.set_xlim(-1.03 * reach, 1.03 * reach)
    ax.xaxis.set_major_locator(MaxNLocator(9, integer=True))


def _ends(ax: Axes, by_rule: Mapping[str, Incentives], names: Mapping[str, str]) -> list[Label]:
    """Return the names of the rules at the right ends of their curves."""
    return [
        Label(_curve(found, "factor", gain=False)[1][-1], names[rule], ink(LINES[rule]))
        for rule, found in by_rule.items()
    ]


def _optima(by_rule: Mapping[str, Incentives], names: Mapping[str, str]) -> list[Label]:
    """Return the names of the rules where their best bid is, with its gain."""
    gains = {rule: found.more(found.best, "profit") for rule, found in by_rule.items()}
    return [Label(gain, rf"{names[rule]} {number(gain, '+.1f')} \$", ink(LINES[rule])) for rule, gain in gains.items()]
