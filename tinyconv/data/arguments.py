"""Arguments from outside, checked before any work: counts, numbers, ranges and generators, each fault named in one line."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.errors import DataError


def check_generator(rng: Any, what: str) -> np.random.Generator:
    """`rng` if it is a generator; a seed or a global module is a `DataError` that names the fix."""
    if not isinstance(rng, np.random.Generator):
        raise DataError(f"{what}: rng is {_shown(rng)}, expected a generator: numpy.random.default_rng(seed).")
    return rng


def as_array(values: Any, what: str) -> NDArray[Any]:
    """`values` as an array; rows of different lengths are a `DataError`."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        raise DataError(f"{what}: got a {type(values).__name__} that is no array: its rows differ in length or kind.") from None


def check_count(value: Any, name: str, what: str, least: int = 1) -> int:
    """`value` as an int if it is a whole number of at least `least`."""
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, (bool, np.bool_)) or count < least:
        raise DataError(f"{what}: {name} is {_shown(value)}, expected a whole number of at least {least}.")
    return count


def check_number(value: Any, name: str, what: str, least: float = -math.inf, most: float = math.inf) -> float:
    """`value` as a float if it is a finite number between `least` and `most`, both included."""
    number = _number(value)
    if number is None or not least <= number <= most:
        raise DataError(f"{what}: {name} is {_shown(value)}, expected {_interval(least, most)}.")
    return number


def check_range(value: Any, name: str, what: str, least: float = -math.inf, most: float = math.inf) -> tuple[float, float]:
    """`value` as (low, high) if it is two finite numbers in order, both between `least` and `most`."""
    numbers = [_number(v) for v in value] if is_row(value) else []
    if len(numbers) == 2:
        low, high = numbers
        if low is not None and high is not None and least <= low <= high <= most:
            return low, high
    raise DataError(f"{what}: {name} is {_shown(value)}, expected (low, high) with low <= high, each {_interval(least, most)}.")


def is_row(value: Any) -> bool:
    """Whether `value` is several numbers in a row, and not one."""
    return isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)


def _number(value: Any) -> float | None:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _interval(least: float, most: float) -> str:
    if most == math.inf:
        return "a finite number" if least == -math.inf else f"a finite number of at least {least:g}"
    return f"a number in [{least:g}, {most:g}]"


def _shown(value: Any) -> str:
    """`value` in at most 40 characters of one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."
