"""Interface to CasADi: a Pyomo model is written as an .nl file, and Ipopt's or BONMIN's solution is read back."""

from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import casadi
import numpy as np
import pyomo.environ as pyo
from pyomo.repn.plugins.nl_writer import NLWriter

from agents.dispatch.compiled import PYOMO
from agents.dispatch.conic_program import InfeasibleError, SolverError
from sim.errors import StudyError

Options = Mapping[str, Any]
"""Options by the solver's own names, such as ``{"max_cpu_time": 60.0}``."""

SHARP: Options = {"mu_strategy": "adaptive", "bound_relax_factor": 1e-9}
"""Options of Ipopt that keep limits so sharply that no excess can undercut a bound."""

QUIET: dict[str, dict[str, Any]] = {
    "ipopt": {"print_level": 0, "sb": "yes"},
    "bonmin": {"print_level": 0, "sb": "yes", "bb_log_level": 0, "nlp_log_level": 0, "milp_log_level": 0},
}
"""Solvers, and the options that keep them (nearly) silent."""

INFEASIBLE = ("Infeasible_Problem_Detected", "INFEASIBLE")
"""Statuses of a problem whose limits can't all be met (if it is not convex: not from where they started)."""


def solve_nl(model: pyo.ConcreteModel, solver: str, options: Options | None = None) -> float:
    """Return the least objective that a solver finds, and leave the solution in the model's variables.

    The search starts from the values the variables have. Bounds, integers and named expressions come through; fixed
    variables are numbers to the solver.

    Parameters
    ----------
    model : ConcreteModel
        With one objective, to be minimised.
    solver : {"ipopt", "bonmin"}
        Interior-point method for a local optimum, or branch and bound above it for integers.
    options : mapping, optional
        Options by the solver's own names.

    Raises
    ------
    StudyError
        If there is no such solver.
    InfeasibleError
        If the solver finds that the limits can't all be met.
    SolverError
        If it stops without an answer; the message contains its status.
    """
    if solver not in QUIET:
        raise StudyError(f"there is no solver {solver!r} for AC models; choose one of {', '.join(QUIET)}")
    problem, variables = _import(model)
    settings: dict[str, Any] = {
        "expand": True,
        "print_time": False,
        "error_on_fail": False,
        solver: {**QUIET[solver], **(options or {})},
    }
    if solver == "bonmin":
        settings["discrete"] = problem.discrete
    nlp = {"x": casadi.vertcat(*problem.x), "f": problem.f, "g": casadi.vertcat(*problem.g)}
    program = casadi.nlpsol("s", solver, nlp, settings)
    # BONMIN prints its nodes whatever the options. Ipopt is silent, and may run on several threads.
    with redirect_stdout(StringIO()) if solver == "bonmin" else nullcontext():
        answer = program(x0=problem.x_init, lbx=problem.x_lb, ubx=problem.x_ub, lbg=problem.g_lb, ubg=problem.g_ub)
    status = str(program.stats()["return_status"])
    if not program.stats()["success"]:
        kind = InfeasibleError if status in INFEASIBLE else SolverError
        raise kind(f"{solver} stopped with status {status}")
    for variable, value in zip(variables, np.array(answer["x"]).ravel().tolist(), strict=True):
        variable.set_value(value, skip_validation=True)
    return float(answer["f"])


def _import(model: pyo.ConcreteModel) -> tuple[Any, list[Any]]:
    """Return the model as CasADi reads it, and its variables in CasADi's order."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.nl"
        with PYOMO, file.open("w", newline="") as stream:
            # No presolve: every variable comes back. No labels: CasADi's reader stumbles over comments.
            written = NLWriter().write(model, stream, linear_presolve=False, symbolic_solver_labels=False)
        problem = casadi.NlpBuilder()
        problem.import_nl(str(file))
    return problem, written.variables
