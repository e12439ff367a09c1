"""Maps of a report over two factors: means of the first output, and paired differences."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from experiments.figures.sweep_maps import MapPanel, maps_figure
from experiments.figures.sweep_sheet import Drawing
from experiments.sweeps.report.amounts import Amounts, output_label, words_of
from experiments.sweeps.report.estimates import HIGH, MEAN, beyond_chance, estimates
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.levels import OUTPUT
from experiments.sweeps.report.views import View, averaged_in_title, axis_of, notes_of, view_of

HATCHED, WITHIN_CHANCE = "Hatched cells have zero within their interval", "what is within chance is hatched"


def map_drawings(evidence: Evidence) -> Iterator[Drawing]:
    """Yield maps of the first output over two factors: means, and paired differences."""
    spanned = evidence.roles.heat_map
    if spanned is None:
        return
    across, up = (evidence.levels[name] for name in spanned)
    output, view = evidence.roles.outputs[0], view_of(evidence, spanned, most=1)
    where = f"over {across.words} and {up.words}{averaged_in_title(evidence, view)}"

    def drawing(name: str, title: str, found: pd.DataFrame, shown: View, *, differences: bool) -> Drawing:
        figure = maps_figure(
            _maps(evidence, found, spanned, shown, differences=differences),
            axis_of(across),
            axis_of(up),
            title=title,
            label=_difference_label(output) if differences else output_label(output),
            notes=notes_of(evidence, shown, found, bands=HATCHED if differences else ""),
            differences=differences,
        )
        return Drawing(name=name, figure=figure, caption=title + (f"; {WITHIN_CHANCE}." if differences else "."))

    lines = [view.lines] if view.lines else []
    found = estimates(evidence.long[evidence.long[OUTPUT] == output], [*spanned, *lines])
    yield drawing("map", f"{words_of(output).capitalize()} {where}", found, view, differences=False)
    pairs = evidence.pairs
    if pairs is None or view.lines != pairs.compare or set(spanned) & set(pairs.together):
        return
    mine = pairs.differences[pairs.differences[OUTPUT] == output]
    if mine.empty:
        return
    others = replace(view, codes=tuple(code for code in view.codes if code != pairs.baseline))
    title = f"Difference of {words_of(output)} to {evidence.levels[pairs.compare].named(pairs.baseline)} {where}"
    found = estimates(mine, [*spanned, pairs.compare])
    yield drawing("map_differences", title, found, others, differences=True)


def _difference_label(output: str) -> str:
    return f"difference of {output_label(output)}"


def _maps(
    evidence: Evidence, found: pd.DataFrame, spanned: Sequence[str], view: View, *, differences: bool
) -> list[MapPanel]:
    across, up = spanned
    shape = len(evidence.levels[up]), len(evidence.levels[across])
    layout = Amounts.of(str(found[OUTPUT].iloc[0]), found)
    panels = []
    for code in view.codes if view.lines else (None,):
        here = found if code is None else found[found[view.lines] == code]
        values, within = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
        places = here[up].to_numpy(), here[across].to_numpy()
        values[places] = here[MEAN]
        within[places] = here[HIGH].notna() & ~beyond_chance(here)
        texts = [[layout.text(value, signed=differences) for value in line] for line in values]
        title = evidence.levels[view.lines].named(code) if view.lines and code is not None else ""
        panels.append(MapPanel(title=title, values=values, texts=texts, within_chance=within if differences else None))
    return panels
