"""Comparison of central and transactive coordination: each hour of a simulated day is decided by both.

The market model then carries out the central decision, so that both start from the same state again.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from agents.anm import HourView
from agents.anm._optimal import problem_ahead
from agents.coordination import mode_class
from agents.dispatch.conic_program import ConicProgram
from agents.dispatch.connection_blocks import MicrogridBlocks
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.plan import Plan
from agents.dispatch.problem import DispatchProblem
from agents.networked_microgrid import NetworkedMicrogrid
from agents.participants import create_agents
from experiments.bench.measuring import timed
from sim.instance import Instance
from sim.messages import Knowledge, Submission
from sim.model import MarketModel


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparedHour:
    """Decision of one hour, taken centrally and by trade from the same state.

    Attributes
    ----------
    central, transactive : Plan
        Both plans.
    central_s, transactive_s : float
        Time for each. [s]
    cost : float
        Cost of operator and microgrids together under the central plan, without the payments of customers. [$]
    more : float
        Additional cost of the transactive plan. [$]
    """

    central: Plan
    transactive: Plan
    central_s: float
    transactive_s: float
    cost: float
    more: float

    @property
    def gap_percent(self) -> float:
        """Additional cost of trade, relative. [%]"""
        return 100 * self.more / abs(self.cost)

    @property
    def unproven_percent(self) -> float:
        """Largest possible gain over the central plan, relative. [%]"""
        return 100 * (self.central.objective - self.central.bound) / abs(self.cost)


class CoordinationDay:
    """Simulated day whose hours both modes of coordination decide.

    Parameters
    ----------
    instance : Instance
        The built study.
    submission : Submission
        The day's bids.
    knowledge : Knowledge
        Knowledge when an hour is decided: that hour alone, or the forecast of the rest of the day too.
    """

    def __init__(self, instance: Instance, submission: Submission, knowledge: Knowledge) -> None:
        study = instance.study.model_copy(update={"policy": "myopic", "coordination": "central", "days": 1})
        self._instance, self._bid_mw, self._knowledge = replace(instance, study=study), submission.bid_mw, knowledge
        self._dispatcher = Dispatcher.of(self._instance)
        created = partial(create_agents, dispatcher=self._dispatcher, fixed=submission)
        self.model = MarketModel(self._instance, created)
        self._microgrids = list(self.model.agents.select(agent_type=NetworkedMicrogrid))
        executor = ThreadPoolExecutor(max_workers=2)
        self._central, self._transactive = (
            mode_class(name)(self._dispatcher, self._microgrids, executor) for name in ("central", "transactive")
        )

    def simulate_until(self, hour: int) -> None:
        """Simulate the hours before an hour."""
        while self.model.hour < hour:
            self.model.step()

    def look(self) -> DispatchProblem:
        """Return the operator's dispatch problem, after the microgrids have looked ahead."""
        for microgrid in self._microgrids:
            microgrid.look_ahead(self._knowledge)
        batteries = self.model.participants.batteries
        view = HourView(
            hour=self.model.hour,
            outlook=self.model.outlook(self._knowledge),
            bid_mw=self._bid_mw,
            scheduled_battery_p_mw=np.zeros((self.model.today.steps, len(batteries))),
            energy_mwh=np.array([unit.report().energy_mwh for unit in batteries]),
            previous_battery_p_mw=self.model.previous_battery_p_mw,
        )
        return problem_ahead(self._instance, view)

    def central(self) -> Plan:
        """Return the central plan."""
        return self._central.agree(self.look(), network="branch_flow")

    def transactive(self) -> Plan:
        """Return the plan agreed on by trade."""
        return self._transactive.agree(self.look(), network="branch_flow")

    def compare(self) -> ComparedHour:
        """Return both plans and their costs."""
        problem = self.look()
        central_s, central = timed(self.central)
        transactive_s, transactive = timed(self.transactive)
        served = central.set_points.load_p_mw.sum(axis=2) @ problem.retail_price_per_mwh
        return ComparedHour(
            central=central,
            transactive=transactive,
            central_s=central_s,
            transactive_s=transactive_s,
            cost=central.objective + float(served[0]),
            more=self.cost_of_agreement(problem, transactive) - central.objective,
        )

    def cost_of_agreement(self, problem: DispatchProblem, agreed: Plan) -> float:
        """Return the cost of an agreement to operator and microgrids, less the payments of customers. [$]"""
        exchange = agreed.set_points.exchange_p_mw, agreed.set_points.exchange_q_mvar
        given = replace(problem, exchange_p_mw=exchange[0], exchange_q_mvar=exchange[1])
        program = ConicProgram()
        owned = [connection.microgrid for connection in self._dispatcher.grid.connections]
        blocks = MicrogridBlocks(program, owned, scenarios=1, hours=problem.shape[1], scheduled=True)
        schedules = [
            {"scheduled_p_mw": exchange[0][0, :, m, None], "scheduled_q_mvar": exchange[1][0, :, m, None]}
            for m in range(len(owned))
        ]
        known = [microgrid.reveal() for microgrid in self._microgrids]
        return self._dispatcher.plan(given).objective + program.solve(blocks.values(known, schedules)).objective
