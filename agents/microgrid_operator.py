"""Microgrid operator: bids a day ahead, and runs the network hour by hour."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import mesa
import numpy as np

from agents.anm import AnmPolicy, HourView, policy_class
from agents.bid_optimizer import BidOptimizer
from agents.networked_microgrid import NetworkedMicrogrid
from sim.actuation import wrong_orders
from sim.errors import StudyError
from sim.messages import Decision, Report, Submission
from sim.model import MarketModel
from sim.recorder import OPERATOR
from sim.time_limit import NoAnswerError, WrongAnswerError, answer_within, in_words

GivenBids = Submission | Callable[[int], Submission | None]
"""Bids of every day, or what returns those of a day, counted from 1, if they are known already."""


class MicrogridOperator(mesa.Agent):  # type: ignore[misc]
    """Operator that submits the bids of the bid optimizer and dispatches by the study's ANM policy.

    Parameters
    ----------
    optimizer : BidOptimizer
        Computes the bids; its dispatcher solves the hours as well.
    fixed : Submission or callable, optional
        Bids to submit every day instead (to evaluate given bids), or what returns those of a day if they are known.

    Attributes
    ----------
    submission : Submission or None
        The bids of the day, after its gate closure.
    """

    name = OPERATOR

    def __init__(self, model: MarketModel, *, optimizer: BidOptimizer, fixed: GivenBids | None = None) -> None:
        super().__init__(model)
        self._optimizer, self._fixed = optimizer, fixed
        self._policies: dict[str, AnmPolicy] = {}
        self._silent: set[str] = set()
        self._time_limit_s = model.instance.study.search.answer_time_limit_s
        self.submission: Submission | None = None
        self._schedule_mw = np.zeros((model.today.steps, len(model.instance.grid.batteries)))

    def state(self) -> dict[str, list[str]]:
        """Return the policies that are not asked again, which did not answer in time."""
        return {"silent": sorted(self._silent)}

    def resume(self, state: Mapping[str, Sequence[str]]) -> None:
        """Go on after a day in which some policies did not answer in time."""
        self._silent = set(state["silent"])

    def submit_bids(self) -> Submission:
        """Return the bids for the day that is about to begin, and remember the battery schedule behind them."""
        given = self._fixed(self.model.day) if callable(self._fixed) else self._fixed
        submission = self.submission = given or self._optimizer.submit(self.model.units.energy_mwh)
        self._schedule_mw = submission.battery_p_mw
        return submission

    def dispatch(self, reports: dict[str, Report]) -> Decision:
        """Return the orders of this hour; if the policy fails in any way, the next simpler policy decides.

        Raises
        ------
        StudyError
            If the last of them fails as well.
        """
        name: str | None = self.model.instance.study.policy
        reasons: list[str] = []
        cause: BaseException | None = None
        while name is not None:
            try:
                decision = self._ask(name, reports)
            except (KeyboardInterrupt, StudyError):
                raise
            except BaseException as error:  # a foreign policy may fail in any way, and the day must go on
                cause = error
                reasons.append(f"{name} failed: {in_words(error)}")
                name = getattr(policy_class(name), "fallback", None)
                continue
            return replace(decision, policy=name, reason="; ".join(filter(None, [*reasons, decision.reason])))
        raise StudyError(f"day {self.model.day}, hour {self.model.hour:g}: {'; '.join(reasons)}") from cause

    def _ask(self, name: str, reports: dict[str, Report]) -> Decision:
        """Return the decision of a policy within its time; one that exceeds it is not asked again."""
        if name in self._silent:
            raise NoAnswerError("it has not answered before")
        try:
            decision = answer_within(self._time_limit_s, partial(self._decide, name, reports))
        except NoAnswerError:
            self._silent.add(name)
            self._policies.clear()
            self._optimizer.renew()
            raise
        if wrong := wrong_orders(decision, self.model.instance.grid):
            raise WrongAnswerError(wrong)
        return decision

    def _decide(self, name: str, reports: dict[str, Report]) -> Decision:
        policy = self._policy(name)
        # Microgrids know as much of the hours ahead as the policy, and value what they store as it does.
        microgrids = self.model.agents.select(agent_type=NetworkedMicrogrid)
        microgrids.do("look_ahead", policy.knowledge, getattr(policy, "functions", None))
        return policy.decide(self._view(policy, reports))

    def _policy(self, name: str) -> AnmPolicy:
        if name not in self._policies:
            self._policies[name] = policy_class(name)(self.model.instance, self._optimizer.dispatcher)
        return self._policies[name]

    def _view(self, policy: AnmPolicy, reports: dict[str, Report]) -> HourView:
        batteries = self.model.instance.grid.battery_names
        return HourView(
            hour=self.model.hour,
            period=self.model.period,
            today=self.model.today,
            metered_mw=np.array(self.model.metered_mw),
            outlook=self.model.outlook(policy.knowledge),
            bid_mw=self.model.bid_mw,
            scheduled_battery_p_mw=self._schedule_mw,
            energy_mwh=np.array([reports[name].energy_mwh for name in batteries]),
            previous_battery_p_mw=self.model.previous_battery_p_mw,
        )
