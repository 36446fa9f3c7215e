"""States, {name: array}: how one that is given differs from the one it should replace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.quoting import one_line


def mismatches(own: Mapping[str, NDArray[Any]], given: Mapping[str, Any], *, any_dtype: bool = False) -> list[str]:
    """Every entry that is missing, unexpected, of another shape or dtype, or not finite, one text each, by name.

    With `any_dtype` real numbers of every dtype will do, if they are finite in the own one too.
    """
    found = [f"{one_line(name)} is missing" for name in own if name not in given]
    found += [f"{one_line(name)} is not expected" for name in given if name not in own]
    for name in own.keys() & given.keys():
        array, expected = np.asarray(given[name]), own[name]
        if array.shape != expected.shape:
            found.append(f"{one_line(name)} has shape {array.shape}, expected {expected.shape}")
        elif array.dtype != expected.dtype and not any_dtype:
            found.append(f"{one_line(name)} is {array.dtype}, expected {expected.dtype}")
        elif not _is_finite(array, expected.dtype):
            found.append(f"{one_line(name)} has values that are not finite")
    return sorted(found)


def _is_finite(array: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Whether these are real numbers that are finite in `dtype` too."""
    if array.dtype.kind not in "fiu":
        return False
    with np.errstate(over="ignore"):
        return bool(np.isfinite(array.astype(dtype, copy=False)).all())
