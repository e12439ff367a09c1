"""The market model: one Mesa step is one hour. It calls the phases, and it alone writes the state of the world."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TypeVar

import mesa
import numpy as np

from grids.network import FloatArray
from grids.power_flow import Flow, Plant, PowerFlowError, SetPoints
from sim.errors import StudyError
from sim.ledger import Ledger
from sim.messages import Decision, Knowledge, Order, Outlook, Report, Settlement
from sim.profiles import HOURS_PER_DAY
from sim.recorder import Recorder
from sim.roles import DerRole, Players
from sim.scenarios import Draw, ScenarioSet
from sim.setting import Setting
from sim.settlement import settle_hour

Result = TypeVar("Result")


class MarketModel(mesa.Model):  # type: ignore[misc]
    """Days of bidding, active network management and settlement on one grid.

    Parameters
    ----------
    setting : Setting
        The built study.
    actual : sequence of ScenarioSet, optional
        What happens on each day (sets of one scenario); by default drawn from the study's seed.

    Attributes
    ----------
    ledger : Ledger
        The records.
    seconds : dict
        Time spent on bids, dispatch and power flow.
    """

    def __init__(self, setting: Setting, actual: Sequence[ScenarioSet] | None = None) -> None:
        super().__init__(rng=setting.study.seed)
        self.setting = setting
        self.ledger = Ledger()
        self.seconds = {"bid": 0.0, "dispatch": 0.0, "power_flow": 0.0}
        self._recorder = Recorder(setting, self.ledger)
        self._plant = Plant(setting.grid)
        self._hours_passed = 0
        self._given = actual
        self._actual = self._realise(0)
        self._bid_mw = np.zeros(HOURS_PER_DAY)
        self._previous_battery_p_mw = np.zeros(len(setting.grid.batteries))
        self._reports: dict[str, Report] = {}
        self._players: Players | None = None

    def cast(self, players: Players) -> None:
        """Say who plays."""
        self._players = players

    @property
    def players(self) -> Players:
        """Who plays.

        Raises
        ------
        RuntimeError
            Before `cast`.
        """
        if self._players is None:
            raise RuntimeError("the model has no players yet: call cast first")
        return self._players

    @property
    def day(self) -> int:
        """Market day, counted from 1."""
        return self._hours_passed // HOURS_PER_DAY + 1

    @property
    def hour(self) -> int:
        """Hour of the day, hour ending 1..24."""
        return self._hours_passed % HOURS_PER_DAY + 1

    @property
    def previous_battery_p_mw(self) -> FloatArray:
        """What each battery did in the hour before, positive for discharge, shape (U,). [MW]"""
        return self._previous_battery_p_mw

    def actual_mw(self, kind: str, position: int) -> float:
        """Return this hour's demand (kind ``load``) or available output of one unit. [MW]"""
        table = self._actual.demand_mw if kind == "load" else self._actual.available_mw
        return float(table[0, self.hour - 1, position])

    def outlook(self, knowledge: Knowledge) -> Outlook:
        """Return the hours ahead as far as a policy may know them."""
        now, later = self.hour - 1, slice(self.hour, None)
        actual, expected = self._actual, self.setting.forecast
        if knowledge is Knowledge.FUTURE:
            return Outlook(demand_mw=actual.demand_mw[0, now:], available_mw=actual.available_mw[0, now:])
        demand, available = actual.demand_mw[0, now : now + 1], actual.available_mw[0, now : now + 1]
        if knowledge is Knowledge.FORECAST:
            demand = np.concatenate([demand, expected.demand_mw[0, later]])
            available = np.concatenate([available, expected.available_mw[0, later]])
        return Outlook(demand_mw=demand, available_mw=available)

    def step(self) -> None:
        """Play one hour; the first of a day begins with the gate closure of that day."""
        if self.hour == 1:
            self._actual = self._realise(self.day - 1)
            self._gate_closure()
        self._reports = {der.name: der.report() for der in self.players.ders}
        decision = self._timed("dispatch", lambda: self.players.operator.dispatch(self._reports))
        done, clipped = self._carry_out(decision.orders)
        flow = self._meter(done, decision.policy)
        settlement = self.players.system_operator.settle(
            float(self._bid_mw[self.hour - 1]), flow.tie_p_mw, hour=self.hour
        )
        self._record(decision, done, clipped, flow, settlement)
        self._previous_battery_p_mw = done.battery_p_mw
        self._hours_passed += 1

    def run_days(self, days: int) -> None:
        """Play whole days."""
        for _ in range(days * HOURS_PER_DAY):
            self.step()

    def _meter(self, done: SetPoints, policy: str) -> Flow:
        try:
            return self._timed("power_flow", lambda: self._plant.run(done))
        except PowerFlowError as error:
            raise StudyError(
                f"day {self.day}, hour {self.hour}: {error} of policy {policy}; the network would collapse:"
                " lower the demand, or let an ANM policy curtail it"
            ) from error

    def _realise(self, day: int) -> ScenarioSet:
        return self._given[day] if self._given is not None else self.setting.draw(Draw.ACTUAL, 1, day)

    def _gate_closure(self) -> None:
        operator, system_operator = self.players.operator, self.players.system_operator
        submission = self._timed("bid", operator.submit_bids)
        ruling = system_operator.review(submission)
        operator.take_ruling(submission, ruling)
        self._bid_mw = ruling.bid_mw
        self._recorder.gate_closure(self.day, submission, ruling)

    def _carry_out(self, orders: SetPoints) -> tuple[SetPoints, list[bool]]:
        """Give every unit its order; return what all of them do, and who clipped."""
        players = self.players
        load_p, load_q, load_clipped = _respond(players.loads, orders.load_p_mw, orders.load_q_mvar)
        gen_p, gen_q, gen_clipped = _respond(players.renewables, orders.renewable_p_mw, orders.renewable_q_mvar)
        bat_p, bat_q, bat_clipped = _respond(players.batteries, orders.battery_p_mw, orders.battery_q_mvar)
        done = SetPoints(
            load_p_mw=load_p,
            load_q_mvar=load_q,
            renewable_p_mw=gen_p,
            renewable_q_mvar=gen_q,
            battery_p_mw=bat_p,
            battery_q_mvar=bat_q,
        )
        return done, load_clipped + gen_clipped + bat_clipped

    def _record(
        self, decision: Decision, done: SetPoints, clipped: list[bool], flow: Flow, settlement: Settlement
    ) -> None:
        now, profiles = self.hour - 1, self.setting.profiles
        money = settle_hour(
            tariff=self.setting.tariff,
            price_per_mwh=float(profiles.price_per_mwh[now]),
            retail_price_per_mwh=float(profiles.retail_price_per_mwh[now]),
            penalty=settlement.penalty,
            metered_mw=flow.tie_p_mw,
            losses_mw=float(flow.line_loss_mw.sum()),
            demand_mw=self._actual.demand_mw[0, now],
            load_p_mw=done.load_p_mw,
            available_mw=self._actual.available_mw[0, now],
            renewable_p_mw=done.renewable_p_mw,
            battery_p_mw=done.battery_p_mw,
            previous_battery_p_mw=self._previous_battery_p_mw,
        )
        energy = np.array([unit.report().energy_mwh for unit in self.players.batteries])
        self._recorder.hour(
            self.day,
            self.hour,
            reports=self._reports,
            decision=decision,
            done=done,
            clipped=clipped,
            energy_mwh=energy,
            flow=flow,
            settlement=settlement,
            money=money,
        )

    def _timed(self, what: str, work: Callable[[], Result]) -> Result:
        start = perf_counter()
        result = work()
        self.seconds[what] += perf_counter() - start
        return result


def _respond(
    units: Sequence[DerRole], p_mw: FloatArray, q_mvar: FloatArray
) -> tuple[FloatArray, FloatArray, list[bool]]:
    actions = []
    for unit, p, q in zip(units, p_mw, q_mvar, strict=True):
        action = unit.respond(Order(p_mw=float(p), q_mvar=float(q)))
        unit.commit(action)
        actions.append(action)
    return (
        np.array([action.p_mw for action in actions], dtype=np.float64),
        np.array([action.q_mvar for action in actions], dtype=np.float64),
        [action.clipped for action in actions],
    )
