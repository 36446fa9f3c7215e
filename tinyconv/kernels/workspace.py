"""Memory for arrays, used again: fresh memory costs the system's work of clearing its pages, and begins between two vectors.

`empty` is `np.empty` for the results of kernels. They lie one behind the other in a heap: one stretch of addresses, reserved at
once, that becomes memory where it is first written. An array's base is a lease that nothing else refers to. When the array and
every view of it are gone, the lease ends, and its place becomes free, together with free places beside it. A new array gets the
first place that is large enough, and only if there is none, the heap grows. So the arrays of a training step find room where
those of the step before have been, whatever their sizes, and the heap hardly exceeds what was used at once.
"""

from __future__ import annotations

import bisect
import ctypes
import functools
import math
import mmap
import os
import sys
import threading
from collections import deque
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.geometry import Shape

Array = NDArray[Any]

SMALL = 1 << 14  # bytes: what is smaller stays in a cache, and is NumPy's own
VECTOR = 64  # bytes: arrays begin at whole vectors
GAP = 320  # bytes behind each array: arrays of 2^n bytes would else begin at equal places of a page, which share a cache's lines


class Statistics(NamedTuple):
    """Bytes of the heap: used by arrays, free between and behind them, and the most that were used at once."""

    used: int
    free: int
    most: int


class _Lease:
    """The base of an array in the heap; it ends with the array and its views."""

    __slots__ = ("__array_interface__", "heap", "place")

    def __init__(self, heap: _Heap, place: tuple[int, int], shape: Shape, dtype: np.dtype[Any]) -> None:
        self.heap, self.place = heap, place
        address = heap.memory.start + place[0]
        self.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": (address, False), "version": 3}

    def __del__(self) -> None:
        self.heap.returned.append(self.place)  # in one step and without the lock, which this very thread may hold


class _Memory:
    """Addresses, as many as the machine has memory, or as the system allows; none where it has no such thing."""

    def __init__(self) -> None:
        self.size = self.start = 0
        wanted = os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE if hasattr(mmap, "MAP_PRIVATE") else 0
        while wanted > 1 << 28 and not self.size:
            self._reserve(wanted)
            wanted //= 4  # where addresses are limited, others need some, too

    def _reserve(self, size: int) -> None:
        unbacked = 0x4000 if sys.platform == "linux" else 0  # MAP_NORESERVE, which Python does not name
        try:
            self.map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | unbacked)
        except (OSError, OverflowError):
            return
        self.size, self.start = size, ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self.map.madvise(mmap.MADV_HUGEPAGE)

    def give_up(self, begin: int, end: int) -> None:
        """Let the system have the memory behind these addresses, as far as it is whole pages."""
        begin, end = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
        if begin < end:
            self.map.madvise(mmap.MADV_DONTNEED, begin, end - begin)


class _Heap:
    """Where arrays lie: places are pairs (begin, end)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.returned: deque[tuple[int, int]] = deque()  # places whose lease has ended since somebody last asked for one
        self.free: list[tuple[int, int]] = []  # in order, none beside another
        self.top = self.used = self.most = 0

    @functools.cached_property
    def memory(self) -> _Memory:
        """Reserved when somebody first asks for a place."""
        return _Memory()

    def collect(self) -> None:
        """Free the places that leases have given back."""
        while self.returned:
            begin, end = self.returned.popleft()
            self.used -= end - begin
            at = bisect.bisect(self.free, (begin, end))
            if at < len(self.free) and self.free[at][0] == end:
                end = self.free.pop(at)[1]
            if at and self.free[at - 1][1] == begin:
                at -= 1
                begin = self.free.pop(at)[0]
            self.free.insert(at, (begin, end))

    def take(self, size: int) -> tuple[int, int] | None:
        """The first free place of this size, else one at the top; None if there is no room."""
        with self.lock:
            self.collect()
            for at, (begin, end) in enumerate(self.free):
                if end - begin >= size:
                    self.free[at : at + 1] = [(begin + size, end)] if end - begin > size else []
                    break
            else:
                last = bool(self.free) and self.free[-1][1] == self.top
                begin = self.free[-1][0] if last else self.top
                if begin + size > self.memory.size:
                    return None
                if last:
                    self.free.pop()
                self.top = begin + size
            self.used += size
            self.most = max(self.most, self.used)
            return begin, begin + size


_heap = _Heap()


def empty(shape: int | Shape, dtype: Any = np.float32) -> Array:
    """A C-contiguous array with arbitrary values, as by `np.empty`; unless it is small it begins at a whole vector."""
    shape, dtype = (shape,) if isinstance(shape, int) else tuple(shape), np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    place = _heap.take(-(-size // VECTOR) * VECTOR + GAP)
    return np.empty(shape, dtype) if place is None else np.asarray(_Lease(_heap, place, shape, dtype))


def clear() -> None:
    """Give the memory of all free places back to the system."""
    with _heap.lock:
        _heap.collect()
        for place in _heap.free:
            _heap.memory.give_up(*place)
        if _heap.free and _heap.free[-1][1] == _heap.top:
            _heap.top = _heap.free.pop()[0]


def statistics() -> Statistics:
    """How much of the heap is used, and how much lies free."""
    with _heap.lock:
        _heap.collect()
        return Statistics(_heap.used, sum(end - begin for begin, end in _heap.free), _heap.most)


def _after_fork() -> None:
    _heap.lock = threading.Lock()  # another thread may have held it; memory is the child's own


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_after_fork)
