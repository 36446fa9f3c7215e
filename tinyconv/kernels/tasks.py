"""Tasks and pieces: compiled functions of integers, each compiled once, alone, and called by its address.

Numba optimizes whatever a compiled function calls once more, as part of it. A convolution is a driver around a tile: with the
tile inside, and both inside a parallel loop, it would compile for five seconds. Here a `Piece` is a function of integers,
addresses among them; a `Task` does one share of some work, and finds sizes, arrays and pieces in a table of integers. Since only
pieces touch numbers, a task is compiled once for all dtypes. One launcher runs all tasks on all threads. Addresses of compiled
functions stand in the table, never in cached code.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.extending import intrinsic

from tinyconv.kernels.compiled import FOLDER, forked, jit, on_threads, own_folder
from tinyconv.kernels.memory import INTEGER, address

_SERIAL = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)  # a task, called by Python itself


class Piece:
    """A compiled function that compiled code calls by its address; compiled, or loaded, when that is asked for."""

    signature = types.void(types.int64)

    def __init__(self, function: Callable[..., None]) -> None:
        self.function, self.__name__, self.__doc__ = function, function.__name__, function.__doc__

    @functools.cached_property
    def compiled(self) -> Any:
        """Numba's C callback."""
        with own_folder():
            make = numba.cfunc(self.signature, cache=FOLDER is not None, error_model="numpy", fastmath={"contract"})
            return make(self.function)

    @property
    def address(self) -> int:
        return int(self.compiled.address)


class Task(Piece):
    """A compiled function task(share, table) that does one share of some work; `table` is the address of integers."""

    signature = types.void(types.int64, types.int64)

    def __call__(self, shares: int, *table: int) -> None:
        """Do all shares, on all threads; in a forked child one after the other."""
        numbers = np.array(table, np.int64)
        if forked():
            run = _SERIAL(self.address)
            for share in range(shares):
                run(share, numbers.ctypes.data)
        else:
            on_threads(_launch, shares, self.address, numbers)


def piece(function: Callable[[int], None]) -> Piece:
    """Make a `Piece` of a function of one address, that of its arguments."""
    return Piece(function)


def task(function: Callable[[int, int], None]) -> Task:
    """Make a `Task` of a function (share, address of a table)."""
    return Task(function)


@intrinsic
def invoke(typing: Any, function: Any, arguments: Any) -> Any:
    """Call the function at an address with a tuple of integers."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        where, numbers = values[0], [builder.extract_value(values[1], i) for i in range(len(arguments))]
        kind = ir.FunctionType(ir.VoidType(), [INTEGER] * len(numbers))
        builder.call(builder.inttoptr(where, kind.as_pointer()), numbers)
        return context.get_dummy_value()

    return types.void(types.int64, arguments), emit


def _launch_all(shares: int, function: int, table: Any) -> None:
    for share in prange(shares):
        invoke(function, (np.int64(share), address(table)))


_launch = jit(_launch_all, parallel=True)
