"""View of a panel: title, key, and the charts of both runs beside each other."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from nicegui import ui

from experiments.teach.charts.look import DASHES, Entry
from experiments.teach.charts.network import voltage_gradient
from experiments.teach.day import Day
from experiments.teach.panels import PANELS, drawn
from experiments.teach.runs import StudyRun
from experiments.teach.session import WHICH

if TYPE_CHECKING:
    from experiments.teach.page import TeachPage

LARGE = {"network": "max(260px, (100vh - 470px) / 2)", "exchange": "max(240px, 36vh)"}
"""Heights of charts that are shown large; others fill the window."""


class PanelView:
    """View of one panel.

    Parameters
    ----------
    page : TeachPage
        The page.
    name, letter : str
        Name of the panel, and its letter.
    """

    def __init__(self, page: TeachPage, name: str, letter: str) -> None:
        self._page, self._name, self._panel = page, name, PANELS[name]
        self._charts: list[ui.echart] = []
        self._tags: list[ui.label] = []
        self._key_of: StudyRun | None = None
        self.root = ui.element("section").classes("card panel").props(f'aria-label="{self._panel.title}"')
        with self.root:
            with ui.element("div").classes("head"):
                ui.html(f"<h3>({letter}) {escape(self._panel.title)}</h3>", sanitize=False)
                self._key = ui.html(sanitize=False)
            with ui.element("div").classes("two"):
                for which in WHICH:
                    with ui.element("div").classes(f"chart-of {which}"):
                        self._tags.append(ui.label().classes("tag"))
                        self._boxes_add()
        self._large = False

    def _boxes_add(self) -> None:
        chart = ui.echart({"series": []}, on_point_click=self._clicked if self._name == "network" else None)
        self._charts.append(chart.style(f"height: {self._panel.height}px"))

    def show(self, group: str) -> None:
        """Show it among all panels, or large, or not at all."""
        self._large = group == self._panel.group
        self.root.set_visibility(self._large or group == "all")
        height = (
            LARGE.get(self._panel.group, "max(300px, 100vh - 480px)") if self._large else f"{self._panel.height}px"
        )
        for chart in self._charts:
            chart.style(f"height: {height}")
        self.root.classes(add="large" if self._large else "", remove="" if self._large else "large")
        wide = self._large and self._name == "network"
        self.root.classes(add="wide" if wide else "", remove="" if wide else "wide")

    def update(self, days: tuple[Day, Day]) -> None:
        """Draw both charts at the hour that is shown; not if nobody sees them."""
        if not self.root.visible:
            return
        run = days[0].run
        if self._key_of is not run and run.records.hours:
            self._key_of = run
            scale = _voltage_scale(days[0]) if self._name == "network" else ""
            self._key.set_content(_key(self._panel.key(days[0])) + scale)
        names = self._page.session.names
        options = drawn(*days, self._name, self._large)
        for chart, tag, text, name in zip(self._charts, self._tags, options, names, strict=True):
            tag.set_text(name)
            self._page.draw(chart, text)

    def _clicked(self, event: Any) -> None:
        what = event.data.get("what") if isinstance(event.data, dict) else None
        if what:
            self._page.open_part(*what)


def _key(entries: Any) -> str:
    """Return a key as HTML."""
    return (
        "<div class=key>"
        + "".join(f"<span>{_sample(entry)}{escape(entry.label)}</span>" for entry in entries)
        + "</div>"
    )


def _sample(entry: Entry) -> str:
    if entry.kind == "area":
        return f'<i style="background: {entry.color}"></i>'
    pattern = (
        DASHES[int(entry.kind[7:])] if entry.kind.startswith("pattern") else [6, 4] if entry.kind == "dashed" else ""
    )
    dashes = "" if pattern == "solid" else " ".join(map(str, pattern))
    line = f'<line x1="1" y1="7" x2="37" y2="7" stroke="{entry.color}" stroke-width="3" stroke-dasharray="{dashes}"/>'
    return f'<svg width="38" height="14" aria-hidden="true">{line}</svg>'


def _voltage_scale(day: Day) -> str:
    gradient, low, high = voltage_gradient(day.grid.voltage)
    scale = f'<span class=scale style="background: {gradient}"></span>'
    return f"<div class=key><span>voltage {low}</span>{scale}<span>{high}</span></div>"
