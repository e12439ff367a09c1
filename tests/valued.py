"""Untrained value functions: the same falling slopes for every store, in a file as tieline train writes it."""

from dataclasses import replace

import numpy as np

from agents.value_functions.functions import ValueFunctions, store_names
from sim.instance import Instance


def with_values(instance: Instance, folder, *, first=60.0, last=20.0, parts=8) -> Instance:
    """Return the instance with value functions in a file of its own; a MWh is worth from `first` to `last` $."""
    slopes = {name: np.tile(np.linspace(first, last, parts), (24, 1)) for name in store_names(instance.grid)}
    path = folder / f"values{len(list(folder.glob('values*')))}.json"
    ValueFunctions(slopes=slopes, provenance={"study": instance.study.model_dump(mode="json")}).write(path)
    return replace(instance, study=instance.study.model_copy(update={"trained": str(path)}))
