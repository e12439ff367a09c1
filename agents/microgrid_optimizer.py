"""Optimizer of a microgrid: its exchange at a price, and the schedule of its devices for an agreed exchange."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from agents.dispatch.conic_program import ConicProgram
from agents.dispatch.connection_blocks import MicrogridBlocks
from agents.dispatch.connection_problem import ConnectionProblem, StoreValues
from agents.dispatch.microgrid_hour import STORES
from agents.dispatch.value_blocks import add_value_blocks
from grids.fleet import Microgrid
from grids.network import FloatArray
from sim.study import SOLVER_TIME_LIMIT_S


@dataclass(frozen=True, eq=False, kw_only=True)
class Quote:
    """Quote of the operator to one microgrid: prices, and quantities to stay near. Nothing else reaches it.

    Attributes
    ----------
    price_per_mwh : array, shape (S, T)
        Price of the power it takes from the network. [$/MWh]
    near_mw : array, shape (S, T)
        Exchange the operator would like, positive for power the microgrid takes. [MW]
    proximal : float
        ρ of the term ρ/2·(difference)², 0 for a plain price. [$/MW²h]
    """

    price_per_mwh: FloatArray
    near_mw: FloatArray
    proximal: float

    @classmethod
    def plain(cls, price_per_mwh: FloatArray) -> "Quote":
        """Return a price and nothing else."""
        return cls(price_per_mwh=price_per_mwh, near_mw=np.zeros_like(price_per_mwh), proximal=0.0)


class MicrogridOptimizer:
    """Optimizer of one microgrid; its programs are kept and given new data.

    Parameters
    ----------
    microgrid : Microgrid
        Its devices and limits.
    time_limit_s : float
        Most time of the solver for one problem. [s]
    step_h : float
        Length of a step. [h]
    """

    def __init__(
        self, microgrid: Microgrid, time_limit_s: float = SOLVER_TIME_LIMIT_S, *, step_h: float = 1.0
    ) -> None:
        self._microgrid, self._time_limit_s, self._step_h = microgrid, time_limit_s, step_h
        self._programs: dict[object, tuple[ConicProgram, MicrogridBlocks]] = {}

    def renewed(self) -> "MicrogridOptimizer":
        """Return another one for the same problems; an agent that was given up may still use this one."""
        return MicrogridOptimizer(self._microgrid, self._time_limit_s, step_h=self._step_h)

    def answer(self, problem: ConnectionProblem, probability: FloatArray, quote: Quote) -> FloatArray:
        """Return the power the microgrid would take at a quote, negative for power it gives, shape (S, T). [MW]

        Reactive power has no part in it: the operator asks for it as it likes, within the announced limits.

        Parameters
        ----------
        problem : ConnectionProblem
            Its data, S scenarios and T hours.
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
        costs = {"exchange_p_cost_per_mwh": (quote.price_per_mwh - rho * quote.near_mw).reshape(-1, 1)}
        fits = bool((quote.price_per_mwh < 0).any())
        return self._solve(problem, probability, costs, proximal=rho, fits=fits)["exchange_p_mw"]

    def demand(self, problem: ConnectionProblem, prices_per_mwh: FloatArray) -> FloatArray:
        """Return the power the microgrid would take in a single hour at each of K prices, shape (K, 1). [MW]

        Parameters
        ----------
        problem : ConnectionProblem
            Its data, one scenario and one hour.
        prices_per_mwh : array, shape (K,)
            Prices. [$/MWh]

        Raises
        ------
        SolverError
            If the solver gives no answer.
        """
        count = len(prices_per_mwh)
        alike: dict[str, Any] = {
            name: np.repeat(getattr(problem, name), count, axis=0) for name in ("load_mw", "heat_mw", "output_mw")
        }
        quote = Quote.plain(prices_per_mwh[:, None])
        return self.answer(replace(problem, **alike), np.ones(count), quote)

    def follow(
        self, problem: ConnectionProblem, p_mw: FloatArray, q_mvar: FloatArray, *, fits: bool = False
    ) -> dict[str, FloatArray]:
        """Return the schedule of every device for an agreed exchange, and the load not served, shape (T,) each.

        Parameters
        ----------
        problem : ConnectionProblem
            Its data, one scenario.
        p_mw, q_mvar : array, shape (T,)
            The agreed exchange. [MW], [Mvar]
        fits : bool
            Whether charging must be limited to what fits into stores, because it was agreed below a price of zero.

        Raises
        ------
        SolverError
            If the solver gives no answer.
        """
        agreed = {"scheduled_p_mw": p_mw.reshape(-1, 1), "scheduled_q_mvar": q_mvar.reshape(-1, 1)}
        solved = self._solve(problem, np.ones(1), agreed, scheduled=True, fits=fits)
        return {name: values[0] for name, values in solved.items()}

    def _solve(
        self,
        problem: ConnectionProblem,
        probability: FloatArray,
        data: dict[str, FloatArray],
        *,
        proximal: float = 0.0,
        scheduled: bool = False,
        fits: bool,
    ) -> dict[str, FloatArray]:
        """Return every variable of the optimum, shape (S, T) each."""
        worth = problem.values
        parts = 0 if worth is None else worth.segments
        program, blocks = self._program(problem.shape, proximal, scheduled, parts, fits)
        blocks.reweigh(program, probability)
        values = blocks.values([problem], [data])
        if worth is not None:
            values.append(StoreValues.joined([worth] * problem.shape[0]).data())
        solution = program.solve(values)
        return {name: solution.x[columns] for name, columns in blocks.device_columns(0).items()}

    def _program(
        self, shape: tuple[int, int], proximal: float, scheduled: bool, parts: int, fits: bool
    ) -> tuple[ConicProgram, MicrogridBlocks]:
        """Return the kept program for a shape and purpose; with `parts`, energy has a value after the last hour."""
        key = (shape, proximal, scheduled, parts, fits)
        if key not in self._programs:
            program = ConicProgram(self._time_limit_s)
            blocks = MicrogridBlocks(
                program,
                [self._microgrid],
                scenarios=shape[0],
                hours=shape[1],
                proximal=proximal,
                scheduled=scheduled,
                fits=fits,
                step_h=self._step_h,
            )
            if parts:
                own = blocks.device_columns(0)
                ends = [own[f"{name}_end_mwh"][:, -1] for name in (*STORES, "ev") if f"{name}_end_mwh" in own]
                add_value_blocks(program, np.array(ends, dtype=np.int64).T.ravel(), parts)
            self._programs[key] = program, blocks
        return self._programs[key]
