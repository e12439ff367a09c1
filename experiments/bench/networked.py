"""Measurements on networked microgrids: hours, the rest of a day, bids and whole days, and growth with size."""

import json
import statistics
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from agents.value_functions.training import Trainer
from experiments.bench.coordination import ComparedHour, CoordinationDay
from experiments.bench.measuring import Measured, Row, peak_of_process, timed
from experiments.catalog import find_study
from experiments.simulate import simulate
from sim.instance import Instance
from sim.messages import Knowledge, Submission

SIZES = {33: "networked33", 66: "networked66", 330: "networked330"}
"""The studies, by their buses."""

SMALLEST, LARGEST = min(SIZES), max(SIZES)

TRAINING_SAMPLES = 8
"""Problems for each hour when value functions are trained here: enough to measure time, too few to judge them by."""


@dataclass(frozen=True, kw_only=True)
class Bid:
    """The bids of a study, the seconds they took [s], the peak memory of their process [GB], and their gap."""

    submission: Submission
    seconds: float
    peak_gb: float
    gap: float


@dataclass(frozen=True, kw_only=True)
class MeasuredDay:
    """The seconds of a whole day and of training for it [s], and the hours that another policy had to decide."""

    seconds: float
    training_s: float
    fallbacks: int


@cache
def _instance(buses: int) -> Instance:
    return Instance.of(find_study(SIZES[buses]))


@cache
def _bids(repeats: int) -> dict[int, Bid]:
    """Return the bids of all sizes, each from a process of its own, the small ones first."""
    return {buses: _bid(buses, repeats) for buses in SIZES}


def _bid(buses: int, repeats: int) -> Bid:
    runs = [peak_of_process("bid", SIZES[buses], "--json") for _ in range(repeats)]
    answers = [json.loads(text) for _, text in runs]
    answer = answers[-1]
    if answer["bid_strategy"]["fallbacks"]:
        raise RuntimeError(f"{SIZES[buses]}: {'; '.join(answer['bid_strategy']['reasons'])}")
    instance = _instance(buses)
    return Bid(
        submission=Submission(
            bid_mw=np.array(answer["bids_mw"]),
            strategy=answer["bidding"],
            battery_p_mw=np.zeros((instance.steps, len(instance.grid.batteries))),
        ),
        seconds=statistics.median(one["seconds"]["bid"] for one in answers),
        peak_gb=statistics.median(peak for peak, _ in runs),
        gap=answer["certificate"]["optimality_gap"],
    )


@cache
def _hours(buses: int, repeats: int) -> list[ComparedHour]:
    """Return decisions of single hours of a day, taken in both modes with all programs built."""
    day, found = CoordinationDay(_instance(buses), _bids(repeats)[buses].submission, Knowledge.HOUR), []
    day.compare()  # builds the programs
    for hour in _hours_decided(repeats):
        day.simulate_until(hour)
        found.append(day.compare())
    return found


def _hours_decided(repeats: int) -> range:
    """Return the hours that are decided, which are repetitions too."""
    return range(1, 25, 8 if repeats == 1 else 1)


@cache
def _day(policy: str, buses: int, repeats: int) -> MeasuredDay:
    """Return a whole day with given bids, central, every program built anew."""
    instance, submission, training_s = _instance(buses), _bids(repeats)[buses].submission, 0.0
    with tempfile.TemporaryDirectory() as folder:
        changed = {"policy": policy, "coordination": "central", "days": 1}
        if policy == "learned":
            file = Path(folder) / "trained.json"
            trainer = Trainer(instance, submission.bid_mw, samples=TRAINING_SAMPLES, rounds=1)
            training_s, functions = timed(lambda: trainer.train(lambda _: None))
            functions.write(file)
            changed["trained"] = str(file)
        day = replace(instance, study=instance.study.model_copy(update=changed))
        runs = [simulate(day, fixed=submission) for _ in range(repeats)]
    fallbacks = sum(int((run.tables["decisions"]["policy"] != policy).sum()) for run in runs)
    seconds = statistics.median(run.seconds["total"] for run in runs)
    return MeasuredDay(seconds=seconds, training_s=training_s, fallbacks=fallbacks)


def bid_seconds(repeats: int) -> Measured:
    """Time for the bids of the largest."""
    largest = _bids(repeats)[LARGEST]
    return Measured(largest.seconds, f"central, with Pyomo and reduction of scenarios, gap {100 * largest.gap:.3f} %")


def bid_memory(repeats: int) -> Measured:
    """Peak memory of a process that bids."""
    peaks = {buses: bid.peak_gb for buses, bid in _bids(repeats).items()}
    return Measured(peaks[LARGEST], "whole process; " + _by_size(peaks, "{:.2f} GB"))


def central_hour(repeats: int) -> Measured:
    """A single hour of the largest, optimised centrally, warm."""
    seconds = [one.central_s for one in _hours(LARGEST, repeats)]
    return Measured(
        statistics.median(seconds), f"median of {len(seconds)} hours of a day, slowest {max(seconds):.2f} s"
    )


def transactive_hour(repeats: int) -> Measured:
    """The same hour by trade, on demand curves."""
    hours = _hours(LARGEST, repeats)
    seconds, rounds = [one.transactive_s for one in hours], sorted({*map(_rounds, hours)})
    return Measured(
        statistics.median(seconds), f"demand curves, {_listed(rounds)} rounds, slowest {max(seconds):.2f} s"
    )


def hour_gap(repeats: int) -> Measured:
    """Additional cost of trade in a single hour."""
    return _gap(_hours(LARGEST, repeats))


def day_gap(repeats: int) -> Measured:
    """Additional cost of the rest of the day by trade (ADMM), from several hours on."""
    hours, found = _hours_decided(repeats), []
    starts = hours[:: max(1, len(hours) // 4)]
    day = CoordinationDay(_instance(SMALLEST), _bids(repeats)[SMALLEST].submission, Knowledge.FORECAST)
    for hour in starts:
        day.simulate_until(hour)
        found.append(day.compare())
    seconds = [f"{one.transactive_s:.1f}" for one in found]
    return _gap(
        found,
        detail=(
            f"ADMM from hours {_listed(starts)}: {_listed(map(_rounds, found))} iterations,"
            f" {_listed(seconds)} s, apart by {_listed(_apart(one) for one in found)} kW; "
        ),
    )


def whole_day(policy: str, repeats: int) -> Measured:
    """A whole day of the largest under a policy; it does not count if another one had to decide, of any size."""
    days = {buses: _day(policy, buses, repeats) for buses in SIZES}
    largest, fallbacks = days[LARGEST], sum(day.fallbacks for day in days.values())
    trained = f"trained on {TRAINING_SAMPLES} samples an hour ({largest.training_s:.0f} s, not counted)"
    detail = trained if policy == "learned" else "dispatch, devices, power flow, settlement, records"
    detail = f"{fallbacks} hours fell back; {detail}" if fallbacks else detail
    with_bid_s = largest.seconds + _bids(repeats)[LARGEST].seconds
    return Measured(largest.seconds, f"{detail}; {with_bid_s:.1f} s with the bid", not fallbacks)


SECONDS: dict[str, Callable[[int, int], float]] = {
    "one central hour": lambda buses, repeats: statistics.median(one.central_s for one in _hours(buses, repeats)),
    "the bid, 10 scenarios": lambda buses, repeats: _bids(repeats)[buses].seconds,
    "a receding day": lambda buses, repeats: _day("receding", buses, repeats).seconds,
    "a learned day": lambda buses, repeats: _day("learned", buses, repeats).seconds,
}
"""Work measured at every size: its median time, by buses and repetitions. [s]"""


def growth(what: str, repeats: int) -> Measured:
    """The power of the number of buses with which the time for something grows."""
    seconds = {buses: SECONDS[what](buses, repeats) for buses in SIZES}
    return Measured(growth_exponent(seconds), _by_size(seconds, "{:.3g} s"))


def growth_exponent(seconds: Mapping[int, float]) -> float:
    """Return the exponent of the power law through times by size, by least squares of their logarithms."""
    slope, _ = np.polyfit(np.log([*seconds]), np.log([*seconds.values()]), 1)
    return float(slope)


def _gap(found: Sequence[ComparedHour], *, detail: str = "") -> Measured:
    """Return the largest of some gaps. [%]"""
    gaps = [one.gap_percent for one in found]
    return Measured(
        max(gaps),
        f"largest of {len(gaps)}, median {statistics.median(gaps):.4f} %; {detail}"
        f"central proven to {max(one.unproven_percent for one in found):.4f} %",
    )


def _rounds(one: ComparedHour) -> int:
    """Return the rounds of a negotiation."""
    met = one.transactive.coordination
    return 0 if met is None else met.iterations


def _apart(one: ComparedHour) -> str:
    """Return the distance of both sides of a negotiation at its end. [kW]"""
    met = one.transactive.coordination
    return "?" if met is None else f"{1e3 * met.primal_residual_mw:.2f}"


def _by_size(values: Mapping[int, float], form: str) -> str:
    return ", ".join(f"{buses} buses {form.format(value)}" for buses, value in values.items())


def _listed(values: Iterable[object]) -> str:
    return " / ".join(map(str, values))


ROWS = (
    Row("networked330: day-ahead bid, 10 scenarios", "<= 60 s", bid_seconds),
    Row("networked330: peak memory of that bid", "<= 6 GB", bid_memory),
    Row("networked330: one central hour, warm", "<= 0.15 s", central_hour),
    Row("networked330: one transactive hour, warm", "<= 1 s", transactive_hour),
    Row("networked330: transactive hour", "<= 0.1 %", hour_gap, baseline="central, cost"),
    Row("networked33: transactive rest of the day", "<= 0.1 %", day_gap, baseline="central, cost"),
    Row("networked330: one simulated day, receding, central", "<= 120 s", partial(whole_day, "receding")),
    Row("networked330: one simulated day, learned, central", "<= 30 s", partial(whole_day, "learned")),
    *(Row(f"growth of {what}: seconds ~ buses to the power of", "<= 1.15", partial(growth, what)) for what in SECONDS),
)
