"""Random inputs that stay where an op is smooth: each function returns a maker, which draws from a generator."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinyconv.engine import Array

Maker = Callable[[np.random.Generator], Array]


def normal(*shape: int) -> Maker:
    """Standard normal values."""
    return lambda rng: rng.standard_normal(shape)


def positive(*shape: int) -> Maker:
    """Values from 0.5 to 2: for logarithms, roots and divisors."""
    return lambda rng: rng.uniform(0.5, 2, shape)


def probability(*shape: int) -> Maker:
    """Values from 0.1 to 0.9."""
    return lambda rng: rng.uniform(0.1, 0.9, shape)


def nonzero(*shape: int) -> Maker:
    """Values of both signs, at least 0.3 away from 0: for divisors and for a kink at 0."""
    return lambda rng: rng.choice([-1.0, 1.0], shape) * rng.uniform(0.3, 1.5, shape)


def distinct(*shape: int, start: float = 0.0) -> Maker:
    """Multiples of 0.1, shuffled, no two equal, moved by `start`: for functions that choose the largest."""
    size = math.prod(shape)
    return lambda rng: (rng.permutation(size).reshape(shape) - size // 2) * 0.1 + start
