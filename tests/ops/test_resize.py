"""Resizing: values by hand, what must not change, and errors in plain words."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.errors import ShapeError

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(0, 1, (2, 4, 6, 3))


def signal(*values):
    return np.array(values, np.float64).reshape(1, -1, 1)


def test_bilinear_by_hand():
    assert tc.resize_bilinear(signal(0, 10), 4).data.ravel().tolist() == [0, 2.5, 7.5, 10]
    assert tc.resize_bilinear(signal(0, 10, 20, 30), 2).data.ravel().tolist() == [5, 25]
    assert tc.resize_bilinear(signal(0, 10, 20), 1).data.ravel().tolist() == [10]  # the middle
    assert tc.resize_bilinear(signal(0, 10, 20), 5, align_corners=True).data.ravel().tolist() == [0, 5, 10, 15, 20]
    assert tc.resize_bilinear(signal(7, 10, 20), 1, align_corners=True).data.ravel().tolist() == [7]  # the first


def test_nearest_by_hand():
    assert tc.resize_nearest(signal(1, 2, 3), 7).data.ravel().tolist() == [1, 1, 1, 2, 2, 3, 3]
    assert tc.resize_nearest(signal(1, 2, 3, 4, 5), 2).data.ravel().tolist() == [1, 3]


def test_nearest_to_a_multiple_is_nearest_upsampling():
    np.testing.assert_array_equal(tc.resize_nearest(IMAGE, (8, 18)).data, tc.upsample_nearest(IMAGE, (2, 3)).data)


@pytest.mark.parametrize("resize", [tc.resize_bilinear, tc.resize_nearest,
                                    lambda x, size: tc.resize_bilinear(x, size, align_corners=True)])
class TestAnyWayOfResizing:
    def test_its_own_size_changes_nothing(self, resize):
        np.testing.assert_array_equal(resize(IMAGE, (4, 6)).data, IMAGE)
        np.testing.assert_array_equal(resize(IMAGE, None).data, IMAGE)

    def test_a_constant_image_stays_constant(self, resize):
        np.testing.assert_allclose(resize(np.full((1, 3, 5, 2), 0.7), (7, 4)).data, 0.7, rtol=1e-14)

    def test_one_pixel_fills_any_size(self, resize):
        x = tc.tensor(np.full((1, 1, 1, 2), 3.0), requires_grad=True)
        y = resize(x, (4, 5))
        y.backward(np.ones(y.shape))
        assert (y.data == 3).all()
        assert x.grad.tolist() == [[[[20, 20]]]]

    def test_axes_are_independent(self, resize):
        step = resize(resize(IMAGE, (7, None)), (None, 5)).data
        np.testing.assert_allclose(resize(IMAGE, (7, 5)).data, step, rtol=1e-14)

    def test_one_number_is_the_size_of_every_axis(self, resize):
        assert resize(IMAGE, 5).shape == (2, 5, 5, 3)
        assert resize(np.ones((1, 2, 3, 4, 2)), 3).shape == (1, 3, 3, 3, 2)

    def test_gradient_is_the_adjoint(self, resize):
        x = tc.tensor(IMAGE, requires_grad=True)
        y = resize(x, (3, 8))
        g = RNG.standard_normal(y.shape)
        other = RNG.standard_normal(IMAGE.shape)
        assert np.vdot(tc.grad(y, x, seed=g).data, other) == pytest.approx(np.vdot(resize(other, (3, 8)).data, g), rel=1e-12)

    def test_empty_batches_and_other_layouts(self, resize):
        assert resize(np.ones((0, 4, 6, 3), np.float32), (3, 8)).shape == (0, 3, 8, 3)
        np.testing.assert_array_equal(resize(IMAGE.transpose(0, 2, 1, 3), (8, 3)).data,
                                      resize(np.ascontiguousarray(IMAGE.transpose(0, 2, 1, 3)), (8, 3)).data)
        assert resize(IMAGE.astype(np.float32), 5).dtype == np.float32

    def test_one_bad_pixel_spoils_only_its_neighbourhood(self, resize):
        x = np.ones((1, 9, 1))
        x[0, 4] = np.inf
        got = resize(x, 18).data.ravel()
        assert (got[:6] == 1).all()
        assert (got[12:] == 1).all()
        assert np.isinf(got).any()
        assert not np.isnan(got).any()


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: tc.resize_bilinear(IMAGE, 0),
     "^resize_bilinear: the output size is 0, expected a positive int, or one for each of 2 axes"),
    (lambda: tc.resize_bilinear(IMAGE, (4,)), r"the output size is \(4,\)"),
    (lambda: tc.resize_bilinear(IMAGE, 2.5), r"the output size is 2\.5"),
    (lambda: tc.resize_nearest(IMAGE, (3, -1)), r"^resize_nearest: the output size is \(3, -1\)"),
    (lambda: tc.resize_nearest(IMAGE, True), "the output size is True"),
    (lambda: tc.resize_nearest(np.ones((4, 3)), 2), r"got x of shape \(4, 3\), expected \(N, \*size, C\)"),
    (lambda: tc.resize_nearest(np.ones((1, 0, 3)), 2), "every size but the batch"),
])
def test_impossible_sizes_are_one_clear_error(wrong, message):
    with pytest.raises(ShapeError, match=message):
        wrong()


def test_nearest_upsampling_repeats_pixels_and_its_gradient_sums_them():
    x = tc.tensor(np.array([[1.0, 2]]).reshape(1, 1, 2, 1), requires_grad=True)
    y = tc.upsample_nearest(x, (2, 3))
    assert y.data[0, :, :, 0].tolist() == [[1, 1, 1, 2, 2, 2]] * 2
    y.backward(np.arange(12.0).reshape(y.shape))
    assert x.grad.ravel().tolist() == [0 + 1 + 2 + 6 + 7 + 8, 3 + 4 + 5 + 9 + 10 + 11]
    assert tc.upsample_nearest(np.ones((1, 2, 3, 4, 5)), 2).shape == (1, 4, 6, 8, 5)


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: tc.upsample_nearest(np.ones((1, 4, 4, 3)), 0), "scale is 0, expected a positive int"),
    (lambda: tc.upsample_nearest(np.ones((1, 4, 4, 3)), 1.5), "scale is 1.5"),
    (lambda: tc.upsample_nearest(np.ones((1, 4, 4, 3)), (2,)), r"scale is \(2,\)"),
    (lambda: tc.upsample_nearest(np.ones((4, 4)), 2), r"got x of shape \(4, 4\)"),
])
def test_impossible_upsampling_is_one_clear_error(wrong, message):
    with pytest.raises(ShapeError, match=message):
        wrong()
