"""The three kernels are one function: loops, gathered windows and compiled rows give the same three contractions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import CASES, CONTRACTIONS, TOLERANCE, arguments, arrays, assert_close, geometry
from tinyconv.errors import ShapeError
from tinyconv.kernels import direct, dispatch, im2col, reference
from tinyconv.kernels.geometry import conv_geometry

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_im2col_and_direct_agree_with_the_loops(case, dtype):
    made = geometry(case)
    for contraction in CONTRACTIONS:
        given_arrays = arguments(contraction, made, dtype)
        expected = getattr(reference, contraction)(*given_arrays, made)
        for kernel in (im2col, direct):
            assert_close(getattr(kernel, contraction)(*given_arrays, made), expected, TOLERANCE[dtype])


def test_loops_give_the_numbers_of_the_course():
    image = np.array([[3, 0, 1, 2, 7, 4], [1, 5, 8, 9, 3, 1], [2, 7, 2, 5, 1, 3],
                      [0, 1, 3, 1, 7, 8], [4, 2, 1, 6, 2, 8], [2, 4, 5, 2, 3, 9]], np.float64)
    edges = np.array([[1.0, 0, -1]] * 3)
    x, weight = image.reshape(1, 6, 6, 1), edges.reshape(3, 3, 1, 1)
    y = reference.conv(x, weight, conv_geometry(x.shape, weight.shape))
    assert y[0, :, :, 0].tolist() == [[-5, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]]


def test_loops_give_a_dilated_strided_padded_signal_by_hand():
    x, weight = np.array([1.0, 2, 3, 4, 5]).reshape(1, 5, 1), np.array([1.0, 10]).reshape(2, 1, 1)
    made = conv_geometry(x.shape, weight.shape, stride=2, padding=(1, 2), dilation=3)
    # padded: 0 1 2 3 4 5 0 0; windows (0, 3), (2, 5), (4, 7)
    assert reference.conv(x, weight, made).ravel().tolist() == [30, 2 + 50, 4]


@pytest.mark.parametrize("kernel", [reference, im2col, direct])
@pytest.mark.parametrize("case", CASES)
def test_three_contractions_are_adjoint(kernel, case):
    made = geometry(case)
    x, weight, g = arrays(made, np.float64)
    forward = np.vdot(kernel.conv(x, weight, made), g)
    assert np.vdot(x, kernel.input_adjoint(g, weight, made)) == pytest.approx(forward, rel=1e-10, abs=1e-10)
    assert np.vdot(weight, kernel.weight_adjoint(x, g, made)) == pytest.approx(forward, rel=1e-10, abs=1e-10)


axis = st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2), st.integers(1, 3))


@settings(max_examples=60)
@given(axes=st.lists(axis, min_size=1, max_size=3), batch=st.integers(0, 2), groups=st.integers(1, 3),
       per_group=st.tuples(st.integers(1, 5), st.integers(1, 3)), dtype=st.sampled_from(DTYPES))
def test_kernels_agree_on_whatever_geometry(axes, batch, groups, per_group, dtype):
    size, kernel_size, stride, before, after, dilation = zip(*axes, strict=True)
    x_shape = (batch, *size, groups * per_group[0])
    weight_shape = (*kernel_size, per_group[0], groups * per_group[1])
    padding = tuple(zip(before, after, strict=True))
    try:
        made = conv_geometry(x_shape, weight_shape, stride, padding, dilation, groups)
    except ShapeError as error:
        assert "does not fit" in str(error)  # noqa: PT017 - some of these windows are larger than their image
        return
    for contraction in CONTRACTIONS:
        given_arrays = arguments(contraction, made, dtype)
        expected = getattr(im2col, contraction)(*given_arrays, made)
        assert_close(getattr(direct, contraction)(*given_arrays, made), expected, TOLERANCE[dtype])
        if made.flops < 20_000:
            assert_close(getattr(reference, contraction)(*given_arrays, made), expected, TOLERANCE[dtype])


@pytest.mark.parametrize("block_bytes", [1, 300, 5000])
def test_im2col_does_not_depend_on_its_blocks(block_bytes, monkeypatch):
    for case in ("2d, unequal", "2d, groups and steps", "3d", "1d"):
        made = geometry(case)
        x, weight, y = arrays(made, np.float64)
        monkeypatch.setattr(im2col, "BLOCK_BYTES", 1 << 30)
        expected = im2col.conv(x, weight, made), im2col.weight_adjoint(x, y, made)
        monkeypatch.setattr(im2col, "BLOCK_BYTES", block_bytes)
        assert_close(im2col.conv(x, weight, made), expected[0], 1e-12)
        assert_close(im2col.weight_adjoint(x, y, made), expected[1], 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", [im2col, direct])
def test_same_input_gives_the_same_bits(kernel, dtype):
    for case in ("2d, channels over a block", "2d, more pixels than one sum", "3d, same, groups", "2d, depthwise"):
        made = geometry(case)
        for contraction in CONTRACTIONS:
            given_arrays = arguments(contraction, made, dtype)
            first = getattr(kernel, contraction)(*given_arrays, made)
            second = getattr(kernel, contraction)(*given_arrays, made)
            assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("kernel", ["reference", "im2col", "direct"])
def test_inputs_are_not_changed_and_results_are_new_contiguous_arrays(kernel):
    for case in ("1d, everything", "2d", "2d, one by one", "2d, depthwise, three outputs each"):
        plan = dispatch.Plan(geometry(case), kernel)
        for contraction in CONTRACTIONS:
            a, b = arguments(contraction, plan.geometry, np.float64)
            before = a.copy(), b.copy()
            result = getattr(dispatch, contraction)(a, b, plan)
            assert np.array_equal(a, before[0])
            assert np.array_equal(b, before[1])
            assert result.flags.c_contiguous
            assert not np.shares_memory(result, a)
            assert not np.shares_memory(result, b)


@pytest.mark.parametrize("kernel", [im2col, direct])
def test_nan_and_infinity_reach_exactly_the_windows_that_see_them(kernel):
    made = conv_geometry((1, 5, 6, 2), (3, 3, 2, 3), padding=1)
    x, weight, _ = arrays(made, np.float32)
    x[0, 2, 1, 0] = np.nan
    x[0, 4, 5, 1] = np.inf
    with np.errstate(invalid="ignore"):  # infinity - infinity
        expected = ~np.isfinite(reference.conv(x, weight, made))
        got = ~np.isfinite(kernel.conv(x, weight, made))
    assert 0 < expected.sum() < expected.size
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("kernel", [im2col, direct])
def test_long_sums_in_float32_stay_accurate(kernel):
    made = conv_geometry((1, 6000, 1), (1, 1, 1))
    ones = np.full(made.x_shape, 0.1, np.float32)
    total = kernel.weight_adjoint(ones, ones, made).item()
    assert total == pytest.approx(float(np.float64(np.float32(0.1))) ** 2 * 6000, rel=2e-6)
