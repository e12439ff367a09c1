"""Curves beyond the paper: a sweep simulated at a context's size, drawn panel by panel, and put in words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from experiments.catalog import packaged_sweeps
from experiments.reproduce.context import Context
from experiments.reproduce.curve_figure import curve_figure
from experiments.reproduce.evaluated_bids import ENERGIES
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.journal import publish
from experiments.reproduce.labels import number
from experiments.reproduce.paper import BASIC, PROPOSED, STRATEGIES, STUDY
from experiments.reproduce.sweep_runs import runs_of
from experiments.sweeps import design
from experiments.sweeps.plan import SweepPlan, make_plan, read_sweep
from experiments.sweeps.sweep_file import Axis, EvaluationSpec, OneAtATime, SweepFile
from sim.errors import StudyError
from sim.market.settlement import TERMS

BIDDING = "bidding"
COLUMNS = {
    **{name: name for name in ("axis", "varied", "value", "bidding")},
    **{term: f"{term}_usd" for term in TERMS},
    **{energy: energy for energy in ENERGIES},
    "proven_gap": "proven_gap_usd",
    **{name: name for name in ("scenarios_beyond_limits", "scenarios_inexact")},
    "remarks": "note",
}
"""Columns of the points, and their names in the CSV file."""


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
    points = points_of(plan.sweep, runs_of(context, plan))
    found = [_finding(str(axis), panel) for axis, panel in points.groupby("axis", sort=False)]
    caption = " ".join([about, _protocol(plan), *_own_file(context, name, plan), *found, *_quality(points)])
    data = points.rename(columns=COLUMNS)[[*COLUMNS.values()]]
    return publish(context, name, curve_figure(points), title=title, caption=caption, data=data)


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


def _single(sweep: SweepFile) -> OneAtATime:
    """Return the only axis along which curves are drawn."""
    (single,) = (axis.one_at_a_time for axis in sweep.axes if axis.one_at_a_time is not None)
    return single


def _fewer(plan: SweepPlan) -> SweepPlan:
    """Return a plan with the first, the middle and the last value of each factor that is varied one at a time."""
    single = _single(plan.sweep)
    chosen = {
        name: [values[place] for place in sorted({0, (len(values) - 1) // 2, len(values) - 1})]
        for name, values in single.values.items()
    }
    fewer = Axis(one_at_a_time=single.model_copy(update={"values": chosen}))
    axes = tuple(axis if axis.one_at_a_time is None else fewer for axis in plan.sweep.axes)
    sweep = plan.sweep.model_copy(update={"axes": axes})
    wanted = design.points(sweep, plan.folder)
    return replace(plan, sweep=sweep, arms=[(point, study) for point, study in plan.arms if point in wanted])


def points_of(sweep: SweepFile, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the points of all curves, panel by panel: one for each factor, at every value of those held throughout.

    Parameters
    ----------
    sweep : SweepFile
        The sweep, with one axis ``one_at_a_time``.
    runs : DataFrame
        Its runs, with the columns of :func:`experiments.sweeps.results.read_results`.

    Returns
    -------
    DataFrame
        The runs of every curve by their ``value`` as it is drawn, with the title of their panel as ``axis``, the label
        of its horizontal axis as ``varied``, and the value that the paper has as ``base``.
    """
    others = [name for axis in sweep.axes for name in axis.values or {} if name != BIDDING]
    single, curves = _single(sweep), []
    for words, alike in runs.groupby(others, sort=False) if others else [((), runs)]:
        for along, values in single.values.items():
            at_base = pd.Series({name: base for name, base in single.base.items() if name != along}, dtype=object)
            chosen = alike[(alike[[*at_base.index]] == at_base).all(axis=1) & alike[along].isin(values)]
            named = [along] if len(single.values) > 1 or not others else []
            times = sweep.factor(along).shown_times
            points = chosen.assign(
                axis=", ".join([*(str(word).replace("_", " ") for word in words), *named]),
                varied=sweep.label(along),
                value=times * chosen[along].astype(float),
                base=times * single.base[along],
            )
            curves += [points[points[BIDDING] == strategy].sort_values("value") for strategy in STRATEGIES]
    return pd.concat(curves, ignore_index=True)


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


def _finding(axis: str, panel: pd.DataFrame) -> str:
    """Return the results of both bids at the ends of a panel, and at its base."""
    wanted = [panel["value"].min(), panel["base"].iloc[0], panel["value"].max()]
    at_ends = panel[panel["value"].isin(wanted)].pivot(index="value", columns=BIDDING, values=["profit", "imbalance"])
    profit, imbalance = at_ends["profit"], at_ends["imbalance"]

    def listed(amounts: pd.Series) -> str:
        return " / ".join(map(number, amounts)) + " $"

    return (
        f"{axis[:1].upper()}{axis[1:]} at {' / '.join(f'{value:g}' for value in at_ends.index)}: the proposed bid"
        f" earns {listed(profit[PROPOSED])}, that is {listed(profit[PROPOSED] - profit[BASIC])} more than the basic"
        f" one; its imbalance cost is {listed(imbalance[PROPOSED])}, that of the basic one {listed(imbalance[BASIC])}."
    )


def _quality(points: pd.DataFrame) -> list[str]:
    """Return how far the bids are proven, and what is not as it should be."""
    lines = [f"Every bid is within {points['proven_gap'].max():.2f} $ of the optimum of its own model."]
    for name, words in (
        ("scenarios_beyond_limits", "no dispatch meets all limits"),
        ("scenarios_inexact", "the plan is not exactly what physics can do"),
    ):
        if count := points[name].sum():
            lines.append(f"In {count} scenarios of all points {words}.")
    notes = Counter(note for note in points["remarks"] if note)
    said = [f"Of {count} of {len(points)} bids the optimiser says: {note}." for note, count in notes.items()]
    return [*lines, *said]
