"""Windows of a pooling layer: choose the largest tap, gather it, sum all taps, and the two scatters back.

Large arrays go to compiled code, NumPy does what is small. What looks at windows of `x` may be given a broken line, see
`pointwise`: it then looks at that line's values, which are never stored.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels import dispatch, pointwise, threads, workspace
from tinyconv.kernels.geometry import Windows
from tinyconv.kernels.plain import plain

Array = NDArray[Any]


def empty_choice(x: Array, windows: Windows) -> Array:
    """An array (N, *out, C) for the number of a tap in each window: one byte, if that is enough."""
    number = np.uint8 if math.prod(windows.kernel_size) < 256 else np.int32
    return workspace.empty((len(x), *windows.out, x.shape[-1]), number)


def largest(x: Array, windows: Windows, chosen: Array, line: Array | None = None) -> Array:
    """The largest tap of each window, (N, *out, C), and its number into `chosen`: the first of equals; NaN is largest."""
    compiled = _compiled(x, windows)
    if compiled is None:
        return _largest(x if line is None else pointwise.bend(x, line), windows, chosen)
    y = workspace.empty(chosen.shape, x.dtype)
    straight = pointwise.broken_line(x) if line is None else line
    compiled.largest(_workers(y), _volumes(x), _blocks(straight), _steps(windows), _volumes(y), _volumes(chosen))
    return y


def argmax(x: Array, windows: Windows) -> Array:
    """The number of the largest tap in each window, (N, *out, C); the first of equals; NaN is largest."""
    chosen = empty_choice(x, windows)
    largest(x, windows, chosen)
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
    compiled = _compiled(x, windows)
    out = workspace.empty(chosen.shape, x.dtype)
    if compiled is not None:
        compiled.collect(_workers(out), _volumes(x), _taps_of(chosen), _steps(windows), _volumes(out))
        return out
    padded = _pad(x, windows, -np.inf)
    for number, tap in _taps(windows):
        np.copyto(out, padded[tap], where=chosen == number)
    return out


def scatter(g: Array, chosen: Array, windows: Windows, x: Array | None = None, plane: Array | None = None) -> Array:
    """What arrives at each window, added to the tap that was chosen: the adjoint of `gather`.

    With x and a plane (3, C) less plane[1] + plane[2] * (x - plane[0]) everywhere, in the same pass.
    """
    gx = workspace.empty((len(g), *windows.size, g.shape[-1]), g.dtype)
    compiled = _compiled(gx, windows)
    if compiled is not None:
        falls = (None, None) if x is None or plane is None else (_volumes(x), _blocks(plane))
        compiled.send(_workers(gx), _volumes(g), _taps_of(chosen), _steps(windows), *falls, _volumes(gx))
        return gx
    padded = np.zeros((len(g), *windows.reach, g.shape[-1]), g.dtype)
    for number, tap in _taps(windows):
        padded[tap] += np.where(chosen == number, g, g.dtype.type(0))
    gx[...] = padded[(slice(None), *windows.inside)]
    if x is not None and plane is not None:
        gx -= plane[1] + plane[2] * (x - plane[0])
    return gx


def window_sum(x: Array, windows: Windows) -> Array:
    """The sum of each window, padding counting as 0."""
    compiled = _compiled(x, windows)
    out = np.zeros((len(x), *windows.out, x.shape[-1]), x.dtype)
    if compiled is not None:
        compiled.collect(_workers(out), _volumes(x), None, _steps(windows), _volumes(out))
        return out
    padded = _pad(x, windows, 0)
    for _, tap in _taps(windows):
        out += padded[tap]
    return out


def window_spread(g: Array, windows: Windows) -> Array:
    """What arrives at each window, added to all its taps: the adjoint of `window_sum`."""
    gx = workspace.empty((len(g), *windows.size, g.shape[-1]), g.dtype)
    compiled = _compiled(gx, windows)
    if compiled is not None:
        compiled.send(_workers(gx), _volumes(g), None, _steps(windows), None, None, _volumes(gx))
        return gx
    padded = np.zeros((len(g), *windows.reach, g.shape[-1]), g.dtype)
    for _, tap in _taps(windows):
        padded[tap] += g
    gx[...] = padded[(slice(None), *windows.inside)]
    return gx


def count(windows: Windows, include_padding: bool) -> Array:
    """How many taps of each window fall on the image (or, with `include_padding`, on the padded image), (*out, 1)."""
    per_axis = (windows.inside_taps(axis, include_padding).sum(axis=1) for axis in range(len(windows.out)))
    return np.asarray(math.prod(np.ix_(*per_axis)))[..., None]


# --- Compiled ---------------------------------------------------------------------------------------------


def _compiled(x: Array, windows: Windows) -> Any:
    """The module of compiled loops over the windows of x; None where NumPy does it."""
    few_taps = math.prod(windows.kernel_size) < 256  # compiled code numbers them in one byte
    return dispatch.compiled("windows", x.size, x.dtype) if few_taps else None


def _volumes(array: Array) -> Array:
    """(N, *size, C) as (N, D, H, W, blocks, width)."""
    n, *size, channels = array.shape
    return plain(array).reshape(n, *(1,) * (3 - len(size)), *size, -1, pointwise.block_width(channels))


def _blocks(numbers: Array) -> Array:
    """Numbers of each channel, (k, C), as (k, blocks, width)."""
    return numbers.reshape(len(numbers), -1, pointwise.block_width(numbers.shape[1]))


def _taps_of(chosen: Array) -> Array:
    """The numbers of taps in one byte each."""
    return _volumes(chosen.astype(np.uint8, copy=False))


def _steps(windows: Windows) -> Array:
    """Kernel size, stride, dilation and padding before, each along depth, height and width."""
    before = tuple(pair[0] for pair in windows.padding)
    missing = 3 - len(before)
    rows = ((1, windows.kernel_size), (1, windows.stride), (1, windows.dilation), (0, before))
    return np.array([(none,) * missing + row for none, row in rows])


def _workers(rows: Array) -> int:
    """So many threads, each with at least one row of pixels or windows."""
    return min(threads.count(), math.prod(rows.shape[:-2]))


# --- NumPy ------------------------------------------------------------------------------------------------


def _largest(x: Array, windows: Windows, chosen: Array) -> Array:
    padded = _pad(x, windows, -np.inf)
    best = np.full(chosen.shape, -np.inf, x.dtype)
    chosen[...] = _first_pixels(windows)  # stays where nothing is above -inf
    for number, tap in _taps(windows):
        better = ~(padded[tap] <= best) & ~np.isnan(best)
        np.copyto(best, padded[tap], where=better)
        chosen[better] = number
    return best


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
