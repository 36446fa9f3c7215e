"""Distances between rows against their definitions, where digits are easily lost, and where rows coincide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyconv as tc
from tinyconv.ops import distance

METRICS = ["euclidean", "squared_euclidean", "cosine"]


def defined(x, y, metric):
    """The definition, one pair at a time."""
    if metric == "cosine":
        return np.array([[1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for b in y] for a in x])
    squared = np.array([[((a - b) ** 2).sum() for b in y] for a in x])
    return squared if metric == "squared_euclidean" else np.sqrt(squared)


def leaf(array, dtype=np.float64):
    return tc.tensor(np.array(array, dtype), requires_grad=True)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("sizes", [(3, 5, 4), (1, 1, 1), (4, 1, 2), (2, 3, 1), (20, 30, 64)], ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-14)])
def test_distance_of_each_row_from_each_row(metric, sizes, dtype, tolerance):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((sizes[0], sizes[2])).astype(dtype), rng.standard_normal((sizes[1], sizes[2])).astype(dtype)
    d = tc.pairwise_distances(x, y, metric=metric)
    expected = defined(x.astype(float), y.astype(float), metric)
    assert (d.shape, d.dtype) == (sizes[:2], dtype)
    np.testing.assert_allclose(d.data, expected, atol=tolerance * max(expected.max(), 1))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(30, 17), (101, 70)], ids=["by NumPy", "by compiled code"])
def test_rows_of_one_matrix_are_at_distance_zero_from_themselves_and_symmetric(metric, dtype, size):
    x = np.random.default_rng(1).standard_normal(size).astype(dtype)
    d = tc.pairwise_distances(x, metric=metric).data
    np.testing.assert_array_equal(np.diag(d), 0)
    np.testing.assert_array_equal(d, d.T)
    np.testing.assert_allclose(d, tc.pairwise_distances(x, x.copy(), metric).data, rtol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_rows_are_at_distance_exactly_zero(metric):
    x = np.random.default_rng(2).standard_normal((6, 33)).astype(np.float32)
    d = tc.pairwise_distances(x, x[[3, 3, 0]], metric=metric).data
    assert d[3, 0] == d[3, 1] == d[0, 2] == 0
    assert (d >= 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_near_rows_far_from_the_origin_keep_their_digits(dtype):
    rng = np.random.default_rng(3)
    steps = rng.integers(-3, 4, (8, 5)) * 2.0**-9
    x = (1000 + steps).astype(dtype)  # exact in both dtypes
    d = tc.pairwise_distances(x, metric="squared_euclidean").data
    np.testing.assert_allclose(d, defined(steps, steps, "squared_euclidean"), rtol=2e-4 if dtype == np.float32 else 1e-9, atol=0)


def test_small_angles_keep_their_digits():
    angles = np.array([1e-3, 1e-5, 1e-7])
    y = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    d = tc.pairwise_distances([[1.0, 0.0]], y, metric="cosine").data[0]
    np.testing.assert_allclose(d, 2 * np.sin(angles / 2) ** 2, rtol=1e-8)


def test_a_near_pair_among_far_ones_keeps_its_digits_in_small_steps_too(monkeypatch):
    rng = np.random.default_rng(4)
    x = rng.standard_normal((12, 6))
    y = x + 1e-5 * rng.standard_normal(x.shape)
    expected = defined(x, y, "euclidean")
    for chunk in (distance.CHUNK, 13, 1):
        monkeypatch.setattr(distance, "CHUNK", chunk)
        np.testing.assert_allclose(tc.pairwise_distances(x, y).data, expected, rtol=1e-8)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_collapsed_embeddings_have_finite_gradients_of_both_orders(metric, dtype):
    for row in ([0.0, 0.0, 0.0], [0.3, -0.7, 0.2]):
        x = leaf([row] * 4, dtype)
        d = tc.pairwise_distances(x, metric=metric)
        slope = tc.grad(d.sum(), x, create_graph=True)
        assert np.isfinite(slope.data).all()
        np.testing.assert_allclose(slope.data, 0, atol=1e-5)
        assert np.isfinite(tc.grad((slope * slope).sum() + (slope * np.ones((4, 3), dtype)).sum(), x).data).all()


def test_euclidean_gradient_is_zero_where_rows_coincide_and_a_unit_vector_elsewhere():
    x, y = leaf([[1.0, 2.0], [4.0, 6.0]]), leaf([[1.0, 2.0]])
    gx, gy = tc.grad(tc.pairwise_distances(x, y).sum(), [x, y])
    np.testing.assert_allclose(gx.data, [[0, 0], [0.6, 0.8]], atol=1e-15)
    np.testing.assert_allclose(gy.data, [[-0.6, -0.8]], atol=1e-15)


def test_a_zero_vector_is_at_cosine_distance_one_from_everything_without_gradient():
    x, y = leaf([[0.0, 0.0], [3.0, 4.0]]), leaf([[1.0, 0.0], [0.0, 0.0], [-3.0, -4.0]])
    d = tc.pairwise_distances(x, y, metric="cosine")
    np.testing.assert_allclose(d.data, [[1, 1, 1], [0.4, 1, 2]], atol=1e-15)
    gx, gy = tc.grad(d.sum(), [x, y])
    assert gx.data[0].tolist() == gy.data[1].tolist() == [0, 0]
    np.testing.assert_allclose(gx.data[1], [-0.128, 0.096], atol=1e-15)


def test_cosine_distance_ignores_lengths():
    x = np.random.default_rng(5).standard_normal((4, 3))
    scaled = x * np.array([[1e-9], [1e-3], [1e3], [1e9]])
    expected = tc.pairwise_distances(x, x, "cosine").data
    np.testing.assert_allclose(tc.pairwise_distances(scaled, x, "cosine").data, expected, atol=1e-14)


@given(st.integers(0, 2**32 - 1), st.sampled_from(METRICS), st.sampled_from([1e-20, 1e-6, 1.0, 1e6]))
def test_no_distance_is_negative(seed, metric, scale):
    rng = np.random.default_rng(seed)
    x = (rng.integers(-2, 3, (5, 3)) * scale + rng.choice([0, 1e-7], (5, 3))).astype(rng.choice([np.float32, np.float64]))
    d = tc.pairwise_distances(x, metric=metric).data
    assert np.isfinite(d).all()
    assert (d >= 0).all()


def test_empty_and_missing_axes():
    for metric in METRICS:
        assert tc.pairwise_distances(np.zeros((0, 3)), np.zeros((2, 3)), metric).shape == (0, 2)
        assert tc.pairwise_distances(np.zeros((2, 3)), np.zeros((0, 3)), metric).shape == (2, 0)
        assert tc.pairwise_distances(np.zeros((0, 3)), metric=metric).shape == (0, 0)
    assert tc.pairwise_distances(np.zeros((2, 0)), np.zeros((3, 0))).data.tolist() == [[0, 0, 0]] * 2


@pytest.mark.parametrize(("x", "y"), [((3,), (3,)), ((2, 3), (2, 4)), ((2, 3), (3,)), ((2, 3, 1), (2, 3)), ((), ())], ids=str)
def test_shapes_that_are_no_two_matrices_are_named(x, y):
    with pytest.raises(tc.ShapeError, match=r"pairwise_distances: got shapes .*, expected \(N, D\) and \(M, D\)"):
        tc.pairwise_distances(tc.tensor(np.ones(x)), tc.tensor(np.ones(y)))


def test_unknown_metrics_and_mixed_dtypes_are_named():
    with pytest.raises(tc.DataError, match="got metric 'manhattan', expected one of euclidean, squared_euclidean, cosine"):
        tc.pairwise_distances(np.ones((2, 3)), metric="manhattan")
    with pytest.raises(tc.DtypeError, match="pairwise_distances: got float32 and float64"):
        tc.pairwise_distances(np.ones((2, 3)), np.ones((2, 3), np.float32))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-14)])
def test_paired_distances_are_the_diagonal_of_the_pairwise_ones(metric, dtype, tolerance):
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal((2, 7, 5)).astype(dtype)
    y[2], x[4] = x[2], 0
    d, every = tc.paired_distances(x, y, metric), tc.pairwise_distances(x, y, metric)
    assert (d.shape, d.dtype) == ((7,), dtype)
    assert d.data[2] == 0
    np.testing.assert_allclose(d.data, np.diag(every.data), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("metric", METRICS)
def test_gradients_of_paired_distances_are_those_of_the_diagonal_where_rows_coincide_too(metric):
    rng = np.random.default_rng(7)
    x, y = rng.standard_normal((2, 5, 3))
    y[1], x[3], y[3] = x[1], 0, 0
    for a, b in zip(tc.grad(tc.paired_distances(leaf_x := leaf(x), leaf_y := leaf(y), metric).sum(), [leaf_x, leaf_y]),
                    tc.grad((tc.pairwise_distances(leaf_x, leaf_y, metric) * np.eye(5)).sum(), [leaf_x, leaf_y]), strict=True):
        np.testing.assert_allclose(a.data, b.data, atol=1e-13)
        assert not a.data[[1, 3]].any()


def test_paired_squares_of_small_differences_keep_all_digits_and_lengths_do_not_overflow():
    x = np.array([[1e6, 1.0], [1e200, 0.0]])
    y = np.array([[1e6, 1.0 + 2.0**-40], [0.0, 1e200]])
    assert tc.paired_distances(x[:1], y[:1], "squared_euclidean").data[0] == 2.0**-80
    np.testing.assert_allclose(tc.paired_distances(x, y).data, [2.0**-40, 1e200 * np.sqrt(2)], rtol=1e-15)


@pytest.mark.parametrize("metric", METRICS)
def test_no_rows_have_no_paired_distances_and_a_gradient(metric):
    x = leaf(np.zeros((0, 3)))
    d = tc.paired_distances(x, np.zeros((0, 3)), metric)
    assert d.shape == (0,)
    assert tc.grad(d.sum(), x).shape == (0, 3)


@pytest.mark.parametrize(("x", "y"), [((3,), (3,)), ((2, 3), (3, 3)), ((2, 3), (2, 4)), ((1, 3), (2, 3)), ((2, 1, 3), (2, 1, 3))],
                         ids=str)
def test_rows_without_a_partner_are_named(x, y):
    with pytest.raises(tc.ShapeError, match=r"paired_distances: got shapes .*, expected \(N, D\) twice"):
        tc.paired_distances(np.ones(x), np.ones(y))
    with pytest.raises(tc.DataError, match="paired_distances: got metric 'hamming'"):
        tc.paired_distances(np.ones((2, 3)), np.ones((2, 3)), "hamming")
