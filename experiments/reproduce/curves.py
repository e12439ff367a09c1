"""Curves beyond the paper: a sweep simulated at a context's size, drawn panel by panel, and put in words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.catalog import packaged_sweeps
from experiments.figures.style import house_style
from experiments.reproduce.context import Context
from experiments.reproduce.curve_figure import CurvePanel, curve_figure
from experiments.reproduce.evaluated_bids import ENERGIES
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import publish
from experiments.reproduce.labels import number
from experiments.reproduce.paper import STRATEGIES, STUDY
from experiments.reproduce.sweep_runs import runs_of
from experiments.sweeps.design import points
from experiments.sweeps.plan import SweepPlan, make_plan, read_sweep
from experiments.sweeps.sweep_file import Axis, EvaluationSpec, SweepFile
from sim.errors import StudyError
from sim.market.settlement import TERMS

BASIC, PROPOSED = STRATEGIES
BIDDING = "bidding"


def reproduce_curves(context: Context, name: str, *, title: str, about: str) -> ItemResult:
    """Return a sweep as a figure with its caption and a CSV file of all its points.

    Parameters
    ----------
    context : Context
        Size, cache and folder.
    name : str
        Name of the item and of its sweep.
    title : str
        Title of the figure.
    about : str
        Beginning of the caption: what is varied, and how to read it.
    """
    plan = curve_plan(context, name)
    panels = panels_of(plan.sweep, runs_of(context, plan))
    with house_style():
        figure = curve_figure(panels)
    found = [_finding(panel) for panel in panels]
    caption = " ".join([about, _protocol(plan), *_own_file(context, name, plan), *found, *_quality(panels)])
    data = pd.concat([_rows(panel) for panel in panels], ignore_index=True)
    return publish(context, name, figure, title=title, caption=caption, data=data)


def curve_plan(context: Context, name: str) -> SweepPlan:
    """Return the plan of a sweep at the context's size, with bids evaluated in the scenarios they are made from.

    The sweep is the user's own, if its file lies in the context's folder, or the packaged one.

    Raises
    ------
    StudyError
        If the file, or one of its paths or values, is wrong; the message names file and field.
    """
    own = context.folder / f"{name}.yaml"
    path = own if own.is_file() else packaged_sweeps()[name]
    sweep = read_sweep(path)
    values = {"policy": "hindsight"} | sweep.set | context.size.values
    sized = sweep.model_copy(update={"set": values, "evaluate": EvaluationSpec(by="plan")})
    try:
        _require_curves(sized)
        plan = make_plan(sized, path.parent, seed=context.seed)
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from error
    return _fewer(plan) if context.quick else plan


def _require_curves(sweep: SweepFile) -> None:
    """Refuse a sweep without two strategies to be compared, or without numbers along which to draw."""
    lists = [listed for axis in sweep.axes for name, listed in (axis.values or {}).items() if name == BIDDING]
    singles = [axis.one_at_a_time for axis in sweep.axes if axis.one_at_a_time is not None]
    if lists != [list(STRATEGIES)]:
        raise StudyError(f"axes: curves compare strategies; add values: {{bidding: {list(STRATEGIES)}}}")
    if len(singles) != 1 or not all(map(_are_numbers, singles[0].values.values())):
        raise StudyError("axes: curves are drawn along numbers; give two or more of each on one axis one_at_a_time")


def _are_numbers(values: Sequence[Any]) -> bool:
    return len(values) > 1 and all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)


def _fewer(plan: SweepPlan) -> SweepPlan:
    """Return a plan with the first, the middle and the last value of each factor that is varied one at a time."""
    sweep = plan.sweep.model_copy(update={"axes": tuple(map(_three_values, plan.sweep.axes))})
    wanted = points(sweep, plan.folder)
    return replace(plan, sweep=sweep, arms=[(point, study) for point, study in plan.arms if point in wanted])


def _three_values(axis: Axis) -> Axis:
    one = axis.one_at_a_time
    if one is None:
        return axis
    values = {
        name: [listed[place] for place in sorted({0, (len(listed) - 1) // 2, len(listed) - 1})]
        for name, listed in one.values.items()
    }
    return Axis(one_at_a_time=one.model_copy(update={"values": values}))


def panels_of(sweep: SweepFile, runs: pd.DataFrame) -> list[CurvePanel]:
    """Return a panel for each factor varied one at a time, at every value of those that are not.

    Parameters
    ----------
    sweep : SweepFile
        The sweep, with one axis ``one_at_a_time``.
    runs : DataFrame
        Its runs, with the columns of :func:`experiments.sweeps.results.read_results`.
    """
    others = [name for axis in sweep.axes for name in axis.values or {} if name != BIDDING]
    (single,) = (axis.one_at_a_time for axis in sweep.axes if axis.one_at_a_time is not None)
    panels = []
    for words, alike in runs.groupby(others, sort=False) if others else [((), runs)]:
        for along, values in single.values.items():
            at_base = [alike[name] == base for name, base in single.base.items() if name != along]
            chosen = alike[np.logical_and.reduce(at_base)] if at_base else alike
            points = chosen[chosen[along].isin(values)].sort_values(along)
            named = [along] if len(single.values) > 1 or not others else []
            panels.append(
                CurvePanel(
                    title=", ".join([*(str(word).replace("_", " ") for word in words), *named]),
                    label=sweep.label(along),
                    shown_times=sweep.factor(along).shown_times,
                    values=sorted(values),
                    base=single.base[along],
                    runs={strategy: points[points[BIDDING] == strategy] for strategy in STRATEGIES},
                )
            )
    return panels


def _rows(panel: CurvePanel) -> pd.DataFrame:
    """Return the points of a panel as a table."""
    return pd.concat(
        pd.DataFrame(
            {
                "axis": panel.title,
                "varied": panel.label,
                "value": panel.places,
                "bidding": strategy,
                **{f"{term}_usd": runs[term].to_numpy() for term in TERMS},
                **{energy: runs[energy].to_numpy() for energy in ENERGIES},
                "proven_gap_usd": runs["proven_gap"].to_numpy(),
                "scenarios_beyond_limits": runs["scenarios_beyond_limits"].to_numpy(),
                "scenarios_inexact": runs["scenarios_inexact"].to_numpy(),
                "note": runs["remarks"].to_numpy(),
            }
        )
        for strategy, runs in panel.runs.items()
    )


def _protocol(plan: SweepPlan) -> str:
    keep, scenarios = (plan.arms[0][1]["uncertainty"][name] for name in ("keep", "scenarios"))
    return (
        "Rows: expected profit and imbalance cost of a day [$], and load and renewable output curtailed [MWh], of"
        f" basic and proposed bids from {keep} of {scenarios:,} scenarios, with hindsight ANM in these {keep}. All"
        " points draw the same random numbers; where errors or capacities change, the scenarios kept of them may."
        " Values off the scale are written at the edge; the dashed line is the paper's value."
    )


def _own_file(context: Context, name: str, plan: SweepPlan) -> list[str]:
    """Return a note where the sweep is not the packaged one, or does not start from the paper's study."""
    own = [f"Axes as in {name}.yaml of the results' folder."] if plan.folder == context.folder else []
    started = [f"The sweep starts from study {plan.arms[0][1]['name']}."] if plan.sweep.study != STUDY else []
    return own + started


def _finding(panel: CurvePanel) -> str:
    """Return the results of both bids at the ends of a panel, and at its base."""
    values = panel.values
    wanted = {values[0], values[-1], *({panel.base} & set(values))}
    chosen = [place for place, value in enumerate(values) if value in wanted]

    def listed(term: str, strategy: str) -> list[float]:
        return [float(amount) for amount in panel.amounts(strategy, term)[chosen]]

    def slashed(amounts: Sequence[float]) -> str:
        return " / ".join(map(number, amounts)) + " $"

    profit = listed("profit", PROPOSED)
    more = [ours - theirs for ours, theirs in zip(profit, listed("profit", BASIC), strict=True)]
    return (
        f"{panel.title[:1].upper()}{panel.title[1:]} at"
        f" {' / '.join(f'{panel.places[place]:g}' for place in chosen)}: the proposed bid earns"
        f" {slashed(profit)}, that is {slashed(more)} more than the basic one; its imbalance cost is"
        f" {slashed(listed('imbalance', PROPOSED))}, that of the basic one {slashed(listed('imbalance', BASIC))}."
    )


def _quality(panels: Sequence[CurvePanel]) -> list[str]:
    """Return how far the bids are proven, and what is not as it should be."""
    points = pd.concat([runs for panel in panels for runs in panel.runs.values()])
    lines = [f"Every bid is within {points['proven_gap'].max():.2f} $ of the optimum of its own model."]
    for name, words in (
        ("scenarios_beyond_limits", "no dispatch meets all limits"),
        ("scenarios_inexact", "the plan is not exactly what physics can do"),
    ):
        if count := points[name].sum():
            lines.append(f"In {count} scenarios of all points {words}.")
    notes = Counter(note for note in points["remarks"] if note)
    return [
        *lines,
        *(f"Of {count} of {len(points)} bids the optimiser says: {note}." for note, count in notes.items()),
    ]
