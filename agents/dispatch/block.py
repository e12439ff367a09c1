"""Blocks of a program: copies of a compiled model with their columns, and their part of its vectors."""

from collections.abc import Mapping

import numpy as np

from agents.dispatch.compiled import CompiledModel
from grids.network import BoolArray, FloatArray, IntArray

Values = Mapping[str, FloatArray]
"""Values of a block's data: for every name an array that broadcasts to (copies, units)."""

UNLINKED = -1


class ModelBlock:
    """Block of a program: copies of one compiled model.

    Parameters
    ----------
    model : CompiledModel
        The model.
    copies : int
        Number of copies N.
    weight : array, shape (N,)
        Factor of each copy's objective, such as a probability.
    first_column : int
        Global column of the first decision of the first copy.

    Attributes
    ----------
    links : array, shape (N, data)
        Global column that stands in for each datum, or `UNLINKED` where it is a number.
    """

    def __init__(self, model: CompiledModel, copies: int, weight: FloatArray, first_column: int) -> None:
        self.model, self.copies, self.weight, self.first_column = model, copies, weight, first_column
        self.links: IntArray = np.full((copies, model.columns - model.decisions), UNLINKED, dtype=np.int64)
        self._columns: dict[str, IntArray] = {}
        self._linked: tuple[BoolArray, IntArray] | None = None

    def columns(self, name: str) -> IntArray:
        """Return the global columns of a variable, shape (N, units)."""
        if name not in self._columns:
            first = self.first_column + np.arange(self.copies)[:, None] * self.model.decisions
            self._columns[name] = first + self.model.variables[name]
        return self._columns[name]

    def columns_an_hour_before(self, name: str, hours: int) -> IntArray:
        """Return the columns of a variable one hour earlier, `UNLINKED` in the first of each `hours`, (N, units)."""
        columns = np.roll(self.columns(name), 1, axis=0)
        columns[::hours] = UNLINKED
        return columns

    def link(self, name: str, columns: IntArray) -> None:
        """Link data to decisions by their columns, shape (N, units), `UNLINKED` where a number is given instead."""
        self.links[:, self.model.data[name] - self.model.decisions] = columns
        self._linked = None

    def all_columns(self) -> IntArray:
        """Return the global column of every model column, shape (N, columns); `UNLINKED` for numbers."""
        own = self.first_column + np.arange(self.copies * self.model.decisions).reshape(self.copies, -1)
        return np.concatenate([own, self.links], axis=1)

    def linked(self) -> tuple[BoolArray, IntArray]:
        """Return the mask of data that are decisions, shape (N, data), and the global columns of those."""
        if self._linked is None:
            is_linked = self.links != UNLINKED
            self._linked = is_linked, self.links[is_linked]
        return self._linked

    def data_prices(self, z: FloatArray, name: str) -> FloatArray:
        """Return the derivative of the optimum by data that stand only in constraints, shape (N, units).

        Parameters
        ----------
        z : array, shape (N * M,)
            Duals of this block's rows.
        name : str
            The data.
        """
        entries = self.model.data_entries[name]
        duals = z.reshape(self.copies, -1)[:, entries.row] * entries.value
        prices = np.zeros((self.copies, len(self.model.data[name])))
        np.add.at(prices.T, entries.column, duals.T)
        return prices

    def data_array(self, values: Values) -> FloatArray:
        """Return the data of every copy as one array, shape (N, data), zero where linked."""
        array = np.zeros(self.links.shape)
        for name, span in self.model.data.items():
            if name in values and len(span):
                first = span[0] - self.model.decisions
                array[:, first : first + len(span)] = values[name]
        array[self.linked()[0]] = 0.0
        return array

    def right_hand_side(self, data: FloatArray) -> FloatArray:
        """Return rhs minus the data's part of the rows, shape (N, M)."""
        result: FloatArray = self.model.rhs - (self.model.rows_on_data @ data.T).T
        return result

    def add_linear_cost(self, q: FloatArray, data: FloatArray) -> float:
        """Add the weighted gradient at given data to the costs of all columns, and return the weighted constant.

        Parameters
        ----------
        q : array, shape (columns of the program,)
            Changed in place.
        data : array, shape (N, data)
            As from `data_array`.
        """
        if self.model.is_free:
            return 0.0
        gradient, constant = linear_objective(self.model, data)
        gradient *= self.weight[:, None]
        own = self.copies * self.model.decisions
        q[self.first_column : self.first_column + own] += gradient[:, : self.model.decisions].ravel()
        is_linked, columns = self.linked()
        if len(columns):
            np.add.at(q, columns, gradient[:, self.model.decisions :][is_linked])
        return float(self.weight @ constant)


def linear_objective(model: CompiledModel, data: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the gradient over all columns, shape (N, columns), and the constant, shape (N,), at given data."""
    n = model.decisions
    gradient = np.broadcast_to(model.linear, (len(data), model.columns)).copy()
    constant = model.constant + data @ model.linear[n:]
    for mixed in model.mixed_products:  # c·z_here·d_there: linear in z_here
        if len(mixed.row):
            np.add.at(gradient.T, mixed.row, (mixed.value * data[:, mixed.column]).T)
    both = model.data_products
    constant = constant + (both.value * data[:, both.row] * data[:, both.column]).sum(axis=1)
    return gradient, constant
