"""Arguments from outside, checked before any work: counts, numbers, choices, generators and arrays, each fault named in one line.

`check_x(value, name, what)` gives `value` back as what it stands for; `what` is the function it was passed to.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError


def check_generator(rng: Any, what: str) -> np.random.Generator:
    """`rng` if it is a generator; a seed or a global module is a `DataError` that names the fix."""
    if not isinstance(rng, np.random.Generator):
        raise DataError(f"{what}: rng is {_shown(rng)}, expected a numpy.random.Generator, such as "
                        "numpy.random.default_rng(seed).")
    return rng


def check_count(value: Any, name: str, what: str, least: int = 1) -> int:
    """`value` as an int if it is a whole number of at least `least`."""
    try:
        count = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        count = None
    if count is None or count < least:
        raise DataError(f"{what}: {name} is {_shown(value)}, expected a whole number of at least {least}.")
    return count


def check_number(value: Any, name: str, what: str, least: float = -math.inf, most: float = math.inf) -> float:
    """`value` as a float if it is a finite number between `least` and `most`, both included."""
    number = _number(value)
    if number is None or not least <= number <= most:
        raise DataError(f"{what}: {name} is {_shown(value)}, expected {_interval(least, most)}.")
    return number


def check_positive(value: Any, name: str, what: str) -> float:
    """`value` as a float if it is a finite number above 0."""
    number = _number(value)
    if number is None or number <= 0:
        raise DataError(f"{what}: {name} is {_shown(value)}, expected a finite number above 0.")
    return number


def check_range(value: Any, name: str, what: str, least: float = -math.inf, most: float = math.inf) -> tuple[float, float]:
    """`value` as (low, high) if it is two finite numbers in order, both between `least` and `most`."""
    numbers = [_number(v) for v in value] if is_row(value) else []
    if len(numbers) == 2:
        low, high = numbers
        if low is not None and high is not None and least <= low <= high <= most:
            return low, high
    raise DataError(f"{what}: {name} is {_shown(value)}, expected (low, high) with low <= high, each {_interval(least, most)}.")


def check_choice(value: Any, name: str, what: str, choices: Iterable[str]) -> str:
    """`value` if it is one of the strings `choices`."""
    choices = tuple(choices)
    if not isinstance(value, str) or value not in choices:
        raise DataError(f"{what}: {name} is {_shown(value)}, expected one of {', '.join(choices)}.")
    return value


def check_size(size: Any, what: str) -> tuple[int, int]:
    """`size` as (height, width), two whole numbers of at least 1."""
    try:
        height, width = size
    except (TypeError, ValueError):
        raise DataError(f"{what}: size is {_shown(size)}, expected (height, width).") from None
    return check_count(height, "height", what), check_count(width, "width", what)


def check_images(images: Any, what: str) -> NDArray[Any]:
    """`images` as an array if it is one float picture (H, W, C) with pixels, or a batch (N, H, W, C) of them, N >= 0."""
    array = as_array(images, what)
    if array.ndim not in (3, 4) or array.dtype.kind != "f" or 0 in array.shape[-3:]:
        raise DataError(f"{what}: got {array.dtype} {array.shape}, expected float (H, W, C) or (N, H, W, C).")
    return array


def as_array(values: Any, what: str) -> NDArray[Any]:
    """`values` as an array; rows of different lengths are a `DataError`."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        raise DataError(f"{what}: got a {type(values).__name__} that is no array: its rows differ in length or kind.") from None


def is_row(value: Any) -> bool:
    """Whether `value` is several numbers in a row, and not one."""
    return isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)


def _number(value: Any) -> float | None:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        number = float(value)
    except OverflowError:  # an int of more than 308 digits
        return None
    return number if math.isfinite(number) else None


def _interval(least: float, most: float) -> str:
    if most == math.inf:
        return "a finite number" if least == -math.inf else f"a finite number of at least {least:g}"
    return f"a number in [{least:g}, {most:g}]"


def _shown(value: Any) -> str:
    """`value` on one short line; an array's rows, which stand on lines of their own, are joined."""
    return one_line(" ".join(repr(value).split()), 40)
