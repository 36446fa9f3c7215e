"""A buffer is an array that a module keeps beside its parameters: it is saved and loaded, but no optimizer sees it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Array
from tinyconv.errors import ShapeError


class Buffer:
    """A read-only array that `assign` replaces, such as a running mean.

    Attributes
    ----------
    data : ndarray, read-only
    """

    def __init__(self, data: Any) -> None:
        self.data: Array = np.array(data)
        self.data.flags.writeable = False

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    def assign(self, value: Any) -> None:
        """Replace the array by a copy of `value`, an array of the same shape, in this buffer's dtype."""
        array = np.array(value, dtype=self.dtype)
        if array.shape != self.shape:
            raise ShapeError(f"Buffer.assign: got shape {array.shape}, expected {self.shape}.")
        array.flags.writeable = False
        self.data = array

    def __reduce__(self) -> Any:
        return Buffer, (self.data,)  # NumPy's own copies and pickles could be written to

    def __repr__(self) -> str:
        return f"buffer({np.array2string(self.data, separator=', ')}, {self.dtype})"
