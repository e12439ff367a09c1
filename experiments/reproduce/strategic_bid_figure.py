"""The figure of strategic bids: profit against how far the bid is from the honest one, a line for each rule."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.figures.style import COLORS, Label, headline, ink, margin_labels
from experiments.reproduce.journal import panel_grid
from experiments.reproduce.labels import number
from experiments.reproduce.strategic_bids import Incentives

LINES = {
    "shi": COLORS["tie_line"],
    "nguyen": COLORS["price"],
    "caiso": COLORS["battery"],
    "case1": COLORS["pv"],
    "case2": COLORS["penalty"],
}
"""Colour of each rule."""

OPTIMISED = "dotted: optimised bid, proven the best"
PANELS = (
    ("factor", None, r"(a) Profit of bids $(1+k)\,B_h$", "Bₕ: honest bid, the flow expected free of penalties"),
    ("factor", 8.0, r"(b) Gain of bids $(1+k)\,B_h$ over $B_h$", OPTIMISED),
    ("shift", 75.0, "(c) Gain of bids $B_h+c$ over $B_h$", OPTIMISED),
)
"""Family, range around the honest bid in which the gain is drawn, if it is that, title and remark of each panel."""
LABELS = {"factor": "relative misbid $k$ [%]", "shift": "misbid $c$ in every hour [kW]"}


def strategic_bid_figure(by_rule: Mapping[str, Incentives], names: Mapping[str, str]) -> Figure:
    """Return the figure of the incentives under all rules.

    Parameters
    ----------
    by_rule : mapping of str to Incentives
        By rule.
    names : mapping of str to str
        How the rules are labelled.
    """
    figure, grid = panel_grid(len(PANELS), 1, height=1.75, right=1.16, gap=0.62, own_scales=True)
    for (ax,), (family, near, title, remark) in zip(grid, PANELS, strict=True):
        headline(ax, title, remark)
        ax.set_xlabel(LABELS[family], labelpad=2)
        ax.axvline(0, color="#444444", lw=0.8, zorder=1)
        if near is None:
            ax.set_ylabel("expected profit [$]")
            ends = _curves(ax, by_rule, family, gain=False)
            labels = [Label(end, names[rule], ink(LINES[rule])) for rule, end in ends.items()]
        else:
            ax.set_ylabel(r"gain over $B_h$ [\$]")
            _curves(ax, by_rule, family, gain=True)
            labels = _optima(ax, by_rule, names, family, near)
        margin_labels(ax, labels)
    return figure


def _curves(ax: Axes, by_rule: Mapping[str, Incentives], family: str, *, gain: bool) -> dict[str, float]:
    """Draw profits of a family, or what these are more than that of the honest bid; return their ends by rule."""
    ends = {}
    for rule, found in by_rule.items():
        tried, drawn = found.family(family), "gain" if gain else "profit"
        gid = f"{rule}-{family}-{drawn}"
        ax.plot(tried["size"], tried[drawn], "o-", ms=2.4, lw=1.2, color=LINES[rule], zorder=3, gid=gid)
        ends[rule] = tried[drawn].iloc[-1]
    ax.margins(x=0.02)
    return ends


def _optima(
    ax: Axes, by_rule: Mapping[str, Incentives], names: Mapping[str, str], family: str, near: float
) -> list[Label]:
    """Draw the gains of the best bids and show small deviations; what loses more runs off below. Return the names."""
    gains = {rule: found.best["gain"] for rule, found in by_rule.items()}
    ax.axhline(0, color="#444444", lw=0.8, zorder=1)
    for rule, gain in gains.items():
        ax.axhline(gain, color=LINES[rule], lw=0.9, ls=(0, (1, 1.6)), zorder=2, gid=f"{rule}-{family}-gain-best")
    best = max(0.1, *gains.values())
    ax.set_ylim(-1.6 * best, 1.18 * best)
    ax.set_xlim(-1.03 * near, 1.03 * near)
    ax.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    return [Label(gain, rf"{names[rule]} {number(gain, '+.1f')} \$", ink(LINES[rule])) for rule, gain in gains.items()]
