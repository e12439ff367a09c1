"""Value functions nobody trained: the same falling slopes for every store, in a file as tieline train writes it."""

from dataclasses import replace

import numpy as np

from agents.value.functions import ValueFunctions, store_names
from sim.setting import Setting


def with_values(setting: Setting, folder, *, first=60.0, last=20.0, parts=8) -> Setting:
    """Return the setting with value functions in a file of its own; a MWh is worth from `first` to `last` $."""
    slopes = {name: np.tile(np.linspace(first, last, parts), (24, 1)) for name in store_names(setting.grid)}
    path = folder / f"values{len(list(folder.glob('values*')))}.json"
    ValueFunctions(slopes=slopes, provenance={"study": setting.study.model_dump(mode="json")}).write(path)
    return replace(setting, study=setting.study.model_copy(update={"trained": str(path)}))
