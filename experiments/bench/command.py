"""Command ``bench``: each row is printed as soon as it is measured, and stays if the command is stopped."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from experiments import console
from experiments.bench import long_runs, microgrid33, networked, networks, sweeps
from experiments.bench.hard_cases import cases, prove
from experiments.bench.measuring import Row
from experiments.bench.networks import available_networks, measure_network
from experiments.console.bench import show_hard_case, show_network, show_row

GROUPS: dict[str, tuple[Sequence[Row], int, int]] = {
    "microgrid33": (microgrid33.ROWS, 5, 2),
    "networked": (networked.ROWS, 3, 1),
    "networks": (networks.ROWS, 3, 1),
    "sweeps": (sweeps.ROWS, 200, 50),
    "long_runs": (long_runs.ROWS, 30, 12),
}
"""Groups of rows, and their numbers of repetitions (of sweeps and long runs: days), usually and with ``--quick``."""

QUICK_NETWORKS = 3
"""Number of networks whose day is simulated with ``--quick``."""

Measurement = tuple[str, str, Callable[[], dict[str, Any]]]
"""Measurement: the key of its result in the JSON, its name, and the function that makes it."""

SHOW: Mapping[str, Callable[..., None]] = {"rows": show_row, "proofs": show_hard_case, "networks": show_network}


def run_bench(groups: Sequence[str], *, proofs: bool, quick: bool, whole: bool, as_json: bool) -> None:
    """Measure, and print each result as soon as it is there; or all that there are at the end, as one JSON object.

    Parameters
    ----------
    groups : sequence of str
        Names in `GROUPS`.
    proofs : bool
        Also prove the bids of hard cases.
    quick, whole : bool
        Leave out rows that take more than seconds, or none.
    as_json : bool
        Print one JSON object and nothing else.
    """
    document: dict[str, list[dict[str, Any]]] = {}
    try:
        for key, name, measure in _measurements(groups, proofs=proofs, quick=quick, whole=whole):
            with console.status(name, quiet=as_json):
                result = measure()
            results = document.setdefault(key, [])
            results.append(result)
            if not as_json:
                SHOW[key](result, first=len(results) == 1)
    finally:
        if as_json:
            console.print_json(document)


def _measurements(groups: Sequence[str], *, proofs: bool, quick: bool, whole: bool) -> Iterator[Measurement]:
    """Return the measurements, in the order of the output."""
    left_out = {"a minute", "minutes"} if quick else set() if whole else {"minutes"}
    for group in groups:
        if group == "networks":  # first, because they do without SimBench
            for name in available_networks()[: QUICK_NETWORKS if quick else None]:
                yield "networks", name, partial(measure_network, name)
        rows, effort, quick_effort = GROUPS[group]
        for row in rows:
            if row.takes not in left_out:
                yield "rows", row.name, partial(row.result, quick_effort if quick else effort)
    if proofs:
        for case, build in cases().items():
            yield "proofs", case, partial(prove, case, build)
