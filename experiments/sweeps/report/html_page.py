"""A report as one page of HTML that needs no other file."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from experiments.sweeps.report.figure_page import Drawing

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


def page(blocks: Sequence[str | Drawing], title: str, folder: Path) -> str:
    """Return a report as HTML.

    Parameters
    ----------
    blocks : sequence of str or Drawing
        The report, as Markdown and figures.
    title : str
        Title of the page.
    folder : Path
        Folder of the figures, which become part of the page.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    parts = [_figure(block, folder) if isinstance(block, Drawing) else _text(reader, block) for block in blocks]
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


def _figure(drawing: Drawing, folder: Path) -> str:
    """Return a figure; it may be scrolled where the screen is narrower than its letters bear."""
    data = base64.b64encode((folder / f"{drawing.name}.svg").read_bytes()).decode()
    image = f'<img alt="{escape(drawing.caption)}" src="data:image/svg+xml;base64,{data}">'
    return f'<figure class="wide">{image}</figure>'
