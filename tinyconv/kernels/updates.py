"""A step of an optimizer in one pass, compiled by Numba: parameter, gradient and moments are read once, the moments and the new
value written once, where NumPy makes a pass for each operation.

The formulas are those of `tinyconv/optim`, where NumPy does small parameters. Each element is a task of its own, so how they are
shared out among threads changes no bit. Numbers come as scalars of the arrays' dtype: one in float64 would widen all the others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from tinyconv.kernels.compiled import kernel
from tinyconv.kernels.plain import plain

Array = NDArray[Any]


def sgd(p: Array, g: Array, v: Array, lr: float, momentum: float, decay: float, nesterov: bool) -> Array:
    """The new value of `p` after a step of gradient descent; the velocity `v` is moved on in place.

    Parameters
    ----------
    p, g, v : float32 or float64 arrays of one shape
        Parameter, gradient and velocity; v is C-contiguous. Without momentum it is neither read nor written.
    decay : float
        g + decay * p counts as the gradient.
    """
    new = np.empty(p.shape, p.dtype)
    if momentum:
        ahead = momentum if nesterov else 0.0
        _roll(*_flat(p, g), v.reshape(-1), new.reshape(-1), *_scalars(p, lr, momentum, ahead, decay))
    else:
        _descend(*_flat(p, g), new.reshape(-1), *_scalars(p, lr, decay))
    return new


def adam(p: Array, g: Array, m: Array, v: Array, rate: float, root: float, betas: tuple[float, float], eps: float,
         decay: float, shrink: float) -> Array:
    """The new value of `p` after a step of Adam; the means `m` and `v` of g and of its square are moved on in place.

    Parameters
    ----------
    p, g, m, v : float32 or float64 arrays of one shape
        m and v are C-contiguous.
    rate, root : float
        lr / (1 - beta1^t) and sqrt(1 - beta2^t): the step is rate * m / (sqrt(v) / root + eps).
    decay, shrink : float
        g + decay * p counts as the gradient (Adam); shrink * p is subtracted besides (AdamW).
    """
    new = np.empty(p.shape, p.dtype)
    numbers = _scalars(p, rate, 1 / root, 1 - betas[0], 1 - betas[1], eps, decay, shrink)
    _adapt(*_flat(p, g), m.reshape(-1), v.reshape(-1), new.reshape(-1), *numbers)
    return new


def _flat(*arrays: Array) -> list[Array]:
    return [plain(array).reshape(-1) for array in arrays]


def _scalars(p: Array, *numbers: float) -> list[Any]:
    return [p.dtype.type(number) for number in numbers]


@kernel
def _descend(p: Array, g: Array, new: Array, lr: float, decay: float) -> None:
    for i in prange(len(p)):
        new[i] = p[i] - lr * (g[i] + decay * p[i])


@kernel
def _roll(p: Array, g: Array, v: Array, new: Array, lr: float, momentum: float, ahead: float, decay: float) -> None:
    for i in prange(len(p)):
        slope = g[i] + decay * p[i]
        velocity = momentum * v[i] + slope
        v[i] = velocity
        new[i] = p[i] - lr * (slope + ahead * velocity if ahead != 0 else velocity)


@kernel
def _adapt(p: Array, g: Array, m: Array, v: Array, new: Array, rate: float, unroot: float, first: float, second: float,
           eps: float, decay: float, shrink: float) -> None:
    for i in prange(len(p)):
        slope = g[i] + decay * p[i]
        mean = m[i] + first * (slope - m[i])
        square = v[i] + second * (slope * slope - v[i])
        m[i], v[i] = mean, square
        new[i] = p[i] - (rate * mean / (math.sqrt(square) * unroot + eps) + shrink * p[i])
