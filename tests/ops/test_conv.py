"""The convolutions as operations: values, the rules of the triangle, what is kept, and errors in plain words."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.errors import DtypeError, ShapeError

CONV = {1: tc.conv1d, 2: tc.conv2d, 3: tc.conv3d}
TRANSPOSED = {1: tc.conv_transpose1d, 2: tc.conv_transpose2d, 3: tc.conv_transpose3d}
SIZE, KERNEL = (7, 5, 4), (3, 2, 1)
OPTIONS = {1: {"stride": 2, "padding": (2, 1)}, 2: {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2)},
           3: {"stride": (1, 2, 3), "padding": (1, 0, 1), "dilation": (2, 1, 1)}}


def pair(rank, groups=1, dtype=np.float64, seed=0):
    """A random x and weight with 4 input and 6 output channels."""
    rng = np.random.default_rng([seed, rank])
    x, weight = rng.standard_normal((2, *SIZE[:rank], 4)), rng.standard_normal((*KERNEL[:rank], 4 // groups, 6))
    return x.astype(dtype), weight.astype(dtype)


def test_box_filter_of_ones_counts_the_pixels_under_it():
    x, weight = np.ones((1, 3, 4, 1), np.float32), np.ones((3, 3, 1, 1), np.float32)
    y = tc.conv2d(x, weight, padding="same")
    assert y.dtype == np.float32
    assert y.data[0, :, :, 0].tolist() == [[4, 6, 6, 4], [6, 9, 9, 6], [4, 6, 6, 4]]


def test_bias_is_added_to_each_output_channel():
    x, weight = pair(2)
    bias = np.arange(6.0)
    np.testing.assert_allclose(tc.conv2d(x, weight, bias).data - tc.conv2d(x, weight).data, np.broadcast_to(bias, (2, 5, 4, 6)),
                               atol=1e-12)
    transposed = np.arange(4.0)
    y = tc.conv2d(x, weight).data
    np.testing.assert_allclose((tc.conv_transpose2d(y, weight, transposed).data - tc.conv_transpose2d(y, weight).data)[0, 0, 0],
                               transposed, atol=1e-12)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolution_of_lower_rank_is_that_of_higher_rank_with_axes_of_one(rank):
    x, weight = pair(rank)
    ones = (1,) * (3 - rank)
    lifted = tc.conv3d(x.reshape(2, *ones, *SIZE[:rank], 4), weight.reshape(*ones, *KERNEL[:rank], 4, 6))
    np.testing.assert_allclose(CONV[rank](x, weight).data.ravel(), lifted.data.ravel(), atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2])
def test_groups_are_separate_convolutions_side_by_side(groups):
    x, weight = pair(2, groups)
    parts = [tc.conv2d(x[..., 4 // groups * g : 4 // groups * (g + 1)], weight[..., 6 // groups * g : 6 // groups * (g + 1)]).data
             for g in range(groups)]
    np.testing.assert_allclose(tc.conv2d(x, weight, groups=groups).data, np.concatenate(parts, axis=-1), atol=1e-12)


@pytest.mark.parametrize("kernel", ["im2col", "direct"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_transposed_convolution_is_the_adjoint_with_the_same_weight(rank, groups, kernel):
    rng = np.random.default_rng(rank)
    _, weight = pair(rank, groups)
    options = {"groups": groups, "kernel": kernel, **OPTIONS[rank]}
    b = rng.standard_normal((2, *(3, 2, 4)[:rank], 6))
    back = TRANSPOSED[rank](b, weight, **options)
    a = rng.standard_normal(back.shape)
    there = CONV[rank](a, weight, **options)
    assert there.shape == b.shape
    assert np.vdot(there.data, b) == pytest.approx(np.vdot(a, back.data), rel=1e-12)


@pytest.mark.parametrize("kernel", ["reference", "im2col", "direct"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_output_padding_picks_the_larger_image_and_every_kernel_agrees(rank, kernel):
    rng = np.random.default_rng(rank)
    stride, dilation, padding = (2, 1, 3)[:rank], (1, 4, 2)[:rank], (1, 0, 2)[:rank]
    extra = (1, 3, 2)[:rank]  # 3 is more than its stride
    y, weight = rng.standard_normal((2, *(3, 2, 4)[:rank], 6)), rng.standard_normal((*(3, 2, 2)[:rank], 2, 6))
    options = {"stride": stride, "dilation": dilation, "padding": padding, "groups": 2}
    small = TRANSPOSED[rank](y, weight, **options).shape
    leaf = tc.tensor(y, requires_grad=True)
    x = TRANSPOSED[rank](leaf, weight, output_padding=extra, kernel=kernel, **options)
    assert x.shape == (2, *(n + e for n, e in zip(small[1:-1], extra, strict=True)), 4)
    # What is more is what the padding would have cut off, and zeros beyond.
    whole = TRANSPOSED[rank](y, weight, **{**options, "padding": 0}).data
    whole = np.pad(whole, [(0, 0), *((0, 9),) * rank, (0, 0)])
    cut = tuple(slice(p, p + n) for p, n in zip(padding, x.shape[1:-1], strict=True))
    np.testing.assert_allclose(x.data, whole[(slice(None), *cut)], atol=1e-12)
    a = rng.standard_normal(x.shape)
    assert np.vdot(tc.grad(x, leaf, seed=a).data, y) == pytest.approx(np.vdot(x.data, a), rel=1e-10)


def test_output_padding_of_the_second_size_undoes_a_strided_convolution_of_it():
    for size in (7, 8):
        y = tc.conv1d(np.ones((1, size, 2)), np.ones((3, 2, 4)), stride=2, padding=1)
        assert y.shape == (1, 4, 4)
        assert tc.conv_transpose1d(y, np.ones((3, 2, 4)), stride=2, padding=1, output_padding=size - 7).shape == (1, size, 2)


def test_explain_knows_output_padding(capsys):
    tc.explain(tc.conv_transpose1d, (1, 4, 4), (3, 2, 4), stride=2, padding=1, output_padding=1)
    assert "output (1, 8, 2)" in capsys.readouterr().out


def test_transposed_convolution_with_same_padding_multiplies_the_size_by_the_stride():
    y = tc.conv_transpose2d(np.ones((1, 3, 4, 2)), np.ones((5, 2, 3, 2)), stride=(2, 3), padding="same")
    assert y.shape == (1, 6, 12, 3)


@pytest.mark.parametrize("kernel", ["reference", "im2col", "direct"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("family", [CONV, TRANSPOSED])
def test_gradients_are_the_slopes_of_the_function(family, rank, kernel):
    rng = np.random.default_rng(rank)
    x, weight = pair(rank, groups=2)
    if family is TRANSPOSED:
        x = rng.standard_normal((2, *(3, 2, 4)[:rank], 6))

    def f(x, weight):
        return family[rank](x, weight, groups=2, kernel=kernel, **OPTIONS[rank])

    g = rng.standard_normal(f(x, weight).shape)
    tensors = [tc.tensor(x, requires_grad=True), tc.tensor(weight, requires_grad=True)]
    gradients = tc.grad(f(*tensors), tensors, seed=g)
    for i, (value, gradient) in enumerate(zip((x, weight), gradients, strict=True)):
        direction = rng.standard_normal(value.shape)
        moved = [[x, weight], [x, weight]]
        moved[0][i], moved[1][i] = value + 0.5 * direction, value - 0.5 * direction  # exact: f is linear in each input
        slope = np.vdot(f(*moved[0]).data - f(*moved[1]).data, g)
        assert np.vdot(gradient.data, direction) == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_second_derivative_for_x_of_the_gradient_for_the_weight_is_a_convolution(rank):
    x, weight = (tc.tensor(a, requires_grad=True) for a in pair(rank))
    y = CONV[rank](x, weight, **OPTIONS[rank])
    g = np.random.default_rng(1).standard_normal(y.shape)
    slope = tc.grad(y, weight, create_graph=True, seed=g)
    direction = np.random.default_rng(2).standard_normal(weight.shape)
    second = tc.grad(slope, x, seed=direction)
    expected = tc.grad(CONV[rank](x, direction, **OPTIONS[rank]), x, seed=g)  # <w', weight_adjoint(x, g)> = <conv(x, w'), g>
    np.testing.assert_allclose(second.data, expected.data, atol=1e-10)


def test_empty_batch_has_empty_output_and_zero_weight_gradient():
    x, weight = tc.tensor(np.ones((0, 5, 6, 2)), requires_grad=True), tc.tensor(np.ones((3, 2, 2, 4)), requires_grad=True)
    for kernel in ("reference", "im2col", "direct"):
        y = tc.conv2d(x, weight, kernel=kernel, padding=1, stride=2)
        assert y.shape == (0, 3, 4, 4)
        for gradient in tc.grad(y, [x, weight], seed=np.ones(y.shape)):
            assert not gradient.data.any()


def test_frozen_weight_keeps_no_feature_map_and_constant_image_no_weight():
    for needs_x in (True, False):
        x = tc.tensor(np.ones((1, 5, 5, 2)), requires_grad=needs_x)
        weight = tc.tensor(np.ones((3, 3, 2, 4)), requires_grad=not needs_x)
        kept = weakref.ref(x if needs_x else weight)
        y = tc.conv2d(x * 1 if needs_x else x, weight if needs_x else weight * 1)
        (named,) = y._node.saved.keys() - {"plan"}
        assert named == ("weight" if needs_x else "x")
        del x, weight
        gc.collect()
        assert kept() is None


def test_float32_stays_float32_through_both_orders():
    x, weight = (tc.tensor(a, requires_grad=True) for a in pair(2, dtype=np.float32))
    for kernel in ("im2col", "direct"):
        first = tc.grad((tc.conv2d(x, weight, kernel=kernel) ** 2).sum(), [x, weight], create_graph=True)
        second = tc.grad((first[0] * first[0]).sum(), [x, weight])
        assert {t.dtype for t in (*first, *second)} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("wrong", "error", "message"), [
    (lambda: tc.conv2d(np.ones((8, 32, 32, 3)), np.ones((3, 3, 4, 16))), ShapeError,
     r"conv2d: x has 3 channels \(8, 32, 32, 3\) but weight expects 4 \(3, 3, 4, 16\); check in_channels\."),
    (lambda: tc.conv2d(np.ones((8, 32, 3)), np.ones((3, 3, 3, 16))), ShapeError, "conv2d: got x .*, expected 4 axes each"),
    (lambda: tc.conv1d(np.ones((8, 32, 32, 3)), np.ones((3, 3, 3, 16))), ShapeError, "conv1d: got x .*, expected 3 axes each"),
    (lambda: tc.conv_transpose3d(np.ones((8, 9, 9, 3)), np.ones((3, 3, 3, 3))), ShapeError, "expected 5 axes each"),
    (lambda: tc.conv2d(np.ones((1, 4, 4, 3)), np.ones((3, 3, 3, 2)), np.ones(3)), ShapeError,
     r"bias has shape \(3,\), expected \(2,\)"),
    (lambda: tc.conv2d(np.ones((1, 4, 4, 3)), np.ones((3, 3, 3, 2)), stride=-1), ShapeError, "conv2d: stride is -1"),
    (lambda: tc.conv2d(np.ones((1, 4, 4, 3)), np.ones((5, 3, 3, 2))), ShapeError, "a window of 5 does not fit an image of 4"),
    (lambda: tc.conv2d(np.ones((1, 4, 4, 3), np.float32), np.ones((3, 3, 3, 2))), DtypeError, "float32 and float64"),
    (lambda: tc.conv_transpose2d(np.ones((1, 4, 4, 3)), np.ones((3, 3, 3, 2))), ShapeError,
     "x has 3 channels .* weight expects 2"),
])
def test_arguments_that_do_not_fit_are_one_clear_error(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
