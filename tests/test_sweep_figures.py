"""Figures of a sweep: that they can be read, whatever was varied, and show the numbers they are given."""

from functools import cache

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.text import Text
from readable import unreadable
from synthetic import BIDDINGS, CASES, FACTORS, PENALTIES, grid

from experiments.figures.style import house_style
from experiments.sweeps.report.content import blocks_of
from experiments.sweeps.report.data import ReportData
from experiments.sweeps.report.factor_axis import Numbers, is_logarithmic, label_lines, shortened
from experiments.sweeps.report.figure_page import WIDTH, ReportFigure


@cache
def drawings_of_case(case: str) -> dict[str, ReportFigure]:
    return drawings_of(CASES[case]())


def drawings_of(results) -> dict[str, ReportFigure]:
    return {one.name: one for one in blocks_of(ReportData.of(results)) if isinstance(one, ReportFigure)}


@pytest.mark.parametrize("case", CASES)
def test_every_figure_can_be_read(case):
    drawings = drawings_of_case(case)
    assert drawings or case.startswith("one_point")
    for name, drawing in drawings.items():
        assert not unreadable(drawing.figure), name
        assert drawing.figure.get_figwidth() == WIDTH
        assert drawing.figure.get_figheight() <= 11, f"{name} does not fit on a page"
        assert drawing.caption.endswith(".")


@pytest.mark.parametrize("case", CASES)
def test_every_axis_that_is_labelled_has_a_unit_if_there_is_one(case):
    for drawing in drawings_of_case(case).values():
        labels = {ax.get_ylabel() for ax in drawing.figure.axes} | {ax.get_xlabel() for ax in drawing.figure.axes}
        for word, unit in (("penalty", "[% of price]"), ("profit", "[$]"), ("time", "[s]"), ("losses", "[MWh]")):
            assert all(unit in label for label in labels if word in label), labels


def texts_of(drawing: ReportFigure) -> list[str]:
    """All texts of a figure, each in one line."""
    return [" ".join(text.get_text().split()) for text in drawing.figure.findobj(Text)]


EXPECTED = {
    "one_factor_once": ["means"],
    "two_words": ["means", "differences"],
    "words_only": ["means", "differences"],
    "two_numbers": ["means"],
    "twenty": ["means", "differences"],
    "two_numbers_and_words": ["means", "differences", "map", "map_differences"],
    "pareto": ["means", "map", "pareto"],
    "sample": ["scatter"],
    "sample_and_words": ["scatter", "scatter_differences"],
    "one_at_a_time": ["means", "differences"],
    "zipped": ["means", "differences"],
}


@pytest.mark.parametrize("case", EXPECTED)
def test_which_figures_there_are(case):
    assert list(drawings_of_case(case)) == EXPECTED[case]


# ---- what is drawn -------------------------------------------------------------------------------------------


def line(ax, gid):
    return next(one for one in ax.lines if one.get_gid() == gid)


def test_lines_show_the_means_in_the_unit_of_the_label():
    results = CASES["twenty"]()
    ax = drawings_of_case("twenty")["means"].figure.axes[0]
    runs = results.runs
    for look, bidding in enumerate(BIDDINGS):
        drawn = line(ax, f"profit-{look}")
        np.testing.assert_allclose(drawn.get_xdata(), 100 * np.array(PENALTIES))
        means = runs[runs["bidding"] == bidding].groupby("penalty")["profit"].mean()
        np.testing.assert_allclose(drawn.get_ydata(), means)


def test_lines_of_differences_show_the_means_of_pairs():
    results = CASES["twenty"]()
    ax = drawings_of_case("twenty")["differences"].figure.axes[0]
    table = results.runs.pivot(index=["penalty", "replication"], columns="bidding", values="profit")
    gaps = (table["anm_aware"] - table["basic"]).groupby("penalty").mean()
    np.testing.assert_allclose(line(ax, "profit-1").get_ydata(), gaps)


def test_a_map_shows_the_means_and_hatches_what_is_within_chance():
    results = CASES["two_numbers_and_words"]()
    figure = drawings_of_case("two_numbers_and_words")["map_differences"].figure
    table = results.runs.pivot(index=["band", "penalty", "replication"], columns="bidding", values="profit")
    gaps = (table["anm_aware"] - table["basic"]).groupby(["band", "penalty"])
    mesh = next(one for one in figure.axes[0].collections if isinstance(one, QuadMesh))
    np.testing.assert_allclose(mesh.get_array().ravel(), gaps.mean())
    low, high = mesh.get_clim()
    assert low == -high
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    reach = gaps.std(ddof=1) / np.sqrt(8) * 2.3646  # Student, 7 degrees of freedom
    assert len(hatched) == (gaps.mean().abs() <= reach).sum() > 0


def test_with_one_replication_nothing_is_said_of_chance():
    results = grid({"bidding": BIDDINGS, "penalty": PENALTIES, "band": [0, 0.1, 0.2]}, factors=FACTORS)
    drawings = drawings_of(results)
    texts = texts_of(drawings["map_differences"])
    assert any("One replication" in text for text in texts)
    assert not [patch for patch in drawings["map_differences"].figure.axes[0].patches if patch.get_hatch()]


def test_lines_left_out_are_said():
    texts = texts_of(drawings_of_case("nine_values_compared")["means"])
    assert any("Left out: 3 values of rule" in text for text in texts)


def test_what_is_averaged_over_stands_in_the_title():
    title = drawings_of_case("many_factors")["map"].figure.get_suptitle()
    assert "averaged over policy and days" in " ".join(title.split())


def test_a_gap_in_a_line_stays_a_gap():
    def broken(point, replication):
        return "missing" if point == {"bidding": "basic", "penalty": 0.5} else ""

    values = {"bidding": BIDDINGS, "penalty": PENALTIES}
    ax = drawings_of(grid(values, factors=FACTORS, broken=broken))["means"].figure.axes[0]
    assert list(np.flatnonzero(np.isnan(line(ax, "profit-0").get_ydata()))) == [PENALTIES.index(0.5)]
    assert np.isfinite(line(ax, "profit-1").get_ydata()).all()


# ---- texts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("places", "texts"),
    [
        ([0, 25, 50], ["0", "25", "50"]),
        ([0, 0.25, 0.5], ["0.00", "0.25", "0.50"]),
        ([-1000, 0, 1000], ["−1,000", "0", "1,000"]),
        ([0, 5e-5, 1e-4], ["0", "5·10⁻⁵", "1·10⁻⁴"]),
        ([0.95, 0.9505], ["0.9500", "0.9505"]),
    ],
)
def test_numbers_on_axes(places, texts):
    form = Numbers()
    assert form.format_ticks(places) == texts


def test_texts_fit_into_their_room():
    text = "half-width of the tolerance band around the bid [% of bid]"
    assert shortened("short", 12) == "short"
    assert shortened(text, 21) == "half-width…[% of bid]"
    assert all(len(shortened(text, most)) <= most for most in range(3, 60))
    assert label_lines(text, 2.2).split("\n") == ["half-width of the tolerance band", "around the bid [% of bid]"]


def test_a_scale_is_logarithmic_only_where_that_spreads_the_values():
    assert is_logarithmic(np.array([1.0, 2, 5, 10, 20, 50, 100]))
    assert not is_logarithmic(np.array([1.0, 20, 40, 60, 80, 100]))
    assert not is_logarithmic(np.array([0.0, 1, 10, 100]))
    assert not is_logarithmic(np.array([33.0, 66, 330]))


def test_settings_of_the_caller_stay():
    with house_style():
        pass
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawings_of(CASES["two_words"]())
    assert dict(mpl.rcParams) == before
