"""Memory by its addresses, for compiled code: read and write integers, copy and clear bytes. Nothing checks bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

INTEGER = ir.IntType(64)


def _of_integers(count: int, result: Any = types.void) -> Callable[[Callable[..., Any]], Any]:
    """Make an intrinsic of so many integers of a function emit(builder, *values)."""

    def make(emit: Callable[..., Any]) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            value = emit(builder, *values)
            return context.get_dummy_value() if value is None else value

        signature = result(*[types.int64] * count)
        template = {
            2: lambda typing, a, b: (signature, generate),
            3: lambda typing, a, b, c: (signature, generate),
        }[count]
        return intrinsic(template)

    return make


@intrinsic
def address(typing: Any, array: Any) -> Any:
    """Where the first element of an array lies, in bytes."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ptrtoint(context.make_array(signature.args[0])(context, builder, values[0]).data, INTEGER)

    return types.int64(array), emit


def _entry(builder: Any, table: Any, index: Any, kind: Any = INTEGER) -> Any:
    place = builder.add(table, builder.mul(index, ir.Constant(INTEGER, kind.width // 8)))
    return builder.inttoptr(place, kind.as_pointer())


@_of_integers(2, types.int64)
def peek(builder: Any, table: Any, index: Any) -> Any:
    """The integer with this index in a table of integers at an address."""
    return builder.load(_entry(builder, table, index))


@intrinsic(prefer_literal=True)
def entries(typing: Any, table: Any, count: Any) -> Any:
    """The first `count` integers of a table at an address, as a tuple; `count` is written as a number."""
    length = count.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers = [builder.load(_entry(builder, values[0], ir.Constant(INTEGER, i))) for i in range(length)]
        return context.make_tuple(builder, signature.return_type, numbers)

    return types.UniTuple(types.int64, length)(types.int64, count), emit


@intrinsic
def fill(typing: Any, table: Any, numbers: Any) -> Any:
    """Put a tuple of integers into the table at an address; Numba takes far longer to compile an array of a list."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        for i in range(len(signature.args[1])):
            number = context.cast(builder, builder.extract_value(values[1], i), signature.args[1][i], types.int64)
            builder.store(number, _entry(builder, values[0], ir.Constant(INTEGER, i)))
        return context.get_dummy_value()

    return types.void(types.int64, numbers), emit


@_of_integers(3)
def copy(builder: Any, target: Any, source: Any, count: Any) -> None:
    """Copy so many bytes from address to address."""
    byte = ir.IntType(8).as_pointer()
    cgutils.raw_memcpy(builder, builder.inttoptr(target, byte), builder.inttoptr(source, byte), count, 1)


@_of_integers(2)
def clear(builder: Any, target: Any, count: Any) -> None:
    """Set so many bytes to zero."""
    cgutils.memset(builder, builder.inttoptr(target, ir.IntType(8).as_pointer()), count, 0)


@_of_integers(3)
def move(builder: Any, target: Any, source: Any, size: Any) -> None:
    """Copy one number of 4 or of 8 bytes."""
    with builder.if_else(builder.icmp_signed("==", size, ir.Constant(INTEGER, 4))) as (four, eight):
        for branch, bits in ((four, 32), (eight, 64)):
            with branch:
                kind = ir.IntType(bits).as_pointer()
                builder.store(builder.load(builder.inttoptr(source, kind), align=bits // 8), builder.inttoptr(target, kind),
                              align=bits // 8)
