"""The kernels are one function: loops, gathered windows, compiled tiles and Winograd's give the same three contractions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import CASES, CONTRACTIONS, TOLERANCE, arguments, arrays, assert_close, geometry
from tinyconv.errors import ShapeError
from tinyconv.kernels import direct, dispatch, im2col, reference, threads, winograd, winograd_forms
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


# --- Winograd -----------------------------------------------------------------------------------------------

FORMS = [winograd_forms.F4, winograd_forms.F2]
# how far off a result may be, of the largest one
TOLERANCES = {winograd_forms.F4.m: 1e-4, winograd_forms.ROW.m: 2e-5, winograd_forms.F2.m: 4e-6}


def check_winograd(x_shape, weight_shape, padding, form):
    try:
        made = conv_geometry(x_shape, weight_shape, padding=padding)
    except ShapeError:
        return  # the window does not fit
    for contraction in CONTRACTIONS:
        given_arrays = arguments(contraction, made, np.float32)
        expected = getattr(im2col, contraction)(*(a.astype(np.float64) for a in given_arrays), made)
        got = getattr(winograd, contraction)(*given_arrays, made, form)
        assert_close(got.astype(np.float64), expected, TOLERANCES[form.m])


@pytest.mark.parametrize("form", FORMS, ids=["F(4, 3)", "F(2, 3)"])
@pytest.mark.parametrize("channels", [(1, 3), (3, 1), (10, 17), (17, 10), (16, 32), (33, 64), (64, 48)])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (4, 8), (5, 7), (14, 13)])
def test_winograd_agrees_with_gathered_windows_for_any_size_padding_and_channels(size, channels, form):
    for padding in (0, 1, 2, ((3, 0), (0, 4))):
        check_winograd((2, *size, channels[0]), (3, 3, *channels), padding, form)


@pytest.mark.parametrize("form", FORMS, ids=["F(4, 3)", "F(2, 3)"])
@pytest.mark.parametrize("kernel_size", [(2, 2), (5, 5), (4, 3), (7, 6), (10, 10)])
def test_kernel_of_any_size_is_several_of_three_by_three(kernel_size, form):
    for padding in (0, 1, ((0, 3), (2, 1))):
        check_winograd((2, 12, 11, 5), (*kernel_size, 5, 18), padding, form)


@pytest.mark.parametrize("form", FORMS, ids=["F(4, 3)", "F(2, 3)"])
def test_kernels_that_are_made_panel_by_panel_are_the_same_kernels(form, monkeypatch):
    monkeypatch.setattr(winograd, "KERNELS_BYTES", 0)
    for channels in ((3, 5), (17, 33), (32, 96), (64, 48)):
        for size, padding in (((9, 14), 1), ((3, 2), 2), ((8, 8), ((0, 3), (1, 0)))):
            check_winograd((2, *size, channels[0]), (3, 3, *channels), padding, form)


@pytest.mark.parametrize("length", [2, 3, 5, 7, 15])
def test_signal_is_convolved_by_rows_of_tiles(length):
    for shape, padding in (((2, 9, 1), 0), ((2, 33, 17), (3, 1)), ((1, 48, 32), 7)):
        check_winograd(shape, (length, shape[-1], 19), padding, winograd_forms.ROW)


@pytest.mark.parametrize("kernel_size", [(3, 3, 3), (1, 3, 3), (2, 5, 4), (4, 2, 2)])
def test_volume_is_convolved_slice_by_slice(kernel_size):
    for shape, padding in (((1, 4, 5, 7, 3), 1), ((2, 3, 8, 5, 16), (0, 2, 1)), ((1, 7, 7, 7, 20), ((0, 2), (1, 0), (1, 1)))):
        check_winograd(shape, (*kernel_size, shape[-1], 18), padding, winograd_forms.F4)


@pytest.mark.parametrize("kernel", ["im2col", "direct", "winograd", "winograd_f2"])
def test_bias_relu_and_prelu_on_the_way_are_what_they_are_afterwards(kernel):
    made = conv_geometry((2, 9, 7, 5), (3, 3, 5, 19), padding=1)
    x, weight, _ = arrays(made, np.float32)
    bias = np.random.default_rng(1).standard_normal(19).astype(np.float32)
    y = reference.conv(x, weight, made) + bias
    assert_close(dispatch.conv(x, weight, dispatch.Plan(made, kernel), bias), y, 1e-5)
    assert_close(dispatch.conv(x, weight, dispatch.Plan(made, kernel), bias, "relu"), np.maximum(y, 0), 1e-5)
    slopes = np.linspace(-0.5, 2, 19, dtype=np.float32)
    assert_close(dispatch.conv(x, weight, dispatch.Plan(made, kernel), bias, slopes), np.where(y > 0, y, slopes * y), 1e-5)


@pytest.mark.parametrize("kernel", ["reference", "im2col", "direct"])
def test_relu_on_the_way_makes_even_an_infinite_value_zero_and_lets_nan_pass(kernel):
    made = conv_geometry((1, 3, 1), (1, 1, 1))
    x = np.array([-np.inf, np.nan, np.inf], np.float32).reshape(made.x_shape)
    y = dispatch.conv(x, np.ones(made.weight_shape, np.float32), dispatch.Plan(made, kernel), None, "relu")
    assert np.array_equal(y.ravel(), [0, np.nan, np.inf], equal_nan=True)


@pytest.mark.parametrize("form", FORMS, ids=["F(4, 3)", "F(2, 3)"])
def test_winograd_triangle_is_adjoint(form):
    made = conv_geometry((2, 9, 10, 20), (3, 3, 20, 12), padding=(1, 0))
    x, weight, g = arrays(made, np.float32)
    forward = np.vdot(winograd.conv(x, weight, made, form), g)
    assert np.vdot(x, winograd.input_adjoint(g, weight, made, form)) == pytest.approx(forward, rel=1e-4)
    assert np.vdot(weight, winograd.weight_adjoint(x, g, made, form)) == pytest.approx(forward, rel=1e-4)


@pytest.mark.parametrize("form", FORMS, ids=["F(4, 3)", "F(2, 3)"])
def test_winograd_error_is_that_of_the_text(form):
    made = conv_geometry((1, 24, 24, 64), (3, 3, 64, 64), padding=1)
    x, weight, _ = arrays(made, np.float32)
    exact = im2col.conv(x.astype(np.float64), weight.astype(np.float64), made)
    error, direct_error = (np.abs(y - exact).max() / np.abs(exact).max()
                           for y in (winograd.conv(x, weight, made, form), direct.conv(x, weight, made)))
    assert error < (2e-5 if form is winograd_forms.F4 else 2e-6)
    assert direct_error < 2e-6


def test_matrices_of_winograd_are_exact_where_numbers_are():
    forms = winograd_forms
    for big_b, big_g, big_a in ((forms.B4, forms.G4, forms.A4), (forms.B2, forms.G2, forms.A2)):
        m = len(big_a)
        for d, w in zip(np.eye(m + 2), np.random.default_rng(0).standard_normal((m + 2, 3)), strict=True):
            expected = [d[i : i + 3] @ w for i in range(m)]
            assert big_a @ ((big_g @ w) * (big_b @ d)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("size", [1, 2])
def test_number_of_threads_does_not_change_a_bit(size):
    for made in (conv_geometry((3, 17, 15, 20), (3, 3, 20, 40), padding=1), conv_geometry((2, 900, 3), (5, 3, 7), stride=2)):
        for contraction in CONTRACTIONS:
            given_arrays = arguments(contraction, made, np.float32)
            calls = [getattr(direct, contraction)]
            if len(made.size) == 2:
                calls += [lambda *a, name=contraction: getattr(winograd, name)(*a, winograd_forms.F4)]
            for call in calls:
                expected = call(*given_arrays, made).tobytes()
                threads.set_threads(size)
                try:
                    assert call(*given_arrays, made).tobytes() == expected
                finally:
                    threads.set_threads(threads.available())
