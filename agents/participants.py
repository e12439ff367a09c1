"""Agents of a study, created in its market model."""

from functools import partial

from agents.agreement import Agreement
from agents.anm import policy_class
from agents.bid_optimizer import BidOptimizer, compute_submission, opening_problem
from agents.bidding.anm_aware import refuse_bundles
from agents.der.battery import BatteryAgent
from agents.der.load import LoadAgent
from agents.der.renewable import SolarPlantAgent, WindTurbineAgent
from agents.dispatch.dispatcher import Dispatcher
from agents.microgrid_operator import GivenBids, MicrogridOperator
from agents.networked_microgrid import NetworkedMicrogrid
from agents.system_operator import SystemOperator
from grids.documents import in_short
from grids.errors import TielineError
from sim.errors import StudyError
from sim.ev_fleet import draw_cars
from sim.instance import Instance
from sim.messages import Knowledge, Submission
from sim.model import MarketModel
from sim.protocols import Participants
from sim.time_limit import in_words

RENEWABLES = {"wind": WindTurbineAgent, "pv": SolarPlantAgent}


def create_agents(
    model: MarketModel, *, dispatcher: Dispatcher | None = None, fixed: GivenBids | None = None
) -> Participants:
    """Create all agents of a study in its market model.

    Parameters
    ----------
    model : MarketModel
        The market model.
    dispatcher : Dispatcher, optional
        Dispatcher with its programs built, to be shared between runs on the same instance.
    fixed : Submission or callable, optional
        Bids to submit every day instead of computing them, or what returns those of a day if they are known.
    """
    instance = model.instance
    grid = instance.grid
    dispatcher = dispatcher or Dispatcher.of(instance)
    microgrids = tuple(
        NetworkedMicrogrid(model, connection=connection, position=m) for m, connection in enumerate(grid.connections)
    )
    if microgrids:
        dispatcher = dispatcher.coordinated(Agreement(dispatcher, instance.study.coordination, microgrids))
    return Participants(
        operator=MicrogridOperator(model, optimizer=BidOptimizer(model, dispatcher), fixed=fixed),
        system_operator=SystemOperator(model),
        loads=tuple(
            LoadAgent(model, name=name, position=k, tan_phi=float(grid.load_tan_phi[k]))
            for k, name in enumerate(grid.load_names)
        ),
        renewables=tuple(
            RENEWABLES[kind](model, name=name, position=k, unit=unit)
            for k, (name, kind, unit) in enumerate(
                zip(grid.renewable_names, grid.renewable_kinds, grid.renewables, strict=True)
            )
        ),
        batteries=tuple(
            BatteryAgent(model, name=name, position=k, unit=unit)
            for k, (name, unit) in enumerate(zip(grid.battery_names, grid.batteries, strict=True))
        ),
        microgrids=microgrids,
    )


def opening_bids(instance: Instance, dispatcher: Dispatcher) -> Submission:
    """Return the bids for a study's first day, as its operator (and its microgrids) compute them.

    Parameters
    ----------
    instance : Instance
        The built study.
    dispatcher : Dispatcher
        Solves the bidding problem.
    """
    if instance.grid.connections:
        model = MarketModel(instance, partial(create_agents, dispatcher=dispatcher))
        try:
            return model.participants.operator.submit_bids()
        finally:
            model.close()
    return compute_submission(dispatcher, instance, opening_problem(instance, instance.kept_scenarios()))


def check_study(instance: Instance) -> None:
    """Refuse a study that its agents could not run, before anything is computed or written.

    Raises
    ------
    StudyError
        If the policy can't be created or lacks something, such as its trained values; if cars can't arrive and leave
        as specified; if there are microgrids, or the network is not radial, and there are more scenarios than a bid
        then can have; or if there are microgrids and the network is not radial.
    """
    study = instance.study
    try:
        policy = policy_class(study.policy)(instance, Dispatcher.of(instance))
    except TielineError:
        raise
    except Exception as error:  # one of the user's own may fail in any way
        raise StudyError(
            f"policy: {study.policy}(instance, dispatcher) failed: {in_words(error)}; a class is called with these two"
        ) from error
    if not isinstance(policy.knowledge, Knowledge):
        levels = " or ".join(f"tieline.Knowledge.{one.name}" for one in Knowledge)
        raise StudyError(f"policy: the knowledge of {study.policy} is {in_short(policy.knowledge)}; use {levels}")
    for ev in dict.fromkeys(connection.microgrid.ev for connection in instance.grid.connections):
        if ev is not None:
            draw_cars(ev, days=1, seed=study.seed, connection=0)
    if instance.grid.connections and not instance.grid.is_radial:
        raise StudyError(
            f"network '{instance.grid.name}': microgrids and fleets of cars need a radial network with one infeed;"
            " open its loops by switches, or leave out fleet.microgrid and fleet.ev_aggregator"
        )
    if instance.grid.connections or study.bidding == "anm_aware":
        keep, drawn = study.uncertainty.keep, study.uncertainty.scenarios
        whole = 1 if study.bidding == "basic" else keep if isinstance(keep, int) else drawn
        refuse_bundles(instance.grid, whole, averse=study.risk.averse)
