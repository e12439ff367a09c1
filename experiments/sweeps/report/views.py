"""How the factors of a sweep are laid out in a figure: along an axis, as lines, in panels, averaged over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.confidence import CONFIDENCE
from experiments.figures.sweep_axis import FactorAxis
from experiments.figures.sweep_lines import MOST_LINES
from experiments.sweeps.report.amounts import counted, listed
from experiments.sweeps.report.estimates import COUNT, POINTS
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import Levels
from experiments.sweeps.report.pairs import given_by

MOST_MULTIPLES = 6


@dataclass(frozen=True, kw_only=True)
class View:
    """Where each factor is.

    Attributes
    ----------
    lines : str or None
        Factor with a line or a map for each value.
    codes : tuple of int
        The values that have one, the baseline first.
    left_out : int
        How many values have none.
    multiples : tuple of str
        Factors with a panel for each combination of their values.
    averaged : tuple of str
        Factors that are averaged over.
    """

    lines: str | None
    codes: tuple[int, ...]
    left_out: int
    multiples: tuple[str, ...]
    averaged: tuple[str, ...]


def view_of(evidence: Evidence, axes: Sequence[str], *, most: int = MOST_MULTIPLES) -> View:
    """Return where the factors are that are not on the axes; at most so many small multiples."""
    levels, roles = evidence.levels, evidence.roles
    free = [name for name in evidence.varied if name not in (*axes, *roles.sampled)]
    few = [name for name in free if len(levels[name]) <= MOST_LINES]
    choices = [*(name for name in free if name == roles.compare), *(n for n in few if not levels[n].numeric), *few]
    lines = choices[0] if choices else None
    chosen = [*axes, *([lines] if lines else [])]
    multiples: list[str] = []
    for name in free:
        count = np.prod([len(levels[each]) for each in (*multiples, name)])
        if name not in chosen and count <= most and not _given(evidence, name, chosen):
            multiples.append(name)
            chosen.append(name)
    averaged = [name for name in evidence.varied if name not in chosen and not _given(evidence, name, chosen)]
    codes = baseline_first(levels[lines]) if lines else ()
    return View(
        lines=lines,
        codes=codes[:MOST_LINES],
        left_out=max(0, len(codes) - MOST_LINES),
        multiples=tuple(multiples),
        averaged=tuple(averaged),
    )


def _given(evidence: Evidence, name: str, chosen: Sequence[str]) -> bool:
    """Whether a factor has one value wherever the chosen ones are the same."""
    return bool(chosen) and given_by(evidence.long, name, chosen)


def baseline_first(level: Levels) -> tuple[int, ...]:
    """Return the codes of a factor in their order, but the first value of the sweep file before all others."""
    return (level.first, *(code for code in range(len(level)) if code != level.first))


def axis_of(level: Levels, codes: Sequence[int] | None = None) -> FactorAxis:
    """Return a factor, or some of its values, as an axis; two numbers are places of their own, as words are."""
    chosen = list(range(len(level)) if codes is None else codes)
    numbers = level.shown[chosen] if level.continuous else None
    return FactorAxis(label=level.label, numbers=numbers, texts=tuple(level.texts[code] for code in chosen))


def notes_of(evidence: Evidence, view: View, found: pd.DataFrame, *, bands: str) -> list[str]:
    """Return what is to be known of a figure: what its bands are, and what is left out."""
    notes = []
    most = int(found[COUNT].max())
    runs = f"{'' if found[COUNT].min() == most else 'up to '}{counted(most, 'replication')}"
    if evidence.replications > 1:
        notes.append(f"{bands}: {100 * CONFIDENCE:.0f} % confidence, over {runs}." if bands else f"Means over {runs}.")
    elif evidence.replications == 1:
        notes.append("One replication: what is chance can't be told.")
    if found[POINTS].min() < found[POINTS].max():
        notes.append(f"Averages are over {found[POINTS].min()} to {found[POINTS].max()} points: not all are done.")
    if view.left_out and view.lines:
        notes.append(
            f"Left out: {counted(view.left_out, 'value')} of {evidence.levels[view.lines].words}; "
            "they are in the table."
        )
    return [" ".join(notes)] if notes else []


def averaged_in_title(evidence: Evidence, view: View) -> str:
    """Return what a title says of factors that are averaged over."""
    return f", averaged over {listed(evidence.levels[name].words for name in view.averaged)}" if view.averaged else ""


def sheets(name: str, outputs: Sequence[str], most: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the names of figures, and at most so many outputs for each."""
    parts = [list(outputs[first : first + most]) for first in range(0, len(outputs), most)]
    for number, chosen in enumerate(parts, start=1):
        yield name if len(parts) == 1 else f"{name}-{number}", chosen
