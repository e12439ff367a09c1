"""Independence of history: a study gives the same bytes after others that shared grid, power flow and dispatcher."""

from dataclasses import replace

import numpy as np
import pytest
from bare_grid import set_points

from agents.bid_optimizer import opening_problem
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.problem import BidBounds
from agents.participants import opening_bids
from experiments.catalog import find_study
from experiments.simulate import simulate
from grids import build, power_flow
from grids.power_flow import PowerFlowError, shared_power_flow
from sim.audit import audit
from sim.instance import Instance
from sim.ledger import write_tables


def study(name="microgrid33", *, seed=1, days=1, **options):
    found = find_study(name, options=options)
    uncertainty = found.uncertainty.model_copy(update={"scenarios": 40, "keep": 4})
    return found.model_copy(update={"seed": seed, "days": days, "uncertainty": uncertainty})


def stored(run, folder):
    """The bytes of a run's tables, as they are stored."""
    folder.mkdir()
    write_tables(run.tables, folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def forget():
    """Begin as a fresh process does."""
    build._kept_grid.cache_clear()
    power_flow.shared_power_flow.cache_clear()


PAIRS = {
    "myopic": (study(policy="myopic", bidding="basic"), study(policy="myopic", bidding="anm_aware", seed=7)),
    "receding": (study(policy="receding"), study(policy="myopic", bidding="basic", seed=3)),
    "hindsight": (study(policy="hindsight"), study(policy="receding", seed=5)),
    "none": (study(policy="none", bidding="basic"), study(policy="none", seed=9)),
    "two days": (study(policy="myopic", days=2), study(policy="receding", seed=2)),
    "networked": (
        study("networked33", policy="myopic", bidding="basic"),
        study("networked33", policy="myopic", bidding="basic", seed=4),
    ),
}


SLOW = {"receding", "hindsight", "two days", "networked"}


@pytest.mark.parametrize("pair", [pytest.param(pair, marks=[pytest.mark.long] * (pair in SLOW)) for pair in PAIRS])
def test_study_simulated_after_others_gives_the_same_bytes(pair, tmp_path):
    one, other = PAIRS[pair]
    forget()
    fresh = stored(simulate(Instance.of(one)), tmp_path / "fresh")
    forget()
    shared = Dispatcher.of(Instance.of(other))
    for before in (other, one, other):
        run = simulate(Instance.of(before), dispatcher=shared)
        audit(run.tables, before.model_dump(mode="json"))
    again = stored(simulate(Instance.of(one), dispatcher=shared), tmp_path / "again")
    assert fresh.keys() == again.keys()
    assert [name for name in fresh if fresh[name] != again[name]] == []


def test_power_flow_without_a_solution_leaves_no_trace(tmp_path):
    calm = study(policy="none", bidding="basic")
    forget()
    fresh = stored(simulate(Instance.of(calm)), tmp_path / "fresh")
    instance = Instance.of(calm)
    with pytest.raises(PowerFlowError):
        shared_power_flow(instance.grid).run(set_points(instance.grid, load=20))
    assert stored(simulate(instance), tmp_path / "again") == fresh


@pytest.mark.slow
def test_kept_program_of_bids_gives_the_bits_of_a_new_one():
    first, second = Instance.of(study(seed=1)), Instance.of(study(seed=2))
    kept = Dispatcher.of(first)
    bids = [opening_bids(instance, kept).bid_mw for instance in (first, second, first)]
    assert (bids[1] == opening_bids(second, Dispatcher.of(second)).bid_mw).all()
    assert (bids[2] == bids[0]).all()


def test_only_a_range_that_leaves_the_matrix_as_it_is_moves_a_program(instance33):
    dispatcher = Dispatcher.of(instance33)
    problem = opening_problem(instance33, instance33.kept_scenarios().subset(0))
    ranges = [BidBounds(low=np.full(24, low), high=np.full(24, 4.0)) for low in (0.0, -1.0, -2.0)]
    horizon = dispatcher.horizon(replace(problem, bounds=ranges[0]), network="copper_plate")
    assert horizon.move(BidBounds(low=np.zeros(24), high=np.full(24, 3.0)))
    assert not horizon.move(ranges[1])
    wide = dispatcher.horizon(replace(problem, bounds=ranges[1]), network="copper_plate")
    assert wide is not horizon
    assert not wide.move(ranges[2])
    assert wide.bounds is ranges[1]
