"""Choices are integer arrays, what they gather has a gradient: labels, largest values, values at an index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyconv as tc

X = np.random.default_rng(0).permutation(24).reshape(2, 3, 4).astype(float)


# --- one_hot


def test_one_hot_has_a_one_at_each_label():
    labels = np.array([[2, 0, 1], [1, 1, 2]], np.uint8)
    y = tc.one_hot(labels, 4)
    assert (y.shape, y.dtype, y.requires_grad) == ((2, 3, 4), np.float32, False)
    np.testing.assert_array_equal(y.data, np.eye(4)[labels])
    assert tc.one_hot(2, 3).data.tolist() == [0, 0, 1]
    assert tc.one_hot([], 3).shape == (0, 3)
    assert tc.one_hot([0], 1, np.float64).dtype == np.float64


@pytest.mark.parametrize("labels", [[3], [-1], [0.0], [True], ["a"], [None]])
def test_one_hot_refuses_what_is_no_class_number(labels):
    with pytest.raises(tc.ShapeError, match="one_hot: labels must be integers from 0 to 2"):
        tc.one_hot(labels, 3)


def test_one_hot_refuses_tensors_impossible_classes_and_integer_dtypes():
    with pytest.raises(tc.GradientError, match="one_hot: labels are a tensor, expected an integer array"):
        tc.one_hot(tc.tensor([1.0]), 3)
    for classes in (0, -1, 2.0, "3", True, None):
        with pytest.raises(tc.ShapeError, match="expected a positive integer"):
            tc.one_hot([0], classes)
    with pytest.raises(tc.DtypeError, match="not a float dtype"):
        tc.one_hot([0], 3, int)


# --- argmax


@pytest.mark.parametrize("axis", [None, 0, 1, -1, np.int64(2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_argmax_is_numpys_and_no_tensor(axis, keepdims):
    for x in (X, tc.tensor(X, requires_grad=True)):
        chosen = tc.argmax(x, axis, keepdims)
        assert isinstance(chosen, np.ndarray)
        assert chosen.dtype.kind == "i"
        np.testing.assert_array_equal(chosen, np.argmax(X, axis, keepdims=keepdims))


def test_argmax_takes_the_first_of_equals_and_needs_something_to_choose():
    assert tc.argmax([1, 3, 3]) == 1
    assert tc.argmax(2.0) == 0
    with pytest.raises(tc.ShapeError, match=r"argmax: got shape \(0, 3\), expected at least one value"):
        tc.argmax(np.zeros((0, 3)), axis=0)
    assert tc.argmax(np.zeros((0, 3)), axis=1).shape == (0,)
    for axis in (3, -4):
        with pytest.raises(tc.ShapeError, match="out of range for 3 axes"):
            tc.argmax(X, axis)


# --- take_along_axis


@pytest.mark.parametrize(("shape", "axis"), [((2, 3, 4), 0), ((2, 3, 7), -1), ((2, 1, 4), 1), ((1, 3, 1), 0), ((2, 0, 4), 1),
                                             ((1, 1, 2), 2)], ids=str)
def test_take_along_axis_is_numpys_and_gradients_add_up_where_they_came_from(shape, axis):
    rng = np.random.default_rng(1)
    indices = rng.integers(-X.shape[axis], X.shape[axis], shape)
    x = tc.tensor(X, requires_grad=True)
    y = tc.take_along_axis(x, indices, axis)
    wide = np.broadcast_to(indices, [m if i == axis % 3 else n for i, (n, m) in enumerate(zip(X.shape, shape, strict=True))])
    np.testing.assert_array_equal(y.data, np.take_along_axis(X, wide, axis))
    seed = rng.standard_normal(y.shape)
    expected = np.zeros_like(X)
    for where, value in zip(np.take_along_axis(np.arange(24).reshape(X.shape), wide, axis).ravel(), seed.ravel(), strict=True):
        expected.flat[where] += value
    np.testing.assert_allclose(tc.grad(y, x, seed=seed).data, expected)


def test_an_axis_of_length_one_broadcasts_to_the_indices():
    assert tc.take_along_axis([[5, 6]], [[1], [0], [1]], axis=1).data.tolist() == [[6], [5], [6]]


def test_argmax_then_take_is_max():
    np.testing.assert_array_equal(tc.take_along_axis(X, tc.argmax(X, 1, keepdims=True), 1).data, tc.max(X, 1, keepdims=True).data)


def test_indices_may_change_after_the_forward():
    x, indices = tc.tensor([1.0, 2.0], requires_grad=True), np.array([1, 1])
    y = tc.take_along_axis(x, indices, 0)
    indices[:] = 0
    assert tc.grad(y.sum(), x).data.tolist() == [0, 2]


@pytest.mark.parametrize(("indices", "what"), [
    (np.zeros((2, 3), int), "expected the same sizes"), (np.zeros((2, 2, 4), int), "expected the same sizes"),
    (np.full((2, 3, 4), 4), "indices must be integers from -4 to 3; got 4 to 4"), (np.full((2, 3, 4), -5), "from -4 to 3"),
    (np.zeros((2, 3, 4)), "must be integers .* got float64"), (X > 3, "must be integers .* got bool"),
], ids=["too few axes", "another size", "too large", "too small", "floats", "booleans"])
def test_indices_that_do_not_fit_are_named(indices, what):
    with pytest.raises(tc.ShapeError, match=what):
        tc.take_along_axis(X, indices, axis=-1)


def test_a_tensor_is_no_index_and_an_axis_is_one_integer():
    with pytest.raises(tc.GradientError, match="indices are a tensor"):
        tc.take_along_axis(X, tc.tensor(X), axis=0)
    for axis in (3, None, (0, 1), 1.0, True):
        with pytest.raises(tc.ShapeError, match="axis"):
            tc.take_along_axis(X, X.astype(int), axis)


# --- top_k


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_top_k_is_the_beginning_of_the_sorted_axis(axis):
    for k in range(X.shape[axis] + 1):
        values, indices = tc.top_k(X, k, axis)
        expected = np.flip(np.sort(X, axis), axis).take(range(k), axis)
        np.testing.assert_array_equal(values.data, expected)
        np.testing.assert_array_equal(np.take_along_axis(X, indices, axis), expected)
        assert indices.dtype.kind == "i"


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=8), st.data())
def test_equal_values_keep_the_order_of_their_indices(values, data):
    k = data.draw(st.integers(0, len(values)))
    _, indices = tc.top_k(values, k)
    assert indices.tolist() == sorted(range(len(values)), key=lambda i: (-values[i], i))[:k]


def test_each_of_the_top_k_sends_its_gradient_home():
    x = tc.tensor([[3.0, 9.0, 1.0], [4.0, 4.0, 4.0]], requires_grad=True)
    values, indices = tc.top_k(x, 2)
    indices[:] = 0  # the caller's copy
    assert tc.grad((values * np.array([[1, 10], [1, 10]])).sum(), x).data.tolist() == [[10, 1, 0], [1, 10, 0]]


def test_nan_counts_as_largest_as_in_max():
    values, indices = tc.top_k([1.0, np.nan, np.inf, -np.inf], 3)
    np.testing.assert_array_equal(values.data, [np.nan, np.inf, 1])
    assert indices.tolist() == [1, 2, 0]


@pytest.mark.parametrize("k", [5, -1, 2.0, "2", None, True])
def test_k_that_is_no_size_of_the_axis_is_named(k):
    with pytest.raises(tc.ShapeError, match=r"k is .*, expected an integer from 0 to 4, the size of axis -1 of \(2, 3, 4\)"):
        tc.top_k(X, k)


def test_an_empty_batch_has_empty_top_k():
    values, indices = tc.top_k(np.zeros((0, 3)), 2)
    assert values.shape == indices.shape == (0, 2)
