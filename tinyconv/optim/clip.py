"""Gradient clipping: a single wild batch must not throw the weights away."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tinyconv.engine import Array, Parameter
from tinyconv.errors import GradientError
from tinyconv.kernels.scalars import is_real


def clip_grad_norm(parameters: Iterable[Parameter], max_norm: float) -> float:
    """Shorten all gradients together, seen as one vector, to the Euclidean length `max_norm` if they are longer.

    Parameters without a gradient do not count. A norm that is not finite is returned and clips nothing, since no
    scaling makes such gradients finite.

    Returns
    -------
    float
        The norm before clipping

    Raises
    ------
    GradientError
        `max_norm` is not a positive number.

    Source: Pascanu, Mikolov & Bengio 2013, algorithm 1.
    """
    if not is_real(max_norm) or not max_norm > 0:
        raise GradientError(f"clip_grad_norm: max_norm is {max_norm!r}, expected a positive number.")
    gradients = _gradients(parameters)
    norm = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients.values()))
    if max_norm < norm < math.inf:
        for p, g in gradients.items():
            p.grad = g * float(max_norm / norm)
    return norm


def clip_grad_value(parameters: Iterable[Parameter], max_value: float) -> None:
    """Cut every number of every gradient to [-max_value, max_value]; NaN stays NaN.

    Raises
    ------
    GradientError
        `max_value` is not a positive number.
    """
    if not is_real(max_value) or not max_value > 0:
        raise GradientError(f"clip_grad_value: max_value is {max_value!r}, expected a positive number.")
    for p, g in _gradients(parameters).items():
        p.grad = np.clip(g, -float(max_value), float(max_value))


def _gradients(parameters: Iterable[Parameter]) -> dict[Parameter, Array]:
    """The gradients that are there, each parameter once, though towers share it."""
    return {p: p.grad for p in parameters if p.grad is not None}
