"""Pickles read as data: a pickle is a program for a small stack machine, and this machine knows no instruction that runs code.

A name such as `collections.OrderedDict` is looked up in a table of our own functions, never imported; a name outside
the table ends the reading. Source: the comments in CPython's pickletools, which also splits the bytes into instructions.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError

MOST_INSTRUCTIONS = 1_000_000
LONGEST_PICKLE = 1 << 30  # bytes

Maker = Callable[..., Any]


@dataclass(frozen=True)
class Name:
    """A global that a pickle names: "module.attribute"; it is only ever compared with the table."""

    dotted: str


class Fillable:
    """What a table's function may return for a pickle's BUILD instruction to complete."""

    def fill(self, state: Any) -> None:
        """Take the state that the pickle gives."""
        raise NotImplementedError


class Budget:
    """The bytes a file may become in memory: a pickle of a kilobyte can name one array a million times."""

    def __init__(self, what: str, size: int) -> None:
        self.what, self.left = what, 4 * size + (1 << 28)

    def spend(self, size: int) -> None:
        """Take `size` bytes, or refuse the file."""
        self.left -= size
        if self.left < 0:
            raise DataError(f"{self.what} would unpack to more than four times its size and 256 MiB.")


class _Mark:
    """Where a group of values begins on the stack."""


class _Source:
    """The file as pickletools may see it: no length it promises is allocated before the bytes are known to be there."""

    def __init__(self, file: BinaryIO, what: str, left: int) -> None:
        self._file, self._what, self._left = file, what, min(left, LONGEST_PICKLE)

    def read(self, size: int) -> bytes:
        if size > self._left:
            raise DataError(f"{self._what} holds a pickle that is damaged or cut short: it promises {size:,} bytes where at most "
                            f"{self._left:,} are left.")
        self._left -= size
        return self._file.read(size)

    def readline(self) -> bytes:
        line = self._file.readline(self._left)
        self._left -= len(line)
        return line

    def tell(self) -> int:
        return self._file.tell()


def load_pickle(file: BinaryIO, what: str, left: int, makers: Mapping[str, Maker | None],
                persistent: Callable[[Any], Any] | None = None) -> Any:
    """One pickle from `file`, which is left right behind it.

    Parameters
    ----------
    file : a binary file
    what : str
        The file's name in error messages.
    left : int
        How many bytes are left in it.
    makers : {"module.attribute": function or None}
        What stands for the names the pickle may use; None may be named, not called.
    persistent : function, optional
        From a persistent id to a value.

    Returns
    -------
    None, bool, int, float, str, bytes, tuple, list, dict, `Name`, or what the makers and `persistent` return

    Raises
    ------
    DataError
        Damaged or cut short, too long, or with an instruction or a name that plain data does not need.
    """
    machine = _Machine(what, makers, persistent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pickletools on bad escapes
        try:
            for instruction, argument, _ in pickletools.genops(_Source(file, what, left)):  # type: ignore[arg-type]
                machine.run(instruction.name, argument)
        except DataError:
            raise
        except (ValueError, IndexError, KeyError, TypeError, OverflowError, EOFError, OSError, AttributeError) as error:
            raise DataError(f"{what} holds a pickle that is damaged or cut short ({one_line(error)}).") from error
    return machine.result


class _Machine:
    def __init__(self, what: str, makers: Mapping[str, Maker | None], persistent: Callable[[Any], Any] | None) -> None:
        self.what, self.makers, self.persistent = what, makers, persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.count = 0
        self.result: Any = None

    def run(self, name: str, argument: Any) -> None:
        """Carry out one instruction by pickletools' name."""
        self.count += 1
        if self.count > MOST_INSTRUCTIONS:
            raise self.fault(f"a pickle of more than {MOST_INSTRUCTIONS:,} instructions")
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in LITERALS:
            self.stack.append(argument)
        elif name in INSTRUCTIONS:
            INSTRUCTIONS[name](self, argument)
        elif name not in ("PROTO", "FRAME"):
            raise self.fault(f"the pickle instruction {name}, which plain data does not need; it is not executed")

    def fault(self, text: str) -> DataError:
        return DataError(f"{self.what} holds {text}.")

    def pop(self, kind: type = object) -> Any:
        value = self.stack.pop()
        if isinstance(value, _Mark) or not isinstance(value, kind):
            raise ValueError(f"a {type(value).__name__} where a {kind.__name__} belongs")
        return value

    def top(self, kind: type) -> Any:
        value = self.stack[-1]
        if not isinstance(value, kind):
            raise ValueError(f"a {type(value).__name__} where a {kind.__name__} belongs")
        return value

    def group(self) -> list[Any]:
        """The values above the last mark, which is taken away with them."""
        values = []
        while not isinstance(self.stack[-1], _Mark):
            values.append(self.stack.pop())
        self.stack.pop()
        return values[::-1]

    def set_items(self, pairs: list[Any]) -> None:
        table = self.top(dict)
        if len(pairs) % 2:
            raise ValueError("a key without a value")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            table[_checked_key(key)] = value

    def dict_of(self, pairs: list[Any]) -> None:
        self.stack.append({})
        self.set_items(pairs)

    def name(self, module: str, attribute: str) -> None:
        dotted = f"{module}.{attribute}"
        if dotted not in self.makers:
            raise self.fault(f"a pickle that names {one_line(dotted)}, which plain arrays do not need; it is not executed: "
                             "save a dictionary of arrays, such as a state_dict, instead")
        self.stack.append(Name(dotted))

    def call(self) -> None:
        arguments, name = self.pop(tuple), self.pop(Name)
        maker = self.makers[name.dotted]
        if maker is None:
            raise self.fault(f"a pickle that calls {one_line(name.dotted)}; it is not executed")
        try:
            self.stack.append(maker(*arguments))
        except (TypeError, AttributeError, OverflowError, LookupError) as error:
            raise ValueError(f"{name.dotted} is called with what it does not take") from error

    def fill(self) -> None:
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, Fillable):
            try:
                target.fill(state)
            except (TypeError, AttributeError, OverflowError, LookupError) as error:
                raise ValueError("an array or a dtype is given a state that it does not take") from error
        elif not isinstance(target, dict):  # a state_dict's attribute `_metadata` is not needed
            raise ValueError(f"a state for a {type(target).__name__}")

    def persist(self, key: Any) -> None:
        if self.persistent is None:
            raise self.fault("a pickle that refers to something outside it")
        self.stack.append(self.persistent(key))

    def remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def stop(self) -> None:
        self.result = self.pop()
        if self.stack:
            raise ValueError("values are left over")


CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
LITERALS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
            "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
            "BINBYTES8"}
INSTRUCTIONS: dict[str, Callable[[_Machine, Any], Any]] = {
    "STOP": lambda m, _: m.stop(),
    "MARK": lambda m, _: m.stack.append(_Mark()),
    "POP": lambda m, _: m.stack.pop(),
    "POP_MARK": lambda m, _: m.group(),
    "DUP": lambda m, _: m.stack.append(m.top(object)),
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.group())),
    "TUPLE1": lambda m, _: m.stack.append((m.pop(),)),
    "TUPLE2": lambda m, _: m.stack.append((m.pop(), m.pop())[::-1]),
    "TUPLE3": lambda m, _: m.stack.append((m.pop(), m.pop(), m.pop())[::-1]),
    "EMPTY_LIST": lambda m, _: m.stack.append([]),
    "LIST": lambda m, _: m.stack.append(m.group()),
    "APPEND": lambda m, _: (lambda value: m.top(list).append(value))(m.pop()),
    "APPENDS": lambda m, _: (lambda values: m.top(list).extend(values))(m.group()),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "DICT": lambda m, _: m.dict_of(m.group()),
    "SETITEM": lambda m, _: (lambda value, key: m.set_items([key, value]))(m.pop(), m.pop()),
    "SETITEMS": lambda m, _: m.set_items(m.group()),
    "GLOBAL": lambda m, names: m.name(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: (lambda attribute, module: m.name(module, attribute))(m.pop(str), m.pop(str)),
    "REDUCE": lambda m, _: m.call(),
    "BUILD": lambda m, _: m.fill(),
    "PERSID": lambda m, key: m.persist(key),
    "BINPERSID": lambda m, _: m.persist(m.pop()),
    "PUT": lambda m, index: m.remember(index),
    "BINPUT": lambda m, index: m.remember(index),
    "LONG_BINPUT": lambda m, index: m.remember(index),
    "MEMOIZE": lambda m, _: m.remember(len(m.memo)),
    "GET": lambda m, index: m.stack.append(m.memo[index]),
    "BINGET": lambda m, index: m.stack.append(m.memo[index]),
    "LONG_BINGET": lambda m, index: m.stack.append(m.memo[index]),
}


def plain_dict(pairs: Any = ()) -> dict[Any, Any]:
    """What stands for `collections.OrderedDict`; Python 2 hands it a list of pairs."""
    return {_checked_key(key): value for key, value in pairs}


def _checked_key(key: Any) -> Any:
    if not isinstance(key, (str, int, float, bytes)):  # a tuple may be nested deeper than Python can hash
        raise ValueError(f"a {type(key).__name__} as a key")
    return key
