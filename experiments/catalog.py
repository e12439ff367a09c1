"""Catalog of studies: packaged by name or the user's own file, changed by options, listed and copied.

No solver, network or table is imported here: a user who looks something up should not wait for them.
"""

import ast
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from typing import Any

from agents.anm import POLICIES, add_policy
from agents.bidding import STRATEGIES, add_strategy
from agents.coordination import MODES
from agents.registry import Registry
from experiments import console
from experiments.installation import HOME
from experiments.whole import new_file
from grids.cases import case_names
from grids.documents import in_short, parse_yaml, write_yaml
from sim.errors import StudyError
from sim.market.imbalance import RULES
from sim.study import NAME, NAME_IN_WORDS, Study, absolute_path
from sim.study_file import Change, read_study

OPTIONS = {
    "bidding": "bidding",
    "policy": "policy",
    "coordination": "coordination",
    "trained": "trained",
    "rule": "market.rule",
    "days": "days",
    "start": "calendar.first_day",
    "scenarios": "uncertainty.scenarios",
    "keep": "uncertainty.keep",
    "gap": "search.gap",
    "time_limit": "search.time_limit_s",
    "cvar_weight": "risk.cvar_weight",
    "cvar_level": "risk.cvar_level",
    "seed": "seed",
}
"""The value of a study that each option of a command, or of a call, sets."""


def packaged_studies() -> dict[str, Path]:
    """Return the packaged studies by name."""
    return {path.stem: path for path in sorted((HOME / "experiments" / "studies").glob("*.yaml"))}


def packaged_sweeps() -> dict[str, Path]:
    """Return the files of the packaged sweeps by name."""
    return {path.stem: path for path in sorted((HOME / "experiments" / "sweeps" / "files").glob("*.yaml"))}


def list_studies() -> dict[str, str]:
    """Return the packaged studies and their descriptions, by name.

    Examples
    --------
    >>> import tieline as tl
    >>> sorted(tl.list_studies())[:4]
    ['cigre_mv', 'microgrid33', 'microgrid33-export', 'microgrid33-year']
    """
    return {name: _description(path) for name, path in packaged_studies().items()}


def list_sweeps() -> dict[str, str]:
    """Return the packaged sweeps and their descriptions, by name.

    Examples
    --------
    >>> import tieline as tl
    >>> "penalty_band" in tl.list_sweeps()
    True
    """
    return {name: _description(path) for name, path in packaged_sweeps().items()}


def list_strategies() -> dict[str, str]:
    """Return the bidding strategies and their summaries, by name; with those of the user's own that were used.

    Examples
    --------
    >>> import tieline as tl
    >>> list(tl.list_strategies())[:2]
    ['anm_aware', 'basic']
    """
    return _summaries(STRATEGIES)


def list_policies() -> dict[str, str]:
    """Return the ANM policies and their summaries, by name; with those of the user's own that were used.

    Examples
    --------
    >>> import tieline as tl
    >>> tl.list_policies()["hindsight"]
    "knows the whole day in advance (the paper's evaluation, an upper bound)"
    """
    return _summaries(POLICIES)


def list_coordinations() -> dict[str, str]:
    """Return the modes of coordination and their summaries, by name.

    Examples
    --------
    >>> import tieline as tl
    >>> list(tl.list_coordinations())
    ['central', 'transactive', 'uncoordinated']
    """
    return _summaries(MODES)


def list_rules() -> dict[str, str]:
    """The imbalance rules in words, by name.

    Examples
    --------
    >>> import tieline as tl
    >>> tl.list_rules()["case1"]
    '50% (over) and 50% (under) beyond ±5% of the bid, at the day-ahead price [Table 3]'
    """
    return {name: rule.in_words() for name, rule in RULES.items()}


def list_networks() -> list[str]:
    """The packaged networks.

    Examples
    --------
    >>> import tieline as tl
    >>> tl.list_networks()
    ['microgrid33', 'microgrid66', 'networked33']
    """
    return case_names()


def study_path(reference: str) -> Path:
    """Return the file of a packaged study or of the user's own.

    Raises
    ------
    StudyError
        If there is neither.
    """
    packaged = packaged_studies()
    if reference in packaged:
        return packaged[reference]
    path = Path(reference)
    if reference and path.is_dir():
        if (path / "study.yaml").is_file():
            return path / "study.yaml"
        raise StudyError(
            f"{reference}: is a folder without a study.yaml; give a run folder, a YAML file, or one of"
            f" {', '.join(packaged)} (tieline new FILE writes a study)"
        )
    if path.suffix in {".yaml", ".yml"} or (reference and path.exists()):
        return path
    if reference in packaged_sweeps():
        raise StudyError(f"{reference}: is a sweep, not a study; tieline sweep {reference} simulates it")
    raise StudyError(
        f"unknown study {in_short(reference)}: use one of {', '.join(packaged)}, a YAML file, or a run folder"
        " (tieline studies lists them, tieline new FILE writes one)"
    )


def sweep_path(reference: str) -> Path:
    """Return the file of a packaged sweep or of the user's own.

    Raises
    ------
    StudyError
        If it is a folder, or a packaged study.
    """
    packaged = packaged_sweeps()
    if reference in packaged:
        return packaged[reference]
    path = Path(reference)
    if path.is_dir():
        raise StudyError(f"{reference}: is a folder; give the YAML file of a sweep, or one of {', '.join(packaged)}")
    if reference in packaged_studies() and not path.exists():
        raise StudyError(f"{reference}: is a study, not a sweep; tieline run {reference} simulates it")
    return path


def find_study(reference: str, *, overrides: Iterable[str] = (), options: Mapping[str, Any] | None = None) -> Study:
    """Return a study with changes applied.

    Parameters
    ----------
    reference : str
        Packaged study, YAML file or run folder.
    overrides : iterable of str
        Values of ``--set``: ``key=value``.
    options : mapping of str to object, optional
        Key and value that other options of the command line set; None: not given. They win over `overrides`.

    Raises
    ------
    StudyError
        If the study, an override, or a strategy or policy name is wrong.
    """
    given = [_option(key, value) for key, value in (options or {}).items() if value is not None]
    study = read_study(study_path(reference), [*map(_anchored, overrides), *given])
    check_names(study)
    return study


def _option(key: str, value: Any) -> Change:
    """Return the change that an option makes."""
    name = {path: name for name, path in OPTIONS.items()}.get(key, key).replace("_", "-")
    return Change(key, absolute_path(key, value) or value, f"--{name} {quote(str(value))}")


def load_study(study: str | Path | Study, **options: Any) -> Study:
    """A study, packaged or the user's own, with options applied.

    Parameters
    ----------
    study : str, Path or Study
        Name of a packaged study, YAML file, run folder, or a study that is there already.
    **options
        What `run` may be given besides a study: ``bidding``, ``policy`` and ``coordination`` (name, class or
        instance), ``rule`` (name or `ImbalanceRule`), ``days``, ``start`` (date of day 1), ``seed``, ``scenarios``,
        ``keep``, ``gap``, ``time_limit``, ``cvar_weight``, ``cvar_level``, ``trained``. All else is changed with
        `Study.change`.

    Raises
    ------
    StudyError
        If there is no such study or option, or something is wrong in it.

    Examples
    --------
    >>> import tieline as tl
    >>> tl.load_study("microgrid33").market.rule.name
    'case1'
    >>> tl.load_study("microgrid33", rule="caiso", days=7).days
    7
    """
    if not isinstance(study, str | Path | Study):
        run = "; of a run, give run.study" if isinstance(getattr(study, "study", None), Study) else ""
        raise StudyError(f"study: {in_short(study)} is none; give a name, a path or a Study{run}")
    given = values_of(options, "study.change changes")
    changes = {path: ADD[path](value) if path in ADD else value for path, value in given.items()}
    found = study if isinstance(study, Study) else read_study(study_path(str(study)))
    changed = found.change(changes) if changes else found
    check_names(changed)
    return changed


def values_of(options: Mapping[str, Any], else_by: str) -> dict[str, Any]:
    """Return options that are given by the path of the value each sets; an unknown one is refused."""
    for name in options:
        if name not in OPTIONS:
            close = get_close_matches(name, OPTIONS, n=1)
            meant = f"did you mean {close[0]}?" if close else f"use {', '.join(OPTIONS)}"
            raise StudyError(f"{in_short(name)} is no option, {meant}; {else_by} all else")
    return {OPTIONS[name]: value for name, value in options.items() if value is not None}


ADD: dict[str, Callable[[Any], Any]] = {"bidding": add_strategy, "policy": add_policy, "coordination": MODES.add}
"""Functions that name strategies, policies and modes, also the user's own."""


def base_study(study: Study, reference: str) -> Study | None:
    """Return the study before its changes: the packaged one of its name, or else its file's; None if that is bad.

    Parameters
    ----------
    study : Study
        The study with all changes.
    reference : str
        Name or file by which it was asked for.
    """
    with suppress(StudyError):
        return read_study(packaged_studies().get(study.name) or study_path(reference))
    return None  # the changes mended the errors in the file


def check_names(study: Study, where: str = "") -> None:
    """Refuse a study that names a strategy, policy or mode that does not exist.

    Raises
    ------
    StudyError
        If it does; the message begins with `where`.
    """
    for field, registry in REGISTRIES.items():
        chosen, known = getattr(study, field), registry.names()
        if chosen not in known:
            raise StudyError(f"{where}{field}: unknown {in_short(chosen)}, use one of {', '.join(known)}")


REGISTRIES = {"bidding": STRATEGIES, "policy": POLICIES, "coordination": MODES}
"""Registries of what a study names, by field."""


def has_own(study: Study, *fields: str) -> bool:
    """Return whether strategy, policy or mode (or those of these fields) is the user's own; only this process has it.

    Examples
    --------
    >>> has_own(load_study("microgrid33"), "policy", "coordination")
    False
    """
    return any(REGISTRIES[field].is_own(getattr(study, field)) for field in fields or REGISTRIES)


def _anchored(override: str) -> str:
    """Return an override with the path of a file made absolute, so that it is found again from anywhere."""
    key, _, value = override.partition("=")
    path = absolute_path(key.strip(), value.strip())
    return override if path is None else f"{key}={json.dumps(path)}"


def show_lists() -> None:
    """Print the packaged studies and sweeps, bidding strategies, policies and rules."""
    console.show_catalog(
        {
            "studies": list_studies(),
            "sweeps": list_sweeps(),
            "bidding strategies": list_strategies(),
            "ANM policies": list_policies(),
            "coordination of microgrids": list_coordinations(),
            "imbalance rules": list_rules(),
        }
    )


def _description(path: Path) -> str:
    """Return the description in a packaged file."""
    return str(parse_yaml(path.read_text(encoding="utf-8"))["description"])


def _summaries(registry: Registry) -> dict[str, str]:
    """Return a line about each packaged object of a registry, from its source, and about each of the user's own."""
    files = {name: HOME / registry.package.replace(".", "/") / f"{name}.py" for name in registry.packaged()}
    return {
        name: _summary(files[name]) if name in files else str(getattr(registry.find(name), "summary", "your own"))
        for name in registry.names()
    }


def _summary(file: Path) -> str:
    """Return the ``summary`` in a module's source: importing it, with its solvers, would take seconds."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(one, ast.Name) and one.id.lower() == "summary" for one in targets):
            return str(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return ""


def new_study(file: Path, like: str) -> None:
    """Write a commented study or sweep, named after its file."""
    packaged = packaged_studies() | packaged_sweeps()
    if like not in packaged:
        raise StudyError(f"--like {like}: use one of {', '.join(packaged)}")
    if file.suffix not in {".yaml", ".yml"}:
        raise StudyError(f"{file}: the name of such a file ends in .yaml")
    if not NAME.fullmatch(file.stem):
        raise StudyError(f"{file}: it is named after its file: {NAME_IN_WORDS}")
    kind, command = ("sweep", "sweep") if like in packaged_sweeps() else ("study", "run")
    header, name, rest = packaged[like].read_text(encoding="utf-8").partition(f"name: {like}\n")
    began = f"# {file.stem}: began as a copy of the packaged {kind} {like}.\n#   tieline {command} {file}\n"
    text = began + _notes(header) + (write_yaml({"name": file.stem}) if name else "") + rest
    with new_file(file) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    console.echo(f"wrote {file}; next: tieline {command} {file}")


def _notes(header: str) -> str:
    """Return the notes on values in the header of a packaged file, without its title and commands."""
    _, *lines = header.splitlines(keepends=True)
    return "".join(line for line in lines if "  tieline " not in line and "tieline new mine.yaml" not in line)
