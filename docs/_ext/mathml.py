"""Equations as MathML, which browsers draw themselves: no JavaScript, no LaTeX, no other host."""

from docutils.nodes import Element, SkipNode
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def inline(self: HTML5Translator, node: Element) -> None:
    """Write an equation within a sentence."""
    self.body.append(convert(node.astext()))
    raise SkipNode


def block(self: HTML5Translator, node: Element) -> None:
    r"""Write an equation that stands alone; its ``\tag{8}``, the number in its source, stands at the right."""
    text, tag, number = node.astext().partition(r"\tag")
    right = f'<span class="number">({number.strip(" {}")})</span>' if tag else ""
    self.body.append(f'<div class="equation"><div>{convert(text.strip(), display="block")}</div>{right}</div>\n')
    raise SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer and choose it."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.config.html_math_renderer = "mathml"  # type: ignore[attr-defined]
    return {"parallel_read_safe": True, "parallel_write_safe": True}
