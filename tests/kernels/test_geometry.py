"""Shape arithmetic: how many stands a window has, and one clear error for every impossible wish."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinyconv.errors import ShapeError
from tinyconv.kernels.geometry import conv_geometry, conv_transpose_geometry, pool_windows, spatial_size


def stands(size, kernel, stride, before, after, dilation):
    """Counted: the window moves until it no longer fits."""
    first, count = 0, 0
    while first + (kernel - 1) * dilation < size + before + after:
        first, count = first + stride, count + 1
    return count


def test_output_size_is_the_number_of_stands_counted_one_by_one():
    seen = 0
    for numbers in itertools.product((1, 2, 5, 8), (1, 2, 3, 5), (1, 2, 3), (0, 1, 3), (0, 2), (1, 2, 3)):
        size, kernel, stride, before, after, dilation = numbers
        counted = stands(*numbers)
        if counted:
            seen += 1
            assert conv_geometry((1, size, 1), (kernel, 1, 1), stride, (before, after), dilation).out == (counted,)
        else:
            with pytest.raises(ShapeError, match="does not fit"):
                conv_geometry((1, size, 1), (kernel, 1, 1), stride, (before, after), dilation)
    assert seen > 400


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_padding_gives_size_over_stride_with_the_odd_pixel_at_the_end(kernel, stride, dilation):
    for size in range(1, 12):
        made = conv_geometry((1, size, 1), (kernel, 1, 1), stride, "same", dilation)
        assert made.out == (-(-size // stride),)
        before, after = made.padding[0]
        assert after - before in (0, 1)
        wide = size + before + after
        if before + after:  # not a pixel more than needed
            assert (wide - (kernel - 1) * dilation - 1) % stride == 0


@pytest.mark.parametrize(("padding", "pairs"), [
    (2, ((2, 2), (2, 2))), ((1, 2), ((1, 1), (2, 2))), (((1, 2), (0, 3)), ((1, 2), (0, 3))), ([[1, 2], 3], ((1, 2), (3, 3))),
    ("valid", ((0, 0), (0, 0))), ("same", ((1, 1), (0, 1))), (np.int64(1), ((1, 1), (1, 1))),
])
def test_padding_is_an_int_an_int_or_pair_per_axis_same_or_valid(padding, pairs):
    assert conv_geometry((1, 6, 6, 1), (3, 2, 1, 1), 1, padding).padding == pairs


@pytest.mark.parametrize("padding", [(1, 2), ((1, 2),), [[1, 2]]])
def test_pair_of_a_single_axis_may_stand_alone(padding):
    assert conv_geometry((1, 6, 1), (3, 1, 1), 1, padding).padding == ((1, 2),)


BAD_SIZES = [0, -1, 1.0, 2.5, True, "2", None, (1,), (1, 2, 3), (1, 0), (1, -2), (2, 1.0), (True, 1), ((1, 1), (1, 1)),
             np.array([1, 2])]


@pytest.mark.parametrize("option", ["stride", "dilation"])
@pytest.mark.parametrize("value", BAD_SIZES, ids=repr)
def test_impossible_stride_or_dilation_is_a_shape_error_that_names_it(option, value):
    for make in (conv_geometry, conv_transpose_geometry):
        with pytest.raises(ShapeError, match=rf"2d: {option} is .*, expected a positive int, or one for each of 2 axes"):
            make((1, 6, 6, 4), (2, 2, 4, 4), **{option: value})


@pytest.mark.parametrize("value", BAD_SIZES[:-1], ids=repr)
def test_impossible_pooling_window_is_a_shape_error_that_names_it(value):
    with pytest.raises(ShapeError, match=r"pool2d: kernel_size is"):
        pool_windows((1, 6, 6, 1), value)


@pytest.mark.parametrize("padding", [-1, (-1, 0), ((0, -1), (0, 0)), 1.0, True, (True, 1), None, "SAME", "", (1,), (1, 2, 3),
                                     ((1, 2, 3), 1), ((1.0, 1), 1), "ab", np.array([1, 1]), {1, 2}], ids=repr)
def test_impossible_padding_is_a_shape_error_that_names_it(padding):
    for make in (conv_geometry, conv_transpose_geometry):
        with pytest.raises(ShapeError, match=r"2d: padding is .*, expected a non-negative int"):
            make((1, 6, 6, 4), (2, 2, 4, 4), padding=padding)


@pytest.mark.parametrize("groups", [0, -1, -2, 3, 1.0, True, None, "2", (2,), 8], ids=repr)
def test_impossible_groups_are_a_shape_error_that_names_them(groups):
    for make in (conv_geometry, conv_transpose_geometry):
        with pytest.raises(ShapeError, match=r"conv.*2d: groups is .*, expected a positive int that divides"):
            make((1, 6, 6, 4), (2, 2, 4, 4), groups=groups)


@pytest.mark.parametrize(("make", "x_shape", "weight_shape", "message"), [
    (conv_geometry, (8, 32, 32, 3), (3, 3, 4, 16),
     r"conv2d: x has 3 channels \(8, 32, 32, 3\) but weight expects 4 \(3, 3, 4, 16\)"),
    (conv_geometry, (8, 32, 3), (3, 3, 3, 16), "conv2d: got x"),
    (conv_geometry, (8, 32, 3, 3, 3, 3), (3, 3, 3, 3, 3, 3), "one, two or three spatial axes"),
    (conv_geometry, (8, 3), (3, 16), "one, two or three spatial axes"),
    (conv_geometry, (8, 0, 32, 3), (3, 3, 3, 16), "at least 1"),
    (conv_geometry, (8, 32, 32, 0), (3, 3, 0, 16), "at least 1"),
    (conv_geometry, (8, 32, 32, 3), (3, 3, 3, 0), "at least 1"),
    (conv_geometry, (8, 2, 32, 3), (3, 3, 3, 4), r"conv2d: a window of 3 does not fit an image of 2 \+ 0 padding"),
    (conv_transpose_geometry, (8, 4, 4, 3), (3, 3, 5, 16), "conv_transpose2d: x has 3 channels .* but weight expects 16"),
    (conv_transpose_geometry, (8, 4, 3), (3, 3, 5, 16), "conv_transpose2d: got x"),
])
def test_shapes_that_do_not_fit_are_a_shape_error_that_says_why(make, x_shape, weight_shape, message):
    with pytest.raises(ShapeError, match=message):
        make(x_shape, weight_shape)


def test_transposed_convolution_with_too_much_padding_says_so():
    with pytest.raises(ShapeError, match=r"conv_transpose1d: .* leaves an image of \(-1,\); use less padding"):
        conv_transpose_geometry((1, 2, 1), (2, 1, 1), padding=2)


def test_transposed_geometry_is_that_of_the_smallest_image_with_this_output():
    for size, kernel, stride, padding, dilation in itertools.product((1, 2, 5), (1, 2, 4), (1, 2, 3), (0, (1, 0), 1), (1, 2)):
        span = (size - 1) * stride + (kernel - 1) * dilation + 1
        if span < 3:
            continue  # the padding would leave nothing
        made = conv_transpose_geometry((1, size, 3), (kernel, 2, 3), stride, padding, dilation)
        assert made.out == (size,)
        smaller = made.size[0] - 1
        if smaller and smaller + sum(made.padding[0]) >= (kernel - 1) * dilation + 1:
            assert conv_geometry((1, smaller, 2), (kernel, 2, 3), stride, padding, dilation).out == (size - 1,)


def test_transposed_geometry_with_same_padding_multiplies_the_size():
    for size, kernel, stride in itertools.product((1, 3), (1, 2, 5), (1, 2, 3)):
        assert conv_transpose_geometry((1, size, 1), (kernel, 1, 1), stride, "same").size == (size * stride,)


def test_output_padding_makes_the_image_larger_and_its_output_no_longer():
    for size, kernel, stride, padding, dilation in itertools.product((1, 2, 5), (1, 2, 4), (1, 2, 3), (0, (1, 0), 1), (1, 2, 3)):
        if (size - 1) * stride + (kernel - 1) * dilation + 1 < 3:
            continue  # the padding would leave nothing
        least = conv_transpose_geometry((1, size, 3), (kernel, 2, 3), stride, padding, dilation)
        for extra in range(max(stride, dilation)):
            made = conv_transpose_geometry((1, size, 3), (kernel, 2, 3), stride, padding, dilation, output_padding=extra)
            assert (made.size[0], made.out) == (least.size[0] + extra, (size,))
            if extra < stride:  # one of the images that this convolution takes to the same size
                assert conv_geometry(made.x_shape, (kernel, 2, 3), stride, padding, dilation).out == (size,)


@pytest.mark.parametrize(("options", "message"), [
    ({"output_padding": 1}, r"conv_transpose2d: output_padding is 1, expected less than the stride \(1, 1\) or the dilation"),
    ({"output_padding": (0, 3), "stride": (4, 3)}, r"output_padding is \(0, 3\), expected less than the stride \(4, 3\)"),
    ({"output_padding": 2, "stride": (3, 1), "dilation": (1, 2)}, "expected less than"),
    ({"output_padding": 1, "stride": 2, "padding": "same"}, "with 'same', whose output is size"),
])
def test_output_padding_is_less_than_the_stride_or_dilation_and_not_for_same(options, message):
    with pytest.raises(ShapeError, match=message):
        conv_transpose_geometry((1, 3, 3, 4), (2, 2, 4, 4), **options)


@pytest.mark.parametrize("value", [-1, 1.0, True, "1", None, (1,), (1, 0, 0), (0, -1)], ids=repr)
def test_impossible_output_padding_is_a_shape_error_that_names_it(value):
    with pytest.raises(ShapeError, match=r"2d: output_padding is .*, expected a non-negative int, or one for each of 2 axes"):
        conv_transpose_geometry((1, 6, 6, 4), (2, 2, 4, 4), 3, output_padding=value)


@pytest.mark.parametrize(("size", "expected"), [
    (3, (3, 3)), ((3, 5), (3, 5)), ([np.int64(3), 1], (3, 1)), (None, (6, 7)), ((None, 2), (6, 2)), ((4, None), (4, 7)),
])
def test_spatial_size_is_an_int_one_per_axis_or_none_to_keep_it(size, expected):
    assert spatial_size("f", (2, 6, 7, 3), size) == expected


@pytest.mark.parametrize("size", [*BAD_SIZES[:6], *BAD_SIZES[7:], (None,), (None, 0)], ids=repr)
def test_impossible_spatial_size_is_a_shape_error_that_names_it(size):
    with pytest.raises(ShapeError, match=r"^f: the output size is .*, expected a positive int, or one for each of 2 axes"):
        spatial_size("f", (2, 6, 7, 3), size)


@pytest.mark.parametrize("x_shape", [(3,), (2, 3), (1, 2, 3, 4, 5, 6)])
def test_spatial_size_wants_one_to_three_spatial_axes(x_shape):
    with pytest.raises(ShapeError, match=r"^f: got x of shape .*, expected \(N, \*size, C\)"):
        spatial_size("f", x_shape, 3)


def test_flops_count_a_product_and_a_sum_for_every_weight_of_every_output():
    made = conv_geometry((2, 5, 7, 6), (3, 2, 3, 4), groups=2)
    assert made.flops == 2 * (2 * 3 * 6 * 4) * (3 * 2 * 3)


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "out"), [
    (5, 2, 2, 0, 3), (4, 2, 2, 0, 2), (5, 3, 2, 1, 3), (6, 3, 3, 1, 3), (3, 2, 2, (1, 0), 2), (7, 1, 3, 0, 3), (1, 1, 4, 0, 1),
    (5, 1, 3, (0, 0), 2), (4, 2, 4, (0, 1), 1), (2, 3, 4, 1, 1),
])
def test_ceil_mode_leaves_no_pixel_out_and_begins_no_window_behind_the_image(size, kernel, stride, padding, out):
    windows = pool_windows((1, size, 1), kernel, stride, padding, ceil_mode=True, rank=1)
    assert windows.out == (out,)


def test_window_that_sees_only_padding_is_an_error():
    assert pool_windows((1, 3, 1), 3, 1, 2, rank=1).out == (5,)
    for arguments in (((1, 3, 1), 3, 1, 3), ((1, 1, 1), 2, 1, 1, 2), ((1, 3, 1), 1, 1, (0, 1))):
        with pytest.raises(ShapeError, match="without a single pixel; use less padding"):
            pool_windows(*arguments, rank=1)


@pytest.mark.parametrize(("rank", "axes"), [(1, r"\(N, L, C\)"), (2, r"\(N, H, W, C\)"), (3, r"\(N, D, H, W, C\)")])
def test_pooling_of_the_wrong_number_of_axes_names_those_it_wants(rank, axes):
    with pytest.raises(ShapeError, match=rf"pool{rank}d: got x of shape \(2, 2\), expected {rank + 2} axes {axes}"):
        pool_windows((2, 2), 2, rank=rank)
