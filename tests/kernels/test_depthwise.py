"""Depthwise convolution against its definition: every rank, stride, dilation and channel count, forward and both ways back."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config

from tests.kernels.cases import CASES, CONTRACTIONS, arguments, arrays, assert_close, geometry
from tinyconv.errors import ShapeError
from tinyconv.kernels import depthwise, im2col, reference, simd, stands, threads
from tinyconv.kernels.geometry import conv_geometry

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="Numba's compiler is switched off")

TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}

# shape of x, kernel, options; one output channel for each input channel
ODD = [
    ((2, 7, 9, 33), (3, 3), {"padding": 1}),
    ((1, 8, 7, 1), (3, 3), {"padding": 1}),
    ((2, 12, 11, 17), (3, 3), {"padding": 1, "stride": 2}),
    ((2, 12, 11, 10), (3, 3), {"stride": (1, 3), "padding": ((0, 3), (3, 1))}),
    ((2, 9, 9, 3), (3, 3), {"padding": 2, "dilation": (2, 1)}),
    ((2, 9, 10, 3), (3, 3), {"padding": 2, "dilation": 2}),
    ((2, 6, 5, 16), (3, 3), {"padding": ((0, 0), (3, 4))}),
    ((1, 1, 1, 16), (3, 3), {"padding": 1}),
    ((1, 2, 1, 20), (3, 3), {"padding": 5}),
    ((3, 3, 3, 16), (3, 3), {"stride": 4}),
    ((1, 7, 6, 72), (7, 6), {}),
    ((2, 7, 6, 40), (7, 6), {"padding": 2}),
    ((1, 14, 12, 64), (5, 5), {"padding": 2}),
    ((1, 14, 13, 20), (5, 4), {"padding": 2, "stride": (2, 3), "dilation": (1, 2)}),
    ((1, 9, 8, 6), (2, 2), {"stride": (3, 4)}),
    ((1, 150, 4), (1,), {"stride": 2}),
    ((3, 200, 8), (9,), {"padding": 4}),
    ((1, 5, 6, 7, 4), (3, 3, 3), {"padding": 1, "stride": (1, 2, 2)}),
    ((2, 4, 3, 5, 16), (2, 3, 3), {"padding": (1, 0, 2), "dilation": (1, 1, 2), "stride": (2, 1, 1)}),
]


def odd(number):
    x_shape, kernel, options = ODD[number]
    return conv_geometry(x_shape, (*kernel, 1, x_shape[-1]), **options, groups=x_shape[-1])


def assert_right(made, dtype):
    oracle = reference if made.flops < 20_000 else im2col
    for contraction in CONTRACTIONS:
        given_arrays = arguments(contraction, made, dtype)
        expected = getattr(oracle, contraction)(*(array.astype(np.float64) for array in given_arrays), made)
        assert_close(getattr(depthwise, contraction)(*given_arrays, made), expected.astype(dtype), TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", [name for name in CASES if geometry(name).groups == geometry(name).in_channels])
def test_case_of_every_kernel_is_right(case, dtype):
    assert_right(geometry(case), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_size_is_right(number, dtype):
    assert_right(odd(number), dtype)


@pytest.mark.parametrize("copies", [2, 3])
@pytest.mark.parametrize("number", [0, 3, 12, 16])
def test_several_outputs_of_one_channel_are_right(number, copies):
    made = odd(number)
    assert_right(replace(made, out_channels=made.in_channels * copies), np.float32)


sizes, small, padding = st.integers(1, 9), st.integers(1, 3), st.integers(0, 3)
axis = st.tuples(sizes, st.integers(1, 4), small, padding, padding, small)


@settings(max_examples=60)
@given(axes=st.lists(axis, min_size=1, max_size=3), batch=st.integers(0, 2), channels=st.integers(1, 40),
       copies=st.integers(1, 2))
def test_whatever_geometry_is_right(axes, batch, channels, copies):
    size, kernel, stride, before, after, dilation = zip(*axes, strict=True)
    try:
        made = conv_geometry((batch, *size, channels), (*kernel, 1, channels * copies), stride,
                             tuple(zip(before, after, strict=True)), dilation, channels)
    except ShapeError as error:
        assert "does not fit" in str(error)  # noqa: PT017 - some of these windows are larger than their image
        return
    assert_right(made, np.float64)
    x, weight, g = arrays(made, np.float64)
    forward = np.vdot(depthwise.conv(x, weight, made), g)
    assert np.vdot(x, depthwise.input_adjoint(g, weight, made)) == pytest.approx(forward, rel=1e-10, abs=1e-10)
    assert np.vdot(weight, depthwise.weight_adjoint(x, g, made)) == pytest.approx(forward, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("number", [0, 2, 10, 12, 16])
def test_bias_is_added_then_relu_cuts_or_slopes_bend(number):
    made = odd(number)
    x, weight, _ = arrays(made, np.float32)
    bias, slopes = np.linspace([-1, 2], [1, -1], made.out_channels, dtype=np.float32).T.copy()
    y = im2col.conv(x, weight, made) + bias
    assert_close(depthwise.conv(x, weight, made, bias), y, 1e-6)
    assert_close(depthwise.conv(x, weight, made, bias, "relu"), np.maximum(y, 0), 1e-6)
    assert_close(depthwise.conv(x, weight, made, bias, slopes), np.where(y > 0, y, slopes * y), 1e-6)
    y -= bias
    assert_close(depthwise.conv(x, weight, made, activation="relu"), np.maximum(y, 0), 1e-6)
    assert_close(depthwise.conv(x, weight, made, activation=slopes), np.where(y > 0, y, slopes * y), 1e-6)


@pytest.mark.parametrize("number", [0, 10, 12])
def test_nan_and_infinity_reach_exactly_the_windows_that_see_them_and_pass_relu(number):
    made = odd(number)
    x, weight, _ = arrays(made, np.float32)
    x[0, 2, 1, 0] = np.nan
    x[0, 4, 5, -1] = np.inf
    expected = reference.conv(x, weight, made)
    assert 0 < (~np.isfinite(expected)).sum() < expected.size
    np.testing.assert_array_equal(np.isnan(depthwise.conv(x, weight, made)), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(depthwise.conv(x, weight, made)), np.isinf(expected))
    np.testing.assert_array_equal(np.isnan(depthwise.conv(x, weight, made, activation="relu")), np.isnan(expected))


@pytest.mark.parametrize("number", [0, 4])
def test_result_larger_than_the_caches_has_the_same_bits(number, monkeypatch):
    x_shape, kernel, options = ODD[number]
    made = conv_geometry((*x_shape[:-1], 64), (*kernel, 1, 64), **options, groups=64)
    for contraction in ("conv", "input_adjoint"):
        given_arrays = arguments(contraction, made, np.float32)
        monkeypatch.setattr(depthwise.workspace, "SMALL", 1)  # whose arrays begin at a whole vector
        monkeypatch.setattr(depthwise, "PAST_CACHES", 1 << 30)
        through = getattr(depthwise, contraction)(*given_arrays, made)
        monkeypatch.setattr(depthwise, "PAST_CACHES", 0)
        past = getattr(depthwise, contraction)(*given_arrays, made)
        assert past.ctypes.data % simd.BYTES == 0
        assert past.tobytes() == through.tobytes()


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_same_input_on_the_same_threads_gives_the_same_bits_and_on_others_the_same_to_rounding(dtype, monkeypatch):
    for number in (2, 13, 17):
        made = odd(number)
        for contraction in CONTRACTIONS:
            given_arrays, seen = arguments(contraction, made, dtype), []
            for workers in (1, 2, 3):
                monkeypatch.setattr(threads, "count", lambda workers=workers: workers)
                seen += [getattr(depthwise, contraction)(*given_arrays, made) for _ in range(2)]
                assert seen[-1].tobytes() == seen[-2].tobytes()
                assert_close(seen[-1], seen[0], TOLERANCE[dtype])


def test_long_sums_in_float32_stay_accurate():
    made = conv_geometry((16, 100, 100, 2), (3, 3, 1, 2), padding=1, groups=2)
    x, _, g = arrays(made, np.float32)
    x, g = np.abs(x), np.abs(g)  # 160,000 products of one sign
    exact = depthwise.weight_adjoint(x.astype(np.float64), g.astype(np.float64), made)
    np.testing.assert_allclose(depthwise.weight_adjoint(x, g, made), exact, rtol=1e-6)


def test_every_output_pixel_knows_the_taps_that_see_the_image():
    made = conv_geometry((1, 5, 11, 1), (2, 3, 1, 1), stride=(1, 2), padding=1)
    found, seen = stands.stands(made, False), {}
    for (_, row, kind), (_, first, column, pixels) in itertools.product(found.rows.tolist(), found.tiles.tolist()):
        start = found.lists[kind, column]
        numbers = list(itertools.takewhile(lambda number: number >= 0, found.taps[start::2].tolist()))
        seen |= {row + first + i * found.target_step: numbers for i in range(pixels)}
    high, wide = made.inside_taps(0), made.inside_taps(1)
    expected = [[3 * i + j for i in np.flatnonzero(h) for j in np.flatnonzero(w)] for h in high for w in wide]
    assert [seen[pixel] for pixel in range(len(seen))] == expected
