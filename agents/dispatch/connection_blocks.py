"""Blocks of the connections in a program: all devices of the microgrids (central), or only their exchange."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from agents.dispatch.block import UNLINKED, ModelBlock, Values
from agents.dispatch.compiled import PYOMO, CompiledModel, compiled
from agents.dispatch.conic_program import ConicProgram, Solution
from agents.dispatch.connection_problem import ConnectionProblem, Curves, Offers
from agents.dispatch.microgrid_hour import STORES, curve_model, microgrid_hour, offer_model, reactive_model
from grids.fleet import Microgrid
from grids.network import Connection, FloatArray, IntArray


class MicrogridBlocks:
    """Blocks of all devices of microgrids, repeated over scenarios and hours and linked by their stores.

    Parameters
    ----------
    program : ConicProgram
        Program to which the blocks are added.
    microgrids : sequence of Microgrid
        Microgrids in the order of the connections. (M,)
    scenarios, hours : int
        S and T.
    proximal, scheduled, fits : float, bool, bool
        See :func:`agents.dispatch.microgrid_hour.microgrid_hour`.
    """

    def __init__(
        self,
        program: ConicProgram,
        microgrids: Sequence[Microgrid],
        *,
        scenarios: int,
        hours: int,
        proximal: float = 0.0,
        scheduled: bool = False,
        fits: bool = True,
    ) -> None:
        self.shape = (scenarios, hours)
        self._members: list[IntArray] = []
        self.model_blocks: list[ModelBlock] = []
        for members, model in _by_kind(microgrids, proximal=proximal, scheduled=scheduled, fits=fits):
            block = program.add(model, len(members) * scenarios * hours)
            self._members.append(members)
            self.model_blocks.append(block)
            for store in (*STORES, "ev"):
                if f"{store}_end_mwh" in model.variables:
                    block.link(f"{store}_start_mwh", self._from_hour_before(block, f"{store}_end_mwh"))

    def columns(self, name: str) -> IntArray:
        """Return the columns of a variable that every microgrid has, shape (S, T, M)."""
        total = sum(len(members) for members in self._members)
        columns = np.empty((*self.shape, total), dtype=np.int64)
        for block, members in zip(self.model_blocks, self._members, strict=True):
            own = block.columns(name).reshape(len(members), *self.shape)
            columns[:, :, members] = np.moveaxis(own, 0, 2)
        return columns

    def store_columns(self) -> IntArray:
        """Return the columns of the energy of all stores at the end of each hour of the first scenario, shape (T, N).

        Connection by connection, each in the order of ``battery``, ``thermal_storage``, ``ev``.
        """
        total = sum(len(members) for members in self._members)
        columns = []
        for connection in range(total):
            own = self.device_columns(connection)
            columns += [own[f"{name}_end_mwh"][0] for name in (*STORES, "ev") if f"{name}_end_mwh" in own]
        return np.array(columns, dtype=np.int64).reshape(-1, self.shape[1]).T

    def store_prices(self, program: ConicProgram, solution: Solution) -> FloatArray:
        """Return the derivative of the optimum by the energy of every store at the start of each hour, shape (T, N).

        In the order of `store_columns`, for the first scenario. [$/MWh]
        """
        first_row = program.first_rows()
        prices: list[list[FloatArray]] = [[] for _ in range(sum(len(members) for members in self._members))]
        for name in (*STORES, "ev"):
            for block, members in zip(self.model_blocks, self._members, strict=True):
                if f"{name}_start_mwh" in block.model.data:
                    begin = first_row[id(block)]
                    duals = solution.z[begin : begin + block.copies * len(block.model.rhs)]
                    own = block.data_prices(duals, f"{name}_start_mwh").reshape(len(members), *self.shape)
                    for connection, price in zip(members, own[:, 0], strict=True):
                        prices[connection].append(price)
        return np.array([price for own in prices for price in own]).reshape(-1, self.shape[1]).T

    def device_columns(self, connection: int) -> dict[str, IntArray]:
        """Return the columns of all variables of one microgrid, shape (S, T) each."""
        for block, members in zip(self.model_blocks, self._members, strict=True):
            if connection in members:
                place = int(np.flatnonzero(members == connection)[0])
                count = self.shape[0] * self.shape[1]
                mine = slice(place * count, (place + 1) * count)
                return {name: block.columns(name)[mine, 0].reshape(self.shape) for name in block.model.variables}
        raise IndexError(f"there is no connection {connection}")

    def values(self, problems: Sequence[ConnectionProblem], extra: Sequence[Values] | None = None) -> list[Values]:
        """Return the data of every block.

        Parameters
        ----------
        problems : sequence of ConnectionProblem
            Of all microgrids. (M,)
        extra : sequence of mappings, optional
            Further data of each microgrid, such as prices, shape (S * T, 1).
        """
        data = [one.data() | dict(more) for one, more in zip(problems, extra or [{}] * len(problems), strict=True)]
        return [
            {
                name: np.concatenate([data[m][name] for m in members])
                for name in block.model.data
                if all(name in data[m] for m in members)
            }
            for block, members in zip(self.model_blocks, self._members, strict=True)
        ]

    def reweigh(self, program: ConicProgram, probability: FloatArray) -> None:
        """Give the scenarios their probabilities."""
        for block, members in zip(self.model_blocks, self._members, strict=True):
            program.reweigh(block, np.tile(np.repeat(probability, self.shape[1]), len(members)))

    def _from_hour_before(self, block: ModelBlock, name: str) -> IntArray:
        """Return the columns of a variable one hour earlier, `UNLINKED` in the first hour."""
        columns = block.columns(name).reshape(-1, self.shape[1])
        shifted = np.full_like(columns, UNLINKED)
        shifted[:, 1:] = columns[:, :-1]
        return shifted.reshape(-1, 1)


class OfferBlocks:
    """Blocks of microgrids as the operator knows them: limits, prices and quantities.

    Parameters
    ----------
    program : ConicProgram
        Program to which the blocks are added.
    connections : sequence of Connection
        The connections. (M,)
    scenarios, hours : int
        S and T.
    proximal : float
        ρ of the term ρ/2·P². [$/MW²h]
    """

    def __init__(
        self, program: ConicProgram, connections: Sequence[Connection], *, scenarios: int, hours: int, proximal: float
    ) -> None:
        self.shape = (scenarios, hours, len(connections))
        self.model_blocks = [
            program.add(compiled(offer_model, *connection.exchange_limits(), proximal=proximal), scenarios * hours)
            for connection in connections
        ]

    def columns(self, name: str) -> IntArray:
        """Return the columns of ``exchange_p_mw`` or ``exchange_q_mvar``, shape (S, T, M)."""
        return np.stack([block.columns(name).reshape(self.shape[:2]) for block in self.model_blocks], axis=2)

    def values(self, offers: Offers) -> list[Values]:
        """Return the data of every block."""
        count = self.shape[0] * self.shape[1]
        return [
            {"exchange_p_cost_per_mwh": offers.cost_per_mwh[:, :, m].reshape(count, 1)} for m in range(self.shape[2])
        ]

    def reweigh(self, program: ConicProgram, probability: FloatArray) -> None:
        """Give the scenarios their probabilities."""
        for block in self.model_blocks:
            program.reweigh(block, np.repeat(probability, self.shape[1]))


class ReactiveBlocks:
    """Blocks of the reactive power the operator may ask of microgrids whose active power is given.

    Parameters
    ----------
    program : ConicProgram
        Program to which the blocks are added.
    connections : sequence of Connection
        The connections. (M,)
    scenarios, hours : int
        S and T.
    """

    def __init__(
        self, program: ConicProgram, connections: Sequence[Connection], *, scenarios: int, hours: int
    ) -> None:
        self.shape = (scenarios, hours, len(connections))
        self._max_q_mvar = np.array([connection.exchange_limits()[1] for connection in connections])
        self.model_blocks = [program.add(compiled_reactive(), scenarios * hours * len(connections))]

    def columns(self, name: str) -> IntArray:
        """Return the columns of ``exchange_q_mvar``, shape (S, T, M)."""
        return self.model_blocks[0].columns(name).reshape(self.shape)

    def values(self) -> list[Values]:
        """Return the data of the one block."""
        limit = np.tile(self._max_q_mvar, self.shape[0] * self.shape[1])
        return [{"max_q_mvar": limit[:, None]}]

    def reweigh(self, program: ConicProgram, probability: FloatArray) -> None:
        """Do nothing: reactive power has no cost."""


@cache
def compiled_reactive() -> CompiledModel:
    """Return the compiled :func:`agents.dispatch.microgrid_hour.reactive_model`."""
    return compiled(reactive_model)


class CurveBlocks:
    """Blocks of microgrids that submitted demand curves, in a program of one scenario and hour.

    Parameters
    ----------
    program : ConicProgram
        Program to which the blocks are added.
    connections : sequence of Connection
        The connections. (M,)
    segments : int
        Steps of each curve.
    """

    def __init__(self, program: ConicProgram, connections: Sequence[Connection], segments: int) -> None:
        self._max_q_mvar = np.array([connection.exchange_limits()[1] for connection in connections])
        self.model_blocks = [program.add(compiled_curve(segments), len(connections))]

    def columns(self, name: str) -> IntArray:
        """Return the columns of ``exchange_p_mw`` or ``exchange_q_mvar``, shape (1, 1, M)."""
        return self.model_blocks[0].columns(name).reshape(1, 1, -1)

    def values(self, curves: Curves) -> list[Values]:
        """Return the data of the one block."""
        return [
            {
                "least_mw": curves.least_mw[:, None],
                "width_mw": curves.width_mw,
                "price_per_mwh": curves.price_per_mwh,
                "max_q_mvar": self._max_q_mvar[:, None],
            }
        ]

    def reweigh(self, program: ConicProgram, probability: FloatArray) -> None:
        """Do nothing: there is one scenario."""


@cache
def compiled_curve(segments: int) -> CompiledModel:
    """Return the compiled :func:`agents.dispatch.microgrid_hour.curve_model`."""
    return compiled(curve_model, segments)


def _by_kind(
    microgrids: Sequence[Microgrid], *, proximal: float, scheduled: bool, fits: bool
) -> list[tuple[IntArray, CompiledModel]]:
    """Return the positions of microgrids with the same devices, with their one compiled model."""
    kinds: dict[str, list[int]] = {}
    for position, microgrid in enumerate(microgrids):
        kinds.setdefault(microgrid.model_copy(update={"buses": ()}).model_dump_json(), []).append(position)
    return [
        (
            np.array(members, dtype=np.int64),
            compiled_microgrid(kind, proximal=proximal, scheduled=scheduled, fits=fits),
        )
        for kind, members in kinds.items()
    ]


_COMPILED: dict[tuple[str, float, bool, bool], CompiledModel] = {}


def compiled_microgrid(kind: str, *, proximal: float, scheduled: bool, fits: bool) -> CompiledModel:
    """Return the compiled hour of a kind of microgrid (its JSON), compiled once."""
    key = (kind, proximal, scheduled, fits)
    with PYOMO:  # another thread that needs the same kind meanwhile waits and finds it
        if key not in _COMPILED:
            microgrid = Microgrid.model_validate_json(kind)
            _COMPILED[key] = compiled(microgrid_hour, microgrid, proximal=proximal, scheduled=scheduled, fits=fits)
        return _COMPILED[key]
