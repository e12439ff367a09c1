"""Contents of a sweep's report, block by block: Markdown and figures in the order in which they are read."""

import re
from collections.abc import Iterator

import pandas as pd

from experiments.sweeps.outputs import BID_FALLBACKS, BIDDING_USED, HOUR_FALLBACKS
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.figure_page import ReportFigure
from experiments.sweeps.report.findings import findings_of
from experiments.sweeps.report.front import front_drawing, front_of
from experiments.sweeps.report.levels import CHANGE, single_axes
from experiments.sweeps.report.lines import line_drawings, scatter_drawings
from experiments.sweeps.report.maps import map_drawings
from experiments.sweeps.report.numbers import counted, listed
from experiments.sweeps.report.tables import (
    cell,
    difference_table,
    failures_table,
    front_table,
    means_table,
    pooled_table,
    ranges_table,
    ranks_table,
)

Block = str | ReportFigure


def blocks_of(data: ReportData) -> list[Block]:
    """Return the report."""
    figures: list[Block] = [*line_drawings(data), *map_drawings(data)]
    if (points := front_of(data)) is not None:
        figures += [front_drawing(data, points), *front_table(data, points)]
    return [
        *_head(data),
        "## What was found",
        "\n".join(f"- {cell(text)}" for text in findings_of(data)),
        *["## Figures"] * bool(figures),
        *figures,
        *(_sample(data) if data.sampled else ["## Means", *means_table(data)]),
        "## Differences in pairs",
        *_differences(data),
        *(["## Failed runs", *failures_table(data)] if len(data.results.failed) else []),
    ]


def _sample(data: ReportData) -> Iterator[Block]:
    """Yield the rank correlations and figures of a sample."""
    yield "## How the outputs follow the factors"
    yield ranges_table(data)
    yield from ranks_table(data)
    yield from scatter_drawings(data)
    yield "The means of all points are in [means.csv](means.csv)."


def markdown(blocks: list[Block]) -> str:
    """Return a report as Markdown, its figures beside it."""
    texts = [f"![{cell(one.caption)}]({one.name}.png)" if isinstance(one, ReportFigure) else one for one in blocks]
    return "\n\n".join(texts) + "\n"


def _head(data: ReportData) -> Iterator[str]:
    """Yield title, warning, description and provenance."""
    results, sweep = data.results, data.results.sweep
    done, failed = len(results.runs), len(results.failed)
    yield f"# {cell(sweep.name)}"
    missing = results.planned - done - failed
    lacking = [counted(failed, "run") + " failed"] * (failed > 0) + [f"{missing:,} not done yet"] * (missing > 0)
    if lacking:
        where = " What failed is listed at the end." if failed else ""
        yield (
            f"> **Not complete.** Of {counted(results.planned, 'planned run')}, {listed(lacking)};"
            f" what follows is about the {done:,} that are done.{where}"
        )
    fallen = fallbacks(results.runs)
    if fallen:
        yield f"> **Fallbacks.** {fallen}; what is said of the strategy or policy asked for is in part of them."
    if sweep.description.strip():
        yield "\n\n".join(cell(part) for part in re.split(r"\n\s*\n", sweep.description.strip()))
    versions = ", ".join(f"{name} {number}" for name, number in results.provenance.items())
    yield (
        f"Study {cell(sweep.study)}; {counted(sweep.replications, 'replication')};"
        f" runs: {done:,} done of {results.planned:,} planned, {failed:,} failed; {cell(versions)}."
    )
    changes = [level for name, level in data.levels.items() if name.startswith(CHANGE)]
    for level, axis in zip(changes, single_axes(sweep), strict=bool(changes)):
        base = ", ".join(data.levels[name].labelled(data.singles[name]) for name in axis.base)
        no_run = " No run of it is done: list one of its values among the others to have them compared with it."
        said = f"The base: {cell(base)}; from it, one value is changed at a time."
        yield f"{said}{no_run * bool(level.missing_first)}"
    fixed = [f"{level.axis_label}: {level.texts[0]}" for level in data.levels.values() if len(level) == 1]
    if fixed:
        yield f"The same in all runs: {cell('; '.join(fixed))}."
    if empty := [name for name in sweep.report.outputs if name not in data.spec.outputs]:
        yield f"Without a value in any run, and left out: {cell(', '.join(empty))}."


def fallbacks(runs: pd.DataFrame) -> str:
    """Return the number of runs with bids or hours decided by a fallback in words; empty if there are none."""
    bids, hours = runs[BID_FALLBACKS] > 0, runs[HOUR_FALLBACKS] > 0
    said = []
    if bids.any():
        used = ", ".join(f"{name}: {count:,}" for name, count in runs.loc[bids, BIDDING_USED].value_counts().items())
        said.append(f"{counted(int(bids.sum()), 'run')} with bids of another strategy than asked for ({cell(used)})")
    if hours.any():
        said.append(f"{counted(int(hours.sum()), 'run')} with hours decided by a fallback policy")
    return f"Of {len(runs):,}, {listed(said)}" if said else ""


def _differences(data: ReportData) -> Iterator[str]:
    """Yield the paired differences, or a note on how to ask for them."""
    pairs = data.pairs
    if pairs is None:
        yield (
            "No factor is compared: name one under `report.compare` in the sweep file. Its first value becomes the"
            " baseline, and the others are compared with it, run by run with the same seed."
        )
        return
    compared = data.levels[pairs.compare]
    if compared.missing_first:
        yield (
            f"The first value, {cell(compared.missing_first)}, is in no run that is done; the baseline is"
            f" {cell(compared.named(pairs.baseline))} instead."
        )
    if pairs.differences.empty:
        yield f"There is no pair of runs that differ in {cell(compared.label)} alone and have the same seed."
    elif data.sampled:
        yield from pooled_table(data)
        yield "The differences at each point are in [differences.csv](differences.csv)."
    else:
        yield from difference_table(data)
    if together := [name for name in pairs.together if name not in data.singles]:
        names = cell(listed(data.labels(together)))
        yield f"{names} changes together with {cell(compared.label)}; the differences are due to both."
    fallen = fallbacks(data.results.runs)
    if fallen:
        yield f"The differences mix in fallbacks. {fallen}."
    if pairs.incomplete:
        yield f"Incomplete, and left out: {counted(pairs.incomplete, 'pair')} of which only one run is there."
