"""A copy of an image, signal or volume with zeros around it: windows then never look outside."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from tinyconv.kernels import threads, workspace
from tinyconv.kernels.geometry import Pairs
from tinyconv.kernels.memory import clear, copy, entries
from tinyconv.kernels.tasks import task

Array = NDArray[Any]


def padded(x: Array, padding: Pairs) -> Array:
    """x (N, *size, C), C-contiguous, with zeros before and after along each spatial axis; x itself where nothing is to add."""
    if not any(map(any, padding)):
        return x
    missing = 3 - len(padding)  # a signal is a volume of one slice and one row
    size = tuple(n + sum(pair) for n, pair in zip(x.shape[1:-1], padding, strict=True))
    out = workspace.empty((len(x), *size, x.shape[-1]), x.dtype)
    inner, outer = [1] * missing + list(x.shape[1:-1]), [1] * missing + list(size)
    before = [0] * missing + [pair[0] for pair in padding]
    for numbers in (inner, outer, before):
        numbers[2] *= x.shape[-1] * x.itemsize  # along a row everything counts bytes
    workers = threads.count()
    _pad(workers, workers, x.ctypes.data, out.ctypes.data, len(x), *inner, *outer, *before)
    return out


@task
def _pad(worker: int, table: int) -> None:
    """Copy a share of the rows, with zeros around them."""
    (workers, source, target, batch, depth, height, width, padded_depth, padded_height, padded_width, before_d, before_h,
     before_w) = entries(table, 13)
    lines = batch * padded_depth * padded_height
    for line in range(lines * worker // workers, lines * (worker + 1) // workers):
        rest, h = divmod(line, padded_height)
        n, d = divmod(rest, padded_depth)
        d, h = d - before_d, h - before_h
        row = target + line * padded_width
        if 0 <= d < depth and 0 <= h < height:
            clear(row, before_w)
            copy(row + before_w, source + ((n * depth + d) * height + h) * width, width)
            clear(row + before_w + width, padded_width - before_w - width)
        else:
            clear(row, padded_width)
