"""The benchmark of networked microgrids: single hours, the rest of a day, bids and whole days, and how they grow."""

import json
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from agents.value_functions.training import Trainer
from experiments.agreement_stage import Compared, Stage
from experiments.catalog import find_study
from experiments.measuring import Parts, Row, peak_of_process, timed
from experiments.simulate import simulate
from grids.network import FloatArray
from sim.instance import Instance
from sim.messages import Knowledge, Submission
from sim.profiles import HOURS_PER_DAY

SIZES = {33: "networked33", 66: "networked66", 330: "networked330"}
"""The studies, by their buses."""

GROWING = ("one central hour", "the bid, 10 scenarios", "a receding day", "a learned day")
"""What is measured at every size."""

TRAINING_SAMPLES = 8
"""Problems for each hour when value functions are trained here: enough to measure time, too few to judge them by."""


def networked_parts(quick: bool) -> Parts:
    """Return what is measured, by name, in the order of the table."""
    bench = NetworkedBench(
        repeats=1 if quick else 3, hours=(1, 9, 17) if quick else tuple(range(1, HOURS_PER_DAY + 1))
    )
    return [
        ("networked: bids", bench.bids),
        ("networked: single hours", bench.single_hours),
        ("networked: rest of the day", bench.rest_of_day),
        ("networked: receding days", bench.receding_days),
        ("networked: learned days", bench.learned_days),
        ("networked: growth", bench.growth),
    ]


class NetworkedBench:
    """Measures part after part; later parts use what earlier ones came to.

    Parameters
    ----------
    repeats : int
        Repetitions, of which the median counts.
    hours : sequence of int
        Hours of the day in which single hours are decided; they are repetitions too.

    Attributes
    ----------
    seconds : dict
        Median time of each of `GROWING`, by buses.
    """

    def __init__(self, *, repeats: int, hours: Sequence[int]) -> None:
        self._repeats, self._hours = repeats, hours
        self._submissions: dict[int, Submission] = {}
        self.seconds: dict[str, dict[int, float]] = {what: {} for what in GROWING}
        self._fallbacks: dict[str, int] = {}

    @cached_property
    def _instances(self) -> dict[int, Instance]:
        return {buses: Instance.of(find_study(name)) for buses, name in SIZES.items()}

    def bids(self) -> list[Row]:
        """Bids of all sizes, each as a process of its own, the small ones first."""
        peaks = {}
        for buses, name in SIZES.items():
            runs = [peak_of_process("bid", name, "--json") for _ in range(self._repeats)]
            answer = json.loads(runs[-1][1])
            if answer["bid_strategy"]["fallbacks"]:
                raise RuntimeError(f"{name}: {'; '.join(answer['bid_strategy']['reasons'])}")
            batteries = len(self._instances[buses].grid.batteries)
            self._submissions[buses] = Submission(
                bid_mw=np.array(answer["bids_mw"]),
                strategy=answer["bidding"],
                battery_p_mw=np.zeros((HOURS_PER_DAY, batteries)),
            )
            seconds = statistics.median(json.loads(text)["seconds"]["bid"] for _, text in runs)
            self.seconds["the bid, 10 scenarios"][buses] = seconds
            peaks[buses] = statistics.median(peak for peak, _ in runs)
        largest = max(SIZES)
        gap = answer["certificate"]["optimality_gap"]
        return [
            _at_most(
                f"{SIZES[largest]}: day-ahead bid, 10 scenarios",
                self.seconds["the bid, 10 scenarios"][largest],
                60,
                unit="s",
                detail=f"central, with Pyomo and reduction of scenarios, gap {100 * gap:.3f} %",
            ),
            _at_most(
                f"{SIZES[largest]}: peak memory of that bid",
                peaks[largest],
                6,
                unit="GB",
                detail="whole process; " + _by_size(peaks, "{:.2f} GB"),
            ),
        ]

    def single_hours(self) -> list[Row]:
        """Single hours of all sizes, warm; for the largest also by trade, on demand curves."""
        found = {buses: self._decide_hours(buses) for buses in SIZES}
        for buses, hours in found.items():
            self.seconds["one central hour"][buses] = statistics.median(one.central_s for one in hours)
        largest = max(SIZES)
        hours = found[largest]
        slowest = max(one.central_s for one in hours), max(one.transactive_s for one in hours)
        return [
            _at_most(
                f"{SIZES[largest]}: one central hour, warm",
                self.seconds["one central hour"][largest],
                0.15,
                unit="s",
                detail=f"median of {len(hours)} hours of a day, slowest {slowest[0]:.2f} s",
            ),
            _at_most(
                f"{SIZES[largest]}: one transactive hour, warm",
                statistics.median(one.transactive_s for one in hours),
                1,
                unit="s",
                detail=f"demand curves, {_listed(sorted({*map(_rounds, hours)}))} rounds, slowest {slowest[1]:.2f} s",
            ),
            _gap(f"{SIZES[largest]}: transactive hour / central, cost", hours),
        ]

    def _decide_hours(self, buses: int) -> list[Compared]:
        """Return decisions of single hours of a day, taken in both modes with all programs built."""
        stage, found = Stage(self._instances[buses], self._submissions[buses], Knowledge.HOUR), []
        stage.compare()  # builds the programs
        for hour in self._hours:
            stage.simulate_until(hour)
            found.append(stage.compare())
        return found

    def rest_of_day(self) -> list[Row]:
        """The rest of the day of the smallest, by trade (ADMM) and centrally."""
        smallest, found, starts = min(SIZES), [], []
        stage = Stage(self._instances[smallest], self._submissions[smallest], Knowledge.FORECAST)
        for hour in self._hours[:: max(1, len(self._hours) // 4)]:
            stage.simulate_until(hour)
            starts.append(hour)
            found.append(stage.compare())
        seconds = [f"{one.transactive_s:.1f}" for one in found]
        return [
            _gap(
                f"{SIZES[smallest]}: transactive rest of the day / central, cost",
                found,
                detail=(
                    f"ADMM from hours {_listed(starts)}: {_listed(map(_rounds, found))} iterations,"
                    f" {_listed(seconds)} s, apart by {_listed(_apart(one) for one in found)} kW; "
                ),
            )
        ]

    def receding_days(self) -> list[Row]:
        """Whole days under the policy receding, central."""
        for buses in SIZES:
            self._simulate_days(buses, "receding")
        return [self._day("receding", 120, "dispatch, devices, power flow, settlement, records")]

    def learned_days(self) -> list[Row]:
        """Whole days under the policy learned, central; training is not counted."""
        with tempfile.TemporaryDirectory() as folder:
            for buses, name in SIZES.items():
                file = Path(folder) / f"{name}.json"
                bid_mw = self._submissions[buses].bid_mw
                training_s = timed(partial(_train, self._instances[buses], bid_mw, file))[0]
                self._simulate_days(buses, "learned", trained=str(file))
        return [
            self._day(
                "learned", 30, f"trained on {TRAINING_SAMPLES} samples an hour ({training_s:.0f} s, not counted)"
            )
        ]

    def growth(self) -> list[Row]:
        """How the time for everything above grows with the buses."""
        return [
            _at_most(
                f"growth of {what}: seconds ~ buses to the power of",
                growth_exponent(self.seconds[what]),
                1.15,
                unit="",
                detail=_by_size(self.seconds[what], "{:.3g} s"),
            )
            for what in GROWING
        ]

    def _simulate_days(self, buses: int, policy: str, *, trained: str | None = None) -> None:
        """Keep the median time of a whole day with given bids, every program built anew."""
        instance = self._instances[buses]
        changed = {"policy": policy, "trained": trained, "coordination": "central", "days": 1}
        day = replace(instance, study=instance.study.model_copy(update=changed))
        days = [simulate(day, fixed=self._submissions[buses]) for _ in range(self._repeats)]
        seconds = statistics.median(one.seconds["total"] for one in days)
        self.seconds[f"a {policy} day"][buses] = seconds
        fallbacks = sum(int((one.tables["decisions"]["policy"] != policy).sum()) for one in days)
        self._fallbacks[policy] = self._fallbacks.get(policy, 0) + fallbacks

    def _day(self, policy: str, limit_s: float, detail: str) -> Row:
        """Return the row of a whole day of the largest study; not met if another policy had to decide."""
        largest = max(SIZES)
        seconds = self.seconds[f"a {policy} day"][largest]
        with_bid_s = seconds + self.seconds["the bid, 10 scenarios"][largest]
        row = _at_most(
            f"{SIZES[largest]}: one simulated day, {policy}, central",
            seconds,
            limit_s,
            unit="s",
            detail=f"{detail}; {with_bid_s:.1f} s with the bid",
        )
        if not self._fallbacks[policy]:
            return row
        return replace(row, met=False, detail=f"{self._fallbacks[policy]} hours fell back; {row.detail}")


def growth_exponent(seconds: dict[int, float]) -> float:
    """Return the exponent of the power law through times by size, by least squares of their logarithms."""
    slope, _ = np.polyfit(np.log([*seconds]), np.log([*seconds.values()]), 1)
    return float(slope)


def _at_most(name: str, measured: float, limit: float, *, unit: str, detail: str) -> Row:
    target = f"<= {limit:g} {unit}".rstrip()
    return Row(name=name, measured=measured, unit=unit, target=target, met=measured <= limit, detail=detail)


def _gap(name: str, found: Sequence[Compared], *, detail: str = "") -> Row:
    """Return the row of the largest of some gaps."""
    gaps = [one.gap_percent for one in found]
    return _at_most(
        name,
        max(gaps),
        0.1,
        unit="%",
        detail=(
            f"largest of {len(gaps)}, median {statistics.median(gaps):.4f} %; {detail}"
            f"central proven to {max(one.unproven_percent for one in found):.4f} %"
        ),
    )


def _rounds(one: Compared) -> int:
    """Return the rounds of a negotiation."""
    met = one.transactive.coordination
    return 0 if met is None else met.iterations


def _apart(one: Compared) -> str:
    """Return how far both sides of a negotiation were apart at its end. [kW]"""
    met = one.transactive.coordination
    return "?" if met is None else f"{1e3 * met.primal_residual_mw:.2f}"


def _by_size(values: dict[int, float], form: str) -> str:
    return ", ".join(f"{buses} buses {form.format(value)}" for buses, value in values.items())


def _listed(values: Iterable[object]) -> str:
    return " / ".join(map(str, values))


def _train(instance: Instance, bid_mw: FloatArray, file: Path) -> None:
    """Train value functions, quickly, and write them to a file."""
    trainer = Trainer(instance, bid_mw, samples=TRAINING_SAMPLES, rounds=1)
    trainer.train(lambda _: None).write(file)
