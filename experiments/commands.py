"""Functions of the commands: study in, tables and figures out."""

import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

from agents.participants import check_study
from experiments import console
from experiments.bid import bid
from experiments.confidence import CONFIDENCE
from experiments.console.audit import show_audit
from experiments.console.bids import PROFIT_OF, show_bids, show_evaluation
from experiments.console.run import show_run
from experiments.evaluation import evaluate, scenario_set
from experiments.executors.workers import Workers
from experiments.export import check_exports, write_exports
from experiments.long_run import StoredDays, bids_ahead
from experiments.run_folder import chosen_figures, new_run, write_run
from experiments.simulate import Run, simulate
from experiments.summary import LONG_DAYS, limits_in_json, strategy_of
from experiments.whole import MANIFEST, new_folder, open_folder
from grids.documents import parse_yaml, shown
from grids.network import GridError
from grids.power_flow import PowerFlowError
from sim.audit import Inputs, audit_folder
from sim.errors import StudyError, reading
from sim.inputs import inputs_of
from sim.instance import Instance, study_grid
from sim.plausibility import implausible
from sim.profiles import packaged_profiles
from sim.study import Study
from sim.study_file import read_study, require_resolved

STRANGE_SHOWN = 5
"""Number of strange values of a study that are named; of more, only their number is."""


def instance_of(study: Study) -> Instance:
    """Return the instance of a study; warn on standard error of strange values, such as after a slip of units.

    Raises
    ------
    StudyError
        If the network or the profiles can't be used.
    """
    instance = Instance.of(study)
    strange = implausible(instance)
    for one in strange[:STRANGE_SHOWN]:
        console.warn(one)
    if len(strange) > STRANGE_SHOWN:
        console.warn(f"and {len(strange) - STRANGE_SHOWN} more strange values")
    return instance


def run_study(
    study: Study,
    *,
    base: Study | None = None,
    out: Path | None,
    figures: str | None = None,
    resume: bool = False,
    workers: int | None = None,
    export: Sequence[str] = (),
    as_json: bool,
) -> None:
    """Simulate a study, audit it, write its folder and print the results.

    Parameters
    ----------
    study, base : Study
        The study that is run, and the one before its changes.
    out : Path or None
        Folder; by default one is made and named after study and changes.
    figures : {"daily", "overview", "none"} or None
        Figures that are drawn; by default it depends on the number of days.
    resume : bool
        Whether to go on with the finished days of a long run that ended early.
    workers : int, optional
        Number of processes, of which all but one compute the bids of the next days where they don't depend on the days
        before; by default one per core for a long run, else one. The result does not depend on it.
    export : sequence of str
        What is also written for other programs into the folder ``export`` of the run, see :mod:`experiments.export`.
    as_json : bool
        Print one JSON object and nothing else.
    """
    check_exports(export)
    choice = chosen_figures(figures, study.days)
    if choice != "none":  # importing matplotlib takes a second, in which the solver computes the bids
        Thread(target=import_module, args=["experiments.figures.run_figures"], daemon=True).start()
    instance = instance_of(study)
    check_study(instance)
    is_long = study.days > LONG_DAYS
    processes = Workers(workers).threads if is_long or workers else 1
    with new_run(out, study, base, resume=resume) as (unfinished, folder):
        stored = StoredDays(unfinished, study) if is_long or resume else None
        begun = 0 if stored is None else len(stored)
        total, there = (study.calendar.steps_before(day + 1) for day in (study.days, begun))
        with (
            bids_ahead(instance, processes, after=begun) as known,
            console.progress("simulating", total=total, done=there, quiet=as_json) as report,
        ):
            done = simulate(instance, fixed=known, progress=report, stored=stored)
        with console.status("auditing and drawing", quiet=as_json):
            drawn = write_run(done, unfinished, folder, choice, stored=stored, export=export)
    summary, verdict = done.summary, done.audit()
    console.print_result(summary, instance, verdict, drawn, show=show_run, as_json=as_json)
    if not verdict.clean:
        sys.exit(1)


def export_run(folder: Path, *, export: Sequence[str], out: Path, as_json: bool) -> None:
    """Write tables or bids of a stored run for other programs.

    Parameters
    ----------
    folder : Path
        Folder of the run; it stays as it is.
    export : sequence of str
        What is written, see :mod:`experiments.export`.
    out : Path
        Folder they are written to, which must not exist.
    as_json : bool
        Print one JSON object and nothing else.
    """
    check_exports(export)
    loaded = Run.load(folder)
    with new_folder(out) as unfinished:
        files = [file.name for file in write_exports(loaded, unfinished, export)]
    if as_json:
        console.print_json({"run_dir": str(folder), "out": str(out), "files": files})
    else:
        console.echo(f"written to {out}: {', '.join(files)}")


def evaluate_study(study: Study, *, on: str, count: int, as_json: bool, **spread: Any) -> None:
    """Print the expected terms of the study's bids over kept or test scenarios."""
    start = perf_counter()
    instance = instance_of(study)
    check_study(instance)
    scenarios = scenario_set(instance, on, count)
    with console.progress(f"{study.policy} on {on} scenarios", total=len(scenarios), quiet=as_json) as report:
        result = evaluate(instance, scenarios, progress=lambda done: report(f"scenario {done}"), **spread)
    summary = {
        "study": study.name,
        "seed": study.seed,
        "bidding": study.bidding,
        "bid_strategy": strategy_of(result.submission),
        "policy": study.policy,
        "rule": study.market.rule.name,
        "on": on,
        "scenarios": len(scenarios),
        "terms": result.terms,
        "standard_errors": _json_numbers({term: one.standard_error for term, one in result.estimates.items()}),
        "confidence": CONFIDENCE,
        "half_intervals": _json_numbers({term: one.reach for term, one in result.estimates.items()}),
        "bids_mw": result.submission.bid_mw.tolist(),
        "certificate": result.certificate,
        "limits": limits_in_json(result.limits),
        "voltage": {
            "min_pu": min(float(o.vm_pu.min()) for o in result.outcomes),
            "max_pu": max(float(o.vm_pu.max()) for o in result.outcomes),
            "violations": result.limits["voltage"].count,
        },
        "seconds": {"total": perf_counter() - start},
    }
    console.print_result(summary, instance, show=show_evaluation, as_json=as_json)


def bid_study(study: Study, *, as_json: bool, as_csv: bool, **options: Any) -> None:
    """Print the study's bids as `bid` finds them."""
    if as_json and as_csv:
        raise StudyError("--json and --csv: choose one")
    instance = instance_of(study)
    start = perf_counter()
    with console.status("bidding", quiet=as_json or as_csv) as report:
        submission = bid(study, progress=report, **options)
    seconds = perf_counter() - start
    used = strategy_of(submission)
    if as_csv:
        console.warn_of_fallback(used)
        console.echo("hour_ending,bid_mw")
        steps = instance.calendar.market_steps
        for period, value in enumerate(submission.bid_mw[::steps], start=1):
            console.echo(f"{instance.calendar.hour_of(steps * period):.6g},{value:.6f}")
        return
    summary = {
        "study": study.name,
        "seed": study.seed,
        "bidding": used["asked"],
        "bid_strategy": used,
        "rule": study.market.rule.name,
        "bids_mw": submission.bid_mw.tolist(),
        "certificate": submission.certificate,
        "search": submission.search,
        **(
            {"profit_of": PROFIT_OF.get(study.coordination, PROFIT_OF["transactive"])}
            if instance.grid.connections
            else {}
        ),
        "note": submission.note,
        "seconds": {"bid": seconds},
    }
    console.print_result(summary, instance, show=show_bids, as_json=as_json)


def audit_run(folder: Path, *, as_json: bool) -> None:
    """Print the audit of a run folder; exit status 1 if there are findings."""
    if (folder / "study.yaml").is_file():
        require_resolved(folder / "study.yaml")
    verdict = audit_folder(folder, _inputs_of)
    if as_json:
        document: dict[str, Any] = {
            "clean": verdict.clean,
            "findings": [vars(finding) for finding in verdict.findings],
            "limit_violations": [vars(finding) for finding in verdict.limit_violations],
            "limits": limits_in_json(verdict.limits),
            "hours_beyond_limits": verdict.hours_beyond,
            **{name: getattr(verdict, name) for name in ("checks", "largest", "taken_as_given", "notes")},
        }
        console.print_json(_json_numbers(document))
    else:
        show_audit(verdict, folder, _step_name(folder))
    if not verdict.clean:
        sys.exit(1)


PAGE_FORMATS = ("page", "slide")


def plot_run(
    folder: Path, *, figures: Sequence[str], day: int, page_format: str, out: Path | None, as_json: bool
) -> None:
    """Draw a stored run again.

    Parameters
    ----------
    folder : Path
        Folder of the run; it stays as it is.
    figures : sequence of str
        Names of figures; none: all there are.
    day : int
        Market day, counted from 1.
    page_format : {"page", "slide"}
        Whole pages, or every panel by itself.
    out : Path or None
        Folder they are written to; by default one of the run's name below ``plots/``.
    as_json : bool
        Print one JSON object and nothing else.
    """
    from experiments.figures.run_figures import draw_again

    if page_format not in PAGE_FORMATS:
        raise StudyError(f"--format {page_format}: use {' or '.join(PAGE_FORMATS)}")
    loaded = Run.load(folder)
    target = open_folder(out or Path("plots") / folder.resolve().name)
    if (target / MANIFEST).exists():
        raise StudyError(f"--out {target}: is the folder of a run, whose figures stay as they are; give another")
    with console.status("drawing", quiet=as_json):
        files = draw_again(loaded, target, figures, day=day, slides=page_format == "slide")
    if as_json:
        console.print_json({"run_dir": str(folder), "out": str(target), "files": [str(file) for file in files]})
    else:
        pictures = [file.name for file in files if file.suffix == ".png"]
        console.echo(f"drawn to {target}: {', '.join(pictures)} (and as SVG)")


def compare_runs(
    things: Sequence[str],
    *,
    vary: Sequence[str],
    overrides: Sequence[str],
    options: Mapping[str, Any],
    seeds: int,
    out: Path | None,
    as_json: bool,
    **spread: Any,
) -> None:
    """Print runs on the same weather side by side; with `out`, write figure, summary and hours into that folder.

    Parameters
    ----------
    things : sequence of str
        Studies and run folders.
    vary, overrides : sequence of str
        Values of ``--vary`` and ``--set``: ``key=value,value`` and ``key=value``.
    options : mapping of str to object
        Other options of the command line that change the study, by name.
    seeds : int
        Number of seeds.
    out : Path or None
        Folder, which must not exist.
    as_json : bool
        Print one JSON object and nothing else.
    **spread
        ``workers`` and ``dask``, as `compare` takes them.
    """
    from experiments.compare import compare
    from experiments.console.comparison import show_comparison

    with nullcontext() if out is None else new_folder(out) as unfinished:
        with console.status("simulating", quiet=as_json) as report:
            values = _values("--vary", vary, several=True)
            fixed = {key: value for key, (value,) in _values("--set", overrides, several=False).items()}
            given = {name: value for name, value in options.items() if value is not None}
            varied = values | {key: [value] for key, value in fixed.items()}
            compared = compare(*things, vary=varied, seeds=seeds, progress=report, **spread, **given)
        if unfinished is not None:
            with console.status("drawing", quiet=as_json):
                compared.write(unfinished)
    if as_json:
        console.print_json(compared.summary)
        return
    show_comparison(compared)
    if out is None:
        console.echo("--out FOLDER writes the figure that shows why, and all hours")
    else:
        console.echo(f"written to {out} (comparison.png shows why; comparison.json, hours.csv)")


def show_network(study: Study, *, as_json: bool) -> None:
    """Print what became of every element of a study's network."""
    from experiments.console.network import show_grid

    try:
        show_grid(study_grid(study), as_json=as_json)
    except (GridError, PowerFlowError) as error:
        raise StudyError(f"grid.{study.grid.key}: {error}") from error


def _values(option: str, given: Sequence[str], *, several: bool) -> dict[str, list[Any]]:
    """Return the values that an option gives to keys, written ``key=value`` or, if several, ``key=value,value``."""
    values: dict[str, list[Any]] = {}
    for one in given:
        key, sign, text = one.partition("=")
        if not sign or not key.strip() or not text.strip():
            example = "bidding=basic,anm_aware" if several else "uncertainty.keep=20"
            raise StudyError(f"{option} {shown(one)}: write it as key=value, for example {example}")
        with reading(f"{option} {shown(one)}", "write values as in YAML"):
            values[key.strip()] = [parse_yaml(part) for part in (text.split(",") if several else [text])]
    return values


def _step_name(folder: Path) -> str:
    """Return what a step of a stored run is called; of a study that can't be read, the audit says why."""
    try:
        return read_study(folder / "study.yaml").calendar.step_name
    except StudyError:
        return "hour"


def _inputs_of(folder: Path) -> Inputs | str:
    """Return the inputs of a stored run, or a message that names the file that is missing for them."""
    study = read_study(folder / "study.yaml")
    for name, packaged in ((study.grid.file, [""]), (study.profiles.file, packaged_profiles())):
        if name not in packaged and not Path(name).is_file():
            return f"'{name}' is not here"
    return inputs_of(Instance.of(study))


def _json_numbers(value: Any) -> Any:
    """Return a value with null for numbers that JSON does not have: no interval, or what a changed record leads to."""
    if isinstance(value, dict):
        return {name: _json_numbers(part) for name, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
