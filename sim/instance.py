"""Instance of a study: its grid, day, market and random draws, ready to be simulated."""

from dataclasses import dataclass

from grids.build import shared_grid
from grids.network import FloatArray, Grid, GridError
from sim.errors import StudyError
from sim.market.imbalance import ImbalanceRule
from sim.market.tariff import Tariff
from sim.profiles import Profiles, load_profiles
from sim.reduction import reduce_scenarios
from sim.scenarios import Draw, ScenarioSet, draw_scenarios, forecast
from sim.study import Study


@dataclass(frozen=True, eq=False, kw_only=True)
class Instance:
    """Grid, expected day and market of a study, built from its data.

    Attributes
    ----------
    study : Study
        The document.
    grid : Grid
        The network with its fleet.
    profiles : Profiles
        The expected day.
    forecast : ScenarioSet
        The expected day per load and unit, as a set of one scenario.
    """

    study: Study
    grid: Grid
    profiles: Profiles
    forecast: ScenarioSet

    @classmethod
    def of(cls, study: Study) -> "Instance":
        """Return the instance of a study.

        Raises
        ------
        StudyError
            If the network or the profiles can't be used; the message names field and remedy.
        """
        try:
            grid = study_grid(study)
        except GridError as error:
            raise StudyError(f"grid.{study.grid.key}: {error}") from error
        _require_microgrid_profiles(study)
        profiles = load_profiles(study.profiles.file, study.profiles.columns)
        return cls(study=study, grid=grid, profiles=profiles, forecast=forecast(grid, profiles))

    @property
    def rule(self) -> ImbalanceRule:
        """The imbalance rule, for the optimiser and for the settlement."""
        return self.study.market.rule

    @property
    def tariff(self) -> Tariff:
        """The tariff."""
        return self.study.market.tariff

    @property
    def step_prices(self) -> tuple[FloatArray, FloatArray]:
        """Step prices of over- and under-scheduling, shape (24, K) each. [$/MWh]"""
        return self.rule.step_prices(self.profiles.price_per_mwh)

    def draw(self, purpose: Draw, count: int, day: int = 0) -> ScenarioSet:
        """Return scenarios drawn for a purpose; the same every time they are drawn."""
        return draw_scenarios(
            self.grid,
            self.profiles,
            self.study.uncertainty.errors,
            count=count,
            seed=self.study.seed,
            purpose=purpose,
            day=day,
        )

    def kept_scenarios(self, day: int = 0) -> ScenarioSet:
        """Return the training scenarios of a day after reduction, from which the bid is computed."""
        uncertainty = self.study.uncertainty
        drawn = self.draw(Draw.TRAINING, uncertainty.scenarios, day)
        keep = uncertainty.keep if isinstance(uncertainty.keep, int) else len(drawn)
        return reduce_scenarios(drawn, keep, uncertainty.reduction)


def study_grid(study: Study) -> Grid:
    """Return the grid of a study, which is shared with other studies of the same network and fleet.

    Raises
    ------
    GridError
        If the network can't be used.
    """
    spec = study.grid
    feeders = {} if spec.case is None else {"feeders": spec.feeders}
    limits = {"tie_line": spec.tie_line, "voltage": spec.voltage, "line_max_s_mva": spec.line_max_s_mva}
    return shared_grid(spec.source, fleet=study.fleet, **limits, **feeders)


def _require_microgrid_profiles(study: Study) -> None:
    """Refuse a microgrid whose load, heat or output has no profile: it would be zero all day without a word."""
    for k, microgrid in enumerate(study.fleet.microgrid):
        for what in ("load", "heat", "output"):
            peak, column = getattr(microgrid, f"max_{what}_mw"), f"microgrid_{what}_pu"
            if peak > 0 and column not in study.profiles.columns:
                raise StudyError(
                    f"profiles.{column}: is missing, but fleet.microgrid.{k}.max_{what}_mw is {peak}; name the column"
                    f" of {study.profiles.file} that holds it, or set max_{what}_mw to 0"
                )
