"""Dialogs of the page: the formula of a number, the day of a bus or unit, the keys."""

from __future__ import annotations

from html import escape

from nicegui import ui

from experiments.teach.charts.parts import part_charts
from experiments.teach.day import Day
from experiments.teach.formulas import formula, money

KEYS = {
    "space": "play or pause",
    "→": "one hour on",
    "←": "one hour back",
    "r, Home": "back to gate closure",
    "End": "to the end of the day",
    "+ −": "faster, slower",
    "1": "all panels",
    "2 … 7": "network, tie line, power, storage, money, microgrids alone, large",
    "s": "settings",
    "l": "lessons",
    "Tab": "from one control to the next",
    "Esc": "close a box like this",
}
"""Keys of the page."""


def show_formula(day: Day, term: str) -> None:
    """Show the formula of a term of the money in the hour that is shown, with its numbers."""
    found = formula(day, term)
    total, name = day.money[term], term.replace("_", " ")
    paper = "Energies 2016, 9(1), 48"
    source = f"Equation {found.equation} of {paper}" if found.equation else f"{paper} has no equation for it"
    lines = "".join(f'<div class="line">{escape(line)}</div>' for line in found.lines)
    html = (
        f"<h2>{escape(name[:1].upper() + name[1:])} in hour {day.hour}</h2><div>{escape(found.note)}</div>"
        f'<div class="symbols">{escape(found.symbols)}</div>{lines}'
        f'<div class="line">hours 1 to {day.hour} together: <b>{escape(money(total))}</b></div>'
        f'<div class="source">{escape(source)}</div>'
    )
    _show(html, "formula")


def show_part(days: tuple[Day, Day], kind: str, name: int | str, names: tuple[str, str]) -> None:
    """Show the day of a bus, unit or microgrid in both runs."""
    charts, note = part_charts(days, kind, name)
    title = f"Bus {name}" if kind == "bus" else str(name).replace("_", " ")
    with ui.dialog(value=True) as dialog, ui.card().style("width: 1000px; max-width: 96vw; padding: 20px 24px"):
        ui.html(
            f'<div class="formula"><h2>{escape(title)}, day {days[0].day}</h2>{escape(note)}</div>', sanitize=False
        )
        with ui.element("div").classes("two").style("width: 100%"):
            for which, options, run in zip(("first", "second"), charts, names, strict=True):
                with ui.element("div").classes(f"chart-of {which}"):
                    ui.label(run).classes("tag")
                    ui.echart(options).style("height: 320px")
        ui.button("close", color=None, on_click=dialog.close).props("flat autofocus")
    dialog.on("hide", dialog.delete)


def show_keys() -> None:
    """Show the keys."""
    rows = "".join(f"<div><kbd>{escape(key)}</kbd></div><div>{escape(what)}</div>" for key, what in KEYS.items())
    _show(f'<h2>Keys</h2><div class="keys-help">{rows}</div>', "formula")


def _show(html: str, classes: str) -> None:
    with ui.dialog(value=True) as dialog, ui.card().style("max-width: min(860px, 96vw); padding: 22px 28px"):
        ui.html(f'<div class="{classes}">{html}</div>', sanitize=False)
        ui.button("close", color=None, on_click=dialog.close).props("flat autofocus")
    dialog.on("hide", dialog.delete)
