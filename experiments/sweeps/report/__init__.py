"""Report of a sweep: means, differences in pairs, rank correlations, figures, and findings in words."""

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from experiments.figures.style import save_figure
from experiments.sweeps.report.content import Block, blocks_of, markdown
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.figure_page import ReportFigure
from experiments.sweeps.report.tables import differences_csv, means_csv
from experiments.sweeps.results import SweepResults
from experiments.whole import told, write_whole

FIGURES = r"(?:means|differences|map|map_differences|pareto|scatter|scatter_differences)(?:-\d+)?"
"""Names of figures."""

STYLE = """
:root { color-scheme: light; }
body { max-width: 52rem; margin: 0 auto; padding: 1rem 1.1rem 3rem; color: #222; background: #fff;
  font: 16px/1.5 "DejaVu Sans", "Segoe UI", Roboto, Helvetica, Arial, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 1rem 0 .6rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-top: .5rem; border-top: 1px solid #ddd; }
p, ul { margin: .6rem 0; } ul { padding-left: 1.3rem; } li { margin: .35rem 0; }
a { color: #0059a0; }
blockquote { margin: 1rem 0; padding: .5rem .9rem; border-left: .35rem solid #D55E00; background: #fdf1e8; }
blockquote p { margin: .2rem 0; }
.wide { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e4e4e4; text-align: left; vertical-align: bottom; }
td[style*="right"] { white-space: nowrap; }
th { border-bottom: 1.5px solid #444; min-width: 3.5rem; }
tr > :first-child { padding-left: 0; }
figure { margin: 1.4rem 0; }
figure img { display: block; width: 100%; min-width: 36rem; height: auto; }
@media print {
  @page { margin: 15mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .wide { overflow: visible; } figure img { min-width: 0; }
  table { font-size: 8pt; }
  thead { display: table-header-group; } tr, figure, blockquote { break-inside: avoid; } h2 { break-after: avoid; }
}
""".strip()

NOTHING_ELSE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Security policy of a report: a browser may load nothing but its own contents."""


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
    drawings = [block for block in blocks if isinstance(block, ReportFigure)]
    with told(str(folder), "choose another folder, or mend its permissions"):
        folder.mkdir(parents=True, exist_ok=True)
        _remove_figures(folder)
        written = [_write(folder / name, text) for name, text in texts.items()]
        written += [path for drawing in drawings for path in save_figure(drawing.figure, folder, drawing.name)]
        html = _page(blocks, results.sweep.name, folder)
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


def _page(blocks: Sequence[Block], title: str, folder: Path) -> str:
    """Return a report as one page of HTML that needs no other file: figures in the folder become part of it."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    parts = [_figure(block, folder) if isinstance(block, ReportFigure) else _text(reader, block) for block in blocks]
    head = (
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{NOTHING_ELSE}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style>"
    )
    body = "\n".join(parts)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _text(reader: MarkdownIt, block: str) -> str:
    """Return Markdown as HTML; a table may be scrolled where the screen is too narrow for it."""
    html = str(reader.render(block)).strip()
    return html.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")


def _figure(drawing: ReportFigure, folder: Path) -> str:
    """Return a figure; it may be scrolled where the screen is narrower than its letters bear."""
    data = base64.b64encode((folder / f"{drawing.name}.svg").read_bytes()).decode()
    image = f'<img alt="{escape(drawing.caption)}" src="data:image/svg+xml;base64,{data}">'
    return f'<figure class="wide">{image}</figure>'
