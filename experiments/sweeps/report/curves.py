"""Figures of a report along one factor: means of the outputs, and paired differences."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from experiments.figures.sweep_lines import Line, LinePanel, columns_of, lines_figure
from experiments.figures.sweep_sheet import Drawing
from experiments.sweeps.report.amounts import listed, output_label, words_of
from experiments.sweeps.report.estimates import HIGH, LOW, MEAN, estimates
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT
from experiments.sweeps.report.views import View, averaged_in_title, axis_of, notes_of, sheets, view_of

MOST_ROWS, MOST_ALONE = 4, 6
"""Rows of small multiples in one figure; and panels, if each shows an output of its own."""


def means_drawings(evidence: Evidence) -> Iterator[Drawing]:
    """Yield figures of the outputs along the factor of the horizontal axis, a line for each value of another."""
    along = evidence.roles.along
    if along is None:
        return
    level, view = evidence.levels[along], view_of(evidence, [along])
    found = estimates(evidence.long, [along, *([view.lines] if view.lines else []), *view.multiples])
    bands = "Bands" if level.continuous else "Bars"
    what = "Means" if evidence.replications > 1 else "Outputs"
    for name, outputs in sheets("means", evidence.roles.outputs, _fit(_multiples(evidence, view))):
        title = f"{what} along {level.words}{averaged_in_title(evidence, view)}"
        rows = [_row(evidence, found, output, along, range(len(level)), view) for output in outputs]
        figure = lines_figure(
            rows,
            axis_of(level),
            title=title,
            notes=[*notes_of(evidence, view, found, bands=bands), *_shared(evidence, bands)],
            names=_names(evidence, view),
            names_of=evidence.levels[view.lines].words if view.lines else "",
            panels_of=", ".join(evidence.levels[name].words for name in view.multiples),
        )
        yield Drawing(name=name, figure=figure, caption=f"{title}: {_outputs_in_words(outputs)}.")


def _shared(evidence: Evidence, bands: str) -> list[str]:
    """Return a warning of what intervals of means do not say."""
    if evidence.pairs is None or evidence.replications == 1:
        return []
    return [f"All points met the same weather: {bands.lower()} may overlap where differences are beyond chance."]


def difference_drawings(evidence: Evidence) -> Iterator[Drawing]:
    """Yield figures of the paired differences along the same factor."""
    along, pairs = evidence.roles.along, evidence.pairs
    if along is None or pairs is None or pairs.differences.empty or along in pairs.together:
        return
    level, view = evidence.levels[along], view_of(evidence, [along])
    if view.lines == pairs.compare:
        view = replace(view, codes=tuple(code for code in view.codes if code != pairs.baseline))
    codes = [code for code in range(len(level)) if along != pairs.compare or code != pairs.baseline]
    found = estimates(pairs.differences, [along, *([view.lines] if view.lines else []), *view.multiples])
    against = evidence.levels[pairs.compare].named(pairs.baseline)
    shown = [output for output in evidence.roles.outputs if (found[OUTPUT] == output).any()]
    for name, outputs in sheets("differences", shown, _fit(_multiples(evidence, view))):
        title = f"{_difference(evidence, view, against)} along {level.words}{averaged_in_title(evidence, view)}"
        figure = lines_figure(
            [_row(evidence, found, output, along, codes, view, difference=True) for output in outputs],
            axis_of(level, codes),
            title=title,
            notes=notes_of(
                evidence, view, found, bands="Paired by replication. " + ("Bands" if level.continuous else "Bars")
            ),
            names=_names(evidence, view),
            names_of=evidence.levels[view.lines].words if view.lines else "",
            panels_of=", ".join(evidence.levels[name].words for name in view.multiples),
            from_zero=True,
        )
        yield Drawing(name=name, figure=figure, caption=f"{title}: {_outputs_in_words(outputs)}.")


def _difference(evidence: Evidence, view: View, against: str) -> str:
    """Return what is subtracted from what."""
    if view.lines == evidence.roles.compare and view.lines and len(view.codes) == 1:
        return f"{evidence.levels[view.lines].named(view.codes[0])} minus {against}"
    return f"Difference to {against}"


def _fit(multiples: Sequence[dict[str, int]]) -> int:
    """Return of how many outputs the panels fit into one figure."""
    if len(multiples) == 1:
        return MOST_ALONE
    return max(1, MOST_ROWS // math.ceil(len(multiples) / columns_of(len(multiples))))


def _multiples(evidence: Evidence, view: View) -> list[dict[str, int]]:
    """Return the values of each small multiple, as far as there are runs."""
    if not view.multiples:
        return [{}]
    there = evidence.long[list(view.multiples)].drop_duplicates()
    known = {tuple(row) for row in there.itertuples(index=False)}
    every = product(*(range(len(evidence.levels[name])) for name in view.multiples))
    return [dict(zip(view.multiples, values, strict=True)) for values in every if values in known]


def _names(evidence: Evidence, view: View) -> dict[int, str]:
    """Return what the lines of each look are."""
    if view.lines is None:
        return {}
    return {look: evidence.levels[view.lines].valued(code) for look, code in _looks(evidence, view)}


def _row(
    evidence: Evidence,
    found: pd.DataFrame,
    output: str,
    along: str,
    codes: Sequence[int],
    view: View,
    *,
    difference: bool = False,
) -> list[LinePanel]:
    """Return the panels of an output."""
    mine, label = found[found[OUTPUT] == output], f"{'difference of ' if difference else ''}{output_label(output)}"
    panels = []
    for values in _multiples(evidence, view):
        here = mine[np.logical_and.reduce([mine[name] == code for name, code in values.items()])] if values else mine
        title = ", ".join(evidence.levels[name].placed(code) for name, code in values.items())
        short = ", ".join(evidence.levels[name].valued(code) for name, code in values.items())
        sides = [(look, here[here[view.lines] == code]) for look, code in _looks(evidence, view)]
        lines = [_line(side, along, codes, look) for look, side in (sides if view.lines else [(0, here)])]
        panels.append(
            LinePanel(label=label, title=title or words_of(output), short=short or words_of(output), lines=lines)
        )
    return panels


def _looks(evidence: Evidence, view: View) -> list[tuple[int, int]]:
    """Return the look of each line, and its value; a value looks the same in all figures."""
    if view.lines is None:
        return []
    with_baseline = view.lines == evidence.roles.compare
    first = evidence.levels[view.lines].first
    shift = 1 if with_baseline and first not in view.codes else 0
    return [(place + shift, code) for place, code in enumerate(view.codes)]


def _line(here: pd.DataFrame, along: str, codes: Sequence[int], look: int) -> Line:
    values = here.set_index(along)[[MEAN, LOW, HIGH]].reindex(list(codes))
    return Line(look=look, mean=values[MEAN].to_numpy(), low=values[LOW].to_numpy(), high=values[HIGH].to_numpy())


def _outputs_in_words(outputs: Sequence[str]) -> str:
    return listed(words_of(output) for output in outputs)
