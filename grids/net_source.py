"""Networks as they come: a pandapower net in a file or in the study itself, SimBench's, and those of pandapower."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from grids.documents import in_short
from grids.network import GridError

if TYPE_CHECKING:
    from pandapower import pandapowerNet

_KERBER = (
    *("landnetz_freileitung_1", "landnetz_freileitung_2", "landnetz_kabel_1", "landnetz_kabel_2"),
    *("vorstadtnetz_kabel_1", "vorstadtnetz_kabel_2", "dorfnetz"),
)
_CASES = (
    *("case4gs", "case5", "case6ww", "case9", "case14", "case24_ieee_rts", "case30", "case_ieee30", "case33bw"),
    *("case39", "case57", "case118", "case145", "case300"),
)

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "cigre_mv": ("create_cigre_network_mv", {}),
    "cigre_mv_pv_wind": ("create_cigre_network_mv", {"with_der": "pv_wind"}),
    "cigre_mv_all": ("create_cigre_network_mv", {"with_der": "all"}),
    "cigre_lv": ("create_cigre_network_lv", {}),
    "cigre_hv": ("create_cigre_network_hv", {}),
    "oberrhein": ("mv_oberrhein", {}),
    "oberrhein_generation": ("mv_oberrhein", {"scenario": "generation"}),
    "simple_mv_open_ring": ("simple_mv_open_ring_net", {}),
    "four_loads_with_branches_out": ("four_loads_with_branches_out", {}),
    "simple_four_bus": ("simple_four_bus_system", {}),
    **{f"kerber_{name}": (f"create_kerber_{name}", {}) for name in _KERBER},
    **{name: (name, {}) for name in _CASES},
}
"""Networks that come with pandapower: for each name, the function of `pandapower.networks` and its options."""


class NetSource(NamedTuple):
    """Origin of a pandapower net.

    Attributes
    ----------
    kind : str
        ``pandapower`` (a file, or the JSON text of a net), ``simbench`` (a code) or ``network`` (a name).
    value : str
        File, text, code or name.
    """

    kind: str
    value: str

    @property
    def name(self) -> str:
        """Return a short name for the network."""
        if self.kind == "pandapower":
            return Path(self.file).stem or "net"
        return self.value

    @property
    def file(self) -> str:
        """Return the name of the file it is in, or nothing."""
        return self.value if self.kind == "pandapower" and not is_content(self.value) else ""

    def read(self) -> pandapowerNet:
        """Return the net, made anew.

        Raises
        ------
        GridError
            If there is none, or it may not be loaded; the message names the remedy.
        """
        from grids.simbench import simbench_net

        return {"pandapower": _pandapower, "simbench": simbench_net, "network": _network}[self.kind](self.value)


def is_content(value: str) -> bool:
    """Return whether a value is the JSON text of a net and not the name of a file."""
    return value.lstrip().startswith("{")


def as_content(value: object) -> object:
    """Return a net, or the content of a net's JSON file, as JSON text; another value as it is."""
    if type(value).__name__ == "pandapowerNet":
        return net_content(value)
    return json.dumps(value) if isinstance(value, dict) and "_class" in value else value


def net_content(net: Any) -> str:
    """Return a net as JSON text, without its results and its series: what a study needs to hold it in itself.

    Parameters
    ----------
    net : pandapowerNet
        From `pandapower`; it stays as it is.
    """
    import pandapower as pp

    kept = {key: value for key, value in net.items() if not key.startswith(("_", "res_")) and key != "profiles"}
    return str(pp.to_json(pp.pandapowerNet(kept)))


def _pandapower(value: str) -> pandapowerNet:
    from grids.net_file import net_from_text, read_net

    if is_content(value):
        return net_from_text(value, "the net in the study")
    path = Path(value)
    if path.suffix != ".json":
        raise GridError(
            f"{in_short(value)} is no .json file; write the net with pandapower.to_json(net, 'my_net.json')"
        )
    if not path.is_file():
        raise GridError(f"network file '{value}' does not exist")
    return read_net(path)


def _network(name: str) -> pandapowerNet:
    if name not in NETWORKS:
        close = get_close_matches(name, NETWORKS, n=3)
        known = f"did you mean {' or '.join(close)}?" if close else "use one of " + ", ".join(NETWORKS)
        raise GridError(f"pandapower has no network {in_short(name)}; {known}")
    import pandapower.networks

    function, options = NETWORKS[name]
    return getattr(pandapower.networks, function)(**options)
