"""Windows of a pooling layer: choose the largest tap, gather it, sum all taps, and the two scatters back. NumPy alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.geometry import Windows

Array = NDArray[Any]


def argmax(x: Array, windows: Windows) -> Array:
    """The number of the largest tap in each window, (N, *out, C); the first of equals; NaN is largest."""
    padded = _pad(x, windows, -np.inf)
    best = np.full((len(x), *windows.out, x.shape[-1]), -np.inf, x.dtype)
    chosen = np.empty(best.shape, np.int32)
    chosen[...] = _first_pixels(windows)  # stays where nothing is above -inf
    for number, tap in _taps(windows):
        better = ~(padded[tap] <= best) & ~np.isnan(best)
        np.copyto(best, padded[tap], where=better)
        chosen[better] = number
    return chosen


def positions(chosen: Array, windows: Windows) -> Array:
    """The pixel that each chosen tap sees, its place in the flattened spatial axes (row by row): int64, shape of `chosen`."""
    taps = np.unravel_index(chosen, windows.kernel_size)
    stands = np.ix_(*map(range, windows.out))
    axes = zip(stands, taps, windows.stride, windows.dilation, windows.padding, windows.size, strict=True)
    flat = np.zeros(chosen.shape, np.int64)
    for stand, tap, stride, dilation, pair, size in axes:
        flat = flat * size + stand[..., None] * stride + tap * dilation - pair[0]
    return flat


def gather(x: Array, chosen: Array, windows: Windows) -> Array:
    """The tap that was chosen in each window."""
    padded = _pad(x, windows, -np.inf)
    out = np.empty(chosen.shape, x.dtype)
    for number, tap in _taps(windows):
        np.copyto(out, padded[tap], where=chosen == number)
    return out


def scatter(g: Array, chosen: Array, windows: Windows) -> Array:
    """What arrives at each window, added to the tap that was chosen: the adjoint of `gather`."""
    padded = np.zeros((len(g), *windows.reach, g.shape[-1]), g.dtype)
    for number, tap in _taps(windows):
        padded[tap] += np.where(chosen == number, g, g.dtype.type(0))
    return np.ascontiguousarray(padded[(slice(None), *windows.inside)])


def window_sum(x: Array, windows: Windows) -> Array:
    """The sum of each window, padding counting as 0."""
    padded = _pad(x, windows, 0)
    out = np.zeros((len(x), *windows.out, x.shape[-1]), x.dtype)
    for _, tap in _taps(windows):
        out += padded[tap]
    return out


def window_spread(g: Array, windows: Windows) -> Array:
    """What arrives at each window, added to all its taps: the adjoint of `window_sum`."""
    padded = np.zeros((len(g), *windows.reach, g.shape[-1]), g.dtype)
    for _, tap in _taps(windows):
        padded[tap] += g
    return np.ascontiguousarray(padded[(slice(None), *windows.inside)])


def count(windows: Windows, include_padding: bool) -> Array:
    """How many taps of each window fall on the image (or, with `include_padding`, on the padded image), (*out, 1)."""
    per_axis = (windows.inside_taps(axis, include_padding).sum(axis=1) for axis in range(len(windows.out)))
    return np.asarray(math.prod(np.ix_(*per_axis)))[..., None]


def _first_pixels(windows: Windows) -> Array:
    """The number of the first tap of each window that is not padding, (*out, 1)."""
    per_axis = (windows.inside_taps(axis).argmax(axis=1) for axis in range(len(windows.out)))
    return np.asarray(np.ravel_multi_index(np.ix_(*per_axis), windows.kernel_size))[..., None]


def _taps(windows: Windows) -> Iterator[tuple[int, tuple[slice, ...]]]:
    for number, offsets in enumerate(itertools.product(*map(range, windows.kernel_size))):
        yield number, (slice(None), *windows.tap(offsets))


def _pad(x: Array, windows: Windows, value: float) -> Array:
    if windows.reach == windows.size:
        return x
    padded = np.full((len(x), *windows.reach, x.shape[-1]), value, x.dtype)
    padded[(slice(None), *windows.inside)] = x
    return padded
