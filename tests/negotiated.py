"""Operator and microgrids of a networked study before they agree, and the cost of an agreement to all of them."""

from dataclasses import replace
from functools import cache

import numpy as np
from conftest import STUDIES

from agents.agreement import Agreement
from agents.bid_optimizer import opening_problem
from agents.dispatch.conic_program import ConicProgram
from agents.dispatch.connection_blocks import MicrogridBlocks
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.microgrid_hour import DEVIATION_PRICE
from agents.participants import create_agents
from sim.instance import Instance
from sim.messages import Knowledge
from sim.model import MarketModel
from sim.scenarios import Draw
from sim.study_file import read_study

TWO = (
    "fleet.microgrid.0.buses=[18, 33]",
    "fleet.microgrid.0.ev.cars=20",
    "fleet.ev_aggregator=[]",
    "grid.tie_line.min_power_factor=0.8",
)
"""A feeder with two microgrids; nobody is left to mend the power factor when they don't care, so it is wide."""

NO_REACTIVE = (*TWO[:-1], "fleet.microgrid.0.diesel.max_q_mvar=0")
"""The same with the usual power factor, and no reactive power in the microgrids."""

STUDY = {"networked33": (), "two microgrids": TWO, "two microgrids, narrow power factor": NO_REACTIVE}
KINDS = ("an hour", "the rest of a day", "a bid")
HOUR = {"an hour": 12, "the rest of a day": 17, "a bid": 1}


@cache
def instance_of(study):
    return Instance.of(read_study(STUDIES / "networked33.yaml", STUDY[study]))


class Case:
    """A study's operator and microgrids that look at an hour, at the rest of a day, or at scenarios of a whole one."""

    def __init__(self, study, kind, mode, executor=None):
        self.instance, self.kind = instance_of(study), kind
        self.grid = self.instance.grid
        model = MarketModel(self.instance, create_agents)
        model._steps_passed = HOUR[kind] - 1
        self.agents = list(model.participants.microgrids)
        self.dispatcher = Dispatcher.of(self.instance)
        self.community = self.dispatcher.coordinated(Agreement(self.dispatcher, mode, self.agents, executor))
        if kind == "a bid":
            scenarios = self.instance.draw(Draw.TRAINING, 2)
            for agent in self.agents:
                agent.look_a_day_ahead(scenarios)
            problem = opening_problem(self.instance, scenarios)
            self.problem = replace(problem, bounds=self.dispatcher.bid_bounds(problem, "branch_flow"))
        else:
            knowledge = Knowledge.HOUR if kind == "an hour" else Knowledge.FORECAST
            self.look_ahead(knowledge)
            self.problem = self._in_view(model.outlook(knowledge))

    def _in_view(self, outlook):
        whole = opening_problem(self.instance, self.instance.forecast)
        hours = slice(HOUR[self.kind] - 1, HOUR[self.kind] - 1 + len(outlook.demand_mw))
        hourly = ("price_per_mwh", "over_price_per_mwh", "under_price_per_mwh", "required_energy_mwh")
        return replace(
            whole,
            demand_mw=outlook.demand_mw[None],
            available_mw=outlook.available_mw[None],
            retail_price_per_mwh=outlook.retail_price_per_mwh,
            bid_mw=np.full(len(outlook.demand_mw), 0.2),
            **{name: getattr(whole, name)[hours] for name in hourly},
        )

    def look_ahead(self, knowledge):
        for agent in self.agents:
            agent.look_ahead(knowledge)

    def agree(self):
        return self.community.plan(self.problem)

    def operator_cost(self, plan):
        """Return what an exchange costs the operator if it makes the best of it, all demand paid for. [$]"""
        points = plan.set_points
        given = replace(self.problem, exchange_p_mw=points.exchange_p_mw, exchange_q_mvar=points.exchange_q_mvar)
        revenue = (self.problem.demand_mw.sum(axis=2) * self.problem.retail_price_per_mwh).sum(axis=1)
        objective = self.dispatcher.plan(given).objective
        return objective + float(self.problem.probability @ revenue)

    def microgrid_costs(self, plan):
        """Return what an exchange costs each microgrid, and by how much it must miss it. [$], [MW]"""
        costs, missed = [], 0.0
        for m, agent in enumerate(self.agents):
            scenarios, hours = self.problem.shape
            program = ConicProgram()
            owner = self.grid.connections[m].microgrid
            blocks = MicrogridBlocks(program, [owner], scenarios=scenarios, hours=hours, scheduled=True)
            blocks.reweigh(program, self.problem.probability)
            agreed = {
                "scheduled_p_mw": plan.set_points.exchange_p_mw[..., m].reshape(-1, 1),
                "scheduled_q_mvar": plan.set_points.exchange_q_mvar[..., m].reshape(-1, 1),
            }
            solution = program.solve(blocks.values([agent.reveal()], [agreed]))
            columns = blocks.device_columns(0)
            off = solution.x[columns["off_schedule_p_mw"]] + solution.x[columns["off_schedule_q_mvar"]]
            costs.append(solution.objective - DEVIATION_PRICE * float(self.problem.probability @ off.sum(axis=1)))
            missed = max(missed, float(off.max()))
        return np.array(costs), missed


@cache
def agreed(study, kind, mode):
    """Return a case and its agreement, once per session."""
    case = Case(study, kind, mode)
    return case, case.agree()


@cache
def total_cost(study, kind, mode):
    """Return what an agreement costs operator and microgrids together. [$]"""
    case, plan = agreed(study, kind, mode)
    costs, missed = case.microgrid_costs(plan)
    assert missed < 2e-5
    return case.operator_cost(plan) + float(costs.sum())
