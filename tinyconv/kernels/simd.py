"""Explicit vector code for Numba: one micro-kernel that multiplies, one that transforms; all fast convolution is made of these.

Numba compiles Python loops well, but left alone it computes a convolution at a fifth of what the processor can do. What it
does not find by itself is which numbers should stay in registers. So the two innermost pieces are written here as LLVM
instructions, Numba's own language underneath, on vectors as wide as the host's: 16 floats with AVX-512, 8 with AVX2, 4 on any
other x86-64. An `@intrinsic` looks like a function in compiled code and hands its arguments to a Python function that emits
instructions with a `builder`; loops over `range` in that Python function are unrolled code.

**The tile.** `ROWS` rows of the result times one or two vectors of columns stay in registers, while the products of all taps
are added:

    for tap in taps:
        for k in range(run):
            for row in range(ROWS):                               # unrolled
                result[row] += a[row][tap + k * step] * b[tap][k]      # one number, times one or two vectors

Of `a` each row is an address of its own, and so is each row of the result: rows may be pixels wherever they lie. A tap is a
distance in bytes that holds for all rows. That is enough for every contraction of this house:

    forward         rows are output pixels, a tap is a row of the kernel, k runs along kernel width times channels
    input adjoint   the same, over the pixels of the image
    weight adjoint  rows are weights, a tap is a row of pixels, k runs along its pixels
    Winograd, Gram, matrix product: one tap, k runs along the inner axis

With AVX-512 a tile is 14 rows of two vectors: 28 registers of sums, two of b, one for the number that is broadcast: 31 of 32.
With 16 registers it is 6 rows. Every product waits for none before it, which is what keeps the multipliers busy.

**The sandwich.** Winograd's transforms are M d M' with small constant matrices M, for a square d of vectors. The matrix is
known when code is made, so zeros vanish, ones are additions, and rows or columns that differ in signs share their sums.

Nothing here checks bounds: whoever calls says where everything lies, and `kernels.dispatch` has checked the shapes before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinyconv.kernels.tasks import piece

INT, INDEX = ir.IntType(64), ir.IntType(32)

ZERO, VECTOR, ADD = 0, 1, 2  # a tile's sums begin at zero, or at one vector for all rows (a bias), or are added to the rows
RELU, PRELU = 4, 8  # added to one of these: negative sums are stored as zero, or times a slope for each column
CALL = 13  # integers that the tile is called with, and no piece with more


def vector_bytes() -> int:
    """Width of the widest registers of the processor that Numba compiles for; 0 if it is no x86-64.

    LLVM is asked to compile one multiplication of 16 floats, and the registers that it takes are looked at. NUMBA_CPU_NAME alone
    stands for a processor with all and only the features of that name.
    """
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    triple = binding.get_process_triple()
    if not triple.startswith("x86_64"):
        return 0
    name, features = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    if features is None:
        features = "" if name else binding.get_host_cpu_features().flatten()
    vector = ir.VectorType(ir.FloatType(), 16)
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(vector, [vector, vector]), "product")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(builder.fmul(*function.args))
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=name or binding.get_host_cpu_name(), features=features)
    code = machine.emit_assembly(binding.parse_assembly(str(module)))
    return 64 if "zmm" in code else 32 if "ymm" in code else 16


BYTES = vector_bytes()
ROWS = 14 if BYTES == 64 else 6
VECTORS = 2  # at most so many vectors of columns in a tile


def lanes(dtype: Any) -> int:
    """Numbers of `dtype` in a vector."""
    return BYTES // np.dtype(dtype).itemsize


class _Vectors:
    """Emits instructions on vectors of "float32" or "float64"."""

    def __init__(self, builder: Any, element: str) -> None:
        self.builder, self.size = builder, np.dtype(element).itemsize
        self.element = ir.FloatType() if self.size == 4 else ir.DoubleType()
        self.type = ir.VectorType(self.element, BYTES // self.size)
        name = f"llvm.fmuladd.v{BYTES // self.size}f{8 * self.size}"  # fused where the host can
        self.multiply_add = cgutils.get_or_insert_function(builder.module, ir.FunctionType(self.type, [self.type] * 3), name)

    def at(self, where: Any, *distances: Any) -> Any:
        """The address `where` plus distances in bytes."""
        for distance in distances:
            where = self.builder.add(where, ir.Constant(INT, distance) if isinstance(distance, int) else distance)
        return where

    def integers(self, table: Any, count: int) -> list[Any]:
        """The first integers of the table at an address."""
        return [self.builder.load(self.builder.inttoptr(self.at(table, 8 * i), INT.as_pointer())) for i in range(count)]

    def load(self, where: Any) -> Any:
        return self.builder.load(self.builder.inttoptr(where, self.type.as_pointer()), align=self.size)

    def store(self, value: Any, where: Any) -> None:
        self.builder.store(value, self.builder.inttoptr(where, self.type.as_pointer()), align=self.size)

    def number(self, where: Any) -> Any:
        """The one number at an address, in every lane."""
        number = self.builder.load(self.builder.inttoptr(where, self.element.as_pointer()), align=self.size)
        nothing, first = ir.Constant(self.type, ir.Undefined), ir.Constant(ir.VectorType(INDEX, self.type.count), None)
        return self.builder.shuffle_vector(self.builder.insert_element(nothing, number, ir.Constant(INDEX, 0)), nothing, first)

    def constant(self, value: float) -> Any:
        return ir.Constant(self.type, [value] * self.type.count)

    def times_plus(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c."""
        return self.builder.call(self.multiply_add, [a, b, c])

    def wants(self, mode: Any, flag: int) -> Any:
        """Whether a flag is set in an integer."""
        return self.builder.icmp_signed("!=", self.builder.and_(mode, ir.Constant(INT, flag)), ir.Constant(INT, 0))

    def bent(self, value: Any, below: Any) -> Any:
        """The value where it is above 0 or no number, else `below`."""
        return self.builder.select(self.builder.fcmp_unordered(">", value, self.constant(0)), value, below)


# --- The tile ---------------------------------------------------------------------------------------------


def _tile(element: str, vectors: int) -> Callable[[int], None]:
    """The tile of this element type with so many vectors of columns."""

    @intrinsic
    def tile(typing: Any, call: Any) -> Any:
        """Row i becomes start + sum over t < count, k < run of a[rows[i] + taps[t] + k * step] * b[t * tap_step + k * run_step].

        `call` is the address of 13 integers, in the order below: rows, results and taps are addresses of tables of ROWS
        addresses and of `count` distances, `shift` is added to all results, b, start and slope are addresses of vectors, steps
        are in bytes, and mode is ZERO, VECTOR or ADD (+ RELU or PRELU).
        """

        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            v = _Vectors(builder, element)
            sums = [[cgutils.alloca_once(builder, v.type) for _ in range(vectors)] for _ in range(ROWS)]
            rows, results, shift, taps, count, run, step, b, tap_step, run_step, start, mode, slope = v.integers(arguments[0], 13)

            def entry(table: Any, index: Any) -> Any:
                return builder.load(builder.inttoptr(v.at(table, index), INT.as_pointer()))

            begin = builder.and_(mode, ir.Constant(INT, 3))
            vector, adds = (builder.icmp_signed("==", begin, ir.Constant(INT, kind)) for kind in (VECTOR, ADD))
            for j in range(vectors):
                first = cgutils.alloca_once_value(builder, v.constant(0))
                with builder.if_then(vector):
                    builder.store(v.load(v.at(start, j * BYTES)), first)
                for row in sums:
                    builder.store(builder.load(first), row[j])
            with cgutils.for_range(builder, count) as tap:
                distance = entry(taps, builder.shl(tap.index, ir.Constant(INT, 3)))
                a = [v.at(entry(rows, 8 * i), distance) for i in range(ROWS)]
                reached = cgutils.alloca_once_value(builder, ir.Constant(INT, 0))
                there = cgutils.alloca_once_value(builder, v.at(b, builder.mul(tap.index, tap_step)))
                with cgutils.for_range(builder, run):
                    along, line = builder.load(reached), builder.load(there)
                    columns = [v.load(v.at(line, j * BYTES)) for j in range(vectors)]
                    for i, row in enumerate(sums):
                        number = v.number(v.at(a[i], along))
                        for column, total in zip(columns, row, strict=True):
                            builder.store(v.times_plus(number, column, builder.load(total)), total)
                    builder.store(v.at(along, step), reached)
                    builder.store(v.at(line, run_step), there)
            with builder.if_then(v.wants(mode, RELU)):
                for total in itertools.chain(*sums):
                    builder.store(v.bent(builder.load(total), v.constant(0)), total)
            with builder.if_then(v.wants(mode, PRELU)):
                for j in range(vectors):
                    slopes = v.load(v.at(slope, j * BYTES))
                    for row in sums:
                        value = builder.load(row[j])
                        builder.store(v.bent(value, builder.fmul(value, slopes)), row[j])
            targets = [v.at(entry(results, 8 * i), shift) for i in range(ROWS)]
            with builder.if_then(adds):  # last, so that a long sum is a sum of shorter ones, which rounds less
                for target, row in zip(targets, sums, strict=True):
                    for j, total in enumerate(row):
                        builder.store(builder.fadd(builder.load(total), v.load(v.at(target, j * BYTES))), total)
            for target, row in zip(targets, sums, strict=True):
                for j, total in enumerate(row):
                    v.store(builder.load(total), v.at(target, j * BYTES))
            return context.get_dummy_value()

        return types.void(types.int64), emit

    return tile


_float32_narrow, _float32_wide = _tile("float32", 1), _tile("float32", 2)
_float64_narrow, _float64_wide = _tile("float64", 1), _tile("float64", 2)


@piece
def _narrow32(call: int) -> None:
    _float32_narrow(call)


@piece
def _wide32(call: int) -> None:
    _float32_wide(call)


@piece
def _narrow64(call: int) -> None:
    _float64_narrow(call)


@piece
def _wide64(call: int) -> None:
    _float64_wide(call)


def tiles(dtype: Any) -> tuple[int, int]:
    """The addresses of the tiles with one and with two vectors of columns."""
    narrow, wide = {4: (_narrow32, _wide32), 8: (_narrow64, _wide64)}[np.dtype(dtype).itemsize]
    return narrow.address, wide.address


# --- The sandwich -----------------------------------------------------------------------------------------


def sandwich(matrix: Any, finish: bool = False, flat: bool = False) -> Callable[[int], None]:
    """An intrinsic that computes M d M' for squares of float32 vectors; with `finish` it adds a bias, and may bend at 0.

    A `flat` one computes M d for one row of vectors.
    """
    matrix = np.asarray(matrix, np.float64)

    @intrinsic
    def transform(typing: Any, call: Any) -> Any:
        """Vectors at source + i * row + j * column, transformed, go to target + i * target_row + j * target_column.

        `call` is the address of ten integers, in the order below: the square lies so many times side by side as there are
        `blocks`; addresses and steps are in bytes; bias and slope are addresses of a vector for each block; mode is ZERO, RELU or
        PRELU.
        """

        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            v = _Vectors(builder, "float32")
            source, row, column, target, target_row, target_column, blocks, bias, mode, slope = v.integers(arguments[0], 10)
            down, across = matrix.shape

            def steps(stride: Any, count: int) -> list[Any]:
                return [builder.mul(stride, ir.Constant(INT, i)) for i in range(count)]

            rows, columns = steps(row, 1 if flat else across), steps(column, across)
            target_rows, target_columns = steps(target_row, 1 if flat else down), steps(target_column, down)
            cut, bend = v.wants(mode, RELU), v.wants(mode, PRELU)
            with cgutils.for_range(builder, blocks) as block:
                shift = builder.mul(block.index, ir.Constant(INT, BYTES))
                d = [[v.load(v.at(source, shift, r, c)) for c in columns] for r in rows]
                half = [line if flat else _product(v, matrix, list(line)) for line in zip(*d, strict=True)]  # M d, by columns
                added, slopes = (v.load(v.at(place, shift)) for place in (bias, slope)) if finish else (None, None)
                for r, line in zip(target_rows, zip(*half, strict=True), strict=True):
                    for c, value in zip(target_columns, _product(v, matrix, list(line)), strict=True):
                        if finish:
                            value = builder.fadd(value, added)
                            value = builder.select(cut, v.bent(value, v.constant(0)), value)
                            value = builder.select(bend, v.bent(value, builder.fmul(value, slopes)), value)
                        v.store(value, v.at(target, shift, r, c))
            return context.get_dummy_value()

        return types.void(types.int64), emit

    return transform


def _product(v: _Vectors, matrix: Any, values: list[Any]) -> list[Any]:
    """The constant matrix times a column of vectors."""
    matrix, values = _shared_columns(v, matrix, values)
    results: list[Any] = []
    while len(results) < len(matrix):
        row, *later = matrix[len(results) :]
        if later and (np.abs(row) == np.abs(later[0])).all() and (row != later[0]).any():  # two rows that differ in signs only
            even, odd = (_sum(v, np.where(chosen, row, 0), values) for chosen in (row == later[0], row != later[0]))
            results += [v.builder.fadd(even, odd), v.builder.fsub(even, odd)]
        else:
            results.append(_sum(v, row, values))
    return results


def _shared_columns(v: _Vectors, matrix: Any, values: list[Any]) -> tuple[Any, list[Any]]:
    """Where two columns side by side differ in signs only, their values' sum and difference take their places."""
    matrix, values = matrix.copy(), list(values)
    for j in range(1, matrix.shape[1]):
        left, right = matrix[:, j - 1].copy(), matrix[:, j].copy()
        same, opposite = left == right, left == -right
        if (same | opposite).all() and (same & ~opposite).sum() > 1 and (opposite & ~same).sum() > 1:
            matrix[:, j - 1], matrix[:, j] = np.where(same, left, 0), np.where(opposite, left, 0)
            values[j - 1 : j + 1] = v.builder.fadd(*values[j - 1 : j + 1]), v.builder.fsub(*values[j - 1 : j + 1])
    return matrix, values


def _sum(v: _Vectors, weights: Any, values: list[Any]) -> Any:
    """The sum of weights times vectors; a weight of 1 or -1 costs no multiplication, 0 nothing."""
    total = None
    for weight, value in sorted(zip(weights, values, strict=True), key=lambda pair: -pair[0]):
        if weight == 0:
            continue
        if total is None:
            total = value if weight == 1 else v.builder.fmul(v.constant(weight), value)
        elif abs(weight) == 1:
            total = (v.builder.fadd if weight == 1 else v.builder.fsub)(total, value)
        else:
            total = v.times_plus(v.constant(weight), value, total)
    return total
