"""Grids of panels in the figures of a sweep: facets of one output after another, each output on a scale of its own."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import ceil
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from experiments.sweeps.report.figure_page import Drawing, Key, Page, label_lines, number_axis, page_style
from experiments.sweeps.report.layout import split_outputs
from experiments.sweeps.report.numbers import axis_label_of, label_of, listed
from experiments.sweeps.report.statistics import HIGH, LOW, MEAN, OUTPUT, VALUE
from grids.network import FloatArray

DARK = "#444444"


class OutputGrid(NamedTuple):
    """Panels of outputs.

    Attributes
    ----------
    facets : int
        Panels of an output, which share its scale. If there is one, the next output stands beside it.
    columns : int
        Panels in a row.
    most : int
        Outputs in one figure.
    height : float
        Of a panel. [inch]
    """

    facets: int
    columns: int
    most: int
    height: float

    def drawings(
        self,
        name: str,
        found: pd.DataFrame,
        outputs: Sequence[str],
        draw: Callable[[Axes, str, int, bool], None],
        *,
        title: str,
        note: str,
        key: Key,
    ) -> Iterator[Drawing]:
        """Yield figures, with as many outputs in each as fit.

        Parameters
        ----------
        name : str
            Stem of their files; if it has "differences" in it, zero is a mark of its own.
        found : DataFrame
            All values shown: `OUTPUT`, and `VALUE`, or `MEAN`, `LOW` and `HIGH`.
        outputs : sequence of str
            The outputs; those without a value are left out.
        draw : function
            Draws a panel, given the axes, the output, the number of the facet, and whether nothing is below.
        title, note, key
            As a `Page` has them.
        """
        alone, differences = self.facets == 1, "differences" in name
        sides = {output: side.filter([VALUE, MEAN, LOW, HIGH]).to_numpy() for output, side in found.groupby(OUTPUT)}
        cells_each = 1 if alone else self.columns * ceil(self.facets / self.columns)
        for stem, some in split_outputs(name, [output for output in outputs if output in sides], self.most):
            panels = list(product(some, range(self.facets)))
            cells = [some.index(output) * cells_each + facet for output, facet in panels]
            with page_style():
                page = Page(cells, min(self.columns, len(panels)), self.height, title=title, note=note, key=key)
                for place, (ax, (output, facet)) in enumerate(zip(page.panels, panels, strict=True)):
                    draw(ax, output, facet, alone or page.lowest[place])
                    named = alone or page.leftmost[place]
                    self._scale(ax, output, sides[output], named=named, differences=differences)
                figure = page.fit()
            yield Drawing(stem, figure, f"{title}: {listed(map(label_of, some))}.")

    def _scale(self, ax: Axes, output: str, values: FloatArray, *, named: bool, differences: bool) -> None:
        """Give a panel the scale of an output; `named`: with numbers and the label."""
        ax.grid(axis="y")
        if differences:
            ax.axhline(0, color=DARK, lw=0.9, zorder=1)
        ax.set_ylim(_limits(np.append(values, [0.0] * differences)))
        number_axis(ax.yaxis, 5)
        ax.tick_params(axis="y", labelleft=named)
        if named:
            label = f"{'difference of ' * differences}{axis_label_of(output)}"
            ax.set_ylabel(label_lines(label, self.height + 0.2, most=2))


def _limits(values: FloatArray) -> tuple[float, float]:
    """Return limits that show all values with room around them, also if they are the same but for rounding."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    least = 1e-3 * max(abs(low), abs(high)) or 1.0
    if high - low < least:
        low, high = low - least, high + least
    room = 0.08 * (high - low)
    return low - room, high + room
