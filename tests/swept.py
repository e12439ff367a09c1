"""Results of sweeps that never ran: every combination of values, with figures drawn from a generator."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from experiments.sweeps.outputs import OUTPUTS, TIMINGS
from experiments.sweeps.results import REPLICATION, SweepResults
from experiments.sweeps.sweep_file import SweepFile

PERCENT = {"label": "penalty [% of price]", "shown_times": 100, "paths": ["market.rule.tiers.0.over"]}
BAND = {"label": "half-width of the band [% of bid]", "shown_times": 100, "paths": ["market.rule.tiers.0.band"]}
PENALTIES = [0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0]
BIDDINGS = ["basic", "anm_aware"]
VERSIONS = {"python": "3.11.7", "tieline": "0.1.0", "numpy": "2.4.6"}


def money(row: Mapping[str, Any], weather: np.random.Generator, noise: np.random.Generator) -> dict[str, float]:
    """What a run brings: much weather that all points share, a little that is its own, and what its factors do."""
    sun = weather.normal(0, 40)
    penalty = float(row.get("penalty", 0.5))
    band = float(row.get("band", 0.05))
    aware = row.get("bidding") == "anm_aware"
    imbalance = (0.06 if aware else 1) * 170 * penalty * np.exp(-8 * band) + abs(noise.normal(0, 3))
    return {
        "profit": 2890 + sun + noise.normal(0, 6) - imbalance,
        "revenue": 6500 + sun,
        "imbalance": imbalance,
        "load_curtailed_mwh": 2.3 + 0.01 * sun + 0.1 * penalty,
        "losses_mwh": 1.1 + 0.1 * float(row.get("buses", 33)) / 33 + noise.normal(0, 0.02),
        "min_vm_pu": 0.951 + noise.normal(0, 5e-4),
        "cone_gap": 6e-5 * float(np.exp(noise.normal(0, 0.2))),
        "total_s": 0.2 * float(row.get("buses", 33)) ** 1.1 * float(np.exp(noise.normal(0, 0.1))),
    }


def results_of(
    points: list[dict[str, Any]],
    *,
    replications: int = 1,
    axes: list[dict[str, Any]] | None = None,
    bring: Callable[..., dict[str, float]] = money,
    broken: Callable[[dict[str, Any], int], str] = lambda point, replication: "",
    **said: Any,
) -> SweepResults:
    """Return the results of a sweep over points; `broken` says what became of a run: '', 'failed' or 'missing'."""
    done, failed = [], []
    empty = {output.name: 0 if output.whole else np.nan for output in (*OUTPUTS, *TIMINGS)}
    for place, point in enumerate(points):
        for replication in range(1, replications + 1):
            who = {**point, REPLICATION: replication, "seed": replication, "key": f"{place}-{replication}"}
            fate = broken(point, replication)
            found = bring(point, np.random.default_rng([7, replication]), np.random.default_rng([place, replication]))
            if fate == "failed":
                failed.append({**who, "error": "policy: the solver gave up in hour 17 | try --gap 0.01"})
            elif not fate:
                done.append({**who, **empty, **found})
    sweep = SweepFile.model_validate({"name": "swept", "axes": axes or [], "replications": replications, **said})
    names = list(points[0])
    return SweepResults(
        sweep=sweep,
        factors=tuple(names),
        runs=pd.DataFrame(done, columns=[*names, REPLICATION, "seed", "key", *empty]),
        planned=len(points) * replications,
        failed=pd.DataFrame(failed, columns=[*names, REPLICATION, "seed", "key", "error"]),
        provenance=VERSIONS,
    )


def grid(values: Mapping[str, list[Any]], **said: Any) -> SweepResults:
    """Return the results of a sweep over all combinations of values."""
    points = [dict(zip(values, row, strict=True)) for row in product(*values.values())]
    return results_of(points, axes=[{"values": {name: list(column)}} for name, column in values.items()], **said)


def hypercube(count: int, within: Mapping[str, tuple[float, float]], words: Mapping[str, list[Any]] | None = None, **said: Any):
    """Return the results of a sweep over points that lie evenly in a box, once for each combination of words."""
    rng = np.random.default_rng(3)
    columns = {
        name: low + (high - low) * (rng.permutation(count) + rng.random(count)) / count
        for name, (low, high) in within.items()
    }
    sample = [dict(zip(columns, map(float, row), strict=True)) for row in zip(*columns.values(), strict=True)]
    crossed = [dict(zip(words or {}, row, strict=True)) for row in product(*(words or {}).values())]
    axes = [{"latin_hypercube": {"count": count, "within": dict(within)}}]
    axes += [{"values": {name: list(column)}} for name, column in (words or {}).items()]
    return results_of([{**point, **some} for point in sample for some in crossed], axes=axes, **said)
