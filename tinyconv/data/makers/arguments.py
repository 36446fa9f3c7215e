"""What every maker asks of its arguments: numbers that are large enough, and an explicit generator."""

from __future__ import annotations

import math
from typing import TypeGuard

import numpy as np

from tinyconv.errors import DataError


def whole(maker: str, name: str, value: object, least: int = 1) -> int:
    """`value` as an int; DataError unless it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise DataError(f"{maker}: got {name}={value!r}, expected an integer of at least {least}; change {name}.")
    return int(value)


def real(maker: str, name: str, value: object, least: float = 0.0) -> float:
    """`value` as a float; DataError unless it is a finite number of at least `least`."""
    if not _finite(value) or value < least:
        raise DataError(f"{maker}: got {name}={value!r}, expected a finite number of at least {least:g}; change {name}.")
    return float(value)


def positive(maker: str, name: str, value: object) -> float:
    """`value` as a float; DataError unless it is a finite number above 0."""
    if not _finite(value) or value <= 0:
        raise DataError(f"{maker}: got {name}={value!r}, expected a finite number above 0; change {name}.")
    return float(value)


def _finite(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and math.isfinite(value)


def generator(maker: str, rng: object) -> np.random.Generator:
    """`rng` itself; DataError unless it is a numpy.random.Generator."""
    if not isinstance(rng, np.random.Generator):
        raise DataError(f"{maker}: got rng={rng!r}, expected a numpy.random.Generator; pass numpy.random.default_rng(seed).")
    return rng


def one_of(maker: str, name: str, value: object, names: tuple[str, ...]) -> str:
    """`value` itself; DataError unless it is one of `names`."""
    if not isinstance(value, str) or value not in names:
        raise DataError(f"{maker}: got {name}={value!r}, expected one of {', '.join(names)}; change {name}.")
    return value
