"""Resampling against its matrix: what each output weighs, and the adjoint."""

from __future__ import annotations

import numpy as np
import pytest

from tinyconv.kernels import resampling

TAPS = {
    "linear": lambda n, m: resampling.linear(n, m, False),
    "corners": lambda n, m: resampling.linear(n, m, True),
    "nearest": resampling.nearest,
    "sum": resampling.adaptive_sum,
}
SIZES = [(1, 1), (1, 4), (4, 1), (5, 5), (3, 7), (7, 3), (6, 4), (2, 9), (10, 3)]


def matrix(taps):
    """(outputs, size): the weight of each input element in each output."""
    dense = np.zeros((len(taps.places), taps.size))
    for i, (places, weights) in enumerate(zip(taps.places, taps.weights, strict=True)):
        for place, weight in zip(places, weights, strict=True):
            dense[i, place] += weight
    return dense


@pytest.mark.parametrize("kind", TAPS)
@pytest.mark.parametrize(("size", "out"), SIZES)
def test_resampling_is_a_product_with_a_matrix(size, out, kind):
    taps = TAPS[kind](size, out)
    dense = matrix(taps)
    assert dense.shape == (out, size)
    assert (dense >= 0).all()
    if kind == "sum":
        begin, end = resampling.adaptive_bounds(size, out)
        np.testing.assert_array_equal(dense, (np.arange(size) >= begin[:, None]) & (np.arange(size) < end[:, None]))
    else:
        np.testing.assert_allclose(dense.sum(axis=1), 1, rtol=1e-14)
    x = np.random.default_rng(0).standard_normal((2, 3, size, 4))
    np.testing.assert_allclose(resampling.resample(x, taps, 2), np.einsum("mn,abnc->abmc", dense, x), atol=1e-14)


@pytest.mark.parametrize("kind", TAPS)
@pytest.mark.parametrize(("size", "out"), SIZES)
def test_transposed_taps_are_the_transposed_matrix(size, out, kind):
    taps = TAPS[kind](size, out)
    np.testing.assert_allclose(matrix(taps.transposed), matrix(taps).T, atol=1e-15)
    np.testing.assert_allclose(matrix(taps.transposed.transposed), matrix(taps), atol=1e-15)


@pytest.mark.parametrize(("size", "out"), SIZES)
def test_adaptive_windows_begin_at_the_floor_and_end_at_the_ceiling(size, out):
    begin, end = resampling.adaptive_bounds(size, out)
    places = resampling.adaptive_places(size, out)
    for i in range(out):
        assert (begin[i], end[i]) == (int(np.floor(i * size / out)), int(np.ceil((i + 1) * size / out)))
        assert sorted(set(places[i])) == list(range(begin[i], end[i]))
    assert set(places.ravel()) == set(range(size))


def test_a_tap_of_weight_0_is_not_looked_at():
    x = np.array([[1.0, np.nan, 3.0, np.inf]])
    got = resampling.resample(x, resampling.linear(4, 3, True), 1)[0]
    assert got[0] == 1
    assert np.isnan(got[1])
    assert np.isinf(got[2])
