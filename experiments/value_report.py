"""Report on the value of a bid: the results of `experiments.stochastic_value`, and figures derived from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from experiments.confidence import Estimate
from grids.network import FloatArray
from sim.risk import cvar
from sim.scenarios import ScenarioSet
from sim.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class SolutionValue:
    """Profits that frame the study's bid over its kept scenarios: WS, RP and EEV.

    Attributes
    ----------
    ws, rp, eev : float
        Expected profit with foresight, of the study's bid, and of the forecast's bid. [$]
    rp_gap : float
        Bound on the profit that any other bid can earn above `rp`. [$]
    """

    ws: float
    rp: float
    eev: float
    rp_gap: float

    @property
    def evpi(self) -> float:
        """Expected value of perfect information. [$]"""
        return self.ws - self.rp

    @property
    def vss(self) -> float:
        """Value of the stochastic solution. [$]"""
        return self.rp - self.eev


@dataclass(frozen=True, eq=False, kw_only=True)
class Contender:
    """A bid to be compared.

    Attributes
    ----------
    strategy : str
        Bidding strategy.
    scenarios : ScenarioSet
        Scenarios it is computed from.
    keep : int or None
        Their number; None if they are the forecast.
    """

    strategy: str
    scenarios: ScenarioSet
    keep: int | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Trial:
    """Results of a contender, with the AC network and the best dispatch for every scenario.

    Attributes
    ----------
    contender : Contender
        The bid's strategy and scenarios.
    bid_mw : array, shape (24,)
        The bid, positive for import. [MW]
    gap : float
        Bound on the additional profit of any other bid over its scenarios, in the strategy's model. [$]
    training : float
        Expected profit over the scenarios it was computed from. [$]
    profits : array, shape (N,)
        Profit in every test scenario. [$]
    beyond_limits, inexact : int
        Test scenarios in which no dispatch met all limits, and in which the plan is not physically exact.
    """

    contender: Contender
    bid_mw: FloatArray
    gap: float
    training: float
    profits: FloatArray
    beyond_limits: int
    inexact: int

    @property
    def test(self) -> Estimate:
        """Profit over the test scenarios."""
        return Estimate.of(self.profits)

    @property
    def optimism(self) -> float:
        """Profit the bid promises over its own scenarios and does not earn in the test. [$]"""
        return self.training - self.test.mean


@dataclass(frozen=True, eq=False, kw_only=True)
class ValueReport:
    """The value of a study's bid.

    Attributes
    ----------
    study : Study
        The study.
    solution : SolutionValue
        WS, RP and EEV.
    trials : sequence of Trial
        The basic bid (unless the study's own is one), the forecast's bid, and one bid per number of kept scenarios.
    reference : Trial
        That of the study's bid.
    seconds : dict
        Time it took, in ``total``.
    """

    study: Study
    solution: SolutionValue
    trials: Sequence[Trial]
    reference: Trial
    seconds: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        evpi, vss = self.solution.evpi, self.solution.vss
        return f"<Value of the bid of {self.study.name}: VSS ${vss:,.2f}, EVPI ${evpi:,.2f}; {len(self.trials)} bids>"

    def plot(self) -> "Figure":
        """Return the value of information, and of keeping more scenarios, as a figure."""
        from experiments.figures.value import value_figure

        return value_figure(self)

    def difference(self, trial: Trial) -> Estimate:
        """Return the additional profit of a bid over the study's, test scenario by test scenario. [$]"""
        return Estimate.of(trial.profits - self.reference.profits)

    def tail(self, trial: Trial) -> float:
        """Return the mean profit of a bid in its worst test scenarios, at the study's CVaR level. [$]"""
        count = len(trial.profits)
        return -cvar(-trial.profits, np.full(count, 1 / count), self.study.risk.cvar_level)

    def label(self, trial: Trial) -> str:
        """Return a short name of the scenarios a bid is made from."""
        contender = trial.contender
        if contender.keep is None:
            return "forecast"
        own = contender.strategy == self.study.bidding
        return str(contender.keep) if own else f"{contender.keep}, {contender.strategy}"
