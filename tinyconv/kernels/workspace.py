"""Memory for large arrays, used again: fresh memory costs the system's work of clearing it, page by page.

`empty` is `np.empty` for large arrays. Their memory comes back when the array and every view of it are gone: its base is a lease
that nothing else refers to, and a lease that ends gives its block back. A later array of about the same size gets the block.

What lies free never makes used and free memory together larger than what was used at once before: when new memory is made, free
blocks that would do so are let go, the longest unused first.
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.geometry import Shape

Array = NDArray[Any]

LARGE = 1 << 20  # bytes: below, the system's own allocator hands out memory that was used before
CLASSES = 16  # sizes between two powers of two; an array gets a block of its size rounded up
PAGE = 1 << 12  # bytes
STAGGER = 320  # bytes: blocks begin at different places of a page, since caches take equal places for neighbours


class Statistics(NamedTuple):
    """Bytes used by arrays, bytes that lie free, the most used at once; blocks made, and how often one was reused."""

    used: int
    free: int
    most: int
    made: int
    reused: int


class _Block:
    """Memory that begins at a whole vector."""

    __slots__ = ("address", "memory", "size")

    def __init__(self, size: int, number: int) -> None:
        self.memory = np.empty(size + 2 * PAGE, np.uint8)
        start = self.memory.ctypes.data
        self.address, self.size = start + -start % PAGE + number * STAGGER % PAGE, size


_returned: deque[_Block] = deque()  # blocks whose lease has ended since somebody last asked for memory


class _Lease:
    """The base of an array that uses a block; it ends with the array and its views."""

    __slots__ = ("__array_interface__", "block")

    def __init__(self, block: _Block, shape: Shape, dtype: np.dtype[Any]) -> None:
        self.block = block
        self.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": (block.address, False), "version": 3}

    def __del__(self, give_back: Callable[[_Block], None] = _returned.append) -> None:
        give_back(self.block)  # in one step and without the lock, which this very thread may hold


class _Pool:
    """The free blocks, and the count of all."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.free: list[_Block] = []  # the longest unused first
        self.used = self.most = self.made = self.reused = 0

    def collect(self) -> None:
        """Take what leases have given back to what is free."""
        while _returned:
            block = _returned.popleft()
            self.used -= block.size
            self.free.append(block)

    def take(self, size: int) -> _Block:
        """A block of this size: of the free ones the last used, else a new one."""
        with self.lock:
            self.collect()
            self.used += size
            self.most = max(self.most, self.used)
            for place in range(len(self.free) - 1, -1, -1):
                if self.free[place].size == size:
                    self.reused += 1
                    return self.free.pop(place)
            free = sum(block.size for block in self.free)
            while self.free and self.used + free > self.most:
                free -= self.free.pop(0).size
            self.made += 1
            number = self.made
        return _Block(size, number)


_pool = _Pool()


def empty(shape: int | Shape, dtype: Any = np.float32) -> Array:
    """A C-contiguous array with arbitrary values, as by `np.empty`; a large one begins at a whole vector and may reuse memory."""
    shape, dtype = (shape,) if isinstance(shape, int) else tuple(shape), np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    return np.asarray(_Lease(_pool.take(_rounded(size)), shape, dtype))


def clear() -> None:
    """Give all free memory back to the system."""
    with _pool.lock:
        _pool.collect()
        _pool.free.clear()


def statistics() -> Statistics:
    """How much memory is used and free, and how well it is reused."""
    with _pool.lock:
        _pool.collect()
        free = sum(block.size for block in _pool.free)
        return Statistics(_pool.used, free, _pool.most, _pool.made, _pool.reused)


def _rounded(size: int) -> int:
    """`size` rounded up to one of CLASSES sizes between two powers of two; all are whole pages."""
    step = max((1 << (size.bit_length() - 1)) // CLASSES, PAGE)
    return -(-size // step) * step


def _after_fork() -> None:
    _pool.lock = threading.Lock()  # another thread may have held it; memory is the child's own


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_after_fork)
