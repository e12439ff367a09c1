"""The benchmark of networked microgrids: single hours, the rest of a day, bids and whole days, and how they grow.

Hours are those of a simulated day: operator and microgrids are on the stage, and in each hour both modes of
coordination are asked for the same decision, of which the stage then plays the central one.
"""

import json
import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from agents.anm import HourView
from agents.anm._optimal import situation_ahead
from agents.cast import cast_players
from agents.coordination import mode_class
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from agents.dispatch.port_tiles import MicrogridTiles
from agents.dispatch.program import Program
from agents.dispatch.situation import Situation
from agents.microgrid import MicrogridAgent
from agents.value.training import Trainer
from experiments.catalog import find_study
from experiments.measuring import Row, peak_of_process, timed
from experiments.play import play
from grids.network import FloatArray
from sim.messages import Knowledge, Submission
from sim.model import MarketModel
from sim.profiles import HOURS_PER_DAY
from sim.setting import Setting

SIZES = {33: "networked33", 66: "networked66", 330: "networked330"}
"""The studies, by their buses."""

TRAINING_SAMPLES = 8
"""Problems for each hour when value functions are trained here: enough to measure time, too few to judge them by."""


def networked_parts(quick: bool) -> list[tuple[str, Callable[[], list[Row]]]]:
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Compared:
    """One decision taken centrally and by trade, from the same state.

    Attributes
    ----------
    central, transactive : Plan
        Both plans.
    central_s, transactive_s : float
        Time for each. [s]
    cost : float
        What operator and microgrids pay together under the central plan, not counting what customers pay. [$]
    more : float
        What the transactive plan costs them more. [$]
    """

    central: Plan
    transactive: Plan
    central_s: float
    transactive_s: float
    cost: float
    more: float

    @property
    def gap_percent(self) -> float:
        """How much more trade costs, relative."""
        return 100 * self.more / abs(self.cost)


class Stage:
    """A day on the stage, with both modes of coordination at hand.

    Parameters
    ----------
    setting : Setting
        The built study.
    submission : Submission
        The day's bids.
    knowledge : Knowledge
        What is known when an hour is decided: that hour alone, or the forecast of the rest of the day too.
    """

    def __init__(self, setting: Setting, submission: Submission, knowledge: Knowledge) -> None:
        study = setting.study.model_copy(update={"policy": "myopic", "coordination": "central", "days": 1})
        self._setting, self._bid_mw, self._knowledge = replace(setting, study=study), submission.bid_mw, knowledge
        self.model = MarketModel(self._setting)
        self._dispatcher = Dispatcher.of(self._setting)
        players = cast_players(self.model, dispatcher=self._dispatcher, fixed=submission)
        self._microgrids = [one for one in players.microgrids if isinstance(one, MicrogridAgent)]
        executor = ThreadPoolExecutor(max_workers=2)
        self._central, self._transactive = (
            mode_class(name)(self._dispatcher, self._microgrids, executor) for name in ("central", "transactive")
        )

    def play_until(self, hour: int) -> None:
        """Let the hours before an hour pass."""
        while self.model.hour < hour:
            self.model.step()

    def look(self) -> Situation:
        """Let the microgrids look ahead; return what the operator sees."""
        for microgrid in self._microgrids:
            microgrid.look_ahead(self._knowledge)
        batteries = self.model.players.batteries
        view = HourView(
            hour=self.model.hour,
            outlook=self.model.outlook(self._knowledge),
            bid_mw=self._bid_mw,
            scheduled_battery_p_mw=np.zeros((HOURS_PER_DAY, len(batteries))),
            energy_mwh=np.array([unit.report().energy_mwh for unit in batteries]),
            previous_battery_p_mw=self.model.previous_battery_p_mw,
        )
        return situation_ahead(self._setting, view)

    def central(self) -> Plan:
        """Return the central plan."""
        return self._central.agree(self.look(), network="branch_flow", within=None)

    def transactive(self) -> Plan:
        """Return the plan that was agreed on."""
        return self._transactive.agree(self.look(), network="branch_flow", within=None)

    def compare(self) -> Compared:
        """Return both plans, and what they cost."""
        situation = self.look()
        central_s, central = timed(self.central)
        transactive_s, transactive = timed(self.transactive)
        served = central.set_points.load_p_mw.sum(axis=2) @ situation.retail_price_per_mwh
        return Compared(
            central=central,
            transactive=transactive,
            central_s=central_s,
            transactive_s=transactive_s,
            cost=central.objective + float(served[0]),
            more=self._cost_of_agreement(situation, transactive) - central.objective,
        )

    def _cost_of_agreement(self, situation: Situation, agreed: Plan) -> float:
        """Return what an agreement costs operator and microgrids, less what customers pay. [$]"""
        exchange = agreed.set_points.exchange_p_mw, agreed.set_points.exchange_q_mvar
        given = replace(situation, exchange_p_mw=exchange[0], exchange_q_mvar=exchange[1])
        program = Program()
        owned = [port.microgrid for port in self._dispatcher.grid.ports]
        tiles = MicrogridTiles(program, owned, scenarios=1, hours=situation.shape[1], scheduled=True)
        schedules = [
            {"scheduled_p_mw": exchange[0][0, :, m, None], "scheduled_q_mvar": exchange[1][0, :, m, None]}
            for m in range(len(owned))
        ]
        known = [microgrid.reveal() for microgrid in self._microgrids]
        return self._dispatcher.plan(given).objective + program.solve(tiles.values(known, schedules)).objective


class NetworkedBench:
    """Measures one after another; what growth is read from is kept.

    Parameters
    ----------
    repeats : int
        Repetitions, of which the median counts.
    hours : sequence of int
        Hours of the day in which single hours are decided; they are repetitions too.
    """

    def __init__(self, *, repeats: int, hours: Sequence[int]) -> None:
        self._repeats, self._hours = repeats, hours
        self._submissions: dict[int, Submission] = {}
        self._seconds: dict[str, dict[int, float]] = {}

    @cached_property
    def _settings(self) -> dict[int, Setting]:
        return {buses: Setting.of(find_study(name)) for buses, name in SIZES.items()}

    def bids(self) -> list[Row]:
        """Bids of all sizes, each as a process of its own, the small ones first."""
        peaks = {}
        for buses, name in SIZES.items():
            runs = [peak_of_process("bid", name, "--json") for _ in range(self._repeats)]
            answer = json.loads(runs[-1][1])
            if answer["bidding"] != "anm_aware":
                raise RuntimeError(f"{name}: {answer['note']}")
            batteries = len(self._settings[buses].grid.batteries)
            self._submissions[buses] = Submission(
                bid_mw=np.array(answer["bids_mw"]),
                strategy=answer["bidding"],
                battery_p_mw=np.zeros((HOURS_PER_DAY, batteries)),
            )
            seconds = statistics.median(json.loads(text)["seconds"]["bid"] for _, text in runs)
            self._seconds.setdefault("the bid, 10 scenarios", {})[buses] = seconds
            peaks[buses] = statistics.median(peak for peak, _ in runs)
        largest = max(SIZES)
        gap = answer["certificate"]["optimality_gap"]
        return [
            _at_most(
                f"{SIZES[largest]}: day-ahead bid, 10 scenarios",
                self._seconds["the bid, 10 scenarios"][largest],
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
        largest, found = max(SIZES), []
        for buses, setting in self._settings.items():
            stage = Stage(setting, self._submissions[buses], Knowledge.HOUR)
            stage.compare()  # what is compiled once
            seconds = []
            for hour in self._hours:
                stage.play_until(hour)
                if buses == largest:
                    found.append(stage.compare())
                    seconds.append(found[-1].central_s)
                else:
                    seconds.append(timed(stage.central)[0])
            self._seconds.setdefault("one central hour", {})[buses] = statistics.median(seconds)
        rounds = [one.transactive.coordination.iterations for one in found if one.transactive.coordination]
        return [
            _at_most(
                f"{SIZES[largest]}: one central hour, warm",
                statistics.median(one.central_s for one in found),
                0.15,
                unit="s",
                detail=f"median of {len(found)} hours of a day, slowest {max(one.central_s for one in found):.2f} s",
            ),
            _at_most(
                f"{SIZES[largest]}: one transactive hour, warm",
                statistics.median(one.transactive_s for one in found),
                1,
                unit="s",
                detail=(
                    f"demand curves, {min(rounds)} to {max(rounds)} rounds (median {statistics.median(rounds):g}),"
                    f" slowest {max(one.transactive_s for one in found):.2f} s"
                ),
            ),
            _gap(f"{SIZES[largest]}: transactive hour / central, cost", found, detail=f"{len(found)} hours"),
        ]

    def rest_of_day(self) -> list[Row]:
        """The rest of the day of the smallest, by trade (ADMM) and centrally."""
        smallest, found, starts = min(SIZES), [], []
        stage = Stage(self._settings[smallest], self._submissions[smallest], Knowledge.FORECAST)
        for hour in self._hours[:: max(1, len(self._hours) // 4)]:
            stage.play_until(hour)
            starts.append(hour)
            found.append(stage.compare())
        rounds = [one.transactive.coordination.iterations for one in found if one.transactive.coordination]
        seconds = [f"{one.transactive_s:.1f}" for one in found]
        return [
            _gap(
                f"{SIZES[smallest]}: transactive rest of the day / central, cost",
                found,
                detail=(
                    f"ADMM from hours {_listed(starts)}: {_listed(rounds)} iterations, {_listed(seconds)} s,"
                    f" apart by {_listed(_apart(one) for one in found)} kW"
                ),
            )
        ]

    def receding_days(self) -> list[Row]:
        """Whole days under the policy receding, central."""
        largest = max(SIZES)
        days = {buses: self._day_s(setting, buses, policy="receding") for buses, setting in self._settings.items()}
        self._seconds["a receding day"] = days
        bid_s = self._seconds["the bid, 10 scenarios"][largest]
        return [
            _at_most(
                f"{SIZES[largest]}: one simulated day, receding, central",
                days[largest],
                120,
                unit="s",
                detail=f"dispatch, devices, power flow, settlement, records; {days[largest] + bid_s:.1f} s with the bid",
            )
        ]

    def learned_days(self) -> list[Row]:
        """Whole days under the policy learned, central; training is not counted."""
        largest, days = max(SIZES), {}
        with tempfile.TemporaryDirectory() as folder:
            for buses, setting in self._settings.items():
                file = Path(folder) / f"{SIZES[buses]}.json"
                bid_mw = self._submissions[buses].bid_mw
                training_s = timed(partial(_train, setting, bid_mw, file))[0]
                days[buses] = self._day_s(setting, buses, policy="learned", trained=str(file))
        self._seconds["a learned day"] = days
        bid_s = self._seconds["the bid, 10 scenarios"][largest]
        return [
            _at_most(
                f"{SIZES[largest]}: one simulated day, learned, central",
                days[largest],
                30,
                unit="s",
                detail=(
                    f"{days[largest] + bid_s:.1f} s with the bid; trained on {TRAINING_SAMPLES} samples an hour"
                    f" ({training_s:.0f} s, not counted)"
                ),
            )
        ]

    def growth(self) -> list[Row]:
        """How the time for everything above grows with the buses."""
        order = ("one central hour", "the bid, 10 scenarios", "a receding day", "a learned day")
        return [
            _at_most(
                f"growth of {what}: seconds ~ buses to the power of",
                growth_exponent(self._seconds[what]),
                1.15,
                unit="",
                detail=_by_size(self._seconds[what], "{:.3g} s"),
            )
            for what in order
        ]

    def _day_s(self, setting: Setting, buses: int, **changes: str) -> float:
        """Return the median time of a whole day with given bids, every program built anew. [s]"""
        changed = {"coordination": "central", "days": 1, **changes}
        day = replace(setting, study=setting.study.model_copy(update=changed))
        fixed = self._submissions[buses]
        return statistics.median(play(day, fixed=fixed).seconds["total"] for _ in range(self._repeats))


def growth_exponent(seconds: dict[int, float]) -> float:
    """Return the exponent of the power law through times by size, by least squares of their logarithms."""
    slope, _ = np.polyfit(np.log([*seconds]), np.log([*seconds.values()]), 1)
    return float(slope)


def _at_most(name: str, measured: float, limit: float, *, unit: str, detail: str) -> Row:
    target = f"<= {limit:g} {unit}".rstrip()
    return Row(name=name, measured=measured, unit=unit, target=target, met=measured <= limit, detail=detail)


def _gap(name: str, found: Sequence[Compared], *, detail: str) -> Row:
    """Return the row of the largest of some gaps."""
    gaps = [one.gap_percent for one in found]
    whole = 100 * sum(one.more for one in found) / abs(sum(one.cost for one in found))
    return _at_most(
        name,
        max(gaps),
        0.1,
        unit="%",
        detail=f"{detail}; largest, median {statistics.median(gaps):.4f} %, of all together {whole:.4f} %",
    )


def _apart(one: Compared) -> str:
    """Return how far both sides of a negotiation were apart at its end. [kW]"""
    met = one.transactive.coordination
    return "?" if met is None else f"{1e3 * met.primal_residual_mw:.2f}"


def _by_size(values: dict[int, float], form: str) -> str:
    return ", ".join(f"{buses} buses {form.format(value)}" for buses, value in values.items())


def _listed(values: Iterable[object]) -> str:
    return " / ".join(map(str, values))


def _train(setting: Setting, bid_mw: FloatArray, file: Path) -> None:
    """Train value functions, quickly, and write them to a file."""
    trainer = Trainer(setting, bid_mw, samples=TRAINING_SAMPLES, rounds=1)
    trainer.train(lambda _: None).write(file)
