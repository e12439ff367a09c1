"""Value of stored energy at the end of an hour in a program: concave and piecewise linear, store by store."""

import pyomo.environ as pyo

from agents.dispatch.compiled import compiled_once
from agents.dispatch.conic_program import ConicProgram
from agents.dispatch.microgrid_hour import UNSERVED_PRICE
from agents.dispatch.network import Hour
from grids.network import IntArray


def value_model(segments: int) -> Hour:
    """Return the value of one store's energy as a Pyomo model; its objective is minus that value, in $.

    The solver fills the parts in order by itself, because the value of a MWh falls from part to part.
    """
    m = pyo.ConcreteModel(name="value of stored energy")
    m.data_names = ["end_mwh", "least_mwh", "width_mwh", "slope"]
    m.PARTS = pyo.RangeSet(0, segments - 1)
    m.end_mwh, m.least_mwh, m.width_mwh = pyo.Var(), pyo.Var(), pyo.Var()
    m.slope = pyo.Var(m.PARTS, initialize=0.0)
    m.part_mwh = pyo.Var(m.PARTS, bounds=(0, None))
    m.missing_mwh = pyo.Var(bounds=(0, None))
    m.width = pyo.Constraint(m.PARTS, rule=lambda m, k: m.part_mwh[k] <= m.width_mwh)
    m.filled = pyo.Constraint(expr=sum(m.part_mwh[k] for k in m.PARTS) <= m.end_mwh - m.least_mwh + m.missing_mwh)
    worth = sum(m.slope[k] * m.part_mwh[k] for k in m.PARTS)
    m.cost = pyo.Objective(expr=UNSERVED_PRICE * m.missing_mwh - worth)
    return m


def add_value_blocks(program: ConicProgram, end_columns: IntArray, segments: int) -> None:
    """Add the value models of N stores to a program of one scenario and one hour.

    Parameters
    ----------
    program : ConicProgram
        The program.
    end_columns : array, shape (N,)
        Columns of the stores' energy at the end of the hour.
    segments : int
        Parts of each function.
    """
    block = program.add(compiled_once(value_model, segments), len(end_columns))
    block.link("end_mwh", end_columns[:, None])
