"""Market model: one Mesa step is one hour. It calls the phases, and it alone writes the state of the world."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from time import perf_counter
from typing import TypeVar

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
from sim.profiles import HOURS_PER_DAY
from sim.protocols import Participants
from sim.recorder import Recorder
from sim.scenarios import Draw, ScenarioSet

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
    bid_mw : array, shape (24,)
        The day's bids as they count. [MW]
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
        self._hours_passed = 0
        self._given = actual
        self._actual = self._realise(0)
        self.bid_mw: FloatArray = np.zeros(HOURS_PER_DAY)
        self._previous_battery_p_mw = np.zeros(len(instance.grid.batteries))
        self._reports: dict[str, Report] = {}
        self.participants = create_agents(self)
        limit = instance.study.search.answer_time_limit_s
        self.units = UnitAnswers(instance.grid, self.participants.ders, self.actual_mw, limit)
        self._recorder.connections.sessions([microgrid.cars for microgrid in self.participants.microgrids])

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
        """Power of each battery in the hour before, positive for discharge, shape (U,). [MW]"""
        return self._previous_battery_p_mw

    def actual_mw(self, kind: str, position: int) -> float:
        """Return this hour's demand (kind ``load``) or available output of one unit. [MW]"""
        table = self._actual.demand_mw if kind == "load" else self._actual.available_mw
        return float(table[0, self.hour - 1, position])

    def outlook(self, knowledge: Knowledge) -> Outlook:
        """Return the hours ahead as far as a policy's knowledge goes."""
        now = self.hour - 1
        known = HOURS_PER_DAY if knowledge is Knowledge.FUTURE else self.hour
        end = self.hour if knowledge is Knowledge.HOUR else HOURS_PER_DAY
        actual, expected = self._actual, self.instance.forecast

        def ahead(name: str) -> FloatArray:
            realised, foreseen = getattr(actual, name)[0], getattr(expected, name)[0]
            return np.concatenate([realised[now:known], foreseen[known:end]])

        return Outlook(**{part.name: ahead(part.name) for part in fields(Outlook)})

    def step(self) -> None:
        """Simulate one hour; the first of a day begins with the gate closure of that day."""
        if self.hour == 1:
            self._actual = self._realise(self.day - 1)
            self._gate_closure()
        self._reports = self.units.reports()
        remarks = self.units.notes
        decision = self._timed("dispatch", lambda: self.participants.operator.dispatch(self._reports))
        actuation = self._timed("dispatch", lambda: actuate(self.participants, self.units, decision))
        if remarks:
            decision = replace(decision, reason="; ".join(filter(None, [decision.reason, *remarks])))
        flow = self._meter(actuation.set_points, decision.policy)
        settlement = self.participants.system_operator.settle(
            float(self.bid_mw[self.hour - 1]), flow.tie_p_mw, hour=self.hour
        )
        self._record(decision, actuation, flow, settlement)
        self._previous_battery_p_mw = actuation.set_points.battery_p_mw
        self._hours_passed += 1

    def run_days(self, days: int) -> None:
        """Simulate whole days."""
        for _ in range(days * HOURS_PER_DAY):
            self.step()

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

    def _realise(self, day: int) -> ScenarioSet:
        actual = self._given[day] if self._given is not None else self.instance.draw(Draw.ACTUAL, 1, day)
        return actual.completed(self.instance.forecast)

    def _gate_closure(self) -> None:
        submission = self._timed("bid", self.participants.operator.submit_bids)
        refusal = self.participants.system_operator.review(submission)
        self.bid_mw = np.zeros(HOURS_PER_DAY) if refusal else np.asarray(submission.bid_mw, dtype=np.float64)
        self._recorder.gate_closure(self.day, submission, self.bid_mw, refusal)

    def _record(self, decision: Decision, actuation: Actuation, flow: Flow, settlement: Settlement) -> None:
        retail = float(self._actual.retail_price_per_mwh[0, self.hour - 1])
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
                settle_connection(action, trade=float(trade), retail_price_per_mwh=retail)
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
        now, done = self.hour - 1, actuation.set_points
        return terms(
            self.instance.tariff,
            **price_parts(self.instance.profiles.price_per_mwh[now]),
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
        )

    def _timed(self, what: str, work: Callable[[], Result]) -> Result:
        start = perf_counter()
        result = work()
        self.seconds[what] += perf_counter() - start
        return result
