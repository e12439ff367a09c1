"""Records of a run in the ledger; the only module that knows the columns of its tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from grids.network import BoolArray, FloatArray, IntArray
from grids.power_flow import Flow, SetPoints
from sim.actuation import Actuation
from sim.connection_recorder import ConnectionRecorder
from sim.instance import Instance
from sim.ledger import Ledger
from sim.market.settlement import ConnectionMoney, HourMoney
from sim.messages import Coordination, Decision, Report, Settlement, Submission
from sim.network_tables import branch_columns, bus_columns, unit_columns

PROOFS = ("cone_gap", "power_flow_mismatch_mw", "power_flow_mismatch_pu", "limit_excess_pu", "optimality_gap")
"""Quantities that a certificate states, see :mod:`agents.dispatch.certificate`."""

OPERATOR, SYSTEM_OPERATOR = "microgrid_operator", "system_operator"

_NO_COORDINATION = Coordination(mode="", primal_residual_mw=np.nan, dual_residual_per_mwh=np.nan)
"""Entry of the table of decisions where there are no microgrids to agree with."""


class Recorder:
    """Recorder of the objects of a step as rows of the ledger.

    Parameters
    ----------
    instance : Instance
        The instance, for names, limits and forecasts.
    ledger : Ledger
        The ledger to be filled; the tables of units, lines and prices are written at once.

    Attributes
    ----------
    connections : ConnectionRecorder
        Recorder of the connections.
    """

    def __init__(self, instance: Instance, ledger: Ledger) -> None:
        self._instance, self._ledger = instance, ledger
        self._today = instance
        self.connections = ConnectionRecorder(instance, ledger)
        grid = instance.grid
        units = unit_columns(grid)
        self._names, self._kinds = units["unit"], units["kind"]
        ledger.append("units", **units)
        ledger.append("branches", **branch_columns(grid))
        self._of_buses = bus_columns(grid)
        if instance.is_same_every_day:
            self._record_prices({})

    def _record_prices(self, when: dict[str, int]) -> None:
        """Record the prices of a day, or of all days if they are alike."""
        profiles = self._today.profiles
        self._ledger.append(
            "market",
            **when,
            hour=self._hours(when.get("day", 1)),
            price_per_mwh=profiles.price_per_mwh,
            retail_price_per_mwh=profiles.retail_price_per_mwh,
        )

    def _hours(self, day: int) -> FloatArray | IntArray:
        return self._instance.calendar.hour_ending(day)

    def gate_closure(
        self, day: int, today: Instance, submission: Submission, bid_mw: FloatArray, refusal: str
    ) -> None:
        """Record the bids of a day as they count, and the reason why those submitted were refused, if they were."""
        self._today = today
        if not today.is_same_every_day:
            self._record_prices({"day": day})
        proofs = {name: submission.certificate.get(name) for name in PROOFS}
        certificate = {name: np.nan if value is None else value for name, value in proofs.items()}
        self._ledger.append(
            "bids",
            day=day,
            hour=self._hours(day),
            bid_mw=bid_mw,
            asked=submission.asked or submission.strategy,
            strategy=submission.strategy,
            fallback_reason=submission.reason,
            accepted=not refusal,
            reason=refusal,
            note=submission.note,
            status=submission.certificate.get("status") or "",
            **certificate,
        )

    def hour(
        self,
        day: int,
        hour: int | float,
        *,
        reports: dict[str, Report],
        decision: Decision,
        actuation: Actuation,
        energy_mwh: FloatArray,
        flow: Flow,
        settlement: Settlement,
        retail_price_per_mwh: float,
        money: HourMoney,
        connection_money: Sequence[ConnectionMoney],
    ) -> None:
        """Record one step."""
        when: dict[str, Any] = {"day": day, "hour": hour}
        self._record_dispatch(when, reports, decision.orders, actuation.set_points, actuation.clipped, energy_mwh)
        grid = self._instance.grid
        state = {"vm_pu": flow.vm_pu, "va_degree": flow.va_degree}
        self._ledger.append("buses", **when, bus=grid.bus_ids, **state, **self._of_buses)
        self._ledger.append(
            "lines",
            **when,
            line=np.arange(len(grid.line_from)),
            p_mw=flow.line_p_mw,
            q_mvar=flow.line_q_mvar,
            loss_mw=flow.line_loss_mw,
            loading_percent=flow.line_loading_percent,
        )
        self._ledger.append(
            "settlements",
            **when,
            **vars(settlement),
            metered_q_mvar=flow.tie_q_mvar,
            retail_price_per_mwh=retail_price_per_mwh,
        )
        self._record_decision(when, decision, flow)
        self._record_payments(when, money)
        self.connections.payments(when, connection_money, OPERATOR)
        self.connections.hour(
            when, decision=decision, actions=actuation.connections, retail_price_per_mwh=retail_price_per_mwh
        )
        self._ledger.append("books", **when, term=["loss", "wear"], amount=[money.loss, float(money.wear.sum())])

    def _record_dispatch(
        self,
        when: dict[str, Any],
        reports: dict[str, Report],
        orders: SetPoints,
        done: SetPoints,
        clipped: BoolArray,
        energy_mwh: FloatArray,
    ) -> None:
        expected = self._today.forecast
        now = round(when["hour"] * self._instance.calendar.steps_per_hour) - 1
        capacity = np.array([unit.max_e_mwh for unit in self._instance.grid.batteries])
        nothing, others = np.full(len(capacity), np.nan), np.full(len(self._names) - len(capacity), np.nan)
        self._ledger.append(
            "dispatch",
            **when,
            unit=self._names,
            kind=self._kinds,
            forecast_mw=np.concatenate([expected.demand_mw[0, now], expected.available_mw[0, now], nothing]),
            available_mw=np.array([reports[name].available_mw for name in self._names]),
            ordered_p_mw=np.concatenate([orders.load_p_mw, orders.renewable_p_mw, orders.battery_p_mw]),
            ordered_q_mvar=np.concatenate([orders.load_q_mvar, orders.renewable_q_mvar, orders.battery_q_mvar]),
            p_mw=np.concatenate([done.load_p_mw, done.renewable_p_mw, done.battery_p_mw]),
            q_mvar=np.concatenate([done.load_q_mvar, done.renewable_q_mvar, done.battery_q_mvar]),
            clipped=clipped,
            soc=np.concatenate([others, energy_mwh / capacity]),
        )

    def _record_decision(self, when: dict[str, Any], decision: Decision, flow: Flow) -> None:
        planned = decision.planned_vm_pu
        agreed = decision.coordination or _NO_COORDINATION
        self._ledger.append(
            "decisions",
            **when,
            policy=decision.policy,
            status=decision.status,
            reason=decision.reason,
            violation=decision.violation,
            cone_gap=decision.cone_gap,
            planned_tie_p_mw=decision.planned_tie_p_mw,
            power_flow_mismatch_mw=abs(flow.tie_p_mw - decision.planned_tie_p_mw),
            power_flow_mismatch_pu=np.nan if planned is None else float(np.abs(flow.vm_pu - planned).max()),
            coordination=agreed.mode,
            iterations=agreed.iterations,
            primal_residual_mw=agreed.primal_residual_mw,
            dual_residual_per_mwh=agreed.dual_residual_per_mwh,
            coordination_note=agreed.note,
        )

    def _record_payments(self, when: dict[str, Any], money: HourMoney) -> None:
        grid = self._instance.grid
        consumers, owners = list(grid.load_names), list(grid.renewable_names)
        for term, payer, payee, amount in (
            ("revenue", consumers, OPERATOR, money.revenue),
            ("load_curtailment", OPERATOR, consumers, money.load_curtailment),
            ("generation", OPERATOR, owners, money.generation),
            ("generation_curtailment", OPERATOR, owners, money.generation_curtailment),
            ("exchange", OPERATOR, SYSTEM_OPERATOR, money.exchange),
            ("imbalance", OPERATOR, SYSTEM_OPERATOR, money.imbalance),
        ):
            self._ledger.append("payments", **when, term=term, payer=payer, payee=payee, amount=amount)
