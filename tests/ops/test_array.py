"""Ops that move elements, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.ops.array import getitem, scatter

X = np.arange(24.0).reshape(2, 3, 4)


def leaf(array=X):
    return tc.tensor(array, requires_grad=True)


def test_reshape_takes_a_tuple_or_numbers():
    x = leaf()
    for y in (x.reshape(6, 4), x.reshape((6, 4)), x.reshape(-1, 4), tc.reshape(x, (6, 4)), x.reshape([6, 4])):
        np.testing.assert_array_equal(y.data, X.reshape(6, 4))
    assert x.reshape(-1).shape == tc.reshape(x, -1).shape == (24,)
    assert tc.tensor(2.0).reshape(1, 1).shape == (1, 1)
    assert tc.tensor([2.0]).reshape(()).shape == ()
    assert tc.tensor(np.zeros((0, 3))).reshape(3, 0).shape == (3, 0)


def test_reshape_to_a_wrong_size_names_both():
    with pytest.raises(tc.ShapeError, match=r"reshape: 24 elements of shape \(2, 3, 4\) do not fit \(5, 5\)"):
        leaf().reshape(5, 5)


def test_transpose_takes_a_tuple_numbers_negative_axes_or_nothing():
    x = leaf()
    for y in (x.transpose(2, 0, 1), x.transpose((2, 0, 1)), x.transpose(-1, 0, -2), tc.transpose(x, (2, 0, 1))):
        np.testing.assert_array_equal(y.data, X.transpose(2, 0, 1))
    np.testing.assert_array_equal(x.transpose().data, X.T)
    for wrong in ((0, 1), (0, 1, 1), (0, 1, 3)):
        with pytest.raises(tc.ShapeError, match=r"do not permute the 3 axes of \(2, 3, 4\)"):
            x.transpose(wrong)


@pytest.mark.parametrize("index", [
    1, -1, slice(None), slice(2, None), (0, slice(None, None, -1)), (..., 0), (None, 1), (0, 1, 2), (), ...,
    np.array([1, 0, 1, 1]), [1, 1], (slice(None), [0, 2], None), (np.array([[0], [1]]), np.array([2, 0, 2])),
    X > 10, (X[..., 0] > 3), (0, np.array([True, False, True])), np.zeros(0, int), [], np.int64(1),
    (slice(None), np.int64(2)), np.array(1),
], ids=str)
def test_indexing_is_numpys_and_gradients_add_up_where_they_came_from(index):
    x = leaf()
    y = x[index]
    np.testing.assert_array_equal(y.data, X[index])
    seed = np.random.default_rng(0).standard_normal(y.shape)
    expected = np.zeros_like(X)
    for where, value in zip(np.arange(24).reshape(X.shape)[index].ravel(), seed.ravel(), strict=True):
        expected.flat[where] += value
    np.testing.assert_allclose(tc.grad(y, x, seed=seed).data, expected)


def test_scatter_is_the_adjoint_of_indexing():
    y = scatter(np.array([1.0, 2, 3]), index=np.array([0, 2, 0]), shape=(4,))
    assert y.data.tolist() == [4, 0, 2, 0]


def test_a_promise_of_unique_indices_gives_the_same_gradient():
    index = (np.array([[1], [0]]), np.array([0, 2]), slice(None))
    x, seed = leaf(), np.random.default_rng(0).standard_normal((2, 2, 4))
    added, written = (tc.grad(getitem(x, index=index, unique=unique), x, seed=seed).data for unique in (False, True))
    np.testing.assert_array_equal(added, written)
    assert np.count_nonzero(written) == seed.size


def test_a_tensor_is_no_index():
    x = leaf()
    for index in (tc.tensor([0, 1]), (0, tc.tensor([1]))):
        with pytest.raises(tc.GradientError, match="an index is a choice and has no gradient: use an integer array"):
            x[index]
    with pytest.raises(IndexError):
        x[5]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenate_is_numpys(axis):
    parts = [np.ones((2, 3, 4)), X, np.zeros((2, 3, 4))]
    np.testing.assert_array_equal(tc.concatenate(parts, axis).data, np.concatenate(parts, axis))
    assert tc.concatenate([X[:, :0], X], axis=1).shape == (2, 3, 4)


def test_concatenate_of_what_does_not_join_names_the_shapes():
    with pytest.raises(tc.ShapeError, match=r"concatenate: shapes \(2, 3\), \(2, 4\) do not join along axis 0"):
        tc.concatenate([np.ones((2, 3)), tc.tensor(np.ones((2, 4)))])
    with pytest.raises(tc.ShapeError, match="along axis 2"):
        tc.concatenate([np.ones((2, 3)), np.ones((2, 3))], axis=2)
    with pytest.raises(tc.ShapeError, match="concatenate"):
        tc.concatenate([])


@pytest.mark.parametrize("axis", [0, 1, 3, -1, -4, np.int64(2)])
def test_stack_is_numpys_and_each_part_gets_its_share(axis):
    parts = [leaf(X + i) for i in range(3)]
    y = tc.stack(parts, axis)
    np.testing.assert_array_equal(y.data, np.stack([part.data for part in parts], axis))
    seed = np.random.default_rng(0).standard_normal(y.shape)
    for i, gradient in enumerate(tc.grad(y, parts, seed=seed)):
        np.testing.assert_array_equal(gradient.data, seed.take(i, axis))


def test_stack_joins_numbers_lists_and_tensors():
    assert tc.stack([1, tc.tensor(2.0), 3]).data.tolist() == [1, 2, 3]
    assert tc.stack([[1, 2], np.array([3.0, 4.0])], axis=-1).data.tolist() == [[1, 3], [2, 4]]
    assert tc.stack([np.zeros((0, 2))] * 3, axis=1).shape == (0, 3, 2)


def test_stack_of_what_does_not_fit_names_the_shapes():
    with pytest.raises(tc.ShapeError, match=r"stack: got \(2, 3\), \(3,\), expected at least one tensor, all of one shape"):
        tc.stack([np.ones((2, 3)), np.ones(3)])
    with pytest.raises(tc.ShapeError, match="stack: got nothing"):
        tc.stack([])
    for axis in (4, -5):
        with pytest.raises(tc.ShapeError, match="out of range for 4 axes"):
            tc.stack([X, X], axis)
    with pytest.raises(tc.DtypeError, match="stack: got float32 and float64"):
        tc.stack([X, X.astype(np.float32)])


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-1, 0), (), np.int64(1)], ids=str)
def test_flip_is_numpys_and_its_own_adjoint(axis):
    x = leaf()
    y = tc.flip(x, axis)
    np.testing.assert_array_equal(y.data, np.flip(X, axis))
    seed = np.random.default_rng(0).standard_normal(y.shape)
    np.testing.assert_array_equal(tc.grad(y, x, seed=seed).data, np.flip(seed, axis))
    np.testing.assert_array_equal(tc.flip(y, axis).data, X)


def test_flip_of_a_number_is_the_number_and_axes_are_checked():
    assert tc.flip(2.0).item() == 2
    for axis in (3, (0, 0), (1, -2), 1.5, "0"):
        with pytest.raises(tc.ShapeError, match="axis"):
            tc.flip(X, axis)


@pytest.mark.parametrize(("mode", "numpys"), [("zero", "constant"), ("reflect", "reflect"), ("edge", "edge")])
@pytest.mark.parametrize("width", [0, 1, np.int64(1), ((1, 0), (0, 2), (3, 1)), [(0, 1), (2, 2), (0, 0)],
                                   np.array([[1, 1], [0, 2], [1, 0]])], ids=str)
def test_pad_is_numpys(mode, numpys, width):
    np.testing.assert_array_equal(tc.pad(leaf(), width, mode).data, np.pad(X, width, mode=numpys))


@pytest.mark.parametrize("width", [-1, (1, 2), ((1, 2),), ((1, 2), (3,), (0, 0)), ((1, 2), (0, -1), (0, 0)), ((1.5, 1),) * 3,
                                   "abc"], ids=str)
def test_pad_names_a_wrong_width(width):
    with pytest.raises(tc.ShapeError, match="expected one non-negative"):
        tc.pad(leaf(), width)


def test_pad_names_what_a_mirror_cannot_show():
    with pytest.raises(tc.ShapeError, match="a mirror needs more pixels than it adds"):
        tc.pad(leaf(), ((2, 0), (0, 0), (0, 0)), "reflect")
    with pytest.raises(tc.ShapeError, match="has no edge to repeat"):
        tc.pad(np.zeros((0, 2)), 1, "edge")
    with pytest.raises(tc.ShapeError, match="'zero', 'reflect' or 'edge'"):
        tc.pad(leaf(), 1, "wrap")
    assert tc.pad(leaf(), ((1, 1), (2, 2), (3, 3)), "reflect").shape == (4, 7, 10)
    assert tc.pad(np.zeros((0, 2)), ((0, 0), (1, 1)), "reflect").shape == (0, 4)


@pytest.mark.parametrize("index", [5, (0, 0, 0, 0), "a", 1.5, np.ones(9, bool), np.array([0.5]), np.array([7]),
                                   (np.array([0, 1]), np.array([0, 1, 2]))], ids=str)
def test_an_index_that_does_not_fit_is_one_of_our_errors(index):
    with pytest.raises(tc.ShapeError, match=r"indexing: got a tensor of shape \(2, 3, 4\); "):
        leaf()[index]


@pytest.mark.parametrize("axis", [None, "a", 0.5])
def test_concatenate_wants_an_axis(axis):
    with pytest.raises(tc.ShapeError, match=r"concatenate: axis is .*, expected an int"):
        tc.concatenate([X, X], axis)


def test_shapes_axes_and_widths_of_other_types_are_named():
    for shape in (None, "ab", (2.0, 12), (-2, 12)):
        with pytest.raises(tc.ShapeError, match=r"reshape: got .*, expected a tuple of sizes"):
            tc.reshape(X, shape)
    for axes in ("abc", (0.0, 1.0, 2.0), (0, 0, 1)):
        with pytest.raises(tc.ShapeError, match=r"transpose: axes .* do not permute"):
            tc.transpose(X, axes)
    for width in (None, 1.5, True):
        with pytest.raises(tc.ShapeError, match="pad: got width"):
            tc.pad(X, width)
