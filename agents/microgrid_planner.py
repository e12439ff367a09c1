"""The microgrid's own optimisation: what it exchanges at a price, and what its devices do about an agreed exchange."""

from dataclasses import dataclass

import numpy as np

from agents.dispatch.port_situation import PortSituation
from agents.dispatch.port_tiles import MicrogridTiles
from agents.dispatch.program import Program
from grids.microgrid import Microgrid
from grids.network import FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Quote:
    """What the operator says to one microgrid: prices, and quantities to stay near. Nothing else reaches it.

    Attributes
    ----------
    p_price_per_mwh, q_price_per_mvarh : array, shape (S, T)
        What it pays for what it takes from the network. [$/MWh], [$/Mvarh]
    near_p_mw, near_q_mvar : array, shape (S, T)
        What the operator would like to exchange, positive for what the microgrid takes. [MW], [Mvar]
    proximal : float
        ρ of the term ρ/2·(difference)², 0 for a plain price. [$/MW²h]
    """

    p_price_per_mwh: FloatArray
    q_price_per_mvarh: FloatArray
    near_p_mw: FloatArray
    near_q_mvar: FloatArray
    proximal: float

    @classmethod
    def plain(cls, p_price_per_mwh: FloatArray) -> "Quote":
        """Return a price and nothing else; reactive power is free."""
        nothing = np.zeros_like(p_price_per_mwh)
        return cls(
            p_price_per_mwh=p_price_per_mwh,
            q_price_per_mvarh=nothing,
            near_p_mw=nothing,
            near_q_mvar=nothing,
            proximal=0.0,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What a microgrid answers: quantities, positive for what it takes, shape (S, T). [MW], [Mvar]"""

    p_mw: FloatArray
    q_mvar: FloatArray


class MicrogridPlanner:
    """Solves the problems of one microgrid; its programs are kept and given new data.

    Parameters
    ----------
    microgrid : Microgrid
        What it owns.
    """

    def __init__(self, microgrid: Microgrid) -> None:
        self._microgrid = microgrid
        self._programs: dict[object, tuple[Program, MicrogridTiles]] = {}

    def answer(self, situation: PortSituation, probability: FloatArray, quote: Quote) -> Answer:
        """Return what the microgrid would exchange at a quote.

        Parameters
        ----------
        situation : PortSituation
            What it knows, S scenarios and T hours.
        probability : array, shape (S,)
            Probabilities of the scenarios.
        quote : Quote
            Prices and quantities.

        Raises
        ------
        SolverError
            If the solver gives no answer.
        """
        rho = quote.proximal
        costs = {
            "exchange_p_cost_per_mwh": (quote.p_price_per_mwh - rho * quote.near_p_mw).reshape(-1, 1),
            "exchange_q_cost_per_mvarh": (quote.q_price_per_mvarh - rho * quote.near_q_mvar).reshape(-1, 1),
        }
        solved = self._solve(situation, probability, costs, proximal=rho)
        return Answer(p_mw=solved["exchange_p_mw"], q_mvar=solved["exchange_q_mvar"])

    def follow(self, situation: PortSituation, p_mw: FloatArray, q_mvar: FloatArray) -> dict[str, FloatArray]:
        """Return what every device does about an agreed exchange, and what can't be served, shape (T,) each.

        Parameters
        ----------
        situation : PortSituation
            What it knows, one scenario.
        p_mw, q_mvar : array, shape (T,)
            The agreed exchange. [MW], [Mvar]

        Raises
        ------
        SolverError
            If the solver gives no answer.
        """
        agreed = {"scheduled_p_mw": p_mw.reshape(-1, 1), "scheduled_q_mvar": q_mvar.reshape(-1, 1)}
        solved = self._solve(situation, np.ones(1), agreed, scheduled=True)
        return {name: values[0] for name, values in solved.items()}

    def _solve(
        self,
        situation: PortSituation,
        probability: FloatArray,
        data: dict[str, FloatArray],
        *,
        proximal: float = 0.0,
        scheduled: bool = False,
    ) -> dict[str, FloatArray]:
        """Return every variable of the optimum, shape (S, T) each."""
        program, tiles = self._program(situation.shape, proximal, scheduled)
        tiles.reweigh(program, probability)
        solution = program.solve(tiles.values([situation], [data]))
        return {name: solution.x[columns] for name, columns in tiles.device_columns(0).items()}

    def _program(self, shape: tuple[int, int], proximal: float, scheduled: bool) -> tuple[Program, MicrogridTiles]:
        key = (shape, proximal, scheduled)
        if key not in self._programs:
            program = Program()
            tiles = MicrogridTiles(
                program,
                [self._microgrid],
                scenarios=shape[0],
                hours=shape[1],
                proximal=proximal,
                scheduled=scheduled,
            )
            self._programs[key] = program, tiles
        return self._programs[key]
