"""The command ``reproduce``: the name of an item in; tables and figures of the paper out."""

from pathlib import Path
from time import perf_counter
from typing import Any

from rich.markup import escape

from experiments import console
from experiments.executors.workers import Workers
from experiments.figures.style import house_style
from experiments.reproduce import chosen_names, item
from experiments.reproduce.context import Context
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.result_cache import ResultCache
from experiments.whole import open_folder, told


def reproduce(
    what: str,
    *,
    quick: bool = False,
    out: str | Path = "reproduction",
    workers: int | None = None,
    dask: str | None = None,
    seed: int | None = None,
    quiet: bool = True,
) -> dict[str, Any]:
    """Make tables and figures of the paper again; what was computed is kept, and found again by the next call.

    Parameters
    ----------
    what : str
        Name of an item, such as ``table5``, or ``all``.
    quick : bool
        Everything at reduced size, to see that it works.
    out : str or Path
        Folder for tables, figures and what is computed.
    workers, dask : int, str, optional
        Processes, by default one per core, or the address of a Dask scheduler; the result does not depend on them.
    seed : int, optional
        By default that of the study.
    quiet : bool
        Whether nothing is shown on the terminal.

    Returns
    -------
    dict
        ``items`` (numbers by item), ``files``, ``seed``, ``parts`` found and computed, and ``seconds``.

    Raises
    ------
    StudyError
        If there is no such item, or the folder can't be written.

    Examples
    --------
    >>> import tieline as tl
    >>> tl.reproduce("table5", quick=True)["items"].keys()  # doctest: +SKIP
    dict_keys(['table5'])
    >>> tl.reproduce("table9")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sim.errors.StudyError: WHAT: unknown 'table9', use one of ...
    """
    start, out, spread = perf_counter(), Path(out), Workers(workers, dask)
    names = chosen_names(what)
    cache = ResultCache(out / "parts")
    context = Context(folder=out, cache=cache, quick=quick, seed=seed, workers=spread, quiet=quiet)
    used_seed = context.study().seed
    open_folder(out)
    try:
        with told(f"--out {out}", "what is there is whole: start it again when it can"):
            products = {name: _make(name, context) for name in names}
    except KeyboardInterrupt:
        stored = escape(str(cache.folder))
        console.err.print(f"stopped; what was computed is in {stored}, the same command goes on there", soft_wrap=True)
        raise
    return {
        "what": what,
        "quick": quick,
        "seed": used_seed,
        "items": {name: product.summary for name, product in products.items()},
        "files": [str(file) for product in products.values() for file in product.files],
        "parts": {"found": cache.found, "computed": cache.computed},
        "seconds": {"total": perf_counter() - start},
    }


def reproduce_items(
    what: str, *, quick: bool, out: Path, workers: int | None, dask: str | None, seed: int | None, as_json: bool
) -> None:
    """Make the items asked for and print each, or all of them as one JSON object."""
    made = reproduce(what, quick=quick, out=out, workers=workers, dask=dask, seed=seed, quiet=as_json)
    if as_json:
        console.print_json(made)


def _make(name: str, context: Context) -> ItemResult:
    """Return what comes of one item, shown on the terminal unless that is to be quiet."""
    start, cache = perf_counter(), context.cache
    found, computed = len(cache.found), len(cache.computed)
    chosen = item(name)
    with house_style():
        product = chosen.reproduce(context)
    if context.quiet:
        return product
    out = console.out
    quick = " [yellow](quick run, not a result)[/yellow]" if context.quick else ""
    out.print(f"[bold]{name}[/bold]: {escape(chosen.summary)}{quick}")
    for table in product.tables:
        out.print()
        out.print(table.as_rich())
        out.print(f"[dim]{escape(' '.join(table.notes))}[/dim]")
    out.print()
    for remark in product.remarks:
        out.print(escape(remark))
    found, computed = len(cache.found) - found, len(cache.computed) - computed
    if found + computed:
        out.print(
            f"parts: {computed} computed, {found} found in {escape(str(cache.folder))}; {perf_counter() - start:.1f} s"
        )
    files = ", ".join(file.name for file in product.files)
    out.print(f"written to [bold]{escape(str(context.folder))}[/bold]: {escape(files)}\n")
    return product
