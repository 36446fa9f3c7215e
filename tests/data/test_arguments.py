"""What an argument from outside may be; whatever else it is, one line says what, got and expected."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.data.arguments import (
    as_array,
    check_choice,
    check_count,
    check_generator,
    check_images,
    check_number,
    check_positive,
    check_range,
    check_size,
    is_row,
)

PICTURE = np.zeros((2, 3, 1))


def test_good_arguments_come_back_as_what_they_stand_for():
    assert type(check_count(np.int64(3), "n", "f")) is int
    assert type(check_number(np.float32(0), "x", "f")) is float
    assert check_positive(1, "x", "f") == 1.0
    assert check_range([1, np.float64(2)], "x", "f") == (1.0, 2.0)
    assert check_choice("a", "k", "f", {"a": 1, "b": 2}) == "a"
    assert check_size(np.array([2, 3]), "f") == (2, 3)
    rng = np.random.default_rng(0)
    assert check_generator(rng, "f") is rng
    for images in (PICTURE, PICTURE[None], PICTURE[None][:0]):
        assert check_images(images, "f") is images


@pytest.mark.parametrize("value", [0, -1, 2.0, True, np.True_, "3", None, np.float64(2), [1]])
def test_what_is_no_count_is_refused(value):
    with pytest.raises(tc.DataError, match=r"^f: n is .*, expected a whole number of at least 1\.$"):
        check_count(value, "n", "f")


@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf, "1", None, False, 1j, 10**400])
def test_what_is_no_number_in_the_interval_is_refused(value):
    with pytest.raises(tc.DataError, match=r"^f: x is .*, expected a finite number of at least 0\.$"):
        check_number(value, "x", "f", least=0)


@pytest.mark.parametrize("value", [0, 0.0, -np.inf, np.nan, True, -(10**400)])
def test_what_is_not_positive_is_refused(value):
    with pytest.raises(tc.DataError, match=r"^f: x is .*, expected a finite number above 0\.$"):
        check_positive(value, "x", "f")


@pytest.mark.parametrize("value", [(2, 1), (0, 1), 1.5, (1, 2, 3), (1, np.nan), "12", (1, 9)])
def test_what_is_no_range_is_refused(value):
    with pytest.raises(tc.DataError, match=r"^f: x is .*, expected \(low, high\) with low <= high, each a number in \[1, 8\]\.$"):
        check_range(value, "x", "f", least=1, most=8)


@pytest.mark.parametrize("value", ["c", "", None, 0, ("a",)])
def test_a_choice_that_is_none_lists_the_choices(value):
    with pytest.raises(tc.DataError, match=r"^f: k is .*, expected one of a, b\.$"):
        check_choice(value, "k", "f", ("a", "b"))


@pytest.mark.parametrize("rng", [0, None, np.random.PCG64(0), "seed", np.random])
def test_a_seed_is_no_generator(rng):
    with pytest.raises(tc.DataError, match=r"^f: rng is .*numpy\.random\.default_rng\(seed\)\.$"):
        check_generator(rng, "f")


@pytest.mark.parametrize("size", [3, (1, 2, 3), (0, 2), (2, 1.5), "a"])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(tc.DataError, match=r"^f: (size|height|width) is "):
        check_size(size, "f")


@pytest.mark.parametrize("images", [PICTURE[0], PICTURE.astype(int), PICTURE[:0], PICTURE[None, None], [[1, 2], [3]], "a"])
def test_what_is_no_float_picture_is_refused(images):
    with pytest.raises(tc.DataError, match=r"^f: got "):
        check_images(images, "f")


def test_rows_of_different_lengths_are_no_array():
    with pytest.raises(tc.DataError, match=r"^f: got a list that is no array"):
        as_array([[1, 2], [3]], "f")


def test_several_numbers_are_a_row_and_one_is_not():
    assert [is_row(value) for value in ([1], (1, 2), np.zeros(3), 1, np.zeros(()), np.zeros((2, 2)), "ab")] == [
        True, True, True, False, False, False, False]


@pytest.mark.parametrize("value", [np.zeros((40, 40)), "\n" * 100, "a\x1b[2Jb", list(range(99))])
def test_whatever_is_refused_is_shown_on_one_short_printable_line(value):
    with pytest.raises(tc.DataError) as caught:
        check_count(value, "n", "f")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 110
