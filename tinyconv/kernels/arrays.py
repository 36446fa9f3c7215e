"""Tasks on arrays: Python puts addresses and sizes into a task's table, compiled code takes arrays out of it.

    @array_task
    def double(worker, table):
        x, y = matrix(table, 0, number), matrix(table, 1, number)
        first, last = share(worker, table, len(x))
        for i in range(first, last):
            ...

    double(workers, x, y)

Compiled code knows the number type of its arrays, so the task is made twice: `number`, a name to be imported from here, stands
for float32 in the one and for float64 in the other. The table begins with the number of workers; then each array has a slot of
seven integers, its address and its sizes. An array that is not there, None, has no sizes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from numpy.typing import NDArray

from tinyconv.kernels.memory import peek
from tinyconv.kernels.tasks import Task, task

Array = NDArray[Any]
SLOT = 7  # an address, and six sizes
LOCAL = 256  # numbers in a `local` array

number: Any = np.float32  # in the body of an array task: the number type of its arrays


class ArrayTask:
    """run(workers, *arrays): the task for the number type of the first array, its work shared out to so many workers.

    Arrays are C-contiguous, of at most six axes, and of the sizes that the task assumes: nothing checks that any more.
    """

    def __init__(self, function: FunctionType) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.tasks: dict[np.dtype[Any], Task] = {}

    def __call__(self, workers: int, *arrays: Array | None) -> None:
        assert arrays[0] is not None
        table = [workers]
        for array in arrays:
            table += [0] * SLOT if array is None else [array.ctypes.data, *array.shape, *(0,) * (SLOT - 1 - array.ndim)]
        kind = arrays[0].dtype
        if kind not in self.tasks:
            self.tasks[kind] = self._for(kind)
        self.tasks[kind](workers, *table)

    def _for(self, kind: np.dtype[Any]) -> Task:
        """The function with `number` another type; under another name, as Numba's cache tells functions apart by name."""
        name = f"{self.function.__name__}_{kind.name}"
        copy = FunctionType(self.function.__code__, {**self.function.__globals__, "number": kind.type}, name)
        copy.__qualname__, copy.__module__ = name, self.function.__module__
        return task(copy)


def array_task(function: Callable[[int, int], None]) -> ArrayTask:
    """Make an `ArrayTask` of a function (worker, address of the table)."""
    assert isinstance(function, FunctionType)
    return ArrayTask(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let Numba compile the function as part of each task that calls it, never alone."""
    return numba.njit(inline="always")(function)


@inlined
def share(worker: int, table: int, count: int) -> tuple[int, int]:
    """The part of `count` units of work that belongs to one worker: the first, and the one after the last."""
    return count * worker // peek(table, 0), count * (worker + 1) // peek(table, 0)


@inlined
def matrix(table: int, slot: int, kind: Any) -> Array:
    """The array in a slot, as one of two axes and of this number type."""
    at = 1 + SLOT * slot
    return carray(_pointer(peek(table, at)), (peek(table, at + 1), peek(table, at + 2)), kind)


@inlined
def cube(table: int, slot: int, kind: Any) -> Array:
    """The array in a slot, as one of three axes and of this number type."""
    at = 1 + SLOT * slot
    return carray(_pointer(peek(table, at)), (peek(table, at + 1), peek(table, at + 2), peek(table, at + 3)), kind)


@inlined
def volumes(table: int, slot: int, kind: Any) -> Array:
    """The array in a slot, as one of six axes (N, D, H, W, blocks, width) and of this number type."""
    at = 1 + SLOT * slot
    sizes = (peek(table, at + 1), peek(table, at + 2), peek(table, at + 3), peek(table, at + 4), peek(table, at + 5),
             peek(table, at + 6))
    return carray(_pointer(peek(table, at)), sizes, kind)


@intrinsic
def local(typing: Any, kind: Any) -> Any:
    """LOCAL numbers of this type beside the task's own variables: LLVM knows that no other array lies there.

    A loop that writes to several arrays becomes vectors only if LLVM can prove them apart, or check it in a few comparisons.
    """
    array = types.Array(kind.dtype, 1, "C")

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
        data = cgutils.alloca_once(builder, context.get_data_type(kind.dtype), size=LOCAL)
        data.align = 64
        made = context.make_array(array)(context, builder)
        strides, shape = ([context.get_constant(types.intp, n)] for n in (size, LOCAL))
        populate_array(made, data, shape, strides, context.get_constant(types.intp, size), None)
        return made._getvalue()

    return array(kind), emit


@intrinsic
def _pointer(typing: Any, address: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), emit
