"""Head of a run: its name, what is chosen for it, and its most important numbers."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from nicegui import ui

from experiments.teach.controls import free_keys
from experiments.teach.day import Day
from experiments.teach.details import show_formula
from experiments.teach.formulas import money, number
from experiments.teach.session import WHICH, Which
from experiments.teach.settings import choices_of

if TYPE_CHECKING:
    from experiments.teach.page import TeachPage

LABELS = {"bidding": "bid", "policy": "ANM policy", "rule": "market rule", "coordination": "coordination"}
"""Names of the choices."""


class RunHead:
    """Head of one run.

    Parameters
    ----------
    page : TeachPage
        The page.
    which : {"first", "second"}
        Which run.
    """

    def __init__(self, page: TeachPage, which: Which) -> None:
        self._page, self._which = page, which
        with ui.element("section").classes(f"card run {which}").props(f'aria-label="{which} run"'):
            self._name = ui.html(sanitize=False)
            self._choices = ui.element("div").classes("choices")
            with ui.element("div").classes("facts"):
                self._facts = {name: self._fact(name) for name in ("profit", "imbalance", "curtailed", "voltage")}
        self._built_for = ""
        self.update_choices()

    def _fact(self, name: str) -> tuple[ui.element, ui.label]:
        words = {"profit": "profit", "imbalance": "imbalance cost"}
        words |= {"curtailed": "curtailed", "voltage": "lowest voltage so far"}
        with ui.element("div").classes("fact"):
            if name in ("profit", "imbalance"):
                value: Any = ui.element("button").classes("number").props(f'aria-label="formula of the {words[name]}"')
                value.on("click", partial(self._formula, name))
            else:
                value = ui.element("div")
            with value, ui.element("b"):
                text = ui.label("–")
            ui.element("span").add_slot("default", words[name])
        return value, text

    def _formula(self, term: str) -> None:
        session = self._page.session
        if session.days[0].hour:
            show_formula(session.days[WHICH.index(self._which)], term)

    def update_choices(self) -> None:
        """Bring name and choices up to date."""
        session = self._page.session
        chosen, known = session.chosen(self._which), choices_of(session.study)
        if self._built_for != session.study.name:
            self._built_for = session.study.name
            self._choices.clear()
            with self._choices:
                self._selects = {name: self._select(name, options) for name, options in known.items()}
        for name, select in self._selects.items():
            if chosen[name] not in select.options:
                select.set_options([*select.options, chosen[name]])
            if select.value != chosen[name]:
                select.set_value(chosen[name])

    def _select(self, name: str, options: list[str]) -> ui.select:
        value = self._page.session.chosen(self._which)[name]
        options = [*dict.fromkeys([*options, value])]
        select = ui.select(options, value=value, label=LABELS[name], on_change=partial(self._chosen, name))
        return select.props("dense options-dense").classes(f"choose-{name}")

    def _chosen(self, name: str, event: Any) -> None:
        session = self._page.session
        if event.value != session.chosen(self._which)[name]:
            self._page.attempt(session.choose, self._which, name, event.value)
            free_keys()

    def update(self) -> None:
        """Bring the numbers up to date with the hour that is shown."""
        session = self._page.session
        k = WHICH.index(self._which)
        name = session.names[k]
        self._name.set_content(f"<h2>{name[:1].upper()}{name[1:]}</h2>")
        if not session.known_hours:
            return
        for fact, text in _facts(session.days[k]).items():
            self._facts[fact][1].set_text(text)


@lru_cache(maxsize=500)
def _facts(day: Day) -> dict[str, str]:
    """Return the numbers of a day as they are written, made once for all sessions."""
    curtailed = day.hours[["generation_curtailed_mw", "load_curtailed_mw"]].to_numpy().sum()
    return {
        "profit": money(day.money["profit"]) if day.hour else "–",
        "imbalance": money(day.money["imbalance"]) if day.hour else "–",
        "curtailed": f"{number(curtailed, 2)} MWh",
        "voltage": f"{number(day.hours['min_vm_pu'].min())} p.u." if day.hour else "–",
    }
