"""Public face of Tieline, for scripts, notebooks and the documentation.

>>> import tieline as tl
>>> day = tl.run("microgrid33", policy="myopic", scenarios=10, keep=2)
>>> day.money["profit"] > 2000
True

Every name is loaded when it is first used. The command line ``tieline`` is a thin layer over the same functions.
"""

from difflib import get_close_matches
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.anm import policy_class as policy  # noqa: F401
    from agents.bidding import strategy as strategy
    from experiments.bid import bid as bid
    from experiments.catalog import list_coordinations as list_coordinations
    from experiments.catalog import list_networks as list_networks
    from experiments.catalog import list_policies as list_policies
    from experiments.catalog import list_rules as list_rules
    from experiments.catalog import list_strategies as list_strategies
    from experiments.catalog import list_studies as list_studies
    from experiments.catalog import list_sweeps as list_sweeps
    from experiments.catalog import load_study as load_study
    from experiments.compare import compare as compare
    from experiments.evaluation import evaluate as evaluate
    from experiments.reproduce.command import reproduce as reproduce
    from experiments.scenario_scores import score_scenarios as score_scenarios
    from experiments.simulate import Run as Run
    from experiments.simulate import run as run
    from experiments.sweeps.command import report as report
    from experiments.sweeps.command import sweep as sweep
    from experiments.train import train as train
    from experiments.value_console import value as value
    from grids.errors import TielineError as TielineError
    from grids.power_flow import SetPoints as SetPoints
    from sim.calendar import Calendar as Calendar
    from sim.market.imbalance import ImbalanceRule as ImbalanceRule
    from sim.market.imbalance import Tier as Tier
    from sim.messages import Decision as Decision
    from sim.messages import Knowledge as Knowledge
    from sim.study import Study as Study

_PLACES = {
    "Calendar": "sim.calendar",
    "Decision": "sim.messages",
    "ImbalanceRule": "sim.market.imbalance",
    "Knowledge": "sim.messages",
    "Run": "experiments.simulate",
    "SetPoints": "grids.power_flow",
    "Study": "sim.study",
    "Tier": "sim.market.imbalance",
    "TielineError": "grids.errors",
    "bid": "experiments.bid",
    "compare": "experiments.compare",
    "evaluate": "experiments.evaluation",
    "list_coordinations": "experiments.catalog",
    "list_networks": "experiments.catalog",
    "list_policies": "experiments.catalog",
    "list_rules": "experiments.catalog",
    "list_strategies": "experiments.catalog",
    "list_studies": "experiments.catalog",
    "list_sweeps": "experiments.catalog",
    "load_study": "experiments.catalog",
    "policy": "agents.anm:policy_class",
    "report": "experiments.sweeps.command",
    "reproduce": "experiments.reproduce.command",
    "run": "experiments.simulate",
    "score_scenarios": "experiments.scenario_scores",
    "strategy": "agents.bidding",
    "sweep": "experiments.sweeps.command",
    "train": "experiments.train",
    "value": "experiments.value_console",
}
"""Module of each name, and after a colon its name there, if that is another one."""

__all__ = [*_PLACES]


def _require_own_packages() -> None:
    """Refuse to start where Python finds other packages under our names: read from its file, the check is ours."""
    file = Path(__file__).resolve().parent / "experiments" / "installation.py"
    spec = spec_from_file_location("_tieline_installation", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise ImportError(f"tieline: {file} is missing; install tieline anew")
    installation = module_from_spec(spec)
    spec.loader.exec_module(installation)
    if fault := installation.fault_of_installation():
        raise ImportError(f"tieline: {fault}")


_require_own_packages()


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        close = get_close_matches(name, _PLACES, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(_PLACES)}"
        raise AttributeError(f"tieline has no attribute {name!r}; {hint}")
    module, _, other = _PLACES[name].partition(":")
    found = globals()[name] = getattr(import_module(module), other or name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
