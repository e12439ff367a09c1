"""Microgrids with only some devices, their data, and their answers by variable."""

import numpy as np

from agents.dispatch.conic_program import ConicProgram
from agents.dispatch.connection_blocks import MicrogridBlocks
from agents.dispatch.connection_problem import ConnectionProblem
from grids.components import DieselGenerator, EvFleet, HeatUnit, Storage
from grids.fleet import Microgrid

DIESEL = DieselGenerator(max_p_mw=0.1, max_q_mvar=0.1, cost_per_mw2h=1000.0, cost_per_mwh=80.0)
CHP = HeatUnit(max_p_mw=0.15, cost_per_mwh=100.0, heat_ratio=0.8)
HEATER = CHP.model_copy(update={"reading": "electric_heater"})
BATTERY = Storage(max_p_mw=0.03, max_e_mwh=0.09, start_soc=0.0, efficiency=0.9, wear_per_mwh=2.0)
TANK = Storage(max_p_mw=0.03, max_e_mwh=0.1, start_soc=0.0, efficiency=0.95, standing_efficiency=0.9)
CARS = EvFleet(cars=10, discomfort_per_mw2h=1000.0)


def microgrid(**owns):
    """Return a microgrid that owns what is given, and may exchange 200 kW."""
    return Microgrid(**{"buses": (2,), "max_exchange_mw": 0.2, **owns})


def knows(*, load=0.0, heat=0.0, output=0.0, start=None, required=None, ev=None, scenarios=1):
    """Return what a microgrid knows; numbers hold in all scenarios and hours, lists by the hour."""
    ev = ev or {}
    hourly = [load, heat, output, *ev.values(), *(required or {}).values()]
    hours = max(np.size(values) if np.ndim(values) < 2 else np.shape(values)[1] for values in hourly)

    def by_hour(values):
        return np.broadcast_to(np.asarray(values, dtype=float), (hours,)).copy()

    def by_scenario(values):
        return np.broadcast_to(np.asarray(values, dtype=float), (scenarios, hours)).copy()

    return ConnectionProblem(
        load_mw=by_scenario(load),
        heat_mw=by_scenario(heat),
        output_mw=by_scenario(output),
        start_mwh=start or {},
        required_mwh={name: by_hour(values) for name, values in (required or {}).items()},
        ev_max_p_mw=by_hour(ev.get("most_mw", 0.0)),
        ev_min_mwh=by_hour(ev.get("least_mwh", 0.0)),
        ev_max_mwh=by_hour(ev.get("most_mwh", 0.0)),
        ev_uncontrolled_mw=by_hour(ev.get("wanted_mw", 0.0)),
    )


def optimum(owner, known, *, price=0.0, near=0.0, proximal=0.0, agreed=None, probability=None):
    """Return every variable of a microgrid's optimum, shape (S, T), and ``objective``.

    Prices hold in all scenarios and hours, or have the shape (T,) or (S, T); so has the `agreed` exchange.
    """
    scenarios, hours = known.shape

    def tiled(values):
        return np.broadcast_to(np.asarray(values, dtype=float), known.shape).reshape(-1, 1)

    data = {"exchange_p_cost_per_mwh": tiled(price) - proximal * tiled(near)}
    if agreed is not None:
        data |= {"scheduled_p_mw": tiled(agreed), "scheduled_q_mvar": tiled(0.0)}
    program = ConicProgram()
    blocks = MicrogridBlocks(
        program, [owner], scenarios=scenarios, hours=hours, proximal=proximal, scheduled=agreed is not None
    )
    blocks.reweigh(program, np.full(scenarios, 1 / scenarios) if probability is None else probability)
    solution = program.solve(blocks.values([known], [data]))
    return {name: solution.x[columns] for name, columns in blocks.device_columns(0).items()} | {
        "objective": solution.objective
    }
