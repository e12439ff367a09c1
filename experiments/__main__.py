"""Command line: ``tieline``, or ``python -m experiments``. Heavy packages are imported only where used."""

import errno
import gc
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from importlib import import_module
from importlib.metadata import version
from inspect import Parameter, Signature, signature
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any

from experiments.streams import (
    INTERRUPTED,
    PIPE_CLOSED,
    UNWRITABLE,
    can_write,
    interruptible_at_once,
    leave,
    say,
    unwritten,
    write_plainly,
)

with interruptible_at_once():
    import typer
    import yaml

    from experiments.installation import HOME, fault_of_installation
    from experiments.reproduce import item_names

app = typer.Typer(
    name="tieline",
    help="Bid, run and settle a renewable microgrid: day-ahead bid, active network management, imbalance settlement.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _found(package: str) -> str:
    """Return the names of the modules of a package in words; importing it would take seconds."""
    names = sorted(module.name for module in iter_modules([str(HOME / package)]) if not module.name.startswith("_"))
    return _in_words(names)


def _in_words(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names)


def _rules() -> list[str]:
    """Return the names of the imbalance rules; none if their file is missing, which `main` reports."""
    file = HOME / "sim" / "data" / "rules.yaml"
    return [*yaml.safe_load(file.read_text(encoding="utf-8"))] if file.is_file() else []


POLICIES = _found("agents/anm")
RULES = _in_words(_rules())

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def _option(kind: Any, text: str, *names: str, **details: Any) -> Any:
    return Annotated[kind | None, typer.Option(*names, help=text, **details)]


SHARED = {
    "study": Annotated[str, typer.Argument(help="Packaged study (see: tieline studies), YAML file, or run folder.")],
    "bidding": _option(str, f"Bidding strategy: {_found('agents/bidding')}."),
    "policy": _option(str, f"ANM policy: {POLICIES}."),
    "coordination": _option(str, f"How microgrids are coordinated: {_found('agents/coordination')}."),
    "trained": _option(str, "File of value functions for --policy learned (tieline train)."),
    "rule": _option(str, f"Imbalance rule: {RULES}."),
    "days": _option(int, "Market days in a row."),
    "start": _option(str, "Date of day 1, for studies with a calendar, e.g. 2016-07-05.", metavar="DATE"),
    "scenarios": _option(int, "Monte-Carlo scenarios drawn for the bid."),
    "keep": _option(str, "Scenarios kept by the reduction, or all."),
    "gap": _option(float, "Relative optimality gap to prove, e.g. 0.001."),
    "time_limit": _option(float, "Seconds to search for better bids."),
    "cvar_weight": _option(float, "Share of the CVaR in what the bid optimises, 0 to 1."),
    "cvar_level": _option(float, "Level of the CVaR: 0.95 is the mean of the worst 5 %."),
    "seed": _option(int, "Seed of all random numbers."),
    "set_": _option(
        list[str],
        "Change any value, e.g. market.tariff.wear_fast=2; * is all of a list.",
        "--set",
        metavar="KEY=VALUE",
    ),
    "workers": _option(int, "Number of workers, default one per core; the result does not depend on it.", min=1),
    "dask": _option(str, "Work on the workers of this Dask scheduler.", metavar="ADDRESS"),
    "json": Json,
}
"""Arguments of several commands, by name."""

Given = dict[str, Any]
"""Values of the arguments of `SHARED` that a command has."""


def _command(order: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that makes a function of the `Given` arguments and of its own a command.

    Parameters
    ----------
    order : str
        Names of all arguments as the command's help lists them; those that are not the function's own are shared.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = dict(signature(function).parameters)
        del own["given"]
        arguments = [own.get(name) or _shared(name) for name in order.split()]

        @wraps(function)
        def command(**values: Any) -> None:
            function({name: value for name, value in values.items() if name not in own}, **{n: values[n] for n in own})

        command.__annotations__ = {one.name: one.annotation for one in arguments}
        command.__signature__ = Signature(  # type: ignore[attr-defined]
            [one.replace(kind=Parameter.KEYWORD_ONLY) for one in arguments]
        )
        return app.command()(command)

    return decorate


def _shared(name: str) -> Parameter:
    default = {"study": Parameter.empty, "json": False}.get(name)
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=SHARED[name], default=default)


def _load(module: str) -> Any:
    """Import a module of this package, with a status line on the terminal: the numeric libraries take seconds."""
    gc.disable()  # what is imported stays: looking for garbage in it takes a tenth of the time
    with interruptible_at_once(), _status("loading the numeric libraries"):
        loaded = import_module(f"experiments.{module}")
    gc.freeze()
    gc.enable()
    return loaded


def _status(text: str) -> AbstractContextManager[object]:
    """Return a status line on the terminal, if standard error is one."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)


def _study(given: Given) -> Any:
    """Return the study that a command's arguments name, with those of them applied that set its values."""
    names = _load("catalog").OPTIONS
    options = {names[name]: value for name, value in _options(given).items()}
    return _load("catalog").find_study(given["study"], overrides=given["set_"] or [], options=options)


def _options(given: Given) -> dict[str, Any]:
    """Return those of a command's arguments that set values of a study, by their names."""
    options = {name: given[name] for name in _load("catalog").OPTIONS if name in given}
    if (options.get("keep") or "").isdecimal():  # or all
        options["keep"] = int(options["keep"])
    return options


def _way(given: Given) -> dict[str, Any]:
    """Return those of a command's arguments that say where it works and how it answers, as its function takes them."""
    return {{"json": "as_json"}.get(name, name): given[name] for name in ("workers", "dask", "json") if name in given}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tieline {version('tieline')}")
        raise typer.Exit


@app.callback()
def _all_commands(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@_command(
    "study bidding policy coordination trained rule days start scenarios keep cvar_weight cvar_level seed set_ out"
    " resume figures export workers json"
)
def run(
    given: Given,
    out: Annotated[Path | None, typer.Option(help="Run folder; must not exist. Default: runs/...")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after the last finished day of a long run that ended early.")
    ] = False,
    figures: Annotated[
        str | None,
        typer.Option(help="daily (one of each day), overview (of all days) or none. Default: daily up to a week."),
    ] = None,
    export: Annotated[
        list[str] | None, typer.Option(help="Also write csv (all tables) or bids (a market file); repeat for both.")
    ] = None,
) -> None:
    """Simulate a study: bid, 24 hours of ANM, settlement, audit; write a run folder with tables and figures."""
    if given["days"] or given["workers"]:  # a long run has workers
        from experiments.executors.engines import start_tracker

        start_tracker()
    chosen = _study(given)
    base = _load("catalog").base_study(chosen, given["study"])
    more = {"figures": figures, "export": export or ()}
    _load("commands").run_study(chosen, base=base, out=out, resume=resume, **more, **_way(given))


@_command(
    "study bidding policy coordination trained on test_scenarios rule start scenarios keep cvar_weight cvar_level seed"
    " set_ workers dask json"
)
def evaluate(
    given: Given,
    policy: Annotated[str, typer.Option(help=f"ANM policy: {POLICIES}.")] = "hindsight",
    on: Annotated[
        str, typer.Option(help="kept: the bid's own scenarios (as in the paper); test: fresh ones.")
    ] = "kept",
    test_scenarios: Annotated[int, typer.Option(min=1, help="How many fresh scenarios, with --on test.")] = 100,
) -> None:
    """Expected money of the study's bids over a set of scenarios, with standard errors."""
    chosen = _study(given | {"policy": policy})
    _load("commands").evaluate_study(chosen, on=on, count=test_scenarios, **_way(given))


@_command(
    "study bidding rule scenarios keep compare_keep out_of_sample cvar_weight cvar_level seed set_ out workers dask"
    " json"
)
def value(
    given: Given,
    compare_keep: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Also bid from N kept scenarios; repeat for more. Default: 1, 5, 10, 20, 50."),
    ] = None,
    out_of_sample: Annotated[int, typer.Option(metavar="N", help="Fresh scenarios every bid is tested on.")] = 100,
    out: Annotated[Path | None, typer.Option(help="Folder for figure and data; must not exist.")] = None,
) -> None:
    """Value of the stochastic bid: VSS, EVPI, and profit by number of kept scenarios, on the same fresh ones."""
    chosen = _study(given)
    _load("value_console").value_study(chosen, sizes=compare_keep or (), count=out_of_sample, out=out, **_way(given))


@_command("study days start samples seed set_ out json")
def scenarios(
    given: Given,
    samples: Annotated[int, typer.Option(min=2, max=1000, help="Scenarios drawn for each day.")] = 200,
    out: Annotated[Path | None, typer.Option(help="Folder for the figure; must not exist.")] = None,
) -> None:
    """Scores of a study's scenarios against what happened on its days: reliability, sharpness, proper scores."""
    _load("scenario_scores").score_study(_study(given), samples=samples, out=out, as_json=given["json"])


@_command(
    "study bidding coordination rule start scenarios keep gap time_limit cvar_weight cvar_level seed set_ formulation"
    " solver workers dask json csv"
)
def bid(
    given: Given,
    formulation: Annotated[str, typer.Option(help="conic, or ac: the paper's polar AC equations.")] = "conic",
    solver: Annotated[str | None, typer.Option(help="With --formulation ac: ipopt or bonmin.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print hour_ending,bid_mw as CSV and nothing else.")] = False,
) -> None:
    """Compute and print the 24 day-ahead bids."""
    chosen = _study(given)
    _load("commands").bid_study(chosen, formulation=formulation, solver=solver, as_csv=csv, **_way(given))


@_command("study out samples rounds test_days rule seed set_ workers dask json")
def train(
    given: Given,
    out: Annotated[Path, typer.Option(help="JSON file for the value functions; must not exist.")],
    samples: Annotated[int, typer.Option(min=4, help="Problems solved for each hour and round.")] = 60,
    rounds: Annotated[int, typer.Option(min=1, help="Passes over the day; the best is kept.")] = 2,
    test_days: Annotated[
        int,
        typer.Option(min=0, help="Fresh days to compare it on with myopic, receding and hindsight."),
    ] = 0,
) -> None:
    """Train value functions of stored energy for --policy learned; write them with their provenance."""
    chosen, sizes = _study(given), {"samples": samples, "rounds": rounds, "test_days": test_days}
    _load("train").train_study(chosen, out=out, **sizes, **_way(given))


@app.command()
def audit(
    run_dir: Annotated[Path, typer.Argument(help="Folder written by tieline run.")],
    json: Json = False,
) -> None:
    """Re-derive a run's records and summary; list what does not hold, and what is taken as given."""
    _load("commands").audit_run(run_dir, as_json=json)


@app.command()
def plot(
    run_dir: Annotated[Path, typer.Argument(help="Folder written by tieline run.")],
    figure: Annotated[
        list[str] | None, typer.Option(help="day, network, overview, ...; repeat for more. Default: all there are.")
    ] = None,
    day: Annotated[int, typer.Option(help="Market day, counted from 1.")] = 1,
    page_format: Annotated[
        str, typer.Option("--format", help="page, or slide: every panel by itself, 16:9.")
    ] = "page",
    out: Annotated[Path | None, typer.Option(help="Folder for PNG and SVG files. Default: plots/...")] = None,
    json: Json = False,
) -> None:
    """Draw a stored run again, as pages or panel by panel as 16:9 slides; the run's folder stays as it is."""
    _load("commands").plot_run(run_dir, figures=figure or (), day=day, page_format=page_format, out=out, as_json=json)


@app.command()
def export(
    run_dir: Annotated[Path, typer.Argument(help="Folder written by tieline run.")],
    what: Annotated[list[str], typer.Argument(help="csv: all tables; bids: the bids as a market file.")],
    out: Annotated[Path, typer.Option(help="Folder for the CSV files; must not exist.")],
    json: Json = False,
) -> None:
    """Write tables or bids of a stored run as CSV; the run's folder stays as it is."""
    _load("commands").export_run(run_dir, export=what, out=out, as_json=json)


@_command(
    "things vary seeds bidding policy coordination trained rule days start scenarios keep cvar_weight cvar_level seed"
    " set_ out workers dask json"
)
def compare(
    given: Given,
    things: Annotated[
        list[str], typer.Argument(metavar="STUDY...", help="Studies or run folders; the first is the baseline.")
    ],
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=A,B", help="Compare values, e.g. bidding=basic,anm_aware; repeat for combinations."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of seeds; several give 95 % intervals of differences.")
    ] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for figure, summary and hours; must not exist.")] = None,
) -> None:
    """Two or more studies or runs on the same weather: money side by side, and a figure that shows why."""
    values = {"vary": vary or (), "overrides": given["set_"] or (), "options": _options(given)}
    _load("commands").compare_runs(things, **values, seeds=seeds, out=out, **_way(given))


@app.command()
def studies() -> None:
    """List the packaged studies and sweeps, strategies, policies and rules."""
    _load("catalog").show_lists()


@_command("study set_ grid json")
def show(
    given: Given,
    grid: Annotated[
        bool, typer.Option("--grid", help="Its network instead: what became of every element, and the power flow.")
    ] = False,
) -> None:
    """Print a study with every value spelled out, as YAML."""
    from sim.study_file import write_study

    if grid:
        _load("commands").show_network(_study(given), as_json=given["json"])
        return
    text = write_study(_study(given))
    if given["json"]:
        text = json.dumps(yaml.safe_load(text), indent=2) + "\n"
    if not can_write(text):
        text = yaml.safe_dump(yaml.safe_load(text), sort_keys=False)  # with escapes: what is shown can be run
    typer.echo(text, nl=False)


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="YAML file to write; must not exist.")],
    like: Annotated[str, typer.Option(help="Packaged study or sweep to start from.")] = "microgrid33",
) -> None:
    """Write a commented study or sweep to start from."""
    _load("catalog").new_study(file, like)


@_command("what quick out workers dask seed json")
def reproduce(
    given: Given,
    what: Annotated[str, typer.Argument(help=f"What to make: {', '.join(item_names())}, or all.")],
    quick: Annotated[bool, typer.Option("--quick", help="Everything at reduced size, to see that it works.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for tables, figures and what is computed.")] = Path("reproduction"),
) -> None:
    """Make the paper's tables and figures again beside its own numbers; what was computed is not computed again."""
    from experiments.executors.engines import start_tracker

    start_tracker()
    _load("reproduce.command").reproduce_items(what, quick=quick, out=out, seed=given["seed"], **_way(given))


@_command("file workers dask out dry_run retry_failed json")
def sweep(
    given: Given,
    file: Annotated[str, typer.Argument(help="Packaged sweep (see: tieline studies) or YAML file.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder; gone on with if it is there. Default: sweeps/NAME.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many runs, and how long they take.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Also simulate again what failed before.")
    ] = False,
) -> None:
    """Simulate a study over many values and seeds; what is done already is not done again."""
    from experiments.executors.engines import start_tracker

    start_tracker()
    _load("sweeps.command").run_sweep(file, out=out, dry_run=dry_run, retry_failed=retry_failed, **_way(given))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder written by tieline sweep.")],
    json: Json = False,
) -> None:
    """Tables and figures of a sweep: means, confidence intervals, paired differences; Markdown and HTML."""
    _load("sweeps.command").report_sweep(folder, as_json=json)


@app.command()
def teach(
    run_dir: Annotated[
        Path | None, typer.Argument(help="Folder of a run to replay; without one, runs are simulated.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port the page is served on.")] = 8080,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets anyone on the network use the page.")
    ] = "127.0.0.1",
    study: Annotated[str, typer.Option(help="Study that is shown first.")] = "microgrid33",
    lessons: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with lessons of your own (*.md).")
    ] = None,
    handout: Annotated[
        str | None, typer.Option(metavar="NAME", help="Write a lesson to print instead, or all of them.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File of the hand-out, .html or .md; must not exist.")] = None,
) -> None:
    """Serve the teaching page: two runs side by side in the browser, hour by hour, with lessons."""
    from experiments.executors.engines import start_tracker

    start_tracker()
    _load("teach.command").teach(
        run_dir, port=port, host=host, study=study, own_lessons=lessons, handout=handout, out=out
    )


@app.command()
def bench(
    json: Json = False,
    quick: Annotated[bool, typer.Option(help="Fewer repetitions, and nothing that takes minutes.")] = False,
    proofs: Annotated[bool, typer.Option(help="Only how far the bids of hard cases are proven.")] = False,
    networked: Annotated[bool, typer.Option(help="Only networked microgrids, of 33, 66 and 330 buses.")] = False,
    networks: Annotated[
        bool, typer.Option(help="Only networks as they come beside pandapower, large ones, SimBench's (if installed).")
    ] = False,
    sweeps: Annotated[bool, typer.Option(help="Only sweeps: days per second, workers, Dask, memory.")] = False,
    long_runs: Annotated[bool, typer.Option(help="Only long runs: time of a year, growth of memory.")] = False,
    whole: Annotated[bool, typer.Option("--all", help="Everything, also what takes minutes.")] = False,
) -> None:
    """Measure speed and memory as ratios, side by side, one row after another; without options, of one microgrid."""
    groups = {"networked": networked, "networks": networks, "sweeps": sweeps, "long_runs": long_runs}
    chosen = [name for name, given in groups.items() if given or whole]
    if whole or not (chosen or proofs):
        chosen = ["microgrid33", *chosen]
    _load("bench.command").run_bench(chosen, proofs=proofs or whole, quick=quick, whole=whole, as_json=json)


def main() -> None:
    """Run the command line; bad input ends in one message on standard error and exit status 2.

    After Ctrl-C the status is 130. A pipe that is closed early ends it quietly with 141, as the signal would; standard
    output that can't be written for another reason ends in a message and status 1.
    """
    write_plainly()
    if fault := fault_of_installation():
        say(fault)
        leave(2)
    try:
        app()
    except SystemExit as end:
        closed = isinstance(end.__context__, BrokenPipeError)  # noticed, and answered with a status of their own
        leave(PIPE_CLOSED if closed else end.code if isinstance(end.code, int) else int(end.code is not None))
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            say(f"{error.filename}: {error.strerror}; give a shorter one")
            leave(2)
        failure = unwritten(probe="\n") if error.filename is None else None
        if failure is None:
            raise
        leave(UNWRITABLE, failure)
    except ValueError as error:
        from grids.documents import first_few, shown
        from sim.errors import StudyError

        if not isinstance(error, StudyError):
            raise
        say("\n".join(first_few([shown(line, 1000) for line in str(error).splitlines()], 30)))
        leave(2)


if __name__ == "__main__":
    main()
