"""Batch norm on arrays: moments that lose no digits, and gradients that are those of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.test_pointwise import SHAPES, assert_close, by
from tinyconv.kernels import dispatch, normalization, pointwise, pooling, threads
from tinyconv.kernels.geometry import pool_windows


@pytest.fixture
def compiled(monkeypatch):
    """Nothing is left to NumPy, and the work is shared out to three workers."""
    monkeypatch.setattr(dispatch, "SMALL_ARRAY", 1)
    monkeypatch.setattr(threads, "count", lambda: 3)


def exact(x):
    pixels = tuple(range(x.ndim - 1))
    return x.mean(axis=pixels, dtype=np.float64), x.astype(np.float64).var(axis=pixels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [*SHAPES, (1, 3), (2, 5)], ids=str)
def test_moments_are_mean_and_biased_variance_of_each_channel(shape, dtype, compiled):
    x = np.random.default_rng(0).normal(3, 2, shape).astype(dtype)
    for found, expected in zip(normalization.moments(x), exact(x), strict=True):
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == np.float32 else 1e-12, atol=1e-12)


HARD = {
    "a mean of ten thousand": lambda rng: rng.normal(1e4, 1, (8, 32, 32, 6)),
    "a first row far from all others": lambda rng: np.concatenate([np.full((1, 6), 1e4), rng.standard_normal((5000, 6))]),
    "a last row far from all others": lambda rng: np.concatenate([rng.standard_normal((5000, 6)), np.full((1, 6), 1e4)]),
    "two halves far apart": lambda rng: np.repeat([[-1e3], [1e3]], 3000, axis=0) + rng.standard_normal((6000, 5)),
    "a slow rise": lambda rng: np.linspace(0, 1e3, 50_000)[:, None] + rng.standard_normal((50_000, 3)),
    "a million pixels": lambda rng: rng.normal(100, 1, (1000, 1000, 1)),
}


@pytest.mark.parametrize("case", HARD)
def test_moments_in_float32_keep_their_digits(case, compiled):
    x = HARD[case](np.random.default_rng(1)).astype(np.float32)
    mean, variance = normalization.moments(x)
    expected_mean, expected_variance = exact(x)
    np.testing.assert_allclose(mean, expected_mean, rtol=0, atol=2e-7 * np.sqrt(expected_variance.max()))
    np.testing.assert_allclose(variance, expected_variance, rtol=2e-6)


def test_a_constant_channel_has_no_variance_at_all(compiled):
    mean, variance = normalization.moments(np.full((40, 30, 4), 0.1, np.float32))
    assert (mean == np.float32(0.1)).all()
    assert (variance == 0).all()


def test_nan_stays_in_its_channel(compiled):
    x = np.ones((50, 6))
    x[31, 2] = np.nan
    for found in normalization.moments(x):
        assert np.isnan(found).tolist() == [c == 2 for c in range(6)]


def test_small_arrays_are_left_to_numpy():
    assert normalization.moments(np.ones((4, 3), np.float32)) is None


def problem(shape, dtype):
    rng = np.random.default_rng(2)
    x, g = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    channels = shape[-1]
    line = pointwise.broken_line(x, *rng.standard_normal((4, channels)))
    return g, x, line, *(rng.uniform(0.1, 1, channels).astype(dtype) for _ in range(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_compiled_gradients_are_numpys(shape, dtype, monkeypatch):
    arrays = problem(shape, dtype)
    found, expected = (by(monkeypatch, who, lambda: normalization.adjoint(*arrays)) for who in ("compiled", "numpy"))
    for got, same in zip(found, expected, strict=True):
        assert_close(got, same, dtype)
    assert normalization.adjoint(*arrays, want_x=False).x is None


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"ceil_mode": True}], ids=str)
@pytest.mark.parametrize("shape", [(3, 7, 6, 5), (2, 6, 5, 300)], ids=str)
def test_gradients_behind_windows_are_those_of_all_pixels_with_zeros_between(shape, options, monkeypatch):
    _, x, line, rest, inverse = problem(shape, np.float64)
    windows = pool_windows(shape, 3, **options)
    for who in ("compiled", "numpy"):
        chosen = pooling.empty_choice(x, windows)
        y = by(monkeypatch, who, lambda c=chosen: pooling.largest(x, windows, c, line))
        np.testing.assert_allclose(y, pooling.gather(pointwise.bend(x, line), chosen, windows), rtol=1e-12)
        g = np.random.default_rng(3).standard_normal(y.shape)
        found = by(monkeypatch, who, lambda g=g, c=chosen: normalization.pooled_adjoint(g, x, line, rest, inverse, c, windows))
        expected = normalization.adjoint(pooling.scatter(g, chosen, windows), x, line, rest, inverse)
        for got, same in zip(found, expected, strict=True):
            np.testing.assert_allclose(got, same, rtol=1e-10, atol=1e-10)
