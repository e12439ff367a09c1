"""Contents of a sweep's report, block by block: Markdown and figures in the order in which they are read."""

import re
from collections.abc import Iterator

import pandas as pd

from experiments.sweeps.outputs import BID_FALLBACKS, BIDDING_USED, HOUR_FALLBACKS
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.figure_page import Drawing
from experiments.sweeps.report.findings import findings_of
from experiments.sweeps.report.front import front_drawing, front_of
from experiments.sweeps.report.lines import line_drawings
from experiments.sweeps.report.maps import map_drawings
from experiments.sweeps.report.numbers import counted, listed
from experiments.sweeps.report.scatter import scatter_drawings
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

Block = str | Drawing


def blocks_of(data: ReportData) -> list[Block]:
    """Return the report."""
    return [
        *_head(data),
        "## What was found",
        "\n".join(f"- {cell(text)}" for text in findings_of(data)),
        *_figures(data),
        *_means(data),
        *_differences(data),
        *_failures(data),
    ]


def markdown(blocks: list[Block]) -> str:
    """Return a report as Markdown, its figures beside it."""
    texts = [f"![{cell(one.caption)}]({one.name}.png)" if isinstance(one, Drawing) else one for one in blocks]
    return "\n\n".join(texts) + "\n"


def _head(data: ReportData) -> Iterator[str]:
    """Yield title, warning, description and provenance."""
    results = data.results
    sweep, done, failed = results.sweep, len(results.runs), len(results.failed)
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
    fixed = [f"{level.axis_label}: {level.texts[0]}" for level in data.levels.values() if len(level) == 1]
    if fixed:
        yield f"The same in all runs: {cell('; '.join(fixed))}."
    if data.layout.empty:
        yield f"Without a value in any run, and left out: {cell(', '.join(data.layout.empty))}."


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


def _figures(data: ReportData) -> Iterator[Block]:
    """Yield the figures, with the table of the last one."""
    blocks: list[Block] = [*line_drawings(data), *map_drawings(data)]
    if (points := front_of(data)) is not None:
        blocks += [front_drawing(data, points), *front_table(data, points)]
    if blocks:
        yield "## Figures"
        yield from blocks


def _means(data: ReportData) -> Iterator[Block]:
    """Yield the means of all arms, or the rank correlations of a sample."""
    if data.layout.sampled:
        yield "## How the outputs follow the factors"
        yield ranges_table(data)
        yield from ranks_table(data)
        yield from scatter_drawings(data)
        yield "The means of all points are in [means.csv](means.csv)."
    else:
        yield "## Means"
        yield from means_table(data)


def _differences(data: ReportData) -> Iterator[str]:
    """Yield the paired differences, or a note on how to ask for them."""
    pairs = data.pairs
    yield "## Differences in pairs"
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
    elif data.layout.sampled:
        yield from pooled_table(data)
        yield "The differences at each point are in [differences.csv](differences.csv)."
    else:
        yield from difference_table(data)
    if pairs.together:
        names = cell(listed(data.labels(pairs.together)))
        yield f"{names} changes together with {cell(compared.label)}; the differences are due to both."
    fallen = fallbacks(data.results.runs)
    if fallen:
        yield f"The differences mix in fallbacks. {fallen}."
    if pairs.incomplete:
        yield f"Incomplete, and left out: {counted(pairs.incomplete, 'pair')} of which only one run is there."


def _failures(data: ReportData) -> Iterator[str]:
    """Yield the table of runs that failed."""
    if len(data.results.failed):
        yield "## Failed runs"
        yield from failures_table(data)
