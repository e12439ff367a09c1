"""Result of an item: tables and remarks to print, the summary for ``--json``, and the files it wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.tables import ReportTable


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
