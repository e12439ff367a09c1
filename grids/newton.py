"""pandapower's Newton-Raphson, prepared once for a network and asked as often as the injections change.

Of the milliseconds that `runpp` takes for a small network nearly all go into tables, and into devices the network
does not have. What counts is done here with pandapower's own parts: its admittance matrix, mismatch, Jacobian (by
numba) and test of convergence, in the order of `pandapower.pypower.newtonpf.newtonpf`, to the last bit of its answer.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandapower as pp
from scipy.sparse.linalg import spsolve

from grids.network import ComplexArray, FloatArray, IntArray

TOLERANCE = 1e-9
"""Largest mismatch of a solved power flow, in p.u. of pandapower's base power."""

MOST_ITERATIONS = 10

_SELF_TEST_PU = 1e-8

Solve = Callable[[ComplexArray], ComplexArray | None]
"""Returns the complex voltages for complex injections in MVA, both in pandapower's order, or None without solution."""


def newton(net: pp.pandapowerNet, injection_mva: ComplexArray) -> Solve | None:
    """Return a solver for a net on which `runpp` has just been run.

    Every answer starts from the voltages of that run, so it does not depend on what was asked before.

    Parameters
    ----------
    net : pandapowerNet
        Without anything but loads, generators of given power and one main grid.
    injection_mva : array, shape (B,)
        The injections of that run, in pandapower's order; they test what is returned here. [MVA]

    Returns
    -------
    callable or None
        None if this pandapower is made otherwise than expected, or its parts do not give its own answer.
    """
    try:
        solve = _solver(net._ppc["internal"], numba=bool(net._options["numba"]))
        again = solve(injection_mva)
        wanted = net._ppc["internal"]["V"]
    except (ImportError, AttributeError, KeyError, TypeError, ValueError, IndexError):
        return None
    if again is None or again.shape != wanted.shape or np.abs(again - wanted).max() > _SELF_TEST_PU:
        return None
    return solve


def _solver(internal: dict[str, Any], *, numba: bool) -> Solve:
    """Return Newton's method on the matrices that `runpp` leaves behind."""
    from pandapower.pf.create_jacobian import create_jacobian_matrix, get_fastest_jacobian_function
    from pandapower.pypower.newtonpf import _check_for_convergence, _evaluate_Fx

    Y, start, base_mva = internal["Ybus"].tocsr(), internal["V"].copy(), internal["baseMVA"]
    ref, pv, pq = internal["ref"], internal["pv"], internal["pq"]
    free, every = np.r_[pv, pq], np.r_[ref, pv, pq]
    counts = len(ref), len(pv), len(pq)
    lookup: IntArray = np.zeros(len(start), dtype=np.int64)
    lookup[free] = np.arange(len(free))
    kind = get_fastest_jacobian_function(free, pq, numba, False)
    no_weights: FloatArray = np.zeros(len(start))

    def jacobian(voltage: ComplexArray) -> Any:
        return create_jacobian_matrix(
            Y, voltage, ref, every, free, pq, kind, lookup, *counts, numba, no_weights, False
        )

    def solve(injection_mva: ComplexArray) -> ComplexArray | None:
        voltage: ComplexArray = start
        injection = injection_mva / base_mva
        for _ in range(MOST_ITERATIONS + 1):
            mismatch = _evaluate_Fx(Y, voltage, injection, ref, pv, pq)
            if _check_for_convergence(mismatch, TOLERANCE):
                return voltage
            step = -spsolve(jacobian(voltage), mismatch)
            angle, magnitude = np.angle(voltage), np.abs(voltage)
            angle[free] += step[: len(free)]
            magnitude[pq] += step[len(free) :]
            voltage = magnitude * np.exp(1j * angle)
        return None

    return solve
