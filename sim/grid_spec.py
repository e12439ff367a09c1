"""Network of a study: where it comes from, and its limits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from grids.cases import case_names
from grids.components import Data, FileName, Positive, TieLine, VoltageLimits, Word
from grids.net_source import NetSource, as_content

NetText = Annotated[str, Field(max_length=50_000_000)]

SOURCES = ("case", "pandapower", "simbench", "network")
"""Keys that say where the network comes from; a study has exactly one of them."""

LEFT_TO_NET: dict[str, Any] = {"line_max_s_mva": None, "voltage": dict.fromkeys(VoltageLimits.model_fields)}
"""Values of a network that is no case, where the study does not give them."""


class GridSpec(Data):
    """Network of a study, and its limits; `case` or one of `pandapower`, `simbench` and `network`.

    With one of the latter three, ratings, voltage limits and the slack voltage are those of the net, where neither
    `line_max_s_mva` nor `voltage` says otherwise.

    Attributes
    ----------
    case : str or None
        A packaged network, or a pandapower ``.json`` file of a bare radial feeder.
    pandapower : str or None
        A pandapower ``.json`` file with any elements, or its text; in Python also the net itself.
    simbench : str or None
        Code of a SimBench network, such as ``1-MV-rural--0-sw``.
    network : str or None
        A network that comes with pandapower, such as ``cigre_mv``.
    feeders : int
        Number of such feeders at the substation, each with the whole fleet; of a `case` only.
    line_max_s_mva : float or None
        Rating of every line at nominal voltage; None keeps the ratings of the net. [MVA]
    tie_line, voltage : TieLine, VoltageLimits
        Limits of the connection to the main grid and of the voltages; None leaves one to the net.
    """

    case: FileName | None = "microgrid33"
    pandapower: NetText | None = None
    simbench: Word | None = None
    network: Word | None = None
    feeders: Annotated[int, Field(ge=1, le=100)] = 1
    line_max_s_mva: Positive | None = 6.0
    tie_line: TieLine = TieLine()
    voltage: VoltageLimits = VoltageLimits()

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        given = [key for key in SOURCES if values.get(key) is not None]
        if len(given) > 1 or not (given or "case" not in values):
            raise ValueError(f"give one of {', '.join(SOURCES)}, found {' and '.join(given) or 'none'}")
        if given in ([], ["case"]):
            return values
        voltage = values.get("voltage", {})
        if isinstance(voltage, Mapping):
            voltage = LEFT_TO_NET["voltage"] | voltage
        return {**LEFT_TO_NET, **values, "case": None, "voltage": voltage}

    @field_validator("pandapower", mode="before")
    @classmethod
    def _net_as_text(cls, value: object) -> object:
        return as_content(value)

    @model_validator(mode="after")
    def _feeders_of_cases_only(self) -> Self:
        if self.feeders > 1 and self.case is None:
            raise ValueError("feeders repeats a case only; join the nets with pandapower instead")
        return self

    @property
    def key(self) -> str:
        """Return the key that says where the network comes from."""
        return next(key for key in SOURCES if getattr(self, key) is not None)

    @property
    def source(self) -> str | NetSource:
        """Return the case, or the origin of another net."""
        return NetSource(self.key, getattr(self, self.key)) if self.case is None else self.case

    @property
    def file(self) -> str:
        """Return the name of the file that the network is in, or nothing."""
        source = self.source
        if isinstance(source, NetSource):
            return source.file
        return "" if source in case_names() else source

    def in_folder(self, folder: Path) -> Self:
        """Return it with the name of its file made absolute, if that is relative to a folder and there."""
        path = folder / self.file
        if not self.file or not path.suffix or not path.is_file():
            return self
        return self.model_copy(update={self.key: str(path.resolve())})


def with_source(grid: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return a grid's document prepared for a network from elsewhere: without its own, and with the other's limits.

    Parameters
    ----------
    grid : mapping
        With all keys there are.
    key : str
        One of `SOURCES`, which is going to be given.
    """
    if grid[key] is not None:
        return dict(grid)
    default = GridSpec().model_dump(mode="json") if key == "case" else LEFT_TO_NET
    return {**grid, **dict.fromkeys(SOURCES), **{name: default[name] for name in LEFT_TO_NET}}
