"""Broken units and devices that must not end the day: they raise, say NaN, never answer; their data stand in."""

import math
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from broken import Panic, model_of, never, raising
from negotiated import instance_of as networked

from agents.der.battery import BatteryAgent
from agents.der.load import LoadAgent
from agents.der.renewable import WindTurbineAgent
from agents.participants import create_agents
from grids.power_flow import SetPoints
from sim.answers import UnitAnswers
from sim.audit import audit
from sim.errors import StudyError
from sim.messages import Action, Report, Submission
from sim.model import MarketModel

pytestmark = pytest.mark.usefixtures("nobody_is_left_waiting")

# ---- units ---------------------------------------------------------------------------------------------------------

NAN = Report(available_mw=math.nan)
NO_ACTION = Action(device="load", p_mw=math.nan)

BROKEN_UNITS = {
    "load raises": (LoadAgent, "report", raising(ValueError("no\nmeter")), "ValueError: no meter; its data stand in"),
    "load says nan": (LoadAgent, "report", lambda self: NAN, "reports nan MW, 0 MWh; its data stand in"),
    "load does nan": (
        LoadAgent,
        "respond",
        lambda *_: NO_ACTION,
        "answers its order with nan MW, 0 Mvar; taken to follow",
    ),
    "wind says nothing": (WindTurbineAgent, "report", lambda self: None, "reports a NoneType; its data stand in"),
    "wind does not answer": (WindTurbineAgent, "respond", never, "no answer within 0.3 s; taken to follow its order"),
    "wind panics": (WindTurbineAgent, "respond", raising(Panic()), "Panic; taken to follow its order"),
    "battery raises": (BatteryAgent, "respond", raising(OSError(5, "no line")), "no line; taken to follow its order"),
    "battery forgets": (BatteryAgent, "commit", lambda *_: None, "MWh where its actions leave"),
    "battery commits not": (
        BatteryAgent,
        "commit",
        raising(ValueError("stuck")),
        "ValueError: stuck; taken to follow",
    ),
    "battery says nan": (BatteryAgent, "report", lambda self: NAN, "reports nan MW, 0 MWh; its data stand in"),
}


@pytest.mark.parametrize("how", BROKEN_UNITS)
def test_a_broken_unit_is_named_and_its_data_stand_in(instance33, monkeypatch, how):
    """The second of its kind is broken; a whole day is audited."""
    kind, method, broken, told = BROKEN_UNITS[how]
    model = model_of(instance33, "none", answer_time_limit_s=0.3 if broken is never else 60.0)
    unit = next(der for der in model.participants.ders if isinstance(der, kind) and der.position == 1)
    monkeypatch.setattr(unit, method, broken.__get__(unit))
    model.run_days(1)
    tables = model.ledger.frames()
    reasons = tables["decisions"]["reason"]
    assert reasons.str.contains(f"{unit.name}: ", regex=False).any()
    assert reasons.str.contains(told, regex=False).any()
    assert (tables["decisions"]["policy"] == "none").all()
    assert np.isfinite(tables["dispatch"][["available_mw", "p_mw", "q_mvar"]].to_numpy()).all()
    verdict = audit(tables, model.instance.study.model_dump(mode="json"))
    assert verdict.clean, verdict.findings[:3]


def test_broken_units_change_nothing_that_is_known_without_them(instance33, monkeypatch):
    def day(spoil):
        model = model_of(instance33, "none")
        spoil(model)
        model.run_days(1)
        return model.ledger.frame("dispatch")

    def spoil(model):
        for unit in model.participants.ders:
            monkeypatch.setattr(unit, "report", raising(ValueError("no meter")))
            monkeypatch.setattr(unit, "respond", raising(ValueError("no line")))

    whole, broken = day(lambda model: None), day(spoil)
    assert broken[["available_mw", "p_mw", "q_mvar", "soc"]].to_numpy() == pytest.approx(
        whole[["available_mw", "p_mw", "q_mvar", "soc"]].to_numpy(), abs=1e-12, nan_ok=True
    )


def test_what_stands_in_for_a_battery_keeps_its_limits(instance33, monkeypatch):
    grid = instance33.grid
    model = model_of(instance33, "none")
    for unit in model.participants.batteries:
        monkeypatch.setattr(unit, "respond", raising(ValueError("no line")))
    answers = UnitAnswers(grid, model.participants.ders, model.actual_mw, 60.0)
    answers.reports()
    zero = {
        name: np.zeros(size) for name, size in (("load", 32), ("renewable", len(grid.renewables)), ("exchange", 0))
    }
    given = {f"{name}_{what}": value for name, value in zero.items() for what in ("p_mw", "q_mvar")}
    for p_mw, q_mvar in ((9.0, 9.0), (-9.0, 0.0), (0.01, 0.02)):
        power = SetPoints(**given, battery_p_mw=np.full(5, p_mw), battery_q_mvar=np.full(5, q_mvar))
        for unit, action in zip(grid.batteries, answers.act(power)[-5:], strict=True):
            assert math.hypot(action.p_mw, action.q_mvar) <= unit.max_s_mva + 1e-12
            assert p_mw == 0.01 or abs(action.p_mw) < abs(p_mw)
        for unit, energy in zip(grid.batteries, answers.energy_mwh, strict=True):
            assert unit.min_soc * unit.max_e_mwh - 1e-12 <= energy <= unit.max_soc * unit.max_e_mwh + 1e-12


# ---- devices of microgrids -----------------------------------------------------------------------------------------


def networked_model(time_limit_s=60.0):
    """Return two microgrids and their operator."""
    instance = networked("two microgrids")
    search = instance.study.search.model_copy(update={"answer_time_limit_s": time_limit_s})
    chosen = {"policy": "none", "bidding": "basic", "search": search}
    fixed = Submission(bid_mw=np.ones(24), strategy="basic", battery_p_mw=np.zeros((24, 1)))
    instance = replace(instance, study=instance.study.model_copy(update=chosen))
    return MarketModel(instance, partial(create_agents, fixed=fixed))


def forgets(device):
    """Return an act in which the device follows its order but does not update its state."""
    return device.respond


def says(**changes):
    def broken(device):
        act = device.act
        return lambda order: replace(act(order), **changes)

    return broken


def half_done(device):
    """Return an act that fails after the device has changed its state."""
    act = device.act

    def broken(order):
        act(order)
        raise ValueError("no line")

    return broken


HOLD = ("battery", "thermal_storage", "ev")
EVERY = ("load", "heat_load", "output", *HOLD, "diesel", "heat_unit")

BROKEN_DEVICES = {
    "raises": (half_done, EVERY, "ValueError: no line"),
    "panics": (lambda device: raising(Panic("at the disco")), EVERY, "Panic: at the disco"),
    "does nan": (says(p_mw=math.nan), EVERY, "answers its order with nan MW, "),
    "heats nan": (says(heat_mw=np.float64("nan")), EVERY, " Mvar, nan MW of heat, "),
    "costs nan": (says(cost=math.nan), EVERY, "MW of heat, nan $"),
    "does a word": (says(p_mw="much"), EVERY, "answers its order with much MW, "),
    "says nothing": (lambda device: lambda order: None, EVERY, "answers its order with a NoneType"),
    "is another": (says(device="reactor"), EVERY, "answers its order with a reactor"),
    "demands nan": (says(available_mw=math.nan), EVERY[:3], "reports nan MW where "),
    "holds nan": (says(energy_mwh=math.nan), HOLD, "reports nan MWh where its actions leave "),
    "forgets": (forgets, HOLD, "does not hold what it says it does"),
}


def notes_of(model, connection="microgrid_18"):
    trades = model.ledger.frame("trades")
    return trades.loc[trades["connection"] == connection, "note"]


@pytest.mark.parametrize("how", BROKEN_DEVICES)
def test_a_broken_device_is_named_and_its_data_stand_in(monkeypatch, how):
    """All of a microgrid are broken for a few hours; what they do is what whole ones would have done."""
    broken, names, told = BROKEN_DEVICES[how]

    def hours(spoil):
        model = networked_model()
        for name, device in model.participants.microgrids[0]._devices.items():
            if name in spoil:
                monkeypatch.setattr(device, "act", broken(device))
        for _ in range(3):
            model.step()
        return model

    whole, spoilt = hours(()), hours(names)
    numbers = ["p_mw", "q_mvar", "heat_mw", "available_mw", "energy_mwh", "cost"]
    assert spoilt.ledger.frame("devices")[numbers].to_numpy() == pytest.approx(
        whole.ledger.frame("devices")[numbers].to_numpy(), abs=1e-9, nan_ok=True
    )
    found = "".join(f", {note}" for note in notes_of(spoilt))
    assert set(re.findall(r", (\w+): ", found)) == set(names)
    assert told in found
    assert found.count("; taken to follow its order") == found.count(told) <= 3 * len(names)
    assert set(notes_of(whole)) | set(notes_of(spoilt, "microgrid_33")) == {""}


@pytest.mark.parametrize(
    "how", ["raises", "does nan", "forgets", pytest.param("never answers", marks=pytest.mark.slow)]
)
def test_a_day_with_broken_devices_passes_the_audit(monkeypatch, how):
    """Everywhere it is what holds energy; one battery alone never answers, and is waited for once."""
    model = networked_model(5.0 if how == "never answers" else 60.0)
    for microgrid in model.participants.microgrids[: 1 if how == "never answers" else None]:
        for name in HOLD[: 1 if how == "never answers" else None]:
            device = microgrid._devices[name]
            monkeypatch.setattr(device, "act", never if how == "never answers" else BROKEN_DEVICES[how][0](device))
    model.run_days(1)
    notes = notes_of(model)
    assert notes.str.contains("battery: ").any()
    if how == "never answers":
        again = ["battery: it has not answered before; taken to follow its order"] * 23
        assert notes.tolist() == ["battery: no answer within 5 s; taken to follow its order", *again]
    verdict = audit(model.ledger.frames(), model.instance.study.model_dump(mode="json"))
    assert verdict.clean, verdict.findings[:3]


def test_devices_broken_in_their_class_do_not_end_the_hour_either(monkeypatch):
    monkeypatch.setattr("agents.der.base.DerAgent.act", raising(ValueError("no line")))
    model = networked_model()
    model.step()
    assert notes_of(model).str.count("ValueError: no line; taken").tolist() == [8]


def test_a_device_whose_data_do_not_say_what_it_does_is_named(monkeypatch):
    model = networked_model()
    device = model.participants.microgrids[0]._devices["diesel"]
    monkeypatch.setattr(device, "respond", raising(ValueError("no data")))
    with pytest.raises(StudyError, match=r"^microgrid_18, diesel: ValueError: no data; nor do its data say what it"):
        model.step()


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        pytest.param(never, "no answer within 5 s: loads served from the network", marks=pytest.mark.slow),
        (raising(Panic()), "Panic: loads served from the network"),
        (lambda *_, **__: {"battery_p_mw": np.array([np.nan])}, "its plan says nan for battery_p_mw: loads served"),
    ],
)
def test_a_microgrid_without_a_plan_serves_its_loads_and_says_so(monkeypatch, broken, told):
    model = networked_model(5.0 if broken is never else 60.0)
    microgrid = model.participants.microgrids[0]
    monkeypatch.setattr(microgrid._optimizer, "follow", broken)
    model.step()
    (note,) = notes_of(model)
    assert note.startswith(told)


def test_ctrl_c_in_a_device_ends_the_run(monkeypatch):
    model = networked_model()
    monkeypatch.setattr(model.participants.microgrids[0]._devices["load"], "act", raising(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        model.step()
