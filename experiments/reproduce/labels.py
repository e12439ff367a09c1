"""Numbers as captions, findings and panels write them."""

from experiments.tables import text_of


def percent(share: float, digits: int = 0) -> str:
    """Return a share as percent."""
    return f"{100 * share:.{digits}f} %"


def number(value: float, layout: str = ".2f") -> str:
    """Return a number as text, with a proper minus and none before nothing."""
    return text_of(value, layout).replace("-", "−")
