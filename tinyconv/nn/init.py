"""First values of weights."""

from __future__ import annotations

import math

import numpy as np

from tinyconv.data.arguments import check_generator
from tinyconv.engine import Array


def he_normal(shape: tuple[int, ...], rng: np.random.Generator, fan_in: float | None = None) -> Array:
    """Normal values of variance 2 / fan_in, which keep the variance through a ReLU; float32.

    The last axis of `shape` is the output, all others are the fan-in, unless `fan_in` gives the number of summands of
    one output. Source: He et al. 2015.
    """
    summands = math.prod(shape[:-1]) if fan_in is None else fan_in
    return (check_generator(rng, "initialization").standard_normal(shape) * math.sqrt(2 / summands)).astype(np.float32)


def xavier_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Uniform values of variance 2 / (fan_in + fan_out), for tanh and sigmoid; float32.

    The last axis of `shape` is the output and the one before it the input, the others are the kernel, which counts for both.
    Source: Glorot & Bengio 2010.
    """
    fans = math.prod(shape[:-2]) * sum(shape[-2:])
    limit = math.sqrt(6 / fans)
    return check_generator(rng, "initialization").uniform(-limit, limit, shape).astype(np.float32)
