"""Broken lines: compiled loops agree with NumPy, sums are accurate, and the same input gives the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from tinyconv.kernels import dispatch, pointwise, threads

SHAPES = [(8, 7, 5, 64), (3, 5, 7, 3), (4, 6, 1), (16, 17), (1, 1000), (5, 9, 1, 300), (7, 2, 512), (3, 3, 521)]
SLOPES = {"straight": lambda rng, channels: 1, "relu": lambda rng, channels: 0,
          "prelu": lambda rng, channels: rng.standard_normal(channels)}
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-13}


def by(monkeypatch, who, function):
    """What the function gives if all is left to "numpy", or to "compiled" code."""
    with monkeypatch.context() as patch:
        patch.setattr(dispatch, "SMALL_ARRAY", 1 if who == "compiled" else 1 << 60)
        return function()


def assert_close(got, expected, dtype):
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[dtype] * max(np.abs(expected).max(initial=0), 1))


def make(shape, dtype, slope):
    rng = np.random.default_rng(0)
    x, g = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    numbers = rng.standard_normal((3, shape[-1]))
    return x, g, pointwise.broken_line(x, *numbers, SLOPES[slope](rng, shape[-1]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_compiled_line_and_its_adjoint_are_numpys(shape, slope, dtype, monkeypatch):
    x, g, line = make(shape, dtype, slope)
    y, same = (by(monkeypatch, who, lambda: pointwise.bend(x, line)) for who in ("compiled", "numpy"))
    assert_close(y, same, dtype)
    for want_x in (True, False):
        (gx, sums), (same_gx, same_sums) = (by(monkeypatch, who, lambda w=want_x: pointwise.bend_adjoint(g, x, line, w))
                                            for who in ("compiled", "numpy"))
        assert (gx is not None) == (same_gx is not None) == want_x
        if gx is not None:
            assert_close(gx, same_gx, dtype)
        assert_close(sums, same_sums, dtype)


@pytest.mark.parametrize("who", ["numpy", "compiled"])
def test_line_by_hand(who, monkeypatch):
    x = np.array([[1.0, 1.0], [3.0, -2.0]])
    line = np.array([[1.0, 0.0], [2.0, 3.0], [-1.0, 0.0], [0.5, 0.0]])  # v = 2 (x - 1) - 1 and 3 x
    assert by(monkeypatch, who, lambda: pointwise.bend(x, line)).tolist() == [[-0.5, 3], [3, 0]]
    gx, sums = by(monkeypatch, who, lambda: pointwise.bend_adjoint(np.full((2, 2), 10.0), x, line))
    assert gx.tolist() == [[10, 30], [20, 0]]
    assert sums.tolist() == [[15, 10], [20, 10], [-10, -60]]  # of b; of b (x - centre); of g v where v <= 0


@pytest.mark.parametrize("who", ["numpy", "compiled"])
@pytest.mark.parametrize("shape", [(4, 8, 16), (1 << 7,), (3, 7, 11), (2, 0, 5)], ids=str)
def test_relu_and_sum_of_any_shape(shape, who, monkeypatch):
    x, g = np.random.default_rng(1).standard_normal((2, *shape))
    assert np.array_equal(by(monkeypatch, who, lambda: pointwise.relu(x)), np.maximum(x, 0))
    assert np.array_equal(by(monkeypatch, who, lambda: pointwise.relu_adjoint(g, x)), g * (x > 0))
    assert np.array_equal(by(monkeypatch, who, lambda: pointwise.add(x, g)), x + g)


@pytest.mark.parametrize("who", ["numpy", "compiled"])
def test_relu_of_infinity_is_zero_or_infinity_and_nan_stays(who, monkeypatch):
    x = np.array([-np.inf, np.inf, np.nan, -0.0] * 64, np.float32)
    assert np.array_equal(by(monkeypatch, who, lambda: pointwise.relu(x))[:4], [0, np.inf, np.nan, 0], equal_nan=True)


@pytest.mark.parametrize("who", ["numpy", "compiled"])
def test_masked_cuts_what_arrives_and_sums_it_for_the_bias(who, monkeypatch):
    out = np.maximum(np.random.default_rng(2).standard_normal((6, 5, 8)), 0)
    g = np.random.default_rng(3).standard_normal(out.shape)
    cut, bias = by(monkeypatch, who, lambda: pointwise.masked(g, out, "relu"))
    np.testing.assert_array_equal(cut, g * (out > 0))
    np.testing.assert_allclose(bias, cut.sum(axis=(0, 1)), rtol=1e-12)
    same, bias = by(monkeypatch, who, lambda: pointwise.masked(g, out, None))
    assert same is g
    np.testing.assert_allclose(bias, g.sum(axis=(0, 1)), rtol=1e-12)
    assert by(monkeypatch, who, lambda: pointwise.masked(g, out, "relu", bias=False))[1] is None


@pytest.mark.parametrize("who", ["numpy", "compiled"])
def test_a_sum_over_a_million_pixels_costs_no_accuracy(who, monkeypatch):
    g = np.random.default_rng(4).normal(1, 0.1, (1000, 1000, 2)).astype(np.float32)
    found = by(monkeypatch, who, lambda: pointwise.column_sums(g))
    np.testing.assert_allclose(found, g.sum(axis=(0, 1), dtype=np.float64), rtol=1e-6)
    assert found.dtype == np.float32


def test_arrays_that_are_not_contiguous_are_taken_as_they_are_seen(monkeypatch):
    x, g = np.random.default_rng(5).standard_normal((2, 9, 8, 6)).transpose(0, 2, 1, 3)[:, ::-1]
    line = pointwise.broken_line(x, slope=0.5)
    found, expected = (by(monkeypatch, who, lambda: pointwise.bend_adjoint(g, x, line)) for who in ("compiled", "numpy"))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_same_input_and_number_of_workers_give_the_same_bits(count, monkeypatch):
    monkeypatch.setattr(threads, "count", lambda: count)
    x, g, line = make((7, 9, 24), np.float32, "prelu")
    first, again = (by(monkeypatch, "compiled", lambda: pointwise.bend_adjoint(g, x, line)) for _ in range(2))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))
    expected = by(monkeypatch, "numpy", lambda: pointwise.bend_adjoint(g, x, line))[1]
    np.testing.assert_allclose(first[1], expected, rtol=1e-4, atol=1e-4)
