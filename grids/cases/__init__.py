"""Packaged networks: one module per case, each with a function ``base_net`` that returns a pandapower net."""

from pkgutil import iter_modules


def case_names() -> list[str]:
    """Return the names of the packaged networks."""
    return sorted(module.name for module in iter_modules(__path__))
