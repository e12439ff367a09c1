"""Bands of scenarios: the forecast of a quantity, and the band that holds most of its scenarios."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes

from experiments.figures.style import hour_edges
from experiments.reproduce.context import Context, Tick
from experiments.reproduce.journal import HOURS
from experiments.reproduce.result_cache import Record
from grids.network import FloatArray
from sim.instance import Instance
from sim.scenarios import Draw, ScenarioSet

SHARE = 0.90
"""Fraction of the scenarios inside a band."""

Quantity = Callable[[Instance, ScenarioSet], FloatArray]
"""Returns a quantity of every scenario and hour, shape (S, T)."""


def band(context: Context, name: str, quantities: dict[str, Quantity]) -> dict[str, dict[str, FloatArray]]:
    """Return the ``forecast`` of each quantity and the ends of its band, ``low`` and ``high``, each of shape (24,)."""
    study = context.study()

    def compute(tick: Tick) -> Record:
        instance = Instance.of(study)
        drawn = instance.draw(Draw.TRAINING, study.uncertainty.scenarios)
        found = {}
        for kind, quantity in quantities.items():
            low, high = np.quantile(quantity(instance, drawn), [(1 - SHARE) / 2, (1 + SHARE) / 2], axis=0)
            forecast = quantity(instance, instance.forecast)[0]
            found[kind] = {"forecast": forecast.tolist(), "low": low.tolist(), "high": high.tolist()}
            tick(kind)
        return found

    parameters = {"kind": "band", "of": name, "share": SHARE}
    record = context.result(f"{name}: scenarios", study, parameters, compute, steps=len(quantities))
    return {kind: {end: np.array(values) for end, values in ends.items()} for kind, ends in record.items()}


def draw_band(ax: Axes, ends: dict[str, FloatArray], color: str, gid: str) -> None:
    """Draw a forecast as steps on the band of its scenarios."""
    edges = hour_edges(HOURS)
    ax.stairs(ends["high"], edges, baseline=ends["low"], fill=True, color=color, alpha=0.28, gid=f"{gid}-band")
    ax.stairs(ends["forecast"], edges, baseline=None, color=color, lw=1.4, zorder=3, gid=gid)
