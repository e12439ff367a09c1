"""The command ``reproduce``: the name of an item in; tables and figures of the paper out."""

from pathlib import Path
from time import perf_counter

from rich.markup import escape

from experiments import console
from experiments.reproduce import chosen_names, item
from experiments.reproduce.context import Context
from experiments.reproduce.item_result import ItemResult
from experiments.reproduce.result_cache import ResultCache
from experiments.whole import open_folder, told


def reproduce_items(
    what: str, *, quick: bool, out: Path, workers: int | None, seed: int | None, as_json: bool
) -> None:
    """Make the items asked for and print each; what was computed is kept, and found again by the next call."""
    start = perf_counter()
    names = chosen_names(what)
    cache = ResultCache(out / "parts")
    context = Context(folder=out, cache=cache, quick=quick, seed=seed, workers=workers, quiet=as_json)
    used_seed = context.study().seed
    open_folder(out)
    try:
        with told(f"--out {out}", "what is there is whole: start it again when it can"):
            products = {name: _make(name, context) for name in names}
    except KeyboardInterrupt:
        stored = escape(str(cache.folder))
        console.err.print(f"stopped; what was computed is in {stored}, the same command goes on there", soft_wrap=True)
        raise
    if as_json:
        console.print_json(
            {
                "what": what,
                "quick": quick,
                "seed": used_seed,
                "items": {name: product.summary for name, product in products.items()},
                "files": [str(file) for product in products.values() for file in product.files],
                "parts": {"found": cache.found, "computed": cache.computed},
                "seconds": {"total": perf_counter() - start},
            }
        )


def _make(name: str, context: Context) -> ItemResult:
    """Return what comes of one item, shown on the terminal unless that is to be quiet."""
    start, cache = perf_counter(), context.cache
    found, computed = len(cache.found), len(cache.computed)
    chosen = item(name)
    product = chosen.reproduce(context)
    if context.quiet:
        return product
    out = console.out
    quick = " [yellow](quick run, not a result)[/yellow]" if context.quick else ""
    out.print(f"[bold]{name}[/bold]: {escape(chosen.SUMMARY)}{quick}")
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
