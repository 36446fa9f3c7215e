"""One vector register as a value in compiled loops: loops over channels that hold loops over taps, written as Python.

Left alone, Numba keeps the sums of such loops in memory, and unrolls taps where it should not. Here `load(x, at)` is the vector
of numbers that begins at number `at`, `times_plus(a, b, c)` is one instruction, and a variable stays in a register. How many
numbers a vector has is part of a variable's type, and comes from the type of the task's table: a `VectorTask` is compiled for
each element type and number of lanes it is called with. Nothing here checks bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from tinyconv.kernels.memory import INTEGER
from tinyconv.kernels.tasks import Task

FLAG, SMALL = ir.IntType(32), ir.IntType(8)

STRAIGHT, RELU, SLOPES = 0, 1, 2  # what becomes of values below 0


class _Kind(types.Type):  # type: ignore[misc]
    """What this file's types have in common: the element type, and the numbers in a vector."""

    def __init__(self, element: Any, lanes: int) -> None:
        self.element, self.lanes = element, lanes
        super().__init__(name=f"{type(self).__name__}({element} x {lanes})")

    @property
    def number(self) -> Any:
        return ir.FloatType() if self.element == types.float32 else ir.DoubleType()

    @property
    def vector(self) -> Any:
        return ir.VectorType(self.number, self.lanes)


class Table(_Kind):
    """The address of a task's table of integers."""


class Numbers(_Kind):
    """The address of numbers that are read and written as vectors."""


class Vector(_Kind):
    """Numbers in a register."""


@register_model(Table)
@register_model(Numbers)
class _AddressModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: _Kind) -> None:
        super().__init__(manager, kind, INTEGER)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: _Kind) -> None:
        super().__init__(manager, kind, kind.vector)


class VectorTask:
    """A function task(share, table) of vectors, which becomes a `Task` for each element type and number of lanes."""

    def __init__(self, function: Callable[[int, Any], None]) -> None:
        self.function = function
        self.tasks: dict[tuple[Any, int], Task] = {}

    def of(self, dtype: Any, lanes: int) -> Task:
        """The task for vectors of so many numbers of `dtype`."""
        key = dtype, lanes
        if key not in self.tasks:
            made = Task(self.function)
            element = {4: types.float32, 8: types.float64}[np.dtype(dtype).itemsize]
            made.signature = types.void(types.int64, Table(element, lanes))
            self.tasks[key] = made
        return self.tasks[key]


def _place(builder: Any, address: Any, at: Any, number: Any, kind: Any) -> Any:
    """The number `at` behind an address, as a pointer to a value of `kind`."""
    base = builder.inttoptr(address, number.as_pointer())
    return builder.bitcast(builder.gep(base, [at], inbounds=True), kind.as_pointer())


def _entries(entry: Any, table: Any, first: Any, count: Any) -> Any:
    """What an intrinsic returns that reads so many entries of a table, each of them of the type `entry`, as a tuple."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        places = [builder.add(values[1], ir.Constant(INTEGER, i)) for i in range(count.literal_value)]
        entries = [builder.load(_place(builder, values[0], place, INTEGER, INTEGER)) for place in places]
        return context.make_tuple(builder, signature.return_type, entries)

    return types.UniTuple(entry, count.literal_value)(table, first, count), emit


# --- Memory -----------------------------------------------------------------------------------------------


@intrinsic(prefer_literal=True)
def integers(typing: Any, table: Any, first: Any, count: Any) -> Any:
    """So many integers of a task's table, from index `first` on, as a tuple."""
    return _entries(types.int64, table, first, count)


@intrinsic(prefer_literal=True)
def numbers(typing: Any, table: Any, first: Any, count: Any) -> Any:
    """The numbers at so many addresses of a task's table, from index `first` on, as a tuple."""
    return _entries(Numbers(table.element, table.lanes), table, first, count)


@intrinsic
def load(typing: Any, x: Any, at: Any) -> Any:
    """The vector of the numbers from `at` on."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(_place(builder, values[0], values[1], x.number, x.vector), align=x.element.bitwidth // 8)

    return Vector(x.element, x.lanes)(x, types.int64), emit


@intrinsic(prefer_literal=True)
def loads(typing: Any, x: Any, at: Any, step: Any, count: Any) -> Any:
    """So many vectors, of the numbers from `at` on, from `at` + `step` on and so forth, as a tuple."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        found, place = [], values[1]
        for _ in range(count.literal_value):
            found.append(builder.load(_place(builder, values[0], place, x.number, x.vector), align=x.element.bitwidth // 8))
            place = builder.add(place, values[2])
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(Vector(x.element, x.lanes), count.literal_value)(x, types.int64, types.int64, count), emit


@intrinsic
def stores(typing: Any, y: Any, at: Any, step: Any, values: Any, slopes: Any, bend: Any, past: Any) -> Any:
    """Write a tuple of vectors to the numbers from `at` on, from `at` + `step` on and so forth.

    Numbers that are not above 0, and are numbers, are written as they are (`bend` STRAIGHT), as 0 (RELU), or multiplied by a
    tuple of vectors (SLOPES). With `past` they go past the caches, which wants addresses of whole vectors.
    """

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        address, place, distance, vectors, factors, kind, around = given
        zero = ir.Constant(y.vector, [0.0] * y.lanes)
        straight, relu = (builder.icmp_signed("==", kind, ir.Constant(INTEGER, n)) for n in (STRAIGHT, RELU))
        for i in range(len(values)):
            value, pointer = builder.extract_value(vectors, i), _place(builder, address, place, y.number, y.vector)
            low = builder.select(relu, zero, builder.fmul(builder.extract_value(factors, i), value))
            bent = builder.select(builder.fcmp_unordered(">", value, zero), value, low)
            value = builder.select(straight, value, bent)
            with builder.if_else(builder.icmp_signed("!=", around, ir.Constant(INTEGER, 0))) as (streams, stays):
                with streams:
                    stored = builder.store(value, pointer, align=y.lanes * y.element.bitwidth // 8)
                    stored.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(FLAG, 1)]))
                with stays:
                    builder.store(value, pointer, align=y.element.bitwidth // 8)
            place = builder.add(place, distance)
        return context.get_dummy_value()

    return types.void(y, types.int64, types.int64, values, slopes, types.int64, types.int64), emit


@intrinsic
def expect(typing: Any, x: Any, at: Any) -> Any:
    """Have the numbers around `at` brought to the second-level cache; any place will do."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        byte = SMALL.as_pointer()
        place = builder.bitcast(builder.gep(builder.inttoptr(values[0], x.number.as_pointer()), [values[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, FLAG, FLAG, FLAG])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [place, *(ir.Constant(FLAG, n) for n in (0, 2, 1))])  # to read, near, data
        return context.get_dummy_value()

    return types.void(x, types.int64), emit


@intrinsic
def add_up(typing: Any, totals: Any, at: Any, sums: Any) -> Any:
    """Add a tuple of vectors to the float64 numbers from `at` on behind the address `totals`, one vector after the other."""
    vector, double = sums.dtype, ir.DoubleType()
    wide = ir.VectorType(double, vector.lanes)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        for i in range(len(sums)):
            place = builder.add(values[1], ir.Constant(INTEGER, i * vector.lanes))
            pointer, added = _place(builder, values[0], place, double, wide), builder.extract_value(values[2], i)
            added = added if vector.number == double else builder.fpext(added, wide)
            builder.store(builder.fadd(builder.load(pointer, align=8), added), pointer, align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, sums), emit


# --- Registers --------------------------------------------------------------------------------------------


@intrinsic
def lanes(typing: Any, x: Any) -> Any:
    """How many numbers a vector has."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return ir.Constant(INTEGER, x.lanes)

    return types.int64(x), emit


@intrinsic
def zeros(typing: Any, x: Any) -> Any:
    """A vector of zeros, of the kind that `x` holds."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return ir.Constant(x.vector, [0.0] * x.lanes)

    return Vector(x.element, x.lanes)(x), emit


@intrinsic
def times_plus(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, fused where the host can."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        name = f"llvm.fmuladd.v{a.lanes}f{a.element.bitwidth}"
        kind = ir.FunctionType(a.vector, [a.vector] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)

    return a(a, a, a), emit


@intrinsic
def plus(typing: Any, a: Any, b: Any) -> Any:
    """a + b."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fadd(*values)

    return a(a, a), emit
