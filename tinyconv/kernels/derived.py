"""What is computed once from an array that does not change: packed or transformed weights, kept for as long as the array lives.

Tensors hold read-only arrays, and a parameter gets a new array with each new value; so the array itself is the key.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any

from numpy.typing import NDArray

_kept: dict[int, tuple[weakref.ref[Any], dict[Hashable, Any]]] = {}

Remember = Callable[[Hashable, Callable[[], Any]], Any]


def of(array: NDArray[Any]) -> Remember:
    """A function (key, make) that calls make() the first time only, until `array` is gone."""

    def remember(key: Hashable, make: Callable[[], Any]) -> Any:
        number = id(array)
        if number not in _kept:
            _kept[number] = weakref.ref(array, lambda _: _kept.pop(number, None)), {}
        values = _kept[number][1]
        if key not in values:
            values[key] = make()
        return values[key]

    return remember


def forget(key: Hashable, make: Callable[[], Any]) -> Any:
    """What `of(array)` returns, without a memory: make() each time."""
    return make()
