# ruff: noqa: T201
"""Mutation testing: is a small change of our code noticed by the tests that are there for it?

    python tests/mutate.py --sample 20 --seed 1 imbalance audit

draws changes at random from the functions of a module (another operator, comparison, number, sign or condition, a
call left out) and runs the module's own tests with each; what survived no test noticed. The tests run once as they
are; every mutant is then a fork of that process in which one function has other code: nothing is imported twice.
"""

import argparse
import ast
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from itertools import islice
from pathlib import Path
from time import perf_counter
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PATIENCE = 3
"""A mutant whose tests take longer than those of the unchanged code, times this, counts as undetected."""

UNMADE = 99
"""Exit status of a fork whose change could not be made."""

AUDIT = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "sim" / "audit").glob("*.py"))
GROUPS = {
    "settlement": (["sim/market/settlement.py"], ["test_settlement.py", "test_hour.py"]),
    "imbalance": (["sim/market/imbalance.py"], ["test_imbalance.py"]),
    "ledger": (["sim/ledger.py"], ["test_ledger.py"]),
    "scenarios": (["sim/scenarios.py"], ["test_scenarios.py", "test_networked_data.py"]),
    "reduction": (["sim/reduction.py"], ["test_reduction.py"]),
    "network": (["agents/dispatch/network.py"], ["test_hour.py", "test_flow_bounds.py", "test_compiled.py"]),
    "hour": (["agents/dispatch/hour.py"], ["test_hour.py", "test_compiled.py", "test_coordination.py"]),
    "audit": (
        AUDIT,
        ["test_cli_audit.py", *(f"test_audit_{part}.py" for part in ("books", "runs", "tables", "connections"))],
    ),
}
"""Files to be changed, and the tests that should notice."""

Change = Callable[[], None]
OPERATORS: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
OPERATORS |= {ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And}
OPERATORS |= {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq}
OPERATORS |= {ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
NAMES = {"max": "min", "maximum": "minimum", "any": "all", "abs": "float", "real": "imag", "floor": "ceil"}
NAMES |= {theirs: ours for ours, theirs in NAMES.items() if ours != "abs"}


class Mutant(NamedTuple):
    """The change of a number in the changes of a file, what it is, and the function it is in."""

    file: str
    number: int
    words: str
    function: str


def changes(file: str) -> Iterator[tuple[str, str, ast.Module, Change]]:
    """Yield all changes of a file: in words, the function, the file's tree, and what makes the change in it."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    outer = [(node, node.name) for node in tree.body if isinstance(node, ast.FunctionDef)]
    for owner in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        outer += [(node, f"{owner.name}.{node.name}") for node in owner.body if isinstance(node, ast.FunctionDef)]
    for function, name in outer:
        for statement in function.body:
            for node in nodes(statement):
                for words, change in node_changes(node):
                    yield f"{file}:{node.lineno} {ast.unparse(node)[:70]!r}: {words}", name, tree, change


def nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what counts of a statement: no texts, annotations or messages."""
    if isinstance(node, ast.JoinedStr | ast.Raise) or (isinstance(node, ast.keyword) and node.arg == "doc"):
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns", "args" if isinstance(node, ast.FunctionDef) else ""):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from nodes(part)


def node_changes(node: Any) -> Iterator[tuple[str, Change]]:
    """Yield the changes of one node."""

    def put(name: str, value: Any) -> Change:
        return lambda: setattr(node, name, value)

    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in OPERATORS:
        other = OPERATORS[type(node.op)]
        yield f"{type(node.op).__name__} becomes {other.__name__}", put("op", other())
    elif isinstance(node, ast.Compare):
        other = OPERATORS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} becomes {other.__name__}", put("ops", [other(), *node.ops[1:]])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "no minus", put("op", ast.UAdd())
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield "the other way round", put("test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"becomes {not node.value}", put("value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield f"becomes {node.value + 1}", put("value", node.value + 1)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.YieldFrom):
        yield "left out", put("value", ast.Constant(None))
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in NAMES:
        field = "attr" if isinstance(node.func, ast.Attribute) else "id"
        old = getattr(node.func, field)
        new = "real" if (field, old) == ("attr", "abs") else NAMES[old]
        yield f"{old} becomes {new}", lambda: setattr(node.func, field, new)


def mutants(files: list[str]) -> list[Mutant]:
    """Return all mutants of some files."""
    return [
        Mutant(file, number, words, function)
        for file in files
        for number, (words, function, *_) in enumerate(changes(file))
    ]


def apply(mutant: Mutant) -> None:
    """Give the function of a mutant its other code, wherever it was imported to."""
    _, _, tree, change = next(islice(changes(mutant.file), mutant.number, None))
    change()
    code = code_of(compile(ast.fix_missing_locations(tree), str(ROOT / mutant.file), "exec"), mutant.function)
    found: Any = import_module(mutant.file.removesuffix("/__init__.py").removesuffix(".py").replace("/", "."))
    for name in mutant.function.split("."):
        found = vars(found)[name]
    function_in(found).__code__ = code


def code_of(module: CodeType, name: str) -> CodeType:
    """Return the code of a function or method in the code of a module."""
    inner = [const for const in module.co_consts if isinstance(const, CodeType)]
    for const in inner:
        if const.co_qualname == name:
            return const
        if name.startswith(f"{const.co_qualname}."):
            return code_of(const, name)
    raise KeyError(name)


def function_in(found: Any) -> FunctionType:
    """Return the function that a property, class method, validator or cache wraps."""
    while not isinstance(found, FunctionType):
        found = next(
            getattr(found, name)
            for name in ("wrapped", "__wrapped__", "fget", "func", "__func__")
            if getattr(found, name, None) is not None
        )
    return found


def forget() -> None:
    """Empty the caches of our own modules, in which there is what code computed before it was changed."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in {"grids", "sim", "agents", "experiments"}:
            for value in vars(module).values():
                if callable(getattr(value, "cache_clear", None)):
                    value.cache_clear()


def noticed(mutant: Mutant, arguments: list[str], timeout_s: int) -> str:
    """Return what became of a mutant in a fork: "killed", "survived", "timeout", or "unmade" if it could not be."""
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(timeout_s)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        try:
            forget()
            apply(mutant)
            os._exit(int(pytest.main([*arguments, "-x"])))
        except BaseException:  # not even the change could be made: nothing may go on in the fork
            os._exit(UNMADE)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "timeout" if os.WTERMSIG(status) == signal.SIGALRM else "killed"
    return {0: "survived", UNMADE: "unmade"}.get(os.WEXITSTATUS(status), "killed")


def main() -> None:
    """Run the groups asked for, and print what became of each mutant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", default=list(GROUPS))
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    os.chdir(ROOT)
    for group in asked.groups:
        files, tests = GROUPS[group]
        if group == "audit":  # what is audited is the same whoever audits it
            import audited

            audited.simulate = cache(audited.simulate)
        arguments = [*(f"tests/{name}" for name in tests), "-q", "-p", "no:cacheprovider"]
        start = perf_counter()
        if pytest.main(arguments):
            sys.exit(f"{group}: the tests fail without any change")
        seconds = perf_counter() - start
        print(f"{group}: tests {seconds:.0f} s", flush=True)
        everything = mutants(files)
        drawn = random.Random(asked.seed).sample(everything, min(asked.sample, len(everything)))
        counts: Counter[tuple[str, str]] = Counter()
        for place, mutant in enumerate(drawn, start=1):
            fate = noticed(mutant, arguments, int(PATIENCE * seconds) + 1)
            counts[mutant.file, fate] += 1
            print(f"  {place} {fate}: {mutant.words}", flush=True)
        killed = sum(count for (_, fate), count in counts.items() if fate == "killed")
        print(f"{group}: {killed} of {len(drawn)} killed, of {len(everything)} mutants; {dict(counts)}", flush=True)


if __name__ == "__main__":
    main()
