"""How fast this machine multiplies: the tile of `simd`, on numbers that never leave the first-level cache."""

from __future__ import annotations

import time

import numpy as np

from tinyconv.kernels import threads
from tinyconv.kernels.memory import address, entries, fill
from tinyconv.kernels.simd import CALL, ROWS, VECTORS, ZERO, lanes, tiles
from tinyconv.kernels.tasks import invoke, task

RUN = 96  # products for each number of the tile: 20 KB of operands at most
TIMES = 20_000  # tiles
TRIES = 5


def flops_per_second() -> float:
    """float32 multiplications plus additions in a second, on all threads; the best of some tries."""
    workers, width = threads.count(), VECTORS * lanes(np.float32)
    a, b, c = (np.ones((workers, *shape), np.float32) for shape in ((ROWS, RUN), (RUN, width), (ROWS, width)))
    seconds = []
    for _ in range(TRIES + 1):
        began = time.perf_counter()
        _repeat(workers, a.ctypes.data, a[0].nbytes, b.ctypes.data, b[0].nbytes, c.ctypes.data, c[0].nbytes,
                tiles(np.float32)[1], RUN, width * a.itemsize, TIMES)
        seconds.append(time.perf_counter() - began)
    return 2 * workers * TIMES * ROWS * RUN * width / min(seconds[1:])  # the first try may have compiled


@task
def _repeat(worker: int, table: int) -> None:
    """One tile again and again."""
    a, a_share, b, b_share, c, c_share, tile, run, line, times = entries(table, 10)
    rows, results, nothing = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64), np.zeros(1, np.int64)
    for i in range(ROWS):
        rows[i], results[i] = a + worker * a_share + i * run * 4, c + worker * c_share + i * line
    call = np.empty(CALL, np.int64)
    fill(address(call), (address(rows), address(results), 0, address(nothing), 1, run, 4, b + worker * b_share, 0, line, 0, ZERO,
                         0))
    for _ in range(times):
        invoke(tile, (address(call),))
