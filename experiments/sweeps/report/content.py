"""The report of a sweep, block by block: Markdown and figures in the order in which they are read."""

import re
from collections.abc import Iterator

import pandas as pd

from experiments.figures.sweep_sheet import Drawing
from experiments.sweeps.outputs import BID_FALLBACKS, BIDDING_USED, HOUR_FALLBACKS
from experiments.sweeps.report.amounts import counted, listed
from experiments.sweeps.report.clouds import scatter_drawings
from experiments.sweeps.report.curves import difference_drawings, means_drawings
from experiments.sweeps.report.evidence import Evidence
from experiments.sweeps.report.findings import findings_of
from experiments.sweeps.report.front import front_drawing, front_table
from experiments.sweeps.report.levels import value_text
from experiments.sweeps.report.maps import map_drawings
from experiments.sweeps.report.sample_tables import pooled_table, ranges_table, ranks_table
from experiments.sweeps.report.tables import MOST_ROWS, cell, difference_table, means_table, table
from experiments.sweeps.results import REPLICATION

Block = str | Drawing


def blocks_of(evidence: Evidence) -> list[Block]:
    """Return the report."""
    return [
        *_head(evidence),
        "## What was found",
        "\n".join(f"- {cell(text)}" for text in findings_of(evidence)),
        *_figures(evidence),
        *_means(evidence),
        *_differences(evidence),
        *_failures(evidence),
    ]


def markdown(blocks: list[Block]) -> str:
    """Return a report as Markdown, its figures beside it."""
    texts = [f"![{cell(one.caption)}]({one.name}.png)" if isinstance(one, Drawing) else one for one in blocks]
    return "\n\n".join(texts) + "\n"


def _head(evidence: Evidence) -> Iterator[str]:
    """Yield title, warning, description and provenance."""
    results = evidence.results
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
    fixed = [name for name, level in evidence.levels.items() if len(level) == 1]
    if fixed:
        same = "; ".join(f"{level.label}: {level.texts[0]}" for level in (evidence.levels[name] for name in fixed))
        yield f"The same in all runs: {cell(same)}."
    if evidence.roles.empty:
        yield f"Without a value in any run, and left out: {cell(', '.join(evidence.roles.empty))}."


def fallbacks(runs: pd.DataFrame) -> str:
    """Return how many runs have bids or hours of others than those asked for; empty if none has."""
    bids, hours = runs[BID_FALLBACKS] > 0, runs[HOUR_FALLBACKS] > 0
    said = []
    if bids.any():
        used = ", ".join(f"{name}: {count:,}" for name, count in runs.loc[bids, BIDDING_USED].value_counts().items())
        said.append(f"{counted(int(bids.sum()), 'run')} with bids of another strategy than asked for ({cell(used)})")
    if hours.any():
        said.append(f"{counted(int(hours.sum()), 'run')} with hours decided by a fallback policy")
    return f"Of {len(runs):,}, {listed(said)}" if said else ""


def _means(evidence: Evidence) -> Iterator[Block]:
    if evidence.roles.sampled:
        yield "## How the outputs follow the factors"
        yield from ranges_table(evidence)
        yield from ranks_table(evidence)
        yield from scatter_drawings(evidence)
        yield "The means of all points are in [means.csv](means.csv)."
    else:
        yield "## Means"
        yield from means_table(evidence)


def _differences(evidence: Evidence) -> Iterator[str]:
    """Yield the paired differences, or how to ask for them."""
    pairs = evidence.pairs
    yield "## Differences in pairs"
    if pairs is None:
        yield (
            "No factor is compared: name one under `report.compare` in the sweep file. Its first value becomes the"
            " baseline, and the others are compared with it, run by run with the same seed."
        )
        return
    compared = evidence.levels[pairs.compare]
    if compared.missing_first:
        yield (
            f"The first value, {cell(compared.missing_first)}, is in no run that is done; the baseline is"
            f" {cell(compared.named(pairs.baseline))} instead."
        )
    if pairs.differences.empty:
        yield f"There is no pair of runs that differ in {cell(compared.words)} alone and have the same seed."
    elif evidence.roles.sampled:
        yield from pooled_table(evidence)
        yield "The differences at each point are in [differences.csv](differences.csv)."
    else:
        yield from difference_table(evidence)
    if pairs.together:
        names = listed(evidence.levels[name].words for name in pairs.together)
        yield f"{cell(names)} changes together with {cell(compared.words)}; the differences are due to both."
    fallen = fallbacks(evidence.results.runs)
    if fallen:
        yield f"The differences mix in fallbacks. {fallen}."
    if pairs.incomplete:
        yield f"Incomplete, and left out: {counted(pairs.incomplete, 'pair')} of which only one run is there."


def _figures(evidence: Evidence) -> Iterator[Block]:
    drawings = [
        *means_drawings(evidence),
        *difference_drawings(evidence),
        *map_drawings(evidence),
        *front_drawing(evidence),
    ]
    if drawings:
        yield "## Figures"
        yield from drawings
        yield from front_table(evidence)


def _failures(evidence: Evidence) -> Iterator[str]:
    """Yield the table of runs that failed."""
    failed: pd.DataFrame = evidence.results.failed
    if failed.empty:
        return
    names = list(evidence.results.factors)
    yield "## Failed runs"
    rows = [
        [
            *(cell(value_text(evidence.results, name, row[name])) for name in names),
            str(row[REPLICATION]),
            str(row["seed"]),
            cell(str(row["error"])),
        ]
        for _, row in failed[:MOST_ROWS].iterrows()
    ]
    heads = [
        *(cell(evidence.results.label(name)) for name in names),
        "replication",
        "seed",
        "error",
    ]
    yield table(heads, rows, words=len(heads))
    if len(failed) > MOST_ROWS:
        yield f"The first {MOST_ROWS} of {len(failed):,} failed runs."
