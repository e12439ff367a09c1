"""A table of a report, said once and written four ways: on the terminal, as CSV, Markdown and LaTeX."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

Cells = Sequence[float | None]
"""One value per column; None leaves a cell empty."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Columns under one heading.

    Attributes
    ----------
    title : str
        The heading.
    columns : mapping of str to str
        Format of each column, by its own heading, such as ``+.2f``.
    """

    title: str
    columns: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Rows under one heading: for each label the cells of all columns."""

    title: str
    rows: Mapping[str, Cells]


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A table whose cells are the same text wherever it is written.

    Attributes
    ----------
    name : str
        Stem of its files, and its label in LaTeX.
    number : str
        What it is called, such as ``Table 5 (a)``; LaTeX numbers by itself.
    title : str
        What it shows, with units; it stands alone.
    groups : sequence of Group
        Its columns.
    panels : sequence of Panel
        Its rows.
    notes : sequence of str
        What to know about it.
    """

    name: str
    number: str
    title: str
    groups: Sequence[Group]
    panels: Sequence[Panel]
    notes: Sequence[str] = ()

    @property
    def heads(self) -> list[str]:
        """Headings of all columns, without those of their groups."""
        return [head for group in self.groups for head in group.columns]

    def texts(self, cells: Cells) -> list[str]:
        """Return the cells of a row as text."""
        formats = [layout for group in self.groups for layout in group.columns.values()]
        return [_text(value, layout) for value, layout in zip(cells, formats, strict=True)]

    def as_csv(self) -> str:
        """Return the table as CSV, one line per row of a panel."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        named = [f"{group.title} {head}".strip() for group in self.groups for head in group.columns]
        writer.writerow(["panel", "row", *named])
        for panel in self.panels:
            for label, cells in panel.rows.items():
                writer.writerow([panel.title, label, *self.texts(cells)])
        return text.getvalue()

    def as_markdown(self) -> str:
        """Return the table as Markdown, with its title above and its notes below it."""
        named = [f"{group.title}<br>{head}" for group in self.groups for head in group.columns]
        lines = [
            f"**{self.number}.** {self.title}",
            "",
            _markdown_row(["", *named]),
            _markdown_row(["---", *["---:"] * len(named)]),
        ]
        for panel in self.panels:
            lines.append(_markdown_row([f"*{panel.title}*", *[""] * len(named)]))
            lines += [_markdown_row([label, *map(_minus, self.texts(cells))]) for label, cells in panel.rows.items()]
        return "\n".join([*lines, "", " ".join(self.notes), ""])

    def as_latex(self) -> str:
        r"""Return the table as a LaTeX float; it needs ``\usepackage{booktabs}``."""
        count = len(self.heads)
        lines = [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{_tex(self.title)}}}",
            rf"\label{{tab:{self.name}}}",
        ]
        lines += [rf"\begin{{tabular}}{{l{'r' * count}}}", r"\toprule", *self._latex_heads(), r"\midrule"]
        for number, panel in enumerate(self.panels):
            lines += [r"\addlinespace"] * (number > 0)
            lines.append(rf"\multicolumn{{{count + 1}}}{{l}}{{\textit{{{_tex(panel.title)}}}}} \\")
            lines += [_latex_row([label, *self.texts(cells)]) for label, cells in panel.rows.items()]
        lines += [r"\bottomrule", r"\end{tabular}"]
        lines += [rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {_tex(' '.join(self.notes))}}}"]
        return "\n".join([*lines, r"\end{table}", ""])

    def _latex_heads(self) -> list[str]:
        titles, rules, first = [""], [], 2
        for group in self.groups:
            last = first + len(group.columns) - 1
            titles.append(rf"\multicolumn{{{len(group.columns)}}}{{c}}{{{_tex(group.title)}}}")
            rules.append(rf"\cmidrule(lr){{{first}-{last}}}")
            first = last + 1
        return [" & ".join(titles) + r" \\", "".join(rules), _latex_row(["", *self.heads])]

    def as_rich(self) -> Table:
        """Return the table for the terminal."""
        table = Table(
            title=f"[bold]{escape(self.number)}.[/bold] {escape(self.title)}",
            title_justify="left",
            title_style="",
            box=None,
            collapse_padding=True,
            pad_edge=False,
        )
        table.add_column("")
        for group in self.groups:
            for position, head in enumerate(group.columns):
                table.add_column(
                    f"{escape(group.title) if position == 0 else ''}\n{escape(head)}", justify="right", no_wrap=True
                )
        for panel in self.panels:
            table.add_row(f"[italic]{escape(panel.title)}[/italic]")
            for label, cells in panel.rows.items():
                table.add_row(escape(label), *self.texts(cells))
        return table


def _text(value: float | None, layout: str) -> str:
    if value is None:
        return ""
    text = format(value, layout)
    return format(0.0, layout) if float(text) == 0 else text  # no minus before nothing


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(_tex_number(cell) for cell in cells) + r" \\"


def _tex_number(text: str) -> str:
    return f"${text}$" if text[:1] in {"-", "+"} else _tex(text)


TEX = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "±": r"$\pm$", "−": "$-$", "·": r"$\cdot$"}


def _tex(text: str) -> str:
    return "".join(TEX.get(character, character) for character in text)
