"""First values of weights."""

from __future__ import annotations

import math

import numpy as np

from tinyconv.engine import Array


def he_normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Normal values of variance 2 / fan_in, which keep the variance through a ReLU; float32.

    The last axis of `shape` is the output, all others are the fan-in. Source: He et al. 2015.
    """
    fan_in = math.prod(shape[:-1])
    return (rng.standard_normal(shape) * math.sqrt(2 / fan_in)).astype(np.float32)
