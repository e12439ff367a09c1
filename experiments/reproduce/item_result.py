"""Result of an item: tables and remarks to print, the summary for ``--json``, and the files it wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.reproduce.context import Context
from experiments.tables import ReportTable
from experiments.whole import write_whole


@dataclass(frozen=True, kw_only=True)
class ItemResult:
    """Result of an item.

    Attributes
    ----------
    summary : dict
        What ``--json`` prints.
    files : sequence of Path
        Files written.
    tables : sequence of ReportTable
        Tables to print.
    remarks : sequence of str
        What follows from them, or the caption of a figure.
    """

    summary: dict[str, Any]
    files: Sequence[Path]
    tables: Sequence[ReportTable] = ()
    remarks: Sequence[str] = ()


def write_tables(context: Context, name: str, tables: Sequence[ReportTable], findings: Sequence[str]) -> list[Path]:
    """Write each table as CSV, and all as Markdown, with findings below them, and LaTeX; return the files."""
    texts = {f"{table.name}.csv": table.as_csv() for table in tables}
    said = [f"- {line}" for line in findings]
    texts[f"{context.stem(name)}.md"] = "\n".join([*(table.as_markdown() for table in tables), *said, ""])
    texts[f"{context.stem(name)}.tex"] = "\n".join(table.as_latex() for table in tables)
    return write_texts(context, texts)


def csv_of(data: pd.DataFrame) -> str:
    """Return data as the text of a CSV file, in six digits."""
    text: str = data.to_csv(index=False, lineterminator="\n", float_format="%.6g")
    return text


def write_texts(context: Context, texts: Mapping[str, str]) -> list[Path]:
    """Write files, each whole or not at all, from their contents by name; return them."""
    files = {context.folder / name: text for name, text in texts.items()}
    for path, text in files.items():
        write_whole(path, text.encode())
    return [*files]
