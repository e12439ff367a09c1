"""Actions of a microgrid's devices, checked: any of them may fail in any way, and the hour goes on."""

import math
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real

from agents.der.device import ROUND_OFF_MWH, HourPlan, MicrogridDevice
from sim.answers import Answers
from sim.errors import StudyError
from sim.messages import Action
from sim.time_limit import LONGEST_MESSAGE, NoAnswerError, in_words


class DeviceAnswers(Answers):
    """Actions of devices on a plan, one after the other.

    A device that fails, or says what can't be meant (NaN), is taken to follow its order as far as its data allow, from
    the state it was in before; so is one that never answers, from then on.

    Parameters
    ----------
    connection : str
        Name of their connection.
    devices : mapping
        The devices by name, in the order in which they act.
    time_limit_s : float
        Time for an answer; who does not keep it is not asked again. [s]

    Attributes
    ----------
    devices : dict
        The devices, as they are now.
    notes : list of str
        Failures of this hour.
    """

    def __init__(self, connection: str, devices: Mapping[str, MicrogridDevice], time_limit_s: float) -> None:
        super().__init__(time_limit_s)
        self._connection, self.devices = connection, dict(devices)

    def act(self, plan: HourPlan) -> list[Action]:
        """Return the action of every device; in the plan, the heat needed falls by the heat they give.

        Raises
        ------
        StudyError
            If the data of a device that failed do not say what it does either.
        """
        self.notes, actions = [], []
        for name in self.devices:
            actions.append(self._act(name, plan))
            plan.heat_needed_mw -= actions[-1].heat_mw
        return actions

    def _act(self, name: str, plan: HourPlan) -> Action:
        device = self.devices[name]
        before = device.as_it_is()

        def follow(name: str, said: object, wrong: str) -> Action:
            if isinstance(said, NoAnswerError):
                self.devices[name] = before  # who never came back may still change the old one
            else:
                device.__dict__.update(vars(before))
            standing = self.devices[name]
            try:
                action = standing.respond(standing.order(plan))
                standing.commit(action)
            except Exception as error:
                raise StudyError(
                    f"{self._connection}, {name}: {wrong}; nor do its data say what it does: {in_words(error)}"
                ) from error
            return action

        actions: dict[str, Action] = self.ask(
            {name: lambda: device.act(device.order(replace(plan)))},
            fault=lambda _, said: _wrong(said, device, before, plan),
            stand_in=follow,
            instead="taken to follow its order",
        )
        return actions[name]


def _wrong(said: object, device: MicrogridDevice, before: MicrogridDevice, plan: HourPlan) -> str:
    """Return the fault of the action a device reports, empty if it has none."""
    if not isinstance(said, Action) or said.device != device.kind:
        return f"answers its order with a {getattr(said, 'device', type(said).__name__)}"
    done = {"MW": said.p_mw, "Mvar": said.q_mvar, "MW of heat": said.heat_mw, "$": said.cost}
    if not all(isinstance(value, Real) and math.isfinite(value) for value in done.values()):
        return (
            "answers its order with " + ", ".join(f"{value} {unit}" for unit, value in done.items())[:LONGEST_MESSAGE]
        )
    there = {"load": plan.load_mw, "heat_load": plan.heat_mw, "output": plan.output_mw}.get(said.device)
    if there is not None and said.available_mw != there:
        return f"reports {said.available_mw} MW where {there:g} MW are there"
    left = before.energy_after(said)
    if math.isnan(left):
        return ""
    if not abs(said.energy_mwh - left) <= ROUND_OFF_MWH:
        return f"reports {said.energy_mwh:g} MWh where its actions leave {left:g} MWh"
    return "" if device.has_done(said) else "does not hold what it says it does"
