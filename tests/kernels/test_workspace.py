"""Memory that is used again: never by two arrays at once, whatever becomes of their views, and never more than there was."""

from __future__ import annotations

import gc
import os
import threading

import numpy as np
import pytest

from tinyconv.kernels import workspace

MEGABYTE = 1 << 18  # float32 numbers


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """A pool of the test's own, and no garbage collector: what is not cleared by reference counts alone, is a leak."""
    monkeypatch.setattr(workspace, "_pool", workspace._Pool())
    workspace._returned.clear()
    gc.disable()
    yield
    gc.enable()


def test_array_is_contiguous_begins_at_a_vector_and_can_be_written():
    for shape, dtype in (((3, 5, 1 << 17), np.float32), (1 << 20, np.float64), ((1 << 21, 1), np.uint8), ((0, 7), np.float32)):
        array = workspace.empty(shape, dtype)
        array[...] = 1
        assert array.shape == (shape if isinstance(shape, tuple) else (shape,))
        assert (array.dtype, array.flags.c_contiguous, array.flags.writeable) == (dtype, True, True)
        assert array.nbytes < workspace.LARGE or array.ctypes.data % 64 == 0


def test_small_arrays_are_numpys_own():
    assert workspace.empty((4, 4)).base is None
    assert workspace.statistics() == (0, 0, 0, 0, 0)


def test_memory_comes_back_with_the_last_reference_and_is_used_again():
    array = workspace.empty((2, MEGABYTE))
    place = array.ctypes.data
    assert workspace.statistics().used == array.nbytes
    del array
    assert workspace.statistics() == (0, 2 << 20, 2 << 20, 1, 0)
    again = workspace.empty((MEGABYTE, 2))
    assert again.ctypes.data == place
    assert workspace.statistics() == (2 << 20, 0, 2 << 20, 1, 1)


@pytest.mark.parametrize("view", [
    lambda a: a[3:], lambda a: a.reshape(-1)[5::2], lambda a: a.T[:1], lambda a: a[0].view(np.int32), memoryview,
    lambda a: np.broadcast_to(a, (2, *a.shape)), lambda a: np.lib.stride_tricks.as_strided(a, (2,), (8,)),
    lambda a: np.asarray(memoryview(a[1:2])),
])
def test_view_keeps_the_memory_when_its_base_is_gone(view):
    array = workspace.empty((8, MEGABYTE))
    array[...] = 7
    kept = view(array)
    del array
    assert workspace.statistics().free == 0
    other = workspace.empty((8, MEGABYTE))
    other[...] = 1
    assert not np.shares_memory(np.asarray(kept), other)
    del kept
    assert workspace.statistics().free == 8 << 20


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
    assert workspace.statistics().reused > 500


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
    found = workspace.statistics()
    assert found.used == 0
    assert found.made + found.reused == 1200


def test_free_memory_never_makes_the_sum_larger_than_what_was_used_at_once():
    first = [workspace.empty((4, MEGABYTE)) for _ in range(4)]
    assert workspace.statistics().most == 16 << 20
    del first
    assert workspace.statistics().free == 16 << 20
    large = workspace.empty((10, MEGABYTE))  # fits no free block: two of them go
    found = workspace.statistics()
    assert (found.used, found.free, found.most) == (10 << 20, 4 << 20, 16 << 20)
    more = workspace.empty((12, MEGABYTE))
    assert workspace.statistics()[:3] == (22 << 20, 0, 22 << 20)
    del large, more
    assert workspace.statistics().free == 22 << 20


def test_size_is_rounded_up_by_less_than_a_sixteenth():
    for size in (workspace.LARGE, workspace.LARGE + 1, 3_000_001, 12_345_678, (1 << 27) - 1, 1 << 27):
        rounded = workspace._rounded(size)
        assert size <= rounded <= size * (1 + 1 / 16)
        assert rounded % workspace.PAGE == 0
        assert workspace._rounded(rounded) == rounded


def test_clear_lets_the_free_memory_go_and_leaves_the_used():
    kept = workspace.empty((2, MEGABYTE))
    kept[...] = 5
    workspace.empty((3, MEGABYTE))
    assert workspace.statistics().free == 3 << 20
    workspace.clear()
    assert workspace.statistics()[:2] == (2 << 20, 0)
    assert (kept == 5).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of a process that has threads
def test_forked_child_has_memory_of_its_own_even_if_the_lock_was_held():
    array = workspace.empty((2, MEGABYTE))
    array[...] = 1
    del array
    with workspace._pool.lock:
        child = os.fork()
        if child == 0:
            again = workspace.empty((2, MEGABYTE))
            again[...] = 2
            os._exit(workspace.statistics().reused)
    again = workspace.empty((2, MEGABYTE))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert (again == 1).all()
