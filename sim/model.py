"""Market model: a Mesa step is a step of the calendar. It calls the phases, and alone writes the world's state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from time import perf_counter
from typing import Any, TypeVar

import mesa
import numpy as np

from grids.network import FloatArray
from grids.power_flow import Flow, PowerFlowError, SetPoints, upcoming_power_flow
from sim.actuation import Actuation, actuate
from sim.answers import UnitAnswers
from sim.errors import StudyError
from sim.instance import Instance
from sim.ledger import Ledger
from sim.market.settlement import HourMoney, price_parts, settle_connection, terms
from sim.messages import Decision, Knowledge, Outlook, Report, Settlement
from sim.protocols import Participants
from sim.recorder import Recorder
from sim.scenarios import ScenarioSet

Result = TypeVar("Result")


class MarketModel(mesa.Model):  # type: ignore[misc]
    """Market model of days of bidding, active network management and settlement on one grid.

    Parameters
    ----------
    instance : Instance
        The built study.
    create_agents : callable
        Creates all agents of the study in a model and returns them: there is no model without them.
    actual : sequence of ScenarioSet, optional
        Actual course of each day (sets of one scenario); by default drawn from the study's seed.

    Attributes
    ----------
    participants : Participants
        The agents, by their roles.
    units : UnitAnswers
        Reports and actions of the DER agents.
    today : Instance
        The instance of the day that is simulated.
    bid_mw : array, shape (T,)
        The day's bids as they count. [MW]
    metered_mw : list of float
        Flows of the tie line metered so far in the settlement period. [MW]
    ledger : Ledger
        The records.
    seconds : dict
        Time spent on bids, dispatch and power flow.
    """

    def __init__(
        self,
        instance: Instance,
        create_agents: Callable[["MarketModel"], Participants],
        actual: Sequence[ScenarioSet] | None = None,
    ) -> None:
        super().__init__(rng=instance.study.seed)
        self.instance = instance
        self.ledger = Ledger()
        self.seconds = {"bid": 0.0, "dispatch": 0.0, "power_flow": 0.0}
        self._recorder = Recorder(instance, self.ledger)
        self._power_flow = upcoming_power_flow(instance.grid)
        self._day, self._steps_passed = 1, 0
        self._given = actual
        self.today = instance.on(1)
        self._actual = self._realise()
        self.bid_mw: FloatArray = np.zeros(self.today.steps)
        self.metered_mw: list[float] = []
        self._previous_battery_p_mw = np.zeros(len(instance.grid.batteries))
        self._reports: dict[str, Report] = {}
        self.participants = create_agents(self)
        limit = instance.study.search.answer_time_limit_s
        self.units = UnitAnswers(instance.grid, self.participants.ders, self.actual_mw, limit, step_h=self.step_h)
        self._recorder.connections.sessions([microgrid.cars for microgrid in self.participants.microgrids])

    @property
    def day(self) -> int:
        """Market day, counted from 1."""
        return self._day

    @property
    def period(self) -> int:
        """Step of the day, counted from 1."""
        return self._steps_passed + 1

    @property
    def hour(self) -> int | float:
        """Hour ending of the step, in hours since the day began: 1, 2, ... with hourly steps. [h]"""
        return self.instance.calendar.hour_of(self.period)

    @property
    def step_h(self) -> float:
        """Length of a step. [h]"""
        return self.instance.calendar.step_h

    @property
    def previous_battery_p_mw(self) -> FloatArray:
        """Power of each battery in the step before, positive for discharge, shape (U,). [MW]"""
        return self._previous_battery_p_mw

    def actual_mw(self, kind: str, position: int) -> float:
        """Return this step's demand (kind ``load``) or available output of one unit. [MW]"""
        table = self._actual.demand_mw if kind == "load" else self._actual.available_mw
        return float(table[0, self._steps_passed, position])

    def outlook(self, knowledge: Knowledge) -> Outlook:
        """Return the steps ahead as far as a policy's knowledge goes."""
        now = self._steps_passed
        known = self.today.steps if knowledge is Knowledge.FUTURE else self.period
        end = self.period if knowledge is Knowledge.HOUR else self.today.steps
        actual, expected = self._actual, self.today.forecast

        def ahead(name: str) -> FloatArray:
            realised, foreseen = getattr(actual, name)[0], getattr(expected, name)[0]
            return np.concatenate([realised[now:known], foreseen[known:end]])

        return Outlook(**{part.name: ahead(part.name) for part in fields(Outlook)})

    def step(self) -> None:
        """Simulate one step; the first of a day begins with the gate closure of that day."""
        if self.period == 1:
            self.today = self.instance.on(self.day)
            self._actual = self._realise()
            self._gate_closure()
        self._reports = self.units.reports()
        remarks = self.units.notes
        decision = self._timed("dispatch", lambda: self.participants.operator.dispatch(self._reports))
        actuation = self._timed("dispatch", lambda: actuate(self.participants, self.units, decision))
        if remarks:
            decision = replace(decision, reason="; ".join(filter(None, [decision.reason, *remarks])))
        flow = self._meter(actuation.set_points, decision.policy)
        settlement = self.participants.system_operator.settle(
            float(self.bid_mw[self._steps_passed]), flow.tie_p_mw, hour=self.hour
        )
        self._record(decision, actuation, flow, settlement)
        self._previous_battery_p_mw = actuation.set_points.battery_p_mw
        self.metered_mw.append(flow.tie_p_mw)
        if self.period % self.instance.calendar.settlement_steps == 0:
            self.metered_mw.clear()
        self._steps_passed += 1
        if self._steps_passed == self.today.steps:
            self._day, self._steps_passed = self._day + 1, 0

    def run_days(self, days: int) -> None:
        """Simulate whole days."""
        end = self.day + days
        while self.day < end:
            self.step()

    def state(self) -> dict[str, Any]:
        """Return what the next day begins from, between two days, as plain JSON."""
        return {
            "previous_battery_p_mw": self._previous_battery_p_mw.tolist(),
            "units": self.units.state(),
            "agents": {one.name: one.state() for one in self._keepers},
        }

    def resume(self, day: int, state: Mapping[str, Any]) -> None:
        """Go on with a day from the state in which another model ended the day before.

        Parameters
        ----------
        day : int
            Market day, counted from 1.
        state : mapping
            What `state` returned at the end of the day before.
        """
        self._day = day
        self._previous_battery_p_mw = np.array(state["previous_battery_p_mw"], dtype=np.float64)
        self.units.resume(state["units"])
        for one in self._keepers:
            one.resume(state["agents"][one.name])

    @property
    def _keepers(self) -> list[Any]:
        """Participants that remember something from day to day."""
        there = (self.participants.operator, *self.participants.ders, *self.participants.microgrids)
        return [one for one in there if hasattr(one, "state")]

    def close(self) -> None:
        """Release the participants, so that memory does not grow from run to run; the ledger stays.

        Mesa 3 numbers the agents by a table of the class Agent with the models as keys, and never takes one out: only
        `_ids` itself, for which there is no public way (mesa 3.3), lets go of the model.
        """
        del self.participants, self.units
        self.remove_all_agents()
        getattr(mesa.Agent, "_ids", {}).pop(self, None)

    def _meter(self, done: SetPoints, policy: str) -> Flow:
        power_flow = self._power_flow.result()
        try:
            return self._timed("power_flow", lambda: power_flow.run(done))
        except PowerFlowError as error:
            raise StudyError(
                f"day {self.day}, hour {self.hour}: {error} of policy {policy}; the network would collapse:"
                " lower the demand, or let an ANM policy curtail it"
            ) from error

    def _realise(self) -> ScenarioSet:
        actual = self._given[self.day - 1] if self._given is not None else self.instance.actual(self.day)
        return actual.completed(self.today.forecast)

    def _gate_closure(self) -> None:
        submission = self._timed("bid", self.participants.operator.submit_bids)
        refusal = self.participants.system_operator.review(submission)
        self.bid_mw = np.zeros(self.today.steps) if refusal else np.asarray(submission.bid_mw, dtype=np.float64)
        self._recorder.gate_closure(self.day, self.today, submission, self.bid_mw, refusal)

    def _record(self, decision: Decision, actuation: Actuation, flow: Flow, settlement: Settlement) -> None:
        retail = float(self._actual.retail_price_per_mwh[0, self._steps_passed])
        prices = np.zeros(0) if decision.schedule is None else decision.schedule.price_per_mwh[0]
        money = self._settle(actuation, flow, settlement, retail, prices)
        self._recorder.hour(
            self.day,
            self.hour,
            reports=self._reports,
            decision=decision,
            actuation=actuation,
            energy_mwh=self.units.energy_mwh,
            flow=flow,
            settlement=settlement,
            retail_price_per_mwh=retail,
            money=money,
            connection_money=[
                settle_connection(action, trade=float(trade), retail_price_per_mwh=retail, step_h=self.step_h)
                for action, trade in zip(actuation.connections, money.trade, strict=True)
            ],
        )

    def _settle(
        self,
        actuation: Actuation,
        flow: Flow,
        settlement: Settlement,
        retail_price_per_mwh: float,
        connection_prices: FloatArray,
    ) -> HourMoney:
        now, done = self._steps_passed, actuation.set_points
        return terms(
            self.instance.tariff,
            **price_parts(self.today.profiles.price_per_mwh[now]),
            retail_price_per_mwh=retail_price_per_mwh,
            penalty=settlement.penalty,
            metered_mw=flow.tie_p_mw,
            losses_mw=float(flow.line_loss_mw.sum()),
            demand_mw=self._actual.demand_mw[0, now],
            load_p_mw=done.load_p_mw,
            available_mw=self._actual.available_mw[0, now],
            renewable_p_mw=done.renewable_p_mw,
            battery_p_mw=done.battery_p_mw,
            previous_battery_p_mw=self._previous_battery_p_mw,
            battery_throughput_mw=np.abs(done.battery_p_mw),
            wear_per_mwh=np.array([unit.wear_per_mwh for unit in self.instance.grid.batteries]),
            exchange_p_mw=done.exchange_p_mw,
            exchange_price_per_mwh=connection_prices,
            step_h=self.step_h,
        )

    def _timed(self, what: str, work: Callable[[], Result]) -> Result:
        start = perf_counter()
        result = work()
        self.seconds[what] += perf_counter() - start
        return result
