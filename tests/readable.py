"""Readability of a figure: every text inside it, and none on another."""

from math import cos, radians, sin

import numpy as np
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
    extents = np.array([text.get_window_extent().extents for text in texts]).reshape(-1, 4)
    first, last = extents[:, :2], extents[:, 2:]  # corners, (x, y)
    cut = ((first < figure.bbox.min) | (last > figure.bbox.max)).any(axis=1)
    shared = np.minimum(last[:, None], last) - np.maximum(first[:, None], first)
    height = (last - first)[:, 1]
    on_another = (shared[..., 0] > 1) & (shared[..., 1] > 0.25 * np.minimum(height[:, None], height))
    return [
        *(f"cut off: {texts[k].get_text()}" for k in np.flatnonzero(cut)),
        *(
            f"{texts[a].get_text()} on {texts[b].get_text()}"
            for a, b in np.argwhere(np.triu(on_another, 1))
            if not _parallel_and_apart(texts[a], texts[b], last[a] - last[b], figure.dpi)
        ),
    ]


def _parallel_and_apart(one: Text, other: Text, between: np.ndarray, dpi: float) -> bool:
    """Return whether texts that are turned alike have a line's height between them; `between` is in pixels."""
    askew = radians(one.get_rotation()) if one.get_rotation() == other.get_rotation() % 90 else 0.0
    return bool(askew) and abs(between[0] * sin(askew) - between[1] * cos(askew)) > one.get_fontsize() * dpi / 72
