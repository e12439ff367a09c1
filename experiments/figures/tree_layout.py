"""Layout of a radial feeder as a one-line diagram: longest paths straight, laterals at right angles; of meshes."""

import json
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from grids.network import FloatArray, IntArray

Places = dict[int, tuple[int, int]]
"""Column and row of each bus."""


@dataclass
class _Side:
    """Side of a path: the row farthest out that is taken, by column, and the number of buses there."""

    sign: int
    taken: dict[int, int] = field(default_factory=dict)
    buses: int = 0

    def free_row(self, columns: range) -> int:
        return 1 + max((self.taken.get(column, 0) for column in columns), default=0)


def one_line_layout(slack: int, line_from: IntArray, line_to: IntArray) -> npt.NDArray[np.int64]:
    """Return column and row of every bus of a tree, shape (B, 2).

    The longest path from the slack is row 0. A lateral stands on a row of its own, beginning right above or below
    the bus it leaves (one column later if another lateral leaves the same bus farther out on that side). Laterals of
    the main path take both sides, laterals of laterals the outer one. Lines never cross: a lateral that leaves
    nearer to the slack is put farther out than all it would run past.

    Parameters
    ----------
    slack : int
        Position of the bus at the main grid.
    line_from, line_to : array, shape (L,)
        Bus positions at the ends. Lines that close a loop do not count.
    """
    children = _children(slack, line_from, line_to)
    places = _place_path(slack, 0, children, _longest_ways(slack, children), both_sides=True)
    return np.array([places[bus] for bus in range(len(children))], dtype=np.int64)


def meshed_layout(bus_ids: IntArray, line_from: IntArray, line_to: IntArray, buses: pd.DataFrame) -> FloatArray:
    """Return the places of the buses of a network with loops, shape (B, 2).

    They are the net's own coordinates (GeoJSON in the column ``geo``) where all buses have different ones; otherwise
    those whose distances come nearest to the numbers of lines between buses (classical multidimensional scaling).
    """
    written = buses["geo"].reindex(bus_ids) if "geo" in buses else pd.Series("", bus_ids)
    if all(isinstance(text, str) and text for text in written):
        own: FloatArray = np.array([json.loads(text)["coordinates"][:2] for text in written], dtype=np.float64)
        if len(np.unique(own, axis=0)) == len(own):
            return own
    count = len(bus_ids)
    lines = coo_array((np.ones(len(line_from)), (line_from, line_to)), shape=(count, count))
    squares = shortest_path(lines, directed=False, unweighted=True) ** 2
    centre = np.eye(count) - 1 / count
    strength, direction = np.linalg.eigh(-centre @ squares @ centre / 2)
    direction *= np.sign(direction[np.abs(direction).argmax(axis=0), np.arange(count)])
    return np.asarray(direction[:, [-1, -2]] * np.sqrt(np.maximum(strength[[-1, -2]], 0)))


def _children(slack: int, line_from: IntArray, line_to: IntArray) -> dict[int, list[int]]:
    """Return the buses that each bus feeds; of a network with loops, in a tree of the shortest ways from the slack."""
    near: dict[int, list[int]] = {bus: [] for bus in range(1 + max(int(line_from.max()), int(line_to.max())))}
    for start, end in zip(line_from.tolist(), line_to.tolist(), strict=True):
        near[start].append(end)
        near[end].append(start)
    children: dict[int, list[int]] = {bus: [] for bus in near}
    reached, order = {slack}, [slack]
    for bus in order:
        for other in near[bus]:
            if other not in reached:
                reached.add(other)
                children[bus].append(other)
                order.append(other)
    return children


def _longest_ways(slack: int, children: dict[int, list[int]]) -> dict[int, int]:
    """Return for every bus the number of buses on the longest way from it to an end."""
    order = [slack]
    for bus in order:
        order.extend(children[bus])
    length: dict[int, int] = {}
    for bus in reversed(order):
        length[bus] = 1 + max((length[child] for child in children[bus]), default=0)
    return length


def _place_path(
    first: int, column: int, children: dict[int, list[int]], length: dict[int, int], *, both_sides: bool = False
) -> Places:
    """Place a bus and all it feeds: the longest path on row 0, the laterals on rows 1, 2, ... (and -1, -2, ...)."""
    path = [first]
    while children[path[-1]]:
        path.append(max(children[path[-1]], key=lambda child: length[child]))
    places: Places = {bus: (column + k, 0) for k, bus in enumerate(path)}
    sides = [_Side(1), _Side(-1)] if both_sides else [_Side(1)]
    for bus in reversed(path):
        laterals = [child for child in children[bus] if child not in places]
        for k, lateral in enumerate(laterals):
            outermost = k + len(sides) >= len(laterals)
            start = places[bus][0]
            block = _place_path(lateral, start + (0 if outermost else 1), children, length)
            among = sides if len(laterals) == 1 else [sides[k % len(sides)]]
            _put_outside(block, start, among, places)
    return places


def _put_outside(block: Places, start: int, sides: list[_Side], places: Places) -> None:
    """Add a placed lateral on the side where it comes nearest, beyond all other buses in its columns."""
    columns = range(start, 1 + max(column for column, _ in block.values()))
    side = min(sides, key=lambda side: (side.free_row(columns), side.buses))
    row = side.free_row(columns)
    side.taken.update(dict.fromkeys(columns, row))
    side.buses += len(block)
    for bus, (column, outward) in block.items():
        places[bus] = (column, side.sign * (row + outward))
        side.taken[column] = max(side.taken[column], row + outward)
