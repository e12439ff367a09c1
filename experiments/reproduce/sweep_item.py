"""What the items beyond the paper share: a sweep computed point by point, drawn, and said in words."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from experiments.figures.style import house_style
from experiments.reproduce.context import Context
from experiments.reproduce.evaluated_bids import ENERGIES, EvaluatedBids, evaluated_bids
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import publish
from experiments.reproduce.labels import number
from experiments.reproduce.paper import STRATEGIES, STUDY
from experiments.reproduce.sweep import Axis, Sweep
from experiments.reproduce.sweep_figure import Curves, sweep_figure
from sim.settlement import TERMS

BASIC, PROPOSED = STRATEGIES


def reproduce_sweep(context: Context, name: str, *, title: str, about: str) -> ItemResult:
    """Return a sweep as a figure with its caption and a CSV file of all its points.

    Parameters
    ----------
    context : Context
        Size, cache and folder.
    name : str
        Name of the item and of its file.
    title : str
        What the figure is called.
    about : str
        What is varied and how to read it, the beginning of the caption.
    """
    sweep = Sweep.of(context, name)
    axes = sweep.said.axes
    chosen = [axis.chosen(quick=context.quick) for axis in axes]
    curves = _curves(context, name, sweep, chosen)
    with house_style():
        figure = sweep_figure(axes, chosen, curves)
    found = [_finding(*one) for one in zip(axes, chosen, curves, strict=True)]
    caption = " ".join([about, _protocol(sweep), *_own_file(context, sweep), *found, *_quality(curves)])
    rows = [_rows(*one) for one in zip(axes, chosen, curves, strict=True)]
    return publish(context, name, figure, title=title, caption=caption, data=pd.concat(rows, ignore_index=True))


def _curves(context: Context, name: str, sweep: Sweep, chosen: Sequence[Sequence[float]]) -> list[Curves]:
    """Return the points of every axis."""
    count, done = len(STRATEGIES) * sum(map(len, chosen)), 0
    curves: list[Curves] = []
    for place, values in enumerate(chosen):
        by_strategy: dict[str, list[EvaluatedBids]] = {strategy: [] for strategy in STRATEGIES}
        for value in values:
            for strategy, points in by_strategy.items():
                done += 1
                what = f"{sweep.said.axes[place].title} {value:g}, {STRATEGIES[strategy]}"
                study = sweep.at(place, value, bidding=strategy)
                points.append(
                    evaluated_bids(context, study, by="plan", title=f"{name}, part {done} of {count}: {what}")
                )
        curves.append(by_strategy)
    return curves


def _rows(axis: Axis, values: Sequence[float], curves: Curves) -> pd.DataFrame:
    """Return the points of an axis as a table."""
    return pd.DataFrame(
        {
            "axis": axis.title,
            "varied": axis.label,
            "value": axis.shown_times * value,
            "bidding": strategy,
            **{f"{term}_usd": point.expected[term] for term in TERMS},
            **{energy: point.expected[energy] for energy in ENERGIES},
            "proven_gap_usd": point.gap,
            "scenarios_beyond_limits": point.beyond_limits,
            "scenarios_inexact": point.inexact,
            "note": point.note,
        }
        for strategy, points in curves.items()
        for value, point in zip(values, points, strict=True)
    )


def _protocol(sweep: Sweep) -> str:
    uncertainty = sweep.study.uncertainty
    return (
        "Rows: expected profit and imbalance cost of a day [$], and load and renewable output curtailed [MWh], of"
        f" basic and proposed bids from {uncertainty.keep} of {uncertainty.scenarios:,} scenarios, with hindsight ANM"
        f" in these {uncertainty.keep}. All points draw the same random numbers; where errors or capacities change,"
        " the scenarios kept of them may. Values off the scale are written at the edge; the dashed line is the paper's"
        " value."
    )


def _own_file(context: Context, sweep: Sweep) -> list[str]:
    """Return what to say where the sweep is not the packaged one, or does not start from the paper's study."""
    own = [f"Axes as in {sweep.path.name} of the results' folder."] if sweep.path.parent == context.folder else []
    return own if sweep.said.study == STUDY else [*own, f"The sweep starts from study {sweep.study.name}."]


def _finding(axis: Axis, values: Sequence[float], curves: Curves) -> str:
    """Return what becomes of both bids at the ends of an axis, and at the paper's value."""
    wanted = {values[0], values[-1], *({axis.paper} & set(values))}
    chosen = [place for place, value in enumerate(values) if value in wanted]

    def listed(term: str, strategy: str) -> list[float]:
        return [curves[strategy][place].expected[term] for place in chosen]

    def slashed(amounts: Sequence[float]) -> str:
        return " / ".join(map(number, amounts)) + " $"

    profit = listed("profit", PROPOSED)
    more = [ours - theirs for ours, theirs in zip(profit, listed("profit", BASIC), strict=True)]
    return (
        f"{axis.title[:1].upper()}{axis.title[1:]} at"
        f" {' / '.join(f'{axis.shown_times * values[place]:g}' for place in chosen)}: the proposed bid earns"
        f" {slashed(profit)}, that is {slashed(more)} more than the basic one; its imbalance cost is"
        f" {slashed(listed('imbalance', PROPOSED))}, that of the basic one {slashed(listed('imbalance', BASIC))}."
    )


def _quality(curves: Sequence[Curves]) -> list[str]:
    """Return how far the bids are proven, and what is not as it should be."""
    points = [point for by_strategy in curves for of_one in by_strategy.values() for point in of_one]
    lines = [f"Every bid is within {max(point.gap for point in points):.2f} $ of the optimum of its own model."]
    for name, words in (
        ("beyond_limits", "no dispatch meets all limits"),
        ("inexact", "the plan is not exactly what physics can do"),
    ):
        count = sum(getattr(point, name) for point in points)
        if count:
            lines.append(f"In {count} scenarios of all points {words}.")
    notes = Counter(point.note for point in points if point.note)
    return [
        *lines,
        *(f"Of {count} of {len(points)} bids the optimiser says: {note}." for note, count in notes.items()),
    ]
