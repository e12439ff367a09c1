"""The choice between two outputs: the points that no other one beats in both."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from experiments.confidence import CONFIDENCE
from experiments.figures.sweep_front import Outcome, front_figure
from experiments.figures.sweep_sheet import Drawing
from experiments.sweeps.outputs import output_of
from experiments.sweeps.report.amounts import counted, output_label, words_of
from experiments.sweeps.report.estimates import COUNT, HIGH, LOW, MEAN
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.tables import MOST_ROWS, cell, table
from grids.network import BoolArray, FloatArray


def front_of(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame, BoolArray] | None:
    """Return the means of all arms in the two outputs of the choice, and which of them no other one beats in both."""
    if evidence.roles.pareto is None:
        return None
    keys = [*evidence.results.factors]
    first, second = (evidence.of_output(name) for name in evidence.roles.pareto)
    both = first[keys].merge(second[keys]) if keys else first[keys]
    first, second = (both.merge(each) if keys else each for each in (first, second))
    directions = [getattr(output_of(name), "better", 0) for name in evidence.roles.pareto]
    gains = np.column_stack([sign * each[MEAN] for sign, each in zip(directions, (first, second), strict=True)])
    return first, second, not_dominated(gains)


def not_dominated(gains: FloatArray) -> BoolArray:
    """Return which points no other one beats: as good in all columns and better in one; more is better.

    Parameters
    ----------
    gains : array, shape (points, outputs)
        What is the better the more of it there is.
    """
    return np.array(
        [not bool(((gains >= row).all(axis=1) & (gains > row).any(axis=1)).any()) for row in gains], dtype=bool
    )


def front_drawing(evidence: Evidence) -> Iterator[Drawing]:
    """Yield the figure of the choice between two outputs."""
    found = front_of(evidence)
    if found is None or evidence.roles.pareto is None or len(found[2]) < 2:
        return
    first, second, front = found
    x, y = (
        Outcome(
            label=output_label(name),
            mean=each[MEAN].to_numpy(),
            low=each[LOW].to_numpy(),
            high=each[HIGH].to_numpy(),
        )
        for name, each in zip(evidence.roles.pareto, (first, second), strict=True)
    )
    order = np.flatnonzero(front)[np.argsort(x.mean[front], kind="stable")]
    wishes = " and ".join(
        f"{'more' if getattr(output_of(name), 'better', 0) > 0 else 'less'} {words_of(name)}"
        for name in evidence.roles.pareto
    )
    title = f"The choice between {wishes}"
    notes = [
        f"Crosses: {100 * CONFIDENCE:.0f} % confidence. Which means are on the front is itself subject to chance."
    ]
    figure = front_figure(
        x,
        y,
        front,
        [
            ", ".join(evidence.levels[name].texts[first.loc[place, name]] for name in evidence.varied)
            for place in order
        ],
        names_of=[evidence.levels[name].label for name in evidence.varied],
        title=title,
        notes=notes if first[COUNT].max() > 1 else ["One replication: what is chance can't be told."],
    )
    yield Drawing(name="pareto", figure=figure, caption=f"{title}: means of {len(first)} points, front joined.")


def front_table(evidence: Evidence) -> Iterator[str]:
    """Yield the points of the front as a table."""
    found = front_of(evidence)
    if found is None or evidence.roles.pareto is None or len(found[2]) < 2:
        return
    first, second, front = found
    order = np.flatnonzero(front)[np.argsort(first[MEAN].to_numpy()[front], kind="stable")]
    layouts = [evidence.amounts(name) for name in evidence.roles.pareto]
    rows = [
        [cell(evidence.point(first.loc[place]))]
        + [
            layout.interval(*each.loc[place, [MEAN, LOW, HIGH]])
            for layout, each in zip(layouts, (first, second), strict=True)
        ]
        for place in order[:MOST_ROWS]
    ]
    yield f"On the front, {counted(len(order), 'point')} of {len(first):,}:"
    yield table(["", *(cell(output_label(name)) for name in evidence.roles.pareto)], rows, words=1)
