"""Pooling windows against plain loops: the chosen tap, the sums, the counts and the two scatters."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinyconv.kernels import dispatch, pooling
from tinyconv.kernels.geometry import pool_windows

CASES = {
    "1d": ((2, 7, 3), 2, {}),
    "1d, ceil": ((2, 7, 3), 2, {"ceil_mode": True}),
    "1d, one pixel": ((1, 1, 2), 1, {}),
    "1d, dilated": ((1, 9, 2), 3, {"stride": 2, "dilation": 2, "padding": (1, 2)}),
    "2d": ((2, 6, 4, 3), (2, 3), {"stride": (1, 2)}),
    "2d, overlapping, padded": ((1, 5, 7, 2), 3, {"stride": 2, "padding": 1}),
    "2d, uneven": ((2, 6, 5, 2), (3, 2), {"stride": (2, 3), "padding": ((1, 0), (0, 1)), "ceil_mode": True}),
    "2d, overhang": ((1, 5, 6, 1), (2, 4), {"stride": (3, 5), "ceil_mode": True}),
    "2d, gaps": ((1, 7, 7, 2), 1, {"stride": 3}),
    "2d, same": ((1, 5, 4, 2), 3, {"stride": 2, "padding": "same"}),
    "2d, empty batch": ((0, 5, 4, 2), 2, {}),
    "3d": ((1, 4, 5, 3, 2), (2, 3, 1), {"stride": (2, 1, 2), "padding": ((1, 0), (0, 1), (0, 0)), "ceil_mode": True}),
}


@pytest.fixture(params=["numpy", "compiled"], autouse=True)
def both(request, monkeypatch):
    """Each test runs with NumPy, and with compiled loops, however small its arrays."""
    monkeypatch.setattr(dispatch, "SMALL_ARRAY", 1 if request.param == "compiled" else 1 << 60)


def windows_of(case):
    x_shape, kernel_size, options = CASES[case]
    return x_shape, pool_windows(x_shape, kernel_size, rank=len(x_shape) - 2, **options)


def pixels(windows, stand):
    """(number of the tap, pixel) for all taps of a window that lie on the image, in order."""
    for number, tap in enumerate(itertools.product(*map(range, windows.kernel_size))):
        at = tuple(o * s + t * d - p[0] for o, s, t, d, p in
                   zip(stand, windows.stride, tap, windows.dilation, windows.padding, strict=True))
        if all(0 <= a < n for a, n in zip(at, windows.size, strict=True)):
            yield number, at


def every_stand(x_shape, windows):
    return itertools.product(range(x_shape[0]), itertools.product(*map(range, windows.out)), range(x_shape[-1]))


@pytest.mark.parametrize("case", CASES)
def test_first_of_the_largest_pixels_is_chosen_and_gathered(case):
    x_shape, windows = windows_of(case)
    x = np.random.default_rng(1).integers(-3, 3, x_shape).astype(np.float32)  # many ties, many negative
    chosen = pooling.argmax(x, windows)
    gathered = pooling.gather(x, chosen, windows)
    assert gathered.shape == (x_shape[0], *windows.out, x_shape[-1])
    assert gathered.dtype == x.dtype
    for n, stand, c in every_stand(x_shape, windows):
        values = {number: x[(n, *at, c)] for number, at in pixels(windows, stand)}
        first = max(values, key=values.get)  # the first of equals
        assert chosen[(n, *stand, c)] == first
        assert gathered[(n, *stand, c)] == values[first]


@pytest.mark.parametrize("case", CASES)
def test_position_of_a_chosen_tap_is_its_pixel_in_the_flattened_image(case):
    x_shape, windows = windows_of(case)
    chosen = pooling.argmax(np.random.default_rng(4).standard_normal(x_shape), windows)
    flat = pooling.positions(chosen, windows)
    assert (flat.shape, flat.dtype) == (chosen.shape, np.int64)
    for n, stand, c in every_stand(x_shape, windows):
        at = dict(pixels(windows, stand))[chosen[(n, *stand, c)]]
        assert flat[(n, *stand, c)] == np.ravel_multi_index(at, windows.size)


@pytest.mark.parametrize("case", CASES)
def test_sum_and_count_are_those_of_the_pixels_of_each_window(case):
    x_shape, windows = windows_of(case)
    x = np.random.default_rng(2).standard_normal(x_shape)
    total, count = pooling.window_sum(x, windows), pooling.count(windows, include_padding=False)
    assert count.shape == (*windows.out, 1)
    for n, stand, c in every_stand(x_shape, windows):
        seen = [x[(n, *at, c)] for _, at in pixels(windows, stand)]
        assert total[(n, *stand, c)] == pytest.approx(sum(seen), abs=1e-12)
        assert count[(*stand, 0)] == len(seen)


@pytest.mark.parametrize("case", CASES)
def test_scatters_are_the_adjoints_of_the_gathers(case):
    x_shape, windows = windows_of(case)
    rng = np.random.default_rng(3)
    x, g = rng.standard_normal(x_shape), rng.standard_normal((x_shape[0], *windows.out, x_shape[-1]))
    chosen = pooling.argmax(rng.standard_normal(x_shape), windows)
    for there, back in ((pooling.gather(x, chosen, windows), pooling.scatter(g, chosen, windows)),
                        (pooling.window_sum(x, windows), pooling.window_spread(g, windows))):
        assert back.shape == x_shape
        assert np.vdot(there, g) == pytest.approx(np.vdot(x, back), rel=1e-12, abs=1e-12)


def test_count_with_padding_counts_the_padding_but_not_what_hangs_over_it():
    windows = pool_windows((1, 5, 1), 3, 3, (1, 0), ceil_mode=True, rank=1)  # stands at -1, 2
    assert pooling.count(windows, include_padding=True).ravel().tolist() == [3, 3]
    windows = pool_windows((1, 6, 1), 3, 3, (1, 1), ceil_mode=True, rank=1)  # stands at -1, 2, 5
    assert pooling.count(windows, include_padding=True).ravel().tolist() == [3, 3, 2]
    assert pooling.count(windows, include_padding=False).ravel().tolist() == [2, 3, 1]


def test_nan_is_the_largest_and_the_first_nan_is_chosen():
    x = np.array([1, np.nan, 5, np.nan], np.float32).reshape(1, 4, 1)
    windows = pool_windows(x.shape, 4, rank=1)
    assert pooling.argmax(x, windows).item() == 1


def test_padding_is_never_chosen_even_among_pixels_of_minus_infinity():
    x = np.full((1, 3, 4, 1), -np.inf)
    windows = pool_windows(x.shape, (3, 2), 2, 1)
    chosen = pooling.argmax(x, windows)
    for _, stand, _ in every_stand(x.shape, windows):
        assert chosen[(0, *stand, 0)] == next(pixels(windows, stand))[0]
    assert pooling.scatter(np.ones(chosen.shape), chosen, windows).sum() == chosen.size
