"""Network of a study on the terminal: what became of every element, and the power flow beside pandapower's."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from experiments import console
from experiments.tables import rich_table
from grids.net_compare import deviation
from grids.net_units import Carried
from grids.network import Grid


def show_grid(grid: Grid, *, as_json: bool) -> None:
    """Print what became of every element of a grid's net, or one JSON object of it.

    Parameters
    ----------
    grid : Grid
        The grid of a study.
    as_json : bool
        Whether to print JSON and nothing else.
    """
    facts, elements = _facts(grid), grid.report or tuple(_of_case(grid))
    if as_json:
        console.print_json({**facts, "elements": [asdict(one) for one in elements]})
        return
    rows = (
        [one.element, "" if one.row < 0 else str(one.row), one.name, one.bus, one.became, one.note] for one in elements
    )
    table = rich_table(
        ["element", "row", "name", "at", "became", "note"],
        ([escape(cell) for cell in row] for row in rows),
        "lrllll",
        title=f"{escape(grid.name)}: what became of every element",
        narrow=True,
    )
    console.out.print(table)
    for line in _sentences(grid, facts):
        console.echo(line)


def _facts(grid: Grid) -> dict[str, Any]:
    """Return the size of a grid, how it is solved, and how far its power flow is from pandapower's of the net."""
    units = Counter([*grid.renewable_kinds, *["battery"] * len(grid.batteries)])
    return {
        "network": grid.name,
        "buses": len(grid.bus_ids),
        "branches": len(grid.line_from),
        "transformers": grid.line_kinds.count("trafo"),
        "loads": len(grid.load_names),
        "units": dict(units),
        "given_mw": float(grid.given_p_mw.sum()),
        "formulation": "conic" if grid.is_radial else "exact AC",
        "slack_bus": int(grid.bus_ids[grid.slack]),
        "slack_vm_pu": grid.voltage.slack_vm_pu,
        "min_vm_pu": float(grid.bus_min_vm_pu.min()),
        "max_vm_pu": float(grid.bus_max_vm_pu.max()),
        "deviation": asdict(deviation(grid)) if grid.net_rows else None,
    }


def _of_case(grid: Grid) -> Iterator[Carried]:
    """Yield the buses, lines and loads of a packaged case, which are carried as they are."""
    ids, ends = grid.bus_ids.tolist(), zip(grid.line_from, grid.line_to, strict=True)
    names = [*zip(grid.load_names, grid.load_bus, strict=True)]
    yield Carried(element="ext_grid", row=0, name="", bus=str(ids[grid.slack]), became="tie line")
    yield from (Carried(element="bus", row=bus, name="", bus=str(bus), became=f"bus {bus}") for bus in ids)
    for line, (first, second) in enumerate(ends):
        yield Carried(element="line", row=line, name="", bus=f"{ids[first]}-{ids[second]}", became=f"line {line}")
    for row, (name, bus) in enumerate(names):
        yield Carried(element="load", row=row, name="", bus=str(ids[bus]), became=name)


def _sentences(grid: Grid, facts: dict[str, Any]) -> Iterator[str]:
    units = ", ".join(f"{count} {kind}" for kind, count in facts["units"].items()) or "none"
    yield (
        f"{facts['buses']} buses, {facts['branches']} branches ({facts['transformers']} transformers),"
        f" {facts['loads']} loads, units: {units}; given besides: {facts['given_mw']:.4g} MW"
    )
    why = "one path from the tie line to every bus" if grid.is_radial else "loops, or voltages that generators hold"
    yield (
        f"model: {facts['formulation']} ({why}); {facts['slack_vm_pu']:g} p.u. at bus {facts['slack_bus']}, limits"
        f" {facts['min_vm_pu']:g} to {facts['max_vm_pu']:g} p.u."
    )
    far = facts["deviation"]
    if far is not None:
        yield (
            f"power flow beside pandapower.runpp of the unchanged net: voltages within {far['vm_pu']:.1e} p.u., flows"
            f" within {max(far['p_mw'], far['q_mvar']):.1e} MW or Mvar, losses within {far['loss_mw']:.1e} MW"
        )
