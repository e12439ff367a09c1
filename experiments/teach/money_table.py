"""Table of the money so far: both runs and their difference; a click on a number shows its formula."""

from __future__ import annotations

import json
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from nicegui import ui

from experiments.teach.charts.money import difference_chart
from experiments.teach.day import Day, gain
from experiments.teach.details import show_formula
from experiments.teach.formulas import money
from experiments.teach.session import WHICH

if TYPE_CHECKING:
    from experiments.teach.page import TeachPage


class MoneyTable:
    """Money so far and what makes the difference.

    Parameters
    ----------
    page : TeachPage
        The page.
    """

    def __init__(self, page: TeachPage) -> None:
        self._page = page
        self.root = ui.element("section").classes("card panel money").props('aria-label="money"')
        self._rows: dict[str, list[ui.label]] = {}
        with self.root, ui.element("div").classes("two"):
            with ui.element("div"):
                ui.html("<h3>Money so far [$]; click a number for its formula</h3>", sanitize=False)
                self._table = ui.element("div")
            with ui.element("div"):
                ui.html("<h3>The second run less the first: profit in the hour, and added up</h3>", sanitize=False)
                self._chart = ui.echart({"series": []}).style("height: 330px")

    def _build(self, terms: tuple[str, ...]) -> None:
        self._table.clear()
        with self._table:
            with ui.element("div").classes("money-row headings"):
                for heading in ("", "first run", "second run", "difference"):
                    ui.label(heading)
            self._rows = {term: self._row(term) for term in terms}

    def _row(self, term: str) -> list[ui.label]:
        name = term.replace("_", " ")
        with ui.element("div").classes("money-row total" if term == "profit" else "money-row"):
            ui.label(name)
            cells = []
            for which in WHICH:
                with ui.element("div"):
                    button = ui.element("button").classes("number").props(f'aria-label="{name}, {which} run: formula"')
                    button.on("click", partial(self._formula, WHICH.index(which), term))
                    with button:
                        cells.append(ui.label("–"))
            cells.append(ui.label("–"))
        return cells

    def _formula(self, k: int, term: str) -> None:
        day = self._page.session.days[k]
        if day.hour:
            show_formula(day, term)

    def update(self, days: tuple[Day, Day]) -> None:
        """Bring the numbers up to date with the hour that is shown."""
        if not self.root.visible:
            return
        terms = days[0].terms
        if tuple(self._rows) != terms:
            self._build(terms)
        for term, (first, second, difference) in self._rows.items():
            amounts = [day.money[term] for day in days]
            first.set_text(money(amounts[0]))
            second.set_text(money(amounts[1]))
            more = amounts[1] - amounts[0]
            difference.set_text(_signed(more))
            better = gain(term, more)
            difference.classes(replace="gain" if better > 0.005 else "loss" if better < -0.005 else "")
        self._update_chart(days)

    def _update_chart(self, days: tuple[Day, Day]) -> None:
        self._page.draw(self._chart, _difference(*days))


@lru_cache(maxsize=500)
def _difference(first: Day, second: Day) -> str:
    return json.dumps(difference_chart(first, second), separators=(",", ":"))


def _signed(amount: float) -> str:
    return money(amount) if amount < 0.005 else f"+{money(amount)}"
