"""Networks by name: one module per case, with a function ``tables``, or ``base_net`` that returns a pandapower net.

From tables a grid is made, and bids are, before pandapower, which takes seconds to import, is asked for a power flow.
"""

from __future__ import annotations

from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandapower import pandapowerNet


class Tables(dict[str, Any]):
    """The tables of a network, and its ``name``, ``f_hz`` and ``sn_mva``, under pandapower's names."""

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def to_net(self) -> pandapowerNet:
        """Return the network as a pandapower net."""
        import pandapower as pp

        net = pp.create_empty_network(name=self.name, f_hz=self.f_hz, sn_mva=self.sn_mva)
        pp.create_buses(net, len(self.bus), vn_kv=1.0, index=self.bus.index)
        pp.create_ext_grid(net, self.ext_grid.bus.iloc[0], index=self.ext_grid.index[0])
        ends = self.line.from_bus, self.line.to_bus
        pp.create_lines_from_parameters(net, *ends, *([1.0] * len(self.line) for _ in range(5)), index=self.line.index)
        pp.create_loads(net, self.load.bus, p_mw=0.0, index=self.load.index)
        for table in ("bus", "ext_grid", "line", "load"):
            for column in self[table]:
                net[table][column] = self[table][column]
        return net


def case_names() -> list[str]:
    """Return the names of the packaged networks."""
    return sorted(module.name for module in iter_modules(__path__))
