"""Report of a sweep: means, differences in pairs, rank correlations, figures, and findings in words."""

import re
from pathlib import Path

from experiments.sweeps.report.content import blocks_of, markdown
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.figure_page import Drawing
from experiments.sweeps.report.html_page import page
from experiments.sweeps.report.tables import differences_csv, means_csv
from experiments.sweeps.results import SweepResults
from experiments.whole import told, write_whole

FIGURES = r"(?:means|differences|map|map_differences|pareto|scatter|scatter_differences)(?:-\d+)?"
"""Names of figures."""


def write_report(results: SweepResults, folder: Path) -> list[Path]:
    """Write the report of a sweep, and return its files; the same results give the same bytes.

    Parameters
    ----------
    results : SweepResults
        The sweep, complete or not.
    folder : Path
        Folder for ``report.md``, ``report.html``, ``means.csv``, ``differences.csv`` and the figures as PNG and
        SVG. An earlier report there is replaced, with the figures it shows.

    Raises
    ------
    StudyError
        If no run is done, the report can't be made as the sweep file asks for it, or the folder can't be written to;
        nothing is written then.
    """
    data = ReportData.of(results)
    blocks = blocks_of(data)
    texts = {
        "report.md": markdown(blocks),
        "means.csv": means_csv(data),
        "differences.csv": differences_csv(data),
    }
    drawings = [block for block in blocks if isinstance(block, Drawing)]
    with told(str(folder), "choose another folder, or mend its permissions"):
        folder.mkdir(parents=True, exist_ok=True)
        _remove_figures(folder)
        written = [_write(folder / name, text) for name, text in texts.items()]
        written += [path for drawing in drawings for path in drawing.save(folder)]
        html = page(blocks, results.sweep.name, folder)
        return [written[0], _write(folder / "report.html", html), *written[1:]]


def _remove_figures(folder: Path) -> None:
    """Remove the figures of an earlier report, some of which the new one may not have."""
    earlier = folder / "report.md"
    text = earlier.read_text(encoding="utf-8") if earlier.is_file() else ""
    for name in re.findall(rf"^!\[.*\]\(({FIGURES})\.png\)$", text, re.MULTILINE):
        for suffix in (".png", ".svg"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)


def _write(path: Path, text: str) -> Path:
    write_whole(path, text.encode())
    return path
