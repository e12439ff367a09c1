"""What stands behind the ports in a program: all devices of the microgrids (central), or only their exchange."""

import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from agents.dispatch.compiled import CompiledModel, compile_model
from agents.dispatch.microgrid_hour import STORES, microgrid_hour, offer_model
from agents.dispatch.port_situation import Offers, PortSituation
from agents.dispatch.program import UNLINKED, Group, Program, Values
from grids.microgrid import Microgrid
from grids.network import FloatArray, IntArray, Port


class PortTiles(Protocol):
    """Groups of a program that decide what the ports exchange."""

    @property
    def groups(self) -> list[Group]:
        """The groups, in the order of `values`."""
        ...

    def columns(self, name: str) -> IntArray:
        """Return the columns of ``exchange_p_mw`` or ``exchange_q_mvar``, shape (S, T, M)."""
        ...


class MicrogridTiles:
    """All devices of microgrids, tiled over scenarios and hours and linked by their stores.

    Parameters
    ----------
    program : Program
        Where the tiles go.
    microgrids : sequence of Microgrid
        What stands behind the ports, in their order. (M,)
    scenarios, hours : int
        S and T.
    proximal, scheduled : float, bool
        See :func:`agents.dispatch.microgrid_hour.microgrid_hour`.
    """

    def __init__(
        self,
        program: Program,
        microgrids: Sequence[Microgrid],
        *,
        scenarios: int,
        hours: int,
        proximal: float = 0.0,
        scheduled: bool = False,
    ) -> None:
        self.shape = (scenarios, hours)
        self._members: list[IntArray] = []
        self.groups: list[Group] = []
        for members, model in _by_kind(microgrids, proximal=proximal, scheduled=scheduled):
            group = program.add(model, len(members) * scenarios * hours)
            self._members.append(members)
            self.groups.append(group)
            for store in (*STORES, "ev"):
                if f"{store}_end_mwh" in model.variables:
                    group.link(f"{store}_start_mwh", self._from_hour_before(group, f"{store}_end_mwh"))

    def columns(self, name: str) -> IntArray:
        """Return the columns of a variable that every microgrid has, shape (S, T, M)."""
        total = sum(len(members) for members in self._members)
        columns = np.empty((*self.shape, total), dtype=np.int64)
        for group, members in zip(self.groups, self._members, strict=True):
            own = group.columns(name).reshape(len(members), *self.shape)
            columns[:, :, members] = np.moveaxis(own, 0, 2)
        return columns

    def device_columns(self, port: int) -> dict[str, IntArray]:
        """Return the columns of all variables of one microgrid, shape (S, T) each."""
        for group, members in zip(self.groups, self._members, strict=True):
            if port in members:
                place = int(np.flatnonzero(members == port)[0])
                count = self.shape[0] * self.shape[1]
                mine = slice(place * count, (place + 1) * count)
                return {name: group.columns(name)[mine, 0].reshape(self.shape) for name in group.model.variables}
        raise IndexError(f"there is no port {port}")

    def values(self, situations: Sequence[PortSituation], extra: Sequence[Values] | None = None) -> list[Values]:
        """Return the data of every group.

        Parameters
        ----------
        situations : sequence of PortSituation
            Of all microgrids. (M,)
        extra : sequence of mappings, optional
            Further data of each microgrid, such as prices, shape (S * T, 1).
        """
        data = [one.data() | dict(more) for one, more in zip(situations, extra or [{}] * len(situations), strict=True)]
        return [
            {
                name: np.concatenate([data[m][name] for m in members])
                for name in group.model.data
                if all(name in data[m] for m in members)
            }
            for group, members in zip(self.groups, self._members, strict=True)
        ]

    def reweigh(self, program: Program, probability: FloatArray) -> None:
        """Give the scenarios their probabilities."""
        for group, members in zip(self.groups, self._members, strict=True):
            program.reweigh(group, np.tile(np.repeat(probability, self.shape[1]), len(members)))

    def _from_hour_before(self, group: Group, name: str) -> IntArray:
        """Return the columns of a variable one hour earlier, `UNLINKED` in the first hour."""
        columns = group.columns(name).reshape(-1, self.shape[1])
        shifted = np.full_like(columns, UNLINKED)
        shifted[:, 1:] = columns[:, :-1]
        return shifted.reshape(-1, 1)


class OfferTiles:
    """What the operator knows of its microgrids: limits, prices and quantities.

    Parameters
    ----------
    program : Program
        Where the tiles go.
    ports : sequence of Port
        The ports. (M,)
    scenarios, hours : int
        S and T.
    proximal : float
        ρ of the term ρ/2·(P² + Q²). [$/MW²h]
    """

    def __init__(
        self, program: Program, ports: Sequence[Port], *, scenarios: int, hours: int, proximal: float
    ) -> None:
        self.shape = (scenarios, hours, len(ports))
        self.groups = [
            program.add(compile_model(offer_model(*exchange_limits(port), proximal=proximal)), scenarios * hours)
            for port in ports
        ]

    def columns(self, name: str) -> IntArray:
        """Return the columns of ``exchange_p_mw`` or ``exchange_q_mvar``, shape (S, T, M)."""
        return np.stack([group.columns(name).reshape(self.shape[:2]) for group in self.groups], axis=2)

    def values(self, offers: Offers) -> list[Values]:
        """Return the data of every group."""
        count = self.shape[0] * self.shape[1]
        return [
            {
                "exchange_p_cost_per_mwh": offers.p_cost_per_mwh[:, :, m].reshape(count, 1),
                "exchange_q_cost_per_mvarh": offers.q_cost_per_mvarh[:, :, m].reshape(count, 1),
            }
            for m in range(self.shape[2])
        ]

    def reweigh(self, program: Program, probability: FloatArray) -> None:
        """Give the scenarios their probabilities."""
        for group in self.groups:
            program.reweigh(group, np.repeat(probability, self.shape[1]))


def exchange_limits(port: Port) -> tuple[float, float]:
    """Return what a microgrid tells the operator when it is connected: its largest P and Q. [MW], [Mvar]"""
    diesel = port.microgrid.diesel
    return port.microgrid.max_exchange_mw, 0.0 if diesel is None else diesel.max_q_mvar


def _by_kind(
    microgrids: Sequence[Microgrid], *, proximal: float, scheduled: bool
) -> list[tuple[IntArray, CompiledModel]]:
    """Return the positions of microgrids with the same devices, with their one compiled model."""
    kinds: dict[str, list[int]] = {}
    for position, microgrid in enumerate(microgrids):
        kinds.setdefault(microgrid.model_copy(update={"buses": ()}).model_dump_json(), []).append(position)
    return [
        (
            np.array(members, dtype=np.int64),
            compiled_microgrid(kind, proximal=proximal, scheduled=scheduled),
        )
        for kind, members in kinds.items()
    ]


_COMPILING = threading.Lock()
_COMPILED: dict[tuple[str, float, bool], CompiledModel] = {}


def compiled_microgrid(kind: str, *, proximal: float, scheduled: bool) -> CompiledModel:
    """Return the compiled hour of a kind of microgrid (its JSON), compiled once."""
    key = (kind, proximal, scheduled)
    with _COMPILING:  # Pyomo builds one model at a time
        if key not in _COMPILED:
            microgrid = Microgrid.model_validate_json(kind)
            _COMPILED[key] = compile_model(microgrid_hour(microgrid, proximal=proximal, scheduled=scheduled))
        return _COMPILED[key]
