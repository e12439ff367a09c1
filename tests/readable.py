"""Readability of a figure: every text inside it, and none on another."""

from itertools import combinations
from math import cos, radians, sin

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text


def unreadable(figure: Figure) -> list[str]:
    """Texts that lie outside the figure or on another one."""
    figure.draw_without_rendering()
    hidden = set()
    for axis in figure.findobj(Axis):
        low, high = sorted(axis.get_view_interval())
        outside = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
        hidden |= {label for tick in outside for label in (tick.label1, tick.label2)}
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    texts = [text for text in texts if text not in hidden]
    boxes = [(text.get_text(), text.get_window_extent(), text) for text in texts]
    page = figure.bbox
    found = [
        f"cut off: {name}"
        for name, box, _ in boxes
        if box.x0 < page.x0 or box.x1 > page.x1 or box.y0 < page.y0 or box.y1 > page.y1
    ]
    for (first, a, one), (second, b, other) in combinations(boxes, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        askew = radians(one.get_rotation()) if one.get_rotation() == other.get_rotation() % 90 else 0.0
        if (
            askew
            and abs((a.x1 - b.x1) * sin(askew) - (a.y1 - b.y1) * cos(askew)) > one.get_fontsize() * figure.dpi / 72
        ):
            continue  # parallel, and apart
        if across > 1 and up > 0.25 * min(a.height, b.height):
            found.append(f"{first} on {second}")
    return found
