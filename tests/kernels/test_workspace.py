"""Memory that is used again: never by two arrays at once, whatever becomes of their views, and never more than there was."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tinyconv.kernels import workspace

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1 << 18  # float32 numbers


@pytest.fixture(autouse=True)
def heap(monkeypatch):
    """A heap of the test's own, and no garbage collector: memory must come back by reference counts alone."""
    monkeypatch.setattr(workspace, "_heap", workspace._Heap())
    gc.disable()
    yield
    gc.enable()


def bytes_of(*arrays):
    """What arrays take of the heap."""
    return sum(-(-array.nbytes // workspace.VECTOR) * workspace.VECTOR + workspace.GAP for array in arrays)


def test_array_is_contiguous_begins_at_a_vector_and_can_be_written():
    for shape, dtype in (((3, 5, 1 << 17), np.float32), (1 << 20, np.float64), ((1 << 21, 1), np.uint8), ((100, 60), np.float64),
                         ((0, 7), np.float32)):
        array = workspace.empty(shape, dtype)
        array[...] = 1
        assert array.shape == (shape if isinstance(shape, tuple) else (shape,))
        assert (array.dtype, array.flags.c_contiguous, array.flags.writeable) == (dtype, True, True)
        assert array.nbytes < workspace.SMALL or array.ctypes.data % 64 == 0


def test_small_arrays_are_numpys_own():
    assert workspace.empty((4, 4)).base is None
    assert workspace.statistics() == (0, 0, 0)


def test_memory_comes_back_with_the_last_reference_and_is_used_again():
    array = workspace.empty((2, MEGABYTE))
    place, size = array.ctypes.data, bytes_of(array)
    assert workspace.statistics() == (size, 0, size)
    del array
    assert workspace.statistics() == (0, size, size)
    again = workspace.empty((MEGABYTE, 2))
    assert again.ctypes.data == place
    assert workspace.statistics() == (size, 0, size)


def test_free_places_beside_each_other_are_one_and_what_is_left_of_a_place_is_free():
    arrays = [workspace.empty((2, MEGABYTE)) for _ in range(4)]
    size, first = bytes_of(arrays[0]), arrays[0].ctypes.data
    for number in (2, 0, 1):
        arrays[number] = None
        workspace.statistics()  # takes each place back by itself
    large = workspace.empty((5, MEGABYTE))
    assert large.ctypes.data == first
    assert workspace.statistics() == (size + bytes_of(large), 3 * size - bytes_of(large), 4 * size)
    assert len(workspace._heap.free) == 1
    del large
    arrays.clear()
    assert workspace.statistics() == (0, 4 * size, 4 * size)
    assert workspace._heap.free == [(0, 4 * size)]


def test_heap_grows_only_by_what_free_memory_at_its_end_lacks():
    array = workspace.empty((2, MEGABYTE))
    first = array.ctypes.data
    del array
    large = workspace.empty((5, MEGABYTE))
    assert large.ctypes.data == first
    assert workspace.statistics() == (bytes_of(large), 0, bytes_of(large))


@pytest.mark.parametrize("view", [
    lambda a: a[3:], lambda a: a.reshape(-1)[5::2], lambda a: a.T[:1], lambda a: a[0].view(np.int32), memoryview,
    lambda a: np.broadcast_to(a, (2, *a.shape)), lambda a: np.lib.stride_tricks.as_strided(a, (2,), (8,)),
    lambda a: np.asarray(memoryview(a[1:2])),
])
def test_view_keeps_the_memory_when_its_base_is_gone(view):
    array = workspace.empty((8, MEGABYTE))
    array[...] = 7
    kept, size = view(array), bytes_of(array)
    del array
    assert workspace.statistics().free == 0
    other = workspace.empty((8, MEGABYTE))
    other[...] = 1
    assert not np.shares_memory(np.asarray(kept), other)
    del kept
    assert workspace.statistics().free == size


def test_values_are_never_shared_by_arrays_that_live_at_the_same_time():
    rng, living = np.random.default_rng(0), {}
    for number in range(3000):
        if living and rng.random() < 0.5:
            array, value = living.pop(rng.choice(list(living)))
            assert (array == value).all()
        else:
            shape = (int(rng.integers(1, 4)), MEGABYTE + 1024 * int(rng.integers(0, 2)))
            array = workspace.empty(shape)
            array[:, ::64] = number
            view = array[:, ::64] if rng.random() < 0.5 else array[-1, ::64]
            living[number] = view, number
        if len(living) > 12:
            living.pop(next(iter(living)))
    assert workspace._heap.top < 2 * workspace.statistics().most


def test_threads_share_no_memory():
    wrong = []

    def work(number):
        rng = np.random.default_rng(number)
        for step in range(300):
            array = workspace.empty((int(rng.integers(1, 3)), MEGABYTE))
            array[:, ::512] = number * 1000 + step
            view = array[-1:]
            del array
            if not (view[:, ::512] == number * 1000 + step).all():
                wrong.append((number, step))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert workspace.statistics().used == 0
    assert workspace.statistics().most < 17 << 20  # each held at most two arrays of two megabytes, and their heads


def test_steps_of_training_find_room_where_the_step_before_was():
    rng = np.random.default_rng(0)
    sizes = [int(size) for size in rng.integers(5_000, MEGABYTE, 30)]
    for _ in range(3):
        kept = [workspace.empty(size) for size in sizes]  # forward: every layer keeps its result ...
        g = kept.pop()
        while kept:  # ... and backward needs one after the other, beside a gradient and something for the moment
            g = workspace.empty(sizes[len(kept) - 1])
            workspace.empty(2 * g.size)
            kept.pop()
        del g
    assert workspace._heap.top < 1.1 * workspace.statistics().most


def test_clear_gives_free_memory_back_to_the_system_and_leaves_the_used():
    kept = workspace.empty((2, MEGABYTE))
    kept[...] = 5
    other, behind = workspace.empty((3, MEGABYTE)), workspace.empty((4, MEGABYTE))
    other[...] = behind[...] = 6
    middle = other.ctypes.data
    last = workspace.empty((1, MEGABYTE))
    del other, last
    workspace.clear()
    assert workspace._heap.top == bytes_of(kept, behind) + (3 << 20) + workspace.GAP
    again = workspace.empty((3, MEGABYTE))
    assert again.ctypes.data == middle
    assert again[1:2].sum() == 0  # fresh pages
    assert (kept == 5).all()
    assert (behind == 6).all()


def test_where_no_room_is_left_arrays_are_numpys_own(monkeypatch):
    first = workspace.empty((2, MEGABYTE))
    monkeypatch.setattr(workspace._heap.memory, "size", bytes_of(first) + (1 << 20))
    second = workspace.empty((2, MEGABYTE))
    assert isinstance(first.base, workspace._Lease)
    assert second.base is None
    assert workspace.empty(MEGABYTE - 1024).base is not None


def test_where_the_system_has_no_such_memory_arrays_are_numpys_own(monkeypatch):
    monkeypatch.delattr(workspace.mmap, "MAP_PRIVATE", raising=False)
    assert workspace.empty((2, MEGABYTE)).base is None
    workspace.clear()
    assert workspace.statistics() == (0, 0, 0)


def test_addresses_that_are_limited_are_enough_for_as_much():
    program = """
import resource
from tinyconv.kernels import workspace
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
array = workspace.empty((1 << 20, 8))
array[...] = 3
print(array.base is not None, workspace._heap.memory.size >= 1 << 28, int(array.sum()))
"""
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"})
    assert done.stdout == "True True 25165824\n", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of a process that has threads
def test_forked_child_has_memory_of_its_own_even_if_the_lock_was_held():
    array = workspace.empty((2, MEGABYTE))
    array[...], place = 1, array.ctypes.data
    del array
    with workspace._heap.lock:
        child = os.fork()
        if child == 0:
            again = workspace.empty((2, MEGABYTE))
            again[...] = 2
            os._exit(int(again.ctypes.data == place))
    again = workspace.empty((2, MEGABYTE))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert (again == 1).all()
