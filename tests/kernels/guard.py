"""Arrays with a page on either side that nobody may touch: a kernel that reads or writes beside one ends the process.

    python -m tests.kernels.guard KERNEL

tries one kernel on shapes that end in odd places, and prints the case before it runs it: the last line is OK, or the case whose
kernel looked where it should not. What the kernel's Python side allocates is fenced too, and filled with NaN.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import math
import mmap
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tinyconv.errors import ShapeError
from tinyconv.kernels import dispatch, threads, workspace
from tinyconv.kernels.geometry import conv_geometry, pool_windows

PAGE = mmap.PAGESIZE
SYSTEM = ctypes.CDLL(None, use_errno=True) if hasattr(mmap, "MAP_PRIVATE") else None  # Windows has no mprotect
SIDES = ("start", "end")  # of the array, which lies flush against its fence; the other fence is less than a page away
UNTOUCHED = 0xFF  # of each byte before it is written: NaN, and an index far outside

WORKERS = 3  # share the work, one after the other if there are fewer threads

Call = Callable[..., Any]


def fenced(shape: Any, dtype: Any = np.float64, side: str = "end") -> Any:
    """An array of untouched memory between two pages that cannot be read or written."""
    shape, dtype = (shape,) if isinstance(shape, int | np.integer) else tuple(shape), np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    inner = -(-max(size, 1) // PAGE) * PAGE
    memory = mmap.mmap(-1, inner + 2 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    first = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    memory[PAGE : PAGE + inner] = bytes([UNTOUCHED]) * inner
    for fence in (first, first + PAGE + inner):
        if SYSTEM is None or SYSTEM.mprotect(ctypes.c_void_p(fence), ctypes.c_size_t(PAGE), 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = PAGE if side == "start" else PAGE + inner - size
    return np.frombuffer(memory, dtype, math.prod(shape), offset).reshape(shape)


def copied(array: Any, side: str) -> Any:
    """A fenced copy that is read-only, as the door of the kernels hands arrays on."""
    copy = fenced(array.shape, array.dtype, side)
    copy[...] = array
    copy.flags.writeable = False
    return copy


@contextlib.contextmanager
def fences(side: str) -> Iterator[None]:
    """Whatever kernels allocate in Python is fenced."""

    def empty(shape: Any, dtype: Any = np.float64) -> Any:
        return fenced(shape, dtype, side)

    def zeros(shape: Any, dtype: Any = np.float64) -> Any:
        array = fenced(shape, dtype, side)
        array[...] = 0
        return array

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "empty", empty)
        patch.setattr(np, "zeros", zeros)
        patch.setattr(workspace, "empty", lambda shape, dtype=np.float32: empty(shape, dtype))
        yield


def check(name: str, call: Call, *arrays: Any) -> None:
    """Run `call` between fences on either side, and compare with what it gives without: the same bits, and no NaN."""
    print(name, flush=True)
    expected = call(*arrays)  # compiles, too, which wants arrays without fences
    for side in SIDES:
        inside = [copied(array, side) for array in arrays]
        with fences(side):
            got = call(*inside)
        for one, other in zip(_several(got), _several(expected), strict=True):
            assert one.tobytes() == other.tobytes(), f"{name}: other bits with fences"
            assert not np.isnan(one).any(), f"{name}: a number was read before it was written, or was never written"


def _several(result: Any) -> list[Any]:
    return [array for array in (result if isinstance(result, tuple) else (result,)) if array is not None]


def floats(rng: np.random.Generator, dtype: Any, *shapes: Any) -> list[Any]:
    """Random arrays."""
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


# --- Kernels and their cases --------------------------------------------------------------------------------

CHANNELS = (1, 3, 10, 17, 16, 32, 64)
WINDOWS: tuple[tuple[Any, Any, dict[str, Any]], ...] = (  # size, kernel, options
    ((13,), (3,), {}),
    ((29,), (5,), {"stride": 2, "padding": (3, 1), "dilation": 2}),
    ((5, 7), (3, 3), {"padding": 1}),
    ((9, 6), (3, 3), {"stride": 2, "padding": ((0, 1), (1, 0))}),
    ((7, 8), (2, 3), {"stride": (3, 1), "padding": (2, 1), "dilation": (1, 2)}),
    ((3, 5), (1, 1), {}),
    ((1, 1), (3, 3), {"padding": 1}),
    ((7, 6), (7, 6), {}),
    ((3, 4, 5), (3, 3, 3), {"padding": 1}),
    ((4, 3, 5), (2, 1, 2), {"stride": (1, 2, 3), "padding": (1, 0, 1)}),
)


def convolutions(module: Any, dtype: Any, pairs: Any, groups_of: Call, **form: Any) -> None:
    """The three contractions of a module, with and without bias and ReLU."""
    rng = np.random.default_rng(0)
    for (size, kernel, options), (inputs, outputs) in itertools.product(WINDOWS, pairs):
        groups = groups_of(inputs)
        made = conv_geometry((2, *size, inputs), (*kernel, inputs // groups, outputs), **options, groups=groups)
        if "form" in form and (kernel != (3, 3) or made.stride != (1, 1)):
            continue
        x, weight, y, bias = floats(rng, dtype, made.x_shape, made.weight_shape, made.y_shape, (outputs,))
        name = f"{np.dtype(dtype)} {size} {kernel} {options} {inputs} -> {outputs} in {groups}"
        check(f"conv {name}", lambda x, w, made=made: module.conv(x, w, made, **form), x, weight)
        check(f"conv, bias, relu {name}", lambda x, w, b, made=made: module.conv(x, w, made, bias=b, activation="relu", **form),
              x, weight, bias)
        check(f"conv, slopes {name}", lambda x, w, b, made=made: module.conv(x, w, made, activation=b, **form), x, weight, bias)
        check(f"input_adjoint {name}", lambda y, w, made=made: module.input_adjoint(y, w, made, **form), y, weight)
        check(f"weight_adjoint {name}", lambda x, y, made=made: module.weight_adjoint(x, y, made, **form), x, y)


def check_direct() -> None:
    from tinyconv.kernels import direct

    convolutions(direct, np.float32, zip(CHANNELS, (17, 10, 3, 1, 64, 33, 16), strict=True), lambda channels: 1)
    convolutions(direct, np.float64, ((3, 10), (17, 17)), lambda channels: 1)
    convolutions(direct, np.float32, ((4, 6), (34, 34)), lambda channels: 2)


def check_depthwise() -> None:
    from tinyconv.kernels import depthwise

    convolutions(depthwise, np.float32, ((c, c) for c in CHANNELS), lambda channels: channels)
    convolutions(depthwise, np.float64, ((10, 20),), lambda channels: channels)


def check_winograd() -> None:
    from tinyconv.kernels import winograd, winograd_forms

    for form in (winograd_forms.F4, winograd_forms.F2):
        convolutions(winograd, np.float32, zip(CHANNELS, (17, 10, 3, 1, 64, 33, 16), strict=True), lambda channels: 1, form=form)


def check_matmul() -> None:
    from tinyconv.kernels.matmul import matmul

    rng, sizes = np.random.default_rng(0), ((70, 33, 50), (1, 300, 17), (3, 1, 200), (257, 10, 64))
    for dtype, (rows, inner, columns) in itertools.product((np.float32, np.float64), sizes):
        a, b = floats(rng, dtype, (rows, inner), (inner, columns))
        for left, right in itertools.product((False, True), repeat=2):
            check(f"matmul {np.dtype(dtype)} {rows} {inner} {columns} {left} {right}",
                  lambda a, b, left=left, right=right: matmul(a.T if left else a, b.T if right else b),
                  np.ascontiguousarray(a.T) if left else a, np.ascontiguousarray(b.T) if right else b)


def check_pooling() -> None:
    from tinyconv.kernels import pooling

    rng, kinds = np.random.default_rng(0), (*((np.float32, channels) for channels in (1, 3, 17, 32)), (np.float64, 10))
    for (size, kernel, options), (dtype, channels) in itertools.product(WINDOWS, kinds):
        try:
            windows = pool_windows((2, *size, channels), kernel, **{"stride": 1, **options}, rank=len(size))
        except ShapeError:  # windows of padding alone
            continue
        x, line, plane, g = floats(rng, dtype, (2, *size, channels), (4, channels), (3, channels), (2, *windows.out, channels))
        chosen, name = pooling.argmax(x, windows), f"{np.dtype(dtype)} {size} {kernel} {options} {channels}"

        def largest(x: Any, line: Any = None, windows: Any = windows) -> Any:
            chosen = pooling.empty_choice(x, windows)
            return pooling.largest(x, windows, chosen, line), chosen

        check(f"largest {name}", largest, x)
        check(f"largest of a line {name}", largest, x, line)
        check(f"gather {name}", lambda x, chosen, windows=windows: pooling.gather(x, chosen, windows), x, chosen)
        check(f"scatter {name}", lambda g, chosen, x, plane, windows=windows: pooling.scatter(g, chosen, windows, x, plane),
              g, chosen, x, plane)
        check(f"window_sum {name}", lambda x, windows=windows: pooling.window_sum(x, windows), x)
        check(f"window_spread {name}", lambda g, windows=windows: pooling.window_spread(g, windows), g)


def check_pointwise() -> None:
    from tinyconv.kernels import normalization, pointwise

    rng, kinds = np.random.default_rng(0), (*((np.float32, channels) for channels in CHANNELS), (np.float64, 10))
    for pixels, (dtype, channels) in itertools.product((5, 64), kinds):
        x, g, line = floats(rng, dtype, (2, pixels, channels), (2, pixels, channels), (4, channels))
        rest, inverse = floats(rng, dtype, (channels,), (channels,))
        name = f"{np.dtype(dtype)} {x.shape}"
        check(f"bend {name}", pointwise.bend, x, line)
        check(f"bend_adjoint {name}", pointwise.bend_adjoint, g, x, line)
        check(f"bend_adjoint to the line {name}", lambda g, x, line: pointwise.bend_adjoint(g, x, line, False), g, x, line)
        check(f"add {name}", pointwise.add, x, g)
        check(f"moments {name}", normalization.moments, x)
        check(f"adjoint {name}", lambda *arrays: tuple(normalization.adjoint(*arrays)), g, x, line, rest, inverse)


KERNELS: dict[str, Callable[[], None]] = {
    "direct": check_direct,
    "depthwise": check_depthwise,
    "winograd": check_winograd,
    "matmul": check_matmul,
    "pooling": check_pooling,
    "pointwise": check_pointwise,
}

if __name__ == "__main__":
    dispatch.SMALL_ARRAY = 0  # nothing is left to NumPy
    threads.count = lambda: WORKERS
    KERNELS[sys.argv[1]]()
    print("OK")
