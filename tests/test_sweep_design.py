"""The design of a sweep: values by hand, and properties of every range and sample."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from swept import sweep_of

from experiments.sweeps.design import DIGITS, points, spaced
from experiments.sweeps.sweep_file import MOST, Range, Sampling, SweepFile
from sim.errors import StudyError


def designed(*axes, folder=None):
    return points(sweep_of(*axes), folder)


def column(found, name="x"):
    return [point[name] for point in found]


# ---- by hand -----------------------------------------------------------------------------------------------------


def test_without_axes_there_is_one_point_with_nothing_in_it():
    assert designed() == [{}]


def test_every_value_meets_every_other_and_the_last_turns_fastest():
    found = designed({"values": {"a": [1, 2], "b": ["x", "y"]}}, {"values": {"c": [True, False]}})
    assert [tuple(point.values()) for point in found] == list(product([1, 2], ["x", "y"], [True, False]))
    assert [*found[0]] == ["a", "b", "c"]


def test_zipped_lists_are_read_side_by_side():
    found = designed({"zipped": {"a": [1, 2, 3], "b": ["x", "y", "z"]}}, {"values": {"c": [0]}})
    assert found == [{"a": 1, "b": "x", "c": 0}, {"a": 2, "b": "y", "c": 0}, {"a": 3, "b": "z", "c": 0}]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ({"start": 0, "stop": 1, "count": 5}, [0, 0.25, 0.5, 0.75, 1]),
        ({"start": 0, "stop": 0.4, "step": 0.1}, [0, 0.1, 0.2, 0.3, 0.4]),
        ({"start": 0, "stop": 0.35, "step": 0.1}, [0, 0.1, 0.2, 0.3]),
        ({"start": -1, "stop": 1, "step": 5}, [-1]),
        ({"start": 0.1, "stop": 0.7, "count": 3}, [0.1, 0.4, 0.7]),
    ],
)
def test_a_range_is_read_as_it_is_meant(text, numbers):
    assert spaced(Range(**text)) == numbers


def test_a_range_of_whole_numbers_has_whole_numbers():
    assert {type(number) for number in spaced(Range(start=1, stop=9, step=2))} == {int}
    assert {type(number) for number in spaced(Range(start=0, stop=1, count=3))} == {float}


# ---- ranges ------------------------------------------------------------------------------------------------------

ENDS = st.floats(-1e6, 1e6).map(lambda number: float(f"{number:.9g}"))


@given(start=ENDS, width=st.floats(1e-3, 1e6), count=st.integers(2, 200))
def test_a_range_with_a_count_has_both_ends_and_even_steps(start, width, count):
    stop = float(f"{start + width:.9g}")
    if stop <= start:
        return
    numbers = spaced(Range(start=start, stop=stop, count=count))
    assert len(numbers) == count
    assert (numbers[0], numbers[-1]) == (start, stop)
    resolution = 10.0 ** (1 - DIGITS) * max(abs(start), abs(stop))
    assert np.diff(numbers) == pytest.approx((stop - start) / (count - 1), abs=2 * resolution)


@given(start=st.integers(-1000, 1000), steps=st.integers(0, 500), tenths=st.integers(1, 50), rest=st.floats(0.01, 0.9))
def test_a_range_with_a_step_never_passes_its_end_and_leaves_no_room_for_another(start, steps, tenths, rest):
    step = tenths / 10
    numbers = spaced(Range(start=start, stop=start + (steps + rest) * step, step=step))
    assert len(numbers) == steps + 1
    assert numbers == pytest.approx([start + place * step for place in range(steps + 1)], abs=1e-9)


@given(start=st.integers(-1000, 1000), steps=st.integers(1, 500), tenths=st.integers(1, 50))
def test_a_step_that_fits_ends_at_the_end(start, steps, tenths):
    stop = (10 * start + steps * tenths) / 10
    assert spaced(Range(start=start, stop=stop, step=tenths / 10))[-1] == stop


# ---- samples -----------------------------------------------------------------------------------------------------


def box(kind, count, seed=1, **within):
    return designed({kind: {"count": count, "seed": seed, "within": within or {"x": [0.0, 1.0], "y": [-2.0, 6.0]}}})


@given(count=st.integers(1, 60), seed=st.integers(0, 2**40))
def test_a_latin_hypercube_has_one_point_in_each_stratum_of_every_dimension(count, seed):
    found = box("latin_hypercube", count, seed)
    for name, low, width in (("x", 0.0, 1.0), ("y", -2.0, 8.0)):
        strata = [math.floor((value - low) / width * count) for value in column(found, name)]
        assert sorted(strata) == list(range(count))


@given(power=st.integers(1, 7), seed=st.integers(0, 2**40))
def test_sobol_points_are_balanced_in_every_dimension(power, seed):
    count = 2**power
    found = box("sobol", count, seed)
    for name, low, width in (("x", 0.0, 1.0), ("y", -2.0, 8.0)):
        strata = [math.floor((value - low) / width * count) for value in column(found, name)]
        assert sorted(strata) == list(range(count))


@given(seed=st.integers(0, 2**40))
def test_sobol_points_are_balanced_in_the_quarters_of_every_pair(seed):
    found = box("sobol", 16, seed, x=[0.0, 1.0], y=[0.0, 1.0])
    quarters = [(point["x"] >= 0.5, point["y"] >= 0.5) for point in found]
    assert {quarters.count(quarter) for quarter in product([False, True], repeat=2)} == {4}


@pytest.mark.parametrize("kind", ["latin_hypercube", "sobol"])
def test_a_sample_is_the_same_again_and_another_with_another_seed(kind):
    assert box(kind, 8) == box(kind, 8)
    assert box(kind, 8) != box(kind, 8, seed=2)


@pytest.mark.parametrize("kind", ["latin_hypercube", "sobol"])
def test_whole_ends_give_whole_numbers_equally_often(kind):
    found = column(box(kind, 16, x=[1, 4]))
    assert {type(value) for value in found} == {int}
    assert {found.count(value) for value in (1, 2, 3, 4)} == {4}
    assert {type(value) for value in column(box(kind, 16, x=[1, 4.0]))} == {float}


def test_a_sample_meets_the_values_of_other_axes():
    found = designed({"values": {"a": [1, 2]}}, {"sobol": {"count": 4, "within": {"x": [0.0, 1.0]}}})
    assert column(found[:4]) == column(found[4:])
    assert [point["a"] for point in found] == [1] * 4 + [2] * 4


# ---- one at a time -----------------------------------------------------------------------------------------------


def test_one_at_a_time_the_others_stay_at_their_base():
    single = {"base": {"x": 2, "y": 0.5}, "values": {"x": [1, 2, 3], "y": [0.5, 1.0]}}
    found = designed({"one_at_a_time": single})
    assert found == [{"x": 1, "y": 0.5}, {"x": 2, "y": 0.5}, {"x": 3, "y": 0.5}, {"x": 2, "y": 1.0}]


def test_a_base_of_other_factors_is_refused():
    with pytest.raises(ValidationError, match="the same factors"):
        sweep_of({"one_at_a_time": {"base": {"x": 2}, "values": {"x": [1], "y": [2]}}})


# ---- CSV ---------------------------------------------------------------------------------------------------------


def from_csv(folder, text, encoding="utf-8"):
    (folder / "points.csv").write_text(text, encoding=encoding)
    return designed({"csv": "points.csv"}, folder=folder)


def test_cells_are_read_as_yaml_reads_them(tmp_path):
    (point,) = from_csv(tmp_path, 'a,b,c,d,e,f,g,h,i\n1,1.5,case1,true,"1",,"[1, 2]",1e-05,-2E3\n')
    expected = {"a": 1, "b": 1.5, "c": "case1", "d": True, "e": 1, "f": None, "g": [1, 2], "h": 1e-5, "i": -2000.0}
    assert point == expected
    assert [type(value) for value in point.values()] == [type(value) for value in expected.values()]


def test_a_spreadsheet_s_csv_is_read(tmp_path):
    """With a byte-order mark, carriage returns, blanks around the names, and an empty line at the end."""
    found = from_csv(tmp_path, "a , b\r\n1,x\r\n2,y\r\n\r\n", encoding="utf-8-sig")
    assert found == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no rows"),
        ("days\n", "has no rows"),
        ("days;seed\n1;2\n", "semicolons separate the columns"),
        ("days,days\n1,2\n", "every column needs a heading of its own"),
        ("days,days \n1,2\n", "every column needs a heading of its own"),
        ("days,\n1,2\n", "every column needs a heading of its own"),
        ("a,b\n1,2\n1\n", "row 2 below the heading has 1 cells, the heading 2"),
        ("a,b\n1,2,3\n", "row 1 below the heading has 3 cells, the heading 2"),
        ('a\n1\n"[1, 2"\n', "row 2, a: '[1, 2' can't be read as a value"),
        ("a\nx: y: z\n", "row 1, a: 'x: y: z' can't be read as a value"),
        ("a\n2020-01-01\n", "dates need quotes"),
        ("a\n.nan\n", "must be a finite number"),
        ("a\n1e3\n.inf\n", "row 2, a"),
        ('a\n"1\n', "is not CSV"),
    ],
)
def test_a_bad_csv_is_told_in_a_line(tmp_path, text, told):
    with pytest.raises(StudyError) as refusal:
        from_csv(tmp_path, text)
    assert told in str(refusal.value)
    assert str(refusal.value).startswith(f"axes.0.csv: {tmp_path / 'points.csv'}")
    assert "\n" not in str(refusal.value)


def test_a_csv_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(StudyError, match=r"^axes\.0\.csv: .*none\.csv can't be read"):
        designed({"csv": "none.csv"}, folder=tmp_path)
    (tmp_path / "points.csv").write_bytes(b"a\n\xff\xfe\n")
    with pytest.raises(StudyError, match=r"^axes\.0\.csv: .*is not CSV"):
        designed({"csv": "points.csv"}, folder=tmp_path)


# ---- what is refused ---------------------------------------------------------------------------------------------


def test_a_factor_stands_on_one_axis():
    with pytest.raises(StudyError, match=r"^axes\.1: a is varied by an axis above"):
        designed({"values": {"a": [1]}}, {"range": {"a": {"start": 0, "stop": 1, "count": 2}}})


@pytest.mark.parametrize(
    "axes",
    [
        [{"range": {name: {"start": 0, "stop": 1, "count": 1000} for name in "abc"}}],
        [{"range": {name: {"start": 0, "stop": 1, "count": 1000}}} for name in "abc"],
        [{"values": {"a": [1, 2]}}, {"latin_hypercube": {"count": MOST, "within": {"x": [0.0, 1.0]}}}],
    ],
    ids=["one axis", "three axes", "sample"],
)
def test_more_points_than_can_be_held_are_refused_before_they_are_made(axes):
    with pytest.raises(StudyError, match=r"^axes.* points are more than 100,000"):
        designed(*axes)


@pytest.mark.parametrize(
    ("axis", "told"),
    [
        ({}, "give exactly one of values, range, zipped, csv, one_at_a_time, latin_hypercube, sobol"),
        ({"values": {"a": [1]}, "csv": "x.csv"}, "not values and csv"),
        ({"zipped": {"a": [1, 2], "b": [1]}}, "all lists must have one length, not a 2, b 1"),
        ({"range": {"a": {"start": 0, "stop": 1}}}, "give either count or step"),
        ({"range": {"a": {"start": 0, "stop": 1, "count": 2, "step": 1}}}, "give either count or step"),
        ({"range": {"a": {"start": 1, "stop": 1, "count": 2}}}, "stop must lie above start"),
        ({"range": {"a": {"start": 0, "stop": 1, "step": 1e-12}}}, "step makes more than 100,000 values"),
        ({"range": {"a": {"start": 0, "stop": math.inf, "count": 2}}}, "finite"),
        ({"sobol": {"count": 12, "within": {"a": [0, 1]}}}, "power of two for the points to be balanced, such as 8"),
        ({"sobol": {"count": 4, "within": {"a": [1, 0]}}}, "a: the second value must lie above the first"),
        ({"latin_hypercube": {"count": 4, "within": {"a": [0, math.nan]}}}, "must be a finite number"),
        ({"latin_hypercube": {"count": 4, "within": {}}}, "at least 1 item"),
        ({"latin_hypercube": {"count": 0, "within": {"a": [0, 1]}}}, "greater than or equal to 1"),
        ({"values": {}}, "at least 1 item"),
        ({"range": {}}, "at least 1 item"),
        ({"zipped": {}}, "at least 1 item"),
        ({"values": {"a": []}}, "at least 1 item"),
        ({"values": {"": [1]}}, "at least 1 character"),
        ({"values": {"a": [math.nan]}}, "must be a finite number"),
        ({"values": {"a": [{"b": [math.inf]}]}}, "must be a finite number"),
        ({"values": {"a": [2**63]}}, "must be a finite number"),
    ],
)
def test_a_bad_axis_is_refused_with_one_reason(axis, told):
    with pytest.raises(ValidationError) as refusal:
        SweepFile.model_validate({"name": "tiny", "axes": [axis]})
    (reason,) = refusal.value.errors()
    assert told in reason["msg"]
    assert reason["loc"][:2] == ("axes", 0)


def test_the_seed_of_a_sample_is_its_own():
    assert Sampling(count=4, within={"a": (0, 1)}).seed == 1
