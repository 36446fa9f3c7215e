"""Arrays and weights of tinyconv as the others have them, channels first."""

from __future__ import annotations

import numpy as np

from tinyconv.engine import Array


def channels_first(x: Array) -> Array:
    """A copy of (N, *size, C) as (N, C, *size)."""
    return np.array(np.moveaxis(x, -1, 1), order="C")


def out_in_kernel(weight: Array) -> Array:
    """A copy of a weight (*kernel, in, out) as (out, in, *kernel), of (in, out) as (out, in), and of others as they are."""
    return np.array(np.moveaxis(weight, (-1, -2), (0, 1)) if weight.ndim > 1 else weight, order="C")
