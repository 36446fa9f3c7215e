"""How NumPy's arrays look in a pickle: a type, a shape and bytes, from which we build the array ourselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arrays import array_of_bytes
from tinyconv.data.readers.pickles import Budget, Fillable, Maker, Name
from tinyconv.errors import DataError


class PickledDtype(Fillable):
    """A dtype such as "f4", whose byte order comes with its state."""

    def __init__(self, code: str | bytes, align: int = 0, copy: int = 0) -> None:
        self.code = code.decode("latin-1") if isinstance(code, bytes) else code
        self.order = ""
        if not isinstance(self.code, str):
            raise ValueError("a dtype that is no text")

    def fill(self, state: Any) -> None:
        """Take (version, byte order, then what only records have)."""
        order = state[1].decode("latin-1") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise ValueError("an array of records")
        self.order = "<" if order == "=" else order


class PickledArray(Fillable):
    """An array as its parts; `objects` is None, or the Python values of an array of dtype object."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.array: NDArray[Any] | None = None
        self.objects: list[Any] | None = None

    def fill(self, state: Any) -> None:
        """Take (version, shape, dtype, column order, bytes or objects)."""
        _, shape, dtype, fortran, content = state
        if dtype.code in ("O", "O4", "O8"):
            if not isinstance(content, list):
                raise ValueError("objects that are no list")
            self.objects = content
        else:
            self.array = self.built(dtype, shape, bool(fortran), content)

    def built(self, dtype: PickledDtype, shape: tuple[int, ...], fortran: bool, content: str | bytes) -> NDArray[Any]:
        """The array; Python 2 wrote its bytes as a text of Latin-1."""
        self._budget.spend(len(content))
        raw = content.encode("latin-1") if isinstance(content, str) else content
        return array_of_bytes(raw, dtype.order + dtype.code, shape, fortran, f"{self._budget.what}: a pickled array")

    def numbers(self, name: str) -> NDArray[Any]:
        """The array, which must hold numbers; `name` is for the error message."""
        if self.array is None:
            kind = "never got its values" if self.objects is None else "holds objects, which are not read"
            raise DataError(f"{self._budget.what}: the array {name} {kind}.")
        return self.array


def numpy_makers(budget: Budget) -> dict[str, Maker | None]:
    """What stands for the names that a pickle of arrays uses, in NumPy 1 and 2, written by Python 2 and 3."""

    def reconstruct(kind: Name, shape: Any, code: Any) -> PickledArray:
        if kind != Name("numpy.ndarray"):
            raise ValueError("an array of another class")
        return PickledArray(budget)

    def scalar(dtype: PickledDtype, content: str | bytes) -> NDArray[Any]:
        return PickledArray(budget).built(dtype, (), False, content)

    makers: dict[str, Maker | None] = {"numpy.ndarray": None, "numpy.dtype": PickledDtype, "_codecs.encode": _encode}
    for core in ("numpy.core", "numpy._core"):
        makers |= {f"{core}.multiarray._reconstruct": reconstruct, f"{core}.multiarray.scalar": scalar}
    return makers


def _encode(text: str, encoding: str) -> bytes:
    """The way Python 3 writes bytes for Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("bytes in another encoding than latin1")
    return text.encode("latin-1")


def as_array(name: str, value: Any) -> NDArray[Any] | None:
    """A leaf's array, or None if it is a number, a text or the like."""
    if isinstance(value, PickledArray):
        return value.numbers(name)
    return value if isinstance(value, np.ndarray) else None
