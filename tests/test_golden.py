"""Golden runs: the money of runs whose results are known, to be changed on purpose only.

Every JSON file in ``golden/`` is a case: ``origin`` (the source of the values), ``tolerance`` (``rel`` and ``abs``,
in $) and ``runs``, each with the ``arguments`` of the command line and the ``terms`` it must give.
"""

import json
from pathlib import Path

import pytest
from cli import accepted

from sim.market.settlement import COST_TERMS, TRADE, terms_of

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
CASES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in GOLDEN}
RUNS = [
    pytest.param(
        run,
        case["tolerance"],
        id=f"{name}: {' '.join(run['arguments'])}",
        marks=[pytest.mark.slow] * name.startswith("networked"),
    )
    for name, case in CASES.items()
    for run in case["runs"]
]


def test_there_are_golden_runs():
    assert "microgrid33" in CASES


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_golden_case_says_where_it_is_from_and_adds_up(case):
    assert case["origin"]
    assert case["tolerance"].keys() == {"rel", "abs"}
    for run in case["runs"]:
        terms = run["terms"]
        assert tuple(terms) == terms_of(connections=TRADE in terms)
        costs = sum(terms[term] for term in COST_TERMS)
        assert terms["profit"] == pytest.approx(terms["revenue"] + terms.get(TRADE, 0) - costs, abs=1e-6)


@pytest.mark.parametrize(("run", "tolerance"), RUNS)
def test_golden_run(run, tolerance, tmp_path):
    terms = json.loads(accepted(*run["arguments"], "--figures", "none", "--json", "--out", tmp_path / "run"))["terms"]
    assert terms == pytest.approx(run["terms"], **tolerance)
