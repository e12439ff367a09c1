"""Blocks of the connections in a program: all devices of the microgrids (central), or only their exchange."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.dispatch.block import ModelBlock, Values
from agents.dispatch.compiled import PYOMO, CompiledModel, compiled, compiled_once
from agents.dispatch.conic_program import ConicProgram, Solution
from agents.dispatch.connection_problem import ConnectionProblem, Curves, Offers
from agents.dispatch.microgrid_hour import STORES, curve_model, microgrid_hour, offer_model, reactive_model
from agents.dispatch.problem import DispatchProblem
from grids.fleet import Microgrid
from grids.network import Connection, FloatArray, IntArray

EXCHANGE = ("exchange_p_mw", "exchange_q_mvar")
"""Variables that a microgrid shares with the network."""


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
    proximal, scheduled, fits, step_h : float, bool, bool, float
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
        step_h: float = 1.0,
    ) -> None:
        self.shape, self.names = (scenarios, hours), [*EXCHANGE]
        self._members: list[IntArray] = []
        self.model_blocks: list[ModelBlock] = []
        for members, model in _by_kind(microgrids, proximal=proximal, scheduled=scheduled, fits=fits, step_h=step_h):
            block = program.add(model, len(members) * scenarios * hours)
            self._members.append(members)
            self.model_blocks.append(block)
            for store in (*STORES, "ev"):
                if f"{store}_end_mwh" in model.variables:
                    block.link(f"{store}_start_mwh", block.columns_an_hour_before(f"{store}_end_mwh", hours))

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


@dataclass(frozen=True)
class ExchangeModel:
    """Model of the exchange with microgrids in a program, and of the value of stored energy.

    Attributes
    ----------
    kind : {"given", "reactive", "microgrids", "offers", "curves"}
        Decider of the exchange of the connections: nobody, the operator (of reactive power, where active
        power is given), their devices, prices and quantities, or demand curves.
    proximal : float
        ρ of the offers. [$/MW²h]
    steps : int
        Steps of the curves.
    parts : int
        Parts of the functions that value stored energy after the last hour; 0 for none.
    fits : bool
        Whether microgrids charge no more than fits into their stores at any price.
    """

    kind: str = "given"
    proximal: float = 0.0
    steps: int = 0
    parts: int = 0
    fits: bool = False

    @classmethod
    def of(cls, problem: DispatchProblem) -> "ExchangeModel":
        """Return the exchange model that a dispatch problem asks for."""
        parts = 0 if problem.values is None else problem.values.segments
        if problem.community is not None:
            return cls("microgrids", parts=parts, fits=problem.fits)
        if isinstance(problem.offers, Offers):
            return cls("offers", proximal=problem.offers.proximal, parts=parts)
        if isinstance(problem.offers, Curves):
            return cls("curves", steps=problem.offers.width_mw.shape[1], parts=parts)
        asked = problem.exchange_p_mw is not None and problem.exchange_q_mvar is None
        return cls("reactive" if asked else "given", parts=parts)


class ExchangeBlocks:
    """Blocks of microgrids that decide for themselves, as the operator knows them.

    Their exchange has limits, a price and a quantity to stay near (offers); follows their demand curves, in a single
    hour; or has its active power given, and the operator asks for reactive power.

    Parameters
    ----------
    program : ConicProgram
        Program to which the blocks are added.
    connections : sequence of Connection
        The connections. (M,)
    exchange : ExchangeModel
        Its kind is one of ``offers``, ``curves`` and ``reactive``.
    scenarios, hours : int
        S and T.
    step_h : float
        Length of a step. [h]
    """

    def __init__(
        self,
        program: ConicProgram,
        connections: Sequence[Connection],
        exchange: ExchangeModel,
        *,
        scenarios: int,
        hours: int,
        step_h: float = 1.0,
    ) -> None:
        self.shape = (scenarios, hours)
        limits, copies = [connection.exchange_limits() for connection in connections], scenarios * hours
        self._max_q_mvar = np.tile(np.array([q_mvar for _, q_mvar in limits]), copies)[:, None]
        if exchange.kind == "offers":
            models = [compiled(offer_model, *limit, proximal=exchange.proximal, step_h=step_h) for limit in limits]
        else:
            curves, copies = exchange.kind == "curves", copies * len(connections)
            models = [compiled_once(curve_model, exchange.steps, step_h) if curves else compiled_once(reactive_model)]
        self.model_blocks = [program.add(model, copies) for model in models]
        self.names = [name for name in EXCHANGE if name in models[0].variables]

    def columns(self, name: str) -> IntArray:
        """Return the columns of a variable, shape (S, T, M)."""
        return np.concatenate([block.columns(name).reshape(*self.shape, -1) for block in self.model_blocks], axis=2)

    def values(self, problem: DispatchProblem) -> list[Values]:
        """Return the data of every block."""
        offers, limits = problem.offers, {"max_q_mvar": self._max_q_mvar}
        if isinstance(offers, Offers):
            prices = np.moveaxis(offers.cost_per_mwh, 2, 0)
            return [{"exchange_p_cost_per_mwh": price.reshape(-1, 1)} for price in prices]
        if isinstance(offers, Curves):
            least_mw, width_mw = offers.least_mw[:, None], offers.width_mw
            return [{"least_mw": least_mw, "width_mw": width_mw, "price_per_mwh": offers.price_per_mwh, **limits}]
        return [limits]

    def reweigh(self, program: ConicProgram, probability: FloatArray) -> None:
        """Give the scenarios their probabilities."""
        for block in self.model_blocks:
            program.reweigh(block, np.repeat(probability, block.copies // len(probability)))


def _by_kind(
    microgrids: Sequence[Microgrid], *, proximal: float, scheduled: bool, fits: bool, step_h: float
) -> list[tuple[IntArray, CompiledModel]]:
    """Return the positions of microgrids with the same devices, with their one compiled model."""
    kinds: dict[str, list[int]] = {}
    for position, microgrid in enumerate(microgrids):
        kinds.setdefault(microgrid.model_copy(update={"buses": ()}).model_dump_json(), []).append(position)
    return [
        (
            np.array(members, dtype=np.int64),
            compiled_microgrid(kind, proximal=proximal, scheduled=scheduled, fits=fits, step_h=step_h),
        )
        for kind, members in kinds.items()
    ]


_COMPILED: dict[tuple[str, float, bool, bool, float], CompiledModel] = {}


def compiled_microgrid(
    kind: str, *, proximal: float, scheduled: bool, fits: bool, step_h: float = 1.0
) -> CompiledModel:
    """Return the compiled hour of a kind of microgrid (its JSON), compiled once."""
    key = (kind, proximal, scheduled, fits, step_h)
    with PYOMO:  # another thread that needs the same kind meanwhile waits and finds it
        if key not in _COMPILED:
            microgrid = Microgrid.model_validate_json(kind)
            how = {"proximal": proximal, "scheduled": scheduled, "fits": fits, "step_h": step_h}
            _COMPILED[key] = compiled(microgrid_hour, microgrid, **how)
        return _COMPILED[key]
