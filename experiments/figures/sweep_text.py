"""Texts of figures that fit where they stand, and numbers on axes."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import Formatter

SMALL, TICK = 7.5, 7.5
"""Size of notes and of the numbers on axes. [point]"""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
HINTED = 1.04
"""Letters on a screen are a little wider than their outlines."""


def plain(text: str) -> str:
    """Return a text that is written as it is; a dollar would begin a formula."""
    return text.replace("$", r"\$")


@cache
def inches(text: str, points: float = SMALL, *, bold: bool = False) -> float:
    """Return how wide a line of text is."""
    font = FontProperties(family="DejaVu Sans", size=points, weight="bold" if bold else "normal")
    width: float = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
    return HINTED * width / 72


def shortened(text: str, room: float, points: float = SMALL, *, bold: bool = False) -> str:
    """Return a text that fits into a number of inches, without its middle if need be."""
    if inches(text, points, bold=bold) <= room:
        return text
    for kept in range(len(text) - 2, 1, -1):
        less = f"{text[: (kept + 1) // 2].rstrip()}…{text[len(text) - kept // 2 :].lstrip()}"
        if inches(less, points, bold=bold) <= room:
            return less
    return "…"


def wrapped(text: str, room: float, points: float = SMALL, *, bold: bool = False, most: int = 9) -> list[str]:
    """Return a text in lines of at most so many inches; what does not fit into `most` lines is shortened."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and inches(longer, points, bold=bold) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    kept = [*lines[: most - 1], " ".join(lines[most - 1 :])] if len(lines) > most else lines
    return [shortened(line, room, points, bold=bold) for line in kept]


def label_lines(label: str, room: float, points: float = 8.5, *, most: int = 2) -> str:
    """Return the label of an axis in at most so many lines, its unit undivided."""
    if inches(label, points) <= room:
        return plain(label)
    words, bracket, unit = label.partition("[")
    lines = wrapped(words.strip(), room, points, most=most)
    if bracket and inches(f"{lines[-1]} [{unit}", points) <= room:
        lines[-1] = f"{lines[-1]} [{unit}"
    elif bracket:
        lines = [*wrapped(words.strip(), room, points, most=most - 1), f"[{unit}"]
    return plain("\n".join(lines))


class Numbers(Formatter):
    """Numbers on an axis in as many decimals as they need, never with an offset beside the axis."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return a number as text, by itself."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Return the numbers of an axis as text, all in the same number of decimals."""
        places = np.asarray(values, dtype=float)
        steps = np.diff(np.unique(places))
        step = float(steps.min()) if len(steps) else max(float(np.abs(places).max(initial=0)), 1e-300)
        if 0 < np.abs(places).max(initial=0) < 1e-3:
            return [_with_power(x) if abs(x) > 1e-3 * step else "0" for x in places]
        decimals = next((d for d in range(9) if abs(step * 10**d - round(step * 10**d)) < 1e-6 * step * 10**d), 9)
        texts = [f"{x:,.{decimals}f}" for x in places]
        return [text.replace("-", "−") if float(text.replace(",", "")) else text.lstrip("-") for text in texts]


def _with_power(x: float) -> str:
    """Return a small number with a power of ten."""
    power = math.floor(math.log10(abs(x)) + 1e-9)
    text = f"{x / 10.0**power:.3g}".replace("-", "−")
    return f"{text}·10{str(power).translate(RAISED)}"
