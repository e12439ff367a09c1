"""Report of an audit: findings, and the number of values that were checked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Within = float | FloatArray
"""A tolerance, of all values or of each column, shape (K,)."""

ONCE: IntArray = np.array([-1])
"""The hours of values that belong to no hour."""


@dataclass(frozen=True)
class Finding:
    """Finding of an audit: a value that does not hold.

    Attributes
    ----------
    check : str
        Name of the check.
    day, hour : int, int or float
        Market day from 1 and hour ending; 0 where they do not apply.
    where : str
        Unit, bus, line or payment.
    message : str
        Value, limit or expected value, and unit.
    """

    check: str
    day: int
    hour: int | float
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.check} day {self.day} hour {self.hour} {self.where}: {self.message}"


@dataclass(frozen=True)
class LimitCount:
    """Number of limits of one kind that were not kept, and the worst excess.

    Attributes
    ----------
    count : int
        Values beyond their limit by more than the tolerance of :mod:`sim.audit.limits`.
    worst : float
        Largest excess among them, 0 if there is none, in `unit`.
    unit : str
        Of the excess.
    """

    count: int
    worst: float
    unit: str

    def __add__(self, other: "LimitCount") -> "LimitCount":
        """Return the count over both, and the worse of the two."""
        return LimitCount(self.count + other.count, max(self.worst, other.worst), self.unit)


@dataclass(frozen=True)
class AuditReport:
    """Result of an audit.

    Attributes
    ----------
    findings : tuple of Finding
        Errors in the books: a run that has any is not a result.
    limit_violations : tuple of Finding
        Limits that the operation did not keep, which its record does not deny.
    limits : dict of str to LimitCount
        The same counted by kind: ``voltage``, ``line_current``, ``tie_capacity``, ``tie_power_factor``, ``device``.
    hours_beyond : dict of str to int
        Hours in which the operator did not keep a limit, by the status of the decision; microgrids are responsible
        for their own devices.
    checks : dict
        Number of values compared by every check that was made.
    largest : dict
        Largest residual of every check that was made, in the unit of its values.
    taken_as_given : dict
        Facts that were not checked, by name, with the reason.
    notes : tuple of str
        Other remarks, such as files that are none of the run's.
    """

    findings: tuple[Finding, ...]
    limit_violations: tuple[Finding, ...]
    limits: dict[str, LimitCount]
    hours_beyond: dict[str, int]
    checks: dict[str, int]
    largest: dict[str, float]
    taken_as_given: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """True if the books hold (the operation may still have violated limits)."""
        return not self.findings

    def __str__(self) -> str:
        """Return the verdict, and every finding and limit that was not kept, a line each."""
        verdict = "clean" if self.clean else f"{len(self.findings)} finding(s); not a result"
        lines = [f"audit: {verdict} ({sum(self.checks.values()):,} values checked)"]
        lines += [f"  {one}" for one in self.findings]
        kept = f"limits: {len(self.limit_violations):,} not kept" if self.limit_violations else "limits: all kept"
        return "\n".join([*lines, kept, *(f"  {one}" for one in self.limit_violations)])


@dataclass(frozen=True, eq=False)
class Quantity:
    """Quantity that is compared; its values have shape (R, K), or broadcast to it.

    Attributes
    ----------
    what, unit : str
        Quantity, and its unit.
    where : sequence of str
        Names of the columns: units, buses, lines. (K,)
    hours : array, shape (R,), optional
        Step of each row, counted from 0 over the whole run; by default row k is step k.
    """

    what: str
    unit: str
    where: Sequence[str]
    hours: IntArray | None = None

    def show(self, value: float) -> str:
        """Return a value with its unit."""
        return f"{value:.9g} {self.unit}".rstrip()

    def step(self, row: int) -> int:
        """Return the step of a row, below zero for none."""
        return row if self.hours is None else int(self.hours[row])


def _no_time(step: int) -> tuple[int, int | float]:
    return 0, 0


@dataclass
class Checker:
    """Checker that compares values check by check and keeps the findings.

    Attributes
    ----------
    findings, checks, largest
        As in `AuditReport`.
    time : callable
        Returns day and hour ending of a step of the run.
    """

    findings: list[Finding] = field(default_factory=list)
    checks: dict[str, int] = field(default_factory=dict)
    largest: dict[str, float] = field(default_factory=dict)
    time: Callable[[int], tuple[int, int | float]] = _no_time

    def equal(
        self, check: str, stored: npt.ArrayLike, expected: npt.ArrayLike, of: Quantity, *, within: float
    ) -> None:
        """Demand that values are the expected ones within a tolerance."""
        value, target = _table(stored, expected)
        off = np.abs(value - target)

        def text(at: tuple[int, int]) -> str:
            return f"{of.show(value[at])}, expected {of.show(target[at])} (off by {off[at]:.2g})"

        self._enter(check, off, within, of, text)

    def at_most(
        self, check: str, stored: npt.ArrayLike, limit: npt.ArrayLike, of: Quantity, *, within: Within
    ) -> None:
        """Demand that values exceed a limit by no more than a tolerance."""
        value, most = _table(stored, limit)
        self._enter(check, value - most, within, of, lambda k: _beyond(of, value[k], "above", most[k]))

    def at_least(
        self, check: str, stored: npt.ArrayLike, limit: npt.ArrayLike, of: Quantity, *, within: Within
    ) -> None:
        """Demand that values fall short of a limit by no more than a tolerance."""
        value, least = _table(stored, limit)
        self._enter(check, least - value, within, of, lambda k: _beyond(of, value[k], "below", least[k]))

    def between(
        self,
        check: str,
        stored: npt.ArrayLike,
        limits: tuple[npt.ArrayLike, npt.ArrayLike],
        of: Quantity,
        *,
        within: Within,
    ) -> None:
        """Demand that values leave the range between two limits by no more than a tolerance."""
        self.at_least(check, stored, limits[0], of, within=within)
        self.at_most(check, stored, limits[1], of, within=within)

    def finite(self, check: str, stored: npt.ArrayLike, of: Quantity) -> None:
        """Demand that values are finite numbers."""
        value, _ = _table(stored, 0.0)
        bad = np.where(np.isfinite(value), 0.0, 1.0)
        self._enter(check, bad, 0.0, of, lambda k: f"{of.show(value[k])}, must be a finite number")

    def note(self, check: str, where: str, message: str) -> None:
        """Take down a finding that belongs to no particular hour."""
        self.findings.append(Finding(check, 0, 0, where, message))

    def _enter(
        self, check: str, excess: FloatArray, within: Within, of: Quantity, text: Callable[[tuple[int, int]], str]
    ) -> None:
        excess = np.where(np.isnan(excess), np.inf, excess)  # a value that can't be compared does not hold
        self.checks[check] = self.checks.get(check, 0) + excess.size
        self.largest[check] = max(self.largest.get(check, 0.0), float(excess.max(initial=0.0)))
        for row, column in np.argwhere(excess > within).tolist():
            message = f"{of.what} is {text((row, column))}"
            step = of.step(row)
            when = self.time(step) if step >= 0 else (0, 0)
            self.findings.append(Finding(check, *when, of.where[column], message))


def _beyond(of: Quantity, value: float, side: str, limit: float) -> str:
    return f"{of.show(value)}, {side} the limit of {of.show(limit)}"


def _table(value: npt.ArrayLike, other: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return two values broadcast to one shape (R, K)."""
    one, two = np.broadcast_arrays(np.asarray(value, dtype=np.float64), np.asarray(other, dtype=np.float64))
    return np.atleast_2d(one), np.atleast_2d(two)
