"""Results of sweeps that never ran: every combination of values, with figures drawn from a generator."""

import csv
import io
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from experiments.sweeps.outputs import BIDDING_USED, OUTPUTS, TIMINGS
from experiments.sweeps.report.content import blocks_of, markdown
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.tables import differences_csv, means_csv
from experiments.sweeps.results import REPLICATION, SweepResults
from experiments.sweeps.sweep_file import SweepFile

PERCENT = {"label": "penalty [% of price]", "shown_times": 100, "paths": ["market.rule.tiers.0.over"]}
BAND = {"label": "half-width of the band [% of bid]", "shown_times": 100, "paths": ["market.rule.tiers.0.band"]}
PENALTIES = [0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0]
BIDDINGS = ["basic", "anm_aware"]
VERSIONS = {"python": "3.11.7", "tieline": "0.1.0", "numpy": "2.4.6"}


def money(row: Mapping[str, Any], weather: np.random.Generator, noise: np.random.Generator) -> dict[str, float]:
    """Return the outputs of a run: much weather that all points share, a little of its own, and effects of factors."""
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
    empty = {output.name: 0 if output.whole else np.nan for output in (*OUTPUTS, *TIMINGS)} | {BIDDING_USED: "basic"}
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


def hypercube(
    count: int, within: Mapping[str, tuple[float, float]], words: Mapping[str, list[Any]] | None = None, **said: Any
):
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


def one_at_a_time(base: Mapping[str, Any], values: Mapping[str, list[Any]], **said: Any) -> SweepResults:
    """Return the results of a sweep over points that differ from a base in one factor."""
    points = [{**base, name: value} for name, column in values.items() for value in column]
    distinct = [point for place, point in enumerate(points) if point not in points[:place]]
    return results_of(distinct, axes=[{"one_at_a_time": {"base": base, "values": values}}], **said)


FACTORS = {"penalty": PERCENT, "band": BAND}
LONG = "a very long label for how many of the scenarios are kept after the reduction [number of scenarios]"
READINGS = ["import_only", "both_directions_and_more_of_them", "a third and rather lengthy reading of Equation 30"]
POLICIES = ["none", "myopic", "receding", "hindsight"]


def lossy(point: Mapping[str, Any], replication: int) -> str:
    """Fail one arm, some runs of others, and leave out the last replication."""
    if point["bidding"] == "basic" and point["penalty"] == 0:
        return "failed"
    return "failed" if (7 * replication + int(100 * point["penalty"])) % 11 == 0 else "missing" * (replication == 8)


def trade_off(point: Mapping[str, Any], weather: np.random.Generator, noise: np.random.Generator) -> dict[str, float]:
    """Return the outputs of a run where more profit costs load."""
    band, penalty, sun = point["band"], point["penalty"], weather.normal(0, 20)
    return {
        "profit": 2800 + 1000 * band - 100 * penalty**2 + sun + noise.normal(0, 8),
        "load_curtailed_mwh": 1 + 20 * band**2 + (1 - penalty / 2) ** 2 + 0.02 * noise.normal() + sun / 500,
    }


CASES: dict[str, Callable[[], SweepResults]] = {
    "one_factor_once": lambda: grid({"penalty": PENALTIES}, factors=FACTORS),
    "one_point": lambda: results_of([{}], replications=12),
    "one_point_once": lambda: results_of([{}]),
    "two_words": lambda: grid({"bidding": BIDDINGS, "policy": POLICIES}, replications=12),
    "words_only": lambda: grid({"policy": POLICIES}, replications=12),
    "two_numbers": lambda: grid({"penalty": [0, 1]}, replications=4, factors=FACTORS),
    "booleans": lambda: grid(
        {"policy": POLICIES, "foresight": [True, False]}, replications=5, report={"compare": "foresight"}
    ),
    "twenty": lambda: grid(
        {"bidding": BIDDINGS, "penalty": PENALTIES},
        replications=20,
        factors=FACTORS,
        report={"outputs": ["profit", "imbalance", "load_curtailed_mwh", "cone_gap"]},
    ),
    "two_numbers_and_words": lambda: grid(
        {"penalty": PENALTIES, "band": [0, 0.025, 0.05, 0.1], "bidding": BIDDINGS}, replications=8, factors=FACTORS
    ),
    "three_outputs_in_four_panels": lambda: grid(
        {"penalty": PENALTIES, "band": [0, 0.025, 0.05, 0.1], "bidding": BIDDINGS},
        replications=3,
        factors=FACTORS,
        report={"outputs": ["profit", "imbalance", "load_curtailed_mwh"]},
    ),
    "many_factors": lambda: grid(
        {"bidding": BIDDINGS, "penalty": PENALTIES, "band": [0, 0.05, 0.1], "policy": POLICIES, "days": [1, 7]},
        replications=2,
        factors=FACTORS,
    ),
    "three_hundred_arms": lambda: grid(
        {"keep": list(range(1, 31)), "rule": [f"rule{k}" for k in range(5)], "foresight": [False, True]},
        replications=3,
    ),
    "nine_values_compared": lambda: grid(
        {"penalty": PENALTIES, "rule": [f"rule{k}" for k in range(9)]},
        replications=3,
        factors=FACTORS,
        report={"compare": "rule"},
    ),
    "long_labels": lambda: grid(
        {"keep": [1, 2, 5, 10, 20, 50, 100, 200], "grid.tie_line.power_factor_reading": READINGS},
        factors={"keep": {"label": LONG, "paths": ["uncertainty.keep"]}},
        replications=6,
        report={"outputs": ["profit", "total_cost", "min_vm_pu", "imbalance"]},
    ),
    "long_words": lambda: grid({"reading": READINGS, "bidding": BIDDINGS}, replications=3),
    "failed": lambda: grid({"bidding": BIDDINGS, "penalty": PENALTIES}, replications=8, broken=lossy, factors=FACTORS),
    "mixed": lambda: grid({"keep": ["1", "5", "10", "all"], "bidding": BIDDINGS}, replications=6),
    "times": lambda: grid(
        {"buses": [33, 66, 119, 330], "policy": POLICIES},
        replications=3,
        report={"outputs": ["total_s", "losses_mwh"]},
    ),
    "pareto": lambda: grid(
        {"penalty": PENALTIES, "band": [0, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2]},
        replications=10,
        bring=trade_off,
        factors=FACTORS,
        report={"pareto": ["profit", "load_curtailed_mwh"], "outputs": ["profit", "load_curtailed_mwh"]},
    ),
    "sample": lambda: hypercube(64, {"penalty": (0, 2), "band": (0, 0.2), "keep": (1, 50)}, factors=FACTORS),
    "sample_and_words": lambda: hypercube(
        64, {"penalty": (0, 2), "band": (0, 0.2)}, {"bidding": BIDDINGS}, factors=FACTORS, replications=2
    ),
    "sample_of_two_points": lambda: hypercube(2, {"penalty": (0, 2), "band": (0, 0.2)}, factors=FACTORS),
    "sample_of_many_factors": lambda: hypercube(
        30,
        {f"factor_{k}": (0.0, float(k)) for k in range(1, 8)},
        {"bidding": BIDDINGS},
        report={"outputs": ["profit", "imbalance", "losses_mwh"]},
    ),
    "map_of_words": lambda: grid(
        {"bidding": BIDDINGS, "penalty": PENALTIES, "policy": POLICIES},
        replications=3,
        factors=FACTORS,
        report={"heat_map": ["penalty", "policy"]},
    ),
    "large_map": lambda: grid(
        {"penalty": [k / 10 for k in range(21)], "band": [k / 100 for k in range(15)], "bidding": BIDDINGS},
        replications=2,
        factors=FACTORS,
    ),
    "one_at_a_time": lambda: one_at_a_time(
        {"penalty": 0.5, "band": 0.05, "bidding": "basic"},
        {"penalty": [0, 0.5, 1, 2], "band": [0, 0.05, 0.1], "bidding": BIDDINGS},
        replications=8,
        factors=FACTORS,
    ),
    "zipped": lambda: results_of(
        [
            {"bidding": bidding, "policy": policy, "penalty": penalty}
            for bidding, policy in zip(BIDDINGS, ("none", "receding"), strict=True)
            for penalty in PENALTIES
        ],
        axes=[{"zipped": {"bidding": BIDDINGS, "policy": ["none", "receding"]}}, {"values": {"penalty": PENALTIES}}],
        replications=4,
        factors=FACTORS,
    ),
}
"""Sweeps of all kinds, by name."""


def report_of(results) -> str:
    return markdown(blocks_of(ReportData.of(results)))


def means_of(results) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(means_csv(ReportData.of(results)))))


def differences_of(results) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(differences_csv(ReportData.of(results)))))


def student(values) -> tuple[float, float]:
    """Ends of the 95 % interval, as scipy has it."""
    return stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))


def by_hand(values: dict[tuple[str, int], list[float]], **said):
    """Results with given profits: by bidding and penalty, one for each replication; None for a run that is missing."""
    points = [{"bidding": bidding, "penalty": penalty} for bidding, penalty in values]

    def broken(point, replication):
        return "missing" if values[point["bidding"], point["penalty"]][replication - 1] is None else ""

    def bring(point, weather, noise):
        return {"profit": 0.0, "imbalance": 0.0}

    most = max(map(len, values.values()))
    axes = [{"values": {"bidding": ["basic", "anm_aware"]}}, {"values": {"penalty": [1, 2, 3]}}]
    results = results_of(points, replications=most, bring=bring, broken=broken, axes=axes, **said)
    runs = results.runs
    runs["profit"] = [values[row["bidding"], row["penalty"]][row["replication"] - 1] for _, row in runs.iterrows()]
    return results
