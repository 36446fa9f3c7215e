"""Means over areas agree with pixels counted one by one and with bilinear interpolation; beyond the border it is black."""

import numpy as np
import pytest

from tests.refusal import assert_refused
from tinyconv.data import areas
from tinyconv.data.areas import Areas
from tinyconv.data.warps import sample

PICTURE = np.random.default_rng(0).random((9, 13, 3), dtype=np.float32)


def mean_of(picture, x0, y0, x1, y1):
    """The mean over an area inside the picture, by how much of each pixel it covers."""
    total = np.zeros(3)
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            covered = max(min(x1, x + 1) - max(x0, x), 0) * max(min(y1, y + 1) - max(y0, y), 0)
            total += covered * picture[y, x]
    return total / ((x1 - x0) * (y1 - y0))


def test_the_same_size_changes_nothing():
    np.testing.assert_allclose(Areas(PICTURE).resized((9, 13)), PICTURE, atol=1e-6)


@pytest.mark.parametrize(("size", "box"), [((2, 3), None), ((9, 4), None), ((3, 2), (1.25, 0.5, 11.5, 8.75)),
                                           ((1, 1), (3, 2, 12, 7))])
def test_what_shrinks_becomes_the_mean_of_the_area_that_each_pixel_covers(size, box):
    x0, y0, x1, y1 = box or (0, 0, 13, 9)
    got = Areas(PICTURE).resized(size, box)
    down, across = (y1 - y0) / size[0], (x1 - x0) / size[1]
    for i, j in np.ndindex(*size):
        corner = x0 + j * across, y0 + i * down
        np.testing.assert_allclose(got[i, j], mean_of(PICTURE, *corner, corner[0] + across, corner[1] + down), atol=1e-6)


def test_what_grows_is_interpolated_bilinearly():
    got = Areas(PICTURE).resized((20, 30), (2.5, 1.5, 9.0, 6.0))
    x, y = np.meshgrid(2.5 + 6.5 / 30 * (np.arange(30) + 0.5) - 0.5, 1.5 + 4.5 / 20 * (np.arange(20) + 0.5) - 0.5)
    np.testing.assert_allclose(got, sample(PICTURE[None], x[None], y[None])[0], atol=1e-6)


def test_no_border_darkens_and_a_plain_colour_stays_itself():
    plain = Areas(np.full((5, 4, 3), 0.75))
    for size in ((50, 60), (2, 3), (50, 3)):
        np.testing.assert_allclose(plain.resized(size), 0.75, atol=1e-12)


def test_beyond_the_border_is_black_and_a_box_may_be_beyond_it_entirely():
    whole = Areas(PICTURE)
    got = whole.resized((12, 16), (-2, -1, 14, 11))  # in pixels of the picture
    np.testing.assert_allclose(got[1:10, 2:15], PICTURE, atol=1e-6)
    framed = np.ones((12, 16), bool)
    framed[1:10, 2:15] = False
    assert (got[framed] == 0).all()
    for box in ((-9, -9, -4, -4), (20, 0, 25, 5), (0, 50, 3, 90), (-1e6, -1e6, -1e5, 1e6)):
        assert (whole.resized((3, 4), box) == 0).all()


def test_blocks_do_not_show(monkeypatch):
    at_once = Areas(PICTURE).resized((7, 5), (-1, -1, 10, 9.5))
    monkeypatch.setattr(areas, "BLOCK", 1)
    np.testing.assert_array_equal(Areas(PICTURE).resized((7, 5), (-1, -1, 10, 9.5)), at_once)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_a_large_sum_loses_nothing(dtype):
    large = np.full((300, 400, 3), 1e3, dtype)
    large[299, 399] = 1
    got = Areas(large).resized((300, 400))
    assert got.dtype == dtype
    np.testing.assert_allclose(got, large, rtol=1e-6)


@pytest.mark.parametrize(("size", "box", "match"), [
    ((0, 3), None, "height is 0"), (3, None, "size is 3"), ((2, 2), (1, 1, 1, 5), "x0 < x1"), ((2, 2), (1, 5, 3, 2), "y0 < y1"),
    ((2, 2), (0, 0, np.nan, 5), "finite"), ((2, 2), (0, 0, np.inf, 5), "finite"),
    ((2, 2), (0, 1, 2), "finite"), ((2, 2), "box", "finite"),
])
def test_sizes_and_boxes_that_are_none_are_refused(size, box, match):
    with assert_refused(match):
        Areas(PICTURE).resized(size, box)


@pytest.mark.parametrize("picture", [np.zeros((3, 3)), np.zeros((3, 3, 3), np.uint8), np.full((2, 2, 3), np.nan),
                                     np.zeros((0, 2, 3))])
def test_what_is_no_picture_is_refused(picture):
    with assert_refused("Areas"):
        Areas(picture)
