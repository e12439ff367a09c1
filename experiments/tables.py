"""Tables, defined once and written four ways: on the terminal, as CSV, Markdown and LaTeX."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

Cells = Sequence[float | None]
"""Cells of a row, one value per column; None leaves a cell empty."""

JUSTIFY = {"l": "left", "r": "right"}


def text_of(value: float | None, layout: str) -> str:
    """Return a number in a format such as ``+.2f``; nothing for None and NaN, and no minus before nothing."""
    if value is None or value != value:
        return ""
    text = format(value, layout)
    return format(0.0, layout) if float(text.replace(",", "").rstrip("%")) == 0 else text


def rich_table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    align: str,
    *,
    title: str = "",
    caption: str = "",
    bold: Collection[str] = (),
    sections: Collection[str] = (),
    title_style: str = "bold",
    narrow: bool = False,
) -> Table:
    """Return a table for the terminal; its words are taken as markup.

    Parameters
    ----------
    heads : sequence of str
        Headings; if all are empty, none is shown.
    rows : iterable of sequence of str
        Cells.
    align : str
        ``l`` or ``r`` for each column; the first is never broken, nor are numbers.
    title, caption : str
        Text above and below the table.
    bold, sections : collection of str
        First cells of the rows that are bold, and of those that end a section.
    title_style : str
        Style of the title.
    narrow : bool
        Whether columns stand as close as can be, for there are many.
    """
    table = Table(
        title=f"\n{title}" if title else None,
        caption=caption or None,
        title_justify="left",
        caption_justify="left",
        title_style=title_style,
        box=SIMPLE_HEAD,
        show_header=any(heads),
        show_edge=False,
        pad_edge=False,
        padding=0 if narrow else (0, 1),
        collapse_padding=True,
    )
    for place, (head, side) in enumerate(zip(heads, align, strict=True)):
        table.add_column(head, justify=JUSTIFY[side], no_wrap=place == 0 or side == "r")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*row, style="bold" if row[0] in bold else None, end_section=row[0] in sections)
    return table


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """Return a table in Markdown; `align` has ``l`` or ``r`` for each column."""
    lines = [heads, ["---:" if side == "r" else "---" for side in align], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportTable:
    """Table whose cells are the same text in every format.

    Attributes
    ----------
    frame : DataFrame
        The cells as text. Rows have a panel and a label, columns a group and a heading.
    name : str
        Stem of its files, and its label in LaTeX.
    number : str
        Its number, such as ``Table 5 (a)``; LaTeX numbers by itself.
    title : str
        Contents, with units; understandable by itself.
    notes : sequence of str
        Remarks below it.
    """

    frame: "pd.DataFrame"
    name: str
    number: str
    title: str
    notes: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        rows: Mapping[tuple[str, str], Cells],
        columns: Mapping[tuple[str, str], str],
        *,
        name: str,
        number: str,
        title: str,
        notes: Sequence[str] = (),
    ) -> Self:
        """Return the table of some numbers.

        Parameters
        ----------
        rows : mapping of tuple to sequence
            Numbers of every row, by panel and label.
        columns : mapping of tuple to str
            Format of every column, such as ``+.2f``, by group and heading.
        name, number, title, notes
            See the attributes.

        Raises
        ------
        ValueError
            If a row has not as many numbers as there are columns.
        """
        import pandas as pd

        texts = [
            [text_of(value, layout) for value, layout in zip(cells, columns.values(), strict=True)]
            for cells in rows.values()
        ]
        index, heads = pd.MultiIndex.from_tuples(list(rows)), pd.MultiIndex.from_tuples(list(columns))
        frame = pd.DataFrame(texts, index=index, columns=heads)
        return cls(frame=frame, name=name, number=number, title=title, notes=notes)

    @property
    def _panels(self) -> list[tuple[str, list[list[str]]]]:
        """Rows with their labels, under the titles of their panels."""
        lines = ((panel, [label, *cells]) for (panel, label), *cells in self.frame.itertuples(name=None))
        return [(panel, [row for _, row in rows]) for panel, rows in groupby(lines, key=_first)]

    def as_csv(self) -> str:
        """Return the table as CSV, one line per row of a panel."""
        heads = [f"{group} {head}".strip() for group, head in self.frame.columns]
        text: str = self.frame.to_csv(header=heads, index_label=["panel", "row"], lineterminator="\n")
        return text

    def as_markdown(self) -> str:
        """Return the table as Markdown, with its title above and its notes below it."""
        heads = ["", *(f"{group}<br>{head}" for group, head in self.frame.columns)]
        rows: list[Sequence[str]] = []
        for panel, lines in self._panels:
            rows.append([f"*{panel}*", *[""] * (len(heads) - 1)])
            rows += [[label, *(cell.replace("-", "−") for cell in cells)] for label, *cells in lines]
        table = markdown_table(heads, rows, "l" + "r" * (len(heads) - 1))
        return "\n".join([f"**{self.number}.** {self.title}", "", table, "", " ".join(self.notes), ""])

    def as_latex(self) -> str:
        r"""Return the table as a LaTeX float; it needs ``\usepackage{booktabs}``."""
        count = self.frame.shape[1]
        lines = [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{_tex(self.title)}}}",
            rf"\label{{tab:{self.name}}}",
        ]
        lines += [rf"\begin{{tabular}}{{l{'r' * count}}}", r"\toprule", *self._latex_heads(), r"\midrule"]
        for number, (panel, rows) in enumerate(self._panels):
            lines += [r"\addlinespace"] * (number > 0)
            lines.append(rf"\multicolumn{{{count + 1}}}{{l}}{{\textit{{{_tex(panel)}}}}} \\")
            lines += map(_latex_row, rows)
        lines += [r"\bottomrule", r"\end{tabular}"]
        lines += [rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {_tex(' '.join(self.notes))}}}"]
        return "\n".join([*lines, r"\end{table}", ""])

    def _latex_heads(self) -> list[str]:
        titles, rules, first = [""], [], 2
        for group, columns in groupby(self.frame.columns, key=_first):
            width = len(list(columns))
            titles.append(rf"\multicolumn{{{width}}}{{c}}{{{_tex(group)}}}")
            rules.append(rf"\cmidrule(lr){{{first}-{first + width - 1}}}")
            first += width
        heads = ["", *(head for _, head in self.frame.columns)]
        return [" & ".join(titles) + r" \\", "".join(rules), _latex_row(heads)]

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
        for group, columns in groupby(self.frame.columns, key=_first):
            for place, (_, head) in enumerate(columns):
                table.add_column(f"{'' if place else escape(group)}\n{escape(head)}", justify="right", no_wrap=True)
        for panel, rows in self._panels:
            table.add_row(f"[italic]{escape(panel)}[/italic]")
            for label, *cells in rows:
                table.add_row(escape(label), *cells)
        return table


def _first(pair: tuple[Any, ...]) -> str:
    return str(pair[0])


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(f"${cell}$" if cell[:1] in {"-", "+"} else _tex(cell) for cell in cells) + r" \\"


TEX = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "±": r"$\pm$", "−": "$-$", "·": r"$\cdot$"}


def _tex(text: str) -> str:
    return "".join(TEX.get(character, character) for character in text)


MONTH_COLUMNS = (
    ("profit [$]", "profit", ",.0f"),
    ("revenue [$]", "revenue", ",.0f"),
    ("exchange [$]", "exchange", ",.0f"),
    ("imbalance [$]", "imbalance", ",.0f"),
    ("net import [MWh]", "metered", ",.1f"),
    ("off band [MWh]", "outside_band", ",.2f"),
    ("renewable [MWh]", "generation", ",.1f"),
    ("curtailed [MWh]", "generation_curtailed", ",.1f"),
    ("load cut [MWh]", "load_curtailed", ",.2f"),
    ("losses [MWh]", "losses", ",.1f"),
)
"""Columns of the table of months after month and days: heading, value of the summary, format."""

MONTH_HEADS = ["month", "days", *(head for head, _, _ in MONTH_COLUMNS)]
"""Headings of the table of months."""


def month_rows(months: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the cells of the table of months, the last row for all of them together."""
    total = {
        "month": "all",
        "days": sum(one["days"] for one in months),
        **{
            part: {name: sum(one[part][name] for one in months) for name in months[0][part]}
            for part in ("terms", "energy_mwh")
        },
    }
    rows = []
    for one in (*months, total):
        values = {**one["terms"], **one["energy_mwh"]}
        cells = [f"{round(values[name], 6) + 0.0:{form}}".replace("-", "−") for _, name, form in MONTH_COLUMNS]
        rows.append([str(one["month"]), str(one["days"]), *cells])
    return rows
