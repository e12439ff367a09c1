"""pandapower's Newton-Raphson, prepared once for a network and run as often as the injections change.

Of the milliseconds that `runpp` takes for a small network nearly all go into tables, and into devices the network
does not have. The iteration is done here with pandapower's own parts: its admittance matrix, mismatch and test of
convergence, in the order of `pandapower.pypower.newtonpf.newtonpf`, to the last bit of its answer. The Jacobian is
filled here: its pattern never changes, so that it takes no compiler (numba) to be quick.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.linalg import spsolve

from grids.network import ComplexArray, IntArray

if TYPE_CHECKING:
    from pandapower import pandapowerNet

TOLERANCE = 1e-9
"""Largest mismatch of a solved power flow, in p.u. of pandapower's base power."""

MOST_ITERATIONS = 10

_SELF_TEST_PU = 1e-8

Solve = Callable[[ComplexArray], ComplexArray | None]
"""Returns the complex voltages for complex injections in MVA, both in pandapower's order, or None without solution."""


def newton(net: pandapowerNet, injection_mva: ComplexArray | None) -> Solve | None:
    """Return a solver for a net on which `runpp` has just been run.

    Every answer starts from the voltages of that run, so it does not depend on earlier ones.

    Parameters
    ----------
    net : pandapowerNet
        Without anything but loads, generators of given power and one main grid.
    injection_mva : array, shape (B,), or None
        The injections of that run, in pandapower's order; they test what is returned here. None: as pandapower has
        kept them. [MVA]

    Returns
    -------
    callable or None
        None if this pandapower is made otherwise than expected, or its parts do not give its own answer.
    """
    try:
        internal = net._ppc["internal"]
        solve = _solver(internal)
        if injection_mva is None:
            injection_mva = internal["Sbus"] * internal["baseMVA"]
        again = solve(injection_mva)
        wanted = internal["V"]
    except (ImportError, AttributeError, KeyError, TypeError, ValueError, IndexError):
        return None
    if again is None or again.shape != wanted.shape or np.abs(again - wanted).max() > _SELF_TEST_PU:
        return None
    return solve


def _solver(internal: dict[str, Any]) -> Solve:
    """Return Newton's method on the matrices that `runpp` keeps in the net."""
    from pandapower.pypower.newtonpf import _check_for_convergence, _evaluate_Fx

    Y, start, base_mva = internal["Ybus"].tocsr(), internal["V"].copy(), internal["baseMVA"]
    ref, pv, pq = internal["ref"], internal["pv"], internal["pq"]
    free: IntArray = np.r_[pv, pq]
    jacobian = _jacobian(Y, free, pq)

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


def _jacobian(admittance: Any, free: IntArray, pq: IntArray) -> Callable[[ComplexArray], csr_array]:
    """Return the Jacobian of the mismatches as a function of the voltages.

    With S = V conj(Y V), it holds dS/dθ and dS/d|V| where Y, the admittance, has entries: real parts of
    the buses whose angle is free above imaginary parts of those whose magnitude is. Where each goes is found once.
    """
    row = np.repeat(np.arange(admittance.shape[0]), np.diff(admittance.indptr))
    column, diagonal = admittance.indices, np.flatnonzero(row == admittance.indices)
    own = row[diagonal]
    angle_at, magnitude_at = np.full((2, admittance.shape[0]), -1)
    angle_at[free], magnitude_at[pq] = np.arange(len(free)), len(free) + np.arange(len(pq))
    blocks = [(angle_at, angle_at), (angle_at, magnitude_at), (magnitude_at, angle_at), (magnitude_at, magnitude_at)]
    used = [np.flatnonzero((down[row] >= 0) & (across[column] >= 0)) for down, across in blocks]
    at = [(down[row[k]], across[column[k]]) for (down, across), k in zip(blocks, used, strict=True)]
    place = tuple(np.concatenate(part).astype(np.int32) for part in zip(*at, strict=True))
    size = len(free) + len(pq)
    matrix = coo_array((np.arange(len(place[0]), dtype=np.float64), place), shape=(size, size)).tocsr()
    order = matrix.data.astype(np.int64)

    def filled(voltage: ComplexArray) -> csr_array:
        unit, current = voltage / np.abs(voltage), admittance @ voltage
        by_magnitude = _times(_times(admittance.data, unit[column]).conj(), voltage[row])
        by_magnitude[diagonal] += _times(current[own].conj(), unit[own])
        by_angle = _times(admittance.data, voltage[column])
        by_angle[diagonal] -= current[own]
        by_angle = _times(by_angle.conj(), -1j * voltage[row])
        parts = by_angle.real, by_magnitude.real, by_angle.imag, by_magnitude.imag
        values = np.concatenate([part[k] for part, k in zip(parts, used, strict=True)])
        jacobian = copy(matrix)  # one power flow may serve several threads
        jacobian.data = values[order]
        return jacobian

    return filled


def _times(one: ComplexArray, other: ComplexArray) -> ComplexArray:
    """Return a product rounded as compiled code does: numpy's own fuses steps where the processor can."""
    product = np.empty(len(one), dtype=np.complex128)
    product.real = one.real * other.real - one.imag * other.imag
    product.imag = one.real * other.imag + one.imag * other.real
    return product
