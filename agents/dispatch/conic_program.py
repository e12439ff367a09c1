"""Cone programs of compiled models repeated over hours and scenarios and linked, solved as a whole by Clarabel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import clarabel
import numpy as np
from scipy import sparse

from agents.dispatch.block import UNLINKED, ModelBlock, Values
from agents.dispatch.compiled import NONNEGATIVE, ZERO, CompiledModel
from grids.errors import TielineError
from grids.network import FloatArray
from sim.study import SOLVER_TIME_LIMIT_S


class SolverError(TielineError, RuntimeError):
    """The solver gave no usable answer; the message says which status it returned."""


class TimeLimitError(SolverError):
    """The solver did not come to an end in time."""


class InfeasibleError(SolverError):
    """The limits can't all be met: the solver proved that no dispatch does."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Solution:
    """Answer of the solver.

    Attributes
    ----------
    x : array
        All columns of the program.
    z : array
        Duals of all rows, in Clarabel's form.
    objective, bound : float
        Value of the answer, and the dual bound that proves it. [$]
    """

    x: FloatArray
    z: FloatArray
    objective: float
    bound: float


class ConicProgram:
    """Cone program made of blocks of models. Add blocks, link them, then solve as often as the data change.

    Parameters
    ----------
    time_limit_s : float
        Most time of the solver for one problem. [s]
    """

    def __init__(self, time_limit_s: float = SOLVER_TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self.model_blocks: list[ModelBlock] = []
        self.column_count = 0
        self._costs: sparse.csc_matrix | None = None
        self._rows: tuple[sparse.csc_matrix, list[Any]] | None = None
        self._solver: Any = None
        self._solver_costs: sparse.csc_matrix | None = None

    def add(self, model: CompiledModel, copies: int, weight: FloatArray | None = None) -> ModelBlock:
        """Return a new block of `copies` of a model."""
        weight = np.ones(copies) if weight is None else weight
        block = ModelBlock(model, copies, weight, self.column_count)
        self.model_blocks.append(block)
        self.column_count += copies * model.decisions
        return block

    def first_rows(self) -> dict[int, int]:
        """Return the first row of every block, by its identity."""
        rows, begin = {}, 0
        for block in self.model_blocks:
            rows[id(block)] = begin
            begin += block.copies * len(block.model.rhs)
        return rows

    def matrices(self) -> tuple[sparse.csc_matrix, sparse.csc_matrix, list[Any]]:
        """Return P (upper triangle), A and the cones in Clarabel's form; they do not depend on the data."""
        if self._costs is None:
            self._costs = self._assemble_costs()
        if self._rows is None:
            self._rows = self._assemble_rows()
        return self._costs, *self._rows

    def reweigh(self, block: ModelBlock, weight: FloatArray) -> None:
        """Give the copies of a block new weights."""
        if not np.array_equal(block.weight, weight):
            block.weight = weight
            self._costs = None

    def vectors(self, values: Sequence[Values]) -> tuple[FloatArray, FloatArray, float]:
        """Return q, b and the constant of the objective for the data of every block."""
        q = np.zeros(self.column_count)
        rhs, constant = [], 0.0
        for block, given in zip(self.model_blocks, values, strict=True):
            data = block.data_array(given)
            rhs.append(block.right_hand_side(data).ravel())
            constant += block.add_linear_cost(q, data)
        return q, np.concatenate(rhs), constant

    def solve(self, values: Sequence[Values], extra_cost: FloatArray | float = 0.0) -> Solution:
        """Return the optimum for the data of every block.

        The solver is kept and given new vectors; as it does not scale the problem, its answer does not depend on what
        it solved before. Where it fails, a new one with careful settings is tried.

        Parameters
        ----------
        values : sequence of mappings
            Data of every block, in the order they were added.
        extra_cost : array, shape (columns,), optional
            Linear cost of decisions on top of the models' own; objective and bound include it. [$]

        Raises
        ------
        InfeasibleError
            If no decision meets all constraints.
        TimeLimitError
            If it takes too long.
        SolverError
            If the solver stops without an answer.
        """
        P, A, cones = self.matrices()
        q, b, constant = self.vectors(values)
        q += extra_cost
        if self._solver is None:
            self._solver = clarabel.DefaultSolver(
                P, q, A, b, cones, solver_settings(careful=False, time_limit_s=self._time_limit_s)
            )
        elif P is self._solver_costs:
            self._solver.update(q=q, b=b)
        else:  # other weights leave the pattern as it is
            self._solver.update(P=P, q=q, b=b)
        self._solver_costs = P
        answer = self._solver.solve()
        if str(answer.status) != TIME_IS_UP and not _is_solved(answer, gap=ALMOST_GAP, residual=ALMOST_RESIDUAL):
            settings = solver_settings(careful=True, time_limit_s=self._time_limit_s)
            answer = clarabel.DefaultSolver(P, q, A, b, cones, settings).solve()
        status = str(answer.status)
        if status == TIME_IS_UP:
            raise TimeLimitError(f"the solver's time limit of {self._time_limit_s:g} s reached")
        if status in ("PrimalInfeasible", "AlmostPrimalInfeasible"):
            raise InfeasibleError("no dispatch meets all limits")
        if not _is_solved(answer, gap=POOR_GAP, residual=POOR_RESIDUAL):
            raise SolverError(f"Clarabel stopped with status {status}")
        return Solution(
            x=np.array(answer.x),
            z=np.array(answer.z),
            objective=answer.obj_val + constant,
            bound=min(answer.obj_val, answer.obj_val_dual) + constant,
        )

    def _assemble_costs(self) -> sparse.csc_matrix:
        first, second, product = [], [], []
        for block in self.model_blocks:
            columns, quadratic = block.all_columns(), block.model.quadratic
            a, b = columns[:, quadratic.row], columns[:, quadratic.column]
            both = (a != UNLINKED) & (b != UNLINKED)
            first.append(np.minimum(a, b)[both])
            second.append(np.maximum(a, b)[both])
            product.append((block.weight[:, None] * quadratic.value)[both])
        i, j, c = np.concatenate(first), np.concatenate(second), np.concatenate(product)
        c = np.where(i == j, 2 * c, c)  # the objective is ½ x'Px
        return sparse.coo_matrix((c, (i, j)), shape=(self.column_count, self.column_count)).tocsc()

    def _assemble_rows(self) -> tuple[sparse.csc_matrix, list[Any]]:
        row, column, value = [], [], []
        cones: list[Any] = []
        row_count = 0
        for block in self.model_blocks:
            model = block.model
            at = block.all_columns()[:, model.rows.column]
            present = at != UNLINKED
            offset = row_count + np.arange(block.copies)[:, None] * len(model.rhs)
            row.append((offset + model.rows.row)[present])
            column.append(at[present])
            value.append(np.broadcast_to(model.rows.value, at.shape)[present])
            cones += [_CONES[kind](size) for kind, size in model.cones] * block.copies
            row_count += block.copies * len(model.rhs)
        entries = (np.concatenate(value), (np.concatenate(row), np.concatenate(column)))
        return sparse.coo_matrix(entries, shape=(row_count, self.column_count)).tocsc(), cones


ALMOST_GAP, ALMOST_RESIDUAL = 1e-7, 1e-8
"""Relative gap and residual up to which an answer counts that just missed the solver's own tolerance of 1e-8."""


POOR_GAP, POOR_RESIDUAL = 1e-4, 1e-5
"""The same for the second attempt with careful settings, which is the last."""


TIME_IS_UP = "MaxTime"
"""Status of Clarabel for a time limit that was reached."""


def _is_solved(answer: Any, *, gap: float, residual: float) -> bool:
    """Return whether an answer is optimal, or nearly so: within a relative gap and residuals."""
    if str(answer.status) != "AlmostSolved":
        return str(answer.status) == "Solved"
    apart = abs(answer.obj_val - answer.obj_val_dual) / max(1.0, abs(answer.obj_val))
    return bool(apart <= gap and max(answer.r_prim, answer.r_dual) <= residual)


_CONES = {
    ZERO: clarabel.ZeroConeT,
    NONNEGATIVE: clarabel.NonnegativeConeT,
    "second_order": clarabel.SecondOrderConeT,
}


def solver_settings(*, careful: bool, time_limit_s: float = SOLVER_TIME_LIMIT_S) -> Any:
    """Return Clarabel's settings, with its most time in s.

    The problem is well scaled as it stands (p.u. on 1 MVA), so by default neither equilibration nor iterative
    refinement is worth its time; the careful settings, Clarabel's own, are for the rare case that needs them.
    """
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.time_limit = time_limit_s
    settings.max_threads = 1  # same bytes on every machine, and workers side by side don't fight for cores
    settings.equilibrate_enable = careful
    settings.iterative_refinement_enable = careful
    settings.presolve_enable = False  # it would forbid giving the solver new vectors
    settings.chordal_decomposition_enable = False  # for matrix cones, of which there are none
    return settings
