"""Two states compared: every difference is named, in order, and nothing else is."""

import numpy as np
import pytest

from tinyconv.data.states import mismatches

OWN = {"b": np.zeros((2, 3), np.float32), "a": np.zeros((), np.int64), "c": np.zeros(2, np.float32)}


def test_equal_shapes_and_dtypes_fit_whatever_the_values():
    assert mismatches(OWN, {name: array + 1 for name, array in OWN.items()}) == []
    assert mismatches({}, {}) == []


def test_every_difference_is_named_in_order():
    given = {"b": np.zeros((3, 2), np.float32), "a": np.zeros((), np.int32), "d": np.zeros(1)}
    assert mismatches(OWN, given) == ["a is int32, expected int64", "b has shape (3, 2), expected (2, 3)", "c is missing",
                                      "d is not expected"]


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_values_that_are_not_finite_are_named(value):
    assert mismatches(OWN, OWN | {"c": np.array([0, value], np.float32)}) == ["c has values that are not finite"]


def test_any_dtype_of_real_numbers_that_fit_will_do_if_asked_for():
    given = OWN | {"b": np.ones((2, 3), np.uint8), "c": np.array([0.0, 1e38])}
    assert mismatches(OWN, given, any_dtype=True) == []
    for values in ([0.0, 1e39], [0.0, 1j], ["a", "b"], [None, 1.0], [True, False]):
        assert mismatches(OWN, OWN | {"c": np.array(values)}, any_dtype=True) == ["c has values that are not finite"]


def test_a_foreign_name_stays_on_one_line():
    assert mismatches({}, {"a\nb": np.zeros(1)}) == [r"a\nb is not expected"]
