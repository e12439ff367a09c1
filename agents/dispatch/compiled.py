"""Compilation of a Pyomo model to sparse matrices, once.

The columns z = (x, d) are the model's decisions x and its data d. Rows are in Clarabel's form, rows·z + s = rhs with s
in a product of cones, and the objective is ½ z'Hz + g'z + c. Because data are columns too, a number, a price, or a
link to the decision of another hour can later take their place without compiling again.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.base.component import ComponentData
from pyomo.repn import generate_standard_repn
from scipy import sparse

from grids.network import FloatArray, IntArray

ZERO, NONNEGATIVE, SECOND_ORDER = "zero", "nonnegative", "second_order"


@dataclass(frozen=True, eq=False)
class Entries:
    """Entries of a sparse matrix: row, column and value, each of shape (N,)."""

    row: IntArray
    column: IntArray
    value: FloatArray

    @classmethod
    def of(cls, triples: Iterable[tuple[int, int, float]]) -> "Entries":
        """Return the entries of (row, column, value) triples."""
        table = list(triples)
        return cls(
            np.array([t[0] for t in table], dtype=np.int64),
            np.array([t[1] for t in table], dtype=np.int64),
            np.array([t[2] for t in table], dtype=np.float64),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class CompiledModel:
    """Pyomo model as matrices.

    Attributes
    ----------
    variables, data : dict of str to array
        Columns of every Pyomo variable, in the order of its index set.
    decisions : int
        Number n of decision columns 0..n-1; data columns follow.
    columns : int
        Number of all columns.
    rows : Entries
        Matrix of the constraints.
    rhs : array, shape (M,)
        Their right-hand side.
    cones : list of (str, int)
        Kind and size of the cones, in the order of the rows.
    quadratic : Entries
        Coefficients c of the products c·z_row·z_column in the objective, each product once.
    linear : array, shape (columns,)
        Linear coefficients of the objective.
    constant : float
        Constant of the objective.
    """

    variables: dict[str, IntArray]
    data: dict[str, IntArray]
    decisions: int
    columns: int
    rows: Entries
    rhs: FloatArray
    cones: list[tuple[str, int]]
    quadratic: Entries
    linear: FloatArray
    constant: float

    def has_matrix_of(self, other: "CompiledModel") -> bool:
        """Return whether two models differ in nothing but the right-hand side of their rows."""
        ours, theirs = (
            [*vars(model.rows).values(), *vars(model.quadratic).values(), model.linear] for model in (self, other)
        )
        same = all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
        return same and self.cones == other.cones and self.constant == other.constant

    @cached_property
    def rows_on_data(self) -> sparse.csr_matrix:
        """Part of the rows on the data, shape (M, data)."""
        on_data = self.rows.column >= self.decisions
        at = (self.rows.row[on_data], self.rows.column[on_data] - self.decisions)
        shape = (len(self.rhs), self.columns - self.decisions)
        return sparse.csr_matrix((self.rows.value[on_data], at), shape=shape)

    @cached_property
    def is_free(self) -> bool:
        """True if the objective has nothing but squares and products of decisions."""
        mixed = any(len(entries.row) for entries in (*self.mixed_products, self.data_products))
        return not (mixed or self.linear.any() or self.constant)

    @cached_property
    def mixed_products(self) -> tuple[Entries, Entries]:
        """Products of a column (row of the entry) and a datum (counted from the first) in the objective."""
        i, j, c = self.quadratic.row, self.quadratic.column, self.quadratic.value
        first, second = ((here, there, there >= self.decisions) for here, there in ((i, j), (j, i)))
        return tuple(  # type: ignore[return-value]
            Entries(here[mixed], there[mixed] - self.decisions, c[mixed]) for here, there, mixed in (first, second)
        )

    @cached_property
    def data_products(self) -> Entries:
        """Products of two data, counted from the first, in the objective."""
        i, j = self.quadratic.row - self.decisions, self.quadratic.column - self.decisions
        both = (i >= 0) & (j >= 0)
        return Entries(i[both], j[both], self.quadratic.value[both])

    @cached_property
    def data_entries(self) -> dict[str, Entries]:
        """Entries of the rows on each of the data, columns counted from the first of each."""
        entries = {}
        for name, span in self.data.items():
            chosen = np.isin(self.rows.column, span)
            column = self.rows.column[chosen] - (span[0] if len(span) else 0)
            entries[name] = Entries(self.rows.row[chosen], column, self.rows.value[chosen])
        return entries


PYOMO = threading.RLock()
"""Lock for building, reading and writing models: Pyomo does so with one at a time, on whatever thread."""


def compiled(build: Callable[..., pyo.ConcreteModel], *given: Any, **options: Any) -> CompiledModel:
    """Return the matrices of the model that a function builds; may be called from several threads.

    Parameters
    ----------
    build : callable
        Returns the model.
    *given, **options
        Its arguments.

    Raises
    ------
    ValueError
        As :func:`compile_model`.
    """
    with PYOMO:
        return compile_model(build(*given, **options))


@cache
def compiled_once(build: Callable[..., pyo.ConcreteModel], *given: Any) -> CompiledModel:
    """Return what :func:`compiled` does, from the first time on as it was."""
    return compiled(build, *given)


def compile_model(model: pyo.ConcreteModel) -> CompiledModel:
    """Return the matrices of a Pyomo model with linear, quadratic-cone and bound constraints.

    Parameters
    ----------
    model : ConcreteModel
        As from :func:`agents.dispatch.hour.hour_model`; the variables named in ``model.data_names`` become data.

    Raises
    ------
    ValueError
        If a quadratic constraint is not of the form Σ a·x² <= constant or Σ a·x² <= b·y·w, or the objective is not
        linear or quadratic and minimised, or a variable is not continuous.
    """
    components = {component.local_name: component for component in model.component_objects(pyo.Var)}
    data_names = list(model.data_names)
    names = [name for name in components if name not in data_names] + data_names
    column: dict[int, int] = {}
    spans: dict[str, IntArray] = {}
    for name in names:
        members = list(components[name].values())
        spans[name] = np.arange(len(column), len(column) + len(members))
        for member in members:
            column[id(member)] = len(column)
    for component in components.values():
        if not all(variable.is_continuous() for variable in component.values()):
            raise ValueError(f"{component.name} is not continuous")
    decisions = sum(len(components[name]) for name in names if name not in data_names)
    rows = _Rows(column)
    for name in names[: len(names) - len(data_names)]:
        for variable in components[name].values():
            rows.add_bounds(variable)
    for constraint in model.component_data_objects(pyo.Constraint, active=True, descend_into=True):
        rows.add_constraint(constraint)
    (objective,) = model.component_data_objects(pyo.Objective, active=True)
    repn = generate_standard_repn(objective.expr, quadratic=True)
    if repn.nonlinear_expr is not None or objective.sense != pyo.minimize:
        raise ValueError(f"{objective.name} must be linear or quadratic, and minimised")
    linear = np.zeros(len(column))
    for variable, coefficient in zip(repn.linear_vars, repn.linear_coefs, strict=True):
        linear[column[id(variable)]] += coefficient
    entries, rhs, cones = rows.stacked()
    return CompiledModel(
        variables={name: spans[name] for name in names if name not in data_names},
        data={name: spans[name] for name in data_names},
        decisions=decisions,
        columns=len(column),
        rows=entries,
        rhs=rhs,
        cones=cones,
        quadratic=Entries.of(
            (column[id(a)], column[id(b)], c)
            for (a, b), c in zip(repn.quadratic_vars, repn.quadratic_coefs, strict=True)
        ),
        linear=linear,
        constant=float(repn.constant),
    )


Terms = list[tuple[int, float]]


class _Rows:
    """Collector of rows by kind of cone: a·z + s = b."""

    def __init__(self, column: dict[int, int]) -> None:
        self._column = column
        self._zero: list[tuple[Terms, float]] = []
        self._nonnegative: list[tuple[Terms, float]] = []
        self._second_order: list[list[tuple[Terms, float]]] = []

    def add_bounds(self, variable: Any) -> None:
        """Add the finite bounds of a variable; equal bounds become an equation."""
        column, lower, upper = self._column[id(variable)], variable.lb, variable.ub
        if lower is not None and lower == upper:
            self._zero.append(([(column, 1.0)], lower))
            return
        if lower is not None:
            self._nonnegative.append(([(column, -1.0)], -lower))
        if upper is not None:
            self._nonnegative.append(([(column, 1.0)], upper))

    def add_constraint(self, constraint: ComponentData) -> None:
        """Add a linear constraint, or a quadratic one that is a cone."""
        repn = generate_standard_repn(constraint.body, quadratic=True)
        if repn.nonlinear_expr is not None:
            raise ValueError(f"{constraint.name} is neither linear nor quadratic")
        terms = [(self._column[id(v)], c) for v, c in zip(repn.linear_vars, repn.linear_coefs, strict=True)]
        lower, upper = pyo.value(constraint.lower), pyo.value(constraint.upper)
        if repn.quadratic_vars:
            if lower is not None or upper is None or terms:
                raise ValueError(f"{constraint.name} is not a second-order cone")
            self._add_cone(constraint.name, repn, upper - repn.constant)
        elif lower is not None and lower == upper:
            self._zero.append((terms, upper - repn.constant))
        else:
            if upper is not None:
                self._nonnegative.append((terms, upper - repn.constant))
            if lower is not None:
                self._nonnegative.append(([(k, -c) for k, c in terms], repn.constant - lower))

    def _add_cone(self, name: str, repn: Any, constant: float) -> None:
        """Add Σ a·x² <= constant, or Σ a·x² <= b·y·w as ‖(2√(a/b)·x, y - w)‖ <= y + w."""
        pairs = list(zip(repn.quadratic_vars, repn.quadratic_coefs, strict=True))
        squares = [(self._column[id(a)], c) for (a, b), c in pairs if a is b and c > 0]
        products = [(self._column[id(a)], self._column[id(b)], c) for (a, b), c in pairs if a is not b]
        if len(squares) + len(products) != len(pairs):
            raise ValueError(f"{name} is not convex")
        if not products and constant > 0:
            head: list[tuple[Terms, float]] = [([], float(np.sqrt(constant)))]
            scale = 1.0
        elif len(products) == 1 and products[0][2] < 0 and constant == 0:
            y, w, b = products[0]
            head = [([(y, -1.0), (w, -1.0)], 0.0), ([(y, -1.0), (w, 1.0)], 0.0)]
            scale = 4.0 / -b
        else:
            raise ValueError(f"{name} is not a second-order cone")
        self._second_order.append(head + [([(k, -float(np.sqrt(scale * c)))], 0.0) for k, c in squares])

    def stacked(self) -> tuple[Entries, FloatArray, list[tuple[str, int]]]:
        """Return all rows as matrix entries, right-hand side and cones."""
        cones = [(ZERO, len(self._zero))] if self._zero else []
        cones += [(NONNEGATIVE, len(self._nonnegative))] if self._nonnegative else []
        cones += [(SECOND_ORDER, len(cone)) for cone in self._second_order]
        rows = self._zero + self._nonnegative + [row for cone in self._second_order for row in cone]
        entries = Entries.of((i, k, c) for i, (terms, _) in enumerate(rows) for k, c in terms)
        return entries, np.array([b for _, b in rows], dtype=np.float64), cones
