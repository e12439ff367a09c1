"""Settings of the page: what is chosen for a run, and the values of the study that it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from agents.anm import policy_names
from agents.bidding import strategy_names
from agents.coordination import mode_names
from experiments.catalog import OPTIONS, load_study
from grids.documents import in_short
from sim.errors import StudyError
from sim.market.imbalance import RULES, ImbalanceRule, Tier
from sim.study import Study


@dataclass(frozen=True)
class Slider:
    """A slider: what it sets, from where to where, and how it is written.

    Attributes
    ----------
    label, pattern : str
        Name, and the value in words, with {} in place of the number.
    low, high, step : float
        Range.
    scale : float
        Factor from what is set to what is shown.
    """

    label: str
    pattern: str
    low: float
    high: float
    step: float
    scale: float = 1.0

    def in_words(self, value: float) -> str:
        """Return a value as it is written."""
        return self.pattern.format(f"{value * self.scale:g}")

    def fault(self, value: object) -> str:
        """Return why a value can't be set, or an empty text."""
        wanted = f"{'a whole number' if self.step == 1 else 'a number'} from {self.low:g} to {self.high:g}"
        fits = isinstance(value, int if self.step == 1 else int | float) and not isinstance(value, bool)
        return "" if fits and self.low <= cast(float, value) <= self.high else f"give {wanted}, got {in_short(value)}"

    def is_on(self, value: float) -> bool:
        """Return whether the slider stops at a value."""
        steps = (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-6


SLIDERS = {
    "band": Slider("tolerance band", "± {} % of the bid", 0.0, 0.3, 0.01, 100),
    "penalty": Slider("penalty", "{} × the rule's", 0.0, 4.0, 0.25),
    "forecast_error": Slider("forecast errors", "{} × the study's", 0.0, 4.0, 0.25),
    "battery": Slider("battery size", "{} × the study's", 0.0, 4.0, 0.25),
    "renewables": Slider("wind and sun", "{} × the study's", 0.0, 3.0, 0.1),
    "seed": Slider("weather", "seed {}", 1, 50, 1),
}
"""Sliders by the name of the setting."""

CHOICES = ("bidding", "policy", "rule", "coordination")
"""Settings that are chosen from a list."""

ONE_SIDED = ImbalanceRule(
    name="one_sided", tiers=(Tier(over=0.05, under=1.0),), source="made up, for the lesson on misbids"
)
WEATHER = ("seed", "forecast_error")
"""Settings that both runs share."""

TAUGHT = {rule.name: rule for rule in (ONE_SIDED,)}
"""Imbalance rules that only the page has, by name."""


def choices_of(study: Study) -> dict[str, list[str]]:
    """Return what can be chosen for a study, by setting; without microgrids there is nothing to coordinate."""
    known = {"bidding": strategy_names(), "policy": policy_names()}
    known |= {"rule": [*RULES, *TAUGHT], "coordination": mode_names()}
    if study.trained is None:
        known["policy"] = [name for name in known["policy"] if name != "learned"]
    if not (study.fleet.microgrid or study.fleet.ev_aggregator):
        del known["coordination"]
    return {name: [*names] for name, names in known.items()}


def chosen_in(study: Study) -> dict[str, Any]:
    """Return the settings with which a study stays as it is."""
    own = {name: getattr(study, name) for name in ("bidding", "policy", "coordination", "seed")}
    factors = dict.fromkeys(("penalty", "forecast_error", "battery", "renewables"), 1.0)
    return {**own, "rule": study.market.rule.name, "band": study.market.rule.tiers[0].band, **factors}


def refuse_setting(study: Study, name: str, value: object, *, shared: bool) -> None:
    """Refuse a setting that the page could not show, or whose value is wrong.

    Parameters
    ----------
    study : Study
        The study.
    name, value : str, object
        The setting.
    shared : bool
        Whether it is that of both runs.

    Raises
    ------
    StudyError
        If the name is not known, the value out of range, or the setting without effect.
    """
    if value is None:
        raise StudyError(f"{name}: is empty; give a value, such as {name}: {chosen_in(study).get(name, 1)}")
    if name in (*WEATHER, "days") and not shared:
        raise StudyError(f"{name}: both runs have the same weather; give it under both")
    if name in SLIDERS and (fault := SLIDERS[name].fault(value)):
        raise StudyError(f"{name}: {fault}")
    if name in CHOICES and not isinstance(value, str):
        raise StudyError(f"{name}: give a name, got {in_short(value)}")
    if name == "coordination" and name not in choices_of(study):
        raise StudyError(f"{name}: {study.name} has no microgrids to coordinate; leave it out, or take networked33")
    if name == "policy" and value == "learned" and study.trained is None:
        raise StudyError("policy: learned needs a study with trained values (tieline train)")
    if name == "rule" and value not in (*RULES, *TAUGHT):
        raise StudyError(f"rule: unknown rule {in_short(value)}; use one of {', '.join([*RULES, *TAUGHT])}")
    changed(study, {name: value})


def refuse_for_a_task(name: str, value: object) -> None:
    """Refuse a setting that nobody can choose on the page: the task could never be done.

    Raises
    ------
    StudyError
        If there is no control for it, or the slider does not stop there.
    """
    if name not in (*SLIDERS, *CHOICES):
        raise StudyError(f"{name}: has no control on the page; a task may use {', '.join([*SLIDERS, *CHOICES])}")
    if name in SLIDERS and isinstance(value, int | float) and not SLIDERS[name].is_on(value):
        raise StudyError(f"{name}: the slider goes in steps of {SLIDERS[name].step:g}, so that none is {value:g}")


def changed(study: Study, settings: Mapping[str, Any]) -> Study:
    """Return a study with settings applied.

    Parameters
    ----------
    study : Study
        The study.
    settings : mapping of str to object
        Values by the name of a setting (those of `SLIDERS` and `CHOICES`), of an option of `load_study`, or by any key
        of a study.

    Raises
    ------
    StudyError
        If a name or value is wrong.

    Examples
    --------
    >>> study = changed(load_study("microgrid33"), {"battery": 2, "band": 0.1, "policy": "none"})
    >>> study.fleet.battery[0].max_e_mwh, study.market.rule.tiers[0].band, study.policy
    (0.72, 0.1, 'none')
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if isinstance(given.get("rule"), str):
        given["rule"] = TAUGHT.get(given["rule"], given["rule"])
    study = load_study(study, **{name: value for name, value in given.items() if name in OPTIONS})
    changes: dict[str, Any] = {key: value for key, value in given.items() if key not in OPTIONS and key not in SLIDERS}
    if "band" in given or "penalty" in given:
        changes["market.rule"] = _rule(study.market.rule, given)
    changes |= _errors(study, _number(given, "forecast_error", 1.0))
    changes |= _sized(study, ("battery",), _number(given, "battery", 1.0))
    changes |= _sized(study, ("wind", "pv"), _number(given, "renewables", 1.0))
    return study.change(changes) if changes else study


def _number(settings: Mapping[str, Any], name: str, default: float) -> float:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StudyError(f"{name}: give a number, got {value!r}")
    return float(value)


def _rule(rule: ImbalanceRule, settings: Mapping[str, Any]) -> ImbalanceRule:
    """Return a rule whose first band is another (the others move along), and whose rates are a multiple."""
    first = rule.tiers[0].band
    shift = _number(settings, "band", first) - first
    factor = _number(settings, "penalty", 1.0)
    if shift == 0 and factor == 1:
        return rule
    tiers = tuple(
        Tier(band=round(tier.band + shift, 9), over=tier.over * factor, under=tier.under * factor)
        for tier in rule.tiers
    )
    return ImbalanceRule(name=rule.name, tiers=tiers, base_price=rule.base_price, source="changed on the page")


def _errors(study: Study, factor: float) -> dict[str, Any]:
    errors = study.uncertainty.errors.model_dump()
    deviations = {name: value for name, value in errors.items() if name.endswith("_std")}
    return {
        f"uncertainty.errors.{name}": min(value * factor, 2.0) for name, value in deviations.items() if factor != 1.0
    }


def _sized(study: Study, kinds: tuple[str, ...], factor: float) -> dict[str, Any]:
    """Return the changes that make all units of some kinds larger or smaller; of size 0 there are none."""
    if factor == 1.0:
        return {}
    if factor == 0.0:
        return {f"fleet.{kind}": [] for kind in kinds}
    return {
        f"fleet.{kind}.{k}.{name}": getattr(unit, name) * factor
        for kind in kinds
        for k, unit in enumerate(getattr(study.fleet, kind))
        for name in ("max_s_mva", "max_e_mwh")
        if hasattr(unit, name)
    }
