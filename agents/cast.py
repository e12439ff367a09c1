"""Put the players of a study on the stage."""

from agents.anm import policy_class
from agents.bid_optimizer import BidOptimizer, compute_submission, opening_situation
from agents.bidding.anm_aware import refuse_bundles
from agents.community import Community
from agents.der.battery import BatterySystem
from agents.der.load import Load
from agents.der.renewable import SolarPlant, WindTurbine
from agents.dispatch.dispatcher import Dispatcher
from agents.microgrid import MicrogridAgent
from agents.microgrid_operator import MicrogridOperator
from agents.system_operator import SystemOperator
from sim.ev_fleet import draw_cars
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
        model = MarketModel(setting)
        try:
            return cast_players(model, dispatcher=dispatcher).operator.submit_bids()
        finally:
            model.close()
    return compute_submission(dispatcher, setting, opening_situation(setting, setting.kept_scenarios()))


def check_study(setting: Setting) -> None:
    """Say what the players of a study would trip over, before anything is computed or written.

    Raises
    ------
    StudyError
        If the policy lacks something, such as its trained values; if cars can't come and go as they are said to; or
        if there are microgrids and more scenarios than a bid with them can have.
    """
    study = setting.study
    policy_class(study.policy)(setting, Dispatcher.of(setting))
    for ev in dict.fromkeys(port.microgrid.ev for port in setting.grid.ports):
        if ev is not None:
            draw_cars(ev, days=1, seed=study.seed, port=0)
    if setting.grid.ports:
        keep, drawn = study.uncertainty.keep, study.uncertainty.scenarios
        whole = 1 if study.bidding == "basic" else keep if isinstance(keep, int) else drawn
        refuse_bundles(whole, averse=study.risk.averse)
