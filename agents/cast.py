"""Put the players of a study on the stage."""

from agents.anm import policy_class
from agents.bid_optimizer import BidOptimizer, compute_submission, opening_situation
from agents.community import Community
from agents.der.battery import BatterySystem
from agents.der.load import Load
from agents.der.renewable import SolarPlant, WindTurbine
from agents.dispatch.dispatcher import Dispatcher
from agents.microgrid import MicrogridAgent
from agents.microgrid_operator import MicrogridOperator
from agents.system_operator import SystemOperator
from sim.messages import Submission
from sim.model import MarketModel
from sim.roles import Players
from sim.setting import Setting

RENEWABLES = {"wind": WindTurbine, "pv": SolarPlant}


def cast_players(
    model: MarketModel, *, dispatcher: Dispatcher | None = None, fixed: Submission | None = None
) -> Players:
    """Create all agents of a study and cast them in the model.

    Parameters
    ----------
    model : MarketModel
        The stage.
    dispatcher : Dispatcher, optional
        One that already has its programs built, to be shared between runs on the same setting.
    fixed : Submission, optional
        Bids to submit every day, instead of computing them.
    """
    setting = model.setting
    grid = setting.grid
    dispatcher = dispatcher or Dispatcher.of(setting)
    microgrids = tuple(MicrogridAgent(model, port=port, position=m) for m, port in enumerate(grid.ports))
    if microgrids:
        dispatcher = Community(dispatcher, setting.study.coordination, microgrids)
    optimizer = BidOptimizer(model, dispatcher)
    players = Players(
        operator=MicrogridOperator(model, dispatcher=dispatcher, optimizer=optimizer, fixed=fixed),
        system_operator=SystemOperator(model),
        loads=tuple(
            Load(model, name=name, position=k, tan_phi=float(grid.load_tan_phi[k]))
            for k, name in enumerate(grid.load_names)
        ),
        renewables=tuple(
            RENEWABLES[kind](model, name=name, position=k, unit=unit)
            for k, (name, kind, unit) in enumerate(
                zip(grid.renewable_names, grid.renewable_kinds, grid.renewables, strict=True)
            )
        ),
        batteries=tuple(
            BatterySystem(model, name=name, position=k, unit=unit)
            for k, (name, unit) in enumerate(zip(grid.battery_names, grid.batteries, strict=True))
        ),
        microgrids=microgrids,
    )
    model.cast(players)
    return players


def opening_bids(setting: Setting, dispatcher: Dispatcher) -> Submission:
    """Return the bids for a study's first day, as its operator (and its microgrids) come to them.

    Parameters
    ----------
    setting : Setting
        The built study.
    dispatcher : Dispatcher
        Solves the bidding problem.
    """
    if setting.grid.ports:
        return cast_players(MarketModel(setting), dispatcher=dispatcher).operator.submit_bids()
    return compute_submission(dispatcher, setting, opening_situation(setting, setting.kept_scenarios()))


def check_policy(setting: Setting) -> None:
    """Make the study's policy once, so that what it lacks is said before anything is computed.

    Raises
    ------
    StudyError
        If it lacks something, such as its trained values.
    """
    policy_class(setting.study.policy)(setting, Dispatcher.of(setting))
